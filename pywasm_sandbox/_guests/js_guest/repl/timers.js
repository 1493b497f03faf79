// Timers, immediates and ticks, in the order in which Node.js runs them.

import native from 'pywasm:native';

import { applyFunction, defineProperties, max, Queue, SafeMap, toNumber, trunc, TypeErrorType, whenSettled } from './primordials.js';

const LONGEST = 2 ** 31 - 1;

const timers = new SafeMap(); // id -> Timeout, in the order of their start
const immediates = new Queue();
const ticks = new Queue(); // {callback, args}
let lastId = 0;

function check(callback) {
  if (typeof callback === 'function') return;
  const error = new TypeErrorType('The "callback" argument must be of type function.');
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

export class Timeout {
  constructor(callback, delay, args, repeats) {
    const number = toNumber(delay);
    this._idleTimeout = number >= 1 && number <= LONGEST ? trunc(number) : 1;
    this._onTimeout = callback;
    defineProperties(this, {
      args: { value: args },
      context: { value: native.asyncContext() },
      id: { value: ++lastId },
      isReferenced: { value: true, writable: true },
      dueAt: { value: native.monotonic() + this._idleTimeout, writable: true },
    });
    this._repeat = repeats ? this._idleTimeout : null;
    timers.set(this.id, this);
  }

  refresh() {
    startAgain(this);
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
    defineProperties(this, { args: { value: args }, context: { value: native.asyncContext() }, isReferenced: { value: true, writable: true } });
    immediates.push(this);
  }
}

// To the end of those that are due at the same time.
function startAgain(timer) {
  timer.dueAt = native.monotonic() + timer._idleTimeout;
  timers.delete(timer.id);
  timers.set(timer.id, timer);
}

// What both have; not enumerable, as methods of classes are.
const references = {
  ref() {
    this.isReferenced = true;
    return this;
  },
  unref() {
    this.isReferenced = false;
    return this;
  },
  hasRef() {
    return this.isReferenced;
  },
};
for (const [name, value] of Object.entries(references)) {
  for (const { prototype } of [Timeout, Immediate]) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
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
  const id = typeof timer === 'object' && timer !== null ? timer.id : toNumber(timer);
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
  if (immediate instanceof Immediate) immediate._onImmediate = null; // its place in the queue is skipped
}

export function queueMicrotask(callback) {
  check(callback);
  // What it throws is no rejection: it goes the way of a timer's error.
  whenSettled(undefined, () => {
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
  ticks.push({ callback, args, context: native.asyncContext() });
}

// ---- for the loop

let onError = (error) => {
  throw error;
};

function attempt(callback, self, { args, context }) {
  native.setAsyncContext(context);
  try {
    applyFunction(callback, self, args);
  } catch (error) {
    onError(error);
  }
  native.setAsyncContext(undefined);
}

export function runTicks() {
  if (ticks.isEmpty) return false;
  while (!ticks.isEmpty) {
    const tick = ticks.shift();
    attempt(tick.callback, undefined, tick);
  }
  return true;
}

function nextTimer() {
  if (timers.size === 0) return null;
  let next = null;
  timers.forEach((timer) => {
    if (next === null || timer.dueAt < next.dueAt) next = timer;
  });
  return next;
}

// Run one timer that is due, or the immediates; whether there was something.
export function runDue(handleError) {
  onError = handleError;
  const timer = nextTimer();
  if (timer !== null && timer.dueAt <= native.monotonic()) {
    if (timer._repeat === null) timers.delete(timer.id);
    else startAgain(timer);
    attempt(timer._onTimeout, timer, timer);
    runTicks();
    return true;
  }
  let immediate = null;
  while (!immediates.isEmpty && immediate === null) {
    const next = immediates.shift();
    if (next._onImmediate !== null) immediate = next;
  }
  if (immediate === null) return false;
  attempt(immediate._onImmediate, immediate, immediate);
  runTicks();
  return true;
}

// Whether something keeps a run going.
export function hasWork() {
  if (!ticks.isEmpty) return true;
  if (immediates.some((each) => each.isReferenced && each._onImmediate !== null)) return true;
  let isFound = false;
  if (timers.size > 0) {
    timers.forEach((timer) => {
      isFound ||= timer.isReferenced;
    });
  }
  return isFound;
}

// Less than 0 if there is none.
export function millisecondsToNext() {
  const timer = nextTimer();
  return timer === null ? -1 : max(timer.dueAt - native.monotonic(), 0);
}

export function clearAll() {
  timers.clear();
  immediates.clear();
  ticks.clear();
}
