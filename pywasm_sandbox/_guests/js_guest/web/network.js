// The one way out: a request becomes a call of the host, "fetch", which applies its network policy. It answers with a
// response or with the reason why there is none; a host without that call lets nothing out.

import { request as ask } from '../host.js';

function failure({ error, message, errno }) {
  const isAbsent = error === 'NotImplementedError';
  const reason = isAbsent ? 'this sandbox has no network access' : message;
  const code = errno && !isAbsent ? errno : 'EACCES';
  return new TypeError(`fetch failed: ${reason}`, { cause: Object.assign(new Error(reason), { code }) });
}

export async function exchange(request) {
  const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());
  const { value, ...refusal } = ask({
    op: 'fetch',
    url: request.url,
    method: request.method,
    headers: [...request.headers],
    body: body === null ? null : body.toBase64(),
    redirect: request.redirect,
  });
  if (refusal.error !== undefined) throw failure(refusal);
  const content = value.body === null ? null : Uint8Array.fromBase64(value.body);
  const response = new Response(content, {
    status: value.status,
    statusText: value.statusText ?? '',
    headers: value.headers,
  });
  Object.defineProperty(response, 'url', { value: value.url ?? request.url, configurable: true });
  return response;
}
