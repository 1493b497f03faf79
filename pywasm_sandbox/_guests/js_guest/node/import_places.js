// Where a module, or a cell, imports what can't be had: the engine knows it no more when it says so.

import { sourceOf } from '../repl/errors.js';

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const isComment = (line) => /^\s*(?:\/\/|\*|\/\*)/.test(line);

// The place in `source`, [line, column] from 1, of a name that is imported from `specifier`, or where that is
// imported at all; null if it is not found. A text in any of the languages: it is searched, not parsed.
export function placeOfImport(source, specifier, name) {
  const pattern = new RegExp(`\\b(?:from|import)\\s*\\(?\\s*(['"\`])${escape(specifier)}\\1`, 'g');
  for (let found = pattern.exec(source); found !== null; found = pattern.exec(source)) {
    let at = found.index + found[0].indexOf(found[1]);
    if (name !== undefined) {
      const statement = source.slice(0, found.index);
      const start = Math.max(statement.lastIndexOf('import'), statement.lastIndexOf('export'));
      const within = start < 0 ? -1 : statement.slice(start).search(new RegExp(`(?<![\\w$])${escape(name)}(?![\\w$])`));
      if (within >= 0) at = start + within;
    }
    const before = source.slice(0, at).split('\n');
    if (!isComment(before.at(-1))) return [before.length, before.at(-1).length + 1];
  }
  return null;
}

// An error of the engine's: its hidden property says what was imported where.
export function locateRequest(error) {
  if (!(error instanceof SyntaxError) || !Object.hasOwn(error, 'request')) return;
  const [referrer, specifier, name] = error.request;
  delete error.request;
  atImport(error, referrer, specifier, name);
}

// Puts the place of an import in `referrer`, a file or a cell, into the error's stack.
export function atImport(error, referrer, specifier, name) {
  const source = sourceOf(referrer);
  const place = source === null ? null : placeOfImport(source, specifier, name);
  if (place === null) return error;
  const [head] = String(error.stack).split(/\n {4}at /);
  Object.defineProperty(error, 'stack', {
    value: `${head.trimEnd()}\n    at ${referrer}:${place.join(':')}`,
    writable: true,
    configurable: true,
  });
  return error;
}
