"""`HostFS`: a folder of the host, which nothing below it can lead out of.

The host's kernel never resolves more than one name at a time here: every step is an `openat` with
`O_NOFOLLOW` relative to the descriptor of the directory before, starting at the folder's own. A symlink in
the folder, there from the start or put in place between two steps, is thus an error in the middle of a path
and a symlink to be looked at in the end; the `Namespace` resolves its target inside the sandbox. `..` is
never passed on.

Platforms whose Python lacks `dir_fd` (Windows) fall back to checking the real path of the directory before
each use, which a change in the very moment between check and use can defeat: do not mount folders there that
others write to. The fallback is untested on Windows itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec, TypeAlias, TypeVar

from pywasm_sandbox._vfs.api import (
    BytesLike,
    DirEntry,
    Errno,
    File,
    FileSystem,
    FileType,
    MountError,
    Stat,
    Usage,
    VfsError,
)
from pywasm_sandbox._vfs.memory import as_bytes_view
from pywasm_sandbox._vfs.paths import check_name, check_target, name_cookie, normalise_text

HostNode: TypeAlias = tuple[str, ...]
"""The names on the way from the folder to the node."""

_DIR_FD = {os.open, os.stat, os.mkdir, os.unlink, os.rmdir, os.rename, os.readlink} <= os.supports_dir_fd
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
# A fifo that takes a file's place between stat and open must not block the host; no terminal is acquired.
_SAFE = _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_SIZE_MAX = (1 << 63) - 1
_DEPTH_MAX = 128
"""A node grows with its depth; a guest must not make them grow without end."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _translated(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turn the host's errors into ours."""

    @wraps(method)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(*args, **kwargs)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "EIO")
            name = {"EOPNOTSUPP": "ENOTSUP", "EDQUOT": "ENOSPC"}.get(name, name)
            raise VfsError(Errno.__members__.get(name, Errno.EIO)) from error
        except OverflowError as error:
            raise VfsError(Errno.EINVAL, detail="a number that this host cannot take") from error
        except NotImplementedError as error:
            raise VfsError(Errno.ENOTSUP, detail="this host cannot do that") from error

    return call


class HostFS(FileSystem[HostNode]):
    """The content of `folder`, read-only unless `read_only=False`.

    With `read_only=False` the guest can fill the host's disk and make, change and remove anything in the
    folder that this process may; there is no quota. It can make symlinks only with `allow_symlinks=True`:
    they cannot lead the guest out, but a program of the host that follows them would be led anywhere. Fifos,
    sockets and devices are listed with type `UNKNOWN` and cannot be opened (`EACCES`).

    A node is a path: a directory that is renamed loses its open descriptors (`ENOENT`), open files go on.
    Directories can be 128 deep (`ENAMETOOLONG`). `append` is one step among the users of one `File` only.
    Errors: `MountError` if `folder` is not a directory that can be read.
    """

    def __init__(
        self, folder: str | os.PathLike[str], read_only: bool = True, *, allow_symlinks: bool = False
    ) -> None:
        self.read_only = read_only
        self._allow_symlinks = allow_symlinks
        self._lock = threading.Lock()
        self._use_dir_fd = _DIR_FD
        try:
            self._folder = os.path.realpath(folder, strict=True)
            os.scandir(self._folder).close()
            self._folder_fd = os.open(self._folder, _FOLDER) if _DIR_FD else -1
        except OSError as error:
            raise MountError(f"host folder {os.fspath(folder)!r} cannot be mounted: {error}") from error
        self._open = True

    # -- the way there -------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _at(self, node: HostNode) -> Iterator[tuple[str, int | None]]:
        """(name, dir_fd) for the functions of `os`, such that only the last name is left to resolve.

        Without `dir_fd` the name is an absolute path. The root's name is ".".
        """
        if not node:
            with self._inside(()) as (prefix, fd):
                yield prefix or ".", fd
            return
        _check_parts(node[-1:])
        with self._inside(node[:-1]) as (prefix, fd):
            yield prefix + node[-1], fd

    @contextlib.contextmanager
    def _inside(self, directory: HostNode) -> Iterator[tuple[str, int | None]]:
        """("", descriptor) of a directory, or without `dir_fd` (its path with a separator, None)."""
        _check_parts(directory)
        _check_depth(directory)
        with self._lock:
            if not self._open:
                raise VfsError(Errno.ENODEV, detail="the filesystem is closed")
            fd = os.open(".", _FOLDER, dir_fd=self._folder_fd) if self._use_dir_fd else None
        if fd is None:
            yield self._checked_path(directory), None
            return
        try:
            for part in directory:
                inner = os.open(part, _FOLDER | _NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield "", fd
        finally:
            os.close(fd)

    def _checked_path(self, directory: HostNode) -> str:
        """The path of a directory, once it is found to be in the folder without symlinks on the way."""
        if os.sep != "/" and any(os.sep in part or ":" in part for part in directory):
            raise VfsError(Errno.EINVAL, "/".join(directory), "not a file name on this host")
        path = os.path.join(self._folder, *directory)
        if os.path.realpath(path) != path or not os.path.isdir(path):
            raise VfsError(Errno.ENOTDIR if os.path.lexists(path) else Errno.ENOENT)
        return os.path.join(path, "")

    def _status(self, node: HostNode) -> os.stat_result:
        with self._at(node) as (name, fd):
            return os.stat(name, dir_fd=fd, follow_symlinks=False)

    def _check_writable(self) -> None:
        if self.read_only:
            raise VfsError(Errno.EROFS)

    def _new(self, directory: HostNode, name: str) -> HostNode:
        check_name(name)
        self._check_writable()
        return (*directory, name)

    # -- reading -------------------------------------------------------------------------------------------

    @property
    def root(self) -> HostNode:
        return ()

    @_translated
    def lookup(self, directory: HostNode, name: str) -> DirEntry[HostNode] | None:
        node = (*directory, name)
        try:
            status = self._status(node)
        except FileNotFoundError:
            self._check_directory(directory)
            return None
        return DirEntry(name, node, _type(status.st_mode), status.st_ino, name_cookie(name))

    @_translated
    def parent(self, directory: HostNode) -> HostNode:
        self._check_directory(directory)
        return directory[:-1]

    def _check_directory(self, node: HostNode) -> None:
        if not stat.S_ISDIR(self._status(node).st_mode):
            raise VfsError(Errno.ENOTDIR)

    @_translated
    def readdir(self, directory: HostNode, cookie: int = 0) -> list[DirEntry[HostNode]]:
        found: list[DirEntry[HostNode]] = []
        with self._inside(directory) as (path, fd):
            listing = list(os.scandir(path if fd is None else fd))
            for entry in listing:
                place = name_cookie(entry.name)
                if place > cookie:
                    kind = _entry_type(entry)
                    node = (*directory, entry.name)
                    found.append(DirEntry(entry.name, node, kind, entry.inode(), place))
        found.sort(key=lambda item: item.cookie)
        return found

    @_translated
    def stat(self, node: HostNode) -> Stat:
        return _stat(self._status(node))

    @_translated
    def readlink(self, node: HostNode) -> str:
        with self._at(node) as (name, fd):
            return normalise_text(os.readlink(name, dir_fd=fd))

    @_translated
    def open(self, node: HostNode, write: bool = False) -> File:
        with self._at(node) as (name, fd):
            # Looking first spares devices the side effects of being opened; the check after counts.
            _check_openable(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
            if write:
                self._check_writable()
            opened = os.open(name, (os.O_RDWR if write else os.O_RDONLY) | _SAFE, dir_fd=fd)
        try:
            _check_openable(os.fstat(opened).st_mode)
        except VfsError:
            os.close(opened)
            raise
        return _HostFile(opened, write, not self.read_only)

    def usage(self) -> Usage:
        return Usage(0, None, 0, None)

    # -- changing ------------------------------------------------------------------------------------------

    @_translated
    def create(self, directory: HostNode, name: str, mode: int = 0o666) -> HostNode:
        node = self._new(directory, name)
        with self._at(node) as (path, fd):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, mode & 0o777, dir_fd=fd))
        return node

    @_translated
    def mkdir(self, directory: HostNode, name: str, mode: int = 0o777) -> HostNode:
        node = self._new(directory, name)
        _check_depth(node)
        with self._at(node) as (path, fd):
            os.mkdir(path, mode & 0o777, dir_fd=fd)
        return node

    @_translated
    def symlink(self, directory: HostNode, name: str, target: str) -> HostNode:
        node = self._new(directory, name)
        check_target(target)
        if not self._allow_symlinks:
            raise VfsError(Errno.EPERM, name, "this host folder is mounted without allow_symlinks")
        with self._at(node) as (path, fd):
            os.symlink(target, path, dir_fd=fd)
        return node

    @_translated
    def link(self, node: HostNode, directory: HostNode, name: str) -> None:
        new = self._new(directory, name)
        with self._at(node) as (old_path, old_fd), self._at(new) as (new_path, new_fd):
            if stat.S_ISDIR(os.stat(old_path, dir_fd=old_fd, follow_symlinks=False).st_mode):
                raise VfsError(Errno.EPERM, name, "a directory has one name")
            os.link(old_path, new_path, src_dir_fd=old_fd, dst_dir_fd=new_fd, follow_symlinks=False)

    @_translated
    def unlink(self, directory: HostNode, name: str) -> None:
        self._check_writable()
        with self._at((*directory, name)) as (path, fd):
            # Not every host says EISDIR here, and some let root unlink directories.
            if stat.S_ISDIR(os.stat(path, dir_fd=fd, follow_symlinks=False).st_mode):
                raise VfsError(Errno.EISDIR, name)
            os.unlink(path, dir_fd=fd)

    @_translated
    def rmdir(self, directory: HostNode, name: str) -> None:
        self._check_writable()
        with self._at((*directory, name)) as (path, fd):
            os.rmdir(path, dir_fd=fd)

    @_translated
    def rename(self, directory: HostNode, name: str, new_directory: HostNode, new_name: str) -> None:
        new = self._new(new_directory, new_name)
        with self._at((*directory, name)) as (old_path, old_fd), self._at(new) as (new_path, new_fd):
            os.replace(old_path, new_path, src_dir_fd=old_fd, dst_dir_fd=new_fd)

    @_translated
    def set_times(self, node: HostNode, atime_ns: int | None, mtime_ns: int | None) -> None:
        self._check_writable()
        with self._at(node) as (name, fd):
            now = os.stat(name, dir_fd=fd, follow_symlinks=False)
            os.utime(name, ns=_times(now, atime_ns, mtime_ns), dir_fd=fd, follow_symlinks=False)

    @_translated
    def set_mode(self, node: HostNode, mode: int) -> None:
        self._check_writable()
        with self._at(node) as (name, fd):
            kind = _type(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
            if kind not in (FileType.REGULAR, FileType.DIRECTORY):
                raise VfsError(Errno.ENOTSUP, name, "only files and directories have a mode here")
            if fd is None:
                os.chmod(name, mode & 0o777)
                return
            opened = os.open(name, os.O_RDONLY | _SAFE, dir_fd=fd)
            try:
                os.fchmod(opened, mode & 0o777)
            finally:
                os.close(opened)

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                if self._folder_fd >= 0:
                    os.close(self._folder_fd)


class _HostFile(File):
    """An open file of the host. The lock keeps its descriptor from being closed, and reused, under a call."""

    __slots__ = ("_fd", "_lock", "_may_touch", "writable")

    def __init__(self, fd: int, writable: bool, may_touch: bool) -> None:
        self.writable = writable
        self._may_touch = may_touch
        self._fd = fd
        self._lock = threading.RLock()

    def _descriptor(self, write: bool = False) -> int:
        if self._fd < 0 or (write and not self.writable):
            raise VfsError(Errno.EBADF, detail="the file is closed, or open for reading only")
        return self._fd

    @property
    @_translated
    def size(self) -> int:
        with self._lock:
            return os.fstat(self._descriptor()).st_size

    @_translated
    def pread(self, length: int, offset: int) -> bytes:
        if length < 0 or offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset or a length cannot be negative")
        with self._lock:
            fd = self._descriptor()
            # The buffer for a read is made before it: never larger than what there is.
            length = min(length, os.fstat(fd).st_size - offset)
            if length <= 0:
                return b""
            data = _pread(fd, length, offset)
            while len(data) < length and (more := _pread(fd, length - len(data), offset + len(data))):
                data += more
            return data

    @_translated
    def pread_into(self, buffer: memoryview, offset: int) -> int:
        if offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset cannot be negative")
        with self._lock:
            fd = self._descriptor()
            done = 0
            while done < len(buffer) and offset + done <= _SIZE_MAX:
                count = _pread_into(fd, buffer[done:], offset + done)
                if not count:
                    break
                done += count
            return done

    @_translated
    def pwrite(self, data: BytesLike, offset: int) -> int:
        if offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset cannot be negative")
        view = as_bytes_view(data)
        with self._lock:
            fd = self._descriptor(write=True)
            if offset + len(view) > _SIZE_MAX:
                raise VfsError(Errno.EFBIG)
            return _pwrite(fd, view, offset)

    def append(self, data: BytesLike) -> tuple[int, int]:
        with self._lock:
            return super().append(data)

    @_translated
    def truncate(self, size: int) -> None:
        if size < 0:
            raise VfsError(Errno.EINVAL, detail="a size cannot be negative")
        with self._lock:
            fd = self._descriptor(write=True)
            if size > _SIZE_MAX:
                raise VfsError(Errno.EFBIG)
            os.ftruncate(fd, size)

    @_translated
    def allocate(self, offset: int, length: int) -> None:
        if offset < 0 or length <= 0:
            raise VfsError(Errno.EINVAL, detail="the length must be positive and the offset not negative")
        with self._lock:
            self._descriptor(write=True)
            if offset + length > self.size:
                self.truncate(offset + length)

    @_translated
    def sync(self) -> None:
        with self._lock:
            os.fsync(self._descriptor())

    @_translated
    def stat(self) -> Stat:
        with self._lock:
            return _stat(os.fstat(self._descriptor()))

    @_translated
    def set_times(self, atime_ns: int | None, mtime_ns: int | None) -> None:
        with self._lock:
            fd = self._descriptor()
            if not self._may_touch:
                raise VfsError(Errno.EROFS)
            os.utime(fd, ns=_times(os.fstat(fd), atime_ns, mtime_ns))

    @_translated
    def close(self) -> None:
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)


def _check_parts(names: HostNode) -> None:
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise VfsError(Errno.EINVAL, name, "not a file name")


def _check_depth(directory: HostNode) -> None:
    if len(directory) > _DEPTH_MAX:
        raise VfsError(Errno.ENAMETOOLONG, detail=f"deeper than {_DEPTH_MAX} directories")


def _type(mode: int) -> FileType:
    if stat.S_ISREG(mode):
        return FileType.REGULAR
    if stat.S_ISDIR(mode):
        return FileType.DIRECTORY
    return FileType.SYMLINK if stat.S_ISLNK(mode) else FileType.UNKNOWN


def _entry_type(entry: os.DirEntry[str]) -> FileType:
    if entry.is_symlink():
        return FileType.SYMLINK
    if entry.is_dir(follow_symlinks=False):
        return FileType.DIRECTORY
    return FileType.REGULAR if entry.is_file(follow_symlinks=False) else FileType.UNKNOWN


def _check_openable(mode: int) -> None:
    kind = _type(mode)
    if kind is FileType.DIRECTORY:
        raise VfsError(Errno.EISDIR)
    if kind is FileType.SYMLINK:
        raise VfsError(Errno.ELOOP)
    if kind is not FileType.REGULAR:
        raise VfsError(Errno.EACCES, detail="a fifo, socket or device of the host")


def _stat(status: os.stat_result) -> Stat:
    return Stat(
        0,
        status.st_ino,
        _type(status.st_mode),
        status.st_size,
        status.st_nlink,
        status.st_mode & 0o777,
        status.st_atime_ns,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _times(now: os.stat_result, atime_ns: int | None, mtime_ns: int | None) -> tuple[int, int]:
    return (
        now.st_atime_ns if atime_ns is None else atime_ns,
        now.st_mtime_ns if mtime_ns is None else mtime_ns,
    )


def _pread(fd: int, length: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(fd, length, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


def _pread_into(fd: int, buffer: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(fd, [buffer], offset)
    data = _pread(fd, min(len(buffer), 1 << 20), offset)
    buffer[: len(data)] = data
    return len(data)


def _pwrite(fd: int, data: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(fd, data, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.write(fd, data)
