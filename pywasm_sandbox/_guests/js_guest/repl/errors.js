// What the user is told about an error that ended a cell.

import { locateRequest } from '../node/import_places.js';
import { readText } from '../node/resolve.js';
import { inspect } from '../packages.js';
import { SafeMap } from './primordials.js';

const OWN_FRAME = /^ +at (?:.*\()?(?:\/usr\/lib\/pywasm-js\/|pywasm:)/;
const FRAME = /^ +at /;
const FRAME_WIDTH = 200;

const isError = (value) => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

// The first place in a stack that is in this cell: [line, column].
function placeIn(stack, filename) {
  const found = new RegExp(`${escape(filename)}:(\\d+):(\\d+)`).exec(stack);
  return found === null ? null : [Number(found[1]), Number(found[2])];
}

const MAX_SOURCES = 100;
const sources = new SafeMap(); // of the last cells, by their names

export function rememberSource(filename, source) {
  sources.delete(filename);
  sources.set(filename, source);
  if (sources.size > MAX_SOURCES) sources.delete(sources.first()[0]);
}

// The text of a cell or a file, null for what is neither.
export const sourceOf = (name) => sources.get(name) ?? (name.startsWith('/') ? readText(name) : null);

const PLACE = /^ +at (?:.*\()?(\/[^:()]+|<cell [^>]+>|\[(?:eval|stdin)\]):(\d+):(\d+)\)?$/m;

// The line that it happened in, of this cell or of a file, with a mark below it.
function codeFrame(stack) {
  const found = PLACE.exec(stack);
  if (found === null) return [];
  const [, file, line, column] = found;
  const text = sourceOf(file)?.split('\n')[line - 1];
  if (text === undefined || text.trim() === '' || column > FRAME_WIDTH) return [];
  const pad = text.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return [`${file}:${line}`, text.slice(0, FRAME_WIDTH), `${pad}^`, ''];
}

const clean = (text) =>
  text
    .split('\n')
    .filter((line) => !OWN_FRAME.test(line))
    .join('\n');

// `inspect` looks whether the stack has the error's name, and here the frame of its constructor has it.
const named = (text, { name }) => (typeof name === 'string' ? text.replace(/^(\[?)Error(?=[:\n])/, `$1${name.replaceAll('$', '$$$$')}`) : text);

// The fields of an error event. An error may be hostile: its properties may throw.
export function describe(error, filename) {
  try {
    return describeError(error, filename);
  } catch {
    return describePlainly(error);
  }
}

// Calls no method: those that `inspect` and the code frame need may be broken.
function describePlainly(error) {
  try {
    const isObject = typeof error === 'object' && error !== null;
    const name = isObject ? '' + (error.name ?? 'Error') : 'Error';
    const message = '' + (isObject ? (error.message ?? '') : error);
    return { name, message, traceback: [name + ': ' + message], line_number: null };
  } catch {
    return { name: 'Error', message: 'the error cannot be described', traceback: [], line_number: null };
  }
}

function describeError(error, filename) {
  if (!isError(error)) {
    const text = inspect(error);
    return {
      name: 'Error',
      message: typeof error === 'string' ? error : text,
      traceback: [`Uncaught ${text}`],
      line_number: null,
    };
  }
  locateRequest(error);
  const stack = String(error.stack ?? '');
  const place = placeIn(stack, filename);
  const shown = named(clean(inspect(error)), error).split('\n');
  return {
    name: String(error.name ?? error.constructor?.name ?? 'Error'),
    message: String(error.message ?? ''),
    traceback: [...codeFrame(stack), ...shown],
    line_number: place === null ? null : place[0],
  };
}

// The fields of the event for what stopped a cell, and where it was, if the engine's own error tells.
export function describeStop(name, message, error, filename) {
  const said = name + ': ' + message;
  try {
    const stack = String(error.stack);
    const place = placeIn(stack, filename);
    const frames = clean(stack).split('\n');
    return {
      name,
      message,
      traceback: [...codeFrame(stack), said, ...frames.filter((line) => FRAME.test(line))],
      line_number: place === null ? null : place[0],
    };
  } catch {
    return { name, message, traceback: [said], line_number: null };
  }
}

// ---- programs

const NO_REASON_HANDLED =
  'This error originated either by throwing inside of an async function without a catch block, or by rejecting a ' +
  'promise which was not handled with .catch(). The promise rejected with the reason ';

// What Node prints of an error that ends a program.
export function describeFatal(error, isRejection) {
  try {
    if (isError(error)) return describeError(error, '').traceback.join('\n').replace(/^\[([^\n]*(?:\n- [^\n]*)*)\](?= \{|$)/, '$1');
    const text = inspect(error);
    if (isRejection) return `[UnhandledPromiseRejection: ${NO_REASON_HANDLED}"${typeof error === 'string' ? error : text}".] {\n  code: 'ERR_UNHANDLED_REJECTION'\n}`;
    return `Uncaught:\n${text}\n(Use \`node --trace-uncaught ...\` to show where the exception was thrown)`;
  } catch {
    return describePlainly(error).traceback.join('\n');
  }
}
