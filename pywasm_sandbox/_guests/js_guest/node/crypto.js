// node:crypto. It is made of @noble's packages and of the engine's hash functions; RSA, DSA and certificates are not
// there.

import '../crypto/web_crypto.js';
import { areEqual, viewOf } from '../crypto/bytes.js';
import * as derivation from '../crypto/derivation.js';
import * as ciphers from './ciphers.js';
import { codedError, invalidArgument, outOfRange } from './errors.js';
import { bytesOf, createHash, createHmac, Hash, hash, HASHES, hashNamed, Hmac, output } from './hashes.js';
import * as keys from './keys.js';
import * as random from './random.js';
import * as signatures from './signatures.js';

function timingSafeEqual(one, other) {
  const [left, right] = [one, other].map((each, index) => {
    const view = viewOf(each);
    if (view === undefined) throw invalidArgument(`buf${index + 1}`, 'an instance of ArrayBuffer, Buffer, TypedArray, or DataView', each);
    return view;
  });
  if (left.length !== right.length) {
    throw codedError(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
  }
  return areEqual(left, right);
}

// ---- keys from passwords

const LARGEST = 2 ** 31 - 1;

function checkNumber(name, value, lowest) {
  if (typeof value !== 'number') throw invalidArgument(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < lowest || value > LARGEST) throw outOfRange(name, `>= ${lowest} && <= ${LARGEST}`, value);
}

function pbkdf2Sync(password, salt, iterations, length, digest) {
  if (typeof digest !== 'string') throw invalidArgument('digest', 'of type string', digest);
  const [secret, salted] = [bytesOf(password, 'utf8', 'password'), bytesOf(salt, 'utf8', 'salt')];
  checkNumber('iterations', iterations, 1);
  checkNumber('keylen', length, 0);
  return output(derivation.pbkdf2(hashNamed(digest), digest.toLowerCase().replace(/^sha-(\d)/, 'sha$1'), secret, salted, iterations, length));
}

const SCRYPT_MEMORY = 32 << 20;

function scryptSync(password, salt, length, options = {}) {
  const [secret, salted] = [bytesOf(password, 'utf8', 'password'), bytesOf(salt, 'utf8', 'salt')];
  checkNumber('keylen', length, 0);
  const N = options.N ?? options.cost ?? 16384;
  const r = options.r ?? options.blockSize ?? 8;
  const p = options.p ?? options.parallelization ?? 1;
  const invalid = (reason) => codedError(RangeError, 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS', `Invalid scrypt params${reason}`);
  if (!(N > 1 && Number.isInteger(Math.log2(N)) && r >= 1 && p >= 1)) throw invalid('');
  if (128 * N * r > (options.maxmem ?? SCRYPT_MEMORY)) throw invalid(': error:030000AC:digital envelope routines::memory limit exceeded');
  return output(derivation.scrypt(secret, salted, { N, r, p, length }));
}

function hkdfSync(digest, key, salt, info, length) {
  const chosen = hashNamed(digest);
  const [secret, salted, context] = [keys.secretOf(key), bytesOf(salt, 'utf8', 'salt'), bytesOf(info, 'utf8', 'info')];
  checkNumber('length', length, 0);
  if (length > 255 * chosen.outputLen) throw codedError(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
  if (length === 0) return new ArrayBuffer(0);
  const bytes = derivation.hkdf(chosen, secret, salted, context, length);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

// What is wrong with the arguments is thrown at once, as Node does.
const withCallback = (action) => (...args) => {
  const callback = args.pop();
  if (typeof callback !== 'function') throw invalidArgument('callback', 'of type function', callback);
  const result = action(...args);
  setImmediate(callback, null, result);
};

function generateKeyPair(type, options, callback) {
  const { publicKey, privateKey } = keys.generateKeyPairSync(type, options);
  setImmediate(callback, null, publicKey, privateKey);
}
Object.defineProperty(generateKeyPair, Symbol.for('nodejs.util.promisify.custom'), {
  value: async (type, options) => keys.generateKeyPairSync(type, options),
});

const UNAVAILABLE = ['createDiffieHellman', 'createDiffieHellmanGroup', 'getDiffieHellman', 'publicEncrypt', 'publicDecrypt'];
UNAVAILABLE.push('privateEncrypt', 'privateDecrypt', 'X509Certificate', 'generatePrime', 'generatePrimeSync', 'checkPrime', 'checkPrimeSync');

const unavailable = (name) =>
  function () {
    throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `crypto.${name} is not available in this sandbox, which has no RSA and no Diffie-Hellman but on elliptic curves`);
  };

export default {
  ...Object.fromEntries(UNAVAILABLE.map((name) => [name, unavailable(name)])),
  Cipheriv: ciphers.Cipheriv,
  Decipheriv: ciphers.Decipheriv,
  ECDH: signatures.ECDH,
  Hash,
  Hmac,
  KeyObject: keys.KeyObject,
  Sign: signatures.Sign,
  Verify: signatures.Verify,
  constants: {},
  createCipheriv: ciphers.createCipheriv,
  createDecipheriv: ciphers.createDecipheriv,
  createECDH: signatures.createECDH,
  createHash,
  createHmac,
  createPrivateKey: keys.createPrivateKey,
  createPublicKey: keys.createPublicKey,
  createSecretKey: keys.createSecretKey,
  createSign: signatures.createSign,
  createVerify: signatures.createVerify,
  diffieHellman: signatures.diffieHellman,
  generateKey: withCallback(keys.generateKeySync),
  generateKeyPair,
  generateKeyPairSync: keys.generateKeyPairSync,
  generateKeySync: keys.generateKeySync,
  getCipherInfo: ciphers.getCipherInfo,
  getCiphers: ciphers.getCiphers,
  getCurves: signatures.getCurves,
  getHashes: () => Object.keys(HASHES),
  getRandomValues: (array) => globalThis.crypto.getRandomValues(array),
  hash,
  hkdf: withCallback(hkdfSync),
  hkdfSync,
  pbkdf2: withCallback(pbkdf2Sync),
  pbkdf2Sync,
  pseudoRandomBytes: random.randomBytes,
  randomBytes: random.randomBytes,
  randomFill: random.randomFill,
  randomFillSync: random.randomFillSync,
  randomInt: random.randomInt,
  randomUUID: () => globalThis.crypto.randomUUID(),
  rng: random.randomBytes,
  scrypt: withCallback(scryptSync),
  scryptSync,
  sign: signatures.sign,
  subtle: globalThis.crypto.subtle,
  timingSafeEqual,
  verify: signatures.verify,
  webcrypto: globalThis.crypto,
};
