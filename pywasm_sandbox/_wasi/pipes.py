"""Pipes of the host's kernel, and streams of bytes that are there, as endpoints of a guest."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from . import abi
from .endpoints import ENDPOINT_RIGHTS, Endpoint, Ready, from_os_error
from .errnos import AGAIN, BADF, WasiError
from .fds import Fd
from .waiting import WatchedFd, wait_for_fds

__all__ = [
    "BytesReader",
    "FedReader",
    "OutputEnd",
    "PairEnd",
    "PipeReader",
    "PipeWriter",
    "make_pair",
    "make_pipe",
    "pipe_fd",
]

CHUNK_BYTES: Final = 1 << 16


class _Stream(Endpoint):
    filetype: ClassVar[int] = abi.FILETYPE_CHARACTER_DEVICE

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        raise WasiError(BADF)

    def send(self, data: memoryview) -> int:
        raise WasiError(BADF)

    def poll(self, write: bool) -> Ready | None:
        return Ready(1)

    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        wake()
        return ()

    def close(self) -> None:
        pass


class _PipeEnd(_Stream):
    _writes: ClassVar[bool]

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd

    def poll(self, write: bool) -> Ready | None:
        if write != self._writes:
            raise WasiError(BADF)
        return Ready(1) if wait_for_fds((WatchedFd(self._fd, write),), 0) else None

    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        return (WatchedFd(self._fd, write),)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class PipeReader(_PipeEnd):
    """The reading end of a pipe."""

    _writes = False

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        try:
            data = os.read(self._fd, min(len(buffer), CHUNK_BYTES))
        except OSError as error:
            raise from_os_error(error) from error
        buffer[: len(data)] = data
        return len(data)


class PipeWriter(_PipeEnd):
    """The writing end."""

    _writes = True

    def send(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data[:CHUNK_BYTES])
        except OSError as error:
            raise from_os_error(error) from error


class BytesReader(_Stream):
    """Gives bytes that are there already."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._lock = threading.Lock()

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        with self._lock:
            count = min(len(buffer), len(self._data))
            buffer[:count] = self._data[:count]
            self._data = self._data[count:]
        return count


class FedReader(_Stream):
    """Gives what somebody feeds it, until they end it. `feed` and `end` come from any thread."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._data = bytearray()
        self._ended = False
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []

    @property
    def ended(self) -> bool:
        """Whether nothing can be fed any more."""
        return self._ended

    def feed(self, data: bytes) -> bool:
        """Append; False, and nothing happens, if more would wait than is allowed, or after the end."""
        with self._lock:
            if self._ended or len(self._data) + len(data) > self._max_bytes:
                return False
            self._data += data
        self._tell()
        return True

    def end(self) -> None:
        """There is no more."""
        with self._lock:
            self._ended = True
        self._tell()

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        with self._lock:
            if not self._data and not self._ended:
                raise WasiError(AGAIN)
            count = min(len(buffer), len(self._data))
            buffer[:count] = self._data[:count]
            if not peek:
                del self._data[:count]
        return count

    def poll(self, write: bool) -> Ready | None:
        with self._lock:
            if not self._data and not self._ended:
                return None
            return Ready(len(self._data), hangup=not self._data)

    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        with self._lock:
            if not self._data and not self._ended:
                self._watchers.append(wake)
                return ()
        wake()
        return ()

    def close(self) -> None:
        self.end()

    def _tell(self) -> None:
        with self._lock:
            watchers, self._watchers = self._watchers, []
        for wake in watchers:
            wake()


class PairEnd(Endpoint):
    """One of two sockets that are connected to each other."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        try:
            return self._socket.recv_into(buffer, 0, socket.MSG_PEEK if peek else 0)
        except OSError as error:
            raise from_os_error(error) from error

    def send(self, data: memoryview) -> int:
        try:
            return self._socket.send(data[:CHUNK_BYTES])
        except OSError as error:
            raise from_os_error(error) from error

    def poll(self, write: bool) -> Ready | None:
        return Ready(1) if wait_for_fds((WatchedFd(self._socket.fileno(), write),), 0) else None

    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        return (WatchedFd(self._socket.fileno(), write),)

    def shutdown(self, read: bool, write: bool) -> None:
        how = socket.SHUT_RDWR if read and write else socket.SHUT_RD if read else socket.SHUT_WR
        try:
            self._socket.shutdown(how)
        except OSError as error:
            raise from_os_error(error) from error

    def close(self) -> None:
        self._socket.close()


class OutputEnd(_Stream):
    """Hands what is written to a function, which may block."""

    def __init__(self, write: Callable[[int, bytes], None], number: int) -> None:
        self._write = write
        self._number = number

    def send(self, data: memoryview) -> int:
        self._write(self._number, bytes(data))
        return len(data)


def make_pair() -> tuple[PairEnd, PairEnd]:
    """Two connected sockets. Raises OSError when the host has no descriptors left."""
    one, other = socket.socketpair()
    return PairEnd(one), PairEnd(other)


def make_pipe() -> tuple[PipeReader, PipeWriter]:
    """A pipe. Raises OSError when the host has no descriptors left."""
    reader, writer = os.pipe()
    return PipeReader(reader), PipeWriter(writer)


def pipe_fd(endpoint: Endpoint, *, writable: bool) -> Fd:
    """An entry of a table for one end. It may seek: a C library takes it for a terminal otherwise."""
    rights = ENDPOINT_RIGHTS | abi.RIGHTS_FD_SEEK | abi.RIGHTS_FD_TELL
    return Fd(
        filetype=endpoint.filetype,
        rights_base=rights,
        rights_inheriting=rights,
        readable=not writable,
        writable=writable,
        endpoint=endpoint,
    )
