// The Streams Standard, from its reference implementation.

import {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from 'web-streams-polyfill';
import { defineGlobals, inspectCustom } from './define.js';

defineGlobals({
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
});

// Shown as Node shows its own.
function show(constructor, stateOf) {
  Object.defineProperty(constructor.prototype, inspectCustom, {
    value(depth, options, inspect) {
      return depth < 0 ? `[${constructor.name}]` : `${constructor.name} ${inspect(stateOf(this), options)}`;
    },
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

show(ReadableStream, (stream) => ({
  locked: stream.locked,
  state: stream._state,
  supportsBYOB: stream._readableStreamController instanceof ReadableByteStreamController,
}));
show(WritableStream, (stream) => ({ locked: stream.locked, state: stream._state }));
show(TransformStream, ({ readable, writable, _backpressure: backpressure }) => ({ readable, writable, backpressure }));
