"""The subjects of the contract suite: every filesystem, filled with the same tree.

    /hello.txt         b"hello\n"
    /empty             no bytes
    /sub/pattern.bin   PATTERN: longer than three chunks
    /sub/deep/leaf.txt b"leaf"
    /vacant/           an empty directory
    /link              a symlink to hello.txt, where the filesystem knows symlinks

A test function names the capabilities that it needs with `needs`, and runs on every subject that has them.
"""

from __future__ import annotations

import contextlib
import enum
import io
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pywasm_sandbox._vfs.api import AnyFileSystem, Errno, File, VfsError
from pywasm_sandbox._vfs.fsspecfs import FsspecFS
from pywasm_sandbox._vfs.hostfs import HostFS
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.zipfs import ZipFS

PATTERN = bytes(range(251)) * 800


class Capability(enum.Enum):
    WRITE = "it can be changed"
    READ_ONLY = "it refuses every change"
    SYMLINKS = "its tree has the symlink"
    NODES = "nodes are inodes: they survive a rename of what holds them"
    FIXED_CLOCK = "times come from a clock that the test sets"


@dataclass
class Subject:
    fs: AnyFileSystem

    def find(self, path: str) -> Any:
        """The node at `path`, which has no symlinks."""
        node = self.fs.root
        for name in path.split("/"):
            entry = self.fs.lookup(node, name)
            assert entry is not None, path
            node = entry.node
        return node

    def open(self, path: str, write: bool = False) -> File:
        return self.fs.open(self.find(path), write)

    def read(self, path: str) -> bytes:
        with contextlib.closing(self.open(path)) as file:
            return file.pread(file.size, 0)

    def write(self, directory: Any, name: str, data: bytes) -> Any:
        """Make a file; its node."""
        node = self.fs.create(directory, name)
        with contextlib.closing(self.fs.open(node, write=True)) as file:
            assert file.pwrite(data, 0) == len(data)
        return node

    def names(self, directory: Any) -> list[str]:
        return sorted(entry.name for entry in self.fs.readdir(directory))


def fill(fs: AnyFileSystem) -> None:
    subject = Subject(fs)
    subject.write(fs.root, "hello.txt", b"hello\n")
    subject.write(fs.root, "empty", b"")
    sub = fs.mkdir(fs.root, "sub")
    subject.write(sub, "pattern.bin", PATTERN)
    subject.write(fs.mkdir(sub, "deep"), "leaf.txt", b"leaf")
    fs.mkdir(fs.root, "vacant")
    fs.symlink(fs.root, "link", "hello.txt")


def fill_host(folder: Path) -> Path:
    folder.mkdir()
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "hello.txt").write_bytes(b"hello\n")
    (folder / "empty").touch()
    (folder / "sub" / "pattern.bin").write_bytes(PATTERN)
    (folder / "sub" / "deep" / "leaf.txt").write_bytes(b"leaf")
    (folder / "vacant").mkdir()
    (folder / "link").symlink_to("hello.txt")
    return folder


def zip_archive(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("hello.txt", b"hello\n")
        archive.writestr("empty", b"")
        archive.writestr("sub/pattern.bin", PATTERN)
        archive.writestr("sub/deep/leaf.txt", b"leaf")
        archive.mkdir("vacant")
        link = zipfile.ZipInfo("link")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "hello.txt")
    return buffer.getvalue()


class Ticks:
    """A clock that moves on by a microsecond at each reading."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        self.now_ns += 1000
        return self.now_ns


def _memory(folder: Path) -> MemoryFS:
    fs = MemoryFS(clock=Ticks())
    fill(fs)
    return fs


def _memory_clone(folder: Path) -> MemoryFS:
    """A clone whose original is changed everywhere, so that anything shared by mistake shows."""
    original = _memory(folder)
    clone = original.clone()
    subject = Subject(original)
    for path in ("hello.txt", "sub/pattern.bin", "sub/deep/leaf.txt"):
        with contextlib.closing(subject.open(path, write=True)) as file:
            file.pwrite(b"#" * 70_000, 0)
    original.unlink(original.root, "link")
    original.rename(original.root, "sub", original.root, "gone")
    return clone


def _host_rw(folder: Path) -> HostFS:
    return HostFS(fill_host(folder / "tree"), read_only=False, allow_symlinks=True)


def _host_plain(folder: Path) -> HostFS:
    """The fallback for hosts without dir_fd."""
    fs = _host_rw(folder)
    fs._use_dir_fd = False
    return fs


def _fsspec(folder: Path) -> FsspecFS:
    filesystem = MemoryFileSystem(skip_instance_cache=True)
    filesystem.store = {}
    filesystem.pseudo_dirs = [""]
    filesystem.mkdirs("/base/sub/deep")
    filesystem.mkdir("/base/vacant")
    for name, data in (
        ("hello.txt", b"hello\n"),
        ("empty", b""),
        ("sub/pattern.bin", PATTERN),
        ("sub/deep/leaf.txt", b"leaf"),
    ):
        filesystem.pipe_file(f"/base/{name}", data)
    return FsspecFS(filesystem, "/base")


_C = Capability
KINDS: dict[str, tuple[Callable[[Path], AnyFileSystem], set[Capability]]] = {
    "memory": (_memory, {_C.WRITE, _C.SYMLINKS, _C.NODES, _C.FIXED_CLOCK}),
    "memory_clone": (_memory_clone, {_C.WRITE, _C.SYMLINKS, _C.NODES, _C.FIXED_CLOCK}),
    "zip_deflated": (lambda folder: ZipFS(zip_archive()), {_C.READ_ONLY, _C.SYMLINKS}),
    "zip_stored": (lambda folder: ZipFS(zip_archive(zipfile.ZIP_STORED)), {_C.READ_ONLY, _C.SYMLINKS}),
    "host_ro": (lambda folder: HostFS(fill_host(folder / "tree")), {_C.READ_ONLY, _C.SYMLINKS}),
    "host_rw": (_host_rw, {_C.WRITE, _C.SYMLINKS}),
    "host_plain": (_host_plain, {_C.WRITE, _C.SYMLINKS}),
    "fsspec": (_fsspec, {_C.READ_ONLY}),
}


def needs(*capabilities: Capability) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the test on the subjects with all of `capabilities`."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        test.needs = set(capabilities)  # type: ignore[attr-defined]
        return test

    return mark


@contextlib.contextmanager
def fails(errno: Errno) -> Iterator[None]:
    """The block must raise a `VfsError` with just this number."""
    with pytest.raises(VfsError) as caught:
        yield
    assert caught.value.errno is errno, f"{caught.value.errno} instead of {errno}"
