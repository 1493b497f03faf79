// A connection that the host makes, if its network policy lets it: TCP, with TLS over it.
//
// Nothing here waits in the host: what isn't ready is tried again after a timer, so that several connections, other
// timers and AbortSignal.timeout go on meanwhile.

import { close, dontWait, receive, request, transmit } from '../host.js';

const MAX_DELAY = 10; // milliseconds
const CHUNK_BYTES = 65536;
const NOT_YET = new Set(['EINPROGRESS', 'EALREADY', 'EAGAIN', 'EWOULDBLOCK']);

// The engine's, whatever becomes of the global.
const { setTimeout } = globalThis;

export class ConnectionError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

// What a call of the host answers with. Throws a ConnectionError.
function ask(op, values = {}) {
  const { value, error, message, errno, code } = request({ op, ...values });
  if (error !== undefined) throw new ConnectionError(message, errno ?? code ?? error);
  return value;
}

// What `step()` gives once it is not undefined any more.
async function until(step, signal) {
  for (let delay = 0; ; delay = Math.min(delay + 1, MAX_DELAY)) {
    signal.throwIfAborted();
    const result = step();
    if (result !== undefined) return result;
    await new Promise((resume) => setTimeout(resume, delay));
  }
}

export class Connection {
  #descriptor;
  #signal;
  #closed = false;

  constructor(descriptor, signal) {
    this.#descriptor = descriptor;
    this.#signal = signal;
  }

  // Throws a ConnectionError, or the signal's reason.
  static async open({ host, port, isSecure }, signal) {
    let failure;
    for (const address of ask('net.resolve', { host })) {
      const connection = new Connection(ask('net.socket'), signal);
      try {
        await connection.#connect(address, port);
        if (isSecure) await connection.#startTls(host);
        return connection;
      } catch (error) {
        connection.close();
        if (signal.aborted) throw error;
        failure = error;
      }
    }
    throw failure ?? new ConnectionError(`${host} has no address`, 'ENOTFOUND');
  }

  async #connect(address, port) {
    const descriptor = this.#descriptor;
    dontWait(descriptor);
    await until(() => {
      try {
        ask('net.connect', { fd: descriptor, host: address, port, timeout: 0 });
        return true;
      } catch (error) {
        if (NOT_YET.has(error.code)) return undefined;
        throw error;
      }
    }, this.#signal);
  }

  async #startTls(host) {
    const wishes = { fd: this.#descriptor, server_name: host, alpn: ['http/1.1'], timeout: 0 };
    await until(() => ask('net.tls', wishes).ok, this.#signal);
  }

  // The next bytes; null at the end.
  async read() {
    const bytes = new Uint8Array(CHUNK_BYTES);
    const count = await until(() => receive(this.#descriptor, bytes) ?? undefined, this.#signal);
    if (count < 0) throw new ConnectionError('the connection was reset', 'ECONNRESET');
    return count === 0 ? null : bytes.subarray(0, count);
  }

  async write(bytes) {
    for (let sent = 0; sent < bytes.length; ) {
      const count = await until(() => transmit(this.#descriptor, bytes, sent) ?? undefined, this.#signal);
      if (count < 0) throw new ConnectionError('the connection was closed', 'EPIPE');
      sent += count;
    }
  }

  close() {
    if (!this.#closed) close(this.#descriptor);
    this.#closed = true;
  }
}
