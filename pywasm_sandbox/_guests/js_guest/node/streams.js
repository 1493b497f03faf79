// Between node:stream and the web platform's streams: what readable-stream leaves out.

import { viewOf } from '../crypto/bytes.js';
import { Buffer } from './buffer.js';
import { invalidArgument } from './errors.js';
import { nameMethods } from './names.js';

const asChunk = (value, isObjects) => {
  const view = isObjects ? undefined : viewOf(value);
  return view === undefined ? value : Buffer.from(view.buffer, view.byteOffset, view.byteLength);
};

const asBytes = (value) => (Buffer.isBuffer(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : value);

function check(name, value, Type) {
  if (!(value instanceof Type)) throw invalidArgument(name, `an instance of ${Type.name}`, value);
}

// Gives the two functions of a Node stream that reads a web stream.
function reading(web, isObjects) {
  const reader = web.getReader();
  return {
    read() {
      reader.read().then(
        ({ value, done }) => this.push(done ? null : asChunk(value, isObjects)),
        (error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      // One that has ended or failed can't be cancelled, which is no failure.
      reader.cancel(error ?? undefined).then(
        () => callback(error),
        () => callback(error),
      );
    },
  };
}

function writing(web) {
  const writer = web.getWriter();
  const settle = (promise, callback) => promise.then(() => callback(), callback);
  return {
    write: (chunk, encoding, callback) => settle(writer.write(chunk), callback),
    final: (callback) => settle(writer.close(), callback),
    abort: (error) => writer.abort(error).catch(() => {}),
  };
}

function readableFromWeb(Readable, web, options = {}) {
  check('readableStream', web, ReadableStream);
  return new Readable({ ...options, ...reading(web, options.objectMode) });
}

function writableFromWeb(Writable, web, options = {}) {
  check('writableStream', web, WritableStream);
  const { write, final, abort } = writing(web);
  const destroy = (error, callback) => (error ? abort(error).then(() => callback(error)) : callback(null));
  return new Writable({ ...options, write, final, destroy });
}

function readableToWeb(stream, { strategy } = {}) {
  const chunks = stream[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(asBytes(value));
      },
      cancel: (reason) => void stream.destroy(reason),
    },
    strategy ?? { highWaterMark: 1 },
  );
}

function writableToWeb(stream) {
  return new WritableStream({
    start(controller) {
      stream.on('error', (error) => controller.error(error));
    },
    write: (chunk) => new Promise((resolve, reject) => stream.write(asChunk(chunk, false), (error) => (error ? reject(error) : resolve()))),
    close: () =>
      new Promise((resolve, reject) => {
        stream.once('error', reject);
        stream.end(resolve);
      }),
    abort: (reason) => void stream.destroy(reason),
  });
}

export function completeStreams({ Readable, Writable, Duplex, Transform, Stream }) {
  for (const { prototype } of [Readable, Writable, Duplex, Transform, Stream]) nameMethods(prototype);
  Readable.fromWeb = (web, options) => readableFromWeb(Readable, web, options);
  Readable.toWeb = readableToWeb;
  Writable.fromWeb = (web, options) => writableFromWeb(Writable, web, options);
  Writable.toWeb = writableToWeb;
  Duplex.toWeb = (stream) => ({ readable: readableToWeb(stream), writable: writableToWeb(stream) });
  Duplex.fromWeb = ({ readable, writable }, options = {}) => {
    const { write, final, abort } = writing(writable);
    const { read, destroy } = reading(readable, options.readableObjectMode ?? options.objectMode);
    return new Duplex({
      ...options,
      read,
      write,
      final,
      destroy(error, callback) {
        if (error) abort(error);
        destroy.call(this, error, callback);
      },
    });
  };
}
