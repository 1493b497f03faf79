// node:async_hooks. The engine hands one value on to promise reactions, and timers.js to timers and ticks: here it is
// a Map of the stores of all AsyncLocalStorages, never changed once it is set.

import native from 'pywasm:native';
import { codedError, invalidArgument } from './errors.js';

function within(context, callback, self, args) {
  const outer = native.asyncContext();
  native.setAsyncContext(context);
  try {
    return Reflect.apply(callback, self, args);
  } finally {
    native.setAsyncContext(outer);
  }
}

function checkCallback(name, value) {
  if (typeof value !== 'function') throw invalidArgument(name, 'of type function', value);
}

let lastId = 1; // of the code outside of any callback

class AsyncResource {
  #context = native.asyncContext();
  #id = ++lastId;

  constructor(type) {
    if (typeof type !== 'string') throw invalidArgument('type', 'of type string', type);
    if (type === '') throw codedError(TypeError, 'ERR_ASYNC_TYPE', 'Invalid name for async "type": ');
  }

  runInAsyncScope(callback, self, ...args) {
    return within(this.#context, callback, self, args);
  }

  bind(callback, self) {
    checkCallback('fn', callback);
    const resource = this;
    const bound = function (...args) {
      return resource.runInAsyncScope(callback, self ?? this, ...args);
    };
    return Object.defineProperty(bound, 'length', { value: callback.length, configurable: true });
  }

  emitDestroy() {
    return this;
  }

  asyncId() {
    return this.#id;
  }

  triggerAsyncId() {
    return 1;
  }

  static bind(callback, type, self) {
    checkCallback('fn', callback);
    return new AsyncResource(type || callback.name || 'bound-anonymous-fn').bind(callback, self);
  }
}

class AsyncLocalStorage {
  #isEnabled = false;

  #with(store) {
    this.#isEnabled = true;
    return new Map(native.asyncContext()).set(this, store);
  }

  run(store, callback, ...args) {
    return within(this.#with(store), callback, undefined, args);
  }

  exit(callback, ...args) {
    return within(this.#with(undefined), callback, undefined, args);
  }

  enterWith(store) {
    native.setAsyncContext(this.#with(store));
  }

  getStore() {
    return this.#isEnabled ? native.asyncContext()?.get(this) : undefined;
  }

  // Until it is run or entered again.
  disable() {
    this.#isEnabled = false;
  }

  static bind(callback) {
    return AsyncResource.bind(callback);
  }

  static snapshot() {
    const context = native.asyncContext();
    return (callback, ...args) => within(context, callback, undefined, args);
  }
}

export default {
  AsyncLocalStorage,
  AsyncResource,
  createHook: () => ({
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  }),
  executionAsyncId: () => 1,
  triggerAsyncId: () => 0,
  executionAsyncResource: () => ({}),
};
