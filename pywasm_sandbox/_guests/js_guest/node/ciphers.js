// createCipheriv and createDecipheriv: AES and ChaCha20-Poly1305.

import * as packages from '../packages.js';
import { areEqual, EMPTY } from '../crypto/bytes.js';
import { BlockMode, ChaChaMode, CipherFailure, CounterMode, GcmMode } from '../crypto/modes.js';
import { codedError, invalidArgument } from './errors.js';
import { bytesOf, describeByClass, inspectCustom, output } from './hashes.js';
import { secretOf } from './keys.js';

const { Transform } = packages.stream;
const { StringDecoder } = packages.stringDecoder;

const AES_BITS = [128, 192, 256];
// Sizes in bytes; `make(key, iv, isEncryption)`.
const MODES = {
  cbc: { blockSize: 16, ivSize: 16, make: (key, iv, isEncryption) => new BlockMode(key, iv, isEncryption), nids: [419, 423, 427] },
  ctr: { blockSize: 1, ivSize: 16, make: (key, iv) => new CounterMode(key, iv), nids: [904, 905, 906] },
  ecb: { blockSize: 16, ivSize: 0, make: (key, iv, isEncryption) => new BlockMode(key, null, isEncryption), nids: [418, 422, 426] },
  gcm: { blockSize: 1, ivSize: 12, hasTag: true, make: (key, iv, isEncryption) => new GcmMode(key, iv, isEncryption), nids: [895, 898, 901] },
};

const CIPHERS = {};
for (const [mode, { nids, ...properties }] of Object.entries(MODES)) {
  AES_BITS.forEach((bits, index) => {
    const known = mode === 'gcm' ? `id-aes${bits}-gcm` : `aes-${bits}-${mode}`;
    CIPHERS[`aes-${bits}-${mode}`] = { ...properties, mode, keySize: bits / 8, nid: nids[index], known };
  });
}
CIPHERS['chacha20-poly1305'] = {
  ...{ mode: 'stream', keySize: 32, ivSize: 12, hasTag: true, nid: 1018, known: 'chacha20-poly1305' },
  make: (key, iv, isEncryption) => new ChaChaMode(key, iv, isEncryption),
};

function cipherNamed(name) {
  const lower = name.toLowerCase();
  const full = /^aes(?:128|192|256)$/.test(lower) ? `aes-${lower.slice(3)}-cbc` : lower.replace(/^id-aes(\d+)-gcm$/, 'aes-$1-gcm');
  return Object.hasOwn(CIPHERS, full) ? CIPHERS[full] : undefined;
}

export const getCiphers = () => Object.keys(CIPHERS).sort();

export function getCipherInfo(name) {
  const found = typeof name === 'number' ? Object.values(CIPHERS).find(({ nid }) => nid === name) : cipherNamed(name);
  if (found === undefined) return undefined;
  const { mode, known, nid, blockSize, ivSize, keySize } = found;
  return { mode, name: known, nid, ...(blockSize && { blockSize }), ...(ivSize && { ivLength: ivSize }), keyLength: keySize };
}

function settingsOf(name, key, iv) {
  if (typeof name !== 'string') throw invalidArgument('cipher', 'of type string', name);
  const cipher = cipherNamed(name);
  if (cipher === undefined) throw codedError(Error, 'ERR_CRYPTO_UNKNOWN_CIPHER', `Unknown cipher${/ccm|ocb|wrap|xts|cfb|ofb|des|camellia|aria/i.test(name) ? `: ${name} is not available in this sandbox; crypto.getCiphers() names those that are` : ''}`);
  const secret = secretOf(key).slice();
  if (iv === null && cipher.ivSize > 0) throw codedError(TypeError, 'ERR_CRYPTO_INVALID_IV', 'Invalid initialization vector');
  const start = iv === null ? EMPTY : bytesOf(iv, undefined, 'iv').slice();
  if (secret.length !== cipher.keySize) throw codedError(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
  const fits = cipher.mode === 'gcm' ? start.length > 0 : start.length === cipher.ivSize;
  if (!fits) throw codedError(TypeError, 'ERR_CRYPTO_INVALID_IV', 'Invalid initialization vector');
  return { cipher, secret, start };
}

const OPENSSL = {
  'bad decrypt': ['ERR_OSSL_BAD_DECRYPT', '1C800064'],
  'wrong final block length': ['ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH', '1C80006B'],
};

function openSslError({ reason }) {
  const [code, number] = OPENSSL[reason];
  const error = new Error(`error:${number}:Provider routines::${reason}`);
  return Object.assign(error, { library: 'Provider routines', reason, code });
}

const invalidState = (operation) =>
  codedError(Error, 'ERR_CRYPTO_INVALID_STATE', operation === undefined ? 'Invalid state' : `Invalid state for operation ${operation}`);

const GCM_TAGS = [4, 8, 12, 13, 14, 15, 16];

function checkTagSize(cipher, size) {
  if (cipher.mode === 'gcm' ? GCM_TAGS.includes(size) : size >= 1 && size <= 16) return;
  throw codedError(TypeError, 'ERR_CRYPTO_INVALID_AUTH_TAG', `Invalid authentication tag length: ${size}`);
}

class CipherBase extends Transform {
  static {
    Object.defineProperty(this.prototype, inspectCustom, { value: describeByClass, writable: true, configurable: true });
  }

  #cipher;
  #mode;
  #isEncryption;
  #decoder = null;
  #tagSize;
  #tag = null;
  #state = 'new';

  constructor(isEncryption, name, key, iv, options = {}) {
    super(options);
    const { cipher, secret, start } = settingsOf(name, key, iv);
    if (cipher.hasTag && options.authTagLength !== undefined) checkTagSize(cipher, options.authTagLength);
    this.#cipher = cipher;
    this.#isEncryption = isEncryption;
    this.#tagSize = options.authTagLength;
    this.#mode = cipher.make(secret, start, isEncryption);
  }

  update(data, inputEncoding, outputEncoding) {
    if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
      throw invalidArgument('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
    }
    if (this.#state === 'done') throw new Error('Trying to add data in unsupported state');
    this.#state = 'begun';
    return this.#give(this.#mode.update(bytesOf(data, inputEncoding)), outputEncoding, false);
  }

  final(outputEncoding) {
    if (this.#state === 'done') throw invalidState();
    this.#state = 'done';
    let rest;
    try {
      rest = this.#mode.final();
    } catch (error) {
      throw error instanceof CipherFailure ? openSslError(error) : error;
    }
    if (this.#cipher.hasTag) this.#finishTag();
    return this.#give(rest, outputEncoding, true);
  }

  #finishTag() {
    const tag = this.#mode.tag();
    if (this.#isEncryption) {
      this.#tag = tag.slice(0, this.#tagSize ?? 16);
    } else if (this.#tag === null || !areEqual(tag.subarray(0, this.#tag.length), this.#tag)) {
      throw new Error('Unsupported state or unable to authenticate data');
    }
  }

  #give(bytes, encoding, isLast) {
    if (encoding === undefined || encoding === null || encoding === 'buffer') return output(bytes);
    this.#decoder ??= new StringDecoder(encoding);
    const text = this.#decoder.write(output(bytes));
    return isLast ? text + this.#decoder.end() : text;
  }

  setAutoPadding(pads = true) {
    if (this.#state === 'done') throw invalidState('setAutoPadding');
    if (this.#mode instanceof BlockMode) this.#mode.pads = Boolean(pads);
    return this;
  }

  setAAD(data, options) {
    if (this.#state !== 'new' || !this.#cipher.hasTag) throw invalidState('setAAD');
    this.#mode.addData(bytesOf(data, options?.encoding, 'buffer'));
    return this;
  }

  _tag() {
    if (this.#state !== 'done' || this.#tag === null) throw invalidState('getAuthTag');
    return output(this.#tag.slice());
  }

  _expectTag(tag, encoding) {
    if (!this.#cipher.hasTag || this.#state === 'done' || this.#tag !== null) throw invalidState('setAuthTag');
    const bytes = bytesOf(tag, encoding, 'buffer');
    checkTagSize(this.#cipher, bytes.length);
    if (this.#tagSize !== undefined && bytes.length !== this.#tagSize) {
      throw codedError(TypeError, 'ERR_CRYPTO_INVALID_AUTH_TAG', `Invalid authentication tag length: ${bytes.length}`);
    }
    this.#tag = bytes.slice();
    return this;
  }

  _transform(chunk, encoding, callback) {
    this.push(this.update(chunk, encoding));
    callback();
  }

  _flush(callback) {
    try {
      this.push(this.final());
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }
}

export class Cipheriv extends CipherBase {
  constructor(...given) {
    super(true, ...given);
  }

  getAuthTag() {
    return this._tag();
  }
}

export class Decipheriv extends CipherBase {
  constructor(...given) {
    super(false, ...given);
  }

  setAuthTag(tag, encoding) {
    return this._expectTag(tag, encoding);
  }
}

export const createCipheriv = (name, key, iv, options) => new Cipheriv(name, key, iv, options);
export const createDecipheriv = (name, key, iv, options) => new Decipheriv(name, key, iv, options);
