"""What the standard library's `ssl` needs to be imported, in a sandbox that has no network.

Contexts can be made and configured, as libraries do when they are imported; a handshake can't happen, and
says so. The constants are OpenSSL 3's.
"""

from __future__ import annotations

import errno
import os

OPENSSL_VERSION = "none: this sandbox has no TLS"
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


def _no_tls() -> SSLError:
    return SSLError(errno.ENOTSUP, "TLS is not available: the sandbox has no network")


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
        """A setting that has no effect without connections."""

    load_cert_chain = load_dh_params = load_verify_locations = set_ciphers = _setting
    set_default_verify_paths = set_ecdh_curve = _set_alpn_protocols = _setting
    set_psk_client_callback = set_psk_server_callback = _setting

    def cert_store_stats(self) -> dict[str, int]:
        """How many certificates are loaded: none."""
        return {"x509": 0, "crl": 0, "x509_ca": 0}

    def get_ca_certs(self, binary_form: bool = False) -> list[object]:
        """The loaded certificates: none."""
        return []

    def get_ciphers(self) -> list[dict[str, object]]:
        """The ciphers: none."""
        return []

    def session_stats(self) -> dict[str, int]:
        """Nothing ever happened."""
        return dict.fromkeys(("number", "connect", "accept", "hits", "misses", "timeouts", "cache_full"), 0)

    def _wrap_socket(self, *args: object, **kwargs: object) -> None:
        raise _no_tls()

    _wrap_bio = _wrap_socket


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
    raise _no_tls()
