// What undici's Headers, Request, Response and FormData import from Node's modules, all in one.

import { formatWithOptions, inspect } from 'node-inspect-extracted';

const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);

export { formatWithOptions, inspect };

// node:util, node:util/types
export const isArrayBuffer = (value) => tag(value) === 'ArrayBuffer';
export const isSharedArrayBuffer = (value) => tag(value) === 'SharedArrayBuffer';
export const isAnyArrayBuffer = (value) => isArrayBuffer(value) || isSharedArrayBuffer(value);
export const isArrayBufferView = ArrayBuffer.isView;
export const isDataView = (value) => tag(value) === 'DataView';
export const isTypedArray = (value) => ArrayBuffer.isView(value) && !isDataView(value);
export const isUint8Array = (value) => value instanceof Uint8Array;
export const isProxy = () => false;
export const types = {
  isAnyArrayBuffer,
  isArrayBuffer,
  isArrayBufferView,
  isDataView,
  isProxy,
  isSharedArrayBuffer,
  isTypedArray,
  isUint8Array,
};

// node:stream: bodies are web streams here, whose state is the polyfill's
export class Readable {}
export class Transform {}
export const isErrored = (stream) => stream?._state === 'errored';
export const isDisturbed = (stream) => Boolean(stream?._disturbed);

// node:http, node:events, node:net, node:querystring
export class IncomingMessage {}
export class EventEmitter {}
export const defaultMaxListeners = 0;
export const getMaxListeners = () => 0;
export const setMaxListeners = () => {};
export const isIP = () => 0;
export const stringify = (query) => new URLSearchParams(query).toString();

// node:perf_hooks, node:crypto, node:worker_threads
export const performance = globalThis.performance;
export const randomInt = (end) => Math.floor(Math.random() * end);
export const markAsUncloneable = () => {};
