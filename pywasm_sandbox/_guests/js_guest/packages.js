// What the guest's modules use of npm packages; build/recipes/js_prelude.py bundles this into one module.

export { inspect, format, formatWithOptions, stripVTControlCharacters } from 'node-inspect-extracted';
export { parse } from 'acorn';
export { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping';
