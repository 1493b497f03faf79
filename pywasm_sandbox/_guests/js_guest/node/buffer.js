// node:buffer: the package's, with the engine's own conversions where it has them, which are faster.

import native from 'pywasm:native';
import { buffer as packaged } from '../packages.js';
import { nameMethods } from './names.js';

export const { Buffer } = packaged;

const UTF8 = /^utf-?8$/i;
const BASE64URL = /^base64url$/i;

const asBuffer = (bytes) => Object.setPrototypeOf(bytes, Buffer.prototype);

// Node takes what is no base64 for the end, or skips it; the engine's own is strict.
const fromBase64Url = (text) => packagedFrom.call(Buffer, text.replaceAll('-', '+').replaceAll('_', '/'), 'base64');

const packagedFrom = Buffer.from;
const packagedByteLength = Buffer.byteLength;
const packagedToString = Buffer.prototype.toString;
const packagedIsEncoding = Buffer.isEncoding;
const packagedWrite = Buffer.prototype.write;
const packagedFill = Buffer.prototype.fill;

function from(value, encoding, length) {
  if (typeof value === 'string') {
    if (encoding === undefined || encoding === null || UTF8.test(encoding)) return asBuffer(native.encode(value));
    if (BASE64URL.test(encoding)) return fromBase64Url(value);
  }
  return packagedFrom.call(Buffer, value, encoding, length);
}

const range = (value, fallback, length) => {
  const number = value === undefined ? fallback : Math.trunc(Number(value)) || 0;
  return Math.min(Math.max(number, 0), length);
};

function toString(encoding, start, end) {
  if (encoding !== undefined && encoding !== null && !UTF8.test(encoding)) {
    if (/^hex$/i.test(encoding)) return this.subarray(range(start, 0, this.length), range(end, this.length, this.length)).toHex();
    if (/^base64$/i.test(encoding)) return this.subarray(range(start, 0, this.length), range(end, this.length, this.length)).toBase64();
    if (BASE64URL.test(encoding)) {
      const part = this.subarray(range(start, 0, this.length), range(end, this.length, this.length));
      return part.toBase64({ alphabet: 'base64url', omitPadding: true });
    }
    return packagedToString.call(this, encoding, start, end);
  }
  return native.decode(this, range(start, 0, this.length), range(end, this.length, this.length), false);
}

function byteLength(value, encoding) {
  if (typeof value === 'string' && (encoding === undefined || UTF8.test(encoding))) return native.encode(value).length;
  if (typeof value === 'string' && BASE64URL.test(encoding)) return fromBase64Url(value).length;
  return packagedByteLength.call(Buffer, value, encoding);
}

const replace = (target, name, value) =>
  Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });

replace(Buffer, 'from', from);
replace(Buffer, 'byteLength', byteLength);
replace(Buffer, 'isEncoding', (encoding) => BASE64URL.test(encoding) || packagedIsEncoding(encoding));
replace(Buffer.prototype, 'toString', toString);
replace(Buffer.prototype, 'toLocaleString', toString);
replace(Buffer.prototype, 'write', function write(text, offset, length, encoding) {
  const named = [offset, length, encoding].find((each) => typeof each === 'string');
  if (named === undefined || !BASE64URL.test(named)) return packagedWrite.call(this, text, offset, length, encoding);
  const bytes = fromBase64Url(text);
  const start = typeof offset === 'number' ? offset : 0;
  const count = Math.min(bytes.length, this.length - start, typeof length === 'number' ? length : Infinity);
  this.set(bytes.subarray(0, count), start);
  return count;
});
replace(Buffer.prototype, 'fill', function fill(value, offset, end, encoding) {
  const named = [offset, end, encoding].find((each) => typeof each === 'string');
  if (typeof value !== 'string' || named === undefined || !BASE64URL.test(named)) return packagedFill.call(this, value, offset, end, encoding);
  return packagedFill.call(this, fromBase64Url(value), ...[offset, end].filter((each) => typeof each === 'number'));
});
Object.defineProperty(Buffer, 'name', { value: 'Buffer' });
for (const kind of ['read', 'write']) {
  for (const order of ['LE', 'BE']) replace(Buffer.prototype, `${kind}BigUint64${order}`, Buffer.prototype[`${kind}BigUInt64${order}`]);
}
replace(Buffer, 'copyBytesFrom', function copyBytesFrom(view, offset = 0, length = view.length - offset) {
  const part = view.slice(offset, offset + length);
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
});
nameMethods(Buffer, Buffer.prototype);
delete Buffer.TYPED_ARRAY_SUPPORT; // by which packages know one that is not Node's

const SHOWN = 50;

replace(Buffer.prototype, Symbol.for('nodejs.util.inspect.custom'), function (depth, options, inspect) {
  const shown = this.subarray(0, SHOWN).toHex().replace(/(..)(?!$)/g, '$1 ');
  const more = this.length - SHOWN;
  const extra = more > 0 ? ` ... ${more} more byte${more > 1 ? 's' : ''}` : '';
  const own = Object.keys(this).filter((name) => !/^\d+$/.test(name));
  const rest = own.map((name) => `, ${name}: ${inspect(this[name], options)}`).join('');
  return `<${this.constructor?.name ?? 'Buffer'} ${shown}${extra}${rest}>`;
});

function isUtf8(bytes) {
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  return native.decode(view, 0, view.length, true) !== undefined;
}

export default {
  Blob: globalThis.Blob,
  Buffer,
  File: globalThis.File,
  INSPECT_MAX_BYTES: packaged.INSPECT_MAX_BYTES,
  SlowBuffer: packaged.SlowBuffer,
  atob: globalThis.atob,
  btoa: globalThis.btoa,
  constants: { MAX_LENGTH: packaged.kMaxLength, MAX_STRING_LENGTH: 0x3fffffff },
  isAscii: (bytes) => new Uint8Array(bytes.buffer ?? bytes).every((byte) => byte < 128),
  isUtf8,
  kMaxLength: packaged.kMaxLength,
  kStringMaxLength: 0x3fffffff,
  transcode: (source, from, to) => Buffer.from(Buffer.from(source).toString(from), to),
};
