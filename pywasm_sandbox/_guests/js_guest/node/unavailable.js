// Modules of Node that mean nothing here: loading one says why.

import { codedError } from './errors.js';

const REASONS = {
  cluster: 'processes have no channel between them; use child_process',
  dgram: 'there are no sockets',
  dns: 'there are no sockets; fetch resolves names by itself',
  'dns/promises': 'there are no sockets; fetch resolves names by itself',
  http: 'there are no sockets; use fetch',
  http2: 'there are no sockets; use fetch',
  https: 'there are no sockets; use fetch',
  inspector: 'there is no debugger',
  net: 'there are no sockets; use fetch',
  repl: 'cells are the REPL',
  sqlite: 'it is of a later version of Node',
  tls: 'there are no sockets; use fetch',
  trace_events: 'there is nothing to trace',
  tty: 'there is no terminal',
  v8: 'the engine is QuickJS',
  wasi: 'it runs in WebAssembly itself',
  worker_threads: 'there are no threads',
};

export const unavailableNames = Object.keys(REASONS);

export const whyUnavailable = (name) =>
  Object.hasOwn(REASONS, name)
    ? codedError(Error, 'ERR_MODULE_UNAVAILABLE', `The module '${name}' is not available in this sandbox: ${REASONS[name]}`)
    : undefined;
