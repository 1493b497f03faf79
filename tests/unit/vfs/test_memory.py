"""What only `MemoryFS` has: quotas, clones, cheap holes."""

from __future__ import annotations

import tracemalloc
from contextlib import closing

import pytest

from pywasm_sandbox._vfs.api import Errno, Usage
from pywasm_sandbox._vfs.content import CHUNK_BYTES
from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from tests.unit.vfs.support import PATTERN, Subject, fails, fill

MIB = 1 << 20


def limited(bytes: int | None = None, files: int | None = None) -> Subject:
    return Subject(MemoryFS(Quota(bytes, files)))


# -- quotas --------------------------------------------------------------------------------------------------


def test_byte_quota_can_be_used_to_the_last_byte() -> None:
    s = limited(bytes=100_001)
    s.write(s.fs.root, "a", b"x" * 100_000)
    s.write(s.fs.root, "b", b"y")
    assert s.fs.usage() == Usage(100_001, 100_001, 2, None)
    with closing(s.open("b", write=True)) as file:
        with fails(Errno.ENOSPC):
            file.pwrite(b"y", 1)
        assert file.pwrite(b"z", 0) == 1
    assert s.read("b") == b"z"


def test_write_past_the_byte_quota_is_short_then_enospc() -> None:
    s = limited(bytes=70_000)
    with closing(s.fs.open(s.fs.create(s.fs.root, "a"), write=True)) as file:
        assert file.pwrite(PATTERN[:100_000], 0) == 70_000
        with fails(Errno.ENOSPC):
            file.pwrite(b"x", 70_000)
        with fails(Errno.ENOSPC):
            file.append(b"x")
        assert file.pread(200_000, 0) == PATTERN[:70_000]


def test_holes_are_charged() -> None:
    s = limited(bytes=MIB)
    with closing(s.fs.open(s.fs.create(s.fs.root, "a"), write=True)) as file:
        for grow in (
            lambda: file.truncate(1 << 40),
            lambda: file.pwrite(b"x", 1 << 40),
            lambda: file.allocate(0, 1 << 40),
            lambda: file.truncate(MIB + 1),
        ):
            with fails(Errno.ENOSPC):
                grow()
            assert file.size == 0
        file.truncate(MIB)
        assert s.fs.usage().bytes_used == MIB


def test_removed_bytes_can_be_used_again() -> None:
    s = limited(bytes=1000)
    s.write(s.fs.root, "a", b"x" * 1000)
    with closing(s.open("a", write=True)) as file:
        file.truncate(400)
        assert s.fs.usage().bytes_used == 400
        file.pwrite(b"y" * 600, 400)
    s.fs.create(s.fs.root, "b")
    s.fs.rename(s.fs.root, "b", s.fs.root, "a")
    assert s.fs.usage() == Usage(0, 1000, 1, None)


def test_unlinked_open_file_is_charged_until_closed() -> None:
    s = limited(bytes=1000, files=1)
    s.write(s.fs.root, "a", b"x" * 1000)
    first, second = s.open("a"), s.open("a")
    s.fs.unlink(s.fs.root, "a")
    first.close()
    assert s.fs.usage() == Usage(1000, 1000, 1, 1)
    with fails(Errno.ENOSPC):
        s.fs.create(s.fs.root, "b")
    second.close()
    assert s.fs.usage() == Usage(0, 1000, 0, 1)
    s.write(s.fs.root, "b", b"y" * 1000)


@pytest.mark.parametrize("make", ["create", "mkdir", "symlink", "link"])
def test_file_quota_counts_names_of_every_kind(make: str) -> None:
    s = limited(files=3)
    first = s.fs.create(s.fs.root, "first")

    def another(name: str) -> None:
        if make == "symlink":
            s.fs.symlink(s.fs.root, name, "x")
        elif make == "link":
            s.fs.link(first, s.fs.root, name)
        else:
            getattr(s.fs, make)(s.fs.root, name)

    another("a")
    another("b")
    with fails(Errno.ENOSPC):
        another("c")
    assert s.fs.usage().files_used == 3
    assert s.names(s.fs.root) == ["a", "b", "first"]
    s.fs.rename(s.fs.root, "a", s.fs.root, "d")
    if make == "mkdir":
        s.fs.rmdir(s.fs.root, "b")
    else:
        s.fs.unlink(s.fs.root, "b")
    another("c")
    assert s.fs.usage().files_used == 3


def test_symlink_targets_are_charged() -> None:
    s = limited(bytes=10)
    s.fs.symlink(s.fs.root, "a", "é" * 5)
    assert s.fs.usage().bytes_used == 10
    with fails(Errno.ENOSPC):
        s.fs.symlink(s.fs.root, "b", "x")
    assert s.fs.usage() == Usage(10, 10, 1, None)
    s.fs.unlink(s.fs.root, "a")
    assert s.fs.usage() == Usage(0, 10, 0, None)


def test_a_file_with_two_names_is_charged_bytes_once() -> None:
    s = limited(bytes=1000)
    s.fs.link(s.write(s.fs.root, "a", b"x" * 1000), s.fs.root, "b")
    assert s.fs.usage() == Usage(1000, 1000, 2, None)
    s.fs.unlink(s.fs.root, "a")
    assert s.fs.usage() == Usage(1000, 1000, 1, None)


def test_quota_can_be_lowered_and_raised() -> None:
    s = limited(bytes=1000)
    s.write(s.fs.root, "a", b"x" * 1000)
    assert isinstance(s.fs, MemoryFS)
    s.fs.quota = Quota(500, None)
    with closing(s.open("a", write=True)) as file:
        with fails(Errno.ENOSPC):
            file.append(b"x")
        s.fs.quota = Quota(1001, None)
        assert file.append(b"xy") == (1000, 1)


# -- host memory ---------------------------------------------------------------------------------------------


def test_unlimited_sparse_file_takes_no_memory() -> None:
    s = limited()
    with closing(s.fs.open(s.fs.create(s.fs.root, "a"), write=True)) as file:
        tracemalloc.start()
        try:
            file.truncate(1 << 50)
            file.pwrite(b"x", 1 << 45)
            assert file.pread(3, (1 << 45) - 1) == b"\0x\0"
            file.truncate(10)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 3 * CHUNK_BYTES


@pytest.mark.parametrize("step", [1000, 4096, 65_536, 100_000])
def test_memory_taken_is_what_was_charged(step: int) -> None:
    """However a full quota is written, the host holds it and little more."""
    s = limited(bytes=8 * MIB)
    data = bytes(step)
    tracemalloc.start()
    try:
        with closing(s.fs.open(s.fs.create(s.fs.root, "a"), write=True)) as file:
            while s.fs.usage().bytes_used < 8 * MIB:
                file.append(data)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 8 * MIB <= held < 8 * MIB + 4 * CHUNK_BYTES


# -- clones --------------------------------------------------------------------------------------------------


def tree(s: Subject) -> dict[str, bytes]:
    return {path: s.read(path) for path in ("hello.txt", "sub/pattern.bin", "sub/deep/leaf.txt")}


def test_clones_do_not_see_each_other() -> None:
    first = Subject(MemoryFS())
    fill(first.fs)
    before = tree(first)
    assert isinstance(first.fs, MemoryFS)
    second, third = Subject(first.fs.clone()), Subject(first.fs.clone())
    fourth = Subject(second.fs.fork())
    for s, mark in ((first, b"1"), (second, b"2"), (third, b"3")):
        for path in before:
            with closing(s.open(path, write=True)) as file:
                file.pwrite(mark, 2)
                file.append(mark)
        s.write(s.find("vacant"), mark.decode(), mark)
        s.fs.set_mode(s.find("hello.txt"), int(mark) * 8)
        s.fs.set_times(s.find("sub"), int(mark), int(mark))
    for s, mark in ((first, b"1"), (second, b"2"), (third, b"3")):
        assert tree(s) == {path: data[:2] + mark + data[3:] + mark for path, data in before.items()}
        assert s.names(s.find("vacant")) == [mark.decode()]
        assert s.fs.stat(s.find("hello.txt")).mode == int(mark) * 8
        assert s.fs.stat(s.find("sub")).mtime_ns == int(mark)
    assert tree(fourth) == before
    assert fourth.names(fourth.find("vacant")) == []


def test_chunks_written_in_part_before_a_clone_are_not_shared_for_writing() -> None:
    first = Subject(MemoryFS())
    node = first.write(first.fs.root, "a", b"x" * 100)
    with closing(first.fs.open(node, write=True)) as file:
        file.pwrite(b"y", 50)
        second = Subject(first.fs.fork())
        file.pwrite(b"z", 51)
        file.append(b"tail")
    with closing(second.open("a", write=True)) as file:
        file.pwrite(b"w", 52)
    assert first.read("a") == b"x" * 50 + b"yz" + b"x" * 48 + b"tail"
    assert second.read("a") == b"x" * 50 + b"yxw" + b"x" * 47


def test_clone_has_the_same_nodes_cookies_quota_and_usage() -> None:
    s = limited(bytes=MIB, files=20)
    fill(s.fs)
    clone = Subject(s.fs.fork())
    assert clone.fs.readdir(clone.fs.root) == s.fs.readdir(s.fs.root)
    assert clone.fs.usage() == s.fs.usage()
    assert clone.fs.stat(clone.find("sub/deep")) == s.fs.stat(s.find("sub/deep"))
    s.fs.create(s.fs.root, "one")
    clone.fs.create(clone.fs.root, "two")
    assert clone.fs.readdir(clone.fs.root)[:-1] == s.fs.readdir(s.fs.root)[:-1]


def test_clones_share_content_until_written() -> None:
    s = Subject(MemoryFS())
    s.write(s.fs.root, "a", bytes(16 * MIB))
    tracemalloc.start()
    try:
        clones = [Subject(s.fs.fork()) for _ in range(20)]
        for clone in clones:
            with closing(clone.open("a", write=True)) as file:
                file.pwrite(b"x", 5 * MIB)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20 * 2 * CHUNK_BYTES
    for clone in clones:
        with closing(clone.open("a")) as file:
            assert file.pread(3, 5 * MIB - 1) == b"\0x\0"


def test_clone_leaves_unlinked_files_behind_unless_told() -> None:
    s = limited(bytes=1000, files=10)
    node = s.write(s.fs.root, "a", b"x" * 600)
    file = s.open("a")
    s.fs.unlink(s.fs.root, "a")
    bare, kept = s.fs.fork(), s.fs.fork(keep_unlinked=True)
    file.close()
    with fails(Errno.ENOENT):
        bare.open(node)
    assert bare.usage() == Usage(0, 1000, 0, 10)
    assert kept.usage() == Usage(600, 1000, 1, 10)
    again = kept.open(node, write=True)
    assert again.pread(1000, 0) == b"x" * 600
    again.close()
    assert kept.usage() == Usage(0, 1000, 0, 10)
    with fails(Errno.ENOENT):
        kept.open(node)


def test_link_to_a_file_without_names_enoent() -> None:
    s = limited()
    node = s.write(s.fs.root, "a", b"x")
    with closing(s.open("a")):
        s.fs.unlink(s.fs.root, "a")
        with fails(Errno.ENOENT):
            s.fs.link(node, s.fs.root, "b")
    assert s.names(s.fs.root) == []


def test_listing_given_out_is_the_callers() -> None:
    s = limited()
    s.fs.create(s.fs.root, "a")
    s.fs.readdir(s.fs.root).clear()
    assert s.names(s.fs.root) == ["a"]
