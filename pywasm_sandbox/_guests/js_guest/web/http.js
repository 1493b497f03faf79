// One HTTP/1.1 request over a connection of its own, and its response, whose body is read as it is asked for.

import { Buffer } from 'buffer';
import { HTTPParser } from 'http-parser-js';
import { Connection, ConnectionError } from './connection.js';

const PORTS = { 'http:': 80, 'https:': 443 };
const DEFAULTS = [
  ['accept', '*/*'],
  ['accept-language', '*'],
  ['user-agent', 'node'],
  ['accept-encoding', 'gzip, deflate'],
];
const FORMATS = { gzip: 'gzip', 'x-gzip': 'gzip', deflate: 'deflate' };
const BODILESS = new Set([101, 204, 205, 304]);
const encoder = new TextEncoder();

function headOf({ url, method, headers, body }) {
  const fields = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
  for (const [name, value] of DEFAULTS) if (!fields.has(name)) fields.set(name, value);
  if (body !== null) fields.set('content-length', String(body.length));
  else if (method === 'POST' || method === 'PUT') fields.set('content-length', '0');
  fields.set('host', url.host);
  fields.set('connection', 'close');
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  // Headers are bytes, one a character.
  return Uint8Array.from(`${lines.join('\r\n')}\r\n\r\n`, (character) => character.charCodeAt(0));
}

// What the server says, as far as it was read.
class Answer {
  head = null;
  chunks = [];
  isComplete = false;
  #connection;
  #parser = new HTTPParser(HTTPParser.RESPONSE);

  constructor(connection, method) {
    this.#connection = connection;
    this.#parser[HTTPParser.kOnHeadersComplete] = (info) => {
      if (info.statusCode < 200 && info.statusCode !== 101) return true;
      this.head = info;
      return method === 'HEAD' || BODILESS.has(info.statusCode);
    };
    this.#parser[HTTPParser.kOnBody] = (buffer, offset, length) => {
      this.chunks.push(Uint8Array.from(buffer.subarray(offset, offset + length)));
    };
    this.#parser[HTTPParser.kOnMessageComplete] = () => {
      if (this.head !== null) this.isComplete = true;
    };
  }

  // Reads until there is something new.
  async more() {
    const bytes = await this.#connection.read();
    const failure =
      bytes === null
        ? this.#parser.finish()
        : this.#parser.execute(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    if (failure instanceof Error) throw new ConnectionError(`the answer is not HTTP: ${failure.message}`, 'EPROTO');
    if (bytes === null && !this.isComplete) throw new ConnectionError('the connection was closed early', 'ECONNRESET');
  }

  body() {
    return new ReadableStream(
      {
        pull: async (controller) => {
          try {
            while (this.chunks.length === 0 && !this.isComplete) await this.more();
          } catch (error) {
            this.#connection.close();
            throw error instanceof ConnectionError ? new TypeError('terminated', { cause: error }) : error;
          }
          for (const chunk of this.chunks.splice(0)) controller.enqueue(chunk);
          if (this.isComplete) {
            this.#connection.close();
            controller.close();
          }
        },
        cancel: () => this.#connection.close(),
      },
      { highWaterMark: 0 },
    );
  }
}

function pairs(flat) {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]);
}

// `url`: a URL, `body`: bytes or null. Gives status, statusText, headers and a body (a stream or null).
// Throws a ConnectionError, or the signal's reason.
export async function send({ url, method, headers, body, signal }) {
  const isSecure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || PORTS[url.protocol];
  const connection = await Connection.open({ host, port, isSecure }, signal);
  const answer = new Answer(connection, method);
  try {
    await connection.write(headOf({ url, method, headers, body }));
    if (body !== null) await connection.write(body);
    while (answer.head === null) await answer.more();
  } catch (error) {
    connection.close();
    throw error;
  }
  const { statusCode, statusMessage, headers: flat } = answer.head;
  const fields = pairs(flat);
  const result = { status: statusCode, statusText: statusMessage, headers: fields, body: null };
  if (method === 'HEAD' || BODILESS.has(statusCode)) {
    connection.close();
    return result;
  }
  const encoding = fields.find(([name]) => name.toLowerCase() === 'content-encoding')?.[1].trim().toLowerCase();
  const format = FORMATS[encoding];
  const stream = answer.body();
  result.body = format === undefined ? stream : stream.pipeThrough(new DecompressionStream(format));
  return result;
}
