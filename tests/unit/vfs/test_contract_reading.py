"""What every filesystem does, whatever it is made of: looking, listing and reading."""

from __future__ import annotations

from contextlib import closing

import pytest

from pywasm_sandbox._vfs.api import FIRST_COOKIE, Errno, FileType
from tests.unit.vfs.support import PATTERN, Capability, Subject, fails, needs


def test_root_is_a_directory_and_its_own_parent(subject: Subject) -> None:
    fs = subject.fs
    assert fs.stat(fs.root).type is FileType.DIRECTORY
    assert fs.parent(fs.root) == fs.root


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("hello.txt", FileType.REGULAR),
        ("empty", FileType.REGULAR),
        ("sub", FileType.DIRECTORY),
        ("sub/deep", FileType.DIRECTORY),
        ("vacant", FileType.DIRECTORY),
    ],
)
def test_lookup_tells_the_type(subject: Subject, path: str, kind: FileType) -> None:
    above, _, name = path.rpartition("/")
    entry = subject.fs.lookup(subject.find(above) if above else subject.fs.root, name)
    assert entry is not None
    assert (entry.name, entry.type) == (name, kind)
    assert subject.fs.stat(entry.node).type is kind


def test_lookup_of_a_missing_name_is_none(subject: Subject) -> None:
    assert subject.fs.lookup(subject.fs.root, "missing") is None
    assert subject.fs.lookup(subject.find("sub"), "hello.txt") is None


def test_lookup_in_a_file_enotdir(subject: Subject) -> None:
    with fails(Errno.ENOTDIR):
        subject.fs.lookup(subject.find("hello.txt"), "x")


def test_parent_leads_back(subject: Subject) -> None:
    fs = subject.fs
    assert fs.parent(subject.find("sub/deep")) == subject.find("sub")
    assert fs.parent(subject.find("sub")) == fs.root


def test_readdir_lists_names_and_types(subject: Subject) -> None:
    found = {entry.name: entry.type for entry in subject.fs.readdir(subject.fs.root)}
    found.pop("link", None)
    assert found == {
        "hello.txt": FileType.REGULAR,
        "empty": FileType.REGULAR,
        "sub": FileType.DIRECTORY,
        "vacant": FileType.DIRECTORY,
    }
    assert subject.names(subject.find("sub")) == ["deep", "pattern.bin"]
    assert subject.fs.readdir(subject.find("vacant")) == []


def test_readdir_of_a_file_enotdir(subject: Subject) -> None:
    with fails(Errno.ENOTDIR):
        subject.fs.readdir(subject.find("hello.txt"))


def test_readdir_goes_on_after_every_cookie(subject: Subject) -> None:
    entries = subject.fs.readdir(subject.fs.root)
    cookies = [entry.cookie for entry in entries]
    assert cookies == sorted(set(cookies))
    assert cookies[0] >= FIRST_COOKIE
    assert cookies[-1] < 1 << 62
    for index, cookie in enumerate(cookies):
        assert subject.fs.readdir(subject.fs.root, cookie) == entries[index + 1 :]


def test_readdir_lookup_and_stat_agree(subject: Subject) -> None:
    for entry in subject.fs.readdir(subject.fs.root):
        looked_up = subject.fs.lookup(subject.fs.root, entry.name)
        assert looked_up == entry
        attributes = subject.fs.stat(entry.node)
        assert (attributes.inode, attributes.type) == (entry.inode, entry.type)


def test_inodes_differ_and_stay(subject: Subject) -> None:
    paths = ["hello.txt", "empty", "sub", "vacant", "sub/pattern.bin", "sub/deep/leaf.txt"]
    first = [subject.fs.stat(subject.find(path)).inode for path in paths]
    assert len(set(first)) == len(paths)
    assert [subject.fs.stat(subject.find(path)).inode for path in paths] == first


def test_stat_of_files(subject: Subject) -> None:
    hello = subject.fs.stat(subject.find("hello.txt"))
    assert (hello.device, hello.size, hello.nlink) == (0, 6, 1)
    assert hello.mode == hello.mode & 0o777
    assert subject.fs.stat(subject.find("empty")).size == 0
    assert subject.fs.stat(subject.find("sub/pattern.bin")).size == len(PATTERN)


def test_open_file_and_node_have_the_same_attributes(subject: Subject) -> None:
    with closing(subject.open("sub/pattern.bin")) as file:
        assert file.stat() == subject.fs.stat(subject.find("sub/pattern.bin"))
        assert file.size == len(PATTERN)
        assert not file.writable


@pytest.mark.parametrize(
    ("length", "offset"),
    [
        (10, 0),
        (0, 5),
        (100, 65_500),
        (65_536, 65_536),
        (140_000, 1),
        (len(PATTERN), 0),
        (10, len(PATTERN) - 3),
        (10, len(PATTERN)),
        (10, len(PATTERN) + 100_000),
        (1 << 40, 199_000),
        (10, 1 << 63),
        (10, (1 << 64) - 1),
        (0, 1 << 63),
    ],
)
def test_pread_and_pread_into(subject: Subject, length: int, offset: int) -> None:
    expected = PATTERN[offset : offset + length]
    with closing(subject.open("sub/pattern.bin")) as file:
        data = file.pread(length, offset)
        assert type(data) is bytes
        assert data == expected
        room = min(length, 300_000)
        buffer = bytearray(b"\xee" * (room + 2))
        count = file.pread_into(memoryview(buffer)[1 : room + 1], offset)
        assert count == len(expected)
        assert buffer == b"\xee" + expected + b"\xee" * (room - count + 1)


def test_pread_of_an_empty_file(subject: Subject) -> None:
    with closing(subject.open("empty")) as file:
        assert file.pread(10, 0) == b""
        assert file.pread_into(memoryview(bytearray(10)), 0) == 0


def test_negative_numbers_einval(subject: Subject) -> None:
    with closing(subject.open("hello.txt")) as file:
        with fails(Errno.EINVAL):
            file.pread(-1, 0)
        with fails(Errno.EINVAL):
            file.pread(1, -1)
        with fails(Errno.EINVAL):
            file.pread_into(memoryview(bytearray(1)), -1)


def test_two_open_files_are_independent(subject: Subject) -> None:
    first, second = subject.open("hello.txt"), subject.open("hello.txt")
    first.close()
    assert second.pread(10, 1) == b"ello\n"
    second.close()


def test_closed_file_ebadf(subject: Subject) -> None:
    file = subject.open("hello.txt")
    file.close()
    file.close()
    for call in (
        lambda: file.size,
        lambda: file.pread(1, 0),
        lambda: file.pread_into(memoryview(bytearray(1)), 0),
        lambda: file.pwrite(b"x", 0),
        lambda: file.append(b"x"),
        lambda: file.truncate(0),
        lambda: file.allocate(0, 1),
        file.stat,
        file.sync,
        lambda: file.set_times(0, 0),
    ):
        with fails(Errno.EBADF):
            call()


def test_writing_to_a_file_open_for_reading_ebadf(subject: Subject) -> None:
    with closing(subject.open("hello.txt")) as file:
        for call in (
            lambda: file.pwrite(b"x", 0),
            lambda: file.append(b"x"),
            lambda: file.truncate(0),
            lambda: file.allocate(0, 100),
        ):
            with fails(Errno.EBADF):
                call()
    assert subject.read("hello.txt") == b"hello\n"


def test_open_of_a_directory_eisdir(subject: Subject) -> None:
    for write in (False, True):
        with fails(Errno.EISDIR):
            subject.open("sub", write)


def test_readlink_of_other_things_einval(subject: Subject) -> None:
    for path in ("hello.txt", "sub"):
        with fails(Errno.EINVAL):
            subject.fs.readlink(subject.find(path))


@needs(Capability.SYMLINKS)
def test_symlink_is_itself(subject: Subject) -> None:
    link = subject.find("link")
    assert subject.fs.readlink(link) == "hello.txt"
    attributes = subject.fs.stat(link)
    assert (attributes.type, attributes.size) == (FileType.SYMLINK, len("hello.txt"))
    for write in (False, True):
        with fails(Errno.ELOOP):
            subject.fs.open(link, write)
    with fails(Errno.ENOTDIR):
        subject.fs.lookup(link, "x")


@needs(Capability.READ_ONLY)
def test_every_change_erofs(subject: Subject) -> None:
    fs, root = subject.fs, subject.fs.root
    assert fs.read_only
    hello, sub = subject.find("hello.txt"), subject.find("sub")
    before = [(entry, fs.stat(entry.node)) for entry in fs.readdir(root)]
    for call in (
        lambda: fs.open(hello, write=True),
        lambda: fs.create(root, "new"),
        lambda: fs.mkdir(root, "new"),
        lambda: fs.symlink(root, "new", "hello.txt"),
        lambda: fs.link(hello, root, "new"),
        lambda: fs.unlink(root, "hello.txt"),
        lambda: fs.rmdir(root, "vacant"),
        lambda: fs.rename(root, "hello.txt", sub, "hello.txt"),
        lambda: fs.set_times(hello, 1, 1),
        lambda: fs.set_mode(hello, 0o600),
        lambda: fs.truncate(hello, 0),
    ):
        with fails(Errno.EROFS):
            call()
    with closing(subject.open("hello.txt")) as file, fails(Errno.EROFS):
        file.set_times(1, 1)
    assert [(entry, fs.stat(entry.node)) for entry in fs.readdir(root)] == before


def test_usage_tells_no_nonsense(subject: Subject) -> None:
    usage = subject.fs.usage()
    assert usage.bytes_used in (0, len(PATTERN) + 6 + 4 + len("hello.txt"))
    assert usage.files_used in (0, 8)
