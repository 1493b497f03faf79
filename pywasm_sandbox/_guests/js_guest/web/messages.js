// MessageChannel, MessagePort, BroadcastChannel: within one context, as there are no workers. A message is delivered
// in a task of its own; a port that listens keeps no cell running.
// https://html.spec.whatwg.org/multipage/web-messaging.html

import { defineEventAttribute } from 'event-target-shim';
import { defineGlobals, inspectCustom } from './define.js';

const { Event, EventTarget } = globalThis;

class MessageEvent extends Event {
  #init;

  constructor(type, init = {}) {
    super(type, init);
    this.#init = { data: null, origin: '', lastEventId: '', source: null, ports: [], ...init };
  }

  get data() {
    return this.#init.data;
  }

  get origin() {
    return this.#init.origin;
  }

  get lastEventId() {
    return this.#init.lastEventId;
  }

  get source() {
    return this.#init.source;
  }

  get ports() {
    return this.#init.ports;
  }
}

const making = Symbol('making a port');

class MessagePort extends EventTarget {
  #other = null;
  #waiting = [];
  #isStarted = false;
  #isClosed = false;
  #listeners = new Map(); // Node's: listener -> what is registered for it

  constructor(key) {
    if (key !== making) throw new TypeError('Illegal constructor');
    super();
  }

  static pair() {
    const [one, other] = [new MessagePort(making), new MessagePort(making)];
    one.#other = other;
    other.#other = one;
    return [one, other];
  }

  postMessage(message, options) {
    const transfer = Array.isArray(options) ? options : options?.transfer;
    const data = structuredClone(message, transfer === undefined ? undefined : { transfer });
    const target = this.#other;
    if (target === null || this.#isClosed || target.#isClosed) return;
    target.#waiting.push(data);
    if (target.#isStarted) target.#schedule();
  }

  #schedule() {
    setImmediate(() => {
      if (this.#isClosed || this.#waiting.length === 0) return;
      this.dispatchEvent(new MessageEvent('message', { data: this.#waiting.shift() }));
    });
  }

  start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const _ of this.#waiting) this.#schedule();
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const other = this.#other;
    setImmediate(() => {
      this.dispatchEvent(new Event('close'));
      other.close();
    });
  }

  // As an EventEmitter, which it is in Node too.
  on(type, listener) {
    const registered = (event) => listener.call(this, type === 'message' ? event.data : event);
    this.#listeners.set(listener, registered);
    this.addEventListener(type, registered);
    if (type === 'message') this.start();
    return this;
  }

  once(type, listener) {
    const onceOnly = (value) => {
      this.off(type, onceOnly);
      listener.call(this, value);
    };
    return this.on(type, onceOnly);
  }

  off(type, listener) {
    this.removeEventListener(type, this.#listeners.get(listener) ?? listener);
    this.#listeners.delete(listener);
    return this;
  }

  ref() {}

  unref() {}

  [inspectCustom](depth, options, inspect) {
    return `MessagePort ${inspect({ active: !this.#isClosed }, options)}`;
  }

  get [Symbol.toStringTag]() {
    return 'MessagePort';
  }
}
const { pair } = MessagePort;
delete MessagePort.pair;
defineEventAttribute(MessagePort.prototype, 'message');
defineEventAttribute(MessagePort.prototype, 'messageerror');

// Setting `onmessage` starts a port, listening for it does not.
const attribute = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
Object.defineProperty(MessagePort.prototype, 'onmessage', {
  ...attribute,
  set(listener) {
    attribute.set.call(this, listener);
    this.start();
  },
});

class MessageChannel {
  constructor() {
    [this.port1, this.port2] = pair();
  }
}

const channels = new Map(); // name -> the BroadcastChannels of that name

class BroadcastChannel extends EventTarget {
  #name;

  constructor(name) {
    if (arguments.length === 0) throw new TypeError('The "name" argument must be specified');
    super();
    this.#name = `${name}`;
    channels.set(this.#name, (channels.get(this.#name) ?? new Set()).add(this));
  }

  get name() {
    return this.#name;
  }

  postMessage(message) {
    const others = channels.get(this.#name);
    if (!others?.has(this)) throw new DOMException('BroadcastChannel is closed.', 'InvalidStateError');
    for (const other of others) {
      if (other === this) continue;
      const data = structuredClone(message);
      setImmediate(() => others.has(other) && other.dispatchEvent(new MessageEvent('message', { data })));
    }
  }

  close() {
    channels.get(this.#name)?.delete(this);
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  get [Symbol.toStringTag]() {
    return 'BroadcastChannel';
  }
}
defineEventAttribute(BroadcastChannel.prototype, 'message');
defineEventAttribute(BroadcastChannel.prototype, 'messageerror');

defineGlobals({ MessageEvent, MessageChannel, MessagePort, BroadcastChannel });
