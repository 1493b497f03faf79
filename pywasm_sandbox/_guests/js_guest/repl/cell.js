// From a cell's source to the script that the engine runs.

import native from 'pywasm:native';
import { rewriteModuleSyntax } from './module_syntax.js';
import { execute } from './primordials.js';

const AWAITS = 1;
const IS_CELL = 2;
const WRAPPED = 4; // its first line is none of the user's

const OBJECT_LIKE = /^\s*\{/;
const ENDS_STATEMENT = /;\s*$/;
const MODULE_WORDS = /\b(?:import|export)\b/;

const matches = (pattern, text) => execute(pattern, text) !== null;

// Evaluates it: a promise of `{value}`. Throws a SyntaxError.
export function evaluate(source, filename) {
  // As in Node's REPL, `{a: 1}` is an object where it can be one.
  if (matches(OBJECT_LIKE, source) && !matches(ENDS_STATEMENT, source)) {
    const wrapped = '(\n' + source + '\n)';
    if (native.compiles(wrapped, AWAITS)) return native.evaluate(wrapped, filename, AWAITS | IS_CELL | WRAPPED);
  }
  const code = matches(MODULE_WORDS, source) ? rewriteModuleSyntax(source) : source;
  return native.evaluate(code, filename, AWAITS | IS_CELL);
}
