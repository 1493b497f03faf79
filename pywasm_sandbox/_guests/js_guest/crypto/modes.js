// AES' modes of operation and ChaCha20-Poly1305, of which data come in parts: @noble/ciphers takes whole messages.
// A message is an object with `update(bytes)` and `final()`, which give bytes.

import { cbc, chacha20, chacha20poly1305, ctr, ecb, ghash } from '../packages.js';
import { concat, EMPTY } from './bytes.js';

const BLOCK = 16;
const TAG = 16;

// What was encrypted can't be: `reason` is OpenSSL's.
export class CipherFailure extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

// CBC, or ECB where `iv` is null, with PKCS #7's padding.
export class BlockMode {
  pads = true;
  #key;
  #iv;
  #isEncryption;
  #rest = EMPTY;

  constructor(key, iv, isEncryption) {
    this.#key = key;
    this.#iv = iv;
    this.#isEncryption = isEncryption;
  }

  update(bytes) {
    const all = concat([this.#rest, bytes]);
    let count = all.length - (all.length % BLOCK);
    // The last block may have the padding.
    if (!this.#isEncryption && this.pads && count === all.length) count = Math.max(count - BLOCK, 0);
    this.#rest = all.slice(count);
    return this.#convert(all.subarray(0, count));
  }

  final() {
    const rest = this.#rest;
    if (!this.pads) {
      if (rest.length > 0) throw new CipherFailure('wrong final block length');
      return EMPTY;
    }
    if (this.#isEncryption) {
      const padding = BLOCK - rest.length;
      return this.#convert(concat([rest, new Uint8Array(padding).fill(padding)]));
    }
    if (rest.length !== BLOCK) throw new CipherFailure('wrong final block length');
    const block = this.#convert(rest);
    const padding = block[BLOCK - 1];
    const isPadded = padding >= 1 && padding <= BLOCK && block.subarray(BLOCK - padding).every((byte) => byte === padding);
    if (!isPadded) throw new CipherFailure('bad decrypt');
    return block.subarray(0, BLOCK - padding);
  }

  #convert(blocks) {
    if (blocks.length === 0) return EMPTY;
    const options = { disablePadding: true };
    const cipher = this.#iv === null ? ecb(this.#key, options) : cbc(this.#key, this.#iv, options);
    const result = this.#isEncryption ? cipher.encrypt(blocks) : cipher.decrypt(blocks);
    if (this.#iv !== null) this.#iv = (this.#isEncryption ? result : blocks).slice(-BLOCK);
    return result;
  }
}

// CTR: the lowest `bits` of the counter count, the others stay.
export class CounterMode {
  #key;
  #start;
  #mask;
  #position = 0n;

  // `isFirstUsed`: whether the first block of the key stream was used for something else.
  constructor(key, counter, bits = 128, isFirstUsed = false) {
    this.#key = key;
    this.#start = BigInt(`0x${counter.toHex()}`);
    this.#mask = (1n << BigInt(bits)) - 1n;
    if (isFirstUsed) this.#position = 16n;
  }

  update(bytes) {
    const output = new Uint8Array(bytes.length);
    for (let done = 0; done < bytes.length; ) {
      const skipped = Number(this.#position % 16n);
      const low = (this.#start + this.#position / 16n) & this.#mask;
      // Up to where the counter begins again: the package's goes on into the bits above.
      const room = (this.#mask + 1n - low) * 16n - BigInt(skipped);
      const size = room < bytes.length - done ? Number(room) : bytes.length - done;
      const padded = new Uint8Array(skipped + size);
      padded.set(bytes.subarray(done, done + size), skipped);
      output.set(ctr(this.#key, this.#block(low)).encrypt(padded).subarray(skipped), done);
      this.#position += BigInt(size);
      done += size;
    }
    return output;
  }

  final() {
    return EMPTY;
  }

  #block(low) {
    const value = (this.#start & ~this.#mask) | low;
    return Uint8Array.fromHex(value.toString(16).padStart(2 * BLOCK, '0'));
  }
}

const lengthsOf = (...parts) => {
  const view = new DataView(new ArrayBuffer(BLOCK));
  parts.forEach((length, index) => view.setBigUint64(8 * index, 8n * BigInt(length)));
  return new Uint8Array(view.buffer);
};

const padded = (parts) => {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return [...parts, new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK)];
};

const sizeOf = (parts) => parts.reduce((sum, part) => sum + part.length, 0);

// https://csrc.nist.gov/pubs/sp/800/38/d/final, with an IV of any length
export class GcmMode {
  #isEncryption;
  #hashKey;
  #mask;
  #stream;
  #data = [];
  #ciphertext = [];

  constructor(key, iv, isEncryption) {
    const encryptBlock = (block) => ctr(key, block).encrypt(new Uint8Array(BLOCK));
    this.#isEncryption = isEncryption;
    this.#hashKey = encryptBlock(new Uint8Array(BLOCK));
    const first =
      iv.length === 12
        ? concat([iv, Uint8Array.of(0, 0, 0, 1)])
        : ghash(concat([...padded([iv]), lengthsOf(0, iv.length)]), this.#hashKey);
    this.#mask = encryptBlock(first);
    this.#stream = new CounterMode(key, first, 32, true);
  }

  addData(bytes) {
    this.#data.push(bytes.slice());
  }

  update(bytes) {
    const result = this.#stream.update(bytes);
    this.#ciphertext.push(this.#isEncryption ? result : bytes.slice());
    return result;
  }

  final() {
    return EMPTY;
  }

  // The whole tag of what was en- or decrypted.
  tag() {
    const [data, text] = [this.#data, this.#ciphertext];
    const hash = ghash(concat([...padded(data), ...padded(text), lengthsOf(sizeOf(data), sizeOf(text))]), this.#hashKey);
    return hash.map((byte, index) => byte ^ this.#mask[index]);
  }
}

// https://www.rfc-editor.org/rfc/rfc8439
export class ChaChaMode {
  #key;
  #nonce;
  #isEncryption;
  #position = 0;
  #data = [];
  #plaintext = [];

  constructor(key, nonce, isEncryption) {
    this.#key = key;
    this.#nonce = nonce;
    this.#isEncryption = isEncryption;
  }

  addData(bytes) {
    this.#data.push(bytes.slice());
  }

  update(bytes) {
    const skipped = this.#position % 64;
    const input = new Uint8Array(skipped + bytes.length);
    input.set(bytes, skipped);
    const counter = 1 + (this.#position - skipped) / 64;
    const result = chacha20(this.#key, this.#nonce, input, undefined, counter).slice(skipped);
    this.#position += bytes.length;
    this.#plaintext.push(this.#isEncryption ? bytes.slice() : result);
    return result;
  }

  final() {
    return EMPTY;
  }

  tag() {
    const cipher = chacha20poly1305(this.#key, this.#nonce, concat(this.#data));
    return cipher.encrypt(concat(this.#plaintext)).slice(-TAG);
  }
}
