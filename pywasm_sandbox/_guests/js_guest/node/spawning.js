// What spawn and its relatives share: their arguments, and starting a child.

import native from 'pywasm:native';
import { path as posix } from '../packages.js';
import { call } from '../repl/wire.js';
import { codedError, invalidArgument, spawnError } from './errors.js';
import { pathOf } from './fs_sync.js';

const SHELL = '/bin/sh';
const OPEN_TO_READ = 1; // bits of files.c
const OPEN_TO_WRITE = 2;
const STREAMS = 3;
const OWN_USER = 1000;

export function checkFile(file) {
  if (typeof file !== 'string') throw invalidArgument('file', 'of type string', file);
  if (file === '') throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', "The argument 'file' cannot be empty. Received ''");
}

// (file, [args], [options]) as { file, args, options }.
export function sortArguments(file, args, options) {
  checkFile(file);
  if (Array.isArray(args)) return { file, args: args.map(String), options: options ?? {} };
  if (args !== undefined && args !== null && typeof args !== 'object') throw invalidArgument('args', 'of type object', args);
  return { file, args: [], options: options ?? args ?? {} };
}

// What is to be run: { file, words, env, cwd, spawnargs }.
export function describe({ file, args, options }) {
  const words = [file, ...args];
  const env = {};
  for (const [name, value] of Object.entries(options.env ?? process.env)) if (value !== undefined) env[name] = String(value);
  const cwd = posix.resolve(process.cwd(), options.cwd === undefined || options.cwd === null ? '.' : pathOf(options.cwd, 'options.cwd'));
  for (const text of [...words, ...Object.entries(env).flat(), cwd]) {
    if (text.includes('\0')) throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument must be a string without null bytes. Received '${text.replaceAll('\0', '\\x00')}'`);
  }
  if (options.shell) {
    const shell = typeof options.shell === 'string' ? options.shell : SHELL;
    const spawnargs = [shell, '-c', words.join(' ')];
    return { file: shell, words: [options.argv0 ?? shell, ...spawnargs.slice(1)], env, cwd, spawnargs };
  }
  const name = options.argv0 === undefined ? file : String(options.argv0);
  return { file, words: [name, ...args], env, cwd, spawnargs: [name, ...args] };
}

// `stdio` as a list of three: 'pipe', 'ignore', 'inherit' or a number.
export function listStreams(stdio) {
  const given = typeof stdio === 'string' ? Array(STREAMS).fill(stdio) : (stdio ?? []);
  if (!Array.isArray(given)) throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'stdio' is invalid. Received ${String(stdio)}`);
  const streams = given.map((each, index) => {
    if (each === undefined || each === null) return index < STREAMS ? 'pipe' : 'ignore';
    if (each === 'overlapped') return 'pipe';
    if (each === 'pipe' || each === 'ignore' || each === 'inherit') return each;
    if (each === 'ipc') throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', "stdio: 'ipc' is not available in this sandbox: processes have no channel between them");
    const fd = Number.isInteger(each) ? each : each?.fd;
    if (!Number.isInteger(fd) || fd < 0) throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'stdio' is invalid. Received ${String(each)}`);
    return fd;
  });
  while (streams.length < STREAMS) streams.push('pipe');
  if (streams.slice(STREAMS).some((each) => each !== 'ignore')) {
    throw codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', 'a child in this sandbox gets descriptors 0, 1 and 2 only');
  }
  return streams.slice(0, STREAMS);
}

function openStream(kind, index, opened) {
  if (kind === 'inherit') return { child: -1, own: null };
  if (typeof kind === 'number') return { child: kind, own: null };
  if (kind === 'ignore') {
    const child = native.open('/dev/null', index === 0 ? OPEN_TO_READ : OPEN_TO_WRITE);
    opened.push(child);
    return { child, own: null };
  }
  const [reader, writer] = call('process.pipe');
  const [child, own] = index === 0 ? [reader, writer] : [writer, reader];
  opened.push(child);
  return { child, own };
}

// Starts it: { pid, own: our ends of the pipes or null }. Throws a system error.
export function start({ file, words, env, cwd, spawnargs }, { uid, gid }, streams, syscall) {
  const fail = (code) => spawnError(code, `${syscall} ${file}`, file, spawnargs.slice(1));
  if ((uid ?? OWN_USER) !== OWN_USER || (gid ?? OWN_USER) !== OWN_USER) throw fail('EPERM');
  if (native.list(cwd) < 0) throw fail('ENOENT');
  const opened = []; // the child's
  const own = [];
  try {
    const ends = streams.map((kind, index) => {
      const end = openStream(kind, index, opened);
      own.push(end.own);
      return end.child;
    });
    const pid = call('process.spawn', { words, path: file, env, cwd, fds: ends });
    return { pid, own };
  } catch (error) {
    for (const fd of own) if (fd !== null) native.close(fd);
    throw typeof error.errno === 'string' ? fail(error.errno) : error;
  } finally {
    for (const fd of opened) native.close(fd);
  }
}

// The status of a child that is over, as [code, number of a signal]: one of them is null.
export function takeStatus(pid) {
  let status;
  try {
    status = call('process.wait', { pid, block: false })?.[1];
  } catch {
    // it belongs to the context that this one is a copy of
  }
  if (status === undefined) return [null, 9];
  return status & 0x7f ? [null, status & 0x7f] : [status >> 8, null];
}
