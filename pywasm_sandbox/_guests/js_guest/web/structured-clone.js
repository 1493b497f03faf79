// structuredClone, from core-js, which also sets what it lacks on DOMException.

import 'core-js/web/structured-clone';
