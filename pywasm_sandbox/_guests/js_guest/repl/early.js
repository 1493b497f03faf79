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

// What V8's call sites have too, which packages ask when they look through a stack.
function completeCallSites() {
  const before = Error.prepareStackTrace;
  let sites;
  Error.prepareStackTrace = (error, found) => (sites = found);
  void new Error('looked at').stack;
  Error.prepareStackTrace = before;
  const prototype = Object.getPrototypeOf(sites[0]);
  const methods = {
    getEvalOrigin() {},
    getMethodName: () => null,
    getPromiseIndex: () => null,
    getScriptNameOrSourceURL() {
      return this.getFileName();
    },
    getThis() {},
    getTypeName: () => null,
    isAsync: () => false,
    isConstructor: () => false,
    isEval: () => false,
    isPromiseAll: () => false,
    isToplevel: () => true,
    toString() {
      const place = this.isNative() ? '<anonymous>' : `${this.getFileName()}:${this.getLineNumber()}:${this.getColumnNumber()}`;
      return this.getFunctionName() ? `${this.getFunctionName()} (${place})` : place;
    },
  };
  for (const [name, value] of Object.entries(methods)) {
    if (Object.hasOwn(prototype, name)) continue;
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}
completeCallSites();
