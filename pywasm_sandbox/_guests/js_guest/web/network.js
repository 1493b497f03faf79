// The one way out: a request becomes the host's, which applies its network policy. The host answers with a
// response, or with the reason why there is none.

import { request as ask } from '../host.js';

function failure(request, error) {
  const cause = Object.assign(new Error(error.message), { code: error.code ?? 'ERR_NETWORK' });
  return new TypeError(`fetch failed: ${error.message}`, { cause });
}

export async function exchange(request) {
  const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());
  const answer = ask({
    op: 'fetch',
    url: request.url,
    method: request.method,
    headers: [...request.headers],
    body: body === null ? null : body.toBase64(),
    redirect: request.redirect,
  });
  if (answer.error) throw failure(request, answer.error);
  const content = answer.body === null ? null : Uint8Array.fromBase64(answer.body);
  const response = new Response(content, {
    status: answer.status,
    statusText: answer.statusText ?? '',
    headers: answer.headers,
  });
  Object.defineProperty(response, 'url', { value: answer.url ?? request.url, configurable: true });
  return response;
}
