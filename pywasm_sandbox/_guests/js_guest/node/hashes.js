// Hashes and HMAC of node:crypto: by the engine, others by @noble/hashes.

import * as packages from '../packages.js';
import * as nativeHashes from '../crypto/native_hashes.js';
import { Buffer } from './buffer.js';
import { codedError, invalidArgument } from './errors.js';
import { secretOf } from './keys.js';

export const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

// In place of the stream that it is too.
export function describeByClass(depth, options) {
  return options.stylize(`${this.constructor.name} {}`, 'special');
}

export const HASHES = {
  ripemd160: packages.ripemd160,
  ...nativeHashes,
  'sha512-256': packages.sha512_256,
  'sha3-256': packages.sha3_256,
  'sha3-384': packages.sha3_384,
  'sha3-512': packages.sha3_512,
  blake2b512: packages.blake2b,
  blake2s256: packages.blake2s,
};

export function hashNamed(name, code = 'ERR_CRYPTO_INVALID_DIGEST') {
  if (typeof name !== 'string') throw invalidArgument('algorithm', 'of type string', name);
  const key = name.toLowerCase().replace(/^rsa-/, '').replace(/^sha-(\d)/, 'sha$1').replace('rmd160', 'ripemd160');
  const found = Object.hasOwn(HASHES, key) ? HASHES[key] : undefined;
  if (found === undefined) throw codedError(code === null ? Error : TypeError, code ?? 'ERR_OSSL_EVP_UNSUPPORTED', code === null ? 'Digest method not supported' : `Invalid digest: ${name}`);
  return found;
}

export function bytesOf(data, encoding, name = 'data') {
  if (typeof data === 'string') return Buffer.from(data, encoding === 'buffer' ? 'utf8' : encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw invalidArgument(name, 'of type string or an instance of Buffer, TypedArray, or DataView', data);
}

export const output = (bytes, encoding) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding);
};

const Transform = packages.stream.Transform;

class Digest extends Transform {
  static {
    Object.defineProperty(this.prototype, inspectCustom, { value: describeByClass, writable: true, configurable: true });
  }

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

export class Hash extends Digest {}
export class Hmac extends Digest {}

export function createHash(algorithm, options) {
  return new Hash(hashNamed(algorithm, null).create(), options);
}

export function createHmac(algorithm, key, options) {
  return new Hmac(packages.hmac.create(hashNamed(algorithm), secretOf(key)), options);
}

export function hash(algorithm, data, encoding = 'hex') {
  return output(hashNamed(algorithm, null)(bytesOf(data)), encoding);
}

