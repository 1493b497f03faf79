// Web Crypto's algorithms with pairs of keys: ECDSA and ECDH, Ed25519 and X25519, in the shape of symmetric.js.

import * as curves from './curves.js';
import { checkJwk, checkUsages, dataError, failure, operationError, requireMembers, unsupported } from './checks.js';
import { dataOf, isKey, makeKey } from './crypto_key.js';
import { DIGESTS, digestNamed } from './symmetric.js';

const NAMED = ['P-256', 'P-384', 'P-521'];

function sanely(action) {
  try {
    return action();
  } catch (error) {
    throw error instanceof curves.BadKey ? dataError(error.message) : error;
  }
}

const partOf = (key, name) => {
  if (key.type !== name) throw failure('InvalidAccessError', `Key must be a ${name} key`);
  return dataOf(key);
};

// `usages`: of the private and of the public key; `isNamed`: whether the algorithm says which curve.
function pairs(name, usages, operations, isNamed) {
  const what = `${/^[AE]/.test(name) ? 'an' : 'a'} ${name} key`;

  function curveOf(algorithm, dictionary) {
    if (!isNamed) return name;
    requireMembers(algorithm, dictionary, 'namedCurve');
    if (!NAMED.includes(algorithm.namedCurve)) throw unsupported('Unrecognized namedCurve');
    return algorithm.namedCurve;
  }

  function make(type, extractable, wanted, key) {
    const algorithm = isNamed ? { name, namedCurve: key.curve } : { name };
    return makeKey(type, extractable, algorithm, wanted, type === 'public' ? curves.withoutSecret(key) : key);
  }

  const readers = {
    raw: (curve, data) => curves.fromPoint(curve, data),
    spki: (curve, data) => curves.fromSpki(data),
    pkcs8: (curve, data) => curves.fromPkcs8(data),
    jwk: (curve, data) => curves.fromJwk(data),
  };

  return {
    ...operations,
    generateKey(algorithm, extractable, wanted) {
      const key = curves.generate(curveOf(algorithm, 'EcKeyGenParams'));
      checkUsages(wanted, [...usages.private, ...usages.public], what);
      const own = wanted.filter((usage) => usages.private.includes(usage));
      if (own.length === 0) throw failure('SyntaxError', 'Usages cannot be empty when creating a key.');
      return {
        publicKey: make('public', true, wanted.filter((usage) => usages.public.includes(usage)), key),
        privateKey: make('private', extractable, own, key),
      };
    },
    importKey(algorithm, format, data, extractable, wanted) {
      const curve = curveOf(algorithm, 'EcKeyImportParams');
      const isPrivate = format === 'pkcs8' || (format === 'jwk' && data?.d !== undefined);
      if (format === 'jwk') checkJwk(data, ['EC', 'OKP'], extractable, wanted, usages.use, [data?.alg]);
      checkUsages(wanted, usages[isPrivate ? 'private' : 'public'], what);
      const key = sanely(() => readers[format](curve, data));
      if (key.curve !== curve) throw dataError('Named curve mismatch');
      return make(isPrivate ? 'private' : 'public', extractable, wanted, key);
    },
    exportKey: {
      raw: (key) => partOf(key, 'public').point.slice(),
      spki: (key) => curves.toSpki(partOf(key, 'public')),
      pkcs8: (key) => curves.toPkcs8(partOf(key, 'private')),
      jwk: (key) => ({ key_ops: key.usages, ext: key.extractable, ...curves.toJwk(dataOf(key)) }),
    },
  };
}

const digested = (algorithm, data) => {
  requireMembers(algorithm, 'EcdsaParams', 'hash');
  return DIGESTS[digestNamed(algorithm.hash)].hash(data);
};

const ecdsa = {
  sign: (algorithm, key, data) => curves.sign(partOf(key, 'private'), digested(algorithm, data), 'compact'),
  verify: (algorithm, key, signature, data) => curves.verify(partOf(key, 'public'), digested(algorithm, data), signature, 'compact'),
};

const ed25519 = {
  sign: (algorithm, key, data) => curves.sign(partOf(key, 'private'), data),
  verify: (algorithm, key, signature, data) => curves.verify(partOf(key, 'public'), data, signature),
};

const agreement = {
  deriveBits(algorithm, key, length) {
    requireMembers(algorithm, 'EcdhKeyDeriveParams', 'public');
    const other = algorithm.public;
    if (!isKey(other)) throw new TypeError('algorithm.public must be a CryptoKey');
    const mine = partOf(key, 'private');
    if (other.algorithm.name !== key.algorithm.name) throw failure('InvalidAccessError', `The public key must be of ${key.algorithm.name}`);
    if (dataOf(other).curve !== mine.curve) throw failure('InvalidAccessError', 'Named curve mismatch');
    let secret;
    try {
      secret = curves.agree(mine, partOf(other, 'public'));
    } catch {
      throw operationError();
    }
    if (length === null || length === undefined) return secret;
    if (length > 8 * secret.length) throw operationError('derived bit length is too small');
    const result = secret.slice(0, Math.ceil(length / 8));
    if (length % 8 !== 0) result[result.length - 1] &= 0xff << (8 - (length % 8));
    return result;
  },
};

const signing = { private: ['sign'], public: ['verify'], use: 'sig' };
const deriving = { private: ['deriveKey', 'deriveBits'], public: [], use: 'enc' };

export const asymmetric = {
  ECDSA: pairs('ECDSA', signing, ecdsa, true),
  ECDH: pairs('ECDH', deriving, agreement, true),
  Ed25519: pairs('Ed25519', signing, ed25519, false),
  X25519: pairs('X25519', deriving, agreement, false),
};
