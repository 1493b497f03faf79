"""A `MemoryFS` as plain data, and back: for files that outlive the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pywasm_sandbox._vfs.api import File, FileType, VfsError
from pywasm_sandbox._vfs.content import CHUNK_BYTES
from pywasm_sandbox._vfs.memory import MemoryFS, Quota

__all__ = ["TreeError", "dump", "load"]

MAX_FILE_BYTES: Final = 1 << 53


class TreeError(ValueError):
    """Data that is no tree."""


def dump(fs: MemoryFS) -> tuple[dict[str, Any], Iterator[bytes]]:
    """What is in a filesystem that nobody changes meanwhile: an index of JSON, and the content in pieces.

    Directories come before what they hold. Files that have no name any more, but are kept for those who had
    them open, are told apart by having none.
    """
    nodes: list[dict[str, Any]] = []
    seen: set[int] = set()
    files: list[int] = []

    def add(number: int, kind: str, names: list[tuple[int, str]], **more: Any) -> None:
        seen.add(number)
        found = fs.stat(number)
        nodes.append(
            {
                "node": number,
                "type": kind,
                "names": [list(name) for name in names],
                "mode": found.mode,
                "mtime_ns": found.mtime_ns,
                "atime_ns": found.atime_ns,
                **more,
            }
        )

    names: dict[int, list[tuple[int, str]]] = {}
    directories = [fs.root]
    for directory in directories:
        for entry in fs.readdir(directory):
            names.setdefault(entry.node, []).append((directory, entry.name))
            if entry.type is FileType.DIRECTORY:
                directories.append(entry.node)
    for directory in directories:
        add(directory, "directory", names.get(directory, []))
    for number, where in names.items():
        if number in fs._symlinks:
            add(number, "symlink", where, target=fs.readlink(number))
        elif number in fs._files:
            add(number, "file", where, **_extent(fs, number))
            files.append(number)
    for number in sorted(fs._orphans):
        add(number, "file", [], **_extent(fs, number))
        files.append(number)
    index = {"quota": [fs.quota.bytes, fs.quota.files], "nodes": nodes}
    return index, _contents(fs, files)


def _extent(fs: MemoryFS, number: int) -> dict[str, Any]:
    content = fs._files[number].content
    return {
        "size": content.size,
        "chunks": [[index, len(content.chunks[index])] for index in sorted(content.chunks)],
    }


def _contents(fs: MemoryFS, files: list[int]) -> Iterator[bytes]:
    for number in files:
        chunks = fs._files[number].content.chunks
        for index in sorted(chunks):
            yield bytes(chunks[index])


def load(
    index: Any, read: Callable[[int], bytes], max_bytes: int, max_files: int
) -> tuple[MemoryFS, dict[int, int], list[File]]:
    """A filesystem from what `dump` gave. `read(length)` gives the next bytes of the content.

    Also: the new number of each node, and open files that keep alive what has no name. Raises `TreeError` for
    data that is no tree or needs more than `max_bytes` or `max_files`, and for a `ValueError` of `read`.
    """
    try:
        return _Loader(index, read, max_bytes, max_files).result()
    except VfsError as error:
        raise TreeError(f"the tree of files can't be made: {error}") from error
    except TreeError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise TreeError(f"the tree of files is damaged: {error!r}") from error


def _number(value: Any, limit: int) -> int:
    if type(value) is not int or not 0 <= value <= limit:
        raise TreeError(f"{value!r} is out of range")
    return value


class _Loader:
    def __init__(self, index: Any, read: Callable[[int], bytes], max_bytes: int, max_files: int) -> None:
        self._index = index
        self._read = read
        # Below the quota's own checks; the saved quota is set when all is there.
        self._fs = MemoryFS(Quota(max_bytes, max_files))
        self._nodes: dict[int, int] = {}
        self._pins: list[File] = []
        self._times: list[tuple[int, dict[str, Any]]] = []

    def result(self) -> tuple[MemoryFS, dict[int, int], list[File]]:
        saved_bytes, saved_files = self._index["quota"]
        quota = Quota(
            None if saved_bytes is None else _number(saved_bytes, MAX_FILE_BYTES),
            None if saved_files is None else _number(saved_files, MAX_FILE_BYTES),
        )
        for described in self._index["nodes"]:
            self._add(described)
        for node, described in reversed(self._times):
            self._fs.set_mode(node, _number(described["mode"], 0o777))
            self._fs.set_times(
                node,
                _number(described["atime_ns"], (1 << 63) - 1),
                _number(described["mtime_ns"], (1 << 63) - 1),
            )
        self._fs.quota = quota
        return self._fs, self._nodes, self._pins

    def _add(self, described: dict[str, Any]) -> None:
        number, kind = _number(described["node"], MAX_FILE_BYTES), described["type"]
        if number in self._nodes:
            raise TreeError(f"node {number} is there twice")
        places = [(self._nodes[where], str(name)) for where, name in described["names"]]
        if kind == "directory":
            node = self._directory(places)
        elif kind == "symlink":
            node = self._fs.symlink(*places[0], str(described["target"]))
        elif kind == "file":
            node = self._file(described, places)
        else:
            raise TreeError(f"{kind!r} is no type of a node")
        if kind != "directory":
            for place in places[1:]:
                self._fs.link(node, *place)
        self._nodes[number] = node
        self._times.append((node, described))

    def _directory(self, places: list[tuple[int, str]]) -> int:
        if not self._nodes:
            if places:
                raise TreeError("the root has a name")
            return self._fs.root
        ((parent, name),) = places
        return self._fs.mkdir(parent, name)

    def _file(self, described: dict[str, Any], places: list[tuple[int, str]]) -> int:
        nameless = not places
        place = (self._fs.root, f".nameless-{len(self._pins)}-") if nameless else places[0]
        node = self._fs.create(*place)
        file = self._fs.open(node, write=True)
        try:
            size = _number(described["size"], MAX_FILE_BYTES)
            file.truncate(size)
            last = -1
            for chunk, length in described["chunks"]:
                if not last < chunk or type(chunk) is not int:
                    raise TreeError("the chunks of a file are out of order")
                last = chunk
                offset = chunk * CHUNK_BYTES
                if offset + _number(length, CHUNK_BYTES) > size:
                    raise TreeError("a chunk lies past the end of its file")
                file.pwrite(self._read(length), offset)
        except BaseException:
            file.close()
            raise
        if nameless:
            self._pins.append(file)
            self._fs.unlink(*place)
        else:
            file.close()
        return node
