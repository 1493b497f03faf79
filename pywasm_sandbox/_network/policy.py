"""What the guests of a sandbox may reach: rules, limits, secrets (docs/guide/network.md)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .addresses import Address, Network, as_address, host_name, is_metadata, is_special, names_special

if TYPE_CHECKING:
    from .log import NetworkAttempt

__all__ = ["NetworkPolicy", "NetworkRule", "Secret", "Verdict", "judge", "may_resolve"]

_METHOD: Final = re.compile(r"[A-Z]+")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SCHEMES: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class NetworkRule:
    """One rule, as a text: ``[METHOD,… ]host[:port[-port]]``.

    The host is a name (``example.com``), all subdomains of one (``*.example.com``), an address, a network
    (``10.0.0.0/8``) or ``*``, any public host; IPv6 with a port is in brackets. Without a port it holds for
    all ports; ``https://example.com`` is short for port 443. With methods, only HTTP requests with these
    pass.

    ``private``: the name may resolve to addresses that are not public.
    """

    text: str
    private: bool = False
    pattern: str | None = field(init=False, repr=False, compare=False, default=None)
    network: Network | None = field(init=False, repr=False, compare=False, default=None)
    ports: tuple[int, int] = field(init=False, repr=False, compare=False, default=(1, 65535))
    methods: frozenset[str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"a network rule is a text such as 'example.com:443', not {self.text!r}")
        *methods, rest = self.text.split(" ")
        if len(methods) > 1:
            raise self._wrong("it has more than one space")
        if methods:
            object.__setattr__(self, "methods", self._methods(methods[0]))
        host, ports = self._split(rest)
        object.__setattr__(self, "ports", ports)
        self._set_host(host)

    def _wrong(self, why: str) -> ValueError:
        return ValueError(f"network rule {self.text!r}: {why}")

    def _methods(self, text: str) -> frozenset[str]:
        methods = text.split(",")
        if not all(_METHOD.fullmatch(method) for method in methods):
            raise self._wrong(f"{text!r} is not a list of HTTP methods such as GET,HEAD")
        return frozenset(methods)

    def _split(self, text: str) -> tuple[str, tuple[int, int]]:
        scheme, separator, rest = text.partition("://")
        port = None
        if separator:
            if scheme not in _SCHEMES:
                raise self._wrong(f"{scheme}:// is neither http:// nor https://")
            port, text = _SCHEMES[scheme], rest.removesuffix("/")
        if text.startswith("["):
            host, closing, tail = text[1:].partition("]")
            if not closing or (tail and not tail.startswith(":")):
                raise self._wrong("an address in brackets is followed by nothing or a port")
            ports = tail.removeprefix(":")
        elif text.count(":") > 1:
            host, ports = text, ""
        else:
            host, _, ports = text.partition(":")
        if ports:
            return host, self._ports(ports)
        return host, (1, 65535) if port is None else (port, port)

    def _ports(self, text: str) -> tuple[int, int]:
        first, dash, last = text.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise self._wrong(f"{text!r} is neither a port nor a range of ports")
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= 65535:
            raise self._wrong(f"{text!r} is not within the ports 1 to 65535")
        return low, high

    def _set_host(self, host: str) -> None:
        network = self._network(host)
        if network is not None:
            object.__setattr__(self, "network", network)
            return
        base = host.removeprefix("*.")
        name = "*" if host == "*" else host_name(base)
        if name is None:
            raise self._wrong(f"{host!r} is neither a name, an address nor a network")
        object.__setattr__(self, "pattern", f"*.{name}" if base != host else name)

    def _network(self, host: str) -> Network | None:
        if "/" in host:
            try:
                return ipaddress.ip_network(host)
            except ValueError as error:
                raise self._wrong(f"{host!r} is not a network: {error}") from None
        address = as_address(host)
        return None if address is None else ipaddress.ip_network(address)

    def matches_name(self, name: str) -> bool:
        """Whether the rule is about hosts of this name (in lower case)."""
        pattern = self.pattern
        if pattern is None:
            return False
        return pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))

    def matches_address(self, address: Address) -> bool:
        """Whether the rule is about this address, without regard to names."""
        if self.network is None:
            return self.pattern == "*"
        return self.network.version == address.version and address in self.network

    def has_port(self, port: int) -> bool:
        return self.ports[0] <= port <= self.ports[1]

    def permits(self, name: str | None, address: Address) -> bool:
        """As a rule that allows: does it let a connection to the address through, made for this name?

        What is not public has to be meant: by an address or network of its kind, or ``private``.
        """
        by_address = self.matches_address(address)
        if not by_address and (name is None or not self.matches_name(name)):
            return False
        if not is_special(address):
            return True
        if self.network is not None:
            if is_metadata(address):
                return self.network.num_addresses == 1
            return names_special(self.network)
        if self.pattern == "localhost" and address.is_loopback:
            return True
        return self.private and self.pattern != "*" and not is_metadata(address)

    def forbids(self, name: str | None, address: Address) -> bool:
        """As a rule that denies: is a connection to the address, made for this name, its business?"""
        return self.matches_address(address) or (name is not None and self.matches_name(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A value that the host puts into HTTPS requests to some hosts; guest code never has it.

    - ``value``: the secret, such as an API key.
    - ``hosts``: names (``api.example.com``, ``*.example.com``) whose requests may carry it.
    - ``env``: guests have an environment variable of this name with a stand-in, which the host replaces by
    the
      value in the headers of requests to these hosts.
    - ``header``: every request to these hosts gets this header with the value, whatever the guest sent.

    Only verified TLS connections carry secrets: the certificate is the host's, by the policy's trust.
    """

    value: str = field(repr=False)
    hosts: Sequence[str]
    env: str | None = None
    header: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.value, str) or not self.value:
            raise ValueError("the value of a secret is a text that is not empty")
        if re.search(r"[\x00-\x1f\x7f]", self.value) or not self.value.isascii():
            raise ValueError("the value of a secret goes into a header: printable ASCII only")
        if (self.env is None) == (self.header is None):
            raise ValueError("a secret has either an env or a header")
        if self.header is not None and not _TOKEN.fullmatch(self.header):
            raise ValueError(f"{self.header!r} is not the name of a header")
        if self.env is not None and (not self.env or "=" in self.env or "\0" in self.env):
            raise ValueError(f"{self.env!r} is not the name of an environment variable")
        if isinstance(self.hosts, str) or not self.hosts:
            raise ValueError("a secret has a list of hosts")
        for host in self.hosts:
            if NetworkRule(host).pattern in (None, "*") or ":" in host or " " in host:
                raise ValueError(f"host {host!r} of a secret is not a name such as api.example.com")

    def is_for(self, name: str) -> bool:
        """Whether requests to the host of this name (in lower case) carry it."""
        return any(NetworkRule(host).matches_name(name) for host in self.hosts)


def _rules(rules: Iterable[str | NetworkRule], what: str) -> tuple[NetworkRule, ...]:
    if isinstance(rules, str):
        raise TypeError(f"{what} is a list of rules, not the text {rules!r}")
    return tuple(rule if isinstance(rule, NetworkRule) else NetworkRule(rule) for rule in rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """What guests may reach. Everything else is denied, and so is all that is not public unless a rule
    names it.

    - ``allow``, ``deny``: `NetworkRule`s or their texts; what is denied is denied whatever allows it.
    - ``listen``: ports of the host's loopback interface, as ``"8000"`` or ``"8000-8010"``, that guests may
    listen
      on (none).
    - ``http_only``: every connection carries HTTP/1.1 requests (over TLS made by the host, or plain), whose
    Host
      must be one that is allowed.
    - ``secrets``: `Secret`s that the host puts into requests.
    - ``ca_certificates``: PEM text or the path of a PEM file; trusted in addition to the system's.
    - ``resolver``: called with a name, on a thread of its own; the addresses as texts. None: the system's.
    - ``on_attempt``: called with each `NetworkAttempt` on the guest's thread; must be quick.
    - ``max_connections``: open at once, of all contexts (64).
    - ``max_connections_per_minute``: (600).
    - ``max_sent_bytes``, ``max_received_bytes``: of all connections over the sandbox's life (1 GiB each).
    - ``connect_timeout``: seconds for a connection to be made, or a name to be resolved (15).
    - ``max_connection_seconds``: a connection is ended when it is this old (600).
    - ``max_log_entries``: the oldest are dropped from ``network_log`` (1,000).
    """

    allow: Sequence[str | NetworkRule] = ()
    deny: Sequence[str | NetworkRule] = ()
    listen: Sequence[str | int] = ()
    http_only: bool = False
    secrets: Sequence[Secret] = ()
    ca_certificates: str | Path | None = None
    resolver: Callable[[str], Sequence[str]] | None = None
    on_attempt: Callable[[NetworkAttempt], Any] | None = None
    max_connections: int = 64
    max_connections_per_minute: int = 600
    max_sent_bytes: int = 1 << 30
    max_received_bytes: int = 1 << 30
    connect_timeout: float = 15.0
    max_connection_seconds: float = 600.0
    max_log_entries: int = 1000

    def __post_init__(self) -> None:
        object.__setattr__(self, "allow", _rules(self.allow, "allow"))
        object.__setattr__(self, "deny", _rules(self.deny, "deny"))
        object.__setattr__(self, "listen", tuple(_port_range(text) for text in self.listen))
        object.__setattr__(self, "secrets", tuple(self.secrets))
        object.__setattr__(self, "ca_certificates", _read_pem(self.ca_certificates))
        for secret in self.secrets:
            if not isinstance(secret, Secret):
                raise TypeError(f"secrets has {type(secret).__name__}, which is not a Secret")
        for name in ("resolver", "on_attempt"):
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                raise TypeError(f"{name} is a function, not {getattr(self, name)!r}")
        for name in ("max_connections", "max_connections_per_minute", "max_sent_bytes", "max_received_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0")
        for name in ("connect_timeout", "max_connection_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be more than 0 seconds")

    def may_listen(self, port: int) -> bool:
        """Whether guests may listen on this port."""
        ranges: Any = self.listen
        return any(low <= port <= high for low, high in ranges)

    def ports_to_listen(self) -> Iterator[int]:
        """What a guest may get that leaves the port to the system (0): first those that want no privilege."""
        ranges: Any = self.listen
        for low, high in ranges:
            yield from range(max(low, 1024), high + 1)
        for low, high in ranges:
            yield from range(low, min(high, 1023) + 1)


def _port_range(text: str | int) -> tuple[int, int]:
    return NetworkRule(f"*:{text}").ports


def _read_pem(source: str | Path | None) -> str | None:
    if source is None or (isinstance(source, str) and "-----BEGIN" in source):
        return source
    try:
        return Path(source).read_text()
    except OSError as error:
        raise ValueError(f"ca_certificates {str(source)!r} can't be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a connection is allowed, and why not. ``methods``: only these HTTP requests; None: anything."""

    allowed: bool
    reason: str
    methods: frozenset[str] | None = None
    denied_methods: frozenset[str] = frozenset()

    @property
    def needs_http(self) -> bool:
        """Whether only what is said in HTTP can tell."""
        return self.methods is not None or bool(self.denied_methods)

    def allows_method(self, method: str) -> bool:
        return method not in self.denied_methods and (self.methods is None or method in self.methods)


def judge(policy: NetworkPolicy, name: str | None, address: Address, port: int) -> Verdict:
    """Whether a guest may connect to an address, on behalf of a name (in lower case) if it resolved one."""
    allow: Any = policy.allow
    deny: Any = policy.deny
    denied_methods: set[str] = set()
    for rule in deny:
        if rule.has_port(port) and rule.forbids(name, address):
            if rule.methods is None:
                return Verdict(False, f"denied by the rule {rule.text!r}")
            denied_methods |= rule.methods
    permitting = [rule for rule in allow if rule.has_port(port) and rule.permits(name, address)]
    if not permitting:
        if is_metadata(address):
            return Verdict(False, "a cloud's metadata service has to be allowed by its very address")
        if is_special(address):
            return Verdict(False, "an address that is not public has to be allowed by an address or network")
        return Verdict(False, "no rule allows it")
    methods: frozenset[str] | None = frozenset()
    for rule in permitting:
        if rule.methods is None:
            methods = None
            break
        assert methods is not None
        methods |= rule.methods
    return Verdict(True, f"allowed by the rule {permitting[0].text!r}", methods, frozenset(denied_methods))


def may_resolve(policy: NetworkPolicy, name: str) -> Verdict:
    """Whether a guest may look a name up: DNS carries data, too."""
    allow: Any = policy.allow
    deny: Any = policy.deny
    for rule in deny:
        if rule.methods is None and rule.ports == (1, 65535) and rule.matches_name(name):
            return Verdict(False, f"denied by the rule {rule.text!r}")
    for rule in allow:
        if rule.matches_name(name):
            return Verdict(True, f"allowed by the rule {rule.text!r}")
    return Verdict(False, "no rule allows a host of this name")
