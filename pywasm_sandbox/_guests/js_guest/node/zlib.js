// node:zlib over pako: the synchronous functions, with callbacks, and as streams that work when their input ends.

import { pako, stream } from '../packages.js';
import { Buffer } from './buffer.js';
import { codedError, outOfRange } from './errors.js';

const constants = {
  Z_NO_FLUSH: 0,
  Z_PARTIAL_FLUSH: 1,
  Z_SYNC_FLUSH: 2,
  Z_FULL_FLUSH: 3,
  Z_FINISH: 4,
  Z_BLOCK: 5,
  Z_OK: 0,
  Z_STREAM_END: 1,
  Z_NEED_DICT: 2,
  Z_ERRNO: -1,
  Z_STREAM_ERROR: -2,
  Z_DATA_ERROR: -3,
  Z_MEM_ERROR: -4,
  Z_BUF_ERROR: -5,
  Z_NO_COMPRESSION: 0,
  Z_BEST_SPEED: 1,
  Z_BEST_COMPRESSION: 9,
  Z_DEFAULT_COMPRESSION: -1,
  Z_FILTERED: 1,
  Z_HUFFMAN_ONLY: 2,
  Z_RLE: 3,
  Z_FIXED: 4,
  Z_DEFAULT_STRATEGY: 0,
};

const ERRORS = {
  'incorrect header check': ['Z_DATA_ERROR', -3],
  'invalid block type': ['Z_DATA_ERROR', -3],
  'incorrect data check': ['Z_DATA_ERROR', -3],
  'buffer error': ['Z_BUF_ERROR', -5],
  'unexpected end of file': ['Z_BUF_ERROR', -5],
};

function failure(cause) {
  const message = typeof cause === 'string' ? cause : (cause?.message ?? String(cause));
  const text = message === 'buffer error' ? 'unexpected end of file' : message;
  const [code, errno] = ERRORS[text] ?? ['Z_DATA_ERROR', -3];
  return Object.assign(new Error(text), { code, errno });
}

const bytesOf = (data) => {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "buffer" argument must be of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer.');
};

function run(action, data, options) {
  let result;
  try {
    result = action(bytesOf(data), options);
  } catch (error) {
    if (String(error.code).startsWith('ERR_')) throw error;
    throw failure(error);
  }
  if (result === undefined) throw failure('unexpected end of file');
  const limit = options?.maxOutputLength;
  if (limit !== undefined && result.length > limit) {
    throw codedError(RangeError, 'ERR_BUFFER_TOO_LARGE', `Cannot create a Buffer larger than ${limit} bytes`);
  }
  return Buffer.from(result.buffer, result.byteOffset, result.byteLength);
}

const RANGES = { level: [-1, 9], windowBits: [8, 15], memLevel: [1, 9], strategy: [0, 4] };

function optionsOf(options = {}) {
  const chosen = {};
  for (const [name, [low, high]] of Object.entries(RANGES)) {
    const value = options[name];
    if (value === undefined || (name === 'windowBits' && value === 0)) continue;
    if (!(value >= low && value <= high)) throw outOfRange(`options.${name}`, `>= ${low} and <= ${high}`, value);
    chosen[name] = value;
  }
  if (options.dictionary !== undefined) chosen.dictionary = bytesOf(options.dictionary);
  return chosen;
}

const ACTIONS = {
  deflate: (data, options) => pako.deflate(data, optionsOf(options)),
  deflateRaw: (data, options) => pako.deflateRaw(data, optionsOf(options)),
  gzip: (data, options) => pako.gzip(data, optionsOf(options)),
  gunzip: (data, options) => pako.inflate(data, { ...optionsOf(options), windowBits: 31 }),
  inflate: (data, options) => pako.inflate(data, { ...optionsOf(options), windowBits: 15 }),
  inflateRaw: (data, options) => pako.inflateRaw(data, optionsOf(options)),
  unzip: (data, options) => pako.inflate(data, optionsOf(options)),
};

const zlib = { constants, codes: { Z_OK: 0, 0: 'Z_OK' }, ...constants };

for (const [name, action] of Object.entries(ACTIONS)) {
  const className = name[0].toUpperCase() + name.slice(1);
  const sync = (data, options) => run(action, data, options);
  const Class = {
    [className]: class extends stream.Transform {
      #parts = [];
      #options;

      constructor(options) {
        super(options);
        this.#options = options;
      }

      _transform(chunk, encoding, callback) {
        this.#parts.push(chunk);
        callback();
      }

      _flush(callback) {
        try {
          callback(null, sync(Buffer.concat(this.#parts), this.#options));
        } catch (error) {
          callback(error);
        }
      }
    },
  }[className];
  zlib[`${name}Sync`] = sync;
  zlib[name] = (data, options, callback) => {
    const done = typeof options === 'function' ? options : callback;
    try {
      setImmediate(done, null, sync(data, typeof options === 'function' ? undefined : options));
    } catch (error) {
      setImmediate(done, error);
    }
  };
  zlib[className] = Class;
  zlib[`create${className}`] = (options) => new Class(options);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

zlib.crc32 = (data, value = 0) => {
  let crc = ~value;
  for (const byte of bytesOf(data)) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
};

const BROTLI = ['brotliCompress', 'brotliDecompress', 'brotliCompressSync', 'brotliDecompressSync'];
BROTLI.push('createBrotliCompress', 'createBrotliDecompress', 'BrotliCompress', 'BrotliDecompress');
for (const name of BROTLI) {
  zlib[name] = function () {
    throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `zlib.${name} is not available in this sandbox; it has deflate and gzip`);
  };
}

export default zlib;
