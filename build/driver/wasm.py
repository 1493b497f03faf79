"""Reading of WebAssembly binaries: just the sections the build checks and stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

KINDS = ("function", "table", "memory", "global", "tag")


class Reader:
    """A cursor over a module's bytes."""

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.data = data
        self.offset = offset

    def byte(self) -> int:
        self.offset += 1
        return self.data[self.offset - 1]

    def unsigned(self) -> int:
        """An unsigned LEB128 number."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def name(self) -> str:
        size = self.unsigned()
        self.offset += size
        return self.data[self.offset - size : self.offset].decode()


@dataclass(frozen=True)
class Entity:
    """An import (`module` set) or an export."""

    name: str
    kind: str
    index: int
    module: str | None = None


def sections(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(id, start, end) of every section."""
    reader = Reader(data, 8)
    while reader.offset < len(data):
        identifier = reader.byte()
        size = reader.unsigned()
        yield identifier, reader.offset, reader.offset + size
        reader.offset += size


def exports(data: bytes) -> list[Entity]:
    """The module's exports, in order."""
    found: list[Entity] = []
    for identifier, start, _ in sections(data):
        if identifier == 7:
            reader = Reader(data, start)
            for _ in range(reader.unsigned()):
                name, kind = reader.name(), KINDS[reader.byte()]
                found.append(Entity(name, kind, reader.unsigned()))
    return found


def imports(data: bytes) -> list[Entity]:
    """The module's imports, in order; `index` is 0 for all but functions, whose type it is."""
    found: list[Entity] = []
    for identifier, start, _ in sections(data):
        if identifier == 2:
            reader = Reader(data, start)
            for _ in range(reader.unsigned()):
                module, name, kind = reader.name(), reader.name(), KINDS[reader.byte()]
                found.append(Entity(name, kind, _skip_import_type(reader, kind), module))
    return found


def _skip_import_type(reader: Reader, kind: str) -> int:
    if kind == "function":
        return reader.unsigned()
    if kind == "tag":
        reader.byte()
        return reader.unsigned()
    if kind == "global":
        reader.offset += 2
        return 0
    if kind == "table":
        reader.byte()
    flags = reader.byte()
    reader.unsigned()
    if flags & 1:
        reader.unsigned()
    return 0


def mutable_globals(data: bytes) -> list[int]:
    """Indices of the defined globals that are mutable (import indices come before them)."""
    index = sum(1 for entity in imports(data) if entity.kind == "global")
    found: list[int] = []
    for identifier, start, _ in sections(data):
        if identifier != 6:
            continue
        reader = Reader(data, start)
        for _ in range(reader.unsigned()):
            reader.byte()
            if reader.byte():
                found.append(index)
            index += 1
            while reader.byte() != 0x0B:  # constant expressions here are i32.const, i64.const or f64.const 0
                reader.unsigned()
    return found
