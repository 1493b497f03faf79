"""Endpoints: descriptors without a position, such as connections and the ends of pipes."""

from __future__ import annotations

import errno as host_errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from . import abi, errnos
from .errnos import AGAIN, CONNRESET, INTR, INVAL, IO, NOTSOCK, PIPE, WasiError
from .waiting import WatchedFd

if TYPE_CHECKING:
    from .fds import Fd
    from .host import WasiHost

__all__ = [
    "ENDPOINT_RIGHTS",
    "Endpoint",
    "Ready",
    "ResetEndpoint",
    "accept",
    "from_os_error",
    "receive",
    "send",
]

ENDPOINT_RIGHTS: Final = (
    abi.RIGHTS_FD_READ
    | abi.RIGHTS_FD_WRITE
    | abi.RIGHTS_FD_FDSTAT_SET_FLAGS
    | abi.RIGHTS_FD_FILESTAT_GET
    | abi.RIGHTS_POLL_FD_READWRITE
    | abi.RIGHTS_SOCK_SHUTDOWN
    | abi.RIGHTS_SOCK_ACCEPT
)


class Ready(NamedTuple):
    """What poll says of an endpoint that is ready: bytes to read (or room to write), and whether it ended."""

    size: int
    hangup: bool = False


class Endpoint(ABC):
    """What stands behind a descriptor that is no file. Nothing here blocks: what would raises `WasiError`
    AGAIN.

    Functions may raise any other `WasiError` too. Not thread-safe, except for the ``wake`` that `watch` gets.
    """

    filetype: ClassVar[int] = abi.FILETYPE_SOCKET_STREAM

    @abstractmethod
    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        """Fill the buffer, which isn't empty, as far as there is something; 0 at the end."""

    @abstractmethod
    def send(self, data: memoryview) -> int:
        """Take as many bytes as there is room for, at least one."""

    @abstractmethod
    def poll(self, write: bool) -> Ready | None:
        """Whether `send` (or else `receive`, or `accept`) would do something else than raise AGAIN."""

    @abstractmethod
    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        """What to wait for until `poll` may have changed: descriptors of the host. An endpoint that has none
        calls ``wake`` instead, once, from any thread."""

    @abstractmethod
    def close(self) -> None:
        """The descriptor was closed. Idempotent."""

    def shutdown(self, read: bool, write: bool) -> None:
        """End one direction or both."""
        raise WasiError(NOTSOCK, "a pipe has no directions to shut down")

    def accept(self) -> Endpoint:
        """The next connection that came in."""
        raise WasiError(INVAL, "it does not listen")


class ResetEndpoint(Endpoint):
    """What a copy of a guest has in place of an endpoint: the peer has nothing to do with it."""

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        raise WasiError(CONNRESET, "the connection belongs to the context that this one is a copy of")

    def send(self, data: memoryview) -> int:
        return self.receive(data, peek=False)

    def poll(self, write: bool) -> Ready | None:
        return Ready(0, hangup=True)

    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        wake()
        return ()

    def shutdown(self, read: bool, write: bool) -> None:
        self.receive(memoryview(b""), peek=False)

    def accept(self) -> Endpoint:
        raise WasiError(CONNRESET, "the listener belongs to the context that this one is a copy of")

    def close(self) -> None:
        pass


def from_os_error(error: OSError) -> WasiError:
    """A failure of the host's own socket as the guest sees it."""
    if isinstance(error, BlockingIOError):
        return WasiError(AGAIN)
    name = host_errno.errorcode.get(error.errno or 0, "EIO")
    try:
        return WasiError(errnos.of_name(name), error.strerror or str(error))
    except KeyError:  # a number that preview1 does not have
        return WasiError(IO, str(error))


# ---- for the functions of preview1 -----------------------------------------------------------------------


def _blocks(entry: Fd, error: WasiError) -> bool:
    return error.errno == AGAIN and not entry.flags & abi.FDFLAGS_NONBLOCK


def _wait(host: WasiHost, endpoint: Endpoint, write: bool) -> None:
    host.on_block()
    if host.waiter.wait_for(endpoint.watch(write, host.waiter.wake), None):
        raise WasiError(INTR)


def receive(
    host: WasiHost, entry: Fd, buffers: list[memoryview], *, peek: bool = False, everything: bool = False
) -> int:
    """`recvmsg(2)` without the message: the number of bytes; 0 at the end of what the peer sends.

    ``everything``: wait until the buffers are full, or the end.
    """
    endpoint = entry.endpoint
    assert endpoint is not None
    total = 0
    for buffer in buffers:
        while buffer:
            try:
                count = endpoint.receive(buffer, peek=peek)
            except WasiError as error:
                if total and (not everything or error.errno != AGAIN):
                    return total
                if not _blocks(entry, error):
                    raise
                _wait(host, endpoint, write=False)
                continue
            total += count
            if not count or peek:
                return total
            buffer = buffer[count:]
            if buffer and not everything:
                return total
    return total


def send(host: WasiHost, entry: Fd, buffers: list[memoryview]) -> int:
    """`sendmsg(2)` without the message: how many bytes were taken; a blocking descriptor takes all."""
    endpoint = entry.endpoint
    assert endpoint is not None
    total = 0
    for buffer in buffers:
        while buffer:
            try:
                count = endpoint.send(buffer)
            except WasiError as error:
                if error.errno == PIPE:
                    host.on_broken_pipe()
                if total and not _blocks(entry, error):
                    return total
                if not _blocks(entry, error):
                    raise
                try:
                    _wait(host, endpoint, write=True)
                except WasiError:
                    if total:
                        return total
                    raise
                continue
            total += count
            buffer = buffer[count:]
    return total


def accept(host: WasiHost, entry: Fd) -> Endpoint:
    """`accept(2)`: the new connection's endpoint."""
    endpoint = entry.endpoint
    assert endpoint is not None
    while True:
        try:
            return endpoint.accept()
        except WasiError as error:
            if not _blocks(entry, error):
                raise
        _wait(host, endpoint, write=False)
