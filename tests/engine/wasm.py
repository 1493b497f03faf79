"""Small modules for tests: text format to bytes, and side modules with a `dylink.0` section."""

from __future__ import annotations

from collections.abc import Iterable

import wasmtime

MEM_INFO, NEEDED, EXPORT_INFO, IMPORT_INFO, RUNTIME_PATH = 1, 2, 3, 4, 5
WEAK = 0x1


def wasm(text: str) -> bytes:
    """A module from its text format."""
    return bytes(wasmtime.wat2wasm(text))


def leb(number: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        if not number:
            return bytes([*out, byte])
        out.append(byte | 0x80)


def name(text: str) -> bytes:
    """A vector of UTF-8 bytes."""
    encoded = text.encode()
    return leb(len(encoded)) + encoded


def section(kind: int, body: bytes) -> bytes:
    """A section or subsection."""
    return bytes([kind]) + leb(len(body)) + body


def dylink(
    memory_size: int = 0,
    memory_align_log2: int = 0,
    table_size: int = 0,
    table_align_log2: int = 0,
    needed: Iterable[str] = (),
    weak: Iterable[tuple[str, str]] = (),
    runtime_path: Iterable[str] = (),
) -> bytes:
    """A `dylink.0` custom section."""
    needed, weak, runtime_path = list(needed), list(weak), list(runtime_path)
    sizes = (memory_size, memory_align_log2, table_size, table_align_log2)
    body = name("dylink.0") + section(MEM_INFO, b"".join(map(leb, sizes)))
    if needed:
        body += section(NEEDED, leb(len(needed)) + b"".join(map(name, needed)))
    if weak:
        entries = b"".join(name(module) + name(symbol) + leb(WEAK) for module, symbol in weak)
        body += section(IMPORT_INFO, leb(len(weak)) + entries)
    if runtime_path:
        body += section(RUNTIME_PATH, leb(len(runtime_path)) + b"".join(map(name, runtime_path)))
    return section(0, body)


def side(text: str, info: bytes | None = None) -> bytes:
    """A side module: the text's module with a `dylink.0` section in front."""
    module = wasm(text)
    return module[:8] + (dylink() if info is None else info) + module[8:]
