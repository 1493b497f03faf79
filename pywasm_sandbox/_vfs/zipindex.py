"""`ZipIndex`: the directories of zip archives as one tree. Most processes read none, and import no more."""

from __future__ import annotations

import io
import mmap
import os
import stat
import struct
import zipfile
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pywasm_sandbox._vfs.api import FIRST_COOKIE, DirEntry, Errno, FileType, MountError, Stat, VfsError
from pywasm_sandbox._vfs.paths import NAME_MAX, PATH_MAX, byte_length, normalise_text, shorten

__all__ = ["ZipIndex", "ZipNode"]

_ROOT: Final = 0
_DEFLATE_RATIO_MAX = 1033
"""DEFLATE cannot make more than 1032 bytes out of one (RFC 1951: 258 bytes for two bits)."""
_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""APPNOTE 4.3.7: signature, then at 26 and 28 the lengths of name and extra field."""
_UNIX = 3


class ZipNode(NamedTuple):
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
        self.nodes: list[ZipNode] = [ZipNode(FileType.DIRECTORY, _ROOT, {}, None, 0)]
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
            self.nodes[present.node] = ZipNode(present.type, here, None, info, archive)
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
        self.nodes.append(ZipNode(kind, here, {} if kind is FileType.DIRECTORY else None, info, archive))
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
