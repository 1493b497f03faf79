"""TLS on the host for a guest's connection: certificates are checked where the guest can't talk anybody out
of it.

A guest asks for TLS in one of two ways. On a socket it is a host call. Where a library runs TLS over a
transport of its own (`ssl.MemoryBIO`, as asyncio does), the guest's `ssl` sends a *token* down that
transport where a handshake would begin; the connection that it arrives at starts TLS, and what follows is
plain text on the guest's side. The handshake's outcome comes back as an *answer* in front of the received
data.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import struct
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

__all__ = [
    "ANSWER_MARK",
    "TOKEN_MARK",
    "TlsContexts",
    "TlsFailure",
    "TlsLayer",
    "TlsSettings",
    "TlsTokens",
    "describe",
    "failure_answer",
]

TOKEN_MARK: Final = b"\x16\x03\x01pywasm-tls-token:"
ANSWER_MARK: Final = b"\x16\x03\x01pywasm-tls-answer:"
_TOKEN_BYTES: Final = 32
MAX_TOKENS: Final = 256
MAX_CONTEXTS: Final = 32
MAX_PEM_BYTES: Final = 4 << 20


class TlsFailure(Exception):
    """The handshake or the connection failed; ``fields`` are for the guest's ssl."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.fields = describe(error)


def describe(error: Exception) -> dict[str, Any]:
    """An error of TLS as the guest's ssl makes it again."""
    fields: dict[str, Any] = {"class": type(error).__name__, "text": str(error)}
    for name in ("library", "reason", "verify_code", "verify_message"):
        value = getattr(error, name, None)
        if isinstance(value, str | int):
            fields[name] = value
    return fields


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What a guest's SSLContext says, as far as the host takes it over. ``ca``: PEM texts to trust in place
    of the system's; ``host_trust``: certificates are checked by the host's trust alone, whatever the guest
    says."""

    verify: bool = True
    check_hostname: bool = True
    ca: str = ""
    alpn: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0
    client_cert: tuple[str, str] | None = None
    host_trust: bool = False

    def for_http(self, host_trust: bool) -> TlsSettings:
        """The same for a connection whose requests are looked at."""
        return replace(self, alpn=("http/1.1",), host_trust=host_trust)


class TlsContexts:
    """Makes SSLContexts, and keeps those that are used again. Thread-safe."""

    def __init__(self, extra_ca: str | None) -> None:
        self._extra_ca = extra_ca
        self._lock = threading.Lock()
        self._kept: OrderedDict[TlsSettings, ssl.SSLContext] = OrderedDict()

    def get(self, settings: TlsSettings) -> ssl.SSLContext:
        """The context for these settings. Raises `ssl.SSLError`, `ValueError`."""
        with self._lock:
            context = self._kept.get(settings)
            if context is None:
                context = self._kept[settings] = self._make(settings)
            self._kept.move_to_end(settings)
            if len(self._kept) > MAX_CONTEXTS:
                self._kept.popitem(last=False)
            return context

    def _make(self, settings: TlsSettings) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        checks = settings.verify or settings.host_trust
        context.check_hostname = checks and (settings.check_hostname or settings.host_trust)
        context.verify_mode = ssl.CERT_REQUIRED if checks else ssl.CERT_NONE
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if settings.ca and not settings.host_trust:
            context.load_verify_locations(cadata=settings.ca)
        else:
            context.load_default_certs()
        if self._extra_ca:
            context.load_verify_locations(cadata=self._extra_ca)
        if settings.alpn:
            context.set_alpn_protocols(list(settings.alpn))
        if settings.minimum > ssl.TLSVersion.TLSv1_2:
            context.minimum_version = ssl.TLSVersion(settings.minimum)
        if ssl.TLSVersion.TLSv1_2 <= settings.maximum:
            context.maximum_version = ssl.TLSVersion(settings.maximum)
        if settings.client_cert is not None:
            _load_client_cert(context, *settings.client_cert)
        return context


def _load_client_cert(context: ssl.SSLContext, certificate: str, key: str) -> None:
    import os
    import tempfile

    # OpenSSL reads them from files only.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "client.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(certificate + "\n" + key)
        context.load_cert_chain(path, password="")


class TlsLayer:
    """TLS over a connected socket of the host, which doesn't block. ``answers``: the handshake's outcome is
    to be told in front of the data."""

    def __init__(
        self,
        handle: socket.socket,
        context: ssl.SSLContext,
        server_name: str | None,
        *,
        answers: bool = False,
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._handle = handle  # the connection's
        self._unsent = b""
        self._answers = answers
        self._answer: bytes | None = None
        self._failure: TlsFailure | None = None
        self.established = False

    @property
    def wants_write(self) -> bool:
        return bool(self._unsent)

    def handshake(self) -> None:
        """Go on with the handshake. Raises BlockingIOError, `TlsFailure`, OSError."""
        while not self.established:
            if self._failure is not None:
                raise self._failure
            try:
                self._tls.do_handshake()
                self.established = True
            except ssl.SSLWantReadError:
                self._flush()
                self._fetch()
            except (ssl.SSLError, ValueError) as error:
                raise self._failed(error) from error
        self._flush_quietly()
        if self._answers and self._answer is None:
            self._answers = False
            self._answer = _frame({"ok": self.info()})

    def _failed(self, error: Exception) -> TlsFailure:
        self._flush_quietly()  # the alert
        self._failure = TlsFailure(error)
        if self._answers:
            self._answers = False
            self._answer = _frame({"error": self._failure.fields})
        return self._failure

    def _flush_quietly(self) -> None:
        try:
            self._flush()
        except OSError:
            pass

    def take_answer(self) -> bytes | None:
        """What the guest has to be told of the handshake, once."""
        answer, self._answer = self._answer, None
        return answer

    def receive(self, size: int) -> bytes:
        """Plain text; b"" at the end. Raises BlockingIOError, `TlsFailure`, OSError."""
        self.handshake()
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._flush_quietly()
                self._fetch()
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLEOFError:
                return b""  # as `ssl` itself has it: suppress_ragged_eofs
            except ssl.SSLError as error:
                raise self._failed(error) from error

    def send(self, data: bytes) -> int:
        """Encrypt and send; how many bytes were taken. Raises BlockingIOError, `TlsFailure`, OSError."""
        self.handshake()
        self._flush()
        try:
            count = self._tls.write(data)
        except ssl.SSLError as error:
            raise self._failed(error) from error
        self._flush_quietly()
        return count

    def send_all(self, data: bytes, seconds: float) -> None:
        """Send all, waiting at most so long for each piece, and end TLS in order."""
        self._handle.settimeout(seconds)
        self.send(data)
        self.say_goodbye()
        self._handle.sendall(self._unsent)

    def say_goodbye(self) -> None:
        """Tell the peer that nothing more will come."""
        if not self.established:
            return
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass
        self._flush_quietly()

    def _flush(self) -> None:
        self._unsent += self._outgoing.read()
        while self._unsent:
            count = self._handle.send(self._unsent)
            self._unsent = self._unsent[count:]

    def _fetch(self) -> None:
        data = self._handle.recv(65536)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def info(self) -> dict[str, Any]:
        """What the guest's ssl tells of an established connection."""
        certificate = self._tls.getpeercert(binary_form=True)
        return {
            "version": self._tls.version(),
            "cipher": self._tls.cipher(),
            "alpn": self._tls.selected_alpn_protocol(),
            "certificate": self._tls.getpeercert(),
            "der": None if certificate is None else certificate.hex(),
        }


def failure_answer(fields: Mapping[str, Any]) -> bytes:
    """The answer to a token whose handshake can't be."""
    return _frame({"error": dict(fields)})


def _frame(content: Mapping[str, Any]) -> bytes:
    data = json.dumps(content).encode("ascii")
    return ANSWER_MARK + struct.pack(">I", len(data)) + data


class TlsTokens:
    """The tokens that a guest was given and hasn't sent yet, each with what it asked for."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[bytes, Any] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def make(self, wanted: Any) -> bytes:
        """A new token that stands for `wanted`."""
        token = TOKEN_MARK + secrets.token_hex(_TOKEN_BYTES).encode("ascii")
        self._waiting[token] = wanted
        if len(self._waiting) > MAX_TOKENS:
            self._waiting.popitem(last=False)
        return token

    def find(self, data: bytes) -> tuple[bytes, Any, bytes] | None:
        """What comes before a token in data that a guest sends, what it stands for, and what comes after."""
        start = data.find(TOKEN_MARK)
        if start < 0:
            return None
        end = start + len(TOKEN_MARK) + 2 * _TOKEN_BYTES
        wanted = self._waiting.pop(data[start:end], None)
        return None if wanted is None else (data[:start], wanted, data[end:])
