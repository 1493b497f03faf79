// The one way out: `exchange` makes a request's response, following redirects as the Fetch Standard has it. What is
// allowed is the host's to say (connection.js).

import { ConnectionError } from './connection.js';
import { send } from './http.js';

const MAX_REDIRECTS = 20;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const BODY_HEADERS = new Set(['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type']);
const ORIGIN_HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie', 'host']);

function failure(message, code) {
  return new TypeError(`fetch failed: ${message}`, { cause: Object.assign(new Error(message), { code }) });
}

const without = (headers, names) => headers.filter(([name]) => !names.has(name.toLowerCase()));

function targetOf(location, url) {
  const target = URL.parse(location, url.href);
  if (target === null) throw failure(`the redirect's location ${location} is no URL`, 'ERR_INVALID_URL');
  if (target.protocol !== 'http:' && target.protocol !== 'https:') {
    throw failure(`a redirect leads to ${target.protocol}`, 'ERR_INVALID_URL');
  }
  if (!target.hash) target.hash = url.hash;
  return target;
}

// https://fetch.spec.whatwg.org/#http-redirect-fetch
function redirected(step, status, location) {
  const url = targetOf(location, step.url);
  let { method, headers, body } = step;
  const toGet = status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST';
  if (toGet) {
    method = 'GET';
    body = null;
    headers = without(headers, BODY_HEADERS);
  }
  if (url.origin !== step.url.origin) headers = without(headers, ORIGIN_HEADERS);
  return { ...step, url, method, headers, body };
}

function responseOf({ status, statusText, headers, body }, url, isRedirected) {
  const response = new Response(body, { status, statusText, headers });
  const shown = new URL(url);
  shown.hash = '';
  const values = { url: shown.href, redirected: isRedirected, type: 'basic' };
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(response, name, { value, configurable: true });
  }
  return response;
}

async function sent(step) {
  try {
    return await send(step);
  } catch (error) {
    if (error instanceof ConnectionError) throw failure(error.message, error.code);
    throw error;
  }
}

// A request's signal follows its caller's as long as the request exists: here, as long as somebody has the signal.
const requests = new WeakMap();

export async function exchange(request) {
  requests.set(request.signal, request);
  let step = {
    url: new URL(request.url),
    method: request.method,
    headers: [...request.headers],
    body: request.body === null ? null : new Uint8Array(await request.arrayBuffer()),
    signal: request.signal,
  };
  for (let redirects = 0; ; redirects++) {
    const answer = await sent(step);
    const location = answer.headers.find(([name]) => name.toLowerCase() === 'location')?.[1];
    const leadsOn = REDIRECTS.has(answer.status) && location !== undefined && request.redirect !== 'manual';
    if (!leadsOn) return responseOf(answer, step.url, redirects > 0);
    await answer.body?.cancel();
    if (request.redirect === 'error') throw failure('there is a redirect', 'ERR_REDIRECT');
    if (redirects === MAX_REDIRECTS) throw failure('there are too many redirects', 'ERR_TOO_MANY_REDIRECTS');
    step = redirected(step, answer.status, location);
  }
}
