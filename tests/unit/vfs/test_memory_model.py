"""Random histories of operations: `Namespace` over `MemoryFS` must do what Linux does, errno for errno."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pywasm_sandbox._vfs.api import FileType, Stat, VfsError
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the model is Linux itself")

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.builds(
    lambda parts, end: "/".join(parts) + end,
    st.lists(st.one_of(NAMES, NAMES, NAMES, st.sampled_from([".", ".."])), min_size=1, max_size=4),
    st.sampled_from(["", "", "", "/"]),
).filter(lambda path: _depth(path) >= 0)
OFFSETS = st.sampled_from([0, 1, 5, 65_535, 65_536, 65_537, 150_000])


def _depth(path: str) -> int:
    """How far above its start `path` may climb, at the most: the real directory is no root, so it must not.

    Symlinks only lead to names in their own directory, so lexical depth is the least possible one.
    """
    depth = lowest = 0
    for part in path.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        lowest = min(lowest, depth)
    return lowest


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.top = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        # The directory is not the model's root: rename and rmdir of the root itself differ there.
        self.real = os.path.join(self.top, "root")
        os.mkdir(self.real)
        self.ns = Namespace(MemoryFS())
        self.ns.make_directories("/root")
        self.start = self.ns.resolve(self.ns.root, "root")
        self.clones: list[tuple[Namespace, dict[str, Any]]] = []

    def teardown(self) -> None:
        for clone, then in self.clones:
            assert _tree(clone) == then
        self.clones.clear()
        shutil.rmtree(self.top)

    def both(self, real: Callable[[], Any], ours: Callable[[], Any]) -> None:
        try:
            expected = real()
        except OSError as error:
            expected = errno.errorcode[error.errno or 0]
        try:
            found = ours()
        except VfsError as error:
            found = error.errno.name
        assert found == expected

    def host(self, path: str) -> str:
        return f"{self.real}/{path}"

    @rule(path=PATHS)
    def mkdir(self, path: str) -> None:
        self.both(lambda: os.mkdir(self.host(path)), lambda: self.ns.mkdir(self.start, path) and None)

    @rule(path=PATHS)
    def rmdir(self, path: str) -> None:
        self.both(lambda: os.rmdir(self.host(path)), lambda: self.ns.rmdir(self.start, path))

    @rule(path=PATHS)
    def unlink(self, path: str) -> None:
        self.both(lambda: os.unlink(self.host(path)), lambda: self.ns.unlink(self.start, path))

    @rule(path=PATHS, name=NAMES, slash=st.sampled_from(["", "/"]))
    def symlink(self, path: str, name: str, slash: str) -> None:
        self.both(
            lambda: os.symlink(name + slash, self.host(path)),
            lambda: self.ns.symlink(self.start, path, name + slash),
        )

    @rule(old=PATHS, new=PATHS)
    def link(self, old: str, new: str) -> None:
        self.both(
            lambda: os.link(self.host(old), self.host(new), follow_symlinks=False),
            lambda: self.ns.link(self.start, old, self.start, new),
        )

    @rule(old=PATHS, new=PATHS)
    def rename(self, old: str, new: str) -> None:
        self.both(
            lambda: os.rename(self.host(old), self.host(new)),
            lambda: self.ns.rename(self.start, old, self.start, new),
        )

    @rule(path=PATHS, follow=st.booleans())
    def readlink_and_stat(self, path: str, follow: bool) -> None:
        self.both(lambda: os.readlink(self.host(path)), lambda: self.ns.readlink(self.start, path))
        self.both(
            lambda: _host_attributes(os.stat(self.host(path), follow_symlinks=follow)),
            lambda: _attributes(self.ns.stat(self.start, path, follow)),
        )

    @rule(
        path=PATHS,
        create=st.booleans(),
        exclusive=st.booleans(),
        truncate=st.booleans(),
        follow=st.booleans(),
        offset=OFFSETS,
        data=st.binary(min_size=1, max_size=4),
    )
    def write(
        self, path: str, create: bool, exclusive: bool, truncate: bool, follow: bool, offset: int, data: bytes
    ) -> None:
        exclusive = exclusive and create
        flags = os.O_RDWR | create * os.O_CREAT | exclusive * os.O_EXCL | truncate * os.O_TRUNC
        flags |= (not follow) * os.O_NOFOLLOW

        def real() -> int:
            fd = os.open(self.host(path), flags, 0o644)
            try:
                return os.pwrite(fd, data, offset)
            finally:
                os.close(fd)

        def ours() -> int:
            opened = self.ns.open(
                self.start,
                path,
                write=True,
                create=create,
                exclusive=exclusive,
                truncate=truncate,
                follow=follow,
            )
            assert opened.file is not None
            with closing(opened.file) as file:
                return file.pwrite(data, offset)

        self.both(real, ours)

    @rule(path=PATHS, directory=st.booleans(), follow=st.booleans())
    def open_to_read(self, path: str, directory: bool, follow: bool) -> None:
        flags = os.O_RDONLY | directory * os.O_DIRECTORY | (not follow) * os.O_NOFOLLOW

        def real() -> bool:
            fd = os.open(self.host(path), flags)
            try:
                return stat.S_ISDIR(os.fstat(fd).st_mode)
            finally:
                os.close(fd)

        def ours() -> bool:
            opened = self.ns.open(self.start, path, directory=directory, follow=follow)
            if opened.file is not None:
                opened.file.close()
            return opened.file is None

        self.both(real, ours)

    @rule(path=PATHS, size=OFFSETS)
    def truncate(self, path: str, size: int) -> None:
        self.both(
            lambda: os.truncate(self.host(path), size), lambda: self.ns.truncate(self.start, path, size)
        )

    @rule()
    def clone(self) -> None:
        self.clones.append((self.ns.clone(), _tree(self.ns)))
        if len(self.clones) > 2:
            twin, then = self.clones.pop(0)
            assert _tree(twin) == then

    @invariant()
    def same_tree(self) -> None:
        expected: dict[str, Any] = {}
        for folder, directories, files in os.walk(self.real):
            for name in directories + files:
                path = os.path.join(folder, name)
                content: Any = None
                if os.path.islink(path):
                    content = os.readlink(path)
                elif os.path.isfile(path):
                    with open(path, "rb") as file:
                        content = file.read()
                status = _host_attributes(os.stat(path, follow_symlinks=False))
                expected[path[len(self.top) :]] = (status, content)
        found = _tree(self.ns)
        found.pop("/root")
        assert found == expected

    @invariant()
    def usage_is_the_sum(self) -> None:
        sizes: dict[int, int] = {}
        names = 0
        for _, found in self.ns.walk("/"):
            names += 1
            sizes[found.inode] = 0 if found.type is FileType.DIRECTORY else found.size
        usage = self.ns.root.mount.fs.usage()
        assert (usage.files_used, usage.bytes_used) == (names, sum(sizes.values()))


def _tree(ns: Namespace) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for path, found in ns.walk("/"):
        content: Any = None
        if found.type is FileType.SYMLINK:
            content = ns.readlink(ns.root, path)
        elif found.type is FileType.REGULAR:
            content = ns.read_bytes(path)
        result[path] = (_attributes(found), content)
    return result


def _attributes(found: Stat) -> tuple[str, int, int]:
    size = 0 if found.type is FileType.DIRECTORY else found.size
    return found.type.value, found.nlink, size


def _host_attributes(status: os.stat_result) -> tuple[str, int, int]:
    kind = {stat.S_IFREG: "regular", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}
    size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
    return kind[stat.S_IFMT(status.st_mode)], status.st_nlink, size


def test_histories_are_those_of_linux() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
