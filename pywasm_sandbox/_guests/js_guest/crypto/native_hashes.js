// The engine's hash functions in the shape of @noble/hashes, so that its HMAC and key derivations take them. They
// digest all of their input at once, at the end.

import native from 'pywasm:native';

class Hash {
  #name;
  #chunks = [];
  #length = 0;

  constructor(name, blockLen, outputLen) {
    this.#name = name;
    this.blockLen = blockLen;
    this.outputLen = outputLen;
  }

  update(data) {
    this.#chunks.push(data.slice());
    this.#length += data.length;
    return this;
  }

  #input() {
    if (this.#chunks.length === 1) return this.#chunks[0];
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [all];
    return all;
  }

  digest() {
    return native.digest(this.#name, this.#input());
  }

  digestInto(output) {
    output.set(this.digest());
  }

  destroy() {
    this.#chunks = [];
  }

  _cloneInto(to) {
    const copy = to ?? new Hash(this.#name, this.blockLen, this.outputLen);
    copy.#chunks = [...this.#chunks];
    copy.#length = this.#length;
    return copy;
  }

  clone() {
    return this._cloneInto();
  }
}

function hashFunction(name, blockLen, outputLen) {
  const hash = (data) => native.digest(name, data);
  return Object.assign(hash, { blockLen, outputLen, create: () => new Hash(name, blockLen, outputLen) });
}

export const md5 = hashFunction('md5', 64, 16);
export const sha1 = hashFunction('sha1', 64, 20);
export const sha224 = hashFunction('sha224', 64, 28);
export const sha256 = hashFunction('sha256', 64, 32);
export const sha384 = hashFunction('sha384', 128, 48);
export const sha512 = hashFunction('sha512', 128, 64);
