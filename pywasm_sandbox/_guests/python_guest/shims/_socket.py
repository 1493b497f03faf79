"""The C module `_socket`, and what WASI's C library lacks of it: that is done by the host.

A socket is a descriptor as ever: receiving, sending, timeouts and polling are the C module's own.
"""

from __future__ import annotations

import _frozen_importlib
import errno
import os
from _frozen_importlib import BuiltinImporter

from pywasm_guest import wire


def _built_in() -> object:
    spec = BuiltinImporter.find_spec("_socket")
    module = _frozen_importlib.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_c = _built_in()
globals().update({name: value for name, value in vars(_c).items() if not name.startswith("__")})

# Numbers of Linux for what the C library has no names for; SO_TYPE is its own.
SO_REUSEADDR, SO_ERROR, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE = 2, 4, 6, 7, 8, 9
SO_LINGER, SO_REUSEPORT, SO_RCVTIMEO, SO_SNDTIMEO, SO_ACCEPTCONN = 13, 15, 20, 21, 30
_HOST_OPTIONS = {
    (_c.SOL_SOCKET, SO_ERROR): "SO_ERROR",
    (_c.SOL_SOCKET, SO_SNDBUF): "SO_SNDBUF",
    (_c.SOL_SOCKET, SO_RCVBUF): "SO_RCVBUF",
    (_c.SOL_SOCKET, SO_KEEPALIVE): "SO_KEEPALIVE",
    (_c.IPPROTO_TCP, _c.TCP_NODELAY): "TCP_NODELAY",
}
_SERVICES = {
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "domain": 53,
    "http": 80,
    "pop3": 110,
    "ntp": 123,
    "imap2": 143,
    "imap": 143,
    "ldap": 389,
    "https": 443,
    "submission": 587,
    "imaps": 993,
    "pop3s": 995,
    "mysql": 3306,
    "postgresql": 5432,
}
_PROTOCOLS = {"ip": _c.IPPROTO_IP, "icmp": _c.IPPROTO_ICMP, "tcp": _c.IPPROTO_TCP, "udp": _c.IPPROTO_UDP}
_STREAMS_ONLY = "the sandbox's network is TCP: there are stream sockets only"


def _request(op: str, **arguments: object) -> object:
    reply = wire.call({"op": op, **arguments})
    if "error" not in reply:
        return reply["value"]
    if reply["error"] == "gaierror":
        raise _c.gaierror(getattr(_c, reply["code"], -4), reply["message"])
    raise wire.failure(reply)


def _text(host: object) -> str:
    if isinstance(host, str):
        return host
    if isinstance(host, bytes | bytearray):
        return host.decode("ascii")
    raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")


def _numeric(host: str, family: int) -> str:
    """The address that a host is for a socket of this family."""
    if host == "":
        return "0.0.0.0" if family == _c.AF_INET else "::"
    if host == "<broadcast>":
        return "255.255.255.255"
    if ":" in host and family == _c.AF_INET6:
        return host  # the host reads it, an IPv4-mapped one too
    for _, _, _, _, address in getaddrinfo(host, 0, family, _c.SOCK_STREAM):
        return address[0]
    raise _c.gaierror(_c.EAI_NONAME, "Name or service not known")


def _as_address(pair: list[object] | None, family: int) -> tuple[object, ...]:
    host, port = pair or ("0.0.0.0" if family == _c.AF_INET else "::", 0)
    return (host, port) if family == _c.AF_INET else (host, port, 0, 0)


class socket(_c.socket):
    """socket(family=AF_INET, type=SOCK_STREAM, proto=0) -> socket object

    A TCP connection that the host makes, as far as the sandbox's network policy allows.
    """

    __slots__ = ("_bound",)

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        family = _c.AF_INET if family == -1 else family
        kind = _c.SOCK_STREAM if type == -1 else type
        self._bound = None
        if fileno is not None:
            super().__init__(family, kind, max(proto, 0), fileno)
            return
        if family not in (_c.AF_INET, _c.AF_INET6):
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by the sandbox")
        if kind & ~(_c.SOCK_NONBLOCK | _c.SOCK_CLOEXEC) != _c.SOCK_STREAM:
            raise OSError(errno.EPROTONOSUPPORT, _STREAMS_ONLY)
        if proto not in (-1, 0, _c.IPPROTO_TCP):
            raise OSError(errno.EPROTONOSUPPORT, _STREAMS_ONLY)
        number = _request("net.socket")
        try:
            super().__init__(family, kind, max(proto, 0), number)
            if kind & _c.SOCK_NONBLOCK:
                self.setblocking(False)
        except BaseException:
            os.close(number)
            raise

    def _checked(self, address: object, name: str) -> tuple[str, int]:
        family, sizes = ("AF_INET", (2,)) if self.family == _c.AF_INET else ("AF_INET6", (2, 3, 4))
        if not isinstance(address, tuple):
            raise TypeError(f"{name}(): {family} address must be tuple, not {type(address).__name__}")
        if len(address) not in sizes:
            raise TypeError(f"{name}(): {family} address must be a pair (host, port)")
        host, port = address[:2]
        if not isinstance(port, int):
            raise TypeError(f"'{type(port).__name__}' object cannot be interpreted as an integer")
        if not 0 <= port <= 65535:
            raise OverflowError(f"{name}(): port must be 0-65535.")
        return _numeric(_text(host), self.family), port

    def connect(self, address: object) -> None:
        """Connect the socket to a remote address: a pair (host, port)."""
        host, port = self._checked(address, "connect")
        _request("net.connect", fd=self.fileno(), host=host, port=port, timeout=self.gettimeout())

    def connect_ex(self, address: object) -> int:
        """As connect(address), but return the error number in place of raising an OSError; 0 for success."""
        try:
            self.connect(address)
        except TimeoutError:
            return errno.EAGAIN
        except _c.gaierror:
            raise
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def bind(self, address: object) -> None:
        """Choose the local address that listen() will use."""
        host, port = self._checked(address, "bind")
        self._bound = host, port or _request("net.bind", fd=self.fileno(), host=host)

    def listen(self, backlog: int = 128) -> None:
        """Accept connections to the host's loopback interface, on a port that the sandbox's policy allows."""
        host, port = self._bound or ("0.0.0.0", 0)
        _request("net.listen", fd=self.fileno(), host=host, port=port, backlog=backlog)

    def _accept(self) -> tuple[int, tuple[object, ...]]:
        number, _ = super()._accept()
        return number, _as_address(_request("net.names", fd=number)[1], self.family)

    def getpeername(self) -> tuple[object, ...]:
        """The address of the remote endpoint."""
        peer = _request("net.names", fd=self.fileno())[1]
        if peer is None:
            raise OSError(errno.ENOTCONN, "Socket not connected")
        return _as_address(peer, self.family)

    def getsockname(self) -> tuple[object, ...]:
        """The address of the local endpoint."""
        own = _request("net.names", fd=self.fileno())[0]
        return _as_address(list(self._bound) if own is None and self._bound else own, self.family)

    def setsockopt(self, level: int, optname: int, value: object, optlen: int | None = None) -> None:
        """Set a socket option. The host takes a few; others are accepted and do nothing."""
        name = _HOST_OPTIONS.get((level, optname))
        if isinstance(value, int) and name is not None:
            _request("net.set_option", fd=self.fileno(), name=name, value=int(value))

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> int | bytes:
        """Get a socket option."""
        if (level, option) == (_c.SOL_SOCKET, _c.SO_TYPE):
            value = int(self.type)
        elif (level, option) in _HOST_OPTIONS:
            value = _request("net.get_option", fd=self.fileno(), name=_HOST_OPTIONS[level, option])
        else:
            value = 0
        if isinstance(value, str):  # SO_ERROR
            value = getattr(errno, value, errno.EIO) if value else 0
        return value.to_bytes(buflen, "little") if buflen else value

    def recvfrom(self, bufsize: int, flags: int = 0) -> tuple[bytes, None]:
        """Receive data, and where it comes from: which a connection does not say again."""
        return self.recv(bufsize, flags), None

    def recvfrom_into(self, buffer: object, nbytes: int = 0, flags: int = 0) -> tuple[int, None]:
        """As recvfrom(), into a buffer."""
        return self.recv_into(buffer, nbytes, flags), None

    def sendto(self, data: object, *args: object) -> int:
        """Send data; a connection ignores the address."""
        return self.send(data)

    def sendmsg(self, buffers: object, ancdata: object = (), flags: int = 0, address: object = None) -> int:
        """Send several buffers; there is no ancillary data."""
        if list(ancdata):
            raise OSError(errno.ENOTSUP, "ancillary data can't be sent from the sandbox")
        return self.send(b"".join(bytes(memoryview(each).cast("B")) for each in buffers), flags)

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0
    ) -> tuple[bytes, list[object], int, None]:
        """Receive data; there is no ancillary data."""
        return self.recv(bufsize, flags), [], 0, None


SocketType = socket


def _port(port: object) -> int:
    if port is None or port in ("", b""):
        return 0
    if isinstance(port, int):
        return port & 0xFFFF
    if not isinstance(port, str | bytes):
        raise OSError("Int or String expected")
    text = _text(port)
    if text.isdecimal():
        return int(text) & 0xFFFF
    if text not in _SERVICES:
        raise _c.gaierror(_c.EAI_SERVICE, "Servname not supported for ai_socktype")
    return _SERVICES[text]


def _addresses(host: str | None, flags: int) -> list[str]:
    if host is None:
        return ["0.0.0.0", "::"] if flags & _c.AI_PASSIVE else ["127.0.0.1", "::1"]
    if flags & _c.AI_NUMERICHOST and ":" not in host and not host.replace(".", "").isdecimal():
        raise _c.gaierror(_c.EAI_NONAME, "Name or service not known")
    return _request("net.resolve", host=host)


def getaddrinfo(
    host: object, port: object, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    """Resolve host and port into a list of (family, type, proto, canonname, address). The host looks names
    up."""
    number = _port(port)
    name = None if host is None else _text(host)
    if family not in (0, _c.AF_INET, _c.AF_INET6):
        raise _c.gaierror(_c.EAI_FAMILY, "ai_family not supported")
    kinds = [(_c.SOCK_STREAM, _c.IPPROTO_TCP), (_c.SOCK_DGRAM, _c.IPPROTO_UDP)]
    kinds = [pair for pair in kinds if type in (0, pair[0]) and proto in (0, pair[1])]
    if not kinds:
        raise _c.gaierror(_c.EAI_SOCKTYPE, "ai_socktype not supported")
    found = []
    for address in _addresses(name, flags):
        version = _c.AF_INET6 if ":" in address else _c.AF_INET
        if family in (0, version):
            pair = _as_address([address, number], version)
            canonical = name or "" if flags & _c.AI_CANONNAME and not found else ""
            found += [(version, kind, protocol, canonical, pair) for kind, protocol in kinds]
    if not found:
        raise _c.gaierror(_c.EAI_NODATA, "No address associated with hostname")
    return found


def gethostbyname(hostname: str) -> str:
    """The IPv4 address of a host."""
    return _numeric(_text(hostname), _c.AF_INET)


def gethostbyname_ex(hostname: str) -> tuple[str, list[str], list[str]]:
    """The true name of a host, its aliases, and its IPv4 addresses."""
    found = getaddrinfo(hostname, 0, _c.AF_INET, _c.SOCK_STREAM)
    return _text(hostname), [], [address[0] for *_, address in found]


def gethostbyaddr(ip_address: str) -> tuple[str, list[str], list[str]]:
    """Names are not looked up by address in the sandbox."""
    raise _c.herror(1, "Unknown host")


def getnameinfo(sockaddr: tuple[object, ...], flags: int) -> tuple[str, str]:
    """The host and port of an address as texts; names are not looked up by address in the sandbox."""
    host, port = sockaddr[:2]
    if flags & _c.NI_NAMEREQD:
        raise _c.gaierror(_c.EAI_NONAME, "Name or service not known")
    names = {number: name for name, number in reversed(_SERVICES.items())}
    return _text(host), str(port) if flags & _c.NI_NUMERICSERV else names.get(port, str(port))


def getservbyname(servicename: str, protocolname: str = "tcp") -> int:
    """The port of a well-known service."""
    if servicename not in _SERVICES:
        raise OSError("service/proto not found")
    return _SERVICES[servicename]


def getservbyport(port: int, protocolname: str = "tcp") -> str:
    """The well-known service of a port."""
    for name, number in _SERVICES.items():
        if number == port:
            return name
    raise OSError("port/proto not found")


def getprotobyname(protocolname: str) -> int:
    """The number of a protocol."""
    if protocolname not in _PROTOCOLS:
        raise OSError("protocol not found")
    return _PROTOCOLS[protocolname]


def socketpair(family: int = -1, type: int = -1, proto: int = 0) -> object:
    """Two sockets that are connected to each other, within the sandbox."""
    kind = _c.SOCK_STREAM if type == -1 else type & ~(_c.SOCK_NONBLOCK | _c.SOCK_CLOEXEC)
    if kind != _c.SOCK_STREAM:
        raise OSError(errno.EPROTONOSUPPORT, _STREAMS_ONLY)
    family = _c.AF_INET if family == -1 else family
    one, other = (socket(family, kind, proto, number) for number in _request("process.pair"))
    return one, other


def gethostname() -> str:
    """The name of the sandbox's machine."""
    return "sandbox"
