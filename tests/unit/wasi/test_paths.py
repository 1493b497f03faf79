from __future__ import annotations

import pytest

from pywasm_sandbox._wasi import abi
from pywasm_sandbox._wasi.errnos import (
    BADF,
    BUSY,
    EXIST,
    FAULT,
    ILSEQ,
    INVAL,
    ISDIR,
    LOOP,
    NAMETOOLONG,
    NOENT,
    NOTCAPABLE,
    NOTDIR,
    NOTEMPTY,
    PERM,
)
from tests.wasi.guest import BUFFER, MEMORY_BYTES, PATH, PATH2, READ, RESULT, ROOT_FD, WRITE, DirectGuest

CREAT, DIRECTORY, EXCL, TRUNC = abi.OFLAGS_CREAT, abi.OFLAGS_DIRECTORY, abi.OFLAGS_EXCL, abi.OFLAGS_TRUNC
NOW = 1_700_000_000_123_456_789


@pytest.fixture
def tree(guest: DirectGuest) -> DirectGuest:
    """f (abc), d/, d/g, l -> f, dl -> d, dangling -> nowhere, loop -> itself, up -> ../../f,
    absolute -> /d/g.
    """
    guest.make(b"f", b"abc")
    assert guest.on_path("path_create_directory", b"d") == 0
    guest.make(b"d/g", b"inner")
    for target, name in (
        (b"f", b"l"),
        (b"d", b"dl"),
        (b"nowhere", b"dangling"),
        (b"loop", b"loop"),
        (b"../../f", b"up"),
        (b"/d/g", b"absolute"),
    ):
        assert guest.symlink(target, name) == 0
    return guest


# -- path_open -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "oflags", "rights", "errno"),
    [
        (b"f", 0, READ, 0),
        (b"./f", 0, READ, 0),
        (b"d/../f", 0, READ, 0),
        (b"d//g", 0, READ, 0),
        (b"../../f", 0, READ, 0),
        (b"l", 0, READ, 0),
        (b"up", 0, READ, 0),
        (b"absolute", 0, READ, 0),
        (b"dl/g", 0, READ, 0),
        (b"f", 0, 0, 0),
        (b"d", 0, READ, 0),
        (b"d/", 0, READ, 0),
        (b"dl/", 0, READ, 0),
        (b".", 0, READ, 0),
        (b"d", DIRECTORY, READ, 0),
        (b"no", 0, READ, NOENT),
        (b"no/x", CREAT, READ, NOENT),
        (b"", 0, READ, NOENT),
        (b"f/", 0, READ, NOTDIR),
        (b"f/.", 0, READ, NOTDIR),
        (b"f/x", CREAT, READ, NOTDIR),
        (b"l/", 0, READ, NOTDIR),
        (b"f", DIRECTORY, READ, NOTDIR),
        (b"l", DIRECTORY, READ, NOTDIR),
        (b"d", 0, WRITE, ISDIR),
        (b"d", TRUNC, READ, ISDIR),
        (b"d", CREAT, READ, ISDIR),
        (b".", CREAT, READ, ISDIR),
        (b"new/", CREAT, WRITE, ISDIR),
        (b"dangling", 0, READ, NOENT),
        (b"loop", 0, READ, LOOP),
        (b"f", CREAT | EXCL, WRITE, EXIST),
        (b"d", CREAT | EXCL, WRITE, EXIST),
        (b"d/", CREAT | EXCL, WRITE, ISDIR),
        (b"dangling", CREAT | EXCL, WRITE, EXIST),
        (b"f", EXCL, READ, 0),
        (b"f", DIRECTORY | CREAT, READ, INVAL),
        (b"f", DIRECTORY | EXCL, READ, INVAL),
        (b"f", DIRECTORY | TRUNC, READ, INVAL),
        (b"/f", 0, READ, PERM),
        (b"/", 0, READ, PERM),
        (b"a\0b", 0, READ, INVAL),
        (b"f\0", 0, READ, INVAL),
        (b"\xff", 0, READ, ILSEQ),
        (b"\xed\xa0\x80", 0, READ, ILSEQ),
        (b"\xc0\xae\xc0\xae/f", 0, READ, ILSEQ),
        (b"a" * 256, 0, READ, NAMETOOLONG),
        (b"a" * 255, 0, READ, NOENT),
        (b"./" * 2048, 0, READ, 0),
        (b"./" * 2049, 0, READ, NAMETOOLONG),
    ],
)
def test_path_open(tree: DirectGuest, path: bytes, oflags: int, rights: int, errno: int) -> None:
    before = len(tree.host.fds)
    assert tree.path_open(path, oflags=oflags, rights=rights) == errno
    assert len(tree.host.fds) == before + (errno == 0)
    assert tree.content(b"f") == b"abc"


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        (b"f", 0),
        (b"d", 0),
        (b"l", LOOP),
        (b"dl", LOOP),
        (b"dl/", 0),
        (b"dl/g", 0),
        (b"dangling", LOOP),
        (b"no", NOENT),
    ],
)
def test_path_open_without_following(tree: DirectGuest, path: bytes, errno: int) -> None:
    assert tree.path_open(path, rights=READ, follow=False) == errno


def test_path_open_creates(tree: DirectGuest) -> None:
    with tree.only_writes((PATH, 3), (RESULT, 4)):
        assert tree.path_open(b"new", oflags=CREAT | EXCL) == 0
    fd = tree.u32()
    assert tree.fd_write(fd, b"x") == (0, 1)
    assert tree.content(b"new") == b"x"
    assert tree.path_open(b"d/h", oflags=CREAT, rights=READ) == 0
    assert tree.stat(b"d/h").size == 0


def test_path_open_creates_through_a_dangling_symlink(tree: DirectGuest) -> None:
    assert tree.path_open(b"dangling", oflags=CREAT) == 0
    assert tree.stat(b"nowhere").filetype == abi.FILETYPE_REGULAR_FILE


def test_path_open_truncates_even_for_reading(tree: DirectGuest) -> None:
    fd = tree.opened(b"f", oflags=TRUNC, rights=READ)
    assert tree.stat(b"f").size == 0
    assert tree.fd_write(fd, b"x")[0] == BADF


def test_creating_for_reading_does_not_allow_writing(tree: DirectGuest) -> None:
    fd = tree.opened(b"new", oflags=CREAT, rights=READ)
    assert tree.fd_write(fd, b"x")[0] == BADF
    assert tree.fd_read(fd, 1) == (0, b"")


def test_path_open_relative_to_a_directory_fd(tree: DirectGuest) -> None:
    directory = tree.opened(b"d", rights=READ)
    fd = tree.opened(b"g", rights=READ, fd=directory)
    assert tree.fd_read(fd, 10) == (0, b"inner")
    fd = tree.opened(b"../f", rights=READ, fd=directory)
    assert tree.fd_read(fd, 10) == (0, b"abc")


def test_path_open_from_something_else(tree: DirectGuest) -> None:
    assert tree.path_open(b"f", fd=tree.opened(b"f")) == NOTDIR
    assert tree.path_open(b"f", fd=1) == BADF
    assert tree.path_open(b"f", fd=99) == BADF


@pytest.mark.parametrize(
    ("index", "value"),
    [(1, 2), (1, 0xFFFF_FFFF), (4, 0x10), (4, 0x10000), (5, 1 << 30), (6, 1 << 63), (7, 0x20), (7, 0x10000)],
)
def test_path_open_unknown_flag_inval(tree: DirectGuest, index: int, value: int) -> None:
    arguments = [ROOT_FD, 1, *tree.path(b"f"), 0, READ, READ, 0, RESULT]
    arguments[index] = value
    assert tree.call("path_open", *arguments) == INVAL


def test_path_open_bad_pointers_efault_and_leave_no_file(tree: DirectGuest) -> None:
    ptr, length = tree.path(b"new")
    for bad_ptr, bad_length in (
        (MEMORY_BYTES - 2, 3),
        (0xFFFF_FFFF, 3),
        (ptr, MEMORY_BYTES),
        (ptr, 0xFFFF_FFFF),
    ):
        with tree.only_writes():
            assert (
                tree.call("path_open", ROOT_FD, 0, bad_ptr, bad_length, CREAT, WRITE, 0, 0, RESULT) == FAULT
            )
    for result in (MEMORY_BYTES - 3, MEMORY_BYTES, 0xFFFF_FFFF):
        with tree.only_writes():
            assert tree.call("path_open", ROOT_FD, 0, ptr, length, CREAT, WRITE, 0, 0, result) == FAULT
    assert tree.path_open(b"new", rights=READ) == NOENT


def test_inherited_rights_can_be_given_up(tree: DirectGuest) -> None:
    directory = tree.opened(b"d", rights=READ)
    assert tree.path_open(b"g", fd=directory) == 0  # positive control
    base = tree.fd_fdstat_get(directory).rights_base
    reading = abi.RIGHTS_ALL & ~abi.RIGHTS_FD_WRITE & ~abi.RIGHTS_FD_FILESTAT_SET_SIZE
    assert tree.call("fd_fdstat_set_rights", directory, base & ~abi.RIGHTS_PATH_CREATE_FILE, reading) == 0
    assert tree.path_open(b"g", fd=directory) == NOTCAPABLE
    assert tree.path_open(b"g", fd=directory, rights=READ, oflags=TRUNC) == NOTCAPABLE
    assert tree.path_open(b"new", fd=directory, rights=READ, oflags=CREAT) == NOTCAPABLE
    fd = tree.opened(b"g", fd=directory, rights=READ)
    assert tree.fd_fdstat_get(fd).rights_base == reading
    assert tree.call("fd_fdstat_set_rights", directory, 0, 0) == 0
    assert tree.path_open(b"g", fd=directory, rights=READ) == NOTCAPABLE


# -- path_filestat_get, path_filestat_set_times --------------------------------------------------------------


def test_path_filestat_get(tree: DirectGuest) -> None:
    with tree.only_writes((PATH, 1), (BUFFER, 64)):
        assert tree.stat(b"f")[2:5] == (abi.FILETYPE_REGULAR_FILE, 1, 3)
    assert tree.stat(b"d").filetype == abi.FILETYPE_DIRECTORY
    assert tree.stat(b"d/").filetype == abi.FILETYPE_DIRECTORY
    assert tree.stat(b".").filetype == abi.FILETYPE_DIRECTORY
    assert tree.stat(b"l").ino == tree.stat(b"f").ino
    link = tree.stat(b"l", follow=False)
    assert (link.filetype, link.size) == (abi.FILETYPE_SYMBOLIC_LINK, 1)
    assert tree.stat(b"dl/", follow=False).filetype == abi.FILETYPE_DIRECTORY


@pytest.mark.parametrize(
    ("path", "flags", "errno"),
    [
        (b"no", 0, NOENT),
        (b"", 0, NOENT),
        (b"dangling", 1, NOENT),
        (b"loop", 1, LOOP),
        (b"l/", 0, NOTDIR),
        (b"f/x", 0, NOTDIR),
        (b"/f", 0, PERM),
        (b"f", 2, INVAL),
        (b"\xff", 0, ILSEQ),
    ],
)
def test_path_filestat_get_refusals(tree: DirectGuest, path: bytes, flags: int, errno: int) -> None:
    with tree.only_writes((PATH, len(path))):
        assert tree.call("path_filestat_get", ROOT_FD, flags, *tree.path(path), BUFFER) == errno


def test_path_filestat_set_times(tree: DirectGuest) -> None:
    assert tree.call("path_filestat_set_times", ROOT_FD, 1, *tree.path(b"l"), 5, 7, 5) == 0
    assert tree.stat(b"f")[5:7] == (5, 7)
    assert tree.call("path_filestat_set_times", ROOT_FD, 0, *tree.path(b"l"), 8, 9, 1 | 8) == 0
    assert tree.stat(b"l", follow=False)[5:7] == (8, NOW)
    assert tree.stat(b"f")[5:7] == (5, 7)


@pytest.mark.parametrize(
    ("lookup", "flags", "errno"), [(0, 3, INVAL), (0, 12, INVAL), (0, 16, INVAL), (2, 5, INVAL), (0, 5, 0)]
)
def test_path_filestat_set_times_flags(tree: DirectGuest, lookup: int, flags: int, errno: int) -> None:
    assert tree.call("path_filestat_set_times", ROOT_FD, lookup, *tree.path(b"f"), 5, 7, flags) == errno


# -- directories and names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        (b"new", 0),
        (b"new/", 0),
        (b"d/new", 0),
        (b"d", EXIST),
        (b"f", EXIST),
        (b"dangling", EXIST),
        (b".", EXIST),
        (b"..", EXIST),
        (b"no/new", NOENT),
        (b"f/new", NOTDIR),
        (b"", NOENT),
        (b"/new", PERM),
        (b"a\0", INVAL),
        (b"x" * 256, NAMETOOLONG),
    ],
)
def test_path_create_directory(tree: DirectGuest, path: bytes, errno: int) -> None:
    assert tree.on_path("path_create_directory", path) == errno
    if errno == 0:
        assert tree.stat(path).filetype == abi.FILETYPE_DIRECTORY


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        (b"d", NOTEMPTY),
        (b"f", NOTDIR),
        (b"dl", NOTDIR),
        (b"no", NOENT),
        (b".", INVAL),
        (b"d/.", INVAL),
        (b"", NOENT),
        (b"/d", PERM),
    ],
)
def test_path_remove_directory_refusals(tree: DirectGuest, path: bytes, errno: int) -> None:
    assert tree.on_path("path_remove_directory", path) == errno


def test_path_remove_directory(tree: DirectGuest) -> None:
    assert tree.on_path("path_unlink_file", b"d/g") == 0
    assert tree.on_path("path_remove_directory", b"d/") == 0
    assert tree.path_open(b"d", rights=READ) == NOENT


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        (b"f", 0),
        (b"dangling", 0),
        (b"d", ISDIR),
        (b"d/", ISDIR),
        (b".", ISDIR),
        (b"f/", NOTDIR),
        (b"no", NOENT),
        (b"", NOENT),
        (b"/f", PERM),
    ],
)
def test_path_unlink_file(tree: DirectGuest, path: bytes, errno: int) -> None:
    assert tree.on_path("path_unlink_file", path) == errno
    if errno == 0:
        assert tree.call("path_filestat_get", ROOT_FD, 0, *tree.path(path), BUFFER) == NOENT


def test_unlinking_a_symlink_leaves_its_target(tree: DirectGuest) -> None:
    assert tree.on_path("path_unlink_file", b"l") == 0
    assert tree.content(b"f") == b"abc"


@pytest.mark.parametrize(
    ("old", "new", "errno"),
    [
        (b"f", b"h", 0),
        (b"f", b"d/g", 0),
        (b"f", b"f", 0),
        (b"d", b"e", 0),
        (b"d", b"e/", 0),
        (b"l", b"m", 0),
        (b"f", b"d", ISDIR),
        (b"d", b"f", NOTDIR),
        (b"d", b"d/sub", INVAL),
        (b"no", b"h", NOENT),
        (b"f", b"no/h", NOENT),
        (b"f/", b"h", NOTDIR),
        (b"f", b"h/", NOTDIR),
        (b".", b"h", BUSY),
        (b"f", b"/h", PERM),
        (b"/f", b"h", PERM),
    ],
)
def test_path_rename(tree: DirectGuest, old: bytes, new: bytes, errno: int) -> None:
    before = None if errno else tree.stat(old, follow=False)
    assert tree.rename(old, new) == errno
    if before is not None:
        assert tree.stat(new.rstrip(b"/"), follow=False).ino == before.ino
        if old != new:
            assert tree.path_open(old, rights=READ) == NOENT


def test_path_rename_onto_a_directory_with_entries(tree: DirectGuest) -> None:
    assert tree.on_path("path_create_directory", b"e") == 0
    assert tree.rename(b"e", b"d") == NOTEMPTY
    assert tree.rename(b"d", b"e") == 0
    assert tree.content(b"e/g") == b"inner"


@pytest.mark.parametrize(
    ("old", "new", "flags", "errno"),
    [
        (b"f", b"h", 0, 0),
        (b"l", b"h", 0, 0),
        (b"l", b"h", 1, 0),
        (b"d", b"h", 0, PERM),
        (b"f", b"l", 0, EXIST),
        (b"no", b"h", 0, NOENT),
        (b"f", b"h/", 0, NOENT),
        (b"f/", b"h", 0, NOTDIR),
        (b"f", b"h", 2, INVAL),
        (b"/f", b"h", 0, PERM),
        (b"f", b"/h", 0, PERM),
    ],
)
def test_path_link(tree: DirectGuest, old: bytes, new: bytes, flags: int, errno: int) -> None:
    assert tree.link(old, new, flags) == errno
    if errno == 0:
        assert tree.stat(new, follow=False).ino == tree.stat(old, follow=bool(flags)).ino
        assert tree.stat(new, follow=False).nlink == 2


@pytest.mark.parametrize(
    ("target", "path", "errno"),
    [
        (b"f", b"s", 0),
        (b"/anywhere/at/all", b"s", 0),
        (b"../../..", b"s", 0),
        (b"", b"s", NOENT),
        (b"f", b"l", EXIST),
        (b"f", b"d", EXIST),
        (b"f", b"s/", NOENT),
        (b"f", b"no/s", NOENT),
        (b"a\0b", b"s", INVAL),
        (b"\xff", b"s", ILSEQ),
        (b"f", b"/s", PERM),
        (b"t" * 4095, b"s", 0),
        (b"t" * 4096, b"s", NAMETOOLONG),
        (b"t" * 4097, b"s", NAMETOOLONG),
    ],
)
def test_path_symlink(tree: DirectGuest, target: bytes, path: bytes, errno: int) -> None:
    assert tree.symlink(target, path) == errno
    if errno == 0:
        assert tree.readlink(path) == (0, target)


def test_a_symlink_to_above_the_root_stays_in_it(tree: DirectGuest) -> None:
    assert tree.symlink(b"../../../../..", b"d/top") == 0
    assert tree.stat(b"d/top").ino == tree.stat(b".").ino


def test_path_readlink_cuts_at_the_buffer(tree: DirectGuest) -> None:
    with tree.only_writes((PATH, 2), (BUFFER, 3), (RESULT, 4)):
        assert tree.readlink(b"up", 3) == (0, b"../")
    with tree.only_writes((PATH, 2), (RESULT, 4)):
        assert tree.readlink(b"up", 0) == (0, b"")
    assert tree.readlink(b"up", 0xFFFF_FFFF) == (0, b"../../f")


@pytest.mark.parametrize(("path", "errno"), [(b"f", INVAL), (b"d", INVAL), (b"no", NOENT), (b"/l", PERM)])
def test_path_readlink_refusals(tree: DirectGuest, path: bytes, errno: int) -> None:
    assert tree.readlink(path)[0] == errno


def test_path_readlink_bad_buffer_efault(tree: DirectGuest) -> None:
    ptr, length = tree.path(b"up")
    with tree.only_writes():
        assert tree.call("path_readlink", ROOT_FD, ptr, length, MEMORY_BYTES - 1, 10, RESULT) == FAULT
        assert tree.call("path_readlink", ROOT_FD, ptr, length, BUFFER, 10, MEMORY_BYTES - 3) == FAULT


# -- what all of them share ----------------------------------------------------------------------------------

ONE_PATH = {
    "path_create_directory": abi.RIGHTS_PATH_CREATE_DIRECTORY,
    "path_remove_directory": abi.RIGHTS_PATH_REMOVE_DIRECTORY,
    "path_unlink_file": abi.RIGHTS_PATH_UNLINK_FILE,
}


@pytest.mark.parametrize("function", ONE_PATH)
def test_path_functions_need_a_directory_fd(tree: DirectGuest, function: str) -> None:
    for fd in (0, 99, tree.opened(b"f")):
        assert tree.on_path(function, b"x", fd) == BADF


def test_two_path_functions_need_directory_fds(tree: DirectGuest) -> None:
    old, new = tree.path(b"f"), tree.path(b"h", PATH2)
    for fd in (0, 99, tree.opened(b"f")):
        assert tree.call("path_rename", fd, *old, ROOT_FD, *new) == BADF
        assert tree.call("path_rename", ROOT_FD, *old, fd, *new) == BADF
        assert tree.call("path_link", fd, 0, *old, ROOT_FD, *new) == BADF
        assert tree.call("path_link", ROOT_FD, 0, *old, fd, *new) == BADF
        assert tree.call("path_symlink", *old, fd, *new) == BADF
        assert tree.call("path_readlink", fd, *old, BUFFER, 10, RESULT) == BADF
        assert tree.call("path_filestat_get", fd, 0, *old, BUFFER) == BADF
        assert tree.call("path_filestat_set_times", fd, 0, *old, 5, 7, 5) == BADF
    assert tree.content(b"f") == b"abc"


def test_path_functions_need_their_rights(tree: DirectGuest) -> None:
    assert tree.call("fd_fdstat_set_rights", ROOT_FD, 0, 0) == 0
    old, new = tree.path(b"f"), tree.path(b"h", PATH2)
    assert tree.call("path_rename", ROOT_FD, *old, ROOT_FD, *new) == NOTCAPABLE
    assert tree.call("path_link", ROOT_FD, 0, *old, ROOT_FD, *new) == NOTCAPABLE
    assert tree.call("path_symlink", *old, ROOT_FD, *new) == NOTCAPABLE
    assert tree.call("path_readlink", ROOT_FD, *old, BUFFER, 10, RESULT) == NOTCAPABLE
    assert tree.call("path_filestat_get", ROOT_FD, 0, *old, BUFFER) == NOTCAPABLE
    assert tree.call("path_filestat_set_times", ROOT_FD, 0, *old, 5, 7, 5) == NOTCAPABLE
    for function in ONE_PATH:
        assert tree.on_path(function, b"h") == NOTCAPABLE
    assert tree.path_open(b"f", rights=READ) == NOTCAPABLE
    assert tree.call("fd_readdir", ROOT_FD, BUFFER, 100, 0, RESULT) == NOTCAPABLE


def test_a_huge_path_is_nametoolong_if_it_exists_and_efault_if_not(tree: DirectGuest) -> None:
    assert tree.call("path_unlink_file", ROOT_FD, 0, MEMORY_BYTES) == NAMETOOLONG
    assert tree.call("path_unlink_file", ROOT_FD, 0, MEMORY_BYTES + 1) == FAULT
    assert tree.call("path_unlink_file", ROOT_FD, 0, 0xFFFF_FFFF) == FAULT
