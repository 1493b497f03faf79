"""Side modules whose data is put into memory by a call, not by instantiation.

A copy of an instance has its data in the pages that it shares with the image, and what a module writes while
it is instantiated again would only be copied pages, to be thrown away at once. So active data segments are
made passive, and a function, exported as `FILL`, does what they did (core specification: `memory.init`).

wasm-ld's start function does two things: it zeroes or fills memory, which belongs into `FILL`, and it sets
the module's own globals to addresses, which each instance needs. It has a function for either; if a start
function does anything else, or both at once, the module is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .binary import HEADER, leb, signed_leb, sized, write_section
from .dylink import CUSTOM, DylinkError, ImportKind, Reader, read_import, sections

__all__ = ["FILL", "with_passive_data"]

FILL: Final = "__pywasm_fill"

_TYPE, _IMPORT, _FUNCTION, _EXPORT, _START, _CODE, _DATA, _DATA_COUNT = 1, 2, 3, 7, 8, 10, 11, 12
_FUNCTION_TYPE: Final = b"\x60\x00\x00"
_END: Final = 0x0B
_MEMORY_INIT: Final = b"\xfc\x08"
_CALL, _GLOBAL_SET, _BULK = 0x10, 0x24, 0xFC
_BULK_OPERANDS: Final = {8: 2, 9: 1, 11: 1}
"""Of memory.init, data.drop and memory.fill: how many numbers follow."""
_MEMORY, _GLOBALS = "memory", "globals"
_CONSTANT: Final = {0x41: 1, 0x23: 1, 0x6A: 0, 0x6B: 0}
"""Of i32.const, global.get, i32.add and i32.sub: how many LEB128 numbers follow."""


@dataclass(slots=True, eq=False)
class _Segment:
    """A data segment: the expression of its offset, without its end; None for one that is passive already."""

    offset: bytes | None
    content: bytes


@dataclass(slots=True, eq=False)
class _Parts:
    """A module's sections in order, and what the new function needs to know of them."""

    bodies: list[tuple[int, bytes]] = field(default_factory=list)
    types: int = 0
    imported: int = 0
    functions: int = 0
    segments: list[_Segment] = field(default_factory=list)
    start: int | None = None
    fills: list[int] = field(default_factory=list)
    """Functions that the start function called and `FILL` calls now."""


class _UnusualError(Exception):
    """Something that linkers of C don't write."""


def with_passive_data(data: bytes) -> bytes:
    """The module with the export `FILL`; itself if it fills nothing, or is anything unusual."""
    try:
        parts = _take_apart(data)
    except (DylinkError, _UnusualError):
        return data
    if not parts.fills and all(segment.offset is None for segment in parts.segments):
        return data
    return _put_together(parts)


def _take_apart(data: bytes) -> _Parts:
    parts = _Parts()
    for section, reader in sections(data):
        start = reader.position
        if section == _TYPE:
            parts.types = _count_types(reader)
        elif section == _IMPORT:
            parts.imported = sum(read_import(reader)[2] == ImportKind.FUNC for _ in range(reader.count()))
        elif section == _FUNCTION:
            parts.functions = reader.count()
        elif section == _START:
            parts.start = reader.u32()
        elif section == _DATA:
            parts.segments = [_segment(reader) for _ in range(reader.count())]
        parts.bodies.append((section, data[start : reader.end]))
    if not {_TYPE, _FUNCTION, _EXPORT, _CODE} <= {section for section, _ in parts.bodies}:
        raise _UnusualError
    if parts.start is not None:
        _split_start(parts)
    return parts


def _split_start(parts: _Parts) -> None:
    """Move what the start function does to memory into `fills`; `start` is what remains, if anything does."""
    assert parts.start is not None
    functions = _Functions(next(body for section, body in parts.bodies if section == _CODE), parts.imported)
    calls, effects = functions.effects(parts.start)
    if calls and effects:
        raise _UnusualError
    remaining: list[int] = []
    for index in calls or [parts.start]:
        deeper, effects = functions.effects(index)
        if deeper or len(effects) > 1:
            raise _UnusualError
        (parts.fills if effects == {_MEMORY} else remaining).append(index)
    if len(remaining) > 1:
        raise _UnusualError
    parts.start = remaining[0] if remaining else None


class _Functions:
    """The bodies of a module's own functions."""

    def __init__(self, code: bytes, imported: int) -> None:
        self._imported = imported
        reader = Reader(code, 0, len(code))
        self._bodies = [reader.sub(reader.u32()) for _ in range(reader.count())]

    def effects(self, index: int) -> tuple[list[int], set[str]]:
        """Which functions it calls, and what it changes itself, if that is all it does."""
        calls: list[int] = []
        effects: set[str] = set()
        if not 0 <= index - self._imported < len(self._bodies):
            raise _UnusualError
        body = self._bodies[index - self._imported]
        reader = Reader(body.data, body.position, body.end)
        if reader.u32():  # locals
            raise _UnusualError
        while (code := reader.byte()) != _END:
            if code == _CALL:
                calls.append(reader.u32())
            elif code == _GLOBAL_SET:
                reader.u32()
                effects.add(_GLOBALS)
            elif code == _BULK:
                operation = reader.u32()
                if operation not in _BULK_OPERANDS:
                    raise _UnusualError
                for _ in range(_BULK_OPERANDS[operation]):
                    reader.u32()
                effects.add(_MEMORY)
            elif code in _CONSTANT:
                for _ in range(_CONSTANT[code]):
                    reader.i32()
            else:
                raise _UnusualError
        if reader.left:
            raise _UnusualError
        return calls, effects


def _count_types(reader: Reader) -> int:
    count = reader.count()
    for _ in range(count):
        if reader.byte() != 0x60:  # a recursive group, whose types have indices of their own
            raise _UnusualError
        for _ in range(2):
            reader.skip(reader.count())
    return count


def _segment(reader: Reader) -> _Segment:
    flags = reader.u32()
    if flags not in (0, 1):
        raise _UnusualError
    offset = _expression(reader) if flags == 0 else None
    start = reader.position
    reader.skip(reader.u32())
    return _Segment(offset, reader.data[start : reader.position])


def _expression(reader: Reader) -> bytes:
    start = reader.position
    while (code := reader.byte()) != _END:
        if code not in _CONSTANT:
            raise _UnusualError
        for _ in range(_CONSTANT[code]):
            reader.i32()
    return reader.data[start : reader.position - 1]


def _put_together(parts: _Parts) -> bytes:
    name = FILL.encode()
    added = {
        _TYPE: _FUNCTION_TYPE,
        _FUNCTION: leb(parts.types),
        _EXPORT: leb(len(name)) + name + bytes([ImportKind.FUNC]) + leb(parts.imported + parts.functions),
        _CODE: sized(_fill(parts)),
    }
    pieces = [HEADER]
    has_count = any(identifier == _DATA_COUNT for identifier, _ in parts.bodies)
    for identifier, body in parts.bodies:
        if identifier == _START:
            if parts.start is not None:
                pieces.append(write_section(_START, leb(parts.start)))
            continue
        if identifier == _CODE and parts.segments and not has_count:
            pieces.append(write_section(_DATA_COUNT, leb(len(parts.segments))))
        if identifier == _DATA:
            body = leb(len(parts.segments)) + b"".join(b"\x01" + each.content for each in parts.segments)
        elif identifier != CUSTOM and identifier in added:
            body = _one_more(body, added[identifier])
        pieces.append(write_section(identifier, body))
    return b"".join(pieces)


def _fill(parts: _Parts) -> bytes:
    """The body of the function: no locals, `memory.init` of what was active, and the calls."""
    code = [b"\x00"]
    for index, segment in enumerate(parts.segments):
        if segment.offset is not None:
            size = Reader(segment.content, 0, len(segment.content)).u32()
            code.append(segment.offset + b"\x41\x00\x41" + signed_leb(size))
            code.append(_MEMORY_INIT + leb(index) + b"\x00")
    code += [bytes([_CALL]) + leb(index) for index in parts.fills]
    return b"".join((*code, bytes([_END])))


def _one_more(body: bytes, entry: bytes) -> bytes:
    """A section of entries with another at its end."""
    reader = Reader(body, 0, len(body))
    count = reader.u32()
    return leb(count + 1) + body[reader.position :] + entry
