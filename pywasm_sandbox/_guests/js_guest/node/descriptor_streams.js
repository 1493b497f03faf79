// Streams over descriptors that the host made: pipes and a program's standard input.

import native from 'pywasm:native';
import { stream as streams } from '../packages.js';
import { whenReadable, whenWritable } from '../repl/watches.js';
import { Buffer } from './buffer.js';
import { systemError } from './errors.js';

const CHUNK_BYTES = 65536;

// What is there, waiting until there is something; null at the end, and where it can't be read.
export function readChunk(fd) {
  const bytes = new Uint8Array(CHUNK_BYTES);
  const count = native.receive(fd, bytes);
  return count > 0 ? Buffer.from(bytes.buffer, 0, count) : null;
}

// Waits for the descriptor in the loop, so that all else goes on, and only while somebody wants to read.
export function readableOf(fd) {
  let watch = null;
  let isWanted = false;
  let isReferenced = true;
  const stopWaiting = () => {
    watch?.close();
    watch = null;
  };
  const startWaiting = () => {
    if (!isWanted || watch !== null) return;
    watch = whenReadable(fd, () => {
      watch = null;
      isWanted = false;
      stream.push(readChunk(fd));
    });
    watch.isReferenced = isReferenced;
  };
  const setReferenced = (value) => {
    isReferenced = value;
    if (watch !== null) watch.isReferenced = value;
    return stream;
  };
  const stream = new streams.Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      isWanted = true;
      startWaiting();
    },
    destroy(error, callback) {
      stopWaiting();
      if (fd > 2) native.close(fd);
      callback(error);
    },
  });
  stream.on('pause', stopWaiting);
  stream.on('resume', startWaiting);
  return Object.assign(stream, { fd, isTTY: undefined, ref: () => setReferenced(true), unref: () => setReferenced(false) });
}

// Writes what there is room for, and waits in the loop for more.
export function writableOf(fd) {
  native.dontWait(fd);
  let watch = null;
  let isOpen = true;
  const close = () => {
    watch?.close();
    if (isOpen) native.close(fd);
    isOpen = false;
  };
  const write = (bytes, start, callback) => {
    watch = null;
    for (let done = start; done < bytes.length; ) {
      const count = native.transmit(fd, bytes, done);
      if (count === null) {
        watch = whenWritable(fd, () => write(bytes, done, callback));
        return;
      }
      if (count < 0) {
        callback(systemError(count, 'write'));
        return;
      }
      done += count;
    }
    callback();
  };
  const stream = new streams.Writable({
    write: (chunk, encoding, callback) => write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk, 0, callback),
    final(callback) {
      close();
      callback();
    },
    destroy(error, callback) {
      close();
      callback(error);
    },
  });
  return Object.assign(stream, { fd, ref: () => stream, unref: () => stream });
}
