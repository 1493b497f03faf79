"""The cache of compiled modules: what it accepts, and that nothing it finds makes it fail."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import stat
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pywasm_sandbox._engine import cache as cache_module
from pywasm_sandbox._engine.cache import CompileCache, cache_key, default_folder, host_fingerprint

CODE = b"\x7fELF native code " * 1000
DIGEST = hashlib.sha256(CODE).hexdigest()
KEY = "k" * 40

posix = pytest.mark.skipif(os.name == "nt", reason="owners and modes are POSIX'")
linux = pytest.mark.skipif(sys.platform != "linux", reason="the start of the machine is known on Linux only")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "compiled-1"


@pytest.fixture
def cache(folder: Path) -> CompileCache:
    return CompileCache(folder)


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def stored(cache: CompileCache, folder: Path) -> tuple[Path, Path]:
    assert cache.store(KEY, CODE) == str(folder / f"{DIGEST}.cwasm")
    return folder / f"{KEY}.index", folder / f"{DIGEST}.cwasm"


def assert_rebuilt(cache: CompileCache, caplog: pytest.LogCaptureFixture, why: str) -> None:
    """The entry is not used, the log says why, and storing it again makes it good."""
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert cache.load(KEY, read) is None
    assert len(caplog.messages) == 1
    assert why in caplog.messages[0]
    assert cache.store(KEY, CODE) is not None
    assert cache.load(KEY, read) == CODE


def test_what_is_stored_is_loaded(cache: CompileCache, folder: Path) -> None:
    assert cache.load(KEY, read) is None
    index, blob = stored(cache, folder)
    assert cache.load(KEY, read) == CODE
    assert cache.load("other", read) is None
    assert sorted(os.listdir(folder)) == sorted([index.name, blob.name])


@posix
def test_folder_and_files_are_private(cache: CompileCache, folder: Path) -> None:
    previous = os.umask(0)
    try:
        index, blob = stored(cache, folder)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in (index, blob)] == [0o600, 0o600]


@pytest.mark.parametrize("position", [0, len(CODE) // 2, len(CODE) - 1])
def test_one_flipped_bit_is_found(
    cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture, position: int
) -> None:
    _, blob = stored(cache, folder)
    damaged = bytearray(CODE)
    damaged[position] ^= 1
    blob.write_bytes(damaged)
    assert_rebuilt(cache, caplog, "its file is damaged")


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files count as settled at once; the names of those that are read whole."""
    names: list[str] = []
    file_digest = hashlib.file_digest

    def count(file: io.BufferedReader, algorithm: str) -> object:
        names.append(algorithm)
        return file_digest(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", count)
    monkeypatch.setattr(cache_module, "_SETTLED_NS", -(10**18))
    return names


@linux
def test_a_file_that_was_found_whole_is_not_read_again(
    cache: CompileCache, folder: Path, digests: list[str]
) -> None:
    stored(cache, folder)
    assert [cache.load(KEY, read) for _ in range(3)] == [CODE] * 3
    assert digests == ["sha256"]
    note = folder / f"{KEY}.whole"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    note.write_bytes(note.read_bytes().replace(b"-", b"_"))  # of another start of the machine
    assert cache.load(KEY, read) == CODE
    assert len(digests) == 2
    note.chmod(0o666)  # anybody's word
    assert cache.load(KEY, read) == CODE
    assert len(digests) == 3


@linux
def test_a_bit_flipped_in_a_file_that_was_whole_is_found(
    cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture, digests: list[str]
) -> None:
    _, blob = stored(cache, folder)
    assert cache.load(KEY, read) == CODE
    times = blob.stat()
    blob.write_bytes(bytes([CODE[0] ^ 1]) + CODE[1:])
    os.utime(blob, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert_rebuilt(cache, caplog, "its file is damaged")
    assert len(digests) == 3


@linux
def test_a_young_file_is_read_each_time(
    cache: CompileCache, folder: Path, digests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_SETTLED_NS", 60 * 10**9)
    stored(cache, folder)
    assert [cache.load(KEY, read) for _ in range(2)] == [CODE] * 2
    assert len(digests) == 2
    assert not (folder / f"{KEY}.whole").exists()


@pytest.mark.parametrize("length", [0, 1, len(CODE) - 1])
def test_truncated(cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture, length: int) -> None:
    _, blob = stored(cache, folder)
    blob.write_bytes(CODE[:length])
    assert_rebuilt(cache, caplog, "another size")


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"x" * 200, b"../../../etc/passwd 10\n", DIGEST.encode(), f"{DIGEST} -1\n".encode()],
)
def test_damaged_index(
    cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture, text: bytes
) -> None:
    index, _ = stored(cache, folder)
    index.write_bytes(text)
    assert_rebuilt(cache, caplog, "its index is damaged")


def test_index_without_its_file(cache: CompileCache, folder: Path) -> None:
    _, blob = stored(cache, folder)
    blob.unlink()
    assert cache.load(KEY, read) is None
    assert cache.store(KEY, CODE) is not None
    assert cache.load(KEY, read) == CODE


@posix
@pytest.mark.parametrize("which", [0, 1])
def test_symlinked_file_is_not_followed(
    cache: CompileCache, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, which: int
) -> None:
    path = stored(cache, folder)[which]
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert_rebuilt(cache, caplog, "Too many levels of symbolic links")
    assert not path.is_symlink()


@posix
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_file_that_others_can_write_is_not_used(
    cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture, which: int, mode: int
) -> None:
    path = stored(cache, folder)[which]
    path.chmod(mode)
    assert_rebuilt(cache, caplog, "can be written by other users")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_foreign_owner_is_not_trusted(
    cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(cache, folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert cache.load(KEY, read) is None
        assert cache.store(KEY, CODE) is None
    assert [("belongs to another user" in message) for message in caplog.messages] == [True, True]


@posix
@pytest.mark.parametrize("which", [0, 1])
def test_foreign_owned_file_in_our_folder(
    cache: CompileCache,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    which: int,
) -> None:
    path = stored(cache, folder)[which]
    inode = path.stat().st_ino
    os.link(path, tmp_path / "kept")  # so that no new file gets its number
    real = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        if found.st_ino != inode:
            return found
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:10]))

    monkeypatch.setattr(os, "fstat", fstat)
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert cache.load(KEY, read) is None
    assert "belongs to another user" in caplog.messages[0]
    assert cache.store(KEY, CODE) is not None  # replaced by one of ours
    assert cache.load(KEY, read) == CODE


@posix
def test_symlinked_folder_is_not_used(
    cache: CompileCache, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "target").mkdir()
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "target")
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert cache.store(KEY, CODE) is None
    assert "is not a folder" in caplog.messages[0]
    assert list((tmp_path / "target").iterdir()) == []


@posix
def test_open_folder_is_closed_before_use(cache: CompileCache, folder: Path) -> None:
    stored(cache, folder)
    folder.chmod(0o777)
    assert cache.load(KEY, read) == CODE
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@posix
def test_a_fifo_does_not_block(cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    index, _ = stored(cache, folder)
    index.unlink()
    os.mkfifo(index, 0o600)
    assert_rebuilt(cache, caplog, "is not a plain file")


def test_a_file_in_the_folders_place(
    cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.parent.mkdir()
    folder.write_text("not a folder")
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert cache.load(KEY, read) is None
        assert cache.store(KEY, CODE) is None
    assert folder.read_text() == "not a folder"


def test_a_disk_that_takes_nothing_is_one_warning(
    cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> tuple[int, str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert cache.store(KEY, CODE) is None
        assert cache.store(KEY, CODE) is None
    assert len(caplog.messages) == 1
    assert "No space left on device" in caplog.messages[0]
    assert "PYWASM_SANDBOX_CACHE_DIR" in caplog.messages[0]
    assert list(folder.iterdir()) == []


def test_a_write_that_breaks_leaves_no_file(
    cache: CompileCache, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: str, target: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", fail)
    assert cache.store(KEY, CODE) is None
    assert list(folder.iterdir()) == []


def test_no_folder_at_all(caplog: pytest.LogCaptureFixture) -> None:
    cache = CompileCache(None)
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert cache.load(KEY, read) is None
        assert cache.store(KEY, CODE) is None
    assert len(caplog.messages) == 1


def test_refused_by_the_engine_is_rebuilt(
    cache: CompileCache, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored(cache, folder)

    def refuse(path: str) -> bytes:
        raise ValueError("compiled for another CPU")

    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert cache.load(KEY, refuse) is None
    assert "compiled for another CPU" in caplog.messages[0]
    assert cache.load(KEY, read) == CODE


def test_a_new_version_replaces_the_old_file(cache: CompileCache, folder: Path) -> None:
    _, blob = stored(cache, folder)
    assert cache.store(KEY, CODE + b"2") is not None
    assert cache.load(KEY, read) == CODE + b"2"
    assert not blob.exists()
    assert len(list(folder.iterdir())) == 2


def test_many_writers_of_one_entry(cache: CompileCache, folder: Path) -> None:
    barrier = threading.Barrier(8)
    results: list[bytes | None] = []

    def work(code: bytes) -> None:
        barrier.wait(10)
        for _ in range(20):
            cache.store(KEY, code)
            results.append(cache.load(KEY, read))

    codes = [CODE + bytes([n]) for n in range(8)]
    workers = [threading.Thread(target=work, args=(code,)) for code in codes]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # Somebody else's, or none because it was just being replaced; never a mixture.
    assert {result for result in results if result is not None} <= set(codes)
    assert len(results) == 160
    assert not [name for name in os.listdir(folder) if name.startswith(".new-")]
    assert cache.store(KEY, CODE) is not None
    assert cache.load(KEY, read) == CODE


def test_key_depends_on_everything() -> None:
    base = ("a" * 64, "50.0.1", "config", "linux x86_64 f00")
    changed = [tuple(part + "x" if i == n else part for i, part in enumerate(base)) for n in range(4)]
    keys = {cache_key(*parts) for parts in (base, *changed)}
    assert len(keys) == 5
    assert cache_key(*base) == cache_key(*base)
    assert cache_key("a", "bc", "", "") != cache_key("ab", "c", "", "")


def test_host_fingerprint_is_stable() -> None:
    assert host_fingerprint() == host_fingerprint()
    assert len(host_fingerprint().split(" ")) == 3


@pytest.mark.skipif(os.name == "nt", reason="the XDG rules are for Unix")
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PYWASM_SANDBOX_CACHE_DIR": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c/compiled-1"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/pywasm-sandbox/compiled-1"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/pywasm-sandbox/compiled-1"),
        ({"PYWASM_SANDBOX_CACHE_DIR": "", "HOME": "/h"}, "/h/.cache/pywasm-sandbox/compiled-1"),
        ({}, None),
    ],
)
def test_default_folder(
    environ: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_folder(environ) == (None if expected is None else Path(expected))


def test_default_folder_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_folder({"HOME": "/h"}) == Path("/h/Library/Caches/pywasm-sandbox/compiled-1")
    monkeypatch.setattr(sys, "platform", "win32")
    assert default_folder({"LOCALAPPDATA": "/l"}) == Path("/l/pywasm-sandbox/compiled-1")
