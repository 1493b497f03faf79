"""Hosts and addresses in one notation, and which addresses nobody reaches by accident."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

__all__ = ["Address", "Network", "as_address", "host_name", "is_metadata", "is_special", "names_special"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")

_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, Oracle, DigitalOcean, OpenStack
        "169.254.170.2",  # AWS, tasks of ECS
        "169.254.170.23",  # AWS, pods of EKS
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",
        "fd20:ce::254",  # Google
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's platform
        "192.0.0.192",  # Oracle
    )
)
"""Where clouds give away the machine's credentials."""

# The library's own list (`is_global`) has what IANA registered; these are not public on top of it.
_SPECIAL: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to by translation or a tunnel."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


def is_special(address: Address) -> bool:
    """Whether an address is not one of the public internet: private, loopback, link-local, multicast,
    reserved."""
    inner = _embedded(address)
    if inner is not None and is_special(inner):
        return True
    in_list = any(address.version == network.version and address in network for network in _SPECIAL)
    return in_list or address in _METADATA or not address.is_global or address.is_multicast


def is_metadata(address: Address) -> bool:
    """Whether it is a cloud's metadata service."""
    inner = _embedded(address)
    return address in _METADATA or (inner is not None and inner in _METADATA)


def names_special(network: Network) -> bool:
    """Whether who wrote this network meant addresses that are not public: all of it lies in one special
    block."""
    if network.num_addresses == 1:
        return is_special(network.network_address)
    first, prefix = network.network_address, network.prefixlen
    return any(
        network.version == block.version and prefix >= block.prefixlen and first in block
        for block in _SPECIAL
    )


def as_address(text: str) -> Address | None:
    """The address that a text is, in any notation that a C library takes: ``127.1``, ``0x7f000001``,
    ``::ffff:127.0.0.1``; an IPv4-mapped one as IPv4. None if it is a name. Zones (``%eth0``) are not taken:
    the text is neither an address nor a name."""
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return _legacy_ipv4(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _legacy_ipv4(text: str) -> Address | None:
    parts = text.removesuffix(".").split(".")
    if not 1 <= len(parts) <= 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text.removesuffix(".")))
    except OSError:
        return None


def host_name(text: str) -> str | None:
    """The name in lower case without a dot at the end; None if it is not one that DNS knows.

    What looks like a number is no name: resolvers take ``0177.0.0.1`` for an address.
    """
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return None if _NUMBER.fullmatch(labels[-1]) else name
