// Event and EventTarget from event-target-shim; AbortController on top of them, since the packages that have it
// know no reason, no AbortSignal.any, or no EventTarget.

import {
  EventTarget,
  Event as ShimEvent,
  defineEventAttribute,
  setErrorHandler,
  setWarningHandler,
} from 'event-target-shim';
import { defineGlobals, inspectCustom } from './define.js';

// An exception in a listener is reported and stops nothing, which here means that it fails the cell, as an
// unhandled rejection does.
setErrorHandler((error) => {
  Promise.reject(error);
});
setWarningHandler(() => {});

class Event extends ShimEvent {
  #timeStamp = performance.now();

  constructor(type, options) {
    if (arguments.length === 0) throw new TypeError('The "type" argument must be specified');
    super(type, options);
  }

  get timeStamp() {
    return this.#timeStamp;
  }

  [inspectCustom](depth, options, inspect) {
    const { name } = this.constructor;
    if (depth < 0) return `[${name}]`;
    const { type, defaultPrevented, cancelable, timeStamp } = this;
    const deeper = { ...options, depth: options.depth === null ? null : options.depth - 1 };
    return `${name} ${inspect({ type, defaultPrevented, cancelable, timeStamp }, deeper)}`;
  }
}
Object.defineProperty(Event.prototype, inspectCustom, { enumerable: false });

const dispatch = EventTarget.prototype.dispatchEvent;
EventTarget.prototype.dispatchEvent = function dispatchEvent(event) {
  if (!(event instanceof ShimEvent)) throw new TypeError('The "event" argument must be an instance of Event');
  return dispatch.call(this, event);
};

class CustomEvent extends Event {
  #detail;

  constructor(type, options) {
    super(type, options);
    this.#detail = options?.detail ?? null;
  }

  get detail() {
    return this.#detail;
  }
}

const making = Symbol('making a signal');
// Aborts a signal: for AbortController, which alone may.
let abortSignal;

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  // Signals of AbortSignal.any that follow this one.
  #followers = new Set();

  constructor(key) {
    if (key !== making) throw new TypeError('Illegal constructor');
    super();
  }

  get aborted() {
    return this.#aborted;
  }

  get reason() {
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }

  static abort(reason = new DOMException('This operation was aborted', 'AbortError')) {
    const signal = new AbortSignal(making);
    signal.#aborted = true;
    signal.#reason = reason;
    return signal;
  }

  static timeout(milliseconds) {
    const delay = Number(milliseconds);
    if (!(delay >= 0 && delay <= Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`The value of "delay" is out of range. Received ${milliseconds}`);
    }
    const signal = new AbortSignal(making);
    const timer = setTimeout(() => {
      abortSignal(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    }, delay);
    // A signal that nobody is waiting for does not keep a cell running.
    timer?.unref?.();
    return signal;
  }

  static any(signals) {
    const followed = [...signals];
    for (const signal of followed) {
      if (!(signal instanceof AbortSignal)) throw new TypeError('AbortSignal.any takes AbortSignals');
    }
    const aborted = followed.find((signal) => signal.aborted);
    if (aborted) return AbortSignal.abort(aborted.reason);
    const result = new AbortSignal(making);
    for (const signal of followed) signal.#followers.add(result);
    return result;
  }

  static {
    abortSignal = AbortSignal.#abort;
  }

  static #abort(signal, reason) {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason;
    const followers = [...signal.#followers].filter((follower) => !follower.#aborted);
    signal.#followers.clear();
    // All are aborted before the first listener looks.
    for (const follower of followers) {
      follower.#aborted = true;
      follower.#reason = reason;
    }
    signal.dispatchEvent(new Event('abort'));
    for (const follower of followers) follower.dispatchEvent(new Event('abort'));
  }

  get [Symbol.toStringTag]() {
    return 'AbortSignal';
  }

  [inspectCustom](depth, options) {
    return depth < 0 ? '[AbortSignal]' : `AbortSignal { aborted: ${options.stylize(String(this.aborted), 'boolean')} }`;
  }
}
defineEventAttribute(AbortSignal.prototype, 'abort');

class AbortController {
  #signal = new AbortSignal(making);

  get signal() {
    return this.#signal;
  }

  abort(reason = new DOMException('This operation was aborted', 'AbortError')) {
    abortSignal(this.#signal, reason);
  }

  get [Symbol.toStringTag]() {
    return 'AbortController';
  }

  [inspectCustom](depth, options, inspect) {
    return depth < 0 ? '[AbortController]' : `AbortController { signal: ${inspect(this.#signal, options)} }`;
  }
}

defineGlobals({ Event, EventTarget, CustomEvent, AbortSignal, AbortController });
