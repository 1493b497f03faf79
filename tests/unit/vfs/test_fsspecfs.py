"""What only `FsspecFS` has: filesystems that fail in their own ways."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pywasm_sandbox._vfs.api import Errno, FileType, MountError
from pywasm_sandbox._vfs.fsspecfs import FsspecFS
from tests.unit.vfs.support import Subject, fails


class Remote(MemoryFileSystem):  # type: ignore[misc]
    """A filesystem of our own whose answers and failures a test sets."""

    cachable = False
    error: Exception | None = None
    extra: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]
        self.extra = {}

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {**super().info(path, **options), **self.extra}


@pytest.fixture
def remote() -> Remote:
    made = Remote()
    made.pipe_file("/bucket/dir/file", b"content")
    return made


def test_root_of_the_filesystem(remote: Remote) -> None:
    subject = Subject(FsspecFS(remote))
    assert subject.names(subject.fs.root) == ["bucket"]
    assert subject.read("bucket/dir/file") == b"content"


def test_nothing_above_the_folder(remote: Remote) -> None:
    remote.pipe_file("/secret", b"x")
    fs = FsspecFS(remote, "/bucket/dir/")
    assert fs.lookup((), "file") is not None
    for name in ("..", "../../secret", ".", "", "/secret"):
        assert fs.lookup((), name) is None
        with fails(Errno.ENOENT):
            fs.open((name,))
        with fails(Errno.ENOENT):
            fs.readdir((name,))


@pytest.mark.parametrize(
    ("error", "errno"),
    [
        (PermissionError(13, "no"), Errno.EACCES),
        (OSError(28, "full"), Errno.ENOSPC),
        (OSError("no number"), Errno.EIO),
        (RuntimeError("the network is down"), Errno.EIO),
        (FileNotFoundError("no number"), Errno.ENOENT),
    ],
)
def test_failures_have_an_errno(remote: Remote, error: Exception, errno: Errno) -> None:
    fs = FsspecFS(remote, "/bucket")
    remote.error = error
    with fails(errno):
        fs.stat(("dir",))
    remote.error = None
    assert fs.stat(("dir",)).type is FileType.DIRECTORY


def test_files_of_unknown_size_cannot_be_opened(remote: Remote) -> None:
    subject = Subject(FsspecFS(remote, "/bucket"))
    node = subject.find("dir/file")
    remote.extra = {"size": None}
    assert subject.fs.stat(node).type is FileType.UNKNOWN
    with fails(Errno.EACCES):
        subject.fs.open(node)


def test_time_of_change(remote: Remote) -> None:
    subject = Subject(FsspecFS(remote, "/bucket"))
    node = subject.find("dir/file")
    remote.extra = {"created": None, "LastModified": datetime(2020, 1, 1, tzinfo=UTC)}
    assert subject.fs.stat(node).mtime_ns == 1_577_836_800_000_000_000
    remote.extra = {"mtime": 5}
    assert subject.fs.stat(node).mtime_ns == 5_000_000_000
    remote.extra = {"created": "no time"}
    assert subject.fs.stat(node).mtime_ns == 0


@pytest.mark.parametrize("path", ["/missing", "/bucket/dir/file"])
def test_what_is_no_directory_is_refused(remote: Remote, path: str) -> None:
    with pytest.raises(MountError, match="not a directory"):
        FsspecFS(remote, path)


def test_from_url(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = MemoryFileSystem()
    shared.pipe_file("/pywasm-test/file", b"content")
    try:
        assert Subject(FsspecFS.from_url("memory://pywasm-test")).read("file") == b"content"
    finally:
        shared.rm("/pywasm-test", recursive=True)
    with pytest.raises(MountError, match="nonsense"):
        FsspecFS.from_url("nonsense://x")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MountError, match="pip install fsspec"):
        FsspecFS.from_url("memory://x")
