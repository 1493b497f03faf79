// node:readline: over streams, and for a cell's standard input over the host's `on_input`.

import { events } from '../packages.js';
import { call } from '../repl/wire.js';
import { invalidArgument } from './errors.js';

let hasInput = false; // whether `process.stdin` is a stream, as in programs

export function useStandardInput() {
  hasInput = true;
}

// A line from the host; null at the end.
function ask(question) {
  try {
    return call('input', { prompt: question, password: false });
  } catch (error) {
    if (error.name === 'EOFError') return null;
    throw error;
  }
}

class Interface extends events {
  #isClosed = false;
  #prompt;
  #input;
  #output;
  #rest = '';
  #onAnswer = null;
  #decoder = new TextDecoder();

  constructor(options, output) {
    super();
    const given = typeof options?.on === 'function' ? { input: options, output } : (options ?? {});
    const asksHost = !hasInput && (!given.input || given.input === process.stdin);
    if (!asksHost && typeof given.input?.on !== 'function') throw invalidArgument('input', 'an instance of Stream', given.input);
    this.#input = asksHost ? null : given.input;
    this.#output = given.output ?? null;
    this.#prompt = given.prompt ?? '> ';
    this.terminal = false;
    this.line = '';
    if (this.#input !== null) this.#listen();
  }

  #listen() {
    this.#input.on('data', this.#onData);
    this.#input.on('end', this.#onEnd);
    this.#input.resume?.();
  }

  #onData = (chunk) => {
    this.#rest += typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true });
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) this.#take(line);
  };

  #onEnd = () => {
    const last = this.#rest.replace(/\r$/, '');
    const hasLast = this.#rest !== '';
    this.#rest = '';
    if (hasLast) this.#take(last);
    this.close();
  };

  #take(line) {
    const onAnswer = this.#onAnswer;
    this.#onAnswer = null;
    if (onAnswer !== null) onAnswer(line);
    else this.emit('line', line);
  }

  question(query, options, callback) {
    const done = typeof options === 'function' ? options : callback;
    if (this.#isClosed) throw Object.assign(new Error('readline was closed'), { code: 'ERR_USE_AFTER_CLOSE' });
    if (this.#input === null) {
      const line = ask(query);
      if (line === null) this.close();
      else if (done) setImmediate(done, line);
      return;
    }
    this.#output?.write(query);
    this.#onAnswer = done ?? (() => {});
  }

  setPrompt(text) {
    this.#prompt = text;
  }

  getPrompt() {
    return this.#prompt;
  }

  prompt() {
    if (this.#input !== null) {
      this.#output?.write(this.#prompt);
      return;
    }
    const line = ask(this.#prompt);
    if (line === null) this.close();
    else setImmediate(() => this.emit('line', line));
  }

  write() {}

  pause() {
    this.#input?.pause?.();
    this.emit('pause');
    return this;
  }

  resume() {
    this.#input?.resume?.();
    this.emit('resume');
    return this;
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#input !== null) {
      this.#input.removeListener('data', this.#onData);
      this.#input.removeListener('end', this.#onEnd);
      this.#input.pause?.();
    }
    this.emit('close');
  }

  [Symbol.asyncIterator]() {
    return this.#input === null ? this.#askForLines() : this.#collectLines();
  }

  async *#askForLines() {
    for (let line = ask(''); line !== null; line = ask('')) yield line;
  }

  // Listens at once, before anybody asks for the first line.
  #collectLines() {
    const lines = [];
    let wake = () => {};
    this.on('line', (line) => {
      lines.push(line);
      wake();
    });
    this.once('close', () => wake());
    const next = async function* () {
      try {
        for (;;) {
          while (lines.length > 0) yield lines.shift();
          if (this.#isClosed) return;
          await new Promise((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        this.close();
      }
    };
    return next.call(this);
  }
}

class PromiseInterface extends Interface {
  #asksHost;

  constructor(options, output) {
    super(options, output);
    this.#asksHost = !hasInput && (!options?.input || options.input === process.stdin);
  }

  async question(query) {
    if (!this.#asksHost) return new Promise((resolve) => super.question(query, resolve));
    const line = ask(query);
    if (line === null) throw Object.assign(new Error('The input ended'), { name: 'AbortError', code: 'ABORT_ERR' });
    return line;
  }
}

const nothing = () => true;

export const readlinePromises = { Interface: PromiseInterface, createInterface: (options, output) => new PromiseInterface(options, output) };
export const readline = {
  Interface,
  clearLine: nothing,
  clearScreenDown: nothing,
  createInterface: (options, output) => new Interface(options, output),
  cursorTo: nothing,
  emitKeypressEvents() {},
  moveCursor: nothing,
  promises: readlinePromises,
};
