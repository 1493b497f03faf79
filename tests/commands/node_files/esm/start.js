import one from '@scope/one'; import dual from 'dual'; console.log(one, dual, import.meta.url.slice(-11));
