// Files in TypeScript or with JSX, for the module loader: the host compiles them.

import { call } from '../repl/wire.js';
import { registerSourceMap } from './source_maps.js';

const COMPILED = /\.(?:[cm]?ts|[jt]sx)$/;

export const isCompiled = (filename) => COMPILED.test(filename);

// The JavaScript of a file. Throws what is wrong with it.
export function transpile(source, filename) {
  const { code, source_map: map, error } = call('transpile', { source, filename });
  if (error === null) {
    registerSourceMap(filename, map);
    return code;
  }
  const thrown = new (error.name === 'SyntaxError' ? SyntaxError : RangeError)(error.message);
  const shown = error.frame.length ? `${error.frame.join('\n')}\n\n` : '';
  Object.defineProperty(thrown, 'stack', {
    value: `${shown}${thrown.name}: ${error.message}`,
    writable: true,
    configurable: true,
  });
  throw thrown;
}
