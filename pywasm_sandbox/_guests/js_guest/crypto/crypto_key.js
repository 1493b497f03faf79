// CryptoKey: what may be known of a key, and for the guest's own code its bytes.

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
const OWN = Symbol('own');

const illegal = () => Object.assign(new TypeError('Illegal constructor'), { code: 'ERR_ILLEGAL_CONSTRUCTOR' });

export class CryptoKey {
  #fields;
  #data;

  constructor(token, fields, data) {
    if (token !== OWN) throw illegal();
    this.#fields = fields;
    this.#data = data;
  }

  get type() {
    return this.#fields.type;
  }

  get extractable() {
    return this.#fields.extractable;
  }

  get algorithm() {
    return this.#fields.algorithm;
  }

  get usages() {
    return this.#fields.usages;
  }

  get [Symbol.toStringTag]() {
    return 'CryptoKey';
  }

  [inspectCustom](depth, options, inspect) {
    if (depth < 0) return '[CryptoKey]';
    const { type, extractable, algorithm, usages } = this.#fields;
    const deeper = { ...options, depth: options.depth === null ? null : options.depth - 1 };
    return `CryptoKey ${inspect({ type, extractable, algorithm, usages }, deeper)}`;
  }

  static isKey(value) {
    return typeof value === 'object' && value !== null && #data in value;
  }

  static dataOf(key) {
    return key.#data;
  }
}

export const { isKey, dataOf } = CryptoKey;
delete CryptoKey.isKey;
delete CryptoKey.dataOf;
Object.defineProperty(CryptoKey.prototype, inspectCustom, { enumerable: false });

// `data`: bytes, or of an elliptic curve a key of curves.js.
export function makeKey(type, extractable, algorithm, usages, data) {
  const fields = { type, extractable: Boolean(extractable), algorithm, usages };
  return new CryptoKey(OWN, fields, data);
}
