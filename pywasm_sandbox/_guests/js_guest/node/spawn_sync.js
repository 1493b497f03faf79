// spawnSync, execFileSync and execSync.

import native from 'pywasm:native';
import { poll } from '../repl/watches.js';
import { call } from '../repl/wire.js';
import { Buffer } from './buffer.js';
import { readChunk } from './descriptor_streams.js';
import { spawnError } from './errors.js';
import { bytesOf } from './fs_sync.js';
import { signalName, signalNumber } from './signals.js';
import { checkFile, describe, listStreams, sortArguments, start, takeStatus } from './spawning.js';

const MAX_BUFFER = 1024 * 1024;

// One child that is waited for: feeds it, and keeps what it writes.
class Exchange {
  failure = null; // 'ETIMEDOUT' or 'ENOBUFS'
  #pid;
  #input;
  #fed = 0;
  #writer;
  #readers = new Map(); // descriptor -> { index, parts, size }
  #maxBuffer;
  #killNumber;

  constructor({ pid, own }, input, maxBuffer, killNumber) {
    this.#pid = pid;
    this.#input = input;
    this.#maxBuffer = maxBuffer;
    this.#killNumber = killNumber;
    this.output = own.map((fd, index) => (index === 0 || fd === null ? null : { fd, parts: [], size: 0 }));
    for (const each of this.output) if (each !== null) this.#readers.set(each.fd, each);
    this.#writer = own[0];
    if (this.#writer !== null) native.dontWait(this.#writer);
    if (this.#writer !== null && input.length === 0) this.#closeWriter();
  }

  #closeWriter() {
    native.close(this.#writer);
    this.#writer = null;
  }

  #feed() {
    const count = native.transmit(this.#writer, this.#input, this.#fed);
    if (count > 0) this.#fed += count;
    if (count < 0 || this.#fed === this.#input.length) this.#closeWriter(); // a child need not read
  }

  #take(reader) {
    const chunk = readChunk(reader.fd);
    if (chunk === null) {
      native.close(reader.fd);
      this.#readers.delete(reader.fd);
      return;
    }
    reader.parts.push(chunk.subarray(0, this.#maxBuffer - reader.size));
    reader.size += chunk.length;
    if (reader.size > this.#maxBuffer) this.#kill('ENOBUFS');
  }

  #kill(reason) {
    if (this.failure !== null) return;
    this.failure = reason;
    try {
      call('process.kill', { pid: this.#pid, signal: this.#killNumber });
    } catch {
      // it is over
    }
  }

  // To the end; `deadline` on the monotonic clock.
  run(deadline) {
    let isOver = false;
    while (!isOver || (this.#readers.size > 0 && this.failure === null)) {
      const left = this.failure === null ? Math.max(deadline - native.monotonic(), 0) : -1;
      const fds = [...this.#readers.keys()].map((fd) => [fd, false]);
      if (this.#writer !== null) fds.push([this.#writer, true]);
      const { ready, over } = poll(fds, isOver ? [] : [this.#pid], Number.isFinite(left) ? left : -1);
      isOver ||= over.length > 0;
      for (const index of ready) {
        const [fd, isWrite] = fds[index];
        if (isWrite) this.#feed();
        else this.#take(this.#readers.get(fd));
      }
      if (ready.length === 0 && over.length === 0 && deadline <= native.monotonic()) this.#kill('ETIMEDOUT');
    }
    this.#end();
  }

  #end() {
    for (const fd of this.#readers.keys()) native.close(fd);
    if (this.#writer !== null) this.#closeWriter();
  }
}

const finish = (reader, encoding) => {
  if (reader === null) return null;
  const bytes = Buffer.concat(reader.parts);
  return encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes;
};

export function spawnSync(file, args, options) {
  const sorted = sortArguments(file, args, options);
  const given = sorted.options;
  const what = describe(sorted);
  const streams = listStreams(given.stdio);
  const hasInput = given.input !== undefined && given.input !== null;
  if (hasInput) streams[0] = 'pipe';
  const input = hasInput ? bytesOf(given.input, given.encoding && given.encoding !== 'buffer' ? given.encoding : 'utf8') : new Uint8Array(0);
  const killNumber = signalNumber(given.killSignal ?? 'SIGTERM');
  let child;
  try {
    child = start(what, given, streams, 'spawnSync');
  } catch (error) {
    if (error.spawnargs === undefined) throw error;
    return { error, status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null };
  }
  const exchange = new Exchange(child, input, given.maxBuffer ?? MAX_BUFFER, killNumber);
  exchange.run(given.timeout > 0 ? native.monotonic() + given.timeout : Infinity);
  const [status, number] = takeStatus(child.pid);
  const output = exchange.output.map((each) => finish(each, given.encoding));
  const signal = number === null ? null : signalName(number);
  const result = { status, signal, output, pid: child.pid, stdout: output[1], stderr: output[2] };
  if (exchange.failure !== null) {
    result.error = spawnError(exchange.failure, `spawnSync ${what.file}`, what.file, what.spawnargs.slice(1));
    result.status = null;
    result.signal = signalName(killNumber);
  }
  return result;
}

// What it wrote to stdout. Throws if it failed.
function outputOf(result, command, showsErrors) {
  if (showsErrors && result.stderr?.length > 0) process.stderr.write(result.stderr);
  if (!result.error && result.status === 0) return result.stdout;
  const detail = result.stderr?.length > 0 ? `\n${result.stderr}` : '';
  throw Object.assign(result.error ?? new Error(`Command failed: ${command}${detail}`), result);
}

export function execFileSync(file, args, options) {
  const sorted = sortArguments(file, args, options);
  const result = spawnSync(sorted.file, sorted.args, sorted.options);
  return outputOf(result, [sorted.file, ...sorted.args].join(' '), !sorted.options.stdio);
}

export function execSync(command, options = {}) {
  checkFile(command);
  const result = spawnSync(command, [], { ...options, shell: options.shell ?? true });
  return outputOf(result, command, !options.stdio);
}
