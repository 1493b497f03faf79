// Timers, immediates and ticks, in the order in which Node.js runs them.

import native from 'pywasm:native';

const LONGEST = 2 ** 31 - 1;
const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

const timers = new Map(); // id -> Timeout, in the order of their start
let immediates = [];
let ticks = [];
let lastId = 0;

function check(callback) {
  if (typeof callback === 'function') return;
  const error = new TypeError('The "callback" argument must be of type function.');
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

export class Timeout {
  constructor(callback, delay, args, repeats) {
    const number = Number(delay);
    this._idleTimeout = number >= 1 && number <= LONGEST ? Math.trunc(number) : 1;
    this._onTimeout = callback;
    Object.defineProperties(this, {
      args: { value: args },
      id: { value: ++lastId },
      isReferenced: { value: true, writable: true },
      dueAt: { value: native.monotonic() + this._idleTimeout, writable: true },
    });
    this._repeat = repeats ? this._idleTimeout : null;
    timers.set(this.id, this);
  }

  ref() {
    this.isReferenced = true;
    return this;
  }

  unref() {
    this.isReferenced = false;
    return this;
  }

  hasRef() {
    return this.isReferenced;
  }

  refresh() {
    this.dueAt = native.monotonic() + this._idleTimeout;
    timers.delete(this.id); // to the end of those that are due at the same time
    timers.set(this.id, this);
    return this;
  }

  close() {
    timers.delete(this.id);
    return this;
  }

  [Symbol.toPrimitive]() {
    return this.id;
  }

  [Symbol.dispose]() {
    this.close();
  }
}

export class Immediate {
  constructor(callback, args) {
    this._onImmediate = callback;
    Object.defineProperty(this, 'args', { value: args });
    Object.defineProperty(this, 'isReferenced', { value: true, writable: true });
    immediates.push(this);
  }

  ref() {
    this.isReferenced = true;
    return this;
  }

  unref() {
    this.isReferenced = false;
    return this;
  }

  hasRef() {
    return this.isReferenced;
  }
}

export function setTimeout(callback, delay, ...args) {
  check(callback);
  return new Timeout(callback, delay, args, false);
}

export function setInterval(callback, delay, ...args) {
  check(callback);
  return new Timeout(callback, delay, args, true);
}

export function clearTimeout(timer) {
  const id = typeof timer === 'object' && timer !== null ? timer.id : Number(timer);
  timers.delete(id);
}

export function clearInterval(timer) {
  clearTimeout(timer);
}

export function setImmediate(callback, ...args) {
  check(callback);
  return new Immediate(callback, args);
}

export function clearImmediate(immediate) {
  immediates = immediates.filter((each) => each !== immediate);
}

export function queueMicrotask(callback) {
  check(callback);
  // What it throws is no rejection: it goes the way of a timer's error.
  Promise.resolve().then(() => {
    try {
      callback();
    } catch (error) {
      nextTick(() => {
        throw error;
      });
    }
  });
}

export function nextTick(callback, ...args) {
  check(callback);
  ticks.push([callback, args]);
}

// ---- for the loop

let onError = (error) => {
  throw error;
};

function attempt(callback, args, self) {
  try {
    callback.apply(self, args);
  } catch (error) {
    onError(error);
  }
}

export function runTicks() {
  if (ticks.length === 0) return false;
  while (ticks.length > 0) {
    const [callback, args] = ticks.shift();
    attempt(callback, args, undefined);
  }
  return true;
}

function nextTimer() {
  if (timers.size === 0) return null;
  let next = null;
  for (const timer of timers.values()) {
    if (next === null || timer.dueAt < next.dueAt) next = timer;
  }
  return next;
}

// Run one timer that is due, or the immediates; whether there was something.
export function runDue(handleError) {
  onError = handleError;
  const timer = nextTimer();
  if (timer !== null && timer.dueAt <= native.monotonic()) {
    if (timer._repeat === null) timers.delete(timer.id);
    else timer.refresh();
    attempt(timer._onTimeout, timer.args, timer);
    runTicks();
    return true;
  }
  if (immediates.length === 0) return false;
  const immediate = immediates.shift();
  attempt(immediate._onImmediate, immediate.args, immediate);
  runTicks();
  return true;
}

// Whether something keeps a run going.
export function hasWork() {
  if (ticks.length > 0) return true;
  if (immediates.length > 0 && immediates.some((each) => each.isReferenced)) return true;
  if (timers.size === 0) return false;
  for (const timer of timers.values()) if (timer.isReferenced) return true;
  return false;
}

export function millisecondsToNext() {
  const timer = nextTimer();
  return timer === null ? 0 : Math.max(timer.dueAt - native.monotonic(), 0);
}

export function clearAll() {
  timers.clear();
  immediates = [];
  ticks = [];
}
