// From a cell's source to the script that the engine runs.

import native from 'pywasm:native';
import { rewriteModuleSyntax } from './module_syntax.js';

const AWAITS = 1;
const IS_CELL = 2;

const OBJECT_LIKE = /^\s*\{/;
const ENDS_STATEMENT = /;\s*$/;
const MODULE_WORDS = /\b(?:import|export)\b/;

// Evaluates it: a promise of `{value}`. Throws a SyntaxError.
export function evaluate(source, filename) {
  // As in Node's REPL, `{a: 1}` is an object where it can be one.
  if (OBJECT_LIKE.test(source) && !ENDS_STATEMENT.test(source)) {
    const wrapped = `(${source}\n)`;
    if (native.compiles(wrapped, AWAITS)) return native.evaluate(wrapped, filename, AWAITS | IS_CELL);
  }
  const code = MODULE_WORDS.test(source) ? rewriteModuleSyntax(source) : source;
  return native.evaluate(code, filename, AWAITS | IS_CELL);
}
