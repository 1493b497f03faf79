// Events for the host.

import native from 'pywasm:native';

const DISPLAY = 1;
const ERROR = 2;
const CLEAR = 3;
const DONE = 4;

const stringify = JSON.stringify; // the user may replace it
const send = (kind, event) => native.emit(kind, stringify(event));

// `data`: MIME type to data; `options`: main, display_id, update.
export const emitDisplay = (data, metadata = {}, options = {}) => send(DISPLAY, { data, metadata, ...options });

// A number, boolean or the like as a cell's last value: the text needs no escapes.
export function emitSimple(text) {
  native.emit(DISPLAY, `{"data":{"text/plain":"${text}"},"metadata":{},"main":true}`);
}

export const emitError = (error) => send(ERROR, error);
export const emitClear = (wait) => send(CLEAR, { wait });
export function emitDone(status, exitCode = null) {
  native.emit(DONE, `{"status":"${status}","exit_code":${exitCode}}`);
}

// A call of the host: its value. Throws what the host answers with.
export function call(op, args = {}) {
  const answer = native.request(stringify({ op, ...args }));
  if (answer === undefined) throw new Error(`${op} was interrupted`);
  const { value, error, message, ...fields } = JSON.parse(answer);
  if (error !== undefined) throw Object.assign(new Error(message), { name: error, ...fields });
  return value;
}
