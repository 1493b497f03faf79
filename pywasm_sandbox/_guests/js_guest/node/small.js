// Modules of Node that are small: perf_hooks, async_hooks, vm, diagnostics_channel, readline, constants.

import native from 'pywasm:native';
import { events } from '../packages.js';
import { call } from '../repl/wire.js';
import { constants as fsConstants } from './fs_stats.js';

export const perfHooks = {
  PerformanceEntry: globalThis.PerformanceEntry,
  PerformanceMark: globalThis.PerformanceMark,
  PerformanceMeasure: globalThis.PerformanceMeasure,
  performance: globalThis.performance,
  constants: {},
  monitorEventLoopDelay() {
    throw new Error('monitorEventLoopDelay is not available in this sandbox');
  },
};

// ---- vm

function runInThisContext(code, options) {
  return native.evaluate(String(code), (typeof options === 'string' ? options : options?.filename) ?? 'evalmachine.<anonymous>', 0);
}

const noContext = () => {
  throw new Error('vm contexts are not available in this sandbox: make another context of the sandbox instead');
};

class Script {
  #code;
  #options;
  constructor(code, options) {
    this.#code = String(code);
    this.#options = options;
    if (!native.compiles(this.#code, 0)) runInThisContext(this.#code, options); // which says what is wrong
  }

  runInThisContext() {
    return runInThisContext(this.#code, this.#options);
  }

  runInContext() {
    return noContext();
  }

  runInNewContext() {
    return noContext();
  }
}

export const vm = { Script, runInThisContext, createContext: noContext, isContext: () => false, runInContext: noContext, runInNewContext: noContext };

// ---- readline, over the host's on_input

const ask = (question) => {
  try {
    return call('input', { prompt: question, password: false });
  } catch (error) {
    if (error.name === 'EOFError') return null;
    throw error;
  }
};

class Interface extends events {
  #isClosed = false;
  #prompt = '> ';
  #source;

  constructor(options) {
    super();
    const input = options?.input;
    this.#source = input && input !== process.stdin ? input : null;
    if (this.#source) this.#pump();
  }

  async #pump() {
    for await (const line of this) this.emit('line', line);
    this.close();
  }

  question(query, options, callback) {
    const done = typeof options === 'function' ? options : callback;
    const line = ask(query);
    if (line === null) this.close();
    else if (done) setImmediate(done, line);
  }

  setPrompt(text) {
    this.#prompt = text;
  }

  getPrompt() {
    return this.#prompt;
  }

  prompt() {
    const line = ask(this.#prompt);
    if (line === null) this.close();
    else setImmediate(() => this.emit('line', line));
  }

  write() {}

  pause() {
    return this;
  }

  resume() {
    return this;
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.emit('close');
  }

  async *[Symbol.asyncIterator]() {
    if (this.#source === null) {
      for (let line = ask(''); line !== null; line = ask('')) yield line;
      return;
    }
    let rest = '';
    for await (const chunk of this.#source) {
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop();
      yield* lines;
    }
    if (rest !== '') yield rest;
  }
}

class PromiseInterface extends Interface {
  async question(query) {
    const line = ask(query);
    if (line === null) throw Object.assign(new Error('The input ended'), { name: 'AbortError', code: 'ABORT_ERR' });
    return line;
  }
}

const nothing = () => true;

export const readlinePromises = { Interface: PromiseInterface, createInterface: (options) => new PromiseInterface(options) };
export const readline = {
  Interface,
  clearLine: nothing,
  clearScreenDown: nothing,
  createInterface: (options) => new Interface(options),
  cursorTo: nothing,
  moveCursor: nothing,
  promises: readlinePromises,
};

// ---- async_hooks: a context lives in synchronous code and in what awaits within it, not in timers

class AsyncResource {
  constructor(type) {
    this.type = type;
  }

  runInAsyncScope(callback, self, ...args) {
    return callback.apply(self, args);
  }

  bind(callback) {
    return callback.bind(null);
  }

  emitDestroy() {
    return this;
  }

  asyncId() {
    return 0;
  }

  triggerAsyncId() {
    return 0;
  }

  static bind(callback) {
    return callback;
  }
}

export const asyncHooks = {
  AsyncResource,
  createHook: () => ({ enable() {}, disable() {} }),
  executionAsyncId: () => 0,
  triggerAsyncId: () => 0,
  executionAsyncResource: () => ({}),
};

// ---- diagnostics_channel

class Channel {
  #subscribers = [];

  constructor(name) {
    this.name = name;
  }

  get hasSubscribers() {
    return this.#subscribers.length > 0;
  }

  subscribe(subscriber) {
    this.#subscribers.push(subscriber);
  }

  unsubscribe(subscriber) {
    const before = this.#subscribers.length;
    this.#subscribers = this.#subscribers.filter((each) => each !== subscriber);
    return this.#subscribers.length < before;
  }

  publish(message) {
    for (const subscriber of this.#subscribers) subscriber(message, this.name);
  }
}

const channels = new Map();

function channel(name) {
  if (!channels.has(name)) channels.set(name, new Channel(name));
  return channels.get(name);
}

export const diagnosticsChannel = {
  Channel,
  channel,
  hasSubscribers: (name) => channel(name).hasSubscribers,
  subscribe: (name, subscriber) => channel(name).subscribe(subscriber),
  unsubscribe: (name, subscriber) => channel(name).unsubscribe(subscriber),
};

export const constants = { ...fsConstants };
