"""The files of side modules: what never changes is hashed once, what did change is seen."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from pywasm_sandbox._engine.failures import DlError
from pywasm_sandbox._engine.libraries import find_library
from pywasm_sandbox._vfs import zipfs
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.zipfs import ZipFS

CONTENT = b"\0asm" + bytes(range(256)) * 100
LIMIT = 1 << 20


def _archive(content: bytes = CONTENT, name: str = "libx.so") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, content)
    return made.getvalue()


def _namespace(fs: ZipFS | MemoryFS) -> Namespace:
    namespace = Namespace(MemoryFS())
    namespace.make_directories("/usr/lib")
    namespace.mount("/usr/lib", fs)
    return namespace


def _count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    reads: list[int] = []
    read = zipfs._ZipFile.pread

    def counted(self: zipfs._ZipFile, length: int, offset: int) -> bytes:
        reads.append(length)
        return read(self, length, offset)

    monkeypatch.setattr(zipfs._ZipFile, "pread", counted)
    return reads


def test_what_never_changes_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = _count_reads(monkeypatch)
    fs = ZipFS(_archive())
    for namespace in (_namespace(fs), _namespace(fs)):
        for name in ("/usr/lib/libx.so", "libx.so"):
            found = find_library(namespace, name, ("/usr/lib",), LIMIT)
            assert (found.path, found.size, found.foreign) == ("/usr/lib/libx.so", len(CONTENT), False)
            assert found.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert reads == [len(CONTENT)]
    assert found.read() == CONTENT
    # Positive control: another archive is another filesystem.
    other = find_library(_namespace(ZipFS(_archive(b"other"))), "libx.so", ("/usr/lib",), LIMIT)
    assert other.sha256 == hashlib.sha256(b"other").hexdigest()


def test_an_archive_that_was_changed_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(_archive())
    namespace = _namespace(ZipFS(path))
    find_library(namespace, "libx.so", ("/usr/lib",), LIMIT)
    again = find_library(namespace, "libx.so", ("/usr/lib",), LIMIT)
    assert again.read() == CONTENT
    data = bytearray(_archive())
    data[data.index(CONTENT) + 10] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    with pytest.raises(DlError, match=r"libx\.so: is another library than the one that was loaded"):
        again.read()


def test_what_can_change_is_hashed_each_time() -> None:
    fs = MemoryFS()
    namespace = _namespace(fs)
    for content in (b"one", b"two"):
        namespace.write_bytes("/usr/lib/libx.so", content)
        found = find_library(namespace, "libx.so", ("/usr/lib",), LIMIT)
        assert (found.sha256, found.foreign) == (hashlib.sha256(content).hexdigest(), True)
        assert found.read() == content


@pytest.mark.parametrize(
    ("path", "limit", "message"),
    [
        ("libx.so", 100, r"has 25604 bytes, more than the limit of 100"),
        ("liby.so", LIMIT, r"liby\.so: cannot be opened: No such file"),
        ("/usr/lib", LIMIT, r"/usr/lib: is a directory"),
    ],
)
def test_what_is_no_library(path: str, limit: int, message: str) -> None:
    with pytest.raises(DlError, match=message):
        find_library(_namespace(ZipFS(_archive())), path, ("/usr/lib",), limit)
