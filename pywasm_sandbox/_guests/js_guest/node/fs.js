// node:fs and node:fs/promises: the synchronous functions, with callbacks, and as promises.

import { events, stream } from '../packages.js';
import { Buffer } from './buffer.js';
import { codedError, invalidArgument } from './errors.js';
import { BigIntStats, constants, Dirent, Stats } from './fs_stats.js';
import * as sync from './fs_sync.js';

const CALLBACK_NAMES = [
  ...['access', 'appendFile', 'chmod', 'chown', 'close', 'copyFile', 'cp', 'fchmod', 'fchown', 'fdatasync', 'fstat', 'fsync'],
  ...['ftruncate', 'futimes', 'link', 'lstat', 'mkdir', 'mkdtemp', 'open', 'readFile', 'readdir', 'readlink', 'realpath'],
  ...['rename', 'rm', 'rmdir', 'stat', 'symlink', 'truncate', 'unlink', 'utimes', 'writeFile'],
];

const later = (callback, ...results) => setImmediate(callback, ...results);

function withCallback(name) {
  const action = sync[`${name}Sync`];
  const method = {
    [name](...args) {
      const callback = args.pop();
      if (typeof callback !== 'function') throw invalidArgument('cb', 'of type function', callback);
      let result;
      try {
        result = action(...args);
      } catch (error) {
        if (error.code === 'ERR_INVALID_ARG_TYPE') throw error;
        later(callback, error);
        return;
      }
      if (result === undefined) later(callback, null);
      else later(callback, null, result);
    },
  };
  return method[name];
}

// read, write and their vectors give the callback the buffer too.
const withBuffer = (action) => (fd, buffer, ...rest) => {
  const callback = rest.pop();
  try {
    later(callback, null, action(fd, buffer, ...rest), buffer);
  } catch (error) {
    later(callback, error);
  }
};

const customPromisify = Symbol.for('nodejs.util.promisify.custom');

function exists(path, callback) {
  later(callback, sync.existsSync(path));
}
exists[customPromisify] = async (path) => sync.existsSync(path);

class Dir {
  #entries;
  constructor(path) {
    this.path = path;
    this.#entries = sync.readdirSync(path, { withFileTypes: true });
  }

  readSync() {
    return this.#entries.shift() ?? null;
  }

  async read() {
    return this.readSync();
  }

  closeSync() {}

  async close() {}

  async *[Symbol.asyncIterator]() {
    for (let entry = this.readSync(); entry !== null; entry = this.readSync()) yield entry;
  }
}

// ---- promises

const promised = (action) =>
  async function (...args) {
    return action(...args);
  };

class FileHandle extends events {
  constructor(fd) {
    super();
    Object.defineProperty(this, 'fd', { value: fd, writable: true });
  }

  async read(...args) {
    const buffer = ArrayBuffer.isView(args[0]) ? args[0] : (args[0]?.buffer ?? Buffer.alloc(16384));
    const rest = ArrayBuffer.isView(args[0]) ? args.slice(1) : [args[0] ?? {}];
    return { bytesRead: sync.readSync(this.fd, buffer, ...rest), buffer };
  }

  async write(data, ...args) {
    return { bytesWritten: sync.writeSync(this.fd, data, ...args), buffer: data };
  }

  async *readLines(options) {
    const text = await this.readFile({ encoding: 'utf8', ...options });
    const lines = text.split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    yield* lines;
  }

  async close() {
    if (this.fd < 0) return;
    const { fd } = this;
    this.fd = -1;
    sync.closeSync(fd);
    this.emit('close');
  }

  createReadStream(options) {
    return new ReadStream(null, { ...options, fd: this.fd, autoClose: false });
  }

  createWriteStream(options) {
    return new WriteStream(null, { ...options, fd: this.fd, autoClose: false });
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}

const HANDLE_METHODS = {
  appendFile: sync.appendFileSync,
  chmod: sync.fchmodSync,
  chown: sync.fchownSync,
  datasync: sync.fdatasyncSync,
  readFile: sync.readFileSync,
  readv: (fd, buffers, position) => ({ bytesRead: sync.readvSync(fd, buffers, position), buffers }),
  stat: sync.fstatSync,
  sync: sync.fsyncSync,
  truncate: sync.ftruncateSync,
  utimes: sync.futimesSync,
  writeFile: sync.writeFileSync,
  writev: (fd, buffers, position) => ({ bytesWritten: sync.writevSync(fd, buffers, position), buffers }),
};
for (const [name, action] of Object.entries(HANDLE_METHODS)) {
  Object.defineProperty(FileHandle.prototype, name, {
    async value(...args) {
      return action(this.fd, ...args);
    },
    writable: true,
    configurable: true,
  });
}

const watchError = () => codedError(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', 'watching files is not available in this sandbox');
const noWatching = () => {
  throw watchError();
};

const byHandle = (action) => (target, ...args) => action(target instanceof FileHandle ? target.fd : target, ...args);

export const promises = {
  ...Object.fromEntries(
    CALLBACK_NAMES.filter((name) => !/^(?:close|open|f(?!s)\w+)$/.test(name) || name === 'fsync').map((name) => [name, promised(byHandle(sync[`${name}Sync`]))]),
  ),
  constants,
  lchown: promised(sync.chownSync),
  open: async (path, flags) => new FileHandle(sync.openSync(path, flags)),
  opendir: async (path) => new Dir(path),
  watch: noWatching,
};
delete promises.fsync;
const { writeFile } = promises;
promises.writeFile = async (target, data, options) => {
  if (typeof data === 'string' || ArrayBuffer.isView(data)) return writeFile(target, data, options);
  const parts = [];
  for await (const part of data) parts.push(Buffer.from(part));
  return writeFile(target, Buffer.concat(parts), options);
};

// ---- streams

const CHUNK = 64 * 1024;

export class ReadStream extends stream.Readable {
  constructor(path, options = {}) {
    const settings = typeof options === 'string' ? { encoding: options } : options;
    super({ highWaterMark: CHUNK, ...settings });
    Object.assign(this, { path, flags: settings.flags ?? 'r', fd: settings.fd ?? null, bytesRead: 0 });
    this.position = settings.start;
    this.end = settings.end ?? Infinity;
    this.autoClose = settings.autoClose ?? true;
  }

  _construct(callback) {
    try {
      if (this.fd === null) this.fd = sync.openSync(this.path, this.flags);
      callback();
      this.emit('open', this.fd);
      this.emit('ready');
    } catch (error) {
      callback(error);
    }
  }

  _read(size) {
    const wanted = this.position === undefined ? size : Math.min(size, this.end - this.position + 1);
    if (wanted <= 0) {
      this.push(null);
      return;
    }
    try {
      const bytes = Buffer.alloc(wanted);
      const count = sync.readSync(this.fd, bytes, 0, wanted, this.position ?? null);
      this.bytesRead += count;
      if (this.position !== undefined) this.position += count;
      this.push(count === 0 ? null : bytes.subarray(0, count));
    } catch (error) {
      this.destroy(error);
    }
  }

  _destroy(error, callback) {
    if (this.autoClose && this.fd !== null) sync.closeSync(this.fd);
    this.fd = null;
    callback(error);
  }

  close(callback) {
    if (callback) this.once('close', callback);
    this.destroy();
  }
}

export class WriteStream extends stream.Writable {
  constructor(path, options = {}) {
    const settings = typeof options === 'string' ? { encoding: options } : options;
    super({ ...settings, decodeStrings: true });
    Object.assign(this, { path, flags: settings.flags ?? 'w', fd: settings.fd ?? null, bytesWritten: 0 });
    this.position = settings.start;
    this.autoClose = settings.autoClose ?? true;
    if (settings.encoding) this.setDefaultEncoding(settings.encoding);
  }

  _construct(callback) {
    try {
      if (this.fd === null) this.fd = sync.openSync(this.path, this.flags);
      callback();
      this.emit('open', this.fd);
      this.emit('ready');
    } catch (error) {
      callback(error);
    }
  }

  _write(chunk, encoding, callback) {
    try {
      const count = sync.writeSync(this.fd, chunk, 0, chunk.length, this.position ?? null);
      this.bytesWritten += count;
      if (this.position !== undefined) this.position += count;
      callback();
    } catch (error) {
      callback(error);
    }
  }

  _destroy(error, callback) {
    if (this.autoClose && this.fd !== null) sync.closeSync(this.fd);
    this.fd = null;
    callback(error);
  }

  close(callback) {
    if (callback) this.once('close', callback);
    this.end();
  }
}

const fs = {
  ...Object.fromEntries(Object.entries(sync).filter(([name]) => name.endsWith('Sync'))),
  ...Object.fromEntries(CALLBACK_NAMES.map((name) => [name, withCallback(name)])),
  BigIntStats,
  Dir,
  Dirent,
  ReadStream,
  Stats,
  WriteStream,
  ...{ F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 },
  constants,
  createReadStream: (path, options) => new ReadStream(path, options),
  createWriteStream: (path, options) => new WriteStream(path, options),
  exists,
  lchownSync: sync.chownSync,
  lchmodSync: sync.chmodSync,
  openAsBlob: async (path, options) => new Blob([sync.readFileSync(path)], options),
  opendir(path, ...rest) {
    later(rest.at(-1), null, new Dir(path));
  },
  opendirSync: (path) => new Dir(path),
  promises,
  read: withBuffer(sync.readSync),
  readv: withBuffer(sync.readvSync),
  unwatchFile() {},
  watch: noWatching,
  watchFile: noWatching,
  write: withBuffer(sync.writeSync),
  writev: withBuffer(sync.writevSync),
};

fs.realpath.native = fs.realpath;
fs.FileReadStream = ReadStream;
fs.FileWriteStream = WriteStream;

export default fs;
