// The global `console`, which formats as Node's does.

import native from 'pywasm:native';
import { formatWithOptions, inspect } from '../packages.js';
import { renderTable } from './table.js';

const GROUP_INDENT = 2;

function duration(milliseconds) {
  if (milliseconds >= 3_600_000) return `${(milliseconds / 3_600_000).toFixed(3)}h`;
  if (milliseconds >= 60_000) return `${(milliseconds / 60_000).toFixed(3)}m`;
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(3)}s`;
  return `${Number(milliseconds.toFixed(3))}ms`;
}

export class Console {
  #indent = '';
  #timers = new Map();
  #counts = new Map();
  #write;

  // `write(descriptor, text)`; by default to the cell's stdout and stderr.
  constructor(write = native.print) {
    this.#write = typeof write === 'function' ? write : writerOf(write);
    for (const name of METHODS) {
      const method = this[name].bind(this);
      Object.defineProperty(method, 'name', { value: name });
      Object.defineProperty(this, name, { value: method, writable: true, configurable: true, enumerable: true });
    }
    Object.defineProperty(this, 'Console', { value: Console, writable: true, configurable: true });
  }

  #print(descriptor, args, options = {}) {
    let text = formatWithOptions(options, ...args);
    if (this.#indent) text = text.replace(/^/gm, this.#indent);
    this.#write(descriptor, `${text}\n`);
  }

  log(...args) {
    this.#print(1, args);
  }

  info(...args) {
    this.#print(1, args);
  }

  debug(...args) {
    this.#print(1, args);
  }

  error(...args) {
    this.#print(2, args);
  }

  warn(...args) {
    this.#print(2, args);
  }

  dirxml(...args) {
    this.#print(1, args);
  }

  dir(value, options) {
    this.#print(1, [inspect(value, { customInspect: false, ...options })]);
  }

  trace(...args) {
    const holder = { name: 'Trace', message: formatWithOptions({}, ...args) };
    Error.captureStackTrace(holder, this.trace);
    const frames = String(holder.stack).split('\n').filter((line) => /^ +at /.test(line));
    this.#print(2, [[holder.message ? `Trace: ${holder.message}` : 'Trace', ...frames].join('\n')]);
  }

  assert(condition, ...args) {
    if (condition) return;
    args[0] = `Assertion failed${args.length === 0 ? '' : `: ${args[0]}`}`;
    this.warn(...args);
  }

  clear() {}

  profile() {}

  profileEnd() {}

  timeStamp() {}

  count(label = 'default') {
    const key = `${label}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    this.log(`${key}: ${count}`);
  }

  countReset(label = 'default') {
    const key = `${label}`;
    if (!this.#counts.has(key)) this.warn(`Warning: Count for '${key}' does not exist`);
    this.#counts.delete(key);
  }

  group(...args) {
    if (args.length > 0) this.log(...args);
    this.#indent += ' '.repeat(GROUP_INDENT);
  }

  groupCollapsed(...args) {
    this.group(...args);
  }

  groupEnd() {
    this.#indent = this.#indent.slice(GROUP_INDENT);
  }

  time(label = 'default') {
    const key = `${label}`;
    if (this.#timers.has(key)) this.warn(`Warning: Label '${key}' already exists for console.time()`);
    else this.#timers.set(key, native.monotonic());
  }

  #elapsed(label, method) {
    const key = `${label}`;
    const start = this.#timers.get(key);
    if (start === undefined) {
      this.warn(`Warning: No such label '${key}' for console.${method}()`);
      return null;
    }
    return `${key}: ${duration(native.monotonic() - start)}`;
  }

  timeLog(label = 'default', ...args) {
    const text = this.#elapsed(label, 'timeLog');
    if (text !== null) this.#print(1, ['%s', text, ...args]);
  }

  timeEnd(label = 'default') {
    const text = this.#elapsed(label, 'timeEnd');
    if (text !== null) this.#print(1, ['%s', text]);
    this.#timers.delete(`${label}`);
  }

  table(data, columns) {
    const text = renderTable(data, columns);
    if (text === null) this.log(data);
    else this.#print(1, ['%s', text]);
  }
}

const METHODS = Object.getOwnPropertyNames(Console.prototype).filter((name) => name !== 'constructor');

// `new Console(stdout, stderr)` and `new Console({stdout, stderr})`
function writerOf(options) {
  const stdout = options.stdout ?? options;
  const stderr = options.stderr ?? stdout;
  return (descriptor, text) => (descriptor === 2 ? stderr : stdout).write(text);
}
