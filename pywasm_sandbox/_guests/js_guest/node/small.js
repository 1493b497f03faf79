// Modules of Node that are small: perf_hooks, vm, constants.

import native from 'pywasm:native';
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

export const constants = { ...fsConstants };
