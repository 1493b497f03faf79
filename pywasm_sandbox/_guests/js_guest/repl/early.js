// The globals that packages want to find when they are loaded.

import native from 'pywasm:native';
import { defineGlobals } from './globals.js';
import { process } from './process.js';
import * as timers from './timers.js';

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, queueMicrotask } = timers;

defineGlobals({
  global: globalThis,
  process,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
  queueMicrotask,
});

const ASYNC = ['AsyncFunction', 'AsyncGeneratorFunction'];
const GENERATORS = ['GeneratorFunction', 'AsyncGeneratorFunction'];

// What `inspect` asks the engine.
Object.defineProperty(globalThis, Symbol.for('pywasm.inspection'), {
  value: {
    promise(value, pending, rejected) {
      const [state, result] = native.promiseDetails(value) ?? [0, undefined];
      return [state === 0 ? pending : state === 2 ? rejected : state, result];
    },
    proxy(value, whole) {
      const details = native.proxyDetails(value);
      if (details === undefined) return undefined;
      return whole ? details : details[0];
    },
    entries: (value) => native.previewEntries(value) ?? [[], false],
    isAsync: (value) => typeof value === 'function' && ASYNC.includes(native.className(value)),
    isGenerator: (value) => typeof value === 'function' && GENERATORS.includes(native.className(value)),
    isArguments: (value) => native.className(value) === 'Arguments',
  },
});
