"""Writing the binary format: numbers and sections (core specification, "Binary Format")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["HEADER", "leb", "named", "signed_leb", "sized", "vector", "write_section"]

HEADER = b"\0asm\x01\0\0\0"


def leb(value: int) -> bytes:
    """An unsigned number."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def signed_leb(value: int) -> bytes:
    """A signed number."""
    encoded = bytearray()
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value & 0x7F)
    return bytes(encoded)


def sized(body: bytes) -> bytes:
    """Bytes behind their number."""
    return leb(len(body)) + body


def named(name: str) -> bytes:
    """A name."""
    return sized(name.encode())


def vector(entries: Sequence[bytes]) -> bytes:
    """Entries behind their number."""
    return leb(len(entries)) + b"".join(entries)


def write_section(identifier: int, body: bytes | Iterable[bytes]) -> bytes:
    """A section with its content."""
    return bytes([identifier]) + sized(body if isinstance(body, bytes) else b"".join(body))
