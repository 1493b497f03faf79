// node:crypto: random values from the host; hashes by the engine, others, HMAC and key derivation from @noble/hashes.
// Ciphers, signatures and keys are not there.

import native from 'pywasm:native';
import * as packages from '../packages.js';
import * as nativeHashes from './native_hashes.js';
import { Buffer } from './buffer.js';
import { codedError, invalidArgument, outOfRange } from './errors.js';

const HASHES = {
  ripemd160: packages.ripemd160,
  ...nativeHashes,
  'sha512-256': packages.sha512_256,
  'sha3-256': packages.sha3_256,
  'sha3-384': packages.sha3_384,
  'sha3-512': packages.sha3_512,
  blake2b512: packages.blake2b,
  blake2s256: packages.blake2s,
};

function hashNamed(name, code = 'ERR_CRYPTO_INVALID_DIGEST') {
  if (typeof name !== 'string') throw invalidArgument('algorithm', 'of type string', name);
  const key = name.toLowerCase().replace(/^rsa-/, '').replace(/^sha-(\d)/, 'sha$1').replace('rmd160', 'ripemd160');
  const found = Object.hasOwn(HASHES, key) ? HASHES[key] : undefined;
  if (found === undefined) throw codedError(code === null ? Error : TypeError, code ?? 'ERR_OSSL_EVP_UNSUPPORTED', code === null ? 'Digest method not supported' : `Invalid digest: ${name}`);
  return found;
}

function bytesOf(data, encoding, name = 'data') {
  if (typeof data === 'string') return Buffer.from(data, encoding === 'buffer' ? 'utf8' : encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw invalidArgument(name, 'of type string or an instance of Buffer, TypedArray, or DataView', data);
}

const output = (bytes, encoding) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding);
};

const Transform = packages.stream.Transform;

class Digest extends Transform {
  #state;
  #isDone = false;

  constructor(state, options) {
    super(options);
    this.#state = state;
  }

  update(data, encoding) {
    if (this.#isDone) throw codedError(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this.#state.update(bytesOf(data, encoding));
    return this;
  }

  digest(encoding) {
    if (this.#isDone) throw codedError(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this.#isDone = true;
    return output(this.#state.digest(), encoding);
  }

  copy(options) {
    if (this.#isDone) throw codedError(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    return new this.constructor(this.#state.clone(), options);
  }

  _transform(chunk, encoding, callback) {
    this.update(chunk, encoding);
    callback();
  }

  _flush(callback) {
    this.push(this.digest());
    callback();
  }
}

class Hash extends Digest {}
class Hmac extends Digest {}

const secretOf = (key) => bytesOf(key?.type === 'secret' ? key.export() : key, 'utf8', 'key');

function createHash(algorithm, options) {
  return new Hash(hashNamed(algorithm, null).create(), options);
}

function createHmac(algorithm, key, options) {
  return new Hmac(packages.hmac.create(hashNamed(algorithm), secretOf(key)), options);
}

function hash(algorithm, data, encoding = 'hex') {
  return output(hashNamed(algorithm, null)(bytesOf(data)), encoding);
}

class SecretKey {
  #bytes;
  type = 'secret';

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get symmetricKeySize() {
    return this.#bytes.length;
  }

  export() {
    return Buffer.from(this.#bytes);
  }
}

// ---- random values

function randomBytes(size, callback) {
  if (typeof size !== 'number') throw invalidArgument('size', 'of type number', size);
  if (!(size >= 0 && size <= 0x7fffffff)) throw outOfRange('size', '>= 0 && <= 2147483647', size);
  const bytes = Buffer.alloc(size);
  native.fillRandom(bytes);
  if (callback === undefined) return bytes;
  setImmediate(callback, null, bytes);
  return undefined;
}

function randomFillSync(buffer, offset = 0, size = undefined) {
  const bytes = bytesOf(buffer);
  native.fillRandom(bytes.subarray(offset, size === undefined ? undefined : offset + size));
  return buffer;
}

function randomFill(buffer, ...rest) {
  const callback = rest.pop();
  setImmediate(callback, null, randomFillSync(buffer, ...rest));
}

const LIMIT = 2 ** 48;

// Evenly: what lies beyond the last multiple of the range is drawn again.
function randomInt(first, second, callback) {
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

function timingSafeEqual(one, other) {
  const [left, right] = [bytesOf(one, undefined, 'buf1'), bytesOf(other, undefined, 'buf2')];
  if (left.length !== right.length) {
    throw codedError(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
  }
  let difference = 0;
  for (let index = 0; index < left.length; index++) difference |= left[index] ^ right[index];
  return difference === 0;
}

// ---- keys from passwords

const pbkdf2Sync = (password, salt, iterations, length, digest) =>
  output(packages.pbkdf2(hashNamed(digest), bytesOf(password), bytesOf(salt), { c: iterations, dkLen: length }));

function scryptSync(password, salt, length, options = {}) {
  const cost = options.N ?? options.cost ?? 16384;
  const settings = { N: cost, r: options.r ?? options.blockSize ?? 8, p: options.p ?? options.parallelization ?? 1, dkLen: length };
  return output(packages.scrypt(bytesOf(password), bytesOf(salt), settings));
}

function hkdfSync(digest, key, salt, info, length) {
  const bytes = packages.hkdf(hashNamed(digest), secretOf(key), bytesOf(salt), bytesOf(info), length);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

const withCallback = (action) => (...args) => {
  const callback = args.pop();
  let result;
  try {
    result = action(...args);
  } catch (error) {
    setImmediate(callback, error);
    return;
  }
  setImmediate(callback, null, result);
};

const UNAVAILABLE = ['createCipheriv', 'createDecipheriv', 'createSign', 'createVerify', 'sign', 'verify', 'createPublicKey'];
UNAVAILABLE.push('createPrivateKey', 'generateKeyPair', 'generateKeyPairSync', 'createDiffieHellman', 'createECDH', 'publicEncrypt', 'privateDecrypt');

const unavailable = (name) => () => {
  throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `crypto.${name} is not available in this sandbox; it has hashes, HMAC, key derivation and random values`);
};

export default {
  ...Object.fromEntries(UNAVAILABLE.map((name) => [name, unavailable(name)])),
  Hash,
  Hmac,
  constants: {},
  createHash,
  createHmac,
  createSecretKey: (key, encoding) => new SecretKey(bytesOf(key, encoding)),
  getCiphers: () => [],
  getHashes: () => Object.keys(HASHES),
  getRandomValues: (array) => globalThis.crypto.getRandomValues(array),
  hash,
  hkdf: withCallback(hkdfSync),
  hkdfSync,
  pbkdf2: withCallback(pbkdf2Sync),
  pbkdf2Sync,
  pseudoRandomBytes: randomBytes,
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID: () => globalThis.crypto.randomUUID(),
  rng: randomBytes,
  scrypt: withCallback((password, salt, length, options) => scryptSync(password, salt, length, options)),
  scryptSync,
  subtle: globalThis.crypto.subtle,
  timingSafeEqual,
  webcrypto: globalThis.crypto,
};
