// The URL Standard, from its reference implementation; shown as Node shows it.

import { URL, URLSearchParams } from 'whatwg-url';
import { defineGlobals, inspectCustom, showProperties } from './define.js';

showProperties(URL, [
  'href',
  'origin',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'searchParams',
  'hash',
]);

Object.defineProperty(URLSearchParams.prototype, inspectCustom, {
  value(depth, options, inspect) {
    if (depth < 0) return '[URLSearchParams]';
    const shown = [...this].map(([name, value]) => `${inspect(name, options)} => ${inspect(value, options)}`);
    return shown.length ? `URLSearchParams { ${shown.join(', ')} }` : 'URLSearchParams {}';
  },
  writable: true,
  enumerable: false,
  configurable: true,
});

const objects = new Map();
let lastObject = 0;

Object.defineProperties(URL, {
  createObjectURL: {
    value: function createObjectURL(blob) {
      if (!(blob instanceof Blob)) throw new TypeError('createObjectURL takes a Blob');
      const url = `blob:nodedata:${crypto.randomUUID?.() ?? ++lastObject}`;
      objects.set(url, blob);
      return url;
    },
    writable: true,
    configurable: true,
  },
  revokeObjectURL: {
    value: function revokeObjectURL(url) {
      objects.delete(String(url));
    },
    writable: true,
    configurable: true,
  },
});

// The Blob that a blob: URL of this context names.
export const objectOf = (url) => objects.get(url);

defineGlobals({ URL, URLSearchParams });
