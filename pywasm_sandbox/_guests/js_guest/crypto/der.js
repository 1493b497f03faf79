// The little of ASN.1 that keys and signatures are written in: elements with a tag of one byte.

import { concat } from './bytes.js';

export const INTEGER = 0x02;
const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OBJECT_ID = 0x06;
export const SEQUENCE = 0x30;
export const context = (number) => 0xa0 + number;

function lengthOf(size) {
  if (size < 0x80) return Uint8Array.of(size);
  const digits = size.toString(16);
  const bytes = Uint8Array.fromHex(digits.length % 2 ? `0${digits}` : digits);
  return concat([Uint8Array.of(0x80 + bytes.length), bytes]);
}

export function encode(tag, ...contents) {
  const content = concat(contents);
  return concat([Uint8Array.of(tag), lengthOf(content.length), content]);
}

export const encodeBits = (bytes) => encode(BIT_STRING, Uint8Array.of(0), bytes);

// The elements in `bytes`: [{ tag, content }]. Throws a RangeError for what is none.
export function decode(bytes) {
  const elements = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at];
    let size = bytes[at + 1];
    let start = at + 2;
    if (size > 0x80) {
      const count = size - 0x80;
      if (count > 3) throw new RangeError('an element of that size is not read');
      size = 0;
      for (let index = 0; index < count; index++) size = size * 256 + bytes[start + index];
      start += count;
    }
    if (!(start + size <= bytes.length)) throw new RangeError('an element ends too early');
    elements.push({ tag, content: bytes.slice(start, start + size) });
    at = start + size;
  }
  return elements;
}

// The contents of the one sequence in `bytes`.
export function decodeSequence(bytes) {
  const [element, ...rest] = decode(bytes);
  if (element?.tag !== SEQUENCE || rest.length > 0) throw new RangeError('it is not one sequence');
  return decode(element.content);
}
