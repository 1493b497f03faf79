// The standard streams of a program, over descriptors 0, 1 and 2.

import native from 'pywasm:native';
import { builtins } from '../node/builtins.js';
import { readableOf, readChunk } from '../node/descriptor_streams.js';
import { useStandardInput } from '../node/readline.js';
import { process } from './process.js';

export function readAll() {
  const parts = [];
  for (let part = readChunk(0); part !== null; part = readChunk(0)) parts.push(part);
  return builtins.buffer.Buffer.concat(parts);
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
}

export function connectStandardStreams() {
  let input = null;
  Object.defineProperty(process, 'stdin', {
    get: () => (input ??= readableOf(0)),
    set: (value) => (input = value),
    configurable: true,
    enumerable: true,
  });
  useStandardInput();
  connectOutput(process.stdout, 1);
  connectOutput(process.stderr, 2);
}
