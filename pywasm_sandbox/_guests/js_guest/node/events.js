// node:events: the package, and what Node has added since.

import { events } from '../packages.js';
import asyncHooks from './async_hooks.js';
import { codedError, invalidArgument } from './errors.js';
import { nameMethods } from './names.js';

const errorMonitor = Symbol('events.errorMonitor');
const captureRejectionSymbol = Symbol.for('nodejs.rejection');

const { emit } = events.prototype;
const { init } = events;
const shapeMode = Symbol('shapeMode');
const kCapture = Symbol('kCapture');

// What Node shows of an emitter.
events.init = function (options) {
  init.call(this, options);
  this[shapeMode] = false;
  this[kCapture] = Boolean(options?.captureRejections ?? false);
};

events.prototype.emit = function (type, ...args) {
  if (type === 'error' && this._events?.[errorMonitor] !== undefined) emit.call(this, errorMonitor, ...args);
  return emit.call(this, type, ...args);
};

const isTarget = (value) => typeof value?.addEventListener === 'function' && typeof value.on !== 'function';

const notEmitter = (value) => invalidArgument('emitter', 'an instance of EventEmitter or EventTarget', value);

function listen(emitter, type, listener, options) {
  if (typeof emitter?.on === 'function') emitter.on(type, listener);
  else if (isTarget(emitter)) emitter.addEventListener(type, listener, options);
  else throw notEmitter(emitter);
}

function unlisten(emitter, type, listener) {
  if (typeof emitter.removeListener === 'function') emitter.removeListener(type, listener);
  else emitter.removeEventListener(type, listener);
}

const abortError = (signal) => Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });

function checkSignal(signal) {
  if (signal !== undefined && typeof signal?.aborted !== 'boolean') throw invalidArgument('options.signal', 'an instance of AbortSignal', signal);
  if (signal?.aborted) throw abortError(signal);
}

// An async iterator of the arguments of an event; it ends when one of `options.close` comes.
function on(emitter, type, { signal, close = [] } = {}) {
  checkSignal(signal);
  const waiting = []; // of values, promises' halves in `asking`
  const asking = [];
  let failure = null;
  let isOver = false;

  const give = (...args) => (asking.length > 0 ? asking.shift().resolve({ value: args, done: false }) : waiting.push(args));
  const fail = (error) => (asking.length > 0 ? asking.shift().reject(error) : (failure = { error }));
  const abort = () => fail(abortError(signal));

  function finish() {
    isOver = true;
    unlisten(emitter, type, give);
    unlisten(emitter, 'error', fail);
    for (const each of close) unlisten(emitter, each, finish);
    signal?.removeEventListener('abort', abort);
    for (const { resolve } of asking.splice(0)) resolve({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  }

  listen(emitter, type, give);
  if (type !== 'error' && !isTarget(emitter)) emitter.on('error', fail);
  for (const each of close) listen(emitter, each, finish);
  signal?.addEventListener('abort', abort, { once: true });

  return Object.setPrototypeOf(
    {
      next() {
        if (waiting.length > 0) return Promise.resolve({ value: waiting.shift(), done: false });
        if (failure !== null) {
          const { error } = failure;
          failure = null;
          return Promise.reject(error);
        }
        if (isOver) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve, reject) => asking.push({ resolve, reject }));
      },
      return: finish,
      throw(error) {
        if (!(error instanceof Error)) throw invalidArgument('EventEmitter.AsyncIterator', 'an instance of Error', error);
        fail(error);
        finish();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
    Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype)),
  );
}

async function once(emitter, type, { signal } = {}) {
  checkSignal(signal);
  return new Promise((resolve, reject) => {
    const finish = (settle, value) => {
      unlisten(emitter, type, given);
      if (watchesErrors) unlisten(emitter, 'error', failed);
      signal?.removeEventListener('abort', aborted);
      settle(value);
    };
    const given = (...args) => finish(resolve, args);
    const failed = (error) => finish(reject, error);
    const aborted = () => finish(reject, abortError(signal));
    const watchesErrors = type !== 'error' && !isTarget(emitter);
    listen(emitter, type, given, { once: true });
    if (watchesErrors) emitter.on('error', failed);
    signal?.addEventListener('abort', aborted, { once: true });
  });
}

function getEventListeners(emitter, type) {
  if (typeof emitter?.listeners === 'function') return emitter.listeners(type);
  if (isTarget(emitter)) throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', 'The listeners of an EventTarget are not known in this sandbox');
  throw notEmitter(emitter);
}

function addAbortListener(signal, listener) {
  if (typeof signal?.aborted !== 'boolean') throw invalidArgument('signal', 'an instance of AbortSignal', signal);
  if (typeof listener !== 'function') throw invalidArgument('listener', 'of type function', listener);
  if (signal.aborted) queueMicrotask(() => listener());
  else signal.addEventListener('abort', listener, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', listener) };
}

function setMaxListeners(count = events.defaultMaxListeners, ...emitters) {
  if (emitters.length === 0) events.defaultMaxListeners = count;
  for (const emitter of emitters) emitter.setMaxListeners?.(count);
}

const named = (name, value) => ({ [name]: { value, writable: true, enumerable: true, configurable: true } });

Object.defineProperties(events, {
  ...named('addAbortListener', addAbortListener),
  ...named('captureRejectionSymbol', captureRejectionSymbol),
  ...named('errorMonitor', errorMonitor),
  ...named('getEventListeners', getEventListeners),
  ...named('getMaxListeners', (emitter) => emitter.getMaxListeners?.() ?? events.defaultMaxListeners),
  ...named('on', on),
  ...named('once', once),
  ...named('setMaxListeners', setMaxListeners),
});
events.EventEmitterAsyncResource = class EventEmitterAsyncResource extends events {
  #resource;

  constructor(options) {
    super(options);
    this.#resource = new asyncHooks.AsyncResource(options?.name ?? new.target.name);
  }

  emit(type, ...args) {
    return this.#resource.runInAsyncScope(super.emit, this, type, ...args);
  }

  get asyncResource() {
    return this.#resource;
  }

  emitDestroy() {
    this.#resource.emitDestroy();
  }
};

nameMethods(events.prototype);

export default events;
