// The global `console`.

import native from 'pywasm:native';
import { formatWithOptions, inspect } from '../packages.js';

export class Console {
  log(...args) {
    native.print(1, `${formatWithOptions({}, ...args)}\n`);
  }

  error(...args) {
    native.print(2, `${formatWithOptions({}, ...args)}\n`);
  }
}
