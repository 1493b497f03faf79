"""`FsspecFS`: a folder of any fsspec filesystem (S3, HTTP, …), read-only."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pywasm_sandbox._vfs.api import DirEntry, Errno, File, FileType, MountError, Stat, VfsError
from pywasm_sandbox._vfs.paths import name_cookie
from pywasm_sandbox._vfs.readonly import ReadOnlyFile, ReadOnlyFS

FsspecNode = tuple[str, ...]
"""The names on the way from the mounted folder to the node."""

_R = TypeVar("_R")


class FsspecFS(ReadOnlyFS[FsspecNode]):
    """What lies below `path` in `filesystem`, an object of fsspec.

    Names and sizes come from `info` and `ls`, remembered as long as fsspec itself remembers them. What is
    neither a file nor a directory, or a file of unknown size, is listed with type `UNKNOWN` and cannot be
    opened (`EACCES`). Any failure of the filesystem that has no errno of its own is `EIO`, its text in the
    `detail`. Use `HostFS` for folders of the host: fsspec's local filesystem follows symlinks out of them.

    Errors: `MountError` if `path` is not a directory.
    """

    def __init__(self, filesystem: Any, path: str = "") -> None:
        self._fs = filesystem
        self._path = path.rstrip("/") or path[:1]
        self._lock = threading.RLock()
        try:
            is_directory = bool(filesystem.isdir(self._path))
        except Exception as error:
            raise MountError(f"fsspec folder {path!r} cannot be mounted: {error}") from error
        if not is_directory:
            raise MountError(f"fsspec folder {path!r} cannot be mounted: it is not a directory")

    @classmethod
    def from_url(cls, url: str, **options: Any) -> FsspecFS:
        """The folder at `url`; `options` are those of the filesystem.

        Errors: `MountError`, also if fsspec is not installed.
        """
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise MountError("mounting a URL needs the package fsspec: pip install fsspec") from error
        try:
            filesystem, path = url_to_fs(url, **options)
        except Exception as error:
            raise MountError(f"{url!r} cannot be mounted: {error}") from error
        return cls(filesystem, path)

    @property
    def root(self) -> FsspecNode:
        return ()

    def lookup(self, directory: FsspecNode, name: str) -> DirEntry[FsspecNode] | None:
        node = (*directory, name)
        try:
            info = self._info(node)
        except VfsError as error:
            if error.errno is not Errno.ENOENT:
                raise
            if self.stat(directory).type is not FileType.DIRECTORY:
                raise VfsError(Errno.ENOTDIR) from None
            return None
        return DirEntry(name, node, _type(info), _inode(node), name_cookie(name))

    def parent(self, directory: FsspecNode) -> FsspecNode:
        return directory[:-1]

    def readdir(self, directory: FsspecNode, cookie: int = 0) -> list[DirEntry[FsspecNode]]:
        if self.stat(directory).type is not FileType.DIRECTORY:
            raise VfsError(Errno.ENOTDIR)
        path = self._full(directory)
        found: dict[str, DirEntry[FsspecNode]] = {}
        for info in self._ask(lambda: self._fs.ls(path, detail=True)):
            name = str(info["name"]).rstrip("/").rpartition("/")[2]
            place = name_cookie(name)
            if _is_name(name) and place > cookie:
                node = (*directory, name)
                found[name] = DirEntry(name, node, _type(info), _inode(node), place)
        return sorted(found.values(), key=lambda entry: entry.cookie)

    def stat(self, node: FsspecNode) -> Stat:
        info = self._info(node)
        kind = _type(info)
        mode, nlink = (0o555, 2) if kind is FileType.DIRECTORY else (0o444, 1)
        time_ns = _time_ns(info)
        return Stat(0, _inode(node), kind, int(info.get("size") or 0), nlink, mode, time_ns, time_ns, time_ns)

    def readlink(self, node: FsspecNode) -> str:
        self._info(node)
        raise VfsError(Errno.EINVAL, detail="not a symlink")

    def open(self, node: FsspecNode, write: bool = False) -> File:
        status = self.stat(node)
        if status.type is FileType.DIRECTORY:
            raise VfsError(Errno.EISDIR)
        if status.type is not FileType.REGULAR:
            raise VfsError(Errno.EACCES, detail="not a file of known size")
        if write:
            raise VfsError(Errno.EROFS)
        return _FsspecFile(self, self._ask(lambda: self._fs.open(self._full(node), "rb")), status)

    def _full(self, node: FsspecNode) -> str:
        if not node:
            return self._path
        return (self._path.rstrip("/") + "/" if self._path else "") + "/".join(node)

    def _info(self, node: FsspecNode) -> Mapping[str, Any]:
        if not all(_is_name(part) for part in node):
            raise VfsError(Errno.ENOENT, "/".join(node))
        info: Mapping[str, Any] = self._ask(lambda: self._fs.info(self._full(node)))
        return info

    def _ask(self, question: Callable[[], _R]) -> _R:
        """The answer of fsspec, whose implementations raise whatever they like."""
        try:
            with self._lock:
                return question()
        except VfsError:
            raise
        except FileNotFoundError as error:
            raise VfsError(Errno.ENOENT) from error
        except Exception as error:
            number = error.errno if isinstance(error, OSError) else None
            known = Errno.__members__.get(errno.errorcode.get(number or 0, ""), Errno.EIO)
            raise VfsError(known, detail=f"{type(error).__name__}: {error}") from error


class _FsspecFile(ReadOnlyFile):
    """An open file: fsspec's buffered reader, which has a position and is not thread-safe."""

    __slots__ = ("_closed", "_fs", "_reader", "_status")

    def __init__(self, fs: FsspecFS, reader: Any, status: Stat) -> None:
        self._fs = fs
        self._reader = reader
        self._status = status
        self._closed = False

    def _check_open(self) -> None:
        if self._closed:
            raise VfsError(Errno.EBADF, detail="the file is closed")

    @property
    def size(self) -> int:
        self._check_open()
        return self._status.size

    def pread(self, length: int, offset: int) -> bytes:
        if length < 0 or offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset or a length cannot be negative")
        return self._fs._ask(lambda: self._read(length, offset))

    def _read(self, length: int, offset: int) -> bytes:
        self._check_open()
        length = min(length, self._status.size - offset)
        if length <= 0:
            return b""
        self._reader.seek(offset)
        pieces: list[bytes] = []
        while length > 0 and (piece := bytes(self._reader.read(length))):
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def pread_into(self, buffer: memoryview, offset: int) -> int:
        data = self.pread(len(buffer), offset)
        buffer[: len(data)] = data
        return len(data)

    def stat(self) -> Stat:
        self._check_open()
        return self._status

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._fs._ask(self._reader.close)


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _type(info: Mapping[str, Any]) -> FileType:
    if info.get("type") == "directory":
        return FileType.DIRECTORY
    known = info.get("type") == "file" and isinstance(info.get("size"), int)
    return FileType.REGULAR if known else FileType.UNKNOWN


def _inode(node: FsspecNode) -> int:
    """A number for a path: nothing else is known of a file."""
    digest = hashlib.blake2b("/".join(node).encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1 or 1


def _time_ns(info: Mapping[str, Any]) -> int:
    """The time of change under the names that filesystems give it; 0 if there is none."""
    for key in ("mtime", "LastModified", "last_modified", "modified", "updated", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float):
            return int(value * 1_000_000_000)
    return 0
