// Errors as Node's modules throw them.

import native from 'pywasm:native';

const MESSAGES = {
  EACCES: 'permission denied',
  EAGAIN: 'resource temporarily unavailable',
  EBADF: 'bad file descriptor',
  EBUSY: 'resource busy or locked',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file already exists',
  EFBIG: 'file too large',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ELOOP: 'too many symbolic links encountered',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'name too long',
  ENFILE: 'file table overflow',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOSYS: 'function not implemented',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  ENOTSUP: 'operation not supported on socket',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  EROFS: 'read-only file system',
  ESPIPE: 'invalid seek',
  EXDEV: 'cross-device link not permitted',
};

// Node's own numbers, which are Linux'.
const NUMBERS = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EIO: 5,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENOTSUP: 95,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  EDQUOT: 122,
};

// [number, [name, message]] of each, with Node's numbers.
export const systemErrors = Object.entries(NUMBERS).map(([name, number]) => [-number, [name, MESSAGES[name]]]);

const names = new Map(Object.entries(native.errnos).map(([name, number]) => [number, name]));

// `status` is the negative errno that a native function gave.
export function systemError(status, syscall, path, dest) {
  const known = names.get(-status) ?? 'EIO';
  const code = known === 'ENOTCAPABLE' ? 'EACCES' : known;
  const where = path === undefined ? '' : ` '${path}'${dest === undefined ? '' : ` -> '${dest}'`}`;
  const error = new Error(`${code}: ${MESSAGES[code] ?? native.errnoText(-status).toLowerCase()}, ${syscall}${where}`);
  error.errno = -(NUMBERS[code] ?? -status);
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}

// Node's errors of `spawn` have nothing but the code in their message.
export function spawnError(code, syscall, path, spawnargs) {
  return Object.assign(new Error(`${syscall} ${code}`), { errno: -(NUMBERS[code] ?? NUMBERS.EIO), code, syscall, path, spawnargs });
}

export function check(status, syscall, path, dest) {
  if (typeof status === 'number' && status < 0) throw systemError(status, syscall, path, dest);
  return status;
}

// An error with a code, whose name shows it as Node's do: `TypeError [CODE]: message`.
export function codedError(Type, code, message) {
  const error = new Type(message);
  Object.defineProperty(error, 'stack', {
    value: String(error.stack).replace(/^[^:\n]*/, `${error.name} [${code}]`),
    writable: true,
    configurable: true,
  });
  error.code = code;
  return error;
}

function received(value) {
  if (value === null || value === undefined) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') return ` Received an instance of ${value.constructor?.name ?? 'Object'}`;
  const text = typeof value === 'string' ? `'${value.length > 28 ? `${value.slice(0, 25)}...` : value}'` : String(value);
  return ` Received type ${typeof value} (${text})`;
}

export const invalidArgument = (name, expected, value) =>
  codedError(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be ${expected}.${received(value)}`);

export const outOfRange = (name, range, value) =>
  codedError(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be ${range}. Received ${value}`);
