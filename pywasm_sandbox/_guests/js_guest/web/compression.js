// CompressionStream and DecompressionStream over pako.

import { Deflate, Inflate } from 'pako';
import { defineGlobals } from './define.js';

const kinds = {
  deflate: [(flush) => new Deflate(), () => new Inflate()],
  gzip: [() => new Deflate({ gzip: true }), () => new Inflate()],
  'deflate-raw': [() => new Deflate({ raw: true }), () => new Inflate({ raw: true })],
};

function bytesOf(chunk) {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError('The chunk is neither an ArrayBuffer nor a view of one');
}

function pair(format, direction) {
  const kind = kinds[format];
  if (!kind) throw new TypeError(`The format ${format} is none of ${Object.keys(kinds).join(', ')}`);
  const codec = kind[direction]();
  const check = () => {
    if (codec.err) throw new TypeError(codec.msg || 'The compressed data is not valid');
  };
  return new TransformStream({
    start(controller) {
      codec.onData = (chunk) => controller.enqueue(chunk);
    },
    transform(chunk) {
      codec.push(bytesOf(chunk), false);
      check();
    },
    flush() {
      codec.push(new Uint8Array(0), true);
      check();
      if (direction === 1 && !codec.ended) throw new TypeError('The compressed data is incomplete');
    },
  });
}

class CompressionStream {
  #pair;

  constructor(format) {
    this.#pair = pair(String(format), 0);
  }

  get readable() {
    return this.#pair.readable;
  }

  get writable() {
    return this.#pair.writable;
  }
}

class DecompressionStream {
  #pair;

  constructor(format) {
    this.#pair = pair(String(format), 1);
  }

  get readable() {
    return this.#pair.readable;
  }

  get writable() {
    return this.#pair.writable;
  }
}

defineGlobals({ CompressionStream, DecompressionStream });
