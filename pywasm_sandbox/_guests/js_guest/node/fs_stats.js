// What fs tells of files: Stats, Dirent, and their constants.

export const constants = {
  UV_FS_SYMLINK_DIR: 1,
  UV_FS_SYMLINK_JUNCTION: 2,
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  UV_DIRENT_UNKNOWN: 0,
  UV_DIRENT_FILE: 1,
  UV_DIRENT_DIR: 2,
  UV_DIRENT_LINK: 3,
  S_IFMT: 0o170000,
  S_IFREG: 0o100000,
  S_IFDIR: 0o040000,
  S_IFCHR: 0o020000,
  S_IFBLK: 0o060000,
  S_IFIFO: 0o010000,
  S_IFLNK: 0o120000,
  S_IFSOCK: 0o140000,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NOFOLLOW: 0o400000,
  O_DIRECTORY: 0o200000,
  S_IRWXU: 0o700,
  S_IRUSR: 0o400,
  S_IWUSR: 0o200,
  S_IXUSR: 0o100,
  F_OK: 0,
  R_OK: 4,
  W_OK: 2,
  X_OK: 1,
  COPYFILE_EXCL: 1,
  COPYFILE_FICLONE: 2,
  COPYFILE_FICLONE_FORCE: 4,
};

const BLOCK = 512;
const KINDS = { f: constants.S_IFREG, d: constants.S_IFDIR, l: constants.S_IFLNK };

class FileKind {
  isFile() {
    return this._is(constants.S_IFREG);
  }

  isDirectory() {
    return this._is(constants.S_IFDIR);
  }

  isSymbolicLink() {
    return this._is(constants.S_IFLNK);
  }

  isBlockDevice() {
    return this._is(constants.S_IFBLK);
  }

  isCharacterDevice() {
    return this._is(constants.S_IFCHR);
  }

  isFIFO() {
    return this._is(constants.S_IFIFO);
  }

  isSocket() {
    return this._is(constants.S_IFSOCK);
  }
}

export class Stats extends FileKind {
  constructor([dev, ino, mode, nlink, size, atimeMs, mtimeMs, ctimeMs]) {
    super();
    // WASI tells the kind of a file, no permissions.
    const permissions = (mode & constants.S_IFMT) === constants.S_IFDIR ? 0o755 : 0o644;
    Object.assign(this, { dev, mode: (mode & constants.S_IFMT) | permissions, nlink, uid: 1000, gid: 1000, rdev: 0, blksize: 4096, ino, size });
    Object.assign(this, { blocks: Math.ceil(size / BLOCK), atimeMs, mtimeMs, ctimeMs, birthtimeMs: ctimeMs });
    this.atime = new Date(atimeMs);
    this.mtime = new Date(mtimeMs);
    this.ctime = new Date(ctimeMs);
    this.birthtime = new Date(ctimeMs);
  }

  _is(kind) {
    return (Number(this.mode) & constants.S_IFMT) === kind;
  }
}

// With `bigint: true`.
export class BigIntStats extends FileKind {
  constructor(numbers) {
    super();
    const stats = new Stats(numbers);
    for (const [name, value] of Object.entries(stats)) this[name] = typeof value === 'number' ? BigInt(Math.trunc(value)) : value;
    for (const name of ['atime', 'mtime', 'ctime', 'birthtime']) this[`${name}Ns`] = BigInt(Math.round(stats[`${name}Ms`] * 1e3)) * 1000n;
  }

  _is(kind) {
    return (Number(this.mode) & constants.S_IFMT) === kind;
  }
}

const kindOf = Symbol('type');

export class Dirent extends FileKind {
  constructor(name, parent, kind) {
    super();
    this.name = name;
    this.parentPath = parent;
    this.path = parent;
    this[kindOf] = KINDS[kind] ?? 0;
  }

  _is(kind) {
    return this[kindOf] === kind;
  }
}
