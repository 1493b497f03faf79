"""What only `ZipFS` has: archives that are broken or hostile, and memory for what is inflated."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from pywasm_sandbox._vfs.api import Errno, FileType, MountError
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox._vfs.zipindex import ZipIndex
from tests.unit.vfs.support import PATTERN, Subject, fails, zip_archive

MIB = 1 << 20


def archive_of(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return buffer.getvalue()


def with_field(archive: bytes, offset: int, layout: str, value: int, entry: int = 0) -> bytes:
    """`archive` with one field of a central directory header (APPNOTE 4.3.12) replaced."""
    position = -1
    for _ in range(entry + 1):
        position = archive.index(b"PK\1\2", position + 1)
    changed = bytearray(archive)
    struct.pack_into(layout, changed, position + offset, value)
    return bytes(changed)


def test_file_on_disk_and_a_shared_index(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_archive(zipfile.ZIP_STORED))
    index = ZipIndex(path)
    first, second = Subject(ZipFS(index)), Subject(ZipFS(index))
    file = first.open("sub/pattern.bin")
    first.fs.close()
    path.unlink()
    assert file.pread(100, 50) == PATTERN[50:150]
    assert second.read("sub/pattern.bin") == PATTERN
    file.close()


def test_several_archives_are_one_tree() -> None:
    first = archive_of(("a/x", b"1"), ("a/both", b"first"), ("only", b"2"))
    second = archive_of(("a/y", b"33"), ("a/both", b"second"), ("b/z", b"4"), method=zipfile.ZIP_STORED)
    subject = Subject(ZipFS(ZipIndex(first, second)))
    assert subject.names(subject.fs.root) == ["a", "b", "only"]
    assert subject.names(subject.find("a")) == ["both", "x", "y"]
    contents = {name: subject.read(name) for name in ("a/x", "a/y", "a/both", "b/z", "only")}
    assert contents == {"a/x": b"1", "a/y": b"33", "a/both": b"second", "b/z": b"4", "only": b"2"}


def test_an_index_can_be_made_on_first_use() -> None:
    made: list[ZipIndex] = []

    def index() -> ZipIndex:
        made.append(ZipIndex(archive_of(("a", b"1"))))
        return made[-1]

    subject = Subject(ZipFS(index))
    assert subject.fs.root == 0
    assert made == []
    assert subject.names(subject.fs.root) == ["a"]
    assert subject.read("a") == b"1"
    assert len(made) == 1


def test_of_several_archives_each_is_checked() -> None:
    with pytest.raises(MountError, match="needs a directory where there is a file"):
        ZipIndex(archive_of(("a", b"")), archive_of(("a/b", b"")))
    with pytest.raises(MountError, match="more than 3 entries"):
        ZipIndex(archive_of(("a", b""), ("b", b"")), archive_of(("c", b""), ("d", b"")), entries_limit=3)
    large, small = archive_of(("large", bytes(MIB)), method=zipfile.ZIP_STORED), archive_of(("small", b"1"))
    claims_much = with_field(small, 20, "<L", MIB)
    with pytest.raises(MountError, match="overlap"):
        ZipIndex(large, claims_much)
    assert ZipIndex(large, small).nodes


def test_stored_entries_are_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(archive_of(("big", bytes(8 * MIB)), method=zipfile.ZIP_STORED))
    subject = Subject(ZipFS(path))
    tracemalloc.start()
    try:
        file = subject.open("big")
        assert file.pread(3, 4 * MIB) == bytes(3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MIB
    file.close()


def test_attributes_come_from_the_archive() -> None:
    info = zipfile.ZipInfo("tool", date_time=(2020, 2, 29, 12, 30, 58))
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | 0o751) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"x")
    found = Subject(ZipFS(buffer.getvalue())).fs.stat(1)
    assert (found.mode, found.mtime_ns) == (0o751, 1_582_979_458_000_000_000)


def test_a_date_that_is_none_is_the_epoch() -> None:
    broken = with_field(archive_of(("a", b"x")), 14, "<H", 0)
    subject = Subject(ZipFS(broken))
    assert subject.fs.stat(subject.find("a")).mtime_ns == 0


def test_directories_need_no_entries_and_may_come_late() -> None:
    subject = Subject(ZipFS(archive_of(("a/b/c", b"1"), ("a/", b""), ("d/", b""), ("a/b/", b""))))
    assert subject.names(subject.fs.root) == ["a", "d"]
    assert subject.read("a/b/c") == b"1"


def test_of_two_entries_with_one_name_the_last_counts() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = archive_of(("a", b"first"), ("a", b"second"))
    subject = Subject(ZipFS(archive))
    assert subject.read("a") == b"second"
    assert subject.names(subject.fs.root) == ["a"]


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/x", "a//b", "./a", "a/.", "..", "x" * 256, "a/" * 2500 + "x"]
)
def test_bad_names_are_refused(name: str) -> None:
    assert ZipIndex(archive_of(("good", b""))).nodes
    with pytest.raises(MountError, match="bad entry name"):
        ZipIndex(archive_of(("good", b""), (name, b"x")))


@pytest.mark.parametrize("character", [b"\\", b"\0"])
def test_backslash_and_nul_are_refused(character: bytes) -> None:
    archive = archive_of(("aXb", b"")).replace(b"aXb", b"a" + character + b"b")
    with pytest.raises(MountError, match="bad entry name"):
        ZipIndex(archive)


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a")])
def test_a_file_where_a_directory_is_needed_is_refused(names: tuple[str, str]) -> None:
    with pytest.raises(MountError, match="directory"):
        ZipIndex(archive_of((names[0], b""), (names[1], b"")))


def test_too_many_entries_are_refused() -> None:
    archive = archive_of(("a/b/c", b""), ("d", b""))
    assert len(ZipIndex(archive, entries_limit=4).nodes) == 5
    with pytest.raises(MountError, match="more than 3 entries"):
        ZipIndex(archive, entries_limit=3)


@pytest.mark.parametrize("source", [b"", b"not a zip", zip_archive()[:-30]])
def test_what_is_no_zip_is_refused(source: bytes, tmp_path: Path) -> None:
    with pytest.raises(MountError, match="cannot be opened"):
        ZipIndex(source)
    (tmp_path / "bad.zip").write_bytes(source)
    with pytest.raises(MountError, match=r"bad\.zip"):
        ZipIndex(tmp_path / "bad.zip")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MountError, match=r"missing\.zip"):
        ZipIndex(tmp_path / "missing.zip")


def test_impossible_ratio_is_refused() -> None:
    honest = archive_of(("a", bytes(MIB)))
    assert Subject(ZipFS(honest)).read("a") == bytes(MIB)
    with pytest.raises(MountError, match="claims to inflate"):
        ZipIndex(with_field(honest, 24, "<L", 1 << 31))


def test_overlapping_entries_are_refused() -> None:
    archive = archive_of(
        *((str(number), bytes(range(256)) * 40) for number in range(20)), method=zipfile.ZIP_STORED
    )
    assert len(ZipIndex(archive).nodes) == 21
    overlapping = archive
    for entry in range(1, 20):
        overlapping = with_field(overlapping, 20, "<L", 20_480, entry)
        overlapping = with_field(overlapping, 24, "<L", 20_480, entry)
    with pytest.raises(MountError, match="overlap"):
        ZipIndex(overlapping)


def test_content_that_is_not_what_was_promised_eio() -> None:
    good = archive_of(("a", PATTERN))
    assert Subject(ZipFS(good)).read("a") == PATTERN
    for broken in (
        with_field(good, 24, "<L", len(PATTERN) - 1),
        with_field(good, 24, "<L", len(PATTERN) + 1),
        with_field(good, 16, "<L", 12345),
        with_field(good, 42, "<L", 5),
        with_field(good, 42, "<L", 1 << 30),
        good.replace(b"PK\3\4", b"PK\3\5"),
        with_field(good, 10, "<H", zipfile.ZIP_STORED),
    ):
        with fails(Errno.EIO):
            Subject(ZipFS(broken)).open("a")
    damaged = bytearray(good)
    damaged[40:60] = b"\xff" * 20
    with fails(Errno.EIO):
        Subject(ZipFS(bytes(damaged))).open("a")


def test_encrypted_and_unknown_methods_enotsup() -> None:
    good = archive_of(("a", PATTERN))
    for broken in (with_field(good, 8, "<H", 1), with_field(good, 10, "<H", 99)):
        subject = Subject(ZipFS(broken))
        assert subject.fs.stat(subject.find("a")).type is FileType.REGULAR
        with fails(Errno.ENOTSUP):
            subject.open("a")


def test_large_files_efbig_and_too_many_open_ones_enomem() -> None:
    archive = archive_of(("a", bytes(MIB)), ("b", bytes(MIB)), ("c", bytes(MIB)), ("big", bytes(2 * MIB + 1)))
    subject = Subject(ZipFS(archive, inflate_limit_bytes=2 * MIB))
    with fails(Errno.EFBIG):
        subject.open("big")
    first, again, second = subject.open("a"), subject.open("a"), subject.open("b")
    with fails(Errno.ENOMEM):
        subject.open("c")
    first.close()
    first.close()
    with fails(Errno.ENOMEM):
        subject.open("c")
    again.close()
    third = subject.open("c")
    assert third.pread(MIB, 0) == second.pread(MIB, 0) == bytes(MIB)
    second.close()
    third.close()


def test_bomb_never_takes_more_than_it_declares() -> None:
    bomb = with_field(archive_of(("a", bytes(64 * MIB))), 24, "<L", 1000)
    subject = Subject(ZipFS(bomb))
    tracemalloc.start()
    try:
        with fails(Errno.EIO):
            subject.open("a")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MIB


@pytest.mark.parametrize("target", [b"", b"x" * 4096])
def test_symlinks_without_a_possible_target_eio(target: bytes) -> None:
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, target)
    subject = Subject(ZipFS(buffer.getvalue()))
    with fails(Errno.EIO):
        subject.fs.readlink(subject.find("link"))


def test_symlink_in_a_zip_stays_in_the_namespace() -> None:
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "../../../../etc/passwd")
    ns = Namespace(MemoryFS())
    ns.write_bytes("/etc/passwd", b"the sandbox's own", parents=True)
    ns.mount("/zip", ZipFS(buffer.getvalue()))
    assert ns.read_bytes("/zip/link") == b"the sandbox's own"
