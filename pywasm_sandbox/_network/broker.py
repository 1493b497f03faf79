"""The host calls by which guests use the network. Each is one method; what they share is a sandbox's
`Network`."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from pywasm_sandbox._guests.hostcalls import HostCall, HostCallError
from pywasm_sandbox._wasi import Fd, WatchedFd
from pywasm_sandbox._wasi.errnos import ALREADY, WasiError, name_of

from .access import Access, SecretInHand, TlsDenied
from .addresses import Address, as_address, host_name
from .connection import Connection, Listener
from .http import Denied
from .log import NetworkLog
from .policy import NetworkPolicy, may_resolve
from .resolver import Lookup, Pins, system_resolver
from .tls import (
    MAX_PEM_BYTES,
    TlsContexts,
    TlsFailure,
    TlsLayer,
    TlsSettings,
    TlsTokens,
    describe,
    failure_answer,
)
from .usage import LimitReached, Reaper, Usage

__all__ = ["GuestNetwork", "Shared"]

MAX_BACKLOG: Final = 128
MAX_LOOKUPS: Final = 16
NO_NETWORK: Final = "the sandbox has no network: pass network=NetworkPolicy({}=[…]) to open one"
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_OPTIONS: Final = {
    "SO_KEEPALIVE": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "SO_SNDBUF": (socket.SOL_SOCKET, socket.SO_SNDBUF),
    "SO_RCVBUF": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "TCP_NODELAY": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
}
"""Options that are set on the host's socket; all others are accepted and have no effect."""


class Shared:
    """What the guests of a sandbox share; thread-safe. Without a policy everything is denied."""

    def __init__(self, policy: NetworkPolicy | None) -> None:
        self.is_open = policy is not None
        self.policy = NetworkPolicy() if policy is None else policy
        self.usage = Usage(self.policy)
        self.log = NetworkLog(self.policy.max_log_entries, self.policy.on_attempt)
        self.pins = Pins()
        self.reaper = Reaper()
        self.tls_contexts = TlsContexts(self.policy.ca_certificates)  # type: ignore[arg-type]  # PEM by now
        self.lookups: list[Lookup] = []
        self.secrets = [
            SecretInHand(secret, f"pywasm-secret-{secrets.token_hex(16)}") for secret in self.policy.secrets
        ]

    def refuse(self, what: str, reason: str, rule: str = "allow") -> HostCallError:
        """The error for what the policy denies; ``rule`` is the policy's field that would allow it."""
        if self.is_open:
            text = f"the network policy denies {what}: {reason}"
        else:
            text = f"{what}: {NO_NETWORK.format(rule)}"
        return HostCallError("PermissionError", text, "EACCES")


@contextmanager
def _errors() -> Iterator[None]:
    """Errno numbers of endpoints become errors of the call."""
    try:
        yield
    except WasiError as error:
        name = name_of(error.errno)
        raise HostCallError("OSError", str(error) or name, name) from error


class GuestNetwork:
    """The network calls of one guest. Used on the guest's thread."""

    def __init__(self, shared: Shared) -> None:
        self._network = shared
        self._tokens = TlsTokens()

    # ---- sockets ------------------------------------------------------------------------------------

    def open(self, call: HostCall) -> int:
        """A socket that isn't connected: its descriptor."""
        with _errors():
            return call.wasi.fds.insert(Fd.of_endpoint(self._new_connection()))

    def _new_connection(self) -> Connection:
        log = self._network.log
        return Connection(self._network.usage, self._tokens, lambda reason: log.add("limit", False, reason))

    @staticmethod
    def _connection(call: HostCall) -> Connection:
        endpoint = GuestNetwork._endpoint(call)
        if not isinstance(endpoint, Connection):
            raise HostCallError("OSError", "the socket listens", "EINVAL")
        return endpoint

    @staticmethod
    def _endpoint(call: HostCall) -> Connection | Listener:
        entry = call.wasi.open_fds.get(call.get("fd", int))
        if entry is None:
            raise HostCallError("OSError", "Bad file descriptor", "EBADF")
        if entry.endpoint is None:
            raise HostCallError("OSError", "Socket operation on non-socket", "ENOTSOCK")
        if not isinstance(entry.endpoint, Connection | Listener):
            raise HostCallError("ConnectionResetError", "the connection was reset", "ECONNRESET")
        return entry.endpoint

    def connect(self, call: HostCall) -> None:
        """Connect to an address; ``timeout`` as `socket.settimeout` has it."""
        connection = self._connection(call)
        address, port = _address(call), _port(call)
        timeout = _timeout(call)
        with _errors():
            try:
                self._begin(connection, address, port)
            except WasiError as error:
                if error.errno != ALREADY or connection.peer != (str(address), port):
                    raise  # else the call was interrupted, and is made again
            self._await_connection(call, connection, timeout)

    def _begin(self, connection: Connection, address: Address, port: int) -> None:
        network = self._network
        if connection.peer is not None:
            connection.begin(_FAMILIES[address.version], str(address), port)  # says what is wrong
        access = Access(
            network.policy, network.secrets, network.log, address, port, network.pins.names(address)
        )
        verdict = access.verdict
        network.log.add(
            "connect", verdict.allowed, verdict.reason, host=access.name, address=str(address), port=port
        )
        if not verdict.allowed:
            raise network.refuse(f"a connection to {address} port {port}", verdict.reason)
        connection.filter = access.plain_filter()
        connection.access = access
        connection.on_token = lambda wanted: self._tls_by_token(connection, wanted)
        connection.on_denied = lambda denied: self._note_denied(access, denied)
        try:
            connection.begin(_FAMILIES[address.version], str(address), port)
        except LimitReached as limit:
            network.log.add("limit", False, str(limit), address=str(address), port=port)
            raise network.refuse(f"a connection to {address} port {port}", f"limit {limit}") from None
        network.reaper.add(connection, network.policy.max_connection_seconds)

    def _note_denied(self, access: Access, denied: Denied) -> None:
        if denied.status == 400:  # else the check has logged it
            self._network.log.add(
                "request",
                False,
                denied.reason,
                host=access.name,
                address=str(access.address),
                port=access.port,
            )

    def _await_connection(self, call: HostCall, connection: Connection, timeout: float | None) -> None:
        if connection.connected():
            return
        if timeout == 0:
            raise HostCallError("BlockingIOError", "Operation in progress", "EINPROGRESS")
        limit = self._network.policy.connect_timeout
        end = time.monotonic() + (limit if timeout is None else min(timeout, limit))
        while not connection.connected():
            left = end - time.monotonic()
            if left <= 0:
                if timeout is not None and timeout <= limit:
                    raise HostCallError("TimeoutError", "timed out")
                raise HostCallError("OSError", f"no connection within {limit:g} s", "ETIMEDOUT")
            call.wait(left, connection.watch(True, call.wasi.waiter.wake))

    def names(self, call: HostCall) -> list[Any]:
        """The socket's own address and its peer's, each ``[address, port]`` or None."""
        endpoint = self._endpoint(call)
        handle = endpoint.socket
        if handle is None:
            return [None, None]
        with suppress(OSError):
            own = list(handle.getsockname()[:2])
            return [own, list(endpoint.peer) if isinstance(endpoint, Connection) and endpoint.peer else None]
        return [None, None]

    def get_option(self, call: HostCall) -> Any:
        """An option by name; SO_ERROR is the name of an error, or ""."""
        endpoint = self._endpoint(call)
        name = call.get("name", str)
        if name == "SO_ERROR":
            error = endpoint.take_error() if isinstance(endpoint, Connection) else None
            return "" if error is None else name_of(error.errno)
        if name not in _OPTIONS:
            return 0
        option = _OPTIONS[name]
        if endpoint.socket is None:
            return endpoint.options.get(option, 0) if isinstance(endpoint, Connection) else 0
        with suppress(OSError):
            return endpoint.socket.getsockopt(*option)
        return 0

    def set_option(self, call: HostCall) -> None:
        """Set an option by name, if it is one that the host takes."""
        endpoint = self._endpoint(call)
        option = _OPTIONS.get(call.get("name", str))
        value = call.get("value", int)
        if option is None or not isinstance(endpoint, Connection) or not 0 <= value <= 1 << 22:
            return
        endpoint.options[option] = value
        if endpoint.socket is not None:
            with suppress(OSError):
                endpoint.socket.setsockopt(*option, value)

    # ---- names --------------------------------------------------------------------------------------

    def resolve(self, call: HostCall) -> list[str]:
        """The addresses of a name, as texts, those that the policy lets nobody reach left out."""
        text = call.get("host", str)
        address = as_address(text)
        if address is not None:
            return [str(address)]
        name = host_name(text)
        if name is None:
            raise _lookup_error(f"{text!r:.100} is not the name of a host", "EAI_NONAME")
        if name == "localhost" or name.endswith(".localhost"):
            return self._pinned(name, [as_address("127.0.0.1"), as_address("::1")])
        verdict = may_resolve(self._network.policy, name)
        if not verdict.allowed:
            self._network.log.add("resolve", False, verdict.reason, host=name)
            text = self._network.refuse(f"looking up {name!r}", verdict.reason).message
            raise _lookup_error(text, "EAI_FAIL")
        return self._pinned(name, self._look_up(call, name))

    def _pinned(self, name: str, addresses: list[Any]) -> list[str]:
        network = self._network
        if not addresses:
            network.log.add("resolve", True, "it has no address", host=name)
            raise _lookup_error(f"{name!r} has no address", "EAI_NONAME")
        kept = [address for address in addresses if self._reachable(name, address)]
        if not kept:
            reason = "its address is not public, and no rule names that"
            network.log.add("resolve", False, reason, host=name, address=str(addresses[0]))
            raise _lookup_error(network.refuse(f"connections to {name!r}", reason).message, "EAI_FAIL")
        network.log.add("resolve", True, "resolved", host=name, address=str(kept[0]))
        network.pins.add(name, kept)
        return [str(address) for address in kept]

    def _reachable(self, name: str, address: Address) -> bool:
        if name == "localhost" or name.endswith(".localhost"):
            return True  # nobody was asked, and a connection is judged by itself
        rules: Any = self._network.policy.allow
        return any(rule.permits(name, address) for rule in rules)

    def _look_up(self, call: HostCall, name: str) -> list[Address]:
        network = self._network
        network.lookups = [lookup for lookup in network.lookups if not lookup.finished]
        if len(network.lookups) >= MAX_LOOKUPS:
            raise _lookup_error("too many names are being looked up", "EAI_AGAIN")
        policy = network.policy
        lookup = Lookup(name, policy.resolver or system_resolver, call.wasi.waiter.wake)
        network.lookups.append(lookup)
        end = time.monotonic() + policy.connect_timeout
        while not lookup.finished:
            left = end - time.monotonic()
            if left <= 0:
                raise _lookup_error(f"no answer within {policy.connect_timeout:g} s", "EAI_AGAIN")
            call.wait(left)
        return lookup.addresses

    # ---- listening ----------------------------------------------------------------------------------

    def bind(self, call: HostCall) -> int:
        """Choose the port for a socket that is bound to port 0, so that programs can tell it before they
        listen; 0 where nothing can listen, which `listen` will say: a client may bind, too."""
        connection = self._connection(call)
        if connection.socket is not None or connection.reserved is not None:
            raise HostCallError("OSError", "Invalid argument", "EINVAL")
        ports = self._network.policy.ports_to_listen()
        if not _is_loopback(call.get("host", str)) or not any(True for _ in ports):
            return 0
        with suppress(HostCallError):  # none is free
            # It listens already: two sockets that are only bound could get the same port.
            connection.reserved = _listener(self._network.policy.ports_to_listen(), MAX_BACKLOG)
        return 0 if connection.reserved is None else int(connection.reserved.getsockname()[1])

    def listen(self, call: HostCall) -> list[Any]:
        """Make the socket one that listens on the host's loopback interface; its own address."""
        connection = self._connection(call)
        network = self._network
        host, port = call.get("host", str), _port(call)
        if not _is_loopback(host):
            raise HostCallError("OSError", f"no interface has the address {host!r:.100}", "EADDRNOTAVAIL")
        if connection.socket is not None:
            raise HostCallError("OSError", "the socket is connected", "EINVAL")
        wanted = (port,) if port else network.policy.ports_to_listen()
        allowed = any(network.policy.may_listen(each) for each in wanted)
        reason = "allowed by listen" if allowed else "listen does not have the port"
        network.log.add("listen", allowed, reason, address="127.0.0.1", port=port)
        if not allowed:
            raise network.refuse(f"listening on port {port}", reason, "listen")
        backlog = min(max(call.get("backlog", int, 16), 1), MAX_BACKLOG)
        handle, connection.reserved = connection.reserved, None
        if handle is None:
            handle = _listener(wanted, backlog)
        else:
            handle.listen(backlog)
        call.wasi.open_fds[call.get("fd", int)].endpoint = Listener(handle, self._take_over)
        return list(handle.getsockname()[:2])

    def _take_over(self, handle: socket.socket) -> Connection:
        connection = self._new_connection()
        connection.take_over(handle)
        self._network.reaper.add(connection, self._network.policy.max_connection_seconds)
        return connection

    # ---- TLS ----------------------------------------------------------------------------------------

    def start_tls(self, call: HostCall) -> dict[str, Any]:
        """Begin TLS, or go on with its handshake: ``{"ok": …}``, or ``{"want": "read" or "write"}`` if it
        waits and ``timeout`` is 0."""
        connection = self._connection(call)
        timeout = _timeout(call)
        end = None if timeout is None else time.monotonic() + timeout
        with _errors():
            if not connection.connected():
                raise HostCallError("OSError", "the socket is not connected", "ENOTCONN")
            if connection.tls is None:
                layer = self._layer(connection, call.arguments, answers=False)
                if not isinstance(layer, TlsLayer):
                    raise _tls_error(layer)
                connection.tls = layer
        layer = connection.tls
        assert layer is not None
        while True:
            try:
                layer.handshake()
                return {"ok": layer.info()}
            except TlsFailure as failure:
                raise _tls_error(failure.fields) from failure
            except BlockingIOError:
                pass
            except OSError as error:
                raise _tls_error(describe(error)) from error
            if timeout == 0:
                return {"want": "write" if layer.wants_write else "read"}
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise HostCallError("TimeoutError", "_ssl.c: The handshake operation timed out")
            assert connection.socket is not None
            call.wait(left, [WatchedFd(connection.socket.fileno(), layer.wants_write)])

    def make_tls_token(self, call: HostCall) -> str:
        """What to send where a handshake would begin."""
        _settings(call.arguments)  # so that what is wrong is told here
        return self._tokens.make(dict(call.arguments)).decode("ascii")

    def _tls_by_token(self, connection: Connection, wanted: Any) -> TlsLayer | bytes:
        layer = self._layer(connection, wanted, answers=True)
        return layer if isinstance(layer, TlsLayer) else failure_answer(layer)

    def _layer(self, connection: Connection, arguments: Any, *, answers: bool) -> TlsLayer | dict[str, Any]:
        """TLS on a connection as the guest wants it and the policy has it, or the fields of the error."""
        settings, server_name = _settings(arguments)
        assert connection.socket is not None
        if connection.access is None:
            return {"class": "SSLError", "text": "TLS is for connections that go out"}
        try:
            connection.filter, host_trust = connection.access.enter_tls(server_name)
            if connection.filter is not None:
                settings = settings.for_http(host_trust)
            context = self._network.tls_contexts.get(settings)
            return TlsLayer(connection.socket, context, server_name, answers=answers)
        except TlsDenied as denied:
            return {"class": "SSLError", "text": f"the network policy denies TLS: {denied}"}
        except (OSError, ValueError, TypeError) as error:
            return describe(error)

    def end_tls(self, call: HostCall) -> None:
        """Tell the peer that nothing more is sent. What comes then is plain again for nobody: TLS stays."""
        connection = self._connection(call)
        if connection.tls is not None and connection.socket is not None:
            with suppress(OSError):
                connection.tls.say_goodbye()


def _address(call: HostCall) -> Address:
    text = call.get("host", str)
    address = as_address(text)
    if address is None:
        raise HostCallError("OSError", f"{text!r:.100} is not an address", "EINVAL")
    return address


def _is_loopback(host: str) -> bool:
    """Whether a socket of the host's loopback interface (IPv4) can stand for one with this address."""
    address = as_address(host or "127.0.0.1")
    return address is not None and address.version == 4 and (address.is_loopback or address.is_unspecified)


def _listener(ports: Iterable[int], backlog: int) -> socket.socket:
    """A socket that listens on the first of these ports that is free."""
    failure = "Address already in use"
    for port in ports:
        handle = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            handle.setblocking(False)
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            handle.bind(("127.0.0.1", port))
            handle.listen(backlog)
        except OSError as error:
            handle.close()
            failure = error.strerror or "bind"
        else:
            return handle
    raise HostCallError("OSError", failure, "EADDRINUSE")


def _port(call: HostCall) -> int:
    port = call.get("port", int)
    if not 0 <= port <= 65535:
        raise HostCallError("OverflowError", "port must be 0-65535.")
    return int(port)


def _timeout(call: HostCall) -> float | None:
    value = call.arguments.get("timeout")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        call.reject(f"{call.op}: argument 'timeout' is not a number of seconds")
    return float(value)


def _lookup_error(message: str, code: str) -> HostCallError:
    return HostCallError("gaierror", message, code=code)


def _tls_error(fields: dict[str, Any]) -> HostCallError:
    return HostCallError("ssl", str(fields["text"]), tls=fields)


def _settings(arguments: Any) -> tuple[TlsSettings, str | None]:
    """A guest's wishes. Raises `HostCallError`: a TypeError."""

    def get(name: str, kind: type, default: Any) -> Any:
        value = arguments.get(name, default)
        if value is not default and (
            not isinstance(value, kind) or isinstance(value, bool) != (kind is bool)
        ):
            raise HostCallError("TypeError", f"TLS setting {name!r} is a {type(value).__name__}")
        return value

    alpn = get("alpn", list, [])
    if not all(isinstance(name, str) and 0 < len(name) < 256 and name.isascii() for name in alpn[:16]):
        raise HostCallError("TypeError", "TLS setting 'alpn' is not a list of names")
    pem = get("ca", str, "")
    certificate, key = get("certificate", str, ""), get("key", str, "")
    if len(pem) + len(certificate) + len(key) > MAX_PEM_BYTES:
        raise HostCallError("ValueError", "the certificates are too large")
    settings = TlsSettings(
        verify=get("verify", bool, True),
        check_hostname=get("check_hostname", bool, True),
        ca=pem,
        alpn=tuple(alpn[:16]),
        minimum=get("minimum", int, 0),
        maximum=get("maximum", int, 0),
        client_cert=(certificate, key) if certificate else None,
    )
    return settings, get("server_name", str, None)
