// node:child_process over the sandbox's own commands.

import { events } from '../packages.js';
import { whenOver } from '../repl/watches.js';
import { call } from '../repl/wire.js';
import { Buffer } from './buffer.js';
import { readableOf, writableOf } from './descriptor_streams.js';
import { codedError, invalidArgument } from './errors.js';
import { signalName, signalNumber } from './signals.js';
import { checkFile, describe, listStreams, sortArguments, start, takeStatus } from './spawning.js';

export { execFileSync, execSync, spawnSync } from './spawn_sync.js';

const MAX_BUFFER = 1024 * 1024;

export class ChildProcess extends events {
  pid = undefined;
  connected = false;
  killed = false;
  exitCode = null;
  signalCode = null;
  stdin = null;
  stdout = null;
  stderr = null;
  #watch = null;
  #toClose = 1; // its end, and its streams

  // Starts it. That it can't be started is an event.
  spawn(what, options, streams) {
    this.spawnfile = what.file;
    this.spawnargs = what.spawnargs;
    let child;
    try {
      child = start(what, options, streams, 'spawn');
    } catch (error) {
      if (error.spawnargs === undefined) throw error;
      this.stdio = [null, null, null];
      process.nextTick(() => this.#failed(error));
      return;
    }
    this.pid = child.pid;
    this.stdio = child.own.map((fd, index) => (fd === null ? null : index === 0 ? writableOf(fd) : readableOf(fd)));
    [this.stdin, this.stdout, this.stderr] = this.stdio;
    for (const stream of this.stdio) {
      if (stream === null) continue;
      this.#toClose += 1;
      stream.on('close', () => this.#closed());
    }
    this.#watch = whenOver(child.pid, () => this.#over());
    process.nextTick(() => this.emit('spawn'));
  }

  #failed(error) {
    this.exitCode = error.errno;
    this.emit('error', error);
    this.#closed();
  }

  #over() {
    this.#watch = null;
    const [code, number] = takeStatus(this.pid);
    this.exitCode = code;
    this.signalCode = number === null ? null : signalName(number);
    this.stdin?.destroy();
    this.emit('exit', this.exitCode, this.signalCode);
    // What nobody listens to is read to its end all the same.
    process.nextTick(() => {
      for (const stream of [this.stdout, this.stderr]) {
        if (stream !== null && !stream.readableEnded && stream.listenerCount('readable') === 0 && stream.readableFlowing === null) stream.resume();
      }
    });
    this.#closed();
  }

  #closed() {
    if (--this.#toClose === 0) this.emit('close', this.exitCode, this.signalCode);
  }


  kill(signal) {
    const number = signalNumber(signal ?? 'SIGTERM');
    if (this.#watch === null) return false;
    try {
      call('process.kill', { pid: this.pid, signal: number });
    } catch (error) {
      if (error.errno === 'ESRCH') return false;
      throw error;
    }
    if (number !== 0) this.killed = true;
    return true;
  }

  ref() {
    if (this.#watch !== null) this.#watch.isReferenced = true;
  }

  unref() {
    if (this.#watch !== null) this.#watch.isReferenced = false;
  }

  [Symbol.dispose]() {
    if (!this.killed) this.kill();
  }
}

// Ends it when the signal is aborted, or after a time.
function limit(child, { signal, timeout, killSignal }) {
  const stops = [];
  if (timeout > 0) {
    const timer = setTimeout(() => child.kill(killSignal), timeout);
    stops.push(() => clearTimeout(timer));
  }
  if (signal !== undefined && signal !== null) {
    if (typeof signal.addEventListener !== 'function') throw invalidArgument('options.signal', 'an instance of AbortSignal', signal);
    const abort = () => {
      child.kill(killSignal);
      const error = new Error('The operation was aborted', { cause: signal.reason });
      child.emit('error', Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' }));
    };
    if (signal.aborted) process.nextTick(abort);
    else {
      signal.addEventListener('abort', abort, { once: true });
      stops.push(() => signal.removeEventListener('abort', abort));
    }
  }
  child.once('exit', () => {
    for (const stop of stops) stop();
  });
}

export function spawn(file, args, options) {
  const sorted = sortArguments(file, args, options);
  const streams = listStreams(sorted.options.stdio);
  const child = new ChildProcess();
  child.spawn(describe(sorted), sorted.options, streams);
  limit(child, sorted.options);
  return child;
}

// What a stream gives, up to a number of characters or bytes.
function collect(stream, encoding, onTooMuch, maxBuffer) {
  const parts = [];
  let size = 0;
  if (encoding) stream?.setEncoding(encoding);
  stream?.on('data', (chunk) => {
    parts.push(chunk.slice(0, Math.max(maxBuffer - size, 0)));
    size += chunk.length;
    if (size > maxBuffer) onTooMuch();
  });
  return () => (encoding ? parts.join('') : Buffer.concat(parts));
}

export function execFile(file, ...rest) {
  const callback = typeof rest.at(-1) === 'function' ? rest.pop() : null;
  const sorted = sortArguments(file, ...rest);
  const options = { encoding: 'utf8', maxBuffer: MAX_BUFFER, killSignal: 'SIGTERM', ...sorted.options };
  const encoding = options.encoding && Buffer.isEncoding(options.encoding) ? options.encoding : null;
  const command = [sorted.file, ...sorted.args].join(' ');
  const child = spawn(sorted.file, sorted.args, { ...options, stdio: undefined });
  let failure = null;
  let isDone = false;
  const tooMuch = (name) => () => {
    failure ??= codedError(RangeError, 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER', `${name} maxBuffer length exceeded`);
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.kill(options.killSignal);
  };
  const stdout = collect(child.stdout, encoding, tooMuch('stdout'), options.maxBuffer);
  const stderr = collect(child.stderr, encoding, tooMuch('stderr'), options.maxBuffer);
  const finish = (code, signal) => {
    if (isDone) return;
    isDone = true;
    if (callback === null) return;
    if (failure === null && code === 0 && signal === null) {
      callback(null, stdout(), stderr());
      return;
    }
    failure ??= Object.assign(new Error(`Command failed: ${command}\n${stderr()}`), { code, killed: child.killed, signal });
    failure.cmd = command;
    callback(failure, stdout(), stderr());
  };
  child.on('close', finish);
  child.on('error', (error) => {
    failure ??= error;
    child.stdout?.destroy();
    child.stderr?.destroy();
    finish(null, null);
  });
  return child;
}

export function exec(command, ...rest) {
  checkFile(command);
  const callback = typeof rest.at(-1) === 'function' ? rest.pop() : undefined;
  const options = rest[0] ?? {};
  const given = { ...options, shell: options.shell ?? true };
  return callback === undefined ? execFile(command, [], given) : execFile(command, [], given, callback);
}

for (const method of [exec, execFile]) {
  const promised = (...args) => {
    let child;
    const promise = new Promise((resolve, reject) => {
      child = method(...args, (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr });
        else reject(Object.assign(error, { stdout, stderr }));
      });
    });
    return Object.assign(promise, { child });
  };
  Object.defineProperty(method, Symbol.for('nodejs.util.promisify.custom'), { value: promised });
}

export function fork() {
  throw codedError(
    Error,
    'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
    'fork() is not available in this sandbox: processes have no channel between them; use spawn(process.execPath, [file])',
  );
}
