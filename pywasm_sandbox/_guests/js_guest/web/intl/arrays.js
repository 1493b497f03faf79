// Array.prototype.toLocaleString passes its arguments on, which the engine's does not.

function toLocaleString(...args) {
  return Array.from(this, (item) => (item == null ? '' : String(item.toLocaleString(...args)))).join(',');
}

for (const prototype of [Array.prototype, Object.getPrototypeOf(Uint8Array.prototype)]) {
  Object.defineProperty(prototype, 'toLocaleString', {
    value: toLocaleString,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}
