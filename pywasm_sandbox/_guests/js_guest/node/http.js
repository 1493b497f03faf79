// node:http and node:https: requests, which go the way of `fetch` and so through the sandbox's network policy. There
// are no servers, and no sockets to be seen.

import { viewOf } from '../crypto/bytes.js';
import { events, stream } from '../packages.js';
import { absent } from './absent.js';
import { Buffer } from './buffer.js';
import { codedError, invalidArgument } from './errors.js';
import { METHODS, STATUS_CODES } from './http_names.js';

const { Readable, Writable } = stream;

const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
// Of the connection, which is not the request's.
const NOT_SENT = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'expect', 'host', 'accept-encoding']);
const DECODED = new Set(['gzip', 'x-gzip', 'deflate']);

function validateHeaderName(name) {
  if (typeof name === 'string' && NAME.test(name)) return;
  throw codedError(TypeError, 'ERR_INVALID_HTTP_TOKEN', `Header name must be a valid HTTP token ["${name}"]`);
}

function validateHeaderValue(name, value) {
  if (value === undefined) throw codedError(TypeError, 'ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "${value}" for header "${name}"`);
  if (/[^\t\x20-\x7e\x80-\xff]/.test(`${value}`)) throw codedError(TypeError, 'ERR_INVALID_CHAR', `Invalid character in header content ["${name}"]`);
}

export class IncomingMessage extends Readable {
  httpVersion = '1.1';
  httpVersionMajor = 1;
  httpVersionMinor = 1;
  headers = {};
  rawHeaders = [];
  trailers = {};
  rawTrailers = [];
  complete = false;
  aborted = false;
  url = '';
  method = null;
  statusCode = null;
  statusMessage = null;
  socket = new events();
  #reader = null;

  setTimeout() {
    return this;
  }

  get connection() {
    return this.socket;
  }

  _receive(response) {
    this.statusCode = response.status;
    this.statusMessage = response.statusText || STATUS_CODES[response.status] || '';
    const encoding = response.headers.get('content-encoding')?.trim().toLowerCase();
    for (const [name, value] of response.headers) {
      // The body comes decoded.
      if (DECODED.has(encoding) && (name === 'content-encoding' || name === 'content-length')) continue;
      this.rawHeaders.push(name, value);
      if (name === 'set-cookie') (this.headers[name] ??= []).push(value);
      else this.headers[name] = value;
    }
    this.#reader = response.body?.getReader() ?? null;
    return this;
  }

  _read() {
    if (this.#reader === null) {
      this.#end();
      return;
    }
    this.#reader.read().then(
      ({ value, done }) => (done ? this.#end() : this.push(Buffer.from(value))),
      (error) => {
        this.aborted = true;
        this.destroy(Object.assign(new Error(error.cause?.message ?? 'aborted', { cause: error }), { code: error.cause?.code ?? 'ECONNRESET' }));
      },
    );
  }

  #end() {
    this.complete = true;
    this.push(null);
  }

  _destroy(error, callback) {
    this.#reader?.cancel().catch(() => {});
    callback(error);
  }
}

export class OutgoingMessage extends Writable {
  headersSent = false;
  sendDate = false;
  #headers = new Map(); // lower case -> [name, value]

  setHeader(name, value) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    this.#headers.set(name.toLowerCase(), [name, value]);
    return this;
  }

  appendHeader(name, value) {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : [before, value].flat());
  }

  setHeaders(headers) {
    for (const [name, value] of headers) this.setHeader(name, value);
    return this;
  }

  getHeader(name) {
    return this.#headers.get(String(name).toLowerCase())?.[1];
  }

  getHeaderNames() {
    return [...this.#headers.keys()];
  }

  getRawHeaderNames() {
    return [...this.#headers.values()].map(([name]) => name);
  }

  getHeaders() {
    return Object.assign(Object.create(null), Object.fromEntries([...this.#headers].map(([key, [, value]]) => [key, value])));
  }

  hasHeader(name) {
    return this.#headers.has(String(name).toLowerCase());
  }

  removeHeader(name) {
    this.#headers.delete(String(name).toLowerCase());
  }

  flushHeaders() {}

  setTimeout() {
    return this;
  }
}

const fromUrl = (url) => ({
  protocol: url.protocol,
  hostname: url.hostname.replace(/^\[|\]$/g, ''),
  port: url.port,
  path: `${url.pathname}${url.search}`,
  ...(url.username || url.password ? { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` } : {}),
});

const isUrl = (value) => value instanceof URL || (typeof value?.href === 'string' && typeof value.searchParams === 'object');

function optionsOf(given, protocol) {
  const parts = [...given];
  const callback = typeof parts.at(-1) === 'function' ? parts.pop() : undefined;
  const [first, second] = parts;
  const base = typeof first === 'string' ? fromUrl(new URL(first)) : isUrl(first) ? fromUrl(first) : {};
  const options = { ...base, ...(Object.keys(base).length > 0 ? second : first) };
  const scheme = options.protocol ?? options.agent?.protocol ?? protocol;
  if (scheme !== protocol && options.agent?.protocol !== scheme) {
    throw codedError(TypeError, 'ERR_INVALID_PROTOCOL', `Protocol "${scheme}" not supported. Expected "${protocol}"`);
  }
  if (/[\0-\x20]/.test(options.path ?? '')) throw codedError(TypeError, 'ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
  return { options: { ...options, protocol: scheme }, callback };
}

function urlOf({ protocol, hostname, host, port, path }) {
  const name = hostname ?? host?.replace(/:\d+$/, '') ?? 'localhost';
  const given = port || /:(\d+)$/.exec(host ?? '')?.[1];
  return `${protocol}//${name.includes(':') ? `[${name}]` : name}${given ? `:${given}` : ''}${path ?? '/'}`;
}

export class ClientRequest extends OutgoingMessage {
  aborted = false;
  reusedSocket = false;
  socket = null;
  #url;
  #parts = [];
  #controller = new AbortController();
  #response = null;
  #timeout;
  #isClosed = false;

  constructor(...given) {
    super({ autoDestroy: false, emitClose: false }); // it is over when its response is
    const protocol = given.at(-1);
    const { options, callback } = optionsOf(given.slice(0, -1), protocol);
    this.#url = urlOf(options);
    this.method = (options.method ?? 'GET').toUpperCase();
    if (!NAME.test(this.method)) throw codedError(TypeError, 'ERR_INVALID_HTTP_TOKEN', `Method must be a valid HTTP token ["${options.method}"]`);
    this.path = options.path ?? '/';
    this.protocol = options.protocol;
    this.host = new URL(this.#url).hostname;
    this.agent = options.agent;
    this.#timeout = options.timeout;
    const headers = Array.isArray(options.headers) ? pairsOf(options.headers) : Object.entries(options.headers ?? {});
    for (const [name, value] of headers) this.setHeader(name, value);
    if (options.auth && !this.hasHeader('authorization')) this.setHeader('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
    if (!this.hasHeader('host')) this.setHeader('Host', new URL(this.#url).host);
    if (callback !== undefined) this.once('response', callback);
    options.signal?.addEventListener('abort', () => this.destroy(abortError(options.signal)), { once: true });
    if (options.signal?.aborted) this.destroy(abortError(options.signal));
  }

  _write(chunk, encoding, callback) {
    this.#parts.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(viewOf(chunk)));
    callback();
  }

  _final(callback) {
    callback();
    this.headersSent = true;
    this.#send();
  }

  #headersToSend() {
    const headers = new Headers();
    for (const name of this.getHeaderNames()) {
      if (NOT_SENT.has(name)) continue;
      for (const value of [this.getHeader(name)].flat()) headers.append(name, `${value}`);
    }
    return headers;
  }

  async #send() {
    const body = Buffer.concat(this.#parts);
    const hasNoBody = this.method === 'GET' || this.method === 'HEAD' || body.length === 0;
    const timer = this.#timeout > 0 ? setTimeout(() => this.emit('timeout'), this.#timeout) : undefined;
    let answer;
    try {
      answer = await fetch(this.#url, {
        method: this.method,
        headers: this.#headersToSend(),
        body: hasNoBody ? undefined : body,
        redirect: 'manual',
        signal: this.#controller.signal,
      });
    } catch (error) {
      if (!this.destroyed) this.destroy(Object.assign(new Error(error.cause?.message ?? error.message, { cause: error }), { code: error.cause?.code ?? 'ECONNRESET' }));
      return;
    } finally {
      clearTimeout(timer);
    }
    this.#response = new IncomingMessage()._receive(answer);
    this.#response.req = this;
    this.#response.on('close', () => this.#close());
    this.res = this.#response;
    if (!this.emit('response', this.#response)) this.#response.resume();
  }

  #close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    process.nextTick(() => this.emit('close'));
  }

  setTimeout(milliseconds, callback) {
    this.#timeout = milliseconds;
    if (callback !== undefined) this.once('timeout', callback);
    return this;
  }

  setNoDelay() {}

  setSocketKeepAlive() {}

  abort() {
    if (this.aborted) return;
    this.aborted = true;
    process.nextTick(() => this.emit('abort'));
    this.destroy();
  }

  _destroy(error, callback) {
    this.#controller.abort();
    this.#response?.destroy(error ?? undefined);
    const early = this.#response === null && error === null;
    this.#close();
    callback(early ? Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }) : error);
  }
}

const abortError = (signal) => Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });

const pairsOf = (flat) => (Array.isArray(flat[0]) ? flat : Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]));

// A pool of sockets elsewhere: here what it is asked for is remembered, and a connection is a request's.
class Agent extends events {
  requests = {};
  sockets = {};
  freeSockets = {};
  maxSockets = Infinity;
  maxFreeSockets = 256;
  maxTotalSockets = Infinity;

  constructor(options = {}) {
    super();
    if (typeof options !== 'object') throw invalidArgument('options', 'of type object', options);
    this.options = { ...options };
    this.keepAlive = Boolean(options.keepAlive);
    this.defaultPort = 80;
    this.protocol = 'http:';
  }

  getName({ host = 'localhost', port = '' } = {}) {
    return `${host}:${port}:`;
  }

  destroy() {}
}

class SecureAgent extends Agent {
  constructor(options) {
    super(options);
    this.defaultPort = 443;
    this.protocol = 'https:';
  }
}

function clientOf(protocol, AgentType) {
  const request = (...given) => new ClientRequest(...given, protocol);
  const get = (...given) => {
    const made = request(...given);
    made.end();
    return made;
  };
  return { Agent: AgentType, get, globalAgent: new AgentType({ keepAlive: true }), request };
}

const REASON = 'nothing can listen here; requests are made as ever';

// One that never hears of a request: frameworks make it before they are asked to listen, or only to be tested.
class Server extends events {
  listening = false;
  timeout = 0;
  keepAliveTimeout = 5000;
  headersTimeout = 60_000;
  requestTimeout = 300_000;
  maxHeadersCount = null;

  constructor(options, listener = undefined) {
    super();
    const handler = typeof options === 'function' ? options : listener;
    if (handler !== undefined) this.on('request', handler);
  }

  address() {
    return null;
  }

  close(callback) {
    if (callback !== undefined) setImmediate(callback, Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' }));
    return this;
  }

  closeAllConnections() {}

  closeIdleConnections() {}

  setTimeout() {
    return this;
  }
}
Object.assign(Server.prototype, absent('http.Server', REASON).functions('listen'));

const createServer = (...given) => new Server(...given);

class ServerResponse extends OutgoingMessage {
  statusCode = 200;
  statusMessage = undefined;
}

export const http = {
  ...clientOf('http:', Agent),
  ClientRequest,
  IncomingMessage,
  METHODS,
  OutgoingMessage,
  STATUS_CODES,
  Server,
  ServerResponse,
  createServer,
  maxHeaderSize: 16384,
  setMaxIdleHTTPParsers() {},
  validateHeaderName,
  validateHeaderValue,
};

export const https = {
  ...clientOf('https:', SecureAgent),
  Server,
  createServer,
};
