// The methods of Number and BigInt, with the formats kept.

import { remembering } from './kept.js';

const formatOf = remembering((locales, options) => new Intl.NumberFormat(locales, options));

for (const type of [Number, BigInt]) {
  Object.defineProperty(type.prototype, 'toLocaleString', {
    value: function toLocaleString(locales, options) {
      return formatOf(locales, options).format(type.prototype.valueOf.call(this));
    },
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

// The first use makes what shall be in the image.
(1.5).toLocaleString();
(1.5).toLocaleString('en-US', { style: 'currency', currency: 'USD' });
