// Headers, Request, Response and FormData are undici's, which are Node's. What undici's fetch would do with sockets
// is the host's: `fetch` hands the request to `exchange`, the one seam of the network.

import { FormData, Headers, Request, Response } from '#undici';
import { exchange } from './network.js';
import { defineGlobals } from './define.js';
import { objectOf } from './url.js';

async function fetch(input, init) {
  const request = new Request(input, init);
  request.signal.throwIfAborted();
  const { protocol } = new URL(request.url);
  if (protocol === 'data:') return dataResponse(request);
  if (protocol === 'blob:') return blobResponse(request);
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError('fetch failed', { cause: unknown(protocol) });
  return exchange(request);
}

const unknown = (protocol) => new Error(`unknown scheme ${protocol.slice(0, -1)}`);

function blobResponse(request) {
  const blob = objectOf(request.url);
  if (!blob) throw new TypeError('fetch failed', { cause: new Error(`no object behind ${request.url}`) });
  return new Response(blob);
}

// https://fetch.spec.whatwg.org/#data-url-processor
function dataResponse(request) {
  const { href } = new URL(request.url);
  const match = /^data:([^,]*),([^#]*)/.exec(href);
  if (!match) throw new TypeError('fetch failed', { cause: new Error('invalid data: URL') });
  const base64 = / *; *base64 *$/i.test(match[1]);
  const type = match[1].replace(/ *; *base64 *$/i, '').trim();
  const body = percentDecoded(match[2]);
  let data = body;
  if (base64) {
    try {
      data = Uint8Array.from(atob(String.fromCharCode(...body)), (character) => character.charCodeAt(0));
    } catch (cause) {
      throw new TypeError('fetch failed', { cause });
    }
  }
  const mime = type.startsWith(';') ? `text/plain${type}` : type || 'text/plain;charset=US-ASCII';
  return new Response(data, { headers: { 'content-type': mime } });
}

function percentDecoded(text) {
  const bytes = [];
  for (let at = 0; at < text.length; at++) {
    const escaped = /^%([0-9a-f]{2})/i.exec(text.slice(at, at + 3));
    bytes.push(escaped ? parseInt(escaped[1], 16) : text.charCodeAt(at));
    if (escaped) at += 2;
  }
  return Uint8Array.from(bytes);
}

defineGlobals({ FormData, Headers, Request, Response, fetch });
