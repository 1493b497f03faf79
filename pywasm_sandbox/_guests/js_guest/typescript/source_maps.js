// Positions of compiled code in its source: one source map a file, decoded when first asked for.

import { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping';

const maps = new Map();

// `map`: the source map's JSON. Replaces the one that the file has.
export function registerSourceMap(filename, map) {
  maps.set(filename, map);
}

// Where this position (1-based line and column) of a compiled file is in its source; unchanged for a file without
// a map, or for code that the compiler made up.
export function originalPosition(filename, line, column) {
  let map = maps.get(filename);
  if (map === undefined) return { line, column };
  if (typeof map === 'string') {
    map = new TraceMap(map);
    maps.set(filename, map);
  }
  const found = originalPositionFor(map, { line, column: column - 1 });
  if (found.line === null) return { line, column };
  return { line: found.line, column: found.column + 1 };
}
