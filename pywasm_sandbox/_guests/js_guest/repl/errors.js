// What the user is told about an error that ended a cell.

import { inspect } from '../packages.js';

const OWN_FRAME = /^ +at (?:.*\()?(?:\/usr\/lib\/pywasm-js\/|pywasm:)/;
const FRAME_WIDTH = 200;

const isError = (value) => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

// The first place in a stack that is in this cell: [line, column].
function placeIn(stack, filename) {
  const found = new RegExp(`${escape(filename)}:(\\d+):(\\d+)`).exec(stack);
  return found === null ? null : [Number(found[1]), Number(found[2])];
}

function codeFrame(source, filename, [line, column]) {
  const text = source.split('\n')[line - 1];
  if (text === undefined || column > FRAME_WIDTH) return [];
  const pad = text.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return [`${filename}:${line}`, text.slice(0, FRAME_WIDTH), `${pad}^`, ''];
}

const clean = (text) =>
  text
    .split('\n')
    .filter((line) => !OWN_FRAME.test(line))
    .join('\n');

export function describe(error, source, filename) {
  if (!isError(error)) {
    const text = inspect(error);
    return {
      name: 'Error',
      message: typeof error === 'string' ? error : text,
      traceback: [`Uncaught ${text}`],
      line_number: null,
    };
  }
  const stack = String(error.stack ?? '');
  const place = placeIn(stack, filename);
  const shown = clean(inspect(error)).split('\n');
  return {
    name: String(error.name ?? error.constructor?.name ?? 'Error'),
    message: String(error.message ?? ''),
    traceback: [...(place === null ? [] : codeFrame(source, filename, place)), ...shown],
    line_number: place === null ? null : place[0],
  };
}
