// node:diagnostics_channel.

import { invalidArgument } from './errors.js';

class Channel {
  #subscribers = [];
  #stores = new Map(); // AsyncLocalStorage -> what makes its store of a message

  constructor(name) {
    this.name = name;
  }

  get hasSubscribers() {
    return this.#subscribers.length > 0 || this.#stores.size > 0;
  }

  subscribe(subscriber) {
    if (typeof subscriber !== 'function') throw invalidArgument('subscription', 'of type function', subscriber);
    this.#subscribers = [...this.#subscribers, subscriber];
  }

  unsubscribe(subscriber) {
    const index = this.#subscribers.indexOf(subscriber);
    if (index < 0) return false;
    this.#subscribers = this.#subscribers.toSpliced(index, 1);
    return true;
  }

  bindStore(store, transform = (message) => message) {
    this.#stores.set(store, transform);
  }

  unbindStore(store) {
    return this.#stores.delete(store);
  }

  // What a subscriber throws is none of the publisher's business.
  publish(message) {
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(message, this.name);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }

  runStores(message, callback, self, ...args) {
    let run = () => {
      this.publish(message);
      return Reflect.apply(callback, self, args);
    };
    for (const [store, transform] of this.#stores) {
      const inner = run;
      run = () => store.run(transform(message), inner);
    }
    return run();
  }
}

const channels = new Map();

function channel(name) {
  if (typeof name !== 'string' && typeof name !== 'symbol') throw invalidArgument('channel', 'of type string or symbol', name);
  if (!channels.has(name)) channels.set(name, new Channel(name));
  return channels.get(name);
}

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

class TracingChannel {
  constructor(given) {
    for (const event of EVENTS) this[event] = typeof given === 'string' ? channel(`tracing:${given}:${event}`) : given[event];
  }

  get hasSubscribers() {
    return EVENTS.some((event) => this[event].hasSubscribers);
  }

  subscribe(handlers) {
    for (const event of EVENTS) if (handlers[event]) this[event].subscribe(handlers[event]);
  }

  unsubscribe(handlers) {
    return EVENTS.filter((event) => handlers[event]).every((event) => this[event].unsubscribe(handlers[event]));
  }

  #fail(context, error) {
    context.error = error;
    this.error.publish(context);
    return error;
  }

  traceSync(callback, context = {}, self, ...args) {
    return this.start.runStores(context, () => {
      try {
        return (context.result = Reflect.apply(callback, self, args));
      } catch (error) {
        throw this.#fail(context, error);
      } finally {
        this.end.publish(context);
      }
    });
  }

  tracePromise(callback, context = {}, self, ...args) {
    const settled = (set) => (value) => {
      set(value);
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    };
    const fulfilled = settled((value) => (context.result = value));
    const rejected = settled((error) => this.#fail(context, error));
    return this.start.runStores(context, () => {
      try {
        return Promise.resolve(Reflect.apply(callback, self, args)).then(
          (value) => (fulfilled(value), value),
          (error) => {
            rejected(error);
            throw error;
          },
        );
      } catch (error) {
        throw this.#fail(context, error);
      } finally {
        this.end.publish(context);
      }
    });
  }

  traceCallback(callback, position = -1, context = {}, self = undefined, ...args) {
    const done = args.at(position);
    if (typeof done !== 'function') throw invalidArgument('callback', 'of type function', done);
    const wrapped = (error, result, ...rest) => {
      if (error) this.#fail(context, error);
      else context.result = result;
      return this.asyncStart.runStores(context, () => {
        try {
          return done(error, result, ...rest);
        } finally {
          this.asyncEnd.publish(context);
        }
      });
    };
    const given = args.with(position, wrapped);
    return this.start.runStores(context, () => {
      try {
        return Reflect.apply(callback, self, given);
      } catch (error) {
        throw this.#fail(context, error);
      } finally {
        this.end.publish(context);
      }
    });
  }
}

export default {
  Channel,
  channel,
  hasSubscribers: (name) => channels.get(name)?.hasSubscribers ?? false,
  subscribe: (name, subscriber) => channel(name).subscribe(subscriber),
  tracingChannel: (given) => new TracingChannel(given),
  unsubscribe: (name, subscriber) => channel(name).unsubscribe(subscriber),
};
