"""`ZipFS`: a zip archive, or several in one, as a read-only directory tree."""

from __future__ import annotations

import io
import mmap
import os
import stat
import struct
import threading
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from pywasm_sandbox._vfs.api import (
    FIRST_COOKIE,
    DirEntry,
    Errno,
    File,
    FileType,
    MountError,
    Stat,
    VfsError,
)
from pywasm_sandbox._vfs.paths import NAME_MAX, PATH_MAX, byte_length, normalise_text, shorten
from pywasm_sandbox._vfs.readonly import ReadOnlyFile, ReadOnlyFS

_ROOT = 0
_DEFLATE_RATIO_MAX = 1033
"""DEFLATE cannot make more than 1032 bytes out of one (RFC 1951: 258 bytes for two bits)."""
_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""APPNOTE 4.3.7: signature, then at 26 and 28 the lengths of name and extra field."""
_ENCRYPTED = 0x1
_UNIX = 3
_cookie_of = attrgetter("cookie")


class _Node(NamedTuple):
    """A node of the tree. `entries` is None but for directories; `info` is None where no entry tells."""

    type: FileType
    parent: int
    entries: dict[str, DirEntry[int]] | None
    info: zipfile.ZipInfo | None
    archive: int
    """Which of the archives `info` is from."""


class ZipIndex:
    """The parsed directory of archives and their mapped bytes: made once, shared by any number of `ZipFS`.

    Several archives make one tree, as if they had been unpacked one after the other into one folder.

    A source is a path, an archive's bytes, or the descriptor of an open file, which is closed.

    A file is mapped, not read: it must not be changed while the index is in use (replacing it by `rename` is
    fine; truncating it kills the process). Names are checked here, so that a bad archive is refused as a
    whole. Of several entries with one name the last counts, as everywhere.

    Errors: `MountError` for what is no zip or is broken, for absolute names, `..` and backslashes, a file
    where another name needs a directory, more than `entries_limit` files and directories, and entries that
    claim to inflate to more than is possible or overlap (both are zip bombs).
    """

    def __init__(self, *sources: str | os.PathLike[str] | bytes | int, entries_limit: int = 100_000) -> None:
        self._archives: list[memoryview] = []
        self.nodes: list[_Node] = [_Node(FileType.DIRECTORY, _ROOT, {}, None, 0)]
        self._stats: dict[int, Stat] = {}
        self._entries_limit = entries_limit
        for source in sources:
            self._add_archive(source)

    def _add_archive(self, source: str | os.PathLike[str] | bytes | int) -> None:
        data, infos = _read(source)
        number = len(self._archives)
        self._archives.append(data)
        compressed = 0
        for info in infos:
            self._check_size(info)
            compressed += info.compress_size
            self._add(info, number)
        if compressed > len(data):
            raise MountError("zip archive refused: its entries overlap, as those of a zip bomb do")

    @staticmethod
    def _check_size(info: zipfile.ZipInfo) -> None:
        if info.file_size > info.compress_size * _DEFLATE_RATIO_MAX + _DEFLATE_RATIO_MAX:
            raise MountError(
                f"zip archive refused: entry {info.filename!r} claims to inflate from {info.compress_size} "
                f"to {info.file_size} bytes"
            )

    def _add(self, info: zipfile.ZipInfo, archive: int) -> None:
        name = info.filename
        is_directory = name.endswith("/")
        parts = (name[:-1] if is_directory else name).split("/")
        if "\\" in info.orig_filename or "\0" in info.orig_filename or len(name) > PATH_MAX:
            raise MountError(f"zip archive refused: bad entry name {shorten(info.orig_filename)!r}")
        for part in parts:
            if part in ("", ".", "..") or (len(part) * 4 > NAME_MAX and byte_length(part) > NAME_MAX):
                raise MountError(f"zip archive refused: bad entry name {shorten(name)!r}")
        here = _ROOT
        for part in parts[:-1]:
            here = self._directory(here, part, None, archive, name)
        last = normalise_text(parts[-1])
        if is_directory:
            self._directory(here, last, info, archive, name)
            return
        entries = self.nodes[here].entries
        assert entries is not None
        present = entries.get(last)
        if present is not None:
            if present.type is FileType.DIRECTORY:
                raise MountError(f"zip archive refused: {name!r} is both a file and a directory")
            self.nodes[present.node] = _Node(present.type, here, None, info, archive)
            return
        is_link = info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16)
        self._new(here, last, FileType.SYMLINK if is_link else FileType.REGULAR, info, archive)

    def _directory(self, here: int, part: str, info: zipfile.ZipInfo | None, archive: int, name: str) -> int:
        entries = self.nodes[here].entries
        assert entries is not None
        present = entries.get(part)
        if present is None:
            return self._new(here, part, FileType.DIRECTORY, info, archive)
        if present.type is not FileType.DIRECTORY:
            raise MountError(f"zip archive refused: {name!r} needs a directory where there is a file")
        if info is not None:
            self.nodes[present.node] = self.nodes[present.node]._replace(info=info, archive=archive)
        return present.node

    def _new(self, here: int, part: str, kind: FileType, info: zipfile.ZipInfo | None, archive: int) -> int:
        number = len(self.nodes)
        if number > self._entries_limit:
            raise MountError(f"zip archive refused: it has more than {self._entries_limit} entries")
        entries = self.nodes[here].entries
        assert entries is not None
        entries[part] = DirEntry(part, number, kind, number + 1, len(entries) + FIRST_COOKIE)
        self.nodes.append(_Node(kind, here, {} if kind is FileType.DIRECTORY else None, info, archive))
        return number

    def stat(self, node: int) -> Stat:
        """The attributes of a node, worked out once."""
        known = self._stats.get(node)
        if known is not None:
            return known
        kind, _, entries, info, _ = self.nodes[node]
        if entries is None:
            assert info is not None
            size, nlink, mode = info.file_size, 1, 0o644
        else:
            inside = sum(1 for entry in entries.values() if entry.type is FileType.DIRECTORY)
            size, nlink, mode = len(entries), 2 + inside, 0o755
        time_ns = 0
        if info is not None:
            time_ns = _time_ns(info)
            if info.create_system == _UNIX:
                mode = (info.external_attr >> 16) & 0o777 or mode
        found = Stat(0, node + 1, kind, size, nlink, mode, time_ns, time_ns, time_ns)
        self._stats[node] = found
        return found

    def raw(self, node: int) -> memoryview:
        """The bytes of an entry as they are in its archive. Errors: `EIO` it is not where it should be."""
        _, _, _, info, archive = self.nodes[node]
        assert info is not None
        data = self._archives[archive]
        signature, name_bytes, extra_bytes = b"", 0, 0
        if 0 <= info.header_offset <= len(data) - _LOCAL_HEADER.size:
            signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack_from(data, info.header_offset)
        start = info.header_offset + 30 + name_bytes + extra_bytes
        if signature != b"PK\3\4" or start + info.compress_size > len(data):
            raise VfsError(Errno.EIO, info.filename, "the zip archive is damaged")
        return data[start : start + info.compress_size]


def _time_ns(info: zipfile.ZipInfo) -> int:
    """The time of an entry taken as UTC (the format has no zone); 0 if it is no date."""
    try:
        return int(datetime(*info.date_time, tzinfo=UTC).timestamp()) * 1_000_000_000
    except ValueError:
        return 0


def _read(source: str | os.PathLike[str] | bytes | int) -> tuple[memoryview, list[zipfile.ZipInfo]]:
    """The bytes of an archive and its entries."""
    try:
        if isinstance(source, bytes):
            with zipfile.ZipFile(io.BytesIO(source)) as archive:
                return memoryview(source), archive.infolist()
        with open(source, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            with zipfile.ZipFile(file) as archive:
                return memoryview(mapped), archive.infolist()
    except (OSError, ValueError, NotImplementedError, struct.error, zipfile.BadZipFile) as error:
        shown = "zip archive" if isinstance(source, bytes | int) else f"zip archive {os.fspath(source)!r}"
        raise MountError(f"{shown} cannot be opened: {error}") from error


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
            source = ZipIndex(source)
        self._source = source
        self._inflate_limit_bytes = inflate_limit_bytes
        self._lock = threading.Lock()
        self._inflated: dict[int, tuple[bytes, int]] = {}
        self._inflated_bytes = 0

    @cached_property
    def _index(self) -> ZipIndex:
        return self._source if isinstance(self._source, ZipIndex) else self._source()

    @cached_property
    def _nodes(self) -> list[_Node]:
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
        if info.compress_type == zipfile.ZIP_STORED:
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
        if info.compress_type == zipfile.ZIP_STORED:
            if info.file_size != info.compress_size:
                raise VfsError(Errno.EIO, info.filename, "the zip archive is damaged")
            return raw
        if info.compress_type != zipfile.ZIP_DEFLATED:
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
