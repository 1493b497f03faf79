"""What every filesystem does that can be changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing

import pytest

from pywasm_sandbox._vfs.api import Errno, File, FileType
from tests.unit.vfs.support import PATTERN, Capability, Subject, fails, needs

WRITE = Capability.WRITE


@needs(WRITE)
def test_create_write_read(subject: Subject) -> None:
    node = subject.write(subject.fs.root, "new", b"some text")
    assert subject.read("new") == b"some text"
    attributes = subject.fs.stat(node)
    assert (attributes.type, attributes.size, attributes.nlink) == (FileType.REGULAR, 9, 1)


@needs(WRITE)
def test_creating_what_exists_eexist(subject: Subject) -> None:
    fs = subject.fs
    for name in ("hello.txt", "sub", "link"):
        for call in (fs.create, fs.mkdir):
            with fails(Errno.EEXIST):
                call(fs.root, name)
        with fails(Errno.EEXIST):
            fs.symlink(fs.root, name, "target")
        with fails(Errno.EEXIST):
            fs.link(subject.find("empty"), fs.root, name)
    assert subject.read("hello.txt") == b"hello\n"


@needs(WRITE)
@pytest.mark.parametrize(
    ("name", "errno"),
    [
        ("", Errno.EINVAL),
        (".", Errno.EINVAL),
        ("..", Errno.EINVAL),
        ("a/b", Errno.EINVAL),
        ("../escape", Errno.EINVAL),
        ("a\0b", Errno.EINVAL),
        ("x" * 256, Errno.ENAMETOOLONG),
        ("é" * 128, Errno.ENAMETOOLONG),
    ],
)
def test_bad_names_are_refused(subject: Subject, name: str, errno: Errno) -> None:
    fs, hello = subject.fs, subject.find("hello.txt")
    before = subject.names(fs.root)
    for call in (
        lambda: fs.create(fs.root, name),
        lambda: fs.mkdir(fs.root, name),
        lambda: fs.symlink(fs.root, name, "target"),
        lambda: fs.link(hello, fs.root, name),
        lambda: fs.rename(fs.root, "hello.txt", fs.root, name),
    ):
        with fails(errno):
            call()
    assert subject.names(fs.root) == before


@needs(WRITE)
@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "\udcff\udcfe", "new\nline", "-", "..."])
def test_good_names_are_kept(subject: Subject, name: str) -> None:
    subject.write(subject.find("vacant"), name, b"x")
    assert subject.names(subject.find("vacant")) == [name]


@needs(WRITE)
@pytest.mark.parametrize("make", ["create", "mkdir"])
def test_creating_in_a_file_or_a_removed_directory(subject: Subject, make: str) -> None:
    fs = subject.fs
    with fails(Errno.ENOTDIR):
        getattr(fs, make)(subject.find("hello.txt"), "new")
    vacant = subject.find("vacant")
    fs.rmdir(fs.root, "vacant")
    with fails(Errno.ENOENT):
        getattr(fs, make)(vacant, "new")
    with fails(Errno.ENOENT):
        fs.lookup(vacant, "new")


@needs(WRITE)
def test_write_past_the_end_leaves_zeros(subject: Subject) -> None:
    with closing(subject.open("hello.txt", write=True)) as file:
        assert file.pwrite(b"end", 200_000) == 3
        assert file.size == 200_003
        assert file.pread(200_003, 0) == b"hello\n" + bytes(199_994) + b"end"
        buffer = bytearray(b"\xee" * 200_003)
        assert file.pread_into(memoryview(buffer), 0) == 200_003
        assert buffer == b"hello\n" + bytes(199_994) + b"end"


@needs(WRITE)
def test_write_of_nothing_changes_nothing(subject: Subject) -> None:
    with closing(subject.open("hello.txt", write=True)) as file:
        assert file.pwrite(b"", 1000) == 0
        assert file.size == 6


@needs(WRITE)
@pytest.mark.parametrize("seed", range(3))
def test_random_writes_and_truncations_match_a_bytearray(subject: Subject, seed: int) -> None:
    choose = random.Random(seed)
    model = bytearray(PATTERN)
    with closing(subject.open("sub/pattern.bin", write=True)) as file:
        for _ in range(60):
            offset = choose.choice([0, 65_536, len(model), choose.randrange(250_000)])
            if choose.random() < 0.25:
                file.truncate(offset)
                model[offset:] = bytes(max(0, offset - len(model)))
            else:
                data = choose.randbytes(choose.choice([1, 100, 65_536, 100_000]))
                kind = choose.choice([bytes, bytearray, memoryview])
                assert file.pwrite(kind(data), offset) == len(data)
                model.extend(bytes(max(0, offset - len(model))))
                model[offset : offset + len(data)] = data
            assert file.size == len(model)
            start = choose.randrange(len(model) + 1)
            assert file.pread(70_000, start) == model[start : start + 70_000]
    assert subject.read("sub/pattern.bin") == model


@needs(WRITE)
def test_many_small_writes(subject: Subject) -> None:
    node = subject.fs.create(subject.fs.root, "log")
    with closing(subject.fs.open(node, write=True)) as file:
        for number in range(20_000):
            file.pwrite(b"%06d" % number, number * 6)
    assert subject.read("log") == b"".join(b"%06d" % number for number in range(20_000))


@needs(WRITE)
def test_append_says_where(subject: Subject) -> None:
    with closing(subject.open("hello.txt", write=True)) as file:
        assert file.append(b"more") == (6, 4)
        assert file.append(memoryview(b"!")) == (10, 1)
    assert subject.read("hello.txt") == b"hello\nmore!"


@needs(WRITE)
def test_two_writers_see_each_other(subject: Subject) -> None:
    with (
        closing(subject.open("hello.txt", True)) as first,
        closing(subject.open("hello.txt", True)) as second,
    ):
        first.pwrite(b"J", 0)
        assert second.pread(6, 0) == b"Jello\n"
        second.truncate(1)
        assert first.size == 1


@needs(WRITE)
def test_truncated_bytes_do_not_come_back(subject: Subject) -> None:
    node = subject.find("sub/pattern.bin")
    for size in (70_000, 65_536, 10, 0):
        subject.fs.truncate(node, size)
        subject.fs.truncate(node, 200_000)
        assert subject.read("sub/pattern.bin") == PATTERN[:size] + bytes(200_000 - size)


@needs(WRITE)
def test_truncate_errors(subject: Subject) -> None:
    fs = subject.fs
    with closing(subject.open("hello.txt", write=True)) as file, fails(Errno.EINVAL):
        file.truncate(-1)
    with fails(Errno.EISDIR):
        fs.truncate(subject.find("sub"), 0)
    with fails(Errno.ELOOP):
        fs.truncate(subject.find("link"), 0)
    assert subject.read("hello.txt") == b"hello\n"


@needs(WRITE)
def test_offsets_beyond_the_largest_file_efbig(subject: Subject) -> None:
    with closing(subject.open("hello.txt", write=True)) as file:
        with fails(Errno.EFBIG):
            file.pwrite(b"xy", (1 << 63) - 1)
        with fails(Errno.EFBIG):
            file.pwrite(b"x", (1 << 64) - 1)
        with fails(Errno.EFBIG):
            file.truncate(1 << 63)
        with fails(Errno.EFBIG):
            file.allocate(1 << 63, 1 << 63)
        assert file.size == 6


@needs(WRITE)
def test_allocate_grows_and_never_shrinks(subject: Subject) -> None:
    with closing(subject.open("hello.txt", write=True)) as file:
        file.allocate(0, 3)
        assert file.size == 6
        file.allocate(4, 6)
        assert file.pread(20, 0) == b"hello\n" + bytes(4)
        for offset, length in ((0, 0), (0, -1), (-1, 5)):
            with fails(Errno.EINVAL):
                file.allocate(offset, length)


@needs(WRITE)
def test_times_are_kept_to_the_nanosecond(subject: Subject) -> None:
    fs, node = subject.fs, subject.find("hello.txt")
    fs.set_times(node, 1_000_000_001, 2_000_000_002)
    found = fs.stat(node)
    assert (found.atime_ns, found.mtime_ns) == (1_000_000_001, 2_000_000_002)
    fs.set_times(node, None, 3_000_000_003)
    with closing(subject.open("hello.txt", write=True)) as file:
        assert (file.stat().atime_ns, file.stat().mtime_ns) == (1_000_000_001, 3_000_000_003)
        file.set_times(4_000_000_004, None)
    found = fs.stat(node)
    assert (found.atime_ns, found.mtime_ns) == (4_000_000_004, 3_000_000_003)


@needs(WRITE)
def test_times_of_directories_and_symlinks(subject: Subject) -> None:
    fs = subject.fs
    for path in ("sub", "link"):
        fs.set_times(subject.find(path), 5, 6)
        found = fs.stat(subject.find(path))
        assert (found.atime_ns, found.mtime_ns) == (5, 6)
    assert fs.stat(subject.find("hello.txt")).mtime_ns > 6


@needs(WRITE)
def test_changes_move_the_times(subject: Subject) -> None:
    fs = subject.fs
    node = subject.find("hello.txt")
    changes: list[Callable[[File], object]] = [
        lambda file: file.pwrite(b"x", 0),
        lambda file: file.truncate(2),
    ]
    for change in changes:
        fs.set_times(node, 1, 1)
        with closing(fs.open(node, write=True)) as file:
            change(file)
        assert fs.stat(node).mtime_ns > 1
        assert fs.stat(node).atime_ns == 1
    for act in (
        lambda: fs.create(fs.root, "a"),
        lambda: fs.rename(fs.root, "a", fs.root, "b"),
        lambda: fs.unlink(fs.root, "b"),
    ):
        fs.set_times(fs.root, 1, 1)
        act()
        assert fs.stat(fs.root).mtime_ns > 1


@needs(WRITE, Capability.FIXED_CLOCK)
def test_reading_moves_no_times(subject: Subject) -> None:
    before = subject.fs.stat(subject.find("hello.txt"))
    subject.read("hello.txt")
    subject.names(subject.fs.root)
    assert subject.fs.stat(subject.find("hello.txt")) == before


@needs(WRITE)
def test_mode_keeps_permission_bits_only(subject: Subject) -> None:
    for path in ("hello.txt", "sub"):
        subject.fs.set_mode(subject.find(path), 0o4750)
        assert subject.fs.stat(subject.find(path)).mode == 0o750


@needs(WRITE)
def test_mkdir_and_rmdir_count_links(subject: Subject) -> None:
    fs = subject.fs
    sub = subject.find("sub")
    before = fs.stat(sub).nlink
    new = fs.mkdir(sub, "new")
    assert fs.stat(new).nlink == 2
    assert fs.stat(sub).nlink == before + 1
    assert fs.parent(new) == sub
    fs.rmdir(sub, "new")
    assert fs.stat(sub).nlink == before
    with fails(Errno.ENOENT):
        fs.stat(new)


@needs(WRITE)
@pytest.mark.parametrize(
    ("name", "errno"),
    [
        ("sub", Errno.ENOTEMPTY),
        ("hello.txt", Errno.ENOTDIR),
        ("link", Errno.ENOTDIR),
        ("missing", Errno.ENOENT),
    ],
)
def test_rmdir_errors(subject: Subject, name: str, errno: Errno) -> None:
    with fails(errno):
        subject.fs.rmdir(subject.fs.root, name)


@needs(WRITE)
@pytest.mark.parametrize(("name", "errno"), [("sub", Errno.EISDIR), ("missing", Errno.ENOENT)])
def test_unlink_errors(subject: Subject, name: str, errno: Errno) -> None:
    with fails(errno):
        subject.fs.unlink(subject.fs.root, name)


@needs(WRITE)
def test_unlink_of_a_symlink_leaves_its_target(subject: Subject) -> None:
    subject.fs.unlink(subject.fs.root, "link")
    assert subject.fs.lookup(subject.fs.root, "link") is None
    assert subject.read("hello.txt") == b"hello\n"


@needs(WRITE)
@pytest.mark.parametrize("remove", ["unlink", "rename over"])
def test_open_file_outlives_its_name(subject: Subject, remove: str) -> None:
    fs = subject.fs
    file = subject.open("hello.txt", write=True)
    if remove == "unlink":
        fs.unlink(fs.root, "hello.txt")
        assert fs.lookup(fs.root, "hello.txt") is None
    else:
        fs.rename(fs.root, "empty", fs.root, "hello.txt")
        assert subject.read("hello.txt") == b""
    assert file.pread(10, 0) == b"hello\n"
    assert file.append(b"still here") == (6, 10)
    assert file.pread(20, 0) == b"hello\nstill here"
    assert (file.stat().nlink, file.stat().size) == (0, 16)
    file.close()


@needs(WRITE)
def test_hard_links_are_one_file(subject: Subject) -> None:
    fs = subject.fs
    fs.link(subject.find("hello.txt"), subject.find("sub"), "other")
    assert fs.stat(subject.find("hello.txt")).nlink == 2
    assert fs.stat(subject.find("sub/other")).inode == fs.stat(subject.find("hello.txt")).inode
    with closing(subject.open("sub/other", write=True)) as file:
        file.pwrite(b"J", 0)
    assert subject.read("hello.txt") == b"Jello\n"
    fs.unlink(fs.root, "hello.txt")
    assert subject.read("sub/other") == b"Jello\n"
    assert fs.stat(subject.find("sub/other")).nlink == 1


@needs(WRITE)
def test_hard_link_to_a_directory_eperm(subject: Subject) -> None:
    with fails(Errno.EPERM):
        subject.fs.link(subject.find("sub"), subject.fs.root, "other")


@needs(WRITE)
def test_hard_link_to_a_symlink_is_the_symlink(subject: Subject) -> None:
    fs = subject.fs
    fs.link(subject.find("link"), fs.root, "other")
    assert fs.readlink(subject.find("other")) == "hello.txt"
    fs.unlink(fs.root, "link")
    assert fs.readlink(subject.find("other")) == "hello.txt"


@needs(WRITE)
@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "loop", "a" * 4000, "\udcff", "dir/"])
def test_symlink_targets_are_kept_as_given(subject: Subject, target: str) -> None:
    node = subject.fs.symlink(subject.fs.root, "loop", target)
    assert subject.fs.readlink(node) == target


@needs(WRITE)
@pytest.mark.parametrize(
    ("target", "errno"), [("", Errno.ENOENT), ("a\0b", Errno.EINVAL), ("a" * 4096, Errno.ENAMETOOLONG)]
)
def test_symlink_targets_that_are_refused(subject: Subject, target: str, errno: Errno) -> None:
    with fails(errno):
        subject.fs.symlink(subject.fs.root, "new", target)


@needs(WRITE)
def test_rename_moves_files_and_trees(subject: Subject) -> None:
    fs = subject.fs
    fs.rename(fs.root, "hello.txt", subject.find("vacant"), "moved")
    assert subject.read("vacant/moved") == b"hello\n"
    fs.rename(fs.root, "sub", subject.find("vacant"), "sub")
    assert subject.read("vacant/sub/deep/leaf.txt") == b"leaf"
    assert fs.parent(subject.find("vacant/sub")) == subject.find("vacant")
    assert subject.names(fs.root) == ["empty", "link", "vacant"]


@needs(WRITE)
def test_rename_replaces(subject: Subject) -> None:
    fs = subject.fs
    fs.rename(fs.root, "hello.txt", fs.root, "empty")
    assert subject.read("empty") == b"hello\n"
    fs.rename(fs.root, "sub", fs.root, "vacant")
    assert subject.names(subject.find("vacant")) == ["deep", "pattern.bin"]
    fs.rename(fs.root, "empty", fs.root, "link")
    assert subject.read("link") == b"hello\n"
    assert subject.names(fs.root) == ["link", "vacant"]


@needs(WRITE)
@pytest.mark.parametrize(
    ("old", "new_directory", "new", "errno"),
    [
        ("missing", "", "x", Errno.ENOENT),
        ("hello.txt", "", "vacant", Errno.EISDIR),
        ("hello.txt", "", "sub", Errno.EISDIR),
        ("vacant", "", "hello.txt", Errno.ENOTDIR),
        ("vacant", "", "link", Errno.ENOTDIR),
        ("vacant", "", "sub", Errno.ENOTEMPTY),
        ("sub", "sub", "inside", Errno.EINVAL),
        ("sub", "sub/deep", "inside", Errno.EINVAL),
        ("sub", "sub", "deep", Errno.EINVAL),
    ],
)
def test_rename_errors(subject: Subject, old: str, new_directory: str, new: str, errno: Errno) -> None:
    fs = subject.fs
    before = subject.names(fs.root), subject.names(subject.find("sub"))
    directory = subject.find(new_directory) if new_directory else fs.root
    with fails(errno):
        fs.rename(fs.root, old, directory, new)
    assert (subject.names(fs.root), subject.names(subject.find("sub"))) == before


@needs(WRITE)
def test_rename_of_an_entry_over_the_directory_it_is_in_enotempty(subject: Subject) -> None:
    fs = subject.fs
    for name in ("deep", "pattern.bin"):
        with fails(Errno.ENOTEMPTY):
            fs.rename(subject.find("sub"), name, fs.root, "sub")


@needs(WRITE)
def test_rename_between_names_of_one_file_does_nothing(subject: Subject) -> None:
    fs = subject.fs
    fs.link(subject.find("hello.txt"), fs.root, "other")
    fs.rename(fs.root, "hello.txt", fs.root, "other")
    fs.rename(fs.root, "hello.txt", fs.root, "hello.txt")
    assert subject.read("hello.txt") == subject.read("other") == b"hello\n"
    assert fs.stat(subject.find("other")).nlink == 2


@needs(WRITE, Capability.NODES)
def test_nodes_survive_renames(subject: Subject) -> None:
    fs = subject.fs
    deep, leaf = subject.find("sub/deep"), subject.find("sub/deep/leaf.txt")
    fs.rename(fs.root, "sub", subject.find("vacant"), "sub")
    assert fs.lookup(deep, "leaf.txt") == fs.readdir(deep)[0]
    assert fs.stat(leaf).size == 4
    assert fs.parent(fs.parent(deep)) == subject.find("vacant")


@needs(WRITE)
def test_readdir_cookies_survive_insertions_and_removals(subject: Subject) -> None:
    fs, vacant = subject.fs, subject.find("vacant")
    for number in range(50):
        fs.create(vacant, f"old{number}")
    listing = fs.readdir(vacant)
    seen, rest = listing[:20], listing[20:]
    removed = {seen[3].name, seen[19].name, rest[0].name, rest[7].name}
    for name in removed:
        fs.unlink(vacant, name)
    for number in range(50):
        fs.create(vacant, f"new{number}")
    later = [entry for entry in fs.readdir(vacant, seen[-1].cookie) if entry.name.startswith("old")]
    assert later == [entry for entry in rest if entry.name not in removed]


@needs(WRITE)
def test_sync_works(subject: Subject) -> None:
    with closing(subject.open("hello.txt", write=True)) as file:
        file.pwrite(b"J", 0)
        file.sync()
    subject.fs.sync()
    assert subject.read("hello.txt") == b"Jello\n"
