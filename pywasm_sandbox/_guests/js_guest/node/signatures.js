// Signatures and agreement of node:crypto, on elliptic curves.

import * as packages from '../packages.js';
import * as curves from '../crypto/curves.js';
import { Buffer } from './buffer.js';
import { codedError, invalidArgument } from './errors.js';
import { bytesOf, hashNamed, output } from './hashes.js';
import { isKeyObject, pairOf } from './keys.js';

const { Writable } = packages.stream;

function formatOf(key) {
  const encoding = key?.dsaEncoding ?? 'der';
  if (encoding !== 'der' && encoding !== 'ieee-p1363') throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.dsaEncoding' is invalid. Received '${encoding}'`);
  return encoding === 'der' ? 'der' : 'compact';
}

const USUAL = { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512', secp256k1: 'sha256' };

function prepared(algorithm, data, { curve }) {
  if (curve === 'X25519') throw codedError(Error, 'ERR_OSSL_EVP_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE', 'error:03000096:digital envelope routines::operation not supported for this keytype');
  if (curve !== 'Ed25519') return hashNamed(algorithm ?? USUAL[curve])(data);
  if (algorithm !== null && algorithm !== undefined) throw codedError(Error, 'ERR_OSSL_INVALID_DIGEST', 'error:1C80007A:Provider routines::invalid digest');
  return data;
}

function finish(action, callback) {
  if (callback === undefined) return action();
  let result;
  try {
    result = action();
  } catch (error) {
    setImmediate(callback, error);
    return undefined;
  }
  setImmediate(callback, null, result);
  return undefined;
}

export const sign = (algorithm, data, key, callback) =>
  finish(() => {
    const pair = pairOf(key, 'private');
    return output(curves.sign(pair, prepared(algorithm, bytesOf(data), pair), formatOf(key)));
  }, callback);

export const verify = (algorithm, data, key, signature, callback) =>
  finish(() => {
    const pair = pairOf(key, 'public');
    return curves.verify(pair, prepared(algorithm, bytesOf(data), pair), bytesOf(signature, undefined, 'signature'), formatOf(key));
  }, callback);

class Collector extends Writable {
  #algorithm;
  #parts = [];

  constructor(algorithm, options) {
    super(options);
    hashNamed(algorithm);
    this.#algorithm = algorithm;
  }

  update(data, encoding) {
    this.#parts.push(Buffer.from(bytesOf(data, encoding)));
    return this;
  }

  _write(chunk, encoding, callback) {
    this.update(chunk, encoding);
    callback();
  }

  _collected() {
    return [this.#algorithm, Buffer.concat(this.#parts)];
  }
}

export class Sign extends Collector {
  sign(key, encoding) {
    return output(sign(...this._collected(), key), encoding);
  }
}

export class Verify extends Collector {
  verify(key, signature, encoding) {
    return verify(...this._collected(), key, bytesOf(signature, encoding, 'signature'));
  }
}

export const createSign = (algorithm, options) => new Sign(algorithm, options);
export const createVerify = (algorithm, options) => new Verify(algorithm, options);

// ---- agreement

export function diffieHellman({ privateKey, publicKey }) {
  if (!isKeyObject(privateKey)) throw invalidArgument('options.privateKey', 'an instance of KeyObject', privateKey);
  if (!isKeyObject(publicKey)) throw invalidArgument('options.publicKey', 'an instance of KeyObject', publicKey);
  const [mine, other] = [pairOf(privateKey, 'private'), pairOf(publicKey, 'public')];
  if (mine.curve !== other.curve) throw codedError(Error, 'ERR_CRYPTO_INCOMPATIBLE_KEY', 'Incompatible key for Diffie-Hellman');
  return output(curves.agree(mine, other));
}

const COMPRESSED = { even: 2, odd: 3 };

function encodePoint({ curve, point }, format = 'uncompressed') {
  if (format === 'uncompressed') return point;
  if (format !== 'compressed') throw codedError(Error, 'ERR_CRYPTO_ECDH_INVALID_FORMAT', `Invalid ECDH format: ${format}`);
  const isOdd = point[point.length - 1] & 1;
  return Uint8Array.of(isOdd ? COMPRESSED.odd : COMPRESSED.even, ...point.subarray(1, 1 + curves.CURVES[curve].size));
}

export class ECDH {
  #curve;
  #key = null;

  constructor(name) {
    this.#curve = curves.curveNamed(name);
    if (this.#curve === undefined || curves.CURVES[this.#curve].kind !== 'ec') throw codedError(TypeError, 'ERR_CRYPTO_INVALID_CURVE', 'Invalid EC curve name');
  }

  #own() {
    if (this.#key === null) throw codedError(Error, 'ERR_CRYPTO_ECDH_INVALID_PRIVATE_KEY', 'Private key is not valid for specified curve.');
    return this.#key;
  }

  generateKeys(encoding, format) {
    this.#key = curves.generate(this.#curve);
    return this.getPublicKey(encoding, format);
  }

  getPublicKey(encoding, format) {
    return output(encodePoint(this.#own(), format).slice(), encoding);
  }

  getPrivateKey(encoding) {
    return output(this.#own().secret.slice(), encoding);
  }

  setPrivateKey(key, encoding) {
    try {
      this.#key = curves.fromSecret(this.#curve, bytesOf(key, encoding, 'key').slice());
    } catch {
      throw codedError(Error, 'ERR_CRYPTO_INVALID_KEYTYPE', 'Private key is not valid for specified curve.');
    }
    return this;
  }

  computeSecret(other, inputEncoding, outputEncoding) {
    let point;
    try {
      point = curves.fromPoint(this.#curve, bytesOf(other, inputEncoding, 'otherPublicKey'));
    } catch {
      throw codedError(Error, 'ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY', 'Public key is not valid for specified curve');
    }
    return output(curves.agree(this.#own(), point), outputEncoding);
  }
}

export const createECDH = (name) => new ECDH(name);
export const getCurves = () => Object.values(curves.CURVES).filter(({ kind }) => kind === 'ec').map(({ openssl }) => openssl).sort();
