"""The standard library's `ssl` with TLS that the host does: what a context says goes there with a handshake.

On a socket, TLS is begun by a call of the host, and the descriptor carries plain text from then on. Over a
pair of `MemoryBIO`s the "handshake" is a token that the host hands out: the connection that it is sent on
starts TLS there, and sends the outcome back. The constants are OpenSSL 3's.
"""

from __future__ import annotations

import binascii
import os
import weakref
from _socket import socket as _c_socket

from pywasm_guest import wire

OPENSSL_VERSION = "OpenSSL 3.0.0 (TLS is done by the sandbox's host)"
OPENSSL_VERSION_NUMBER = 0x30000000
OPENSSL_VERSION_INFO = _OPENSSL_API_VERSION = (3, 0, 0, 0, 0)
_DEFAULT_CIPHERS = "DEFAULT"

PROTOCOL_TLS = PROTOCOL_SSLv23 = 2
PROTOCOL_TLSv1, PROTOCOL_TLSv1_1, PROTOCOL_TLSv1_2 = 3, 4, 5
PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER = 16, 17
PROTO_MINIMUM_SUPPORTED, PROTO_MAXIMUM_SUPPORTED = -2, -1
PROTO_SSLv3, PROTO_TLSv1, PROTO_TLSv1_1, PROTO_TLSv1_2, PROTO_TLSv1_3 = range(0x300, 0x305)

OP_NO_SSLv2 = OP_SINGLE_DH_USE = OP_SINGLE_ECDH_USE = 0
OP_LEGACY_SERVER_CONNECT, OP_ENABLE_KTLS, OP_IGNORE_UNEXPECTED_EOF = 0x4, 0x8, 0x80
OP_NO_TICKET, OP_NO_COMPRESSION = 0x4000, 0x20000
OP_ENABLE_MIDDLEBOX_COMPAT, OP_CIPHER_SERVER_PREFERENCE = 0x100000, 0x400000
OP_NO_SSLv3, OP_NO_TLSv1, OP_NO_TLSv1_2 = 0x2000000, 0x4000000, 0x8000000
OP_NO_TLSv1_1, OP_NO_TLSv1_3, OP_NO_RENEGOTIATION = 0x10000000, 0x20000000, 0x40000000
OP_ALL = 0x80000050

VERIFY_DEFAULT, VERIFY_CRL_CHECK_LEAF, VERIFY_CRL_CHECK_CHAIN = 0, 0x4, 0xC
VERIFY_X509_STRICT, VERIFY_ALLOW_PROXY_CERTS = 0x20, 0x40
VERIFY_X509_TRUSTED_FIRST, VERIFY_X509_PARTIAL_CHAIN = 0x8000, 0x80000
CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = range(3)
ENCODING_PEM, ENCODING_DER = 1, 2
HOSTFLAG_NEVER_CHECK_SUBJECT = 0x20

SSL_ERROR_SSL, SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_WANT_X509_LOOKUP = 1, 2, 3, 4
SSL_ERROR_SYSCALL, SSL_ERROR_ZERO_RETURN, SSL_ERROR_WANT_CONNECT, SSL_ERROR_EOF = 5, 6, 7, 8
SSL_ERROR_INVALID_ERROR_CODE = 10

_ALERTS = {
    "CLOSE_NOTIFY": 0,
    "UNEXPECTED_MESSAGE": 10,
    "BAD_RECORD_MAC": 20,
    "RECORD_OVERFLOW": 22,
    "DECOMPRESSION_FAILURE": 30,
    "HANDSHAKE_FAILURE": 40,
    "BAD_CERTIFICATE": 42,
    "UNSUPPORTED_CERTIFICATE": 43,
    "CERTIFICATE_REVOKED": 44,
    "CERTIFICATE_EXPIRED": 45,
    "CERTIFICATE_UNKNOWN": 46,
    "ILLEGAL_PARAMETER": 47,
    "UNKNOWN_CA": 48,
    "ACCESS_DENIED": 49,
    "DECODE_ERROR": 50,
    "DECRYPT_ERROR": 51,
    "PROTOCOL_VERSION": 70,
    "INSUFFICIENT_SECURITY": 71,
    "INTERNAL_ERROR": 80,
    "USER_CANCELLED": 90,
    "NO_RENEGOTIATION": 100,
    "UNSUPPORTED_EXTENSION": 110,
    "CERTIFICATE_UNOBTAINABLE": 111,
    "UNRECOGNIZED_NAME": 112,
    "BAD_CERTIFICATE_STATUS_RESPONSE": 113,
    "BAD_CERTIFICATE_HASH_VALUE": 114,
    "UNKNOWN_PSK_IDENTITY": 115,
}
globals().update({f"ALERT_DESCRIPTION_{name}": number for name, number in _ALERTS.items()})

HAS_SNI = HAS_ECDH = HAS_ALPN = HAS_TLSv1_2 = HAS_TLSv1_3 = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_PSK = HAS_PHA = HAS_TLS_UNIQUE = False


class SSLError(OSError):
    """An error of TLS."""

    library = reason = None

    def __str__(self) -> str:
        return str(self.strerror) if isinstance(self.strerror, str) else str(self.args)


class SSLZeroReturnError(SSLError):
    """The connection was closed in order."""


class SSLWantReadError(SSLError):
    """More has to be received first."""


class SSLWantWriteError(SSLError):
    """More has to be sent first."""


class SSLSyscallError(SSLError):
    """The system failed."""


class SSLEOFError(SSLError):
    """The connection ended in the middle."""


class SSLCertVerificationError(SSLError, ValueError):
    """The certificate is not to be trusted."""


for _class in (SSLError, *SSLError.__subclasses__()):
    _class.__module__ = "ssl"


_CLASSES = {cls.__name__: cls for cls in (SSLError, *SSLError.__subclasses__())}
_ANSWER_MARK = b"\x16\x03\x01pywasm-tls-answer:"


def _error(fields: dict[str, object]) -> SSLError:
    """An error of the host's TLS, again."""
    cls = _CLASSES.get(fields.get("class"))
    if cls is None:  # the connection failed, not TLS
        return SSLSyscallError(SSL_ERROR_SYSCALL, fields["text"])
    error = cls(SSL_ERROR_SSL, fields["text"])
    for name in ("library", "reason", "verify_code", "verify_message"):
        if name in fields:
            setattr(error, name, fields[name])
    return error


def _request(op: str, **arguments: object) -> object:
    reply = wire.call({"op": op, **arguments})
    if "error" not in reply:
        return reply["value"]
    if reply["error"] == "ssl":
        raise _error(reply["tls"])
    raise wire.failure(reply)


def _tuples(value: object) -> object:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _pem_of(data: str | bytes) -> str:
    if isinstance(data, str):
        return data
    text = binascii.b2a_base64(data, newline=False).decode("ascii")
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


class SSLSession:
    """A session; there never is one."""


class MemoryBIO:
    """Bytes on their way to or from a TLS object."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._ended = False

    @property
    def eof(self) -> bool:
        """Whether all was read and no more will come."""
        return self._ended and not self._data

    @property
    def pending(self) -> int:
        """How many bytes can be read."""
        return len(self._data)

    def read(self, size: int = -1) -> bytes:
        """Take up to ``size`` bytes, all if it is negative."""
        end = len(self._data) if size < 0 else size
        taken = bytes(self._data[:end])
        del self._data[:end]
        return taken

    def write(self, data: bytes) -> int:
        """Add bytes; how many."""
        if self._ended:
            raise SSLError("cannot write() after write_eof()")
        self._data += data
        return len(memoryview(data).cast("B"))

    def write_eof(self) -> None:
        """No more will come."""
        self._ended = True


def _kept(name: str) -> property:
    """A setting; a property because `ssl` overrides it and reaches this one through ``super()``."""

    def get(self: _SSLContext) -> object:
        return self._settings[name]

    def put(self: _SSLContext, value: object) -> None:
        self._settings[name] = value

    return property(get, put)


class _SSLContext:
    """Keeps the settings, and refuses to connect."""

    verify_flags, options = _kept("verify_flags"), _kept("options")
    minimum_version, maximum_version = _kept("minimum_version"), _kept("maximum_version")
    sni_callback, _msg_callback = _kept("sni_callback"), _kept("_msg_callback")
    keylog_filename, num_tickets = _kept("keylog_filename"), _kept("num_tickets")

    def __new__(cls, protocol: int) -> _SSLContext:
        self = super().__new__(cls)
        self._protocol = protocol
        is_client = protocol == PROTOCOL_TLS_CLIENT
        self._check_hostname = is_client
        self._verify_mode = CERT_REQUIRED if is_client else CERT_NONE
        self._settings = {
            "verify_flags": VERIFY_X509_TRUSTED_FIRST,
            "options": OP_ALL | OP_NO_SSLv3 | OP_NO_COMPRESSION | OP_IGNORE_UNEXPECTED_EOF,
            "minimum_version": PROTO_TLSv1_2,
            "maximum_version": PROTO_MAXIMUM_SUPPORTED,
            "sni_callback": None,
            "_msg_callback": None,
            "keylog_filename": None,
            "num_tickets": 2,
        }
        self._ca: list[str] = []
        self._alpn: list[str] = []
        self._own: tuple[str, str] = ("", "")
        self.post_handshake_auth = False
        self.security_level, self._host_flags = 2, 0
        return self

    @property
    def protocol(self) -> int:
        """The number that it was made with."""
        return self._protocol

    @property
    def check_hostname(self) -> bool:
        """Whether the certificate has to be the host's."""
        return self._check_hostname

    @check_hostname.setter
    def check_hostname(self, value: bool) -> None:
        if value and self._verify_mode == CERT_NONE:
            self._verify_mode = CERT_REQUIRED
        self._check_hostname = bool(value)

    @property
    def verify_mode(self) -> int:
        """CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED."""
        return self._verify_mode

    @verify_mode.setter
    def verify_mode(self, value: int) -> None:
        if value not in (CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED):
            raise ValueError("invalid value for verify_mode")
        if value == CERT_NONE and self._check_hostname:
            raise ValueError("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.")
        self._verify_mode = value

    def _setting(self, *args: object, **kwargs: object) -> None:
        """A setting that the host decides on."""

    load_dh_params = set_ciphers = set_default_verify_paths = set_ecdh_curve = _setting
    set_psk_client_callback = set_psk_server_callback = _setting

    def load_verify_locations(
        self, cafile: object = None, capath: object = None, cadata: str | bytes | None = None
    ) -> None:
        """Certificates to trust in place of the host's."""
        if cafile is None and capath is None and cadata is None:
            raise TypeError("cafile, capath and cadata cannot be all omitted")
        if cafile is not None:
            with open(cafile, encoding="utf-8", errors="replace") as file:
                self._add_ca(file.read())
        if cadata is not None:
            self._add_ca(_pem_of(cadata))
        if capath is not None:
            for name in sorted(os.listdir(capath)):
                if name.endswith((".pem", ".crt", ".0")):
                    with open(os.path.join(capath, name), encoding="utf-8", errors="replace") as file:
                        self._add_ca(file.read())

    def _add_ca(self, text: str) -> None:
        if "-----BEGIN" not in text:
            raise SSLError(SSL_ERROR_SSL, "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found")
        if text not in self._ca:
            self._ca.append(text)

    def load_cert_chain(self, certfile: object, keyfile: object = None, password: object = None) -> None:
        """The certificate that the host shows to servers that ask for one; its key goes to the host."""
        if password is not None:
            raise NotImplementedError("keys with a password can't be used in the sandbox")
        texts = []
        for path in (certfile, keyfile):
            if path is not None:
                with open(path, encoding="ascii") as file:
                    texts.append(file.read())
        self._own = (texts[0], texts[1] if len(texts) > 1 else "")

    def _set_alpn_protocols(self, protocols: bytes) -> None:
        names = []
        while protocols:
            size = protocols[0]
            names.append(protocols[1 : 1 + size].decode("ascii"))
            protocols = protocols[1 + size :]
        self._alpn = names

    def _wishes(self, server_hostname: str | None) -> dict[str, object]:
        """What the host is told."""
        settings = self._settings
        return {
            "server_name": server_hostname,
            "verify": self._verify_mode != CERT_NONE,
            "check_hostname": self._check_hostname,
            "ca": "".join(self._ca),
            "alpn": self._alpn,
            "minimum": max(settings["minimum_version"], 0),
            "maximum": max(settings["maximum_version"], 0),
            "certificate": self._own[0],
            "key": self._own[1],
        }

    def cert_store_stats(self) -> dict[str, int]:
        """How many certificates are loaded; the host's own don't count."""
        count = sum(text.count("-----BEGIN CERTIFICATE-----") for text in self._ca)
        return {"x509": count, "crl": 0, "x509_ca": count}

    def get_ca_certs(self, binary_form: bool = False) -> list[object]:
        """The loaded certificates, in DER; they are not decoded here."""
        if not binary_form:
            return []
        bodies = [
            part.partition("-----END CERTIFICATE-----")[0]
            for text in self._ca
            for part in text.split("-----BEGIN CERTIFICATE-----")[1:]
        ]
        return [binascii.a2b_base64(body) for body in bodies]

    def get_ciphers(self) -> list[dict[str, object]]:
        """The ciphers: none."""
        return []

    def session_stats(self) -> dict[str, int]:
        """Nothing ever happened."""
        return dict.fromkeys(("number", "connect", "accept", "hits", "misses", "timeouts", "cache_full"), 0)

    def _wrap_socket(
        self, sock: object, server_side: bool, server_hostname: object = None, *, owner=None, session=None
    ) -> _SSLSocket:
        return _SSLSocket(self, _client(server_side), _host(self, server_hostname), owner, sock)

    def _wrap_bio(
        self,
        incoming: MemoryBIO,
        outgoing: MemoryBIO,
        server_side: bool,
        server_hostname: object = None,
        *,
        owner=None,
        session=None,
    ) -> _SSLOverBIO:
        return _SSLOverBIO(
            self, _client(server_side), _host(self, server_hostname), owner, (incoming, outgoing)
        )


def _client(server_side: bool) -> bool:
    if server_side:
        raise SSLError(SSL_ERROR_SSL, "the sandbox has no TLS for servers")
    return server_side


def _host(context: _SSLContext, name: object) -> str | None:
    if isinstance(name, bytes):
        name = name.decode("ascii")
    if name is not None and (not name or name.startswith(".")):
        raise ValueError("server_hostname cannot be an empty string or start with a leading dot.")
    if name is None and context.check_hostname:
        raise ValueError("check_hostname requires server_hostname")
    return name if name is None or name.isascii() else name.encode("idna").decode("ascii")


class _Tls:
    """What `ssl` asks of a connection, whatever it runs over."""

    session = None
    session_reused = False

    def __init__(
        self,
        context: _SSLContext,
        server_side: bool,
        server_hostname: str | None,
        owner: object,
        transport: object,
    ) -> None:
        self.context = context
        self.server_side = server_side
        self.server_hostname = server_hostname
        self.owner = owner
        self._info: dict[str, object] | None = None
        self._attach(transport)

    def _known(self, name: str) -> object:
        return None if self._info is None else self._info[name]

    def getpeercert(self, binary_form: bool = False) -> object:
        if self._info is None:
            raise ValueError("handshake not done yet")
        if binary_form:
            der = self._info["der"]
            return None if der is None else bytes.fromhex(der)
        certificate = self._info["certificate"]
        return certificate and {name: _tuples(value) for name, value in certificate.items()}

    def get_verified_chain(self) -> list[object]:
        return []

    get_unverified_chain = get_verified_chain

    def cipher(self) -> object:
        return _tuples(self._known("cipher"))

    def version(self) -> object:
        return self._known("version")

    def selected_alpn_protocol(self) -> object:
        return self._known("alpn")

    def shared_ciphers(self) -> None:
        return None

    compression = selected_npn_protocol = shared_ciphers

    def get_channel_binding(self, cb_type: str = "tls-unique") -> None:
        if cb_type != "tls-unique":
            raise ValueError(f"{cb_type!r} channel binding type not implemented")

    def verify_client_post_handshake(self) -> None:
        raise NotImplementedError("Post-handshake auth is not supported by the sandbox's host")

    def pending(self) -> int:
        return 0


class _SSLSocket(_Tls):
    """TLS on a socket. Once it is begun the descriptor carries plain text."""

    def _attach(self, sock: object) -> None:
        self._sock = weakref.ref(sock)

    def _socket(self) -> object:
        sock = self._sock()
        if sock is None or sock.fileno() < 0:
            raise SSLError(SSL_ERROR_SSL, "Underlying socket connection gone")
        return sock

    def do_handshake(self) -> None:
        if self._info is not None:
            return
        sock = self._socket()
        answer = _request(
            "net.tls",
            fd=sock.fileno(),
            timeout=sock.gettimeout(),
            **self.context._wishes(self.server_hostname),
        )
        if "ok" not in answer:
            if answer["want"] == "write":
                raise SSLWantWriteError(SSL_ERROR_WANT_WRITE, "The operation did not complete (write)")
            raise SSLWantReadError(SSL_ERROR_WANT_READ, "The operation did not complete (read)")
        self._info = answer["ok"]

    def read(self, size: int = 1024, buffer: object = None) -> object:
        self.do_handshake()
        sock = self._socket()
        try:
            if buffer is None:
                return _c_socket.recv(sock, size)
            return _c_socket.recv_into(sock, buffer, size if size and size > 0 else 0)
        except BlockingIOError:
            raise SSLWantReadError(SSL_ERROR_WANT_READ, "The operation did not complete (read)") from None
        except TimeoutError:
            raise TimeoutError("The read operation timed out") from None

    def write(self, data: object) -> int:
        self.do_handshake()
        try:
            return _c_socket.send(self._socket(), data)
        except BlockingIOError:
            raise SSLWantWriteError(SSL_ERROR_WANT_WRITE, "The operation did not complete (write)") from None
        except TimeoutError:
            raise TimeoutError("The write operation timed out") from None

    def shutdown(self) -> object:
        sock = self._socket()
        _request("net.tls_end", fd=sock.fileno())
        return sock


class _SSLOverBIO(_Tls):
    """TLS over a transport of somebody else's: a token out, an answer in, plain text from then on."""

    def _attach(self, bios: tuple[MemoryBIO, MemoryBIO]) -> None:
        self._incoming, self._outgoing = bios
        self._started = False
        self._received = b""

    def do_handshake(self) -> None:
        if self._info is not None:
            return
        if not self._started:
            self._started = True
            token = _request("net.tls_token", **self.context._wishes(self.server_hostname))
            self._outgoing.write(token.encode("ascii"))
        self._received += self._incoming.read()
        start = len(_ANSWER_MARK) + 4
        if len(self._received) >= start or not _ANSWER_MARK.startswith(self._received[: len(_ANSWER_MARK)]):
            if not self._received.startswith(_ANSWER_MARK):
                raise SSLError(
                    SSL_ERROR_SSL, "TLS can only run over a connection that the sandbox's host made"
                )
            end = start + int.from_bytes(self._received[start - 4 : start], "big")
            if len(self._received) >= end:
                answer, rest = self._received[start:end], self._received[end:]
                self._finish(wire.decode(answer), rest)
                return
        if self._incoming.eof:
            raise SSLEOFError(SSL_ERROR_EOF, "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred")
        raise SSLWantReadError(SSL_ERROR_WANT_READ, "The operation did not complete (read)")

    def _finish(self, answer: dict[str, object], rest: bytes) -> None:
        if "error" in answer:
            raise _error(answer["error"])
        self._info, self._received = answer["ok"], rest

    def pending(self) -> int:
        return len(self._received)

    def read(self, size: int = 1024, buffer: object = None) -> object:
        self.do_handshake()
        if buffer is not None and (not size or size > len(buffer)):
            size = len(buffer)
        data, self._received = self._received[:size], self._received[size:]
        data = data or self._incoming.read(size)
        if not data and not self._incoming.eof and size:
            raise SSLWantReadError(SSL_ERROR_WANT_READ, "The operation did not complete (read)")
        if buffer is None:
            return data
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: object) -> int:
        self.do_handshake()
        return self._outgoing.write(bytes(data))

    def shutdown(self) -> None:
        return None


def RAND_bytes(n: int) -> bytes:
    """Random bytes."""
    return os.urandom(n)


def RAND_status() -> bool:
    """There is always enough randomness."""
    return True


def RAND_add(data: object, entropy: float) -> None:
    """Nothing to add to."""


def txt2obj(txt: str, name: bool = False) -> tuple[int, str, str, str]:
    """The object identifiers that `ssl` itself asks for."""
    known = {
        "1.3.6.1.5.5.7.3.1": (129, "serverAuth", "TLS Web Server Authentication", "1.3.6.1.5.5.7.3.1"),
        "1.3.6.1.5.5.7.3.2": (130, "clientAuth", "TLS Web Client Authentication", "1.3.6.1.5.5.7.3.2"),
    }
    if txt not in known:
        raise ValueError(f"unknown object '{txt[:100]}'")
    return known[txt]


def nid2obj(nid: int) -> tuple[int, str, str, str]:
    """As `txt2obj`, by number."""
    for identifier in ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"):
        if txt2obj(identifier)[0] == nid:
            return txt2obj(identifier)
    raise ValueError(f"unknown NID {nid}")


def get_default_verify_paths() -> tuple[str, str, str, str]:
    """Where OpenSSL would look."""
    return ("SSL_CERT_FILE", "/usr/lib/ssl/cert.pem", "SSL_CERT_DIR", "/usr/lib/ssl/certs")


def _test_decode_cert(path: str) -> dict[str, object]:
    raise NotImplementedError("certificates are decoded by the sandbox's host")
