"""A guest's connection: a socket of the host, with TLS and a look at the requests on top where that is
needed."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from pywasm_sandbox._wasi import Endpoint, Ready, WatchedFd, from_os_error
from pywasm_sandbox._wasi.errnos import (
    AGAIN,
    ALREADY,
    CONNABORTED,
    CONNRESET,
    INVAL,
    ISCONN,
    NOTCONN,
    WasiError,
)

from .access import Access
from .http import Denied, HttpFilter, denial
from .tls import TlsFailure, TlsLayer, TlsTokens
from .usage import LimitReached, Usage

__all__ = ["Connection", "Listener"]

CHUNK_BYTES: Final = 64 * 1024
LINGER_SECONDS: Final = 10.0


def _is_ready(handle: socket.socket, write: bool) -> bool:
    fd = handle.fileno()
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(fd, select.POLLOUT if write else select.POLLIN)
        return bool(poller.poll(0))
    found = select.select([] if write else [fd], [fd] if write else [], [], 0)
    return bool(found[0] or found[1])


class Connection(Endpoint):
    """A TCP connection; made, or still to be made.

    What guests send goes straight to the socket as long as nothing is on top of it. Otherwise it is turned
    into what goes out (``_out``), and more is taken when all of that is gone. ``_in`` holds what was
    received and not read yet: when a guest peeks, when TLS has to be asked whether there is something, and
    answers of our own.
    """

    def __init__(self, usage: Usage, tokens: TlsTokens, on_limit: Callable[[str], None]) -> None:
        self.usage = usage
        self.socket: socket.socket | None = None
        self.filter: HttpFilter | None = None
        self.tls: TlsLayer | None = None
        self.tokens = tokens
        self.on_token: Callable[[Any], TlsLayer | bytes] = lambda wanted: b""
        """Starts TLS when a token was sent (`tls`): the layer, or the answer that it isn't to be."""
        self.on_denied: Callable[[Denied], None] = lambda denied: None
        self.access: Access | None = None
        """What it is allowed; None for one that came in."""
        self.options: dict[tuple[int, int], int] = {}
        self.peer: tuple[str, int] | None = None
        self.reserved: socket.socket | None = None
        """What will listen, of a socket that is bound to port 0."""
        self._on_limit = on_limit
        self._connecting = False
        self._error: WasiError | None = None
        self._in = bytearray()
        self._out = bytearray()
        self._ended = False  # nothing more will be received
        self._denied = False
        self._counted = False
        self._closed = False

    # ---- connecting ---------------------------------------------------------------------------------

    def begin(self, family: socket.AddressFamily, address: str, port: int) -> None:
        """Start to connect. Raises `WasiError`, `LimitReached`."""
        if self.socket is not None:
            raise WasiError(ALREADY if self._connecting else ISCONN)
        self.usage.open()
        self._counted = True
        self._drop_reserved()
        handle = socket.socket(family, socket.SOCK_STREAM)
        handle.setblocking(False)
        self.socket, self.peer = handle, (address, port)
        for (level, option), value in self.options.items():
            with contextlib.suppress(OSError):
                handle.setsockopt(level, option, value)
        status = handle.connect_ex((address, port))
        if status in (errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._connecting = True
        elif status:
            self._fail(from_os_error(OSError(status, os.strerror(status))))
            raise self._taken_error()

    def take_over(self, handle: socket.socket) -> None:
        """Stand for a connection that came in. Raises `LimitReached`."""
        self.usage.open()
        self._counted = True
        handle.setblocking(False)
        self.socket, self.peer = handle, handle.getpeername()[:2]

    def connected(self) -> bool:
        """Whether it is made now. Raises `WasiError` when it failed."""
        if self._error is not None:
            raise self._taken_error()
        if self.socket is None:
            raise WasiError(NOTCONN)
        if self._connecting and _is_ready(self.socket, write=True):
            status = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._connecting = False
            if status:
                self._fail(from_os_error(OSError(status, os.strerror(status))))
                raise self._taken_error()
        return not self._connecting

    def take_error(self) -> WasiError | None:
        """What SO_ERROR tells: why it failed, once."""
        if self._connecting:
            with contextlib.suppress(WasiError):
                self.connected()
        error, self._error = self._error, None
        return error

    def _taken_error(self) -> WasiError:
        assert self._error is not None
        return self._error

    def _fail(self, error: WasiError) -> None:
        """It is over, and this is why."""
        self._error = error
        self._connecting = False
        self._out.clear()
        self._drop_socket()

    def abort(self, reason: str) -> None:
        """A limit of the policy ends it."""
        self._on_limit(reason)
        self._in.clear()
        self._fail(WasiError(CONNABORTED, reason))

    # ---- the endpoint -------------------------------------------------------------------------------

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        if not self._in:
            if not peek and self._is_plain:
                return self._receive_plain(buffer)
            self._fill()
        count = min(len(buffer), len(self._in))
        buffer[:count] = self._in[:count]
        if not peek:
            del self._in[:count]
        return count

    @property
    def _is_plain(self) -> bool:
        return self.tls is None and not self._ended and self._error is None

    def _receive_plain(self, buffer: memoryview) -> int:
        handle = self._usable()
        try:
            count = handle.recv_into(buffer[: self.usage.left_to_receive()])
        except LimitReached as limit:
            self.abort(str(limit))
            raise self._taken_error() from limit
        except OSError as error:
            raise from_os_error(error) from error
        self.usage.received(count)
        return count

    def _fill(self) -> None:
        """Get something into ``_in``, or know that it ended. Raises `WasiError` AGAIN and others."""
        if self._in or self._ended:
            return
        if self._error is not None:
            raise self._taken_error()
        if self._out:
            self._flush()
        handle = self._usable()
        try:
            size = min(CHUNK_BYTES, self.usage.left_to_receive())
            if self.tls is None:
                data = handle.recv(size)
            else:
                self.tls.handshake()
                data = self.tls.take_answer() or self.tls.receive(size)
        except LimitReached as limit:
            self.abort(str(limit))
            raise self._taken_error() from limit
        except TlsFailure as failure:
            self._tls_failed(failure)
            return
        except OSError as error:
            raise from_os_error(error) from error
        self.usage.received(len(data))
        if data:
            self._in += data
        else:
            self._ended = True

    def _tls_failed(self, failure: TlsFailure) -> None:
        answer = None if self.tls is None else self.tls.take_answer()
        if answer is None:
            self._fail(WasiError(CONNRESET, str(failure)))
            raise self._taken_error() from failure
        self._in += answer
        self._ended = True

    def send(self, data: memoryview) -> int:
        if self._denied:
            return len(data)  # as a server that has answered, and lets the rest of the body go by
        handle = self._usable()
        try:
            if self.filter is None and self.tls is None and not self.tokens:
                count = handle.send(data[: self.usage.left_to_send()])
                self.usage.sent(count)
                return count
            self._flush()
            if self._out:
                raise WasiError(AGAIN)
            chunk = bytes(data[: min(CHUNK_BYTES, self.usage.left_to_send())])
        except LimitReached as limit:
            self.abort(str(limit))
            raise self._taken_error() from limit
        except OSError as error:
            raise from_os_error(error) from error
        self._take(chunk)
        return len(chunk)

    def _take(self, chunk: bytes) -> None:
        """Turn what the guest sends into what goes out."""
        found = self.tokens.find(chunk) if self.tls is None else None
        if found is not None:
            before, wanted, chunk = found
            if before:
                self._transform(before)
                self._flush_before_tls()
            self._start_tls(self.on_token(wanted))
        if chunk:
            self._transform(chunk)
        with contextlib.suppress(WasiError):
            self._flush()

    def _flush_before_tls(self) -> None:
        """Plain text can't go out any more once there is TLS. Nobody sends much together with a handshake."""
        with contextlib.suppress(WasiError):
            self._flush()
        if self._out:
            self._fail(WasiError(CONNABORTED, "TLS began before what was sent had left"))

    def _start_tls(self, begun: TlsLayer | bytes) -> None:
        if isinstance(begun, TlsLayer):
            self.tls = begun
        else:
            self._in += begun
            self._ended = True

    def _transform(self, chunk: bytes) -> None:
        if self.filter is None:
            self._out += chunk
            return
        try:
            self._out += self.filter.feed(chunk)
        except Denied as denied:
            self.on_denied(denied)
            self._out.clear()
            self._in += denial(denied)
            self._ended = self._denied = True
            if self.socket is not None:
                with contextlib.suppress(OSError):
                    self.socket.shutdown(socket.SHUT_RDWR)

    def _flush(self) -> None:
        """Send what is ready to go. Raises `WasiError` when that failed for good."""
        handle = self._usable()
        while self._out:
            data = bytes(self._out[:CHUNK_BYTES])
            try:
                count = handle.send(data) if self.tls is None else self.tls.send(data)
            except BlockingIOError:
                return
            except TlsFailure as failure:
                self._tls_failed(failure)
                return
            except OSError as error:
                self._out.clear()
                raise from_os_error(error) from error
            self.usage.sent(count)
            del self._out[:count]

    def _usable(self) -> socket.socket:
        if not self.connected():
            raise WasiError(AGAIN)
        assert self.socket is not None
        return self.socket

    def poll(self, write: bool) -> Ready | None:
        if self._closed or self._error is not None:
            return Ready(0, hangup=True)
        if self.socket is None:
            return Ready(0, hangup=True)
        try:
            if not self.connected():
                return None
            return self._poll_writing() if write else self._poll_reading()
        except WasiError:
            return Ready(0, hangup=True)

    def _poll_writing(self) -> Ready | None:
        assert self.socket is not None
        if self._out:
            self._flush()
        return Ready(CHUNK_BYTES) if not self._out and _is_ready(self.socket, write=True) else None

    def _poll_reading(self) -> Ready | None:
        assert self.socket is not None
        if self.tls is None and not self._in and not self._ended:
            return Ready(1) if _is_ready(self.socket, write=False) else None
        try:
            self._fill()
        except WasiError as error:
            if error.errno == AGAIN:
                return None
            raise
        return Ready(len(self._in), hangup=self._ended)

    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        handle = self.socket
        if handle is None or handle.fileno() < 0:
            wake()
            return ()
        fds = [WatchedFd(handle.fileno(), write or self._connecting or self._tls_wants_write)]
        if self._out and not fds[0].write:
            fds.append(WatchedFd(handle.fileno(), True))
        return fds

    @property
    def _tls_wants_write(self) -> bool:
        return self.tls is not None and self.tls.wants_write

    def shutdown(self, read: bool, write: bool) -> None:
        handle = self._usable()
        if write and self._out:
            self._flush()
        how = socket.SHUT_RDWR if read and write else socket.SHUT_WR if write else socket.SHUT_RD
        try:
            if write and self.tls is not None:
                self.tls.say_goodbye()
            handle.shutdown(how)
        except OSError as error:
            raise from_os_error(error) from error

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._drop_reserved()
        if self._out and self.socket is not None and self._error is None:
            # Closing sends what was written, as a kernel would; nobody waits for that.
            threading.Thread(target=self._linger, name="pywasm-linger", daemon=True).start()
            return
        self._say_goodbye()
        self._drop_socket()

    def _linger(self) -> None:
        handle = self.socket
        assert handle is not None
        try:
            if self.tls is None:
                handle.settimeout(LINGER_SECONDS)
                handle.sendall(self._out)
            else:
                self.tls.send_all(bytes(self._out), LINGER_SECONDS)
        except OSError:
            pass
        finally:
            self._drop_socket()

    def _say_goodbye(self) -> None:
        if self.tls is not None and self.socket is not None and self._error is None:
            with contextlib.suppress(OSError):
                self.tls.say_goodbye()

    def _drop_reserved(self) -> None:
        handle, self.reserved = self.reserved, None
        if handle is not None:
            handle.close()

    def _drop_socket(self) -> None:
        handle, self.socket = self.socket, None
        if handle is not None:
            handle.close()
        if self._counted:
            self._counted = False
            self.usage.close()


class Listener(Endpoint):
    """A socket of the host that guests accept connections from."""

    def __init__(self, handle: socket.socket, make: Callable[[socket.socket], Connection]) -> None:
        self.socket = handle
        self.last: Connection | None = None
        self._make = make

    def receive(self, buffer: memoryview, *, peek: bool) -> int:
        raise WasiError(NOTCONN)

    def send(self, data: memoryview) -> int:
        raise WasiError(NOTCONN)

    def accept(self) -> Endpoint:
        try:
            handle, _ = self.socket.accept()
        except OSError as error:
            raise from_os_error(error) from error
        try:
            return self._make(handle)
        except (LimitReached, OSError) as error:
            handle.close()
            raise WasiError(CONNABORTED, str(error)) from error

    def poll(self, write: bool) -> Ready | None:
        if write:
            raise WasiError(INVAL)
        return Ready(1) if _is_ready(self.socket, write=False) else None

    def watch(self, write: bool, wake: Callable[[], None]) -> Sequence[WatchedFd]:
        return [WatchedFd(self.socket.fileno(), False)]

    def close(self) -> None:
        self.socket.close()
