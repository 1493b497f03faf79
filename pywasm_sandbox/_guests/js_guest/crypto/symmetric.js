// Web Crypto's algorithms with one secret: AES, HMAC, PBKDF2, HKDF. An algorithm is an object of the operations that
// it has; each takes the algorithm that was asked for, with a known name, and gives its result.

import { aeskw, hmac } from '../packages.js';
import { areEqual, concat, fromBase64Url, toBase64Url } from './bytes.js';
import { bytesMember, checkJwk, checkUsages, dataError, failure, operationError, requireMembers, unsupported } from './checks.js';
import { dataOf, makeKey } from './crypto_key.js';
import { hkdf, pbkdf2 } from './derivation.js';
import { BlockMode, CipherFailure, CounterMode, GcmMode } from './modes.js';
import * as hashes from './native_hashes.js';

export const DIGESTS = {
  'SHA-1': { hash: hashes.sha1, name: 'sha1', jwk: 'HS1' },
  'SHA-256': { hash: hashes.sha256, name: 'sha256', jwk: 'HS256' },
  'SHA-384': { hash: hashes.sha384, name: 'sha384', jwk: 'HS384' },
  'SHA-512': { hash: hashes.sha512, name: 'sha512', jwk: 'HS512' },
};

export function digestNamed(algorithm) {
  const name = String(algorithm?.name ?? algorithm).toUpperCase();
  if (!Object.hasOwn(DIGESTS, name)) throw unsupported();
  return name;
}

const randomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));

function secretOf(jwk) {
  try {
    return fromBase64Url(jwk.k);
  } catch {
    throw dataError('Invalid JWK keyData');
  }
}

const toJwk = (key, alg) => ({ key_ops: key.usages, ext: key.extractable, kty: 'oct', k: toBase64Url(dataOf(key)), alg });

// ---- AES

const AES_LENGTHS = [128, 192, 256];

function convert(mode, data) {
  try {
    return concat([mode.update(data), mode.final()]);
  } catch (error) {
    throw error instanceof CipherFailure ? operationError() : error;
  }
}

function ivOf(algorithm, name, dictionary) {
  requireMembers(algorithm, dictionary, name);
  const iv = bytesMember(algorithm, name);
  if (iv.length !== 16) throw operationError(`algorithm.${name} must contain exactly 16 bytes`);
  return iv;
}

const cbc = (isEncryption) => (algorithm, key, data) =>
  convert(new BlockMode(dataOf(key), ivOf(algorithm, 'iv', 'AesCbcParams'), isEncryption), data);

function ctr(algorithm, key, data) {
  requireMembers(algorithm, 'AesCtrParams', 'counter', 'length');
  const counter = ivOf(algorithm, 'counter', 'AesCtrParams');
  const bits = Number(algorithm.length);
  if (!(bits >= 1 && bits <= 128)) throw operationError('AES-CTR algorithm.length must be between 1 and 128');
  if (data.length > 16 * 2 ** bits) throw operationError();
  return convert(new CounterMode(dataOf(key), counter, bits), data);
}

const TAG_LENGTHS = [32, 64, 96, 104, 112, 120, 128];

function gcmOf(algorithm, key, isEncryption) {
  requireMembers(algorithm, 'AesGcmParams', 'iv');
  const bits = algorithm.tagLength === undefined ? 128 : Number(algorithm.tagLength);
  if (!TAG_LENGTHS.includes(bits)) throw operationError(`${algorithm.tagLength} is not a valid AES-GCM tag length`);
  const mode = new GcmMode(dataOf(key), bytesMember(algorithm, 'iv'), isEncryption);
  if (algorithm.additionalData !== undefined) mode.addData(bytesMember(algorithm, 'additionalData'));
  return { mode, tagSize: bits / 8 };
}

function encryptGcm(algorithm, key, data) {
  const { mode, tagSize } = gcmOf(algorithm, key, true);
  return concat([mode.update(data), mode.tag().subarray(0, tagSize)]);
}

function decryptGcm(algorithm, key, data) {
  const { mode, tagSize } = gcmOf(algorithm, key, false);
  const size = data.length - tagSize;
  if (size < 0) throw operationError('The provided data is too small.');
  const result = mode.update(data.subarray(0, size));
  if (!areEqual(mode.tag().subarray(0, tagSize), data.subarray(size))) throw operationError();
  return result;
}

function wrapped(action) {
  try {
    return action();
  } catch {
    throw operationError();
  }
}

function aes(name, operations) {
  const mode = name.slice('AES-'.length);
  const allowed = [...('encrypt' in operations ? ['encrypt', 'decrypt'] : []), 'wrapKey', 'unwrapKey'];

  function make(extractable, usages, data) {
    checkUsages(usages, allowed, 'an AES key');
    return makeKey('secret', extractable, { name, length: 8 * data.length }, usages, data);
  }

  function lengthOf(algorithm, dictionary) {
    requireMembers(algorithm, dictionary, 'length');
    if (!AES_LENGTHS.includes(algorithm.length)) throw operationError('AES key length must be 128, 192, or 256 bits');
    return algorithm.length;
  }

  return {
    ...operations,
    keyLength: (algorithm) => lengthOf(algorithm, 'AesDerivedKeyParams'),
    generateKey(algorithm, extractable, usages) {
      const length = lengthOf(algorithm, 'AesKeyGenParams');
      return make(extractable, usages, randomBytes(length / 8));
    },
    importKey(algorithm, format, data, extractable, usages) {
      checkUsages(usages, allowed, 'an AES key');
      if (format !== 'raw' && format !== 'jwk') throw unsupported(`Unable to import AES key with format ${format}`);
      if (format === 'jwk') checkJwk(data, ['oct'], extractable, usages, 'enc', AES_LENGTHS.map((length) => `A${length}${mode}`));
      const bytes = format === 'raw' ? data : secretOf(data);
      if (!AES_LENGTHS.includes(8 * bytes.length)) throw dataError('Invalid key length');
      if (data.alg !== undefined && data.alg !== `A${8 * bytes.length}${mode}`) throw dataError('JWK "alg" does not match the requested algorithm');
      return make(extractable, usages, bytes);
    },
    exportKey: {
      raw: (key) => dataOf(key).slice(),
      jwk: (key) => toJwk(key, `A${key.algorithm.length}${mode}`),
    },
  };
}

// ---- HMAC

function hmacLength(algorithm) {
  if (algorithm.length === undefined) return 8 * DIGESTS[digestNamed(algorithm.hash)].hash.blockLen;
  const length = Number(algorithm.length);
  if (length === 0) throw operationError('Zero-length key is not supported');
  if (length % 8 !== 0) throw unsupported('HMAC keys are of whole bytes in this sandbox');
  return length;
}

function makeHmacKey(algorithm, extractable, usages, data) {
  const hash = { name: digestNamed(algorithm.hash) };
  return makeKey('secret', extractable, { name: 'HMAC', hash, length: 8 * data.length }, usages, data);
}

const signHmac = (key, data) => hmac(DIGESTS[key.algorithm.hash.name].hash, dataOf(key), data);

const HMAC = {
  sign: (algorithm, key, data) => signHmac(key, data),
  verify: (algorithm, key, signature, data) => areEqual(signHmac(key, data), signature),
  keyLength(algorithm) {
    requireMembers(algorithm, 'HmacImportParams', 'hash');
    return hmacLength(algorithm);
  },
  generateKey(algorithm, extractable, usages) {
    requireMembers(algorithm, 'HmacKeyGenParams', 'hash');
    checkUsages(usages, ['sign', 'verify'], 'an HMAC key');
    return makeHmacKey(algorithm, extractable, usages, randomBytes(hmacLength(algorithm) / 8));
  },
  importKey(algorithm, format, data, extractable, usages) {
    requireMembers(algorithm, 'HmacImportParams', 'hash');
    checkUsages(usages, ['sign', 'verify'], 'an HMAC key');
    if (format !== 'raw' && format !== 'jwk') throw unsupported(`Unable to import HMAC key with format ${format}`);
    if (format === 'jwk') checkJwk(data, ['oct'], extractable, usages, 'sig', [DIGESTS[digestNamed(algorithm.hash)].jwk]);
    const bytes = format === 'raw' ? data : secretOf(data);
    if (bytes.length === 0) throw dataError('Zero-length key is not supported');
    if (algorithm.length !== undefined && Number(algorithm.length) !== 8 * bytes.length) throw dataError('Invalid key length');
    return makeHmacKey(algorithm, extractable, usages, bytes);
  },
  exportKey: {
    raw: (key) => dataOf(key).slice(),
    jwk: (key) => toJwk(key, DIGESTS[key.algorithm.hash.name].jwk),
  },
};

// ---- derivation

function derivation(name, dictionary, members, derive) {
  return {
    keyLength: () => null,
    importKey(algorithm, format, data, extractable, usages) {
      checkUsages(usages, ['deriveKey', 'deriveBits'], `a ${name} key`);
      if (extractable) throw failure('SyntaxError', `${name} keys are not extractable`);
      if (format !== 'raw') throw unsupported(`Unable to import ${name} key with format ${format}`);
      return makeKey('secret', false, { name }, usages, data);
    },
    deriveBits(algorithm, key, length) {
      requireMembers(algorithm, dictionary, ...members);
      if (length === null || length === undefined) throw operationError('length cannot be null');
      if (length % 8 !== 0) throw operationError('length must be a multiple of 8');
      return derive(algorithm, DIGESTS[digestNamed(algorithm.hash)], dataOf(key), length / 8);
    },
  };
}

export const symmetric = {
  'AES-CBC': aes('AES-CBC', { encrypt: cbc(true), decrypt: cbc(false) }),
  'AES-CTR': aes('AES-CTR', { encrypt: ctr, decrypt: ctr }),
  'AES-GCM': aes('AES-GCM', { encrypt: encryptGcm, decrypt: decryptGcm }),
  'AES-KW': aes('AES-KW', {
    wrapKey: (algorithm, key, data) => wrapped(() => aeskw(dataOf(key)).encrypt(data)),
    unwrapKey: (algorithm, key, data) => wrapped(() => aeskw(dataOf(key)).decrypt(data)),
  }),
  HMAC,
  PBKDF2: derivation('PBKDF2', 'Pbkdf2Params', ['hash', 'iterations', 'salt'], (algorithm, { hash, name }, key, length) => {
    const iterations = Number(algorithm.iterations);
    if (!(iterations >= 1)) throw operationError('iterations cannot be zero');
    return pbkdf2(hash, name, key, bytesMember(algorithm, 'salt'), iterations, length);
  }),
  HKDF: derivation('HKDF', 'HkdfParams', ['hash', 'salt', 'info'], (algorithm, { hash }, key, length) => {
    if (length > 255 * hash.outputLen) throw operationError();
    return length === 0 ? new Uint8Array() : hkdf(hash, key, bytesMember(algorithm, 'salt'), bytesMember(algorithm, 'info'), length);
  }),
};
