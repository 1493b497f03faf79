// What Web Crypto's methods check of their arguments, and the errors that they fail with.

import { codedError } from '../node/errors.js';
import { viewOf } from './bytes.js';

export const failure = (name, message) => new DOMException(message, name);
export const unsupported = (message = 'Unrecognized algorithm name') => failure('NotSupportedError', message);
export const operationError = (message = 'The operation failed for an operation-specific reason') => failure('OperationError', message);
export const dataError = (message) => failure('DataError', message);

const USAGES = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey'];
const FORMATS = ['raw', 'pkcs8', 'spki', 'jwk'];
const ORDINALS = ['1st', '2nd', '3rd', '4th', '5th', '6th', '7th'];

const invalidValue = (message) => codedError(TypeError, 'ERR_INVALID_ARG_VALUE', message);

export class Arguments {
  #method;

  constructor(method, given, needed) {
    this.#method = method;
    if (given >= needed) return;
    throw codedError(TypeError, 'ERR_MISSING_ARGS', `${this.#failed}: ${needed} arguments required, but only ${given} present.`);
  }

  get #failed() {
    return `Failed to execute '${this.#method}' on 'SubtleCrypto'`;
  }

  // A copy: what is given may change while it is worked on.
  bytes(data, position) {
    const view = viewOf(data);
    if (view !== undefined) return view.slice();
    const message = `${this.#failed}: ${ORDINALS[position]} argument is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.`;
    throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', message);
  }

  notKey(position) {
    return codedError(TypeError, 'ERR_INVALID_ARG_TYPE', `${this.#failed}: ${ORDINALS[position]} argument is not of type CryptoKey.`);
  }

  usages(list, position) {
    const usages = [...list].map(String);
    const wrong = usages.findIndex((usage) => !USAGES.includes(usage));
    if (wrong < 0) return [...new Set(usages)];
    throw invalidValue(
      `${this.#failed}: ${ORDINALS[position]} argument, index ${wrong} value '${usages[wrong]}' is not a valid enum value of type KeyUsage.`,
    );
  }

  format(value, position) {
    if (FORMATS.includes(`${value}`)) return `${value}`;
    throw invalidValue(`${this.#failed}: ${ORDINALS[position]} argument value '${value}' is not a valid enum value of type KeyFormat.`);
  }
}

// The members of an algorithm that it cannot go without.
export function requireMembers(algorithm, dictionary, ...names) {
  for (const name of names) {
    if (algorithm[name] !== undefined) continue;
    const message = `Failed to normalize algorithm: passed algorithm can not be converted to '${dictionary}' because '${name}' is required in '${dictionary}'.`;
    throw codedError(TypeError, 'ERR_MISSING_OPTION', message);
  }
}

export function bytesMember(algorithm, name) {
  const view = viewOf(algorithm[name]);
  if (view === undefined) throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', `algorithm.${name} is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.`);
  return view.slice();
}

export function checkUsages(usages, allowed, what) {
  if (usages.some((usage) => !allowed.includes(usage))) throw failure('SyntaxError', `Unsupported key usage for ${what}`);
}

// Of a JSON Web Key: what it says of itself must be what is asked for.
export function checkJwk(jwk, kinds, extractable, usages, use, algorithms = []) {
  if (typeof jwk !== 'object' || jwk === null || viewOf(jwk) !== undefined) throw dataError('Invalid keyData');
  if (!kinds.includes(jwk.kty)) throw dataError('Invalid JWK "kty" Parameter');
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) throw dataError('Invalid JWK "use" Parameter');
  if (jwk.ext === false && extractable) throw dataError('JWK "ext" Parameter and extractable mismatch');
  if (jwk.key_ops !== undefined && usages.some((usage) => !jwk.key_ops.includes(usage))) throw dataError('Key operations and usage mismatch');
  if (jwk.alg !== undefined && !algorithms.includes(jwk.alg)) throw dataError('JWK "alg" does not match the requested algorithm');
}
