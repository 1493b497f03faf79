// The synchronous half of node:fs, from which the other two are made.

import native from 'pywasm:native';
import { path as posix } from '../packages.js';
import { Buffer } from './buffer.js';
import { call } from '../repl/wire.js';
import { check, codedError, invalidArgument, systemError } from './errors.js';
import { BigIntStats, constants, Dirent, Stats } from './fs_stats.js';

const { errnos } = native;

// The bits that files.c knows.
const READ = 1;
const WRITE = 2;
const APPEND = 4;
const CREATE = 8;
const EXCLUSIVE = 16;
const TRUNCATE = 32;

const FLAGS = {
  r: READ,
  rs: READ,
  'r+': READ | WRITE,
  'rs+': READ | WRITE,
  w: WRITE | CREATE | TRUNCATE,
  wx: WRITE | CREATE | TRUNCATE | EXCLUSIVE,
  'w+': READ | WRITE | CREATE | TRUNCATE,
  'wx+': READ | WRITE | CREATE | TRUNCATE | EXCLUSIVE,
  a: WRITE | APPEND | CREATE,
  ax: WRITE | APPEND | CREATE | EXCLUSIVE,
  as: WRITE | APPEND | CREATE,
  'a+': READ | WRITE | APPEND | CREATE,
  'ax+': READ | WRITE | APPEND | CREATE | EXCLUSIVE,
  'as+': READ | WRITE | APPEND | CREATE,
};

function flagBits(flags) {
  if (typeof flags === 'string') {
    const bits = FLAGS[flags] ?? FLAGS[flags.replace('xw', 'wx').replace('xa', 'ax')];
    if (bits === undefined) throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'flags' is invalid. Received '${flags}'`);
    return bits;
  }
  const has = (flag) => (flags & flag) !== 0;
  const access = flags & 3;
  const base = access === constants.O_RDWR ? READ | WRITE : access === constants.O_WRONLY ? WRITE : READ;
  return (
    base |
    (has(constants.O_APPEND) ? APPEND : 0) |
    (has(constants.O_CREAT) ? CREATE : 0) |
    (has(constants.O_EXCL) ? EXCLUSIVE : 0) |
    (has(constants.O_TRUNC) ? TRUNCATE : 0)
  );
}

// A path as text: strings, Buffers and file: URLs will do.
export function pathOf(value, name = 'path') {
  let path = value;
  if (value instanceof URL || value?.href?.startsWith?.('file:')) {
    if (value.protocol !== 'file:') throw codedError(TypeError, 'ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
    path = decodeURIComponent(value.pathname);
  } else if (value instanceof Uint8Array) path = native.decode(value, 0, value.length, false);
  if (typeof path !== 'string') throw invalidArgument(name, 'of type string or an instance of Buffer or URL', value);
  if (path.includes('\0')) {
    const error = codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument '${name}' must be a string, Uint8Array, or URL without null bytes. Received '${path.replaceAll('\0', '\\x00')}'`);
    throw error;
  }
  return path;
}

const encodingOf = (options) => (typeof options === 'string' ? options : (options?.encoding ?? null));

function decoded(bytes, encoding) {
  const buffer = Object.setPrototypeOf(bytes, Buffer.prototype);
  if (encoding === null || encoding === 'buffer') return buffer;
  if (!Buffer.isEncoding(encoding)) {
    throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'encoding' is invalid encoding. Received '${encoding}'`);
  }
  return buffer.toString(encoding);
}

export function bytesOf(data, encoding = 'utf8') {
  if (typeof data === 'string') return Buffer.from(data, encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw invalidArgument('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
}

// ---- descriptors

export function openSync(path, flags = 'r') {
  const name = pathOf(path);
  return check(native.open(name, flagBits(flags ?? 'r')), 'open', name);
}

export function closeSync(fd) {
  check(native.close(fd), 'close');
}

const positionOf = (position) => (typeof position === 'number' || typeof position === 'bigint' ? Number(position) : -1);

// (fd, buffer, offset, length, position), (fd, buffer, {offset, length, position}) and (fd, {buffer, …})
export function readSync(fd, buffer, offset, length, position) {
  let target = buffer;
  let options = { offset, length, position };
  if (offset !== null && typeof offset === 'object') options = offset;
  if (!ArrayBuffer.isView(buffer)) {
    options = buffer ?? {};
    target = options.buffer ?? Buffer.alloc(16384);
  }
  const bytes = bytesOf(target);
  const start = options.offset ?? 0;
  if (fd === 0 && positionOf(options.position) < 0) {
    return check(native.receive(fd, bytes.subarray(start, start + (options.length ?? bytes.length))), 'read'); // what is there
  }
  return check(native.read(fd, bytes, start, options.length ?? bytes.length - start, positionOf(options.position)), 'read');
}

export function writeSync(fd, data, offset, length, position) {
  if (typeof data === 'string') {
    const bytes = bytesOf(data, typeof length === 'string' ? length : 'utf8');
    return check(native.write(fd, bytes, 0, bytes.length, positionOf(offset)), 'write');
  }
  const options = offset !== null && typeof offset === 'object' ? offset : { offset, length, position };
  const bytes = bytesOf(data);
  const start = options.offset ?? 0;
  return check(native.write(fd, bytes, start, options.length ?? bytes.length - start, positionOf(options.position)), 'write');
}

export function readvSync(fd, buffers, position) {
  let done = 0;
  for (const buffer of buffers) {
    const count = readSync(fd, buffer, 0, buffer.byteLength, typeof position === 'number' ? position + done : null);
    done += count;
    if (count < buffer.byteLength) break;
  }
  return done;
}

export function writevSync(fd, buffers, position) {
  let done = 0;
  for (const buffer of buffers) done += writeSync(fd, buffer, 0, buffer.byteLength, typeof position === 'number' ? position + done : null);
  return done;
}

export const fsyncSync = (fd) => void check(native.fsync(fd), 'fsync');
export const fdatasyncSync = (fd) => void check(native.fsync(fd), 'fdatasync');
export const ftruncateSync = (fd, length = 0) => void check(native.ftruncate(fd, length), 'ftruncate');

const statsOf = (numbers, options) => (options?.bigint ? new BigIntStats(numbers) : new Stats(numbers));

export const fstatSync = (fd, options) => statsOf(check(native.fstat(fd), 'fstat'), options);

// ---- whole files

export function readFileSync(path, options) {
  const encoding = encodingOf(options);
  if (Number.isInteger(path)) return decoded(readRest(path), encoding);
  const name = pathOf(path);
  const bytes = native.readFile(name);
  if (typeof bytes === 'number') throw bytes === -errnos.EISDIR ? systemError(bytes, 'read') : systemError(bytes, 'open', name);
  return decoded(bytes, encoding);
}

function readRest(fd) {
  const parts = [];
  for (;;) {
    const part = new Uint8Array(65536);
    const count = check(native.read(fd, part, 0, part.length, -1), 'read');
    parts.push(part.subarray(0, count));
    if (count < part.length) return new Uint8Array(Buffer.concat(parts));
  }
}

function store(path, data, options, flag) {
  const bytes = bytesOf(data, encodingOf(options) ?? 'utf8');
  const fd = Number.isInteger(path) ? path : openSync(path, options?.flag ?? flag);
  try {
    check(native.write(fd, bytes, 0, bytes.length, -1), 'write');
  } finally {
    if (fd !== path) closeSync(fd);
  }
}

export const writeFileSync = (path, data, options) => store(path, data, options, 'w');
export const appendFileSync = (path, data, options) => store(path, data, options, 'a');

export function truncateSync(path, length = 0) {
  const fd = openSync(path, 'r+');
  try {
    ftruncateSync(fd, length);
  } finally {
    closeSync(fd);
  }
}

// ---- the tree

function stat(path, options, follows, syscall) {
  const name = pathOf(path);
  const numbers = native.stat(name, follows);
  const isAbsent = numbers === -errnos.ENOENT || numbers === -errnos.ENOTDIR;
  if (options?.throwIfNoEntry === false && isAbsent) return undefined;
  return statsOf(check(numbers, syscall, name), options);
}

export const statSync = (path, options) => stat(path, options, true, 'stat');
export const lstatSync = (path, options) => stat(path, options, false, 'lstat');

export function existsSync(path) {
  try {
    return typeof native.stat(pathOf(path), true) !== 'number';
  } catch {
    return false;
  }
}

export function accessSync(path) {
  const name = pathOf(path);
  check(native.stat(name, true), 'access', name);
}

export function readdirSync(path, options) {
  const root = pathOf(path);
  const withTypes = options?.withFileTypes ?? false;
  const isRecursive = options?.recursive ?? false;
  const found = [];
  const visit = (folder, prefix) => {
    const listed = check(native.list(folder), 'scandir', folder);
    const entries = [];
    for (let index = 0; index < listed.length; index += 2) entries.push([listed[index], listed[index + 1]]);
    entries.sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [name, kind] of entries) {
      found.push(withTypes ? new Dirent(name, folder, kind) : prefix + name);
      if (isRecursive && kind === 'd') visit(posix.join(folder, name), `${prefix}${name}/`);
    }
  };
  visit(root, '');
  return encodingOf(options) === 'buffer' && !withTypes ? found.map((name) => Buffer.from(name)) : found;
}

export function mkdirSync(path, options) {
  const name = pathOf(path);
  if (!(typeof options === 'object' && options?.recursive)) {
    check(native.mkdir(name), 'mkdir', name);
    return undefined;
  }
  let first;
  let made = name.startsWith('/') ? '/' : '';
  for (const part of name.split('/').filter(Boolean)) {
    made += `${made === '' || made.endsWith('/') ? '' : '/'}${part}`;
    const status = native.mkdir(made);
    if (status === 0) first ??= posix.resolve(made);
    else if (typeof native.stat(made, true) === 'number') throw systemError(status, 'mkdir', name);
    else if (!statSync(made).isDirectory()) throw systemError(made === name.replace(/\/+$/, '') ? -errnos.EEXIST : -errnos.ENOTDIR, 'mkdir', name);
  }
  return first;
}

export function mkdtempSync(prefix) {
  for (;;) {
    const name = pathOf(prefix, 'prefix') + crypto.randomUUID().slice(0, 6);
    const status = native.mkdir(name);
    if (status !== -errnos.EEXIST) {
      check(status, 'mkdtemp', `${prefix}XXXXXX`);
      return name;
    }
  }
}

export function rmdirSync(path, options) {
  if (options?.recursive) return rmSync(path, { recursive: true });
  const name = pathOf(path);
  check(native.rmdir(name), 'rmdir', name);
  return undefined;
}

export function unlinkSync(path) {
  const name = pathOf(path);
  check(native.unlink(name), 'unlink', name);
}

function removeTree(name) {
  for (const entry of readdirSync(name, { withFileTypes: true })) {
    const path = posix.join(name, entry.name);
    if (entry.isDirectory()) removeTree(path);
    else unlinkSync(path);
  }
  rmdirSync(name);
}

export function rmSync(path, options) {
  const name = pathOf(path);
  const stats = lstatSync(name, { throwIfNoEntry: false });
  if (stats === undefined) {
    if (options?.force) return;
    throw systemError(-errnos.ENOENT, 'rm', name);
  }
  if (!stats.isDirectory()) unlinkSync(name);
  else if (options?.recursive) removeTree(name);
  else {
    throw Object.assign(codedError(Error, 'ERR_FS_EISDIR', `Path is a directory: rm returned EISDIR (is a directory) ${name}`), {
      name: 'SystemError',
    });
  }
}

export function renameSync(from, to) {
  const [source, target] = [pathOf(from, 'oldPath'), pathOf(to, 'newPath')];
  check(native.rename(source, target), 'rename', source, target);
}

export function copyFileSync(from, to, mode = 0) {
  const [source, target] = [pathOf(from, 'src'), pathOf(to, 'dest')];
  const bytes = native.readFile(source);
  check(bytes, 'copyfile', source, target);
  const status = native.open(target, WRITE | CREATE | TRUNCATE | (mode & constants.COPYFILE_EXCL ? EXCLUSIVE : 0));
  check(status, 'copyfile', source, target);
  try {
    check(native.write(status, bytes, 0, bytes.length, -1), 'copyfile', source, target);
  } finally {
    closeSync(status);
  }
}

export function cpSync(from, to, options) {
  const [source, target] = [pathOf(from, 'src'), pathOf(to, 'dest')];
  if (options?.filter && !options.filter(source, target)) return;
  const stats = options?.dereference ? statSync(source) : lstatSync(source);
  if (stats.isDirectory()) {
    if (!options?.recursive) {
      throw codedError(Error, 'ERR_FS_EISDIR', `Recursive option not enabled, cannot copy a directory: cp returned EISDIR (${source} is a directory (not copied)) ${target}`);
    }
    mkdirSync(target, { recursive: true });
    for (const name of readdirSync(source)) cpSync(posix.join(source, name), posix.join(target, name), options);
    return;
  }
  if (existsSync(target)) {
    if (options?.errorOnExist && options.force === false) throw codedError(Error, 'ERR_FS_CP_EEXIST', `Target already exists: cp returned EEXIST (${target} already exists) ${target}`);
    if (options?.force === false) return;
  }
  if (stats.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
  else copyFileSync(source, target);
}

export function linkSync(from, to) {
  const [source, target] = [pathOf(from, 'existingPath'), pathOf(to, 'newPath')];
  check(native.link(source, target), 'link', source, target);
}

export function symlinkSync(to, from) {
  const [target, link] = [pathOf(to, 'target'), pathOf(from)];
  check(native.symlink(target, link), 'symlink', target, link);
}

export function readlinkSync(path, options) {
  const name = pathOf(path);
  const target = check(native.readlink(name), 'readlink', name);
  return encodingOf(options) === 'buffer' ? Buffer.from(target) : target;
}

const MAX_LINKS = 40;

// Links are followed one by one: libc's realpath is not there.
export function realpathSync(path) {
  const name = pathOf(path);
  let pending = posix.resolve(native.getcwd(), name).split('/').filter(Boolean);
  let resolved = '';
  let links = 0;
  while (pending.length > 0) {
    const next = `${resolved}/${pending.shift()}`;
    const numbers = native.stat(next, false);
    check(numbers, 'lstat', next);
    if (!new Stats(numbers).isSymbolicLink()) {
      resolved = next;
      continue;
    }
    if (++links > MAX_LINKS) throw systemError(-errnos.ELOOP, 'realpath', name);
    const target = posix.resolve(resolved || '/', check(native.readlink(next), 'readlink', next));
    pending = [...target.split('/').filter(Boolean), ...pending];
    resolved = '';
  }
  return resolved || '/';
}
realpathSync.native = realpathSync;

const millisecondsOf = (time) => (time instanceof Date ? time.getTime() : Number(time) * 1000);

export function utimesSync(path, atime, mtime) {
  const name = pathOf(path);
  check(native.utimes(name, millisecondsOf(atime), millisecondsOf(mtime)), 'utime', name);
}

export function futimesSync(fd, atime, mtime) {
  check(native.utimes(fd, millisecondsOf(atime), millisecondsOf(mtime)), 'futime');
}

// The host keeps permissions; only execution looks at them.
export function chmodSync(path, mode) {
  const name = pathOf(path);
  const bits = modeOf(mode);
  check(native.stat(name, true), 'chmod', name);
  try {
    call('file.set_mode', { path: posix.resolve(name), mode: bits });
  } catch (error) {
    throw systemError(-(errnos[error.errno] ?? errnos.EIO), 'chmod', name);
  }
}

function modeOf(mode) {
  const bits = typeof mode === 'string' && /^[0-7]+$/.test(mode) ? parseInt(mode, 8) : mode;
  if (Number.isInteger(bits) && bits >= 0 && bits <= 0xffffffff) return bits & 0o777;
  throw codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'mode' must be a 32-bit unsigned integer or an octal string.`);
}

// There are no owners: setting them is no more than a look whether the file is there.

export function chownSync(path) {
  const name = pathOf(path);
  check(native.stat(name, true), 'chown', name);
}

export const fchmodSync = (fd) => void check(native.fstat(fd), 'fchmod');
export const fchownSync = (fd) => void check(native.fstat(fd), 'fchown');
