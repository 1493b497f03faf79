globalThis.first = 'loaded first';
