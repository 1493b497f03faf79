// Keys of node:crypto: secrets, and pairs on elliptic curves.

import { viewOf } from '../crypto/bytes.js';
import { dataOf, isKey, makeKey } from '../crypto/crypto_key.js';
import * as curves from '../crypto/curves.js';
import { Buffer } from './buffer.js';
import { codedError, invalidArgument } from './errors.js';

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
const OWN = Symbol('own');
const KEY_TYPES = 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey';

export class KeyObject {
  #type;
  #data;

  constructor(token, type, data) {
    if (token !== OWN) throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', 'A KeyObject is made by createSecretKey and its like');
    this.#type = type;
    this.#data = data;
  }

  get type() {
    return this.#type;
  }

  static from(key) {
    if (!isKey(key)) throw invalidArgument('key', 'an instance of CryptoKey', key);
    return new this(OWN, key.type, dataOf(key));
  }

  static dataOf(key) {
    return key.#data;
  }

  static isKeyObject(value) {
    return typeof value === 'object' && value !== null && #data in value;
  }

  get symmetricKeySize() {
    return this.#type === 'secret' ? this.#data.length : undefined;
  }

  get asymmetricKeyType() {
    if (this.#type === 'secret') return undefined;
    const { kind, openssl } = curves.CURVES[this.#data.curve];
    return kind === 'ec' ? 'ec' : openssl;
  }

  get asymmetricKeyDetails() {
    if (this.#type === 'secret') return undefined;
    return this.asymmetricKeyType === 'ec' ? { namedCurve: curves.CURVES[this.#data.curve].openssl } : {};
  }

  equals(other) {
    if (!isKeyObject(other)) throw invalidArgument('otherKeyObject', 'an instance of KeyObject', other);
    if (other.#type !== this.#type) return false;
    return this.#type === 'secret' ? Buffer.compare(this.#data, other.#data) === 0 : Buffer.compare(this.#data.point, other.#data.point) === 0;
  }

  export(options = {}) {
    if (this.#type !== 'secret') return exportPair(this.#type, this.#data, options);
    if (options.format !== 'jwk') return Buffer.from(this.#data);
    return { kty: 'oct', k: Buffer.from(this.#data).toString('base64url') };
  }

  toCryptoKey(algorithm, extractable, usages) {
    const named = typeof algorithm === 'string' ? { name: algorithm } : algorithm;
    return makeKey(this.#type, extractable, named, usages, this.#data);
  }

  [inspectCustom](depth, options) {
    const name = `${this.#type[0].toUpperCase()}${this.#type.slice(1)}KeyObject`;
    return `${name} [KeyObject] { [Symbol(kKeyType)]: ${options.stylize(`'${this.#type}'`, 'string')} }`;
  }
}

const { dataOf: valueOf, isKeyObject } = KeyObject;
delete KeyObject.dataOf;
delete KeyObject.isKeyObject;
export { isKeyObject };

// The bytes of a secret, whatever it is given as.
export function secretOf(key, encoding = 'utf8') {
  if (typeof key === 'string') return Buffer.from(key, encoding);
  if (isKeyObject(key) || isKey(key)) {
    if (key.type !== 'secret') throw codedError(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', `Invalid key object type ${key.type}, expected secret.`);
    return isKey(key) ? dataOf(key) : valueOf(key);
  }
  const view = viewOf(key);
  if (view === undefined) throw invalidArgument('key', KEY_TYPES, key);
  return view;
}

export const createSecretKey = (key, encoding) => new KeyObject(OWN, 'secret', secretOf(key, encoding).slice());

// ---- how pairs are written

const wrapLines = (text) => text.replace(/.{1,64}/g, '$&\n');

const toPem = (label, bytes) => `-----BEGIN ${label}-----\n${wrapLines(bytes.toBase64())}-----END ${label}-----\n`;

function exportPair(type, key, { format, type: structure, cipher }) {
  if (format === 'jwk') return curves.toJwk(key);
  if (cipher !== undefined) throw notAvailable('Encrypted private keys are');
  const kinds = {
    spki: ['PUBLIC KEY', () => curves.toSpki(key)],
    pkcs8: ['PRIVATE KEY', () => curves.toPkcs8(key)],
    sec1: ['EC PRIVATE KEY', () => curves.toSec1(key)],
  };
  const allowed = type === 'public' ? ['spki'] : ['pkcs8', 'sec1'];
  if (!allowed.includes(structure)) throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.type' is invalid. Received '${structure}'`);
  const [label, encode] = kinds[structure];
  if (format === 'pem') return toPem(label, encode());
  if (format === 'der') return Buffer.from(encode());
  throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.format' is invalid. Received '${format}'`);
}

export const notAvailable = (what) =>
  codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `${what} not available in this sandbox: its keys are secrets, or on elliptic curves`);

function readPem(text) {
  const [, label, body] = /-----BEGIN ([^-]+)-----([^-]+)-----END \1-----/.exec(text) ?? [];
  if (label === undefined) throw codedError(Error, 'ERR_OSSL_UNSUPPORTED', 'error:1E08010C:DECODER routines::unsupported');
  if (/RSA|ENCRYPTED|DSA PRIVATE|CERTIFICATE/.test(label)) throw notAvailable(`What a PEM calls "${label}" is`);
  return new Uint8Array(Buffer.from(body, 'base64'));
}

// A key as curves.js has it, from all that Node takes for one.
export function pairOf(given, type) {
  if (isKey(given)) return checkType(dataOf(given), given.type, type);
  if (isKeyObject(given)) return checkType(valueOf(given), given.type, type);
  const isWrapped = typeof given === 'object' && given !== null && viewOf(given) === undefined;
  const { key, format } = isWrapped ? given : { key: given };
  if (isWrapped && (isKeyObject(key) || isKey(key))) return pairOf(key, type);
  let found;
  try {
    if (format === 'jwk') found = curves.fromJwk(key);
    else if (typeof key === 'string') found = curves.fromDer(readPem(key));
    else if (viewOf(key) === undefined) throw invalidArgument('key', KEY_TYPES, key);
    else if (format === 'der') found = curves.fromDer(viewOf(key));
    else found = curves.fromDer(readPem(Buffer.from(viewOf(key)).toString('latin1')));
  } catch (error) {
    throw error instanceof curves.BadKey ? codedError(Error, 'ERR_OSSL_UNSUPPORTED', error.message) : error;
  }
  return checkType(found, found.secret === null ? 'public' : 'private', type);
}

function checkType(key, actual, wanted) {
  if (actual === 'secret' || (wanted === 'private' && actual !== 'private')) {
    throw codedError(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', `Invalid key object type ${actual}, expected ${wanted}.`);
  }
  return key;
}

export const createPrivateKey = (key) => new KeyObject(OWN, 'private', pairOf(key, 'private'));
export const createPublicKey = (key) => new KeyObject(OWN, 'public', curves.withoutSecret(pairOf(key, 'public')));

// ---- new keys

const AES_LENGTHS = [128, 192, 256];

export function generateKeySync(type, { length } = {}) {
  if (type !== 'hmac' && type !== 'aes') throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'type' must be a supported key type. Received '${type}'`);
  if (type === 'aes' && !AES_LENGTHS.includes(length)) {
    throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.length' must be one of: ${AES_LENGTHS.join(', ')}. Received ${length}`);
  }
  return createSecretKey(crypto.getRandomValues(new Uint8Array(Math.floor(length / 8))));
}

function curveFor(type, options) {
  if (type === 'ec') {
    const curve = curves.curveNamed(options.namedCurve);
    if (curve !== undefined && curves.CURVES[curve].kind === 'ec') return curve;
    throw codedError(TypeError, 'ERR_CRYPTO_INVALID_CURVE', 'Invalid EC curve name');
  }
  const curve = curves.curveNamed(type);
  if (curve !== undefined && curves.CURVES[curve].kind === 'okp') return curve;
  if (/^(?:rsa|rsa-pss|dsa|dh|ed448|x448)$/.test(type)) throw notAvailable(`Keys of type "${type}" are`);
  throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'type' must be a supported key type. Received '${type}'`);
}

export function generateKeyPairSync(type, options = {}) {
  const key = curves.generate(curveFor(type, options));
  const publicKey = new KeyObject(OWN, 'public', curves.withoutSecret(key));
  const privateKey = new KeyObject(OWN, 'private', key);
  const encoded = (object, encoding) => (encoding === undefined ? object : object.export(encoding));
  return { publicKey: encoded(publicKey, options.publicKeyEncoding), privateKey: encoded(privateKey, options.privateKeyEncoding) };
}
