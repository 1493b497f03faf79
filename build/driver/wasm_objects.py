"""Relocatable WebAssembly objects, and libraries that only name others.

Formats: tool-conventions' Linking.md (the custom section `linking`) and DynamicLinking.md (`dylink.0`).
"""

from __future__ import annotations

from collections.abc import Callable

from driver.wasm import Reader, sections

_CUSTOM = 0
_FUNCTION, _DATA, _GLOBAL, _SECTION, _TAG, _TABLE = range(6)
_SYMBOL_TABLE, _COMDATS = 8, 7
_BINDING_WEAK, _BINDING_LOCAL, _HIDDEN, _UNDEFINED, _EXPLICIT_NAME = 0x1, 0x2, 0x4, 0x10, 0x40
_NEEDED, _RUNTIME_PATH = 2, 5


def unsigned(value: int) -> bytes:
    """LEB128."""
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def _sized(data: bytes) -> bytes:
    return unsigned(len(data)) + data


def make_local(data: bytes, stays: Callable[[str], bool]) -> bytes:
    """The object with every symbol that it defines made local, unless `stays` wants its name kept.

    Groups of duplicates (COMDATs) are dissolved, as a local copy is no other's duplicate.
    """
    result = bytearray(data[:8])
    for identifier, start, end in sections(data):
        body = data[start:end]
        if identifier == _CUSTOM:
            reader = Reader(data, start)
            if reader.name() == "linking":
                body = data[start : reader.offset] + _linking(data, reader.offset, end, stays)
        result += bytes([identifier]) + _sized(body)
    return bytes(result)


def _linking(data: bytes, start: int, end: int, stays: Callable[[str], bool]) -> bytes:
    reader = Reader(data, start)
    version = reader.unsigned()
    result = bytearray(unsigned(version))
    while reader.offset < end:
        identifier = reader.byte()
        size = reader.unsigned()
        body = data[reader.offset : reader.offset + size]
        reader.offset += size
        if identifier == _SYMBOL_TABLE:
            body = _symbols(body, stays)
        if identifier != _COMDATS:
            result += bytes([identifier]) + _sized(body)
    return bytes(result)


def _symbols(table: bytes, stays: Callable[[str], bool]) -> bytes:
    reader = Reader(table)
    count = reader.unsigned()
    result = bytearray(unsigned(count))
    for _ in range(count):
        kind = reader.byte()
        flags = reader.unsigned()
        start = reader.offset
        name = _skip_symbol(reader, kind, flags)
        if name is not None and not flags & _UNDEFINED and not stays(name):
            flags = flags & ~(_BINDING_WEAK | _HIDDEN) | _BINDING_LOCAL
        result += bytes([kind]) + unsigned(flags) + table[start : reader.offset]
    return bytes(result)


def _skip_symbol(reader: Reader, kind: int, flags: int) -> str | None:
    """Move behind a symbol's entry; its name, if it has one."""
    if kind == _SECTION:
        reader.unsigned()
        return None
    if kind == _DATA:
        name = reader.name()
        if not flags & _UNDEFINED:
            for _ in range(3):  # segment, offset, size
                reader.unsigned()
        return name
    if kind not in (_FUNCTION, _GLOBAL, _TAG, _TABLE):
        raise SystemExit(f"a symbol is of the unknown kind {kind}")
    reader.unsigned()
    return reader.name() if not flags & _UNDEFINED or flags & _EXPLICIT_NAME else None


def defined_symbols(data: bytes) -> list[str]:
    """Names of the symbols that an object defines."""
    found: list[str] = []

    def collect(name: str) -> bool:
        found.append(name)
        return True

    make_local(data, collect)
    return found


def library_of(needed: str, runtime_path: str) -> bytes:
    """A side module without code: whoever looks a symbol up in it gets that of the library it needs."""
    names = unsigned(1) + _sized(needed.encode())
    path = unsigned(1) + _sized(runtime_path.encode())
    body = _sized(b"dylink.0") + bytes([_NEEDED]) + _sized(names) + bytes([_RUNTIME_PATH]) + _sized(path)
    return b"\0asm\1\0\0\0" + bytes([_CUSTOM]) + _sized(body)
