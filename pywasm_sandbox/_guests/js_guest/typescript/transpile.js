// Files in TypeScript or with JSX, for the module loader: the host compiles them.

import { setCompiler } from '../node/modules.js';
import { call } from '../repl/wire.js';
import { registerSourceMap } from './source_maps.js';

// The JavaScript of a file. Throws what is wrong with it.
function transpile(source, filename) {
  const { code, source_map: map, error } = call('transpile', { source, filename });
  if (error === null) {
    registerSourceMap(filename, map);
    return code;
  }
  const thrown = new (error.name === 'SyntaxError' ? SyntaxError : RangeError)(error.message);
  const place = error.line === null ? filename : `${filename}:${error.line}:${error.column}`;
  Object.defineProperty(thrown, 'stack', {
    value: `${thrown.name}: ${error.message}\n    at ${place}`,
    writable: true,
    configurable: true,
  });
  throw thrown;
}

for (const extension of ['.ts', '.mts', '.cts', '.tsx', '.jsx']) setCompiler(extension, transpile);
