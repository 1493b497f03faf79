// The globals `crypto`, Crypto, SubtleCrypto and CryptoKey. Hashes are the engine's, all else is @noble's; there is
// no RSA, which no kept package has in plain JavaScript.
// https://w3c.github.io/webcrypto/

import native from 'pywasm:native';
import { codedError } from '../node/errors.js';
import { defineGlobals } from '../repl/globals.js';
import { asymmetric } from './asymmetric.js';
import { viewOf } from './bytes.js';
import { Arguments, dataError, failure, unsupported } from './checks.js';
import { CryptoKey, isKey } from './crypto_key.js';
import { DIGESTS, digestNamed, symmetric } from './symmetric.js';

const QUOTA = 65536;
const ALGORITHMS = { ...symmetric, ...asymmetric };
const NAMES = new Map(Object.keys(ALGORITHMS).map((name) => [name.toLowerCase(), name]));
const UNAVAILABLE = /^(?:RSA|ED448|X448)/i;

// A copy of the algorithm, with its name as it is written here. Throws unless it has the operation.
function normalize(algorithm, operation) {
  const members = typeof algorithm === 'object' && algorithm !== null ? { ...algorithm, name: algorithm.name } : { name: algorithm };
  if (members.name === undefined) throw new TypeError('Failed to normalize algorithm: \'name\' is required');
  const name = NAMES.get(String(members.name).toLowerCase());
  if (name === undefined && UNAVAILABLE.test(members.name)) {
    throw unsupported(`${members.name} is not available in this sandbox; it has ${Object.keys(ALGORITHMS).join(', ')}`);
  }
  if (name === undefined || ALGORITHMS[name][operation] === undefined) throw unsupported();
  return { ...members, name };
}

const VERBS = { deriveBits: 'derive bits', deriveKey: 'derive a key', wrapKey: 'wrapKey', unwrapKey: 'unwrapKey' };

function checkKey(key, algorithm, usage) {
  if (key.algorithm.name !== algorithm.name) throw failure('InvalidAccessError', 'Key algorithm mismatch');
  if (!key.usages.includes(usage)) throw failure('InvalidAccessError', `Unable to use this key to ${VERBS[usage] ?? usage}`);
}

const withoutUsages = (key) => key.usages?.length === 0 && key.type !== 'public';

function importAs(algorithm, format, data, extractable, usages) {
  const key = ALGORITHMS[algorithm.name].importKey(algorithm, format, data, Boolean(extractable), usages);
  if (withoutUsages(key)) throw failure('SyntaxError', `Usages cannot be empty when importing a ${key.type} key.`);
  return key;
}

function exported(format, key) {
  const writers = ALGORITHMS[key.algorithm.name].exportKey ?? {};
  if (!key.extractable) throw failure('InvalidAccessError', 'key is not extractable');
  if (writers[format] === undefined) throw unsupported(`Unable to export a ${key.algorithm.name} key as ${format}`);
  return writers[format](key);
}

const bufferOf = ({ buffer, byteOffset, byteLength }) => buffer.slice(byteOffset, byteOffset + byteLength);

// By encryption, where the algorithm has no wrapping of its own.
function wrapping(algorithm, operation, fallback) {
  try {
    const normalized = normalize(algorithm, operation);
    return [normalized, ALGORITHMS[normalized.name][operation]];
  } catch (error) {
    if (error.name !== 'NotSupportedError') throw error;
    const normalized = normalize(algorithm, fallback);
    return [normalized, ALGORITHMS[normalized.name][fallback]];
  }
}

const keyOf = (checked, key, position) => {
  if (!isKey(key)) throw checked.notKey(position);
  return key;
};

const crypt = (usage) =>
  async function (algorithm, key, data) {
    const checked = new Arguments(usage, arguments.length, 3);
    const normalized = normalize(algorithm, usage);
    keyOf(checked, key, 1);
    const bytes = checked.bytes(data, 2);
    checkKey(key, normalized, usage);
    return bufferOf(ALGORITHMS[normalized.name][usage](normalized, key, bytes));
  };

const OWN = Symbol('own');
const illegal = () => codedError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');

class SubtleCrypto {
  constructor(token) {
    if (token !== OWN) throw illegal();
  }

  async digest(algorithm, data) {
    const checked = new Arguments('digest', arguments.length, 2);
    const { hash } = DIGESTS[digestNamed(algorithm)];
    return bufferOf(hash(checked.bytes(data, 1)));
  }

  async verify(algorithm, key, signature, data) {
    const checked = new Arguments('verify', arguments.length, 4);
    const normalized = normalize(algorithm, 'verify');
    keyOf(checked, key, 1);
    const [given, bytes] = [checked.bytes(signature, 2), checked.bytes(data, 3)];
    checkKey(key, normalized, 'verify');
    return ALGORITHMS[normalized.name].verify(normalized, key, given, bytes);
  }

  async generateKey(algorithm, extractable, usages) {
    const checked = new Arguments('generateKey', arguments.length, 3);
    const normalized = normalize(algorithm, 'generateKey');
    const made = ALGORITHMS[normalized.name].generateKey(normalized, Boolean(extractable), checked.usages(usages, 2));
    if (withoutUsages(made)) throw failure('SyntaxError', 'Usages cannot be empty when creating a key.');
    return made;
  }

  async importKey(format, data, algorithm, extractable, usages) {
    const checked = new Arguments('importKey', arguments.length, 5);
    const kind = checked.format(format, 0);
    const normalized = normalize(algorithm, 'importKey');
    return importAs(normalized, kind, kind === 'jwk' ? data : checked.bytes(data, 1), extractable, checked.usages(usages, 4));
  }

  async exportKey(format, key) {
    const checked = new Arguments('exportKey', arguments.length, 2);
    const result = exported(checked.format(format, 0), keyOf(checked, key, 1));
    return viewOf(result) === undefined ? result : bufferOf(result);
  }

  async deriveBits(algorithm, key, length = null) {
    const checked = new Arguments('deriveBits', arguments.length, 2);
    const normalized = normalize(algorithm, 'deriveBits');
    checkKey(keyOf(checked, key, 1), normalized, 'deriveBits');
    return bufferOf(ALGORITHMS[normalized.name].deriveBits(normalized, key, length));
  }

  async deriveKey(algorithm, key, derived, extractable, usages) {
    const checked = new Arguments('deriveKey', arguments.length, 5);
    const normalized = normalize(algorithm, 'deriveBits');
    const wanted = normalize(derived, 'importKey');
    checkKey(keyOf(checked, key, 1), normalized, 'deriveKey');
    const length = ALGORITHMS[wanted.name].keyLength?.(wanted);
    if (length === undefined) throw unsupported();
    const bytes = ALGORITHMS[normalized.name].deriveBits(normalized, key, length);
    return importAs(wanted, 'raw', bytes, extractable, checked.usages(usages, 4));
  }

  async wrapKey(format, key, wrappingKey, algorithm) {
    const checked = new Arguments('wrapKey', arguments.length, 4);
    const kind = checked.format(format, 0);
    const [normalized, wrap] = wrapping(algorithm, 'wrapKey', 'encrypt');
    keyOf(checked, key, 1);
    checkKey(keyOf(checked, wrappingKey, 2), normalized, 'wrapKey');
    const data = exported(kind, key);
    return bufferOf(wrap(normalized, wrappingKey, viewOf(data) ?? native.encode(JSON.stringify(data))));
  }

  async unwrapKey(format, wrapped, unwrappingKey, algorithm, derived, extractable, usages) {
    const checked = new Arguments('unwrapKey', arguments.length, 7);
    const kind = checked.format(format, 0);
    const bytes = checked.bytes(wrapped, 1);
    const [normalized, unwrap] = wrapping(algorithm, 'unwrapKey', 'decrypt');
    const wanted = normalize(derived, 'importKey');
    checkKey(keyOf(checked, unwrappingKey, 2), normalized, 'unwrapKey');
    const data = unwrap(normalized, unwrappingKey, bytes);
    return importAs(wanted, kind, kind === 'jwk' ? parseJwk(data) : data, extractable, checked.usages(usages, 6));
  }

  get [Symbol.toStringTag]() {
    return 'SubtleCrypto';
  }
}

function parseJwk(bytes) {
  try {
    return JSON.parse(native.decode(bytes, 0, bytes.length, true));
  } catch {
    throw dataError('Invalid JWK');
  }
}

for (const name of ['encrypt', 'decrypt', 'sign']) {
  Object.defineProperty(SubtleCrypto.prototype, name, {
    value: Object.defineProperty(crypt(name), 'name', { value: name }),
    writable: true,
    configurable: true,
  });
}

const INTEGER_ARRAYS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array];
INTEGER_ARRAYS.push(BigInt64Array, BigUint64Array);

class Crypto {
  #subtle = new SubtleCrypto(OWN);

  constructor(token) {
    if (token !== OWN) throw illegal();
  }

  get subtle() {
    return this.#subtle;
  }

  getRandomValues(array) {
    if (!INTEGER_ARRAYS.some((type) => array instanceof type)) {
      throw failure('TypeMismatchError', 'The data argument must be an integer-type TypedArray');
    }
    if (array.byteLength > QUOTA) {
      throw failure('QuotaExceededError', `The requested length exceeds ${QUOTA.toLocaleString('en-US')} bytes`);
    }
    native.fillRandom(viewOf(array));
    return array;
  }

  randomUUID() {
    const bytes = new Uint8Array(16);
    native.fillRandom(bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const text = bytes.toHex();
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
  }

  get [Symbol.toStringTag]() {
    return 'Crypto';
  }
}

defineGlobals({ crypto: new Crypto(OWN), Crypto, CryptoKey, SubtleCrypto });
