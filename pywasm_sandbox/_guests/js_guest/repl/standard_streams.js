// The standard streams of a program, over descriptors 0, 1 and 2.

import native from 'pywasm:native';
import { builtins } from '../node/builtins.js';
import { useStandardInput } from '../node/readline.js';
import { process } from './process.js';
import { whenReadable } from './watches.js';

const CHUNK_BYTES = 65536;

// What is there, waiting until there is something; null at the end.
export function readChunk() {
  const bytes = new Uint8Array(CHUNK_BYTES);
  const count = native.receive(0, bytes);
  return count > 0 ? builtins.buffer.Buffer.from(bytes.buffer, 0, count) : null;
}

export function readAll() {
  const parts = [];
  for (let part = readChunk(); part !== null; part = readChunk()) parts.push(part);
  return builtins.buffer.Buffer.concat(parts);
}

// Waits for its descriptor in the loop, so that timers go on, and only while somebody wants to read.
function makeInput() {
  let watch = null;
  let isWanted = false;
  let isReferenced = true;
  const stopWaiting = () => {
    watch?.close();
    watch = null;
  };
  const startWaiting = () => {
    if (!isWanted || watch !== null) return;
    watch = whenReadable(0, () => {
      watch = null;
      isWanted = false;
      input.push(readChunk());
    });
    watch.isReferenced = isReferenced;
  };
  const setReferenced = (value) => {
    isReferenced = value;
    if (watch !== null) watch.isReferenced = value;
    return input;
  };
  const input = new builtins.stream.Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      isWanted = true;
      startWaiting();
    },
    destroy(error, callback) {
      stopWaiting();
      callback(error);
    },
  });
  input.on('pause', stopWaiting);
  input.on('resume', startWaiting);
  return Object.assign(input, { fd: 0, isTTY: undefined, ref: () => setReferenced(true), unref: () => setReferenced(false) });
}

function writeAll(descriptor, bytes) {
  for (let done = 0; done < bytes.length; ) {
    const count = native.write(descriptor, bytes, done, bytes.length - done, -1);
    if (count <= 0) return;
    done += count;
  }
}

// Bytes are written as they are, where a cell's output is text.
function connectOutput(stream, descriptor) {
  stream._write = (chunk, encoding, callback) => {
    const isText = typeof chunk === 'string';
    if (isText && /^utf-?8$/i.test(encoding ?? 'utf8')) native.print(descriptor, chunk);
    else writeAll(descriptor, isText ? builtins.buffer.Buffer.from(chunk, encoding) : chunk);
    callback();
  };
  delete stream.isTTY;
  delete stream.columns;
  delete stream.rows;
}

export function connectStandardStreams() {
  let input = null;
  Object.defineProperty(process, 'stdin', {
    get: () => (input ??= makeInput()),
    set: (value) => (input = value),
    configurable: true,
    enumerable: true,
  });
  useStandardInput();
  connectOutput(process.stdout, 1);
  connectOutput(process.stderr, 2);
}
