// Bytes, as the parts of both crypto interfaces take them.

export const EMPTY = new Uint8Array(0);

// The bytes of a view or a buffer, not copied; undefined for anything else.
export function viewOf(data) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return undefined;
}

export function concat(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// In a time that doesn't tell where they differ.
export function areEqual(one, other) {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= one[index] ^ other[index];
  return difference === 0;
}

export const toBase64Url = (bytes) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true });

// Throws a SyntaxError.
export const fromBase64Url = (text) => Uint8Array.fromBase64(text, { alphabet: 'base64url' });
