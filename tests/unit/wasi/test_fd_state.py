"""Offsets, sizes, times, flags, rights, and the numbers of fds."""

from __future__ import annotations

import pytest

from pywasm_sandbox._wasi import abi
from pywasm_sandbox._wasi.errnos import (
    BADF,
    FAULT,
    FBIG,
    INVAL,
    MFILE,
    NAMETOOLONG,
    NOENT,
    NOSPC,
    NOTCAPABLE,
    NOTDIR,
    SPIPE,
)
from tests.wasi.guest import BUFFER, MEMORY_BYTES, READ, RESULT, ROOT_FD, DirectGuest, Fdstat, Filestat

CREAT = abi.OFLAGS_CREAT
SET, CUR, END = abi.WHENCE_SET, abi.WHENCE_CUR, abi.WHENCE_END
NOW = 1_700_000_000_123_456_789


@pytest.fixture
def fd(guest: DirectGuest) -> int:
    """A file of ten bytes."""
    guest.make(b"f", b"0123456789")
    return guest.opened(b"f")


# -- fd_seek, fd_tell ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "whence", "expected"),
    [
        (5, SET, 5),
        (0, SET, 0),
        (100, SET, 100),
        (2, CUR, 6),
        (-4, CUR, 0),
        (-1, END, 9),
        (0, END, 10),
        (7, END, 17),
    ],
)
def test_fd_seek(guest: DirectGuest, fd: int, offset: int, whence: int, expected: int) -> None:
    guest.fd_seek(fd, 4)
    assert guest.fd_seek(fd, offset, whence) == (0, expected)
    assert guest.fd_tell(fd) == expected


@pytest.mark.parametrize(
    ("offset", "whence"),
    [
        (-1, SET),
        (-(1 << 63), SET),
        (-5, CUR),
        (-(1 << 63), CUR),
        ((1 << 63) - 4, CUR),
        (-11, END),
        ((1 << 63) - 1, END),
        (0, 3),
        (0, 0xFFFF_FFFF),
    ],
)
def test_fd_seek_out_of_range_inval(guest: DirectGuest, fd: int, offset: int, whence: int) -> None:
    guest.fd_seek(fd, 4)
    with guest.only_writes():
        assert guest.fd_seek(fd, offset, whence)[0] == INVAL
    assert guest.fd_tell(fd) == 4


def test_fd_seek_to_the_largest_offset(guest: DirectGuest, fd: int) -> None:
    assert guest.fd_seek(fd, abi.OFFSET_MAX) == (0, abi.OFFSET_MAX)
    assert guest.fd_read(fd, 10) == (0, b"")
    assert guest.fd_seek(fd, 1, CUR)[0] == INVAL


@pytest.mark.parametrize("stream", [0, 1, 2])
def test_seeking_stdio_spipe(guest: DirectGuest, stream: int) -> None:
    assert guest.fd_seek(stream, 0)[0] == SPIPE
    assert guest.call("fd_tell", stream, RESULT) == SPIPE


@pytest.mark.parametrize("bad", [ROOT_FD, 99])
def test_seeking_bad_fd_badf(guest: DirectGuest, bad: int) -> None:
    assert guest.fd_seek(bad, 0)[0] == BADF
    assert guest.call("fd_tell", bad, RESULT) == BADF


def test_fd_seek_bad_result_pointer_efault_and_does_not_move(guest: DirectGuest, fd: int) -> None:
    for ptr in (MEMORY_BYTES - 7, MEMORY_BYTES, 0xFFFF_FFFF):
        with guest.only_writes():
            assert guest.call("fd_seek", fd, 5, SET, ptr) == FAULT
            assert guest.call("fd_tell", fd, ptr) == FAULT
    assert guest.fd_tell(fd) == 0


def test_fd_seek_without_the_right_may_still_tell(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_fdstat_set_rights", fd, abi.RIGHTS_FD_TELL, 0) == 0
    assert guest.fd_seek(fd, 0, CUR) == (0, 0)
    assert guest.fd_seek(fd, 1, CUR)[0] == NOTCAPABLE
    assert guest.fd_seek(fd, 0, SET)[0] == NOTCAPABLE
    assert guest.fd_tell(fd) == 0
    assert guest.call("fd_fdstat_set_rights", fd, 0, 0) == 0
    assert guest.call("fd_tell", fd, RESULT) == NOTCAPABLE


# -- sizes ---------------------------------------------------------------------------------------------------


def test_fd_filestat_set_size_shrinks_and_grows_with_zeros(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_filestat_set_size", fd, 3) == 0
    assert guest.call("fd_filestat_set_size", fd, 5) == 0
    assert guest.fd_tell(fd) == 0
    assert guest.content(b"f") == b"012\0\0"


def test_fd_filestat_set_size_too_large(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_filestat_set_size", fd, 1 << 63) == INVAL
    assert guest.call("fd_filestat_set_size", fd, 1 << 62) in (FBIG, NOSPC)
    assert guest.call("fd_filestat_set_size", fd, 2 << 20) == NOSPC
    assert guest.stat(b"f").size == 10


def test_fd_filestat_set_size_refusals(guest: DirectGuest, fd: int) -> None:
    reading = guest.opened(b"f", rights=READ)
    assert guest.call("fd_filestat_set_size", reading, 3) == INVAL
    for bad in (0, 1, ROOT_FD, 99):
        assert guest.call("fd_filestat_set_size", bad, 3) == BADF
    assert guest.call("fd_fdstat_set_rights", fd, abi.RIGHTS_FD_WRITE, 0) == 0
    assert guest.call("fd_filestat_set_size", fd, 3) == NOTCAPABLE
    assert guest.stat(b"f").size == 10


def test_fd_allocate_grows_and_never_shrinks(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_allocate", fd, 0, 4) == 0
    assert guest.stat(b"f").size == 10
    assert guest.call("fd_allocate", fd, 8, 5) == 0
    assert guest.content(b"f") == b"0123456789\0\0\0"


@pytest.mark.parametrize(
    ("offset", "length", "errno"),
    [
        (0, 0, INVAL),
        (0, 1 << 63, FBIG),
        ((1 << 64) - 1, (1 << 64) - 1, FBIG),
        (abi.OFFSET_MAX, 1, FBIG),
        (0, 2 << 20, NOSPC),
    ],
)
def test_fd_allocate_refusals(guest: DirectGuest, fd: int, offset: int, length: int, errno: int) -> None:
    assert guest.call("fd_allocate", fd, offset, length) == errno
    assert guest.stat(b"f").size == 10


def test_fd_allocate_of_a_tebibyte_takes_no_memory(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_allocate", fd, 0, 1 << 40) in (FBIG, NOSPC)
    assert guest.stat(b"f").size == 10


def test_fd_allocate_bad_fd_badf(guest: DirectGuest, fd: int) -> None:
    for bad in (0, 1, ROOT_FD, 99, guest.opened(b"f", rights=READ)):
        assert guest.call("fd_allocate", bad, 0, 20) == BADF


@pytest.mark.parametrize("advice", range(6))
def test_fd_advise(guest: DirectGuest, fd: int, advice: int) -> None:
    assert guest.call("fd_advise", fd, 0, 100, advice) == 0
    assert guest.call("fd_advise", fd, 1 << 63, 0, advice) == 0


def test_fd_advise_refusals(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_advise", fd, 0, 0, 6) == INVAL
    assert guest.call("fd_advise", fd, 0, (1 << 64) - 1, 0) == INVAL
    for bad in (0, 1, ROOT_FD, 99):
        assert guest.call("fd_advise", bad, 0, 0, 0) == BADF


@pytest.mark.parametrize("function", ["fd_sync", "fd_datasync"])
def test_sync(guest: DirectGuest, fd: int, function: str) -> None:
    assert guest.call(function, fd) == 0
    assert guest.call(function, ROOT_FD) == 0
    assert guest.call(function, 1) == BADF
    assert guest.call(function, 99) == BADF


# -- attributes ----------------------------------------------------------------------------------------------


def test_fd_fdstat_get_of_stdio_is_no_terminal(guest: DirectGuest) -> None:
    for stream, right in ((0, abi.RIGHTS_FD_READ), (1, abi.RIGHTS_FD_WRITE), (2, abi.RIGHTS_FD_WRITE)):
        stat = guest.fd_fdstat_get(stream)
        assert (stat.filetype, stat.flags) == (abi.FILETYPE_CHARACTER_DEVICE, 0)
        assert stat.rights_base & (abi.RIGHTS_FD_READ | abi.RIGHTS_FD_WRITE) == right
        assert stat.rights_base & abi.RIGHTS_FD_SEEK


def test_fd_fdstat_get_of_the_root(guest: DirectGuest) -> None:
    assert guest.fd_fdstat_get(ROOT_FD) == Fdstat(abi.FILETYPE_DIRECTORY, 0, 129498624, 267911167)


def test_fd_fdstat_get_of_files_and_directories(guest: DirectGuest, fd: int) -> None:
    every = abi.RIGHTS_ALL
    regular = abi.FILETYPE_REGULAR_FILE
    assert guest.fd_fdstat_get(fd) == Fdstat(regular, 0, every, every)
    reading = every & ~abi.RIGHTS_FD_WRITE
    assert guest.fd_fdstat_get(guest.opened(b"f", rights=READ)) == Fdstat(regular, 0, reading, reading)
    writing = every & ~(abi.RIGHTS_FD_READ | abi.RIGHTS_FD_READDIR)
    only = guest.opened(b"f", rights=abi.RIGHTS_FD_WRITE, fdflags=abi.FDFLAGS_APPEND | abi.FDFLAGS_NONBLOCK)
    assert guest.fd_fdstat_get(only) == Fdstat(regular, 5, writing, writing)
    assert guest.on_path("path_create_directory", b"d") == 0
    directory = guest.opened(b"d", rights=READ)
    assert guest.fd_fdstat_get(directory) == Fdstat(abi.FILETYPE_DIRECTORY, 0, abi.RIGHTS_DIRECTORY, every)


def test_fd_fdstat_get_bad(guest: DirectGuest) -> None:
    assert guest.call("fd_fdstat_get", 99, BUFFER) == BADF
    with guest.only_writes():
        assert guest.call("fd_fdstat_get", 1, MEMORY_BYTES - 23) == FAULT


def test_fd_fdstat_set_flags(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_fdstat_set_flags", fd, abi.FDFLAGS_APPEND) == 0
    assert guest.fd_fdstat_get(fd).flags == abi.FDFLAGS_APPEND
    assert guest.fd_write(fd, b"!") == (0, 1)
    assert guest.call("fd_fdstat_set_flags", fd, 0) == 0
    assert guest.fd_fdstat_get(fd).flags == 0
    assert guest.content(b"f") == b"0123456789!"


def test_fd_fdstat_set_flags_refusals(guest: DirectGuest, fd: int) -> None:
    for flags in (abi.FDFLAGS_DSYNC, abi.FDFLAGS_SYNC, abi.FDFLAGS_RSYNC, 0x20, 0x10000, 0xFFFF_FFFF):
        assert guest.call("fd_fdstat_set_flags", fd, flags) == INVAL
    for bad in (0, 1, ROOT_FD, 99):
        assert guest.call("fd_fdstat_set_flags", bad, 0) == BADF
    synchronous = guest.opened(b"f", fdflags=abi.FDFLAGS_SYNC)
    assert guest.call("fd_fdstat_set_flags", synchronous, abi.FDFLAGS_SYNC | abi.FDFLAGS_APPEND) == 0
    assert guest.call("fd_fdstat_set_flags", synchronous, 0) == INVAL


def test_fd_fdstat_set_rights_only_removes(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_fdstat_set_rights", fd, abi.RIGHTS_ALL, READ) == 0
    assert guest.fd_fdstat_get(fd)[2:] == (abi.RIGHTS_ALL, READ)
    assert guest.call("fd_fdstat_set_rights", fd, READ, READ | abi.RIGHTS_FD_SEEK) == NOTCAPABLE
    assert guest.call("fd_fdstat_set_rights", fd, READ, 0) == 0
    assert guest.call("fd_fdstat_set_rights", fd, abi.RIGHTS_ALL, 0) == NOTCAPABLE
    assert guest.call("fd_fdstat_set_rights", fd, 1 << 30, 0) == INVAL
    assert guest.call("fd_fdstat_set_rights", 99, 0, 0) == BADF
    assert guest.fd_fdstat_get(fd)[2:] == (READ, 0)


def test_fd_filestat_get(guest: DirectGuest, fd: int) -> None:
    by_fd, by_path = guest.fd_filestat_get(fd), guest.stat(b"f")
    assert by_fd == by_path
    assert (by_fd.filetype, by_fd.nlink, by_fd.size) == (abi.FILETYPE_REGULAR_FILE, 1, 10)
    assert by_fd.ino > 0
    assert guest.fd_filestat_get(ROOT_FD).filetype == abi.FILETYPE_DIRECTORY
    assert guest.fd_filestat_get(1) == Filestat(0, 0, abi.FILETYPE_CHARACTER_DEVICE, 0, 0, 0, 0, 0)


def test_fd_filestat_get_of_an_unlinked_file(guest: DirectGuest, fd: int) -> None:
    assert guest.on_path("path_unlink_file", b"f") == 0
    stat = guest.fd_filestat_get(fd)
    assert (stat.nlink, stat.size) == (0, 10)
    assert guest.fd_read(fd, 100) == (0, b"0123456789")


def test_fd_filestat_get_bad(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_filestat_get", 99, BUFFER) == BADF
    with guest.only_writes():
        assert guest.call("fd_filestat_get", fd, MEMORY_BYTES - 63) == FAULT
        assert guest.call("fd_filestat_get", 1, MEMORY_BYTES - 63) == FAULT
    assert guest.call("fd_fdstat_set_rights", fd, 0, 0) == 0
    assert guest.call("fd_filestat_get", fd, BUFFER) == NOTCAPABLE


def test_times_that_u64_cannot_hold_are_clamped(guest: DirectGuest, fd: int) -> None:
    location = guest.host.open_fds[fd].location
    guest.host.namespace.set_times_of(location, -5, 1 << 70)
    stat = guest.fd_filestat_get(fd)
    assert (stat.atim, stat.mtim) == (0, (1 << 64) - 1)


@pytest.mark.parametrize(
    ("flags", "atim", "mtim"),
    [
        (1, 5, None),
        (2, NOW, None),
        (4, None, 7),
        (8, None, NOW),
        (5, 5, 7),
        (10, NOW, NOW),
        (9, 5, NOW),
        (0, None, None),
    ],
)
def test_fd_filestat_set_times(
    guest: DirectGuest, fd: int, flags: int, atim: int | None, mtim: int | None
) -> None:
    before = guest.fd_filestat_get(fd)
    assert guest.call("fd_filestat_set_times", fd, 5, 7, flags) == 0
    after = guest.fd_filestat_get(fd)
    assert after.atim == (before.atim if atim is None else atim)
    assert after.mtim == (before.mtim if mtim is None else mtim)


def test_fd_filestat_set_times_of_a_directory(guest: DirectGuest) -> None:
    assert guest.call("fd_filestat_set_times", ROOT_FD, 5, 7, 5) == 0
    assert guest.fd_filestat_get(ROOT_FD)[5:7] == (5, 7)


@pytest.mark.parametrize("flags", [3, 12, 15, 16, 0x10001, 0xFFFF_FFFF])
def test_fd_filestat_set_times_bad_flags_inval(guest: DirectGuest, fd: int, flags: int) -> None:
    assert guest.call("fd_filestat_set_times", fd, 5, 7, flags) == INVAL


def test_fd_filestat_set_times_bad_fd(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_filestat_set_times", 99, 5, 7, 5) == BADF
    assert guest.call("fd_filestat_set_times", 1, 5, 7, 5) == BADF
    assert guest.call("fd_fdstat_set_rights", fd, 0, 0) == 0
    assert guest.call("fd_filestat_set_times", fd, 5, 7, 5) == NOTCAPABLE


# -- preopens ------------------------------------------------------------------------------------------------


def test_fd_prestat(guest: DirectGuest) -> None:
    with guest.only_writes((BUFFER, 8)):
        assert guest.call("fd_prestat_get", ROOT_FD, BUFFER) == 0
    assert guest.read(BUFFER, 8) == b"\0\0\0\0\x01\0\0\0"
    with guest.only_writes((BUFFER, 1)):
        assert guest.call("fd_prestat_dir_name", ROOT_FD, BUFFER, 1) == 0
    assert guest.read(BUFFER, 1) == b"/"
    with guest.only_writes((BUFFER, 1)):
        assert guest.call("fd_prestat_dir_name", ROOT_FD, BUFFER, 0xFFFF_FFFF) == 0


def test_fd_prestat_refusals(guest: DirectGuest, fd: int) -> None:
    for bad in (0, fd, 99):
        assert guest.call("fd_prestat_get", bad, BUFFER) == BADF
    assert guest.call("fd_prestat_dir_name", fd, BUFFER, 5) == NOTDIR
    assert guest.call("fd_prestat_dir_name", 1, BUFFER, 5) == NOTDIR
    assert guest.call("fd_prestat_dir_name", 99, BUFFER, 5) == BADF
    with guest.only_writes():
        assert guest.call("fd_prestat_dir_name", ROOT_FD, BUFFER, 0) == NAMETOOLONG
        assert guest.call("fd_prestat_dir_name", ROOT_FD, MEMORY_BYTES, 1) == FAULT
        assert guest.call("fd_prestat_get", ROOT_FD, MEMORY_BYTES - 7) == FAULT


# -- numbers -------------------------------------------------------------------------------------------------


def test_the_lowest_free_number_is_given(guest: DirectGuest) -> None:
    fds = [guest.opened(b"f", oflags=CREAT) for _ in range(4)]
    assert fds == [4, 5, 6, 7]
    for fd in (6, 4, 7):
        assert guest.call("fd_close", fd) == 0
    assert [guest.opened(b"f") for _ in range(4)] == [4, 6, 7, 8]


def test_fd_close(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_close", fd) == 0
    assert guest.call("fd_close", fd) == BADF
    assert guest.fd_read(fd, 1)[0] == BADF
    assert guest.call("fd_close", 0xFFFF_FFFF) == BADF


def test_stdio_and_the_root_can_be_closed(guest: DirectGuest) -> None:
    assert guest.call("fd_close", 1) == 0
    assert guest.fd_write(1, b"x")[0] == BADF
    assert guest.call("fd_close", ROOT_FD) == 0
    assert guest.path_open(b"f", oflags=CREAT) == BADF


def test_fd_renumber_moves_and_closes_the_target(guest: DirectGuest, fd: int) -> None:
    guest.make(b"g", b"other")
    other = guest.opened(b"g")
    replaced = guest.host.open_fds[other].file
    assert guest.fd_seek(fd, 3) == (0, 3)
    assert guest.call("fd_renumber", fd, other) == 0
    assert guest.fd_read(other, 3) == (0, b"345")
    assert guest.call("fd_close", fd) == BADF
    assert guest.opened(b"g") == fd
    with pytest.raises(Exception, match="EBADF"):
        replaced.pread(1, 0)


def test_fd_renumber_onto_itself_does_nothing(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_renumber", fd, fd) == 0
    assert guest.fd_read(fd, 2) == (0, b"01")


def test_fd_renumber_bad_fd_badf(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_renumber", 99, fd) == BADF
    assert guest.call("fd_renumber", fd, 99) == BADF
    assert guest.call("fd_renumber", 99, 99) == BADF
    assert guest.fd_read(fd, 2) == (0, b"01")


def test_fd_renumber_a_file_onto_stdout_and_stdout_away(guest: DirectGuest, fd: int) -> None:
    spare = guest.opened(b"f")
    assert guest.call("fd_renumber", 1, spare) == 0
    assert guest.call("fd_renumber", fd, 1) == BADF
    assert guest.opened(b"f") == 1
    assert guest.call("fd_renumber", fd, 1) == 0
    assert guest.fd_write(1, b"to the file") == (0, 11)
    assert guest.fd_write(spare, b"to stdout") == (0, 9)
    assert guest.content(b"f") == b"to the file"
    assert guest.host.stdout.writes == [(1, b"to stdout")]


def test_too_many_open_files_mfile(guest: DirectGuest) -> None:
    guest.host.fds.limit = 6
    guest.make(b"f")
    fds = [guest.opened(b"f"), guest.opened(b".", rights=READ)]
    for path, oflags in ((b"f", 0), (b".", 0), (b"new", CREAT), (b"f", abi.OFLAGS_TRUNC)):
        assert guest.path_open(path, oflags=oflags, rights=READ) == MFILE
    # What cannot get an fd must not have happened either.
    assert guest.call("path_filestat_get", ROOT_FD, 0, *guest.path(b"new"), BUFFER) == NOENT
    assert guest.call("fd_close", fds[0]) == 0
    assert guest.opened(b"f") == fds[0]
