"""Descriptors without a position, on an endpoint whose other end is the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import pack

import pytest

from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import Endpoint, Fd, FdTable, Ready, WatchedFd, abi
from pywasm_sandbox._wasi.endpoints import ResetEndpoint
from pywasm_sandbox._wasi.errnos import (
    AGAIN,
    BADF,
    CONNRESET,
    FAULT,
    INTR,
    INVAL,
    NOTCAPABLE,
    PIPE,
    SPIPE,
    WasiError,
)
from tests.wasi.guest import (
    BUFFER,
    IOVS,
    MEMORY_BYTES,
    RESULT,
    RESULT2,
    DirectGuest,
    Event,
    clock_subscription,
    fd_subscription,
)

READ, WRITE, CLOCK = abi.EVENTTYPE_FD_READ, abi.EVENTTYPE_FD_WRITE, abi.EVENTTYPE_CLOCK
HANGUP = abi.EVENTRWFLAGS_FD_READWRITE_HANGUP
PEEK, WAITALL = abi.RIFLAGS_RECV_PEEK, abi.RIFLAGS_RECV_WAITALL


class Pipe(Endpoint):
    """Gives what is in ``incoming``, takes at most ``room`` bytes; calls what the test wants when waited
    for."""

    def __init__(self) -> None:
        self.incoming = b""
        self.ended = False
        self.sent = b""
        self.room = 1 << 20
        self.watched: list[bool] = []
        self.shut: list[tuple[bool, bool]] = []
        self.closed = 0
        self.waiting: list[Endpoint] = []

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        if not self.incoming:
            if self.ended:
                return 0
            raise WasiError(AGAIN)
        data = self.incoming[: len(buffer)]
        buffer[: len(data)] = data
        if not peek:
            self.incoming = self.incoming[len(data) :]
        return len(data)

    def send(self, data: memoryview) -> int:
        if self.ended:
            raise WasiError(PIPE)
        taken = bytes(data[: self.room])
        if not taken:
            raise WasiError(AGAIN)
        self.sent += taken
        self.room -= len(taken)
        return len(taken)

    def poll(self, write: bool) -> Ready | None:
        if write:
            return Ready(self.room) if self.room else None
        return Ready(len(self.incoming), hangup=self.ended) if self.incoming or self.ended else None

    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        self.watched.append(write)
        return [WatchedFd(77, write)]

    def shutdown(self, read: bool, write: bool) -> None:
        self.shut.append((read, write))

    def accept(self) -> Endpoint:
        if not self.waiting:
            raise WasiError(AGAIN)
        return self.waiting.pop()

    def close(self) -> None:
        self.closed += 1


class Scripted:
    """A waiter: each wait is answered by the next function, which may change the endpoint."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)
        self.waits: list[tuple[list[WatchedFd], float | None]] = []
        self.interrupted = False

    def wait(self, seconds: float | None) -> bool:
        return self.interrupted

    def wait_for(self, fds: Sequence[WatchedFd], seconds: float | None) -> bool:
        self.waits.append((list(fds), seconds))
        if not self.steps:
            return True
        self.steps.pop(0)()
        return False

    def wake(self) -> None:
        pass


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def fd(guest: DirectGuest, pipe: Pipe) -> int:
    return guest.host.fds.insert(Fd.of_endpoint(pipe))


def _script(guest: DirectGuest, *steps: Callable[[], object]) -> Scripted:
    waiter = guest.host.waiter = Scripted(*steps)
    return waiter


def _recv(guest: DirectGuest, fd: int, length: int, flags: int = 0) -> tuple[int, bytes]:
    errno = guest.call("sock_recv", fd, *guest.iovecs((BUFFER, length)), flags, RESULT, RESULT2)
    return errno, guest.read(BUFFER, guest.u32()) if errno == 0 else b""


def _send(guest: DirectGuest, fd: int, data: bytes) -> tuple[int, int]:
    guest.write(BUFFER, data)
    errno = guest.call("sock_send", fd, *guest.iovecs((BUFFER, len(data))), 0, RESULT)
    return errno, guest.u32()


def test_reading_takes_what_is_there(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    pipe.incoming = b"hello"
    assert guest.fd_read(fd, 3) == (0, b"hel")
    assert _recv(guest, fd, 10) == (0, b"lo")
    pipe.ended = True
    assert guest.fd_read(fd, 10) == (0, b"")
    assert _recv(guest, fd, 10) == (0, b"")


def test_reading_fills_several_buffers_and_writes_nowhere_else(
    guest: DirectGuest, fd: int, pipe: Pipe
) -> None:
    pipe.incoming = b"abcdef"
    iovecs = guest.iovecs((BUFFER, 2), (BUFFER + 10, 0), (BUFFER + 20, 10))
    with guest.only_writes((BUFFER, 2), (BUFFER + 20, 4), (RESULT, 4), (RESULT2, 2)):
        assert guest.call("sock_recv", fd, *iovecs, 0, RESULT, RESULT2) == 0
    assert guest.u32() == 6
    assert guest.read(BUFFER, 2) + guest.read(BUFFER + 20, 4) == b"abcdef"


def test_peeking_leaves_it_there(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    pipe.incoming = b"hello"
    assert _recv(guest, fd, 3, PEEK) == (0, b"hel")
    assert _recv(guest, fd, 3) == (0, b"hel")


def test_a_blocking_read_waits(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    waiter = _script(guest, lambda: None, lambda: setattr(pipe, "incoming", b"x"))
    assert guest.fd_read(fd, 5) == (0, b"x")
    assert waiter.waits == [([WatchedFd(77, False)], None)] * 2


def test_waiting_for_all_of_it(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    pipe.incoming = b"ab"
    _script(guest, lambda: setattr(pipe, "incoming", b"c"), lambda: setattr(pipe, "incoming", b"def"))
    assert _recv(guest, fd, 5, WAITALL) == (0, b"abcde")
    assert pipe.incoming == b"f"


def test_an_interrupt_ends_the_wait(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    _script(guest)
    with guest.only_writes((IOVS, 8)):
        assert guest.fd_read(fd, 5)[0] == INTR
    pipe.room = 0
    assert _send(guest, fd, b"x")[0] == INTR
    assert guest.call("sock_accept", fd, 0, RESULT) == INTR


def test_nothing_waits_that_must_not_block(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    waiter = _script(guest)
    assert guest.call("fd_fdstat_set_flags", fd, abi.FDFLAGS_NONBLOCK) == 0
    assert guest.fd_fdstat_get(fd).flags == abi.FDFLAGS_NONBLOCK
    assert guest.fd_read(fd, 5)[0] == AGAIN
    assert _recv(guest, fd, 5, WAITALL)[0] == AGAIN
    pipe.room = 2
    assert _send(guest, fd, b"abc") == (0, 2)
    assert _send(guest, fd, b"c")[0] == AGAIN
    assert guest.call("sock_accept", fd, 0, RESULT) == AGAIN
    assert waiter.waits == []


def test_a_blocking_write_sends_all(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    pipe.room = 2
    waiter = _script(guest, lambda: setattr(pipe, "room", 1), lambda: setattr(pipe, "room", 10))
    assert _send(guest, fd, b"abcdef") == (0, 6)
    assert pipe.sent == b"abcdef"
    assert waiter.waits == [([WatchedFd(77, True)], None)] * 2
    assert guest.fd_write(fd, b"gh") == (0, 2)
    pipe.ended = True
    assert guest.fd_write(fd, b"i")[0] == PIPE


def test_an_interrupted_write_says_what_it_sent(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    pipe.room = 2
    _script(guest)
    assert _send(guest, fd, b"abcdef") == (0, 2)


def test_poll_waits_for_endpoints_and_timers(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    waiter = _script(guest, lambda: setattr(pipe, "incoming", b"abc"))
    subscriptions = (
        fd_subscription(1, READ, fd),
        clock_subscription(2, abi.ClockId.MONOTONIC, 2_000_000_000),
    )
    assert guest.poll(*subscriptions) == (0, [Event(1, 0, READ, 3, 0)])
    assert waiter.waits == [([WatchedFd(77, False)], 2.0)]
    pipe.ended = True
    both = (fd_subscription(1, READ, fd), fd_subscription(2, WRITE, fd))
    assert guest.poll(*both) == (0, [Event(1, 0, READ, 3, HANGUP), Event(2, 0, WRITE, 1 << 20, 0)])


def test_poll_of_an_endpoint_alone_waits_without_end(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    waiter = _script(guest)
    assert guest.poll(fd_subscription(1, READ, fd))[0] == INTR
    assert waiter.waits == [([WatchedFd(77, False)], None)]


def test_shutdown(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    for how in (1, 2, 3):
        assert guest.call("sock_shutdown", fd, how) == 0
    assert pipe.shut == [(True, False), (False, True), (True, True)]


def test_accept_gives_the_lowest_number(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    pipe.waiting = [Pipe()]
    assert guest.call("sock_accept", fd, abi.FDFLAGS_NONBLOCK, RESULT) == 0
    assert guest.u32() == fd + 1
    assert guest.fd_fdstat_get(fd + 1).filetype == abi.FILETYPE_SOCKET_STREAM
    assert guest.fd_fdstat_get(fd + 1).flags == abi.FDFLAGS_NONBLOCK


def test_closing_and_replacing_end_it(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    other = Pipe()
    second = guest.host.fds.insert(Fd.of_endpoint(other))
    assert guest.call("fd_renumber", second, fd) == 0
    assert (pipe.closed, other.closed) == (1, 0)
    assert guest.call("fd_close", fd) == 0
    assert other.closed == 1
    assert guest.fd_read(fd, 1)[0] == BADF


@pytest.mark.parametrize(
    ("function", "arguments", "errno"),
    [
        ("fd_seek", (0, 0, RESULT), SPIPE),
        ("fd_tell", (RESULT,), SPIPE),
        ("fd_pread", (IOVS, 0, 0, RESULT), SPIPE),
        ("fd_pwrite", (IOVS, 0, 0, RESULT), SPIPE),
        ("fd_filestat_set_size", (0,), INVAL),
        ("fd_allocate", (0, 1), INVAL),
        ("fd_sync", (), INVAL),
        ("fd_prestat_get", (RESULT,), BADF),
        ("sock_recv", (IOVS, 1, 0, MEMORY_BYTES - 2, RESULT2), FAULT),
        ("sock_recv", (IOVS, 1, 0, RESULT, MEMORY_BYTES - 1), FAULT),
        ("sock_recv", (MEMORY_BYTES, 1, 0, RESULT, RESULT2), FAULT),
        ("sock_send", (IOVS, 1, 0, MEMORY_BYTES - 2), FAULT),
        ("sock_accept", (0, MEMORY_BYTES), FAULT),
    ],
)
def test_what_it_can_not_do(
    guest: DirectGuest, fd: int, pipe: Pipe, function: str, arguments: tuple[int, ...], errno: int
) -> None:
    pipe.incoming, pipe.waiting = b"x", [Pipe()]
    guest.write(IOVS, pack("<II", BUFFER, 4))
    assert guest.call(function, fd, *arguments) == errno
    assert (pipe.incoming, pipe.sent, len(pipe.waiting)) == (b"x", b"", 1)


def test_rights_given_up_are_gone(guest: DirectGuest, fd: int, pipe: Pipe) -> None:
    pipe.incoming = b"x"
    assert guest.call("fd_fdstat_set_rights", fd, 0, 0) == 0
    assert guest.fd_read(fd, 1)[0] == NOTCAPABLE
    assert _recv(guest, fd, 1)[0] == NOTCAPABLE
    assert _send(guest, fd, b"x")[0] == NOTCAPABLE
    assert guest.call("sock_shutdown", fd, 1) == NOTCAPABLE


def test_a_copy_of_the_table_has_a_reset_endpoint(namespace: Namespace, pipe: Pipe) -> None:
    table = FdTable(10)
    table.insert(Fd.of_endpoint(pipe, abi.FDFLAGS_NONBLOCK))
    copy = FdTable(10)
    copy.restore(table.snapshot(), lambda location, writable: pytest.fail("no file here"))
    entry = copy.entries[0]
    assert isinstance(entry.endpoint, ResetEndpoint)
    assert (entry.filetype, entry.flags) == (abi.FILETYPE_SOCKET_STREAM, abi.FDFLAGS_NONBLOCK)


def test_a_reset_endpoint_says_so_at_once(guest: DirectGuest) -> None:
    fd = guest.host.fds.insert(Fd.of_endpoint(ResetEndpoint()))
    assert guest.fd_read(fd, 1)[0] == CONNRESET
    assert _send(guest, fd, b"x")[0] == CONNRESET
    assert guest.call("sock_accept", fd, 0, RESULT) == CONNRESET
    assert guest.poll(fd_subscription(1, READ, fd)) == (0, [Event(1, 0, READ, 0, HANGUP)])
    assert guest.call("fd_close", fd) == 0
