// node:timers and node:timers/promises.

import * as timers from '../repl/timers.js';

const customPromisify = Symbol.for('nodejs.util.promisify.custom');

const abortError = (signal) => Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });

function wait(start, clear, value, { signal, ref = true } = {}) {
  if (signal?.aborted) return Promise.reject(abortError(signal));
  return new Promise((resolve, reject) => {
    const timer = start(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    });
    if (!ref) timer.unref();
    function onAbort() {
      clear(timer);
      reject(abortError(signal));
    }
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const setTimeoutPromise = (delay, value, options) =>
  wait((done) => timers.setTimeout(done, delay), timers.clearTimeout, value, options);
const setImmediatePromise = (value, options) => wait(timers.setImmediate, timers.clearImmediate, value, options);

async function* setIntervalPromise(delay, value, { signal } = {}) {
  if (signal?.aborted) throw abortError(signal);
  for (;;) {
    await setTimeoutPromise(delay, undefined, { signal });
    yield value;
  }
}

Object.defineProperty(timers.setTimeout, customPromisify, { value: setTimeoutPromise });
Object.defineProperty(timers.setImmediate, customPromisify, { value: setImmediatePromise });

export const promises = {
  setTimeout: setTimeoutPromise,
  setImmediate: setImmediatePromise,
  setInterval: setIntervalPromise,
  scheduler: {
    wait: (delay, options) => setTimeoutPromise(delay, undefined, options),
    yield: () => setImmediatePromise(),
  },
};

export default {
  clearImmediate: timers.clearImmediate,
  clearInterval: timers.clearInterval,
  clearTimeout: timers.clearTimeout,
  promises,
  setImmediate: timers.setImmediate,
  setInterval: timers.setInterval,
  setTimeout: timers.setTimeout,
};
