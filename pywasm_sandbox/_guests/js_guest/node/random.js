// Random values of node:crypto, from the host.

import native from 'pywasm:native';
import { viewOf } from '../crypto/bytes.js';
import { Buffer } from './buffer.js';
import { invalidArgument, outOfRange } from './errors.js';

function viewed(buffer) {
  const view = viewOf(buffer);
  if (view === undefined) throw invalidArgument('buf', 'an instance of ArrayBuffer, Buffer, TypedArray, or DataView', buffer);
  return view;
}

export function randomBytes(size, callback) {
  if (typeof size !== 'number') throw invalidArgument('size', 'of type number', size);
  if (!(size >= 0 && size <= 0x7fffffff)) throw outOfRange('size', '>= 0 && <= 2147483647', size);
  const bytes = Buffer.alloc(size);
  native.fillRandom(bytes);
  if (callback === undefined) return bytes;
  setImmediate(callback, null, bytes);
  return undefined;
}

export function randomFillSync(buffer, offset = 0, size = undefined) {
  const bytes = viewed(buffer);
  native.fillRandom(bytes.subarray(offset, size === undefined ? undefined : offset + size));
  return buffer;
}

export function randomFill(buffer, ...rest) {
  const callback = rest.pop();
  setImmediate(callback, null, randomFillSync(buffer, ...rest));
}

const LIMIT = 2 ** 48;

// Evenly: what lies beyond the last multiple of the range is drawn again.
export function randomInt(first, second, callback) {
  const hasMinimum = typeof second === 'number';
  const [low, high] = hasMinimum ? [first, second] : [0, first];
  const done = hasMinimum ? callback : second;
  if (!Number.isSafeInteger(low)) throw invalidArgument('min', 'a safe integer', low);
  if (!Number.isSafeInteger(high)) throw invalidArgument('max', 'a safe integer', high);
  if (high <= low) throw outOfRange('max', `greater than the value of "min" (${low})`, high);
  const span = high - low;
  if (span > LIMIT) throw outOfRange('max - min', `<= ${LIMIT - 1}`, span);
  let drawn;
  do drawn = randomBytes(6).readUIntBE(0, 6);
  while (drawn >= LIMIT - (LIMIT % span));
  const result = low + (drawn % span);
  if (typeof done !== 'function') return result;
  setImmediate(done, null, result);
  return undefined;
}
