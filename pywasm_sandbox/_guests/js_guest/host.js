// What the guest asks of its host.

const native = globalThis.__host;

// A call of the host: `{ value }`, or `{ error, message, … }`.
export function request(message) {
  const answer = native.request(JSON.stringify(message));
  if (answer === undefined) throw new Error(`${message.op} was interrupted`);
  return JSON.parse(answer);
}

// UTF-8: the bytes of a text; the text of bytes from `start` on, undefined if `isFatal` and they are not valid.
export const encodeUtf8 = (text) => native.encode(text);
export const decodeUtf8 = (bytes, start, isFatal) => native.decode(bytes, start, bytes.length, isFatal);

// Descriptors of connections. `receive` and `transmit` give a count, null for "not yet", or a negative errno.
export const { dontWait, receive, transmit, close } = native;
