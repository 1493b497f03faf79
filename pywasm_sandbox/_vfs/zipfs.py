"""`ZipFS`: a zip archive, or several in one, as a read-only directory tree."""

from __future__ import annotations

import os
import threading
import zlib
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._vfs.api import DirEntry, Errno, File, FileType, Stat, VfsError
from pywasm_sandbox._vfs.paths import PATH_MAX, normalise_text
from pywasm_sandbox._vfs.readonly import ReadOnlyFile, ReadOnlyFS

if TYPE_CHECKING:
    from pywasm_sandbox._vfs.zipindex import ZipIndex, ZipNode

__all__ = ["ZipFS"]

_ROOT: Final = 0
_STORED: Final = 0
_DEFLATED: Final = 8
"""Compression methods, APPNOTE 4.4.5."""
_ENCRYPTED: Final = 0x1
_cookie_of = attrgetter("cookie")


class ZipFS(ReadOnlyFS[int]):
    """A read-only filesystem over a `ZipIndex` (or an archive, for which one is made).

    Stored entries are served from the mapped archive without a copy, and unchecked. Deflated ones are
    inflated and checked when they are opened, and held in memory once however often they are open;
    `inflate_limit_bytes` bounds what all open ones take: opening a larger file is `EFBIG`, opening one too
    many `ENOMEM`. Symlinks are supported as Info-ZIP writes them. Entries that are encrypted or compressed
    in another way are listed, opening them is `ENOTSUP`.

    `source` may be a function that gives the index: it is called on first use of the tree.
    """

    immutable = True

    def __init__(
        self,
        source: ZipIndex | str | os.PathLike[str] | bytes | Callable[[], ZipIndex],
        *,
        inflate_limit_bytes: int = 256 << 20,
    ) -> None:
        if isinstance(source, (str, bytes, os.PathLike)):
            from pywasm_sandbox._vfs.zipindex import ZipIndex

            source = ZipIndex(source)
        self._source = source
        self._inflate_limit_bytes = inflate_limit_bytes
        self._lock = threading.Lock()
        self._inflated: dict[int, tuple[bytes, int]] = {}
        self._inflated_bytes = 0

    @cached_property
    def _index(self) -> ZipIndex:
        return self._source() if callable(self._source) else self._source

    @cached_property
    def _nodes(self) -> list[ZipNode]:
        return self._index.nodes

    @property
    def root(self) -> int:
        return _ROOT

    def lookup(self, directory: int, name: str) -> DirEntry[int] | None:
        entries = self._nodes[directory].entries
        if entries is None:
            raise VfsError(Errno.ENOTDIR, name)
        return entries.get(name)

    def parent(self, directory: int) -> int:
        return self._nodes[directory].parent

    def readdir(self, directory: int, cookie: int = 0) -> list[DirEntry[int]]:
        entries = self._nodes[directory].entries
        if entries is None:
            raise VfsError(Errno.ENOTDIR)
        listing = list(entries.values())
        return listing[bisect_right(listing, cookie, key=_cookie_of) :]

    def stat(self, node: int) -> Stat:
        return self._index.stat(node)

    def readlink(self, node: int) -> str:
        kind, _, _, info, _ = self._nodes[node]
        if kind is not FileType.SYMLINK:
            raise VfsError(Errno.EINVAL, detail="not a symlink")
        assert info is not None
        if info.file_size >= PATH_MAX or info.file_size == 0:
            raise VfsError(Errno.EIO, info.filename, "the target of this symlink has no valid length")
        return normalise_text(bytes(self._content(node)))

    def open(self, node: int, write: bool = False) -> File:
        kind, _, _, info, _ = self._nodes[node]
        if kind is FileType.DIRECTORY:
            raise VfsError(Errno.EISDIR)
        if kind is FileType.SYMLINK:
            raise VfsError(Errno.ELOOP)
        if write:
            raise VfsError(Errno.EROFS)
        assert info is not None
        if info.compress_type == _STORED:
            return _ZipFile(self, node, self._content(node), False)
        if info.file_size > self._inflate_limit_bytes:
            raise VfsError(
                Errno.EFBIG, info.filename, f"more than {self._inflate_limit_bytes} bytes inflated"
            )
        with self._lock:
            content, count = self._inflated.get(node, (None, 0))
            if content is None:
                if self._inflated_bytes + info.file_size > self._inflate_limit_bytes:
                    raise VfsError(
                        Errno.ENOMEM, info.filename, "too much of the zip archive is open inflated already"
                    )
                content = bytes(self._content(node))
                self._inflated_bytes += len(content)
            self._inflated[node] = (content, count + 1)
        return _ZipFile(self, node, memoryview(content), True)

    def _content(self, node: int) -> memoryview:
        """The content of an entry: a view of its archive, or new bytes of just the promised size."""
        info = self._nodes[node].info
        assert info is not None
        if info.flag_bits & _ENCRYPTED:
            raise VfsError(Errno.ENOTSUP, info.filename, "the entry is encrypted")
        raw = self._index.raw(node)
        if info.compress_type == _STORED:
            if info.file_size != info.compress_size:
                raise VfsError(Errno.EIO, info.filename, "the zip archive is damaged")
            return raw
        if info.compress_type != _DEFLATED:
            raise VfsError(Errno.ENOTSUP, info.filename, f"compression method {info.compress_type}")
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflater.decompress(raw, info.file_size + 1)
        except zlib.error as error:
            raise VfsError(Errno.EIO, info.filename, f"the zip archive is damaged: {error}") from None
        if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
            raise VfsError(Errno.EIO, info.filename, "the entry does not have the promised size and CRC-32")
        return memoryview(content)

    def _release(self, node: int) -> None:
        with self._lock:
            content, count = self._inflated.pop(node)
            if count > 1:
                self._inflated[node] = (content, count - 1)
            else:
                self._inflated_bytes -= len(content)


class _ZipFile(ReadOnlyFile):
    """An open entry: a view of its content, and whether it was `inflated` and must be given back."""

    __slots__ = ("_content", "_fs", "_inflated", "_lock", "_node")

    def __init__(self, fs: ZipFS, node: int, content: memoryview, inflated: bool) -> None:
        self._fs = fs
        self._node = node
        self._content: memoryview | None = content
        self._inflated = inflated
        self._lock = fs._lock

    def _view(self) -> memoryview:
        content = self._content
        if content is None:
            raise VfsError(Errno.EBADF, detail="the file is closed")
        return content

    @property
    def size(self) -> int:
        return len(self._view())

    def pread(self, length: int, offset: int) -> bytes:
        if length < 0 or offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset or a length cannot be negative")
        return bytes(self._view()[offset : offset + length])

    def pread_into(self, buffer: memoryview, offset: int) -> int:
        if offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset cannot be negative")
        piece = self._view()[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def stat(self) -> Stat:
        self._view()
        return self._fs.stat(self._node)

    def close(self) -> None:
        with self._lock:
            content, self._content = self._content, None
        if content is not None and self._inflated:
            self._fs._release(self._node)
