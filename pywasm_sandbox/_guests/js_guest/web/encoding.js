// TextEncoder, TextDecoder and their streams, with all encodings of the Encoding Standard.

import { TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream } from '@exodus/bytes/encoding.js';
import { decodeUtf8, encodeUtf8 } from '../host.js';
import { defineGlobals } from './define.js';

// The engine's own conversion is a hundred times faster than one in JavaScript, for what it can do: UTF-8 in one go.

const encode = TextEncoder.prototype.encode;
TextEncoder.prototype.encode = function (text = '') {
  if (!(this instanceof TextEncoder)) return encode.call(this, text);
  return encodeUtf8(`${text}`);
};

const decode = TextDecoder.prototype.decode;
const streaming = new WeakSet();
const hasMark = (bytes) => bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

function bytesOf(input) {
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  return input instanceof ArrayBuffer ? new Uint8Array(input) : null;
}

TextDecoder.prototype.decode = function (input, options) {
  const bytes = bytesOf(input);
  if (bytes === null || options?.stream || streaming.has(this) || this.encoding !== 'utf-8') {
    if (options?.stream) streaming.add(this);
    else streaming.delete(this);
    return decode.call(this, input, options);
  }
  const text = decodeUtf8(bytes, this.ignoreBOM || !hasMark(bytes) ? 0 : 3, this.fatal);
  // Undefined: not valid, and the other one says so.
  return text === undefined ? decode.call(this, input, options) : text;
};
for (const [type, name] of [
  [TextEncoder, 'encode'],
  [TextDecoder, 'decode'],
]) {
  Object.defineProperty(type.prototype[name], 'name', { value: name });
}

defineGlobals({ TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream });
