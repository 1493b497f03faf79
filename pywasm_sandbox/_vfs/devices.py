"""`DeviceFS`: the few devices that programs expect in ``/dev``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from pywasm_sandbox._vfs.api import FIRST_COOKIE, BytesLike, DirEntry, Errno, File, FileType, Stat, VfsError
from pywasm_sandbox._vfs.readonly import ReadOnlyFS

__all__ = ["DeviceFS", "StandardStream"]

_STREAMS: Final = ("stdin", "stdout", "stderr")
_NAMES: Final = ("null", "zero", "full", "random", "urandom", *_STREAMS)
_ROOT: Final = 0
_CHUNK_BYTES: Final = 1 << 16


def _stat(node: int) -> Stat:
    kind = FileType.DIRECTORY if node == _ROOT else FileType.CHARACTER_DEVICE
    return Stat(0, node + 1, kind, 0, 1, 0o755 if node == _ROOT else 0o666, 0, 0, 0)


class _Device(File):
    """An open device: it has no size and no position, and takes whatever is written."""

    def __init__(self, node: int, writable: bool, random_bytes: Callable[[int], bytes]) -> None:
        self.writable = writable
        self._node = node
        self._name = _NAMES[node - 1]
        self._random_bytes = random_bytes
        self._closed = False

    def _check(self) -> None:
        if self._closed:
            raise VfsError(Errno.EBADF)

    @property
    def size(self) -> int:
        return 0

    def pread(self, length: int, offset: int) -> bytes:
        buffer = bytearray(min(length, 1 << 24))
        return bytes(buffer[: self.pread_into(memoryview(buffer), offset)])

    def pread_into(self, buffer: memoryview, offset: int) -> int:
        self._check()
        if self._name == "null":
            return 0
        for start in range(0, len(buffer), _CHUNK_BYTES):
            count = min(_CHUNK_BYTES, len(buffer) - start)
            data = self._random_bytes(count) if self._name.endswith("random") else bytes(count)
            buffer[start : start + count] = data
        return len(buffer)

    def pwrite(self, data: BytesLike, offset: int) -> int:
        self._check()
        if not self.writable:
            raise VfsError(Errno.EBADF, detail="the device is open for reading only")
        if self._name == "full":
            raise VfsError(Errno.ENOSPC)
        return memoryview(data).nbytes

    def truncate(self, size: int) -> None:
        self._check()

    def allocate(self, offset: int, length: int) -> None:
        raise VfsError(Errno.ENODEV)

    def sync(self) -> None:
        self._check()

    def stat(self) -> Stat:
        self._check()
        return _stat(self._node)

    def set_times(self, atime_ns: int | None, mtime_ns: int | None) -> None:
        self._check()

    def close(self) -> None:
        self._closed = True


class StandardStream(_Device):
    """One of a process's own descriptors, 0 to 2: who opens it for a process gives that another number.
    Others read nothing from it and can't write to it."""

    @property
    def number(self) -> int:
        """The descriptor that it stands for."""
        return _STREAMS.index(self._name)

    def pread_into(self, buffer: memoryview, offset: int) -> int:
        self._check()
        return 0

    def pwrite(self, data: BytesLike, offset: int) -> int:
        self._check()
        raise VfsError(Errno.ENODEV, detail="it is a process's")


class DeviceFS(ReadOnlyFS[int]):
    """``null``, ``zero``, ``full``, ``random``, ``urandom`` and the standard streams, as on Linux; nothing
    can be added or removed.

    ``random_bytes(length)`` gives what the random devices read.
    """

    # The devices can be opened for writing, although the directory itself never changes.
    read_only = False

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes

    @property
    def root(self) -> int:
        return _ROOT

    def _entry(self, node: int) -> DirEntry[int]:
        return DirEntry(
            _NAMES[node - 1], node, FileType.CHARACTER_DEVICE, _stat(node).inode, FIRST_COOKIE + node - 1
        )

    @staticmethod
    def _check_directory(node: int) -> None:
        if node != _ROOT:
            raise VfsError(Errno.ENOTDIR)

    def lookup(self, directory: int, name: str) -> DirEntry[int] | None:
        self._check_directory(directory)
        return self._entry(_NAMES.index(name) + 1) if name in _NAMES else None

    def parent(self, directory: int) -> int:
        self._check_directory(directory)
        return _ROOT

    def readdir(self, directory: int, cookie: int = 0) -> list[DirEntry[int]]:
        self._check_directory(directory)
        entries = [self._entry(node) for node in range(1, len(_NAMES) + 1)]
        return [entry for entry in entries if entry.cookie > cookie]

    def stat(self, node: int) -> Stat:
        return _stat(node)

    def readlink(self, node: int) -> str:
        raise VfsError(Errno.EINVAL)

    def open(self, node: int, write: bool = False) -> File:
        if node == _ROOT:
            raise VfsError(Errno.EISDIR)
        kind = StandardStream if _NAMES[node - 1] in _STREAMS else _Device
        return kind(node, write, self._random_bytes)
