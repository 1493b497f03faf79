"""HTTP requests on their way out: looked at, changed, and written anew.

What a guest sends is parsed as HTTP/1.1 and only what was understood is sent on, by h11 both ways. So a
request that two parsers would take for different ones never gets through.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import h11

__all__ = ["Denied", "HttpFilter", "RequestHead", "StandIn", "denial"]

MAX_HEAD_BYTES: Final = 256 * 1024


class Denied(Exception):
    """The request must not be sent. ``status`` is what the guest gets in place of an answer."""

    def __init__(self, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What the rules are asked about: the method, the target, and the host in lower case without a port."""

    method: str
    target: str
    host: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """What takes the place of something in a request's headers: each ``stand_in`` by the value (if it is not
    empty), or the whole header."""

    value: bytes
    stand_in: bytes = b""
    header: bytes = b""


class HttpFilter:
    """The requests of one connection. ``check(head)`` raises `Denied`, or returns what is to be put in."""

    def __init__(self, check: Callable[[RequestHead], Sequence[StandIn]]) -> None:
        self._check = check
        self._reader: h11.Connection | None = None
        self._writer: h11.Connection | None = None

    def feed(self, data: bytes) -> bytes:
        """Bytes from the guest; what goes to the server for them. Raises `Denied`."""
        import h11

        out = bytearray()
        try:
            if self._reader is None:
                self._begin()
            assert self._reader is not None
            self._reader.receive_data(data)
            while self._step(out):
                pass
        except (h11.RemoteProtocolError, h11.LocalProtocolError) as error:
            raise Denied(f"not an HTTP/1.1 request: {error}", 400) from error
        return bytes(out)

    def _begin(self) -> None:
        import h11

        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._writer = h11.Connection(h11.CLIENT)

    def _step(self, out: bytearray) -> bool:
        """Handle one event; whether there may be another one."""
        import h11

        assert self._reader is not None
        assert self._writer is not None
        event = self._reader.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return False
        if isinstance(event, h11.Request):
            out += self._writer.send(self._changed(event)) or b""
        elif isinstance(event, h11.Data):
            out += self._writer.send(event) or b""
        elif isinstance(event, h11.EndOfMessage):
            out += self._writer.send(event) or b""
            # The answers are not looked at: the next request is a new conversation.
            rest, _ = self._reader.trailing_data
            self._begin()
            if rest:
                self._reader.receive_data(rest)
            return bool(rest)
        else:  # the guest closed its side
            return False
        return True

    def _changed(self, request: h11.Request) -> h11.Request:
        import h11

        headers = list(request.headers.raw_items())
        names = {name.lower() for name, _ in headers}
        if b"upgrade" in names or b"http2-settings" in names:
            raise Denied("an upgrade to another protocol can't be looked into")
        if b"content-length" in names and b"transfer-encoding" in names:
            raise Denied("its length is given twice", 400)
        method = request.method.decode("ascii")
        if method == "CONNECT":
            raise Denied("a tunnel can't be looked into")
        target = request.target.decode("ascii", "replace")
        hosts = [value for name, value in headers if name.lower() == b"host"]
        if len(hosts) != 1:
            raise Denied("a request has one Host header", 400)
        host = _without_port(hosts[0].decode("ascii", "replace").lower())
        if not target.startswith("/") and target != "*":
            raise Denied("a request to another server's address (a proxy's) can't be let through")
        for each in self._check(RequestHead(method, target, host)):
            headers = _applied(each, headers)
        return h11.Request(method=request.method, target=request.target, headers=headers)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _applied(stand_in: StandIn, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers with one stand-in replaced."""
    if stand_in.header:
        kept = [(name, value) for name, value in headers if name.lower() != stand_in.header.lower()]
        return [*kept, (stand_in.header, stand_in.value)]
    return [(name, _replaced(value, stand_in)) for name, value in headers]


def _replaced(value: bytes, stand_in: StandIn) -> bytes:
    if stand_in.stand_in in value:
        return value.replace(stand_in.stand_in, stand_in.value)
    scheme, _, credentials = value.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            plain = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            return value
        if stand_in.stand_in in plain:
            return scheme + b" " + base64.b64encode(plain.replace(stand_in.stand_in, stand_in.value))
    return value


def denial(denied: Denied) -> bytes:
    """The answer that a guest gets for a request that was not sent."""
    text = f"The sandbox's network policy denies this request: {denied.reason}\n".encode("ascii", "replace")
    phrase = "Forbidden" if denied.status == 403 else "Bad Request"
    head = (
        f"HTTP/1.1 {denied.status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\nX-Sandbox-Policy: denied\r\n\r\n"
    )
    return head.encode("ascii") + text
