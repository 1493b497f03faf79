"""Filesystems in memory as data: what comes back is what was there; what is no tree is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.treedata import TreeError, dump, load

LIMITS = (1 << 30, 1000)


class Stream:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, length: int) -> bytes:
        piece, self.data = self.data[:length], self.data[length:]
        if len(piece) != length:
            raise ValueError("ends early")
        return piece


def copied(fs: MemoryFS) -> tuple[MemoryFS, dict[int, int], list[Any]]:
    index, content = dump(fs)
    stream = Stream(b"".join(content))
    result = load(json.loads(json.dumps(index)), stream.read, *LIMITS)
    assert stream.data == b""
    return result


def shape(fs: MemoryFS) -> list[tuple[object, ...]]:
    namespace = Namespace(fs)
    found: list[tuple[object, ...]] = []
    for path, stat in namespace.walk("/"):
        kind = stat.type.value
        body: object = None
        if kind == "regular":
            body = namespace.read_bytes(path)
        elif kind == "symlink":
            body = namespace.readlink(namespace.root, path)
        found.append((path, kind, body, stat.mode, stat.mtime_ns, stat.atime_ns, stat.nlink))
    return sorted(found, key=repr)


@pytest.fixture
def fs() -> MemoryFS:
    fs = MemoryFS(Quota(12_345_678, 77))
    namespace = Namespace(fs)
    namespace.write_bytes("/a/b/c.txt", b"content", parents=True)
    namespace.write_bytes("/a/big", bytes(range(256)) * 1000)
    namespace.write_bytes("/empty", b"")
    namespace.symlink(namespace.root, "/a/link", "../a/b/c.txt")
    namespace.symlink(namespace.root, "/dangling", "nowhere")
    namespace.link(namespace.root, "/a/b/c.txt", namespace.root, "/hard")
    namespace.write_bytes("/sur\udcffrogate", b"x")
    namespace.set_mode(namespace.root, "/a/big", 0o640)
    namespace.set_times(namespace.root, "/a", 11, 22)
    namespace.set_times(namespace.root, "/a/big", 33, 44)
    sparse = namespace.open(namespace.root, "/sparse", write=True, create=True).file
    assert sparse is not None
    sparse.pwrite(b"end", 1_000_000)
    sparse.close()
    return fs


def test_all_comes_back(fs: MemoryFS) -> None:
    twin, nodes, pins = copied(fs)
    assert shape(twin) == shape(fs)
    assert twin.quota == Quota(12_345_678, 77)
    assert twin.usage() == fs.usage()
    assert (nodes[fs.root], pins) == (twin.root, [])
    hard = Namespace(twin).resolve(Namespace(twin).root, "/hard").node
    assert hard == Namespace(twin).resolve(Namespace(twin).root, "/a/b/c.txt").node


def test_holes_stay_holes(fs: MemoryFS) -> None:
    _, content = dump(fs)
    assert sum(map(len, content)) == len(b"content") + 256_000 + 1 + 3 + (1_000_000 % 65_536)


def test_files_without_a_name_live_as_long_as_they_are_pinned(fs: MemoryFS) -> None:
    namespace = Namespace(fs)
    opened = namespace.open(namespace.root, "/gone", write=True, create=True)
    assert opened.file is not None
    opened.file.pwrite(b"nameless", 0)
    namespace.unlink(namespace.root, "/gone")
    frozen = fs.clone(keep_unlinked=True)
    twin, nodes, pins = copied(frozen)
    assert shape(twin) == shape(fs)
    number = nodes[opened.location.node]
    assert twin.open(number).pread(100, 0) == b"nameless"
    assert len(pins) == 1
    child = twin.clone(keep_unlinked=True)
    pins[0].close()
    assert child.open(number).pread(100, 0) == b"nameless"


def test_deep_trees(fs: MemoryFS) -> None:
    deep = MemoryFS()
    here = deep.root
    for _ in range(900):
        here = deep.mkdir(here, "d")
    twin, nodes, _ = copied(deep)
    assert len(nodes) == 901
    assert twin.usage() == deep.usage()


@pytest.mark.parametrize(("max_bytes", "max_files"), [(1000, 1000), (1 << 30, 5)])
def test_more_than_is_allowed(fs: MemoryFS, max_bytes: int, max_files: int) -> None:
    index, content = dump(fs)
    with pytest.raises(TreeError, match="No space left"):
        load(index, Stream(b"".join(content)).read, max_bytes, max_files)


@pytest.mark.parametrize("index", [None, 5, [], {}, {"quota": [1, 2]}, {"quota": [1], "nodes": []}])
def test_what_is_no_tree(index: object) -> None:
    with pytest.raises(TreeError):
        load(index, Stream(b"").read, *LIMITS)


def test_content_that_ends_early(fs: MemoryFS) -> None:
    index, content = dump(fs)
    with pytest.raises(ValueError, match="ends early"):
        load(index, Stream(b"".join(content)[:-1]).read, *LIMITS)
