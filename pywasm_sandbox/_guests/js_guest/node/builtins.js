// Node's modules by name, without their prefix `node:`.

import * as packages from '../packages.js';
import asyncHooks from './async_hooks.js';
import buffer from './buffer.js';
import * as childProcess from './child_process.js';
import crypto from './crypto.js';
import { codedError } from './errors.js';
import diagnosticsChannel from './diagnostics_channel.js';
import events from './events.js';
import fs, { promises as fsPromises } from './fs.js';
import { http, https } from './http.js';
import os from './os.js';
import { placeholders } from './placeholders.js';
import { readline, readlinePromises } from './readline.js';
import { constants, perfHooks, vm } from './small.js';
import { completeStreams } from './streams.js';
import timers, { promises as timersPromises } from './timers.js';
import url from './url.js';
import util from './util.js';
import zlib from './zlib.js';

const { assert, path, querystring, streamPromises, stringDecoder } = packages;
// The base of all streams has the others as properties.
const stream = packages.stream.Stream;

// Windows' paths are not there, and say so; packages ask for the separators.
function windowsPaths(posix) {
  const missing = (name) =>
    function () {
      throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `path.win32.${name} is not available in this sandbox, whose paths are POSIX'`);
    };
  const functions = Object.keys(posix).filter((name) => typeof posix[name] === 'function');
  const windows = Object.fromEntries(functions.map((name) => [name, missing(name)]));
  return Object.assign(windows, { sep: '\\', delimiter: ';', posix, win32: windows });
}

// Later additions of Node to packages.
path.posix = path;
path.toNamespacedPath = (name) => name;
path.win32 = windowsPaths(path);
assert.strict.strict = assert.strict;
Object.defineProperty(stream, 'promises', { value: streamPromises, enumerable: true, configurable: true });
completeStreams(stream);

const webStreams = Object.fromEntries(
  Object.getOwnPropertyNames(globalThis)
    .filter((name) => /^(?:Readable|Writable|Transform|Text\w+|Compression|Decompression).*Stream|QueuingStrategy$/.test(name))
    .map((name) => [name, globalThis[name]]),
);

const query = {
  ...querystring,
  parse: (...args) => Object.setPrototypeOf(querystring.parse(...args), null),
  escape: (text) => encodeURIComponent(text),
  unescape: (text) => decodeURIComponent(text),
};
query.decode = query.parse;

const collect = async (source) => {
  const parts = [];
  for await (const part of source) parts.push(buffer.Buffer.from(part));
  return buffer.Buffer.concat(parts);
};

const streamConsumers = {
  arrayBuffer: async (source) => new Uint8Array(await collect(source)).buffer,
  blob: async (source) => new Blob([await collect(source)]),
  buffer: collect,
  json: async (source) => JSON.parse((await collect(source)).toString()),
  text: async (source) => (await collect(source)).toString(),
};

export const builtins = {
  assert,
  'assert/strict': assert.strict,
  async_hooks: asyncHooks,
  buffer,
  child_process: { ...childProcess },
  ...placeholders,
  constants,
  crypto,
  diagnostics_channel: diagnosticsChannel,
  events,
  fs,
  'fs/promises': fsPromises,
  http,
  https,
  os,
  path,
  'path/posix': path,
  'path/win32': path.win32,
  perf_hooks: perfHooks,
  process: globalThis.process,
  querystring: query,
  readline,
  'readline/promises': readlinePromises,
  stream,
  'stream/consumers': streamConsumers,
  'stream/promises': streamPromises,
  'stream/web': webStreams,
  string_decoder: stringDecoder,
  sys: util,
  timers,
  'timers/promises': timersPromises,
  url,
  util,
  'util/types': util.types,
  vm,
  zlib,
};
