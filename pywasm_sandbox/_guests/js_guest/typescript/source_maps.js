// Positions of compiled code in its source. A file that was compiled has a source map, decoded when first asked for;
// from the first one on, stacks show the places of the source.

import { TraceMap, originalPositionFor } from '../packages.js';

const maps = new Map();

// `map`: the source map as JSON, null for a file whose positions are its source's. Replaces the one it had.
export function registerSourceMap(filename, map) {
  if (map === null) {
    maps.delete(filename);
    return;
  }
  maps.set(filename, map);
  // By assignment: the engine's property is an accessor.
  Error.prepareStackTrace ??= prepareStackTrace;
}

// Where this position (line and column from 1) of a compiled file is in its source; unchanged for other files, and
// for what the compiler made up.
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

function placeOf(site) {
  const filename = site.getFileName();
  if (site.isNative() || !filename) return '<anonymous>';
  const { line, column } = originalPosition(filename, site.getLineNumber(), site.getColumnNumber());
  return `${filename}:${line}:${column}`;
}

// As the engine writes stacks itself.
function prepareStackTrace(error, sites) {
  const { name = 'Error', message = '' } = error;
  const frames = sites.map((site) => {
    const caller = site.getFunctionName();
    return caller && caller !== '<eval>' ? `    at ${caller} (${placeOf(site)})` : `    at ${placeOf(site)}`;
  });
  const header = name && message ? `${name}: ${message}` : `${name}${message}`;
  return [header, ...frames].join('\n');
}
