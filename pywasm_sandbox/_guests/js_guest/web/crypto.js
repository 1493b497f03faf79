// Web Crypto: random values and digests from the host. Keys, signatures and ciphers are not there.

import { digest, randomFill } from '../host.js';
import { defineGlobals } from './define.js';

const QUOTA = 65536;
const digests = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };
const integerArrays = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
];

function bytesOf(data) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError('The data is neither an ArrayBuffer nor a view of one');
}

const missing = (name) =>
  async function () {
    throw new DOMException(
      `crypto.subtle.${name} is not available in this sandbox; it has digest, and node:crypto createHmac`,
      'NotSupportedError',
    );
  };

class SubtleCrypto {
  async digest(algorithm, data) {
    const name = String(typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm).toUpperCase();
    const hash = digests[name];
    if (!hash) throw new DOMException(`Unrecognized algorithm name ${name}`, 'NotSupportedError');
    return digest(hash, bytesOf(data)).buffer;
  }

  get [Symbol.toStringTag]() {
    return 'SubtleCrypto';
  }
}
for (const name of [
  'encrypt',
  'decrypt',
  'sign',
  'verify',
  'generateKey',
  'deriveKey',
  'deriveBits',
  'importKey',
  'exportKey',
  'wrapKey',
  'unwrapKey',
]) {
  Object.defineProperty(SubtleCrypto.prototype, name, { value: missing(name), writable: true, configurable: true });
}

const hex = (bytes) => bytes.toHex();

class Crypto {
  #subtle = new SubtleCrypto();

  get subtle() {
    return this.#subtle;
  }

  getRandomValues(array) {
    if (!integerArrays.some((type) => array instanceof type)) {
      throw new DOMException('getRandomValues takes an integer typed array', 'TypeMismatchError');
    }
    if (array.byteLength > QUOTA) {
      throw new DOMException(
        `The requested length exceeds ${QUOTA} bytes`,
        'QuotaExceededError',
      );
    }
    randomFill(bytesOf(array));
    return array;
  }

  randomUUID() {
    const bytes = randomFill(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const text = hex(bytes);
    return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
  }

  get [Symbol.toStringTag]() {
    return 'Crypto';
  }
}

defineGlobals({ crypto: new Crypto(), Crypto, SubtleCrypto });
