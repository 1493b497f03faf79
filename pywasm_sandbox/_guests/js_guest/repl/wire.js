// Events for the host.

import native from 'pywasm:native';
import { ArrayPrototype, ErrorType, isArray, keys, ObjectPrototype, parse, stringify } from './primordials.js';

const DISPLAY = 1;
const ERROR = 2;
const CLEAR = 3;
const DONE = 4;

// A `toJSON` that the user gave to every object is no part of an event.
const isInherited = () => 'toJSON' in ObjectPrototype || 'toJSON' in ArrayPrototype;

function encode(value) {
  if (typeof value !== 'object' || value === null) return stringify(value) ?? 'null';
  const isList = isArray(value);
  const names = keys(value);
  let text = '';
  for (let i = 0; i < (isList ? value.length : names.length); i++) {
    const item = value[isList ? i : names[i]];
    if (!isList && item === undefined) continue;
    if (text !== '') text += ',';
    text += isList ? encode(item) : stringify(names[i]) + ':' + encode(item);
  }
  return isList ? '[' + text + ']' : '{' + text + '}';
}

const send = (kind, event) => native.emit(kind, isInherited() ? encode(event) : stringify(event));

// `data`: MIME type to data; `options`: main, display_id, update.
export const emitDisplay = (data, metadata = {}, options = {}) => send(DISPLAY, { data, metadata, ...options });

// A number, boolean or the like as a cell's last value: the text needs no escapes.
export function emitSimple(text) {
  native.emit(DISPLAY, '{"data":{"text/plain":"' + text + '"},"metadata":{},"main":true}');
}

export const emitError = (error) => send(ERROR, error);
export const emitClear = (wait) => send(CLEAR, { wait });
export function emitDone(status, exitCode = null) {
  native.emit(DONE, '{"status":"' + status + '","exit_code":' + exitCode + '}');
}

// A call of the host: its value. Throws what the host answers with.
export function call(op, args = {}) {
  const answer = native.request(stringify({ op, ...args }));
  if (answer === undefined) throw new ErrorType(op + ' was interrupted');
  const { value, error, message, ...fields } = parse(answer);
  if (error !== undefined) throw Object.assign(new Error(message), { name: error, ...fields });
  return value;
}
