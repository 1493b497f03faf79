from __future__ import annotations

from struct import pack

import pytest

from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import BytesSource, abi
from pywasm_sandbox._wasi.errnos import BADF, FAULT, FBIG, INVAL, NOSPC, NOTCAPABLE, ROFS, SPIPE
from tests.wasi.guest import BUFFER, IOVS, MEMORY_BYTES, READ, RESULT, RESULT2, ROOT_FD, WRITE, DirectGuest

CREAT = abi.OFLAGS_CREAT
APPEND = abi.FDFLAGS_APPEND


def test_fd_write_then_fd_read(guest: DirectGuest) -> None:
    guest.make(b"f", b"hello")
    fd = guest.opened(b"f")
    assert guest.fd_read(fd, 100) == (0, b"hello")
    assert guest.fd_read(fd, 100) == (0, b"")


def test_fd_read_moves_the_offset_and_touches_only_what_it_read(guest: DirectGuest) -> None:
    guest.make(b"f", b"abcdef")
    fd = guest.opened(b"f")
    with guest.only_writes((BUFFER, 4), (IOVS, 8), (RESULT2, 4)):
        assert guest.fd_read(fd, 4) == (0, b"abcd")
    with guest.only_writes((BUFFER, 2), (IOVS, 8), (RESULT2, 4)):
        assert guest.fd_read(fd, 4) == (0, b"ef")
    assert guest.fd_tell(fd) == 6


def test_fd_read_scatters_over_all_iovecs(guest: DirectGuest) -> None:
    guest.make(b"f", b"abcdefgh")
    fd = guest.opened(b"f")
    vectors = guest.iovecs((BUFFER, 3), (0xFFFF_FFFF, 0), (BUFFER + 100, 2), (BUFFER + 50, 10))
    with guest.only_writes((BUFFER, 3), (BUFFER + 100, 2), (BUFFER + 50, 3), (RESULT, 4)):
        assert guest.call("fd_read", fd, *vectors, RESULT) == 0
    assert guest.u32() == 8
    assert [guest.read(BUFFER, 3), guest.read(BUFFER + 100, 2), guest.read(BUFFER + 50, 3)] == [
        b"abc",
        b"de",
        b"fgh",
    ]


def test_fd_write_gathers_all_iovecs(guest: DirectGuest) -> None:
    fd = guest.opened(b"f", oflags=CREAT)
    guest.write(BUFFER, b"abcdef")
    vectors = guest.iovecs((BUFFER + 4, 2), (BUFFER, 0), (BUFFER, 2))
    assert guest.call("fd_write", fd, *vectors, RESULT) == 0
    assert guest.u32() == 4
    assert guest.content(b"f") == b"efab"


@pytest.mark.parametrize("function", ["fd_read", "fd_write"])
def test_no_iovecs_and_empty_ones_transfer_nothing(guest: DirectGuest, function: str) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    for buffers in ([], [(BUFFER, 0)], [(0xFFFF_FFFF, 0), (0, 0)]):
        vectors = guest.iovecs(*buffers)
        with guest.only_writes((RESULT, 4)):
            assert guest.call(function, fd, *vectors, RESULT) == 0
        assert guest.u32() == 0
    assert guest.fd_tell(fd) == 0
    assert guest.content(b"f") == b"abc"


def test_fd_write_in_the_middle_and_past_the_end(guest: DirectGuest) -> None:
    guest.make(b"f", b"abcdef")
    fd = guest.opened(b"f")
    assert guest.fd_seek(fd, 2) == (0, 2)
    assert guest.fd_write(fd, b"XY") == (0, 2)
    assert guest.fd_seek(fd, 8) == (0, 8)
    assert guest.fd_write(fd, b"!") == (0, 1)
    assert guest.content(b"f") == b"abXYef\0\0!"


def test_append_writes_at_the_end_wherever_the_offset_is(guest: DirectGuest) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f", fdflags=APPEND)
    assert guest.fd_write(fd, b"d") == (0, 1)
    assert guest.fd_tell(fd) == 4
    assert guest.fd_seek(fd, 0) == (0, 0)
    assert guest.fd_read(fd, 2) == (0, b"ab")
    guest.write(BUFFER, b"efg")
    assert guest.call("fd_write", fd, *guest.iovecs((BUFFER, 1), (BUFFER + 1, 2)), RESULT) == 0
    assert guest.u32() == 3
    assert guest.fd_tell(fd) == 7
    assert guest.content(b"f") == b"abcdefg"


def test_fd_pread_and_fd_pwrite_leave_the_offset(guest: DirectGuest) -> None:
    guest.make(b"f", b"abcdef")
    fd = guest.opened(b"f")
    assert guest.fd_pread(fd, 3, 2) == (0, b"cde")
    assert guest.fd_pread(fd, 3, 5) == (0, b"f")
    assert guest.fd_pread(fd, 3, 6) == (0, b"")
    assert guest.fd_pread(fd, 3, abi.OFFSET_MAX) == (0, b"")
    assert guest.fd_pwrite(fd, b"XY", 1) == (0, 2)
    assert guest.fd_tell(fd) == 0
    assert guest.content(b"f") == b"aXYdef"


def test_fd_pwrite_on_an_appending_fd_appends(guest: DirectGuest) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f", fdflags=APPEND)
    assert guest.fd_pwrite(fd, b"Z", 0) == (0, 1)
    assert guest.fd_tell(fd) == 0
    assert guest.fd_pread(fd, 9, 1) == (0, b"bcZ")
    assert guest.content(b"f") == b"abcZ"


@pytest.mark.parametrize("offset", [1 << 63, (1 << 64) - 1])
def test_fd_pread_and_fd_pwrite_negative_offset_inval(guest: DirectGuest, offset: int) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    assert guest.fd_pread(fd, 1, offset)[0] == INVAL
    assert guest.fd_pwrite(fd, b"x", offset)[0] == INVAL
    assert guest.content(b"f") == b"abc"


@pytest.mark.parametrize("offset", [abi.OFFSET_MAX, abi.OFFSET_MAX - 1, 1 << 50])
def test_fd_pwrite_far_out_takes_no_host_memory(guest: DirectGuest, offset: int) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    assert guest.fd_pwrite(fd, b"xy", offset)[0] in (FBIG, NOSPC)
    assert guest.stat(b"f").size == 3


def test_fd_write_at_the_largest_offset(guest: DirectGuest) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    assert guest.fd_seek(fd, abi.OFFSET_MAX) == (0, abi.OFFSET_MAX)
    assert guest.fd_write(fd, b"xy")[0] in (FBIG, NOSPC)
    assert guest.fd_tell(fd) == abi.OFFSET_MAX


@pytest.mark.parametrize("function", ["fd_read", "fd_write", "fd_pread", "fd_pwrite"])
@pytest.mark.parametrize("fd", [99, ROOT_FD, 0xFFFF_FFFF])
def test_reading_and_writing_bad_fd_badf(guest: DirectGuest, function: str, fd: int) -> None:
    offset = (0,) if function.startswith("fd_p") else ()
    with guest.only_writes((IOVS, 8)):
        assert guest.call(function, fd, *guest.iovecs((BUFFER, 4)), *offset, RESULT) == BADF


def test_write_to_a_file_opened_for_reading_badf(guest: DirectGuest) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f", rights=READ)
    assert guest.fd_write(fd, b"x")[0] == BADF
    assert guest.fd_pwrite(fd, b"x", 0)[0] == BADF
    assert guest.fd_read(fd, 9) == (0, b"abc")


def test_read_from_a_file_opened_for_writing_badf(guest: DirectGuest) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f", rights=WRITE)
    assert guest.fd_read(fd, 1)[0] == BADF
    assert guest.fd_pread(fd, 1, 0)[0] == BADF
    assert guest.fd_write(fd, b"x") == (0, 1)


def test_rights_that_were_given_up_are_notcapable(guest: DirectGuest) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    assert guest.call("fd_fdstat_set_rights", fd, WRITE, 0) == 0
    assert guest.fd_read(fd, 1)[0] == NOTCAPABLE
    assert guest.fd_pread(fd, 1, 0)[0] == NOTCAPABLE
    assert guest.fd_write(fd, b"x") == (0, 1)
    assert guest.call("fd_fdstat_set_rights", fd, 0, 0) == 0
    assert guest.fd_write(fd, b"x")[0] == NOTCAPABLE
    assert guest.fd_pwrite(fd, b"x", 0)[0] == NOTCAPABLE


@pytest.mark.parametrize("function", ["fd_read", "fd_write", "fd_pread", "fd_pwrite"])
@pytest.mark.parametrize(
    ("vectors", "count", "result"),
    [
        (MEMORY_BYTES, 1, RESULT),
        (MEMORY_BYTES - 7, 1, RESULT),
        (0xFFFF_FFFC, 1, RESULT),
        (MEMORY_BYTES - 8, 2, RESULT),
        (IOVS, 1, MEMORY_BYTES - 3),
        (IOVS, 1, 0xFFFF_FFFF),
    ],
)
def test_bad_pointer_efault_and_nothing_happens(
    guest: DirectGuest, function: str, vectors: int, count: int, result: int
) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    guest.iovecs((BUFFER, 2))
    offset = (0,) if function.startswith("fd_p") else ()
    with guest.only_writes():
        assert guest.call(function, fd, vectors, count, *offset, result) == FAULT
    assert guest.fd_tell(fd) == 0
    assert guest.content(b"f") == b"abc"


@pytest.mark.parametrize("function", ["fd_read", "fd_write", "fd_pread", "fd_pwrite"])
@pytest.mark.parametrize(
    "bad", [(MEMORY_BYTES, 1), (MEMORY_BYTES - 1, 2), (0xFFFF_FFFF, 1), (1, 0xFFFF_FFFF)]
)
def test_bad_iovec_efault_even_behind_a_good_one(
    guest: DirectGuest, function: str, bad: tuple[int, int]
) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    offset = (0,) if function.startswith("fd_p") else ()
    for buffers in ([bad], [(BUFFER, 2), bad]):
        vectors = guest.iovecs(*buffers)
        with guest.only_writes():
            assert guest.call(function, fd, *vectors, *offset, RESULT) == FAULT
    assert guest.fd_tell(fd) == 0
    assert guest.content(b"f") == b"abc"


@pytest.mark.parametrize("function", ["fd_read", "fd_write", "fd_pread", "fd_pwrite"])
@pytest.mark.parametrize("count", [1025, 1 << 30, 0xFFFF_FFFF])
def test_too_many_iovecs_inval(guest: DirectGuest, function: str, count: int) -> None:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    offset = (0,) if function.startswith("fd_p") else ()
    assert guest.call(function, fd, IOVS, count, *offset, RESULT) == INVAL


def test_as_many_iovecs_as_allowed(guest: DirectGuest) -> None:
    fd = guest.opened(b"f", oflags=CREAT)
    guest.write(BUFFER, b"a")
    guest.write(IOVS, pack("<II", BUFFER, 1) * 1024)
    assert guest.call("fd_write", fd, IOVS, 1024, RESULT) == 0
    assert guest.u32() == 1024
    assert guest.content(b"f") == b"a" * 1024


def test_iovecs_that_claim_the_same_memory_again_and_again_run_into_the_quota(guest: DirectGuest) -> None:
    fd = guest.opened(b"f", oflags=CREAT)
    guest.write(IOVS, pack("<II", 0, MEMORY_BYTES) * 1024)
    assert guest.call("fd_write", fd, IOVS, 1024, RESULT) == 0
    written = guest.u32()
    assert 0 < written <= 1 << 20
    assert guest.stat(b"f").size == written
    assert guest.call("fd_write", fd, IOVS, 1024, RESULT) == NOSPC
    appending = guest.opened(b"f", fdflags=APPEND)
    assert guest.call("fd_write", appending, IOVS, 1024, RESULT) == NOSPC


def test_a_write_cut_short_by_the_quota_says_how_much(guest: DirectGuest) -> None:
    fs = MemoryFS(Quota(bytes=4096, files=10))
    guest.host.namespace = Namespace(fs)
    guest.host.open_fds[ROOT_FD].location = guest.host.namespace.root
    fd = guest.opened(b"f", oflags=CREAT)
    errno, count = guest.fd_write(fd, b"x" * 8192)
    assert errno == 0
    assert 0 < count <= 4096
    assert guest.fd_tell(fd) == count == guest.stat(b"f").size
    assert guest.fd_write(fd, b"x" * 8192)[0] == NOSPC
    assert guest.fd_tell(fd) == count


def test_write_on_a_read_only_mount_rofs(guest: DirectGuest) -> None:
    fs = MemoryFS()
    inner = Namespace(fs)
    inner.write_bytes("/f", b"abc")
    guest.host.namespace.mount("/ro", fs, read_only=True)
    assert guest.path_open(b"ro/f") == ROFS
    assert guest.path_open(b"ro/new", oflags=CREAT) == ROFS
    assert guest.content(b"ro/f") == b"abc"


# -- stdio ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fd", "sink"), [(1, "stdout"), (2, "stderr")])
def test_fd_write_to_stdio_is_one_write_of_the_sink(guest: DirectGuest, fd: int, sink: str) -> None:
    guest.write(BUFFER, b"hello\n")
    assert guest.call("fd_write", fd, *guest.iovecs((BUFFER, 5), (BUFFER + 5, 1)), RESULT) == 0
    assert guest.u32() == 6
    assert getattr(guest.host, sink).writes == [(fd, b"hello\n")]


def test_fd_write_of_nothing_does_not_reach_the_sink(guest: DirectGuest) -> None:
    assert guest.fd_write(1, b"") == (0, 0)
    assert guest.host.stdout.writes == []


def test_a_large_write_reaches_the_sink_in_pieces_of_a_mebibyte(guest: DirectGuest) -> None:
    guest.write(IOVS, pack("<II", 0, MEMORY_BYTES) * 5)
    assert guest.call("fd_write", 1, IOVS, 5, RESULT) == 0
    assert guest.u32() == 5 * MEMORY_BYTES
    writes = guest.host.stdout.writes
    assert max(len(data) for _, data in writes) <= 1 << 20
    assert sum(len(data) for _, data in writes) == 5 * MEMORY_BYTES


def test_one_write_transfers_at_most_two_gibibytes(plain_guest: DirectGuest) -> None:
    class Counter:
        total = 0

        def write(self, fd: int, data: bytes) -> None:
            self.total += len(data)

    # 64 MiB claimed 1024 times are 64 GiB; the bytes are zeros that the kernel never had to provide.
    plain_guest.bytes = bytearray(1 << 26)
    plain_guest.memory.refresh()
    plain_guest.host.stdout = Counter()
    plain_guest.write(IOVS, pack("<II", 0, 1 << 26) * 1024)
    assert plain_guest.call("fd_write", 1, IOVS, 1024, RESULT) == 0
    assert plain_guest.u32() == plain_guest.host.stdout.total == 0x7FFF_F000


def test_stdio_is_drained_before_a_write(guest: DirectGuest) -> None:
    order: list[str] = []
    guest.host.on_stdio = lambda: order.append("drain")
    guest.host.stdout.write = lambda fd, data: order.append("write")
    assert guest.fd_write(1, b"x") == (0, 1)
    assert order == ["drain", "write"]


def test_what_a_sink_raises_is_not_swallowed(plain_guest: DirectGuest) -> None:
    def full(fd: int, data: bytes) -> None:
        raise RuntimeError("output limit")

    plain_guest.host.stdout.write = full
    with pytest.raises(RuntimeError, match="output limit"):
        plain_guest.fd_write(1, b"x")


def test_fd_read_of_empty_stdin_is_the_end(guest: DirectGuest) -> None:
    assert guest.fd_read(0, 10) == (0, b"")


def test_fd_read_of_stdin(guest: DirectGuest) -> None:
    guest.host.stdin = BytesSource(b"abcdef")
    assert guest.call("fd_read", 0, *guest.iovecs((BUFFER, 2), (BUFFER + 10, 2)), RESULT) == 0
    assert guest.u32() == 4
    assert guest.read(BUFFER, 2) + guest.read(BUFFER + 10, 2) == b"abcd"
    assert guest.fd_read(0, 10) == (0, b"ef")
    assert guest.fd_read(0, 10) == (0, b"")


def test_a_source_that_gives_too_much_cannot_overrun(guest: DirectGuest) -> None:
    class Generous:
        def read(self, length: int) -> bytes:
            return b"z" * (length + 100)

    guest.host.stdin = Generous()
    with guest.only_writes((BUFFER, 5), (IOVS, 8), (RESULT2, 4)):
        assert guest.fd_read(0, 5) == (0, b"zzzzz")


def test_reading_output_and_writing_input_badf(guest: DirectGuest) -> None:
    assert guest.fd_read(1, 1)[0] == BADF
    assert guest.fd_read(2, 1)[0] == BADF
    assert guest.fd_write(0, b"x")[0] == BADF


def test_positions_of_stdio_spipe(guest: DirectGuest) -> None:
    assert guest.fd_pread(0, 1, 0)[0] == SPIPE
    assert guest.fd_pwrite(1, b"x", 0)[0] == SPIPE
    assert guest.fd_pread(1, 1, 0)[0] == BADF
    assert guest.fd_pwrite(0, b"x", 0)[0] == BADF


def test_synchronous_files_are_synced_after_each_write(guest: DirectGuest) -> None:
    fd = guest.opened(b"f", oflags=CREAT, fdflags=abi.FDFLAGS_SYNC)
    synced: list[bool] = []
    entry = guest.host.open_fds[fd]
    inner = entry.file

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(inner, name)

        def sync(self) -> None:
            synced.append(True)

    entry.file = Counting()
    assert guest.fd_write(fd, b"x") == (0, 1)
    assert guest.fd_pwrite(fd, b"x", 0) == (0, 1)
    assert len(synced) == 2
