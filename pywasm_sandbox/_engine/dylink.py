"""What a side module says about itself: the sections of a wasm binary that dynamic linking needs.

Formats: the core specification's binary format (sections 1 to 9), and the tool conventions' `dylink.0`
custom section (https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md). The bytes may
come from a guest: whatever is wrong with them is a `DylinkError`, and how long reading takes is bounded
(`MAX_ENTRIES`). That the module is valid is for wasmtime to say, before it is instantiated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = [
    "CUSTOM",
    "Described",
    "DylinkError",
    "ImportKind",
    "Reader",
    "SideModule",
    "SymbolImport",
    "function_slots",
    "parse",
    "read_import",
    "sections",
]

MAX_ALIGNMENT_LOG2 = 16
MAX_ENTRIES = 100_000
"""Of types, imports, exports or names. numpy's largest module has about 700 imports."""

CUSTOM, _TYPE, _IMPORT, _EXPORT, _START, _ELEMENT = 0, 1, 2, 7, 8, 9
_MEM_INFO, _NEEDED, _EXPORT_INFO, _IMPORT_INFO, _RUNTIME_PATH = 1, 2, 3, 4, 5
_BINDING_WEAK = 0x1


class DylinkError(Exception):
    """The bytes are not a side module that can be loaded; the message says why."""


class ImportKind:
    """The kinds of `importdesc` and `exportdesc`."""

    FUNC, TABLE, MEMORY, GLOBAL, TAG = range(5)


class SymbolImport(NamedTuple):
    """One import. `signature` is a function's type as letters, or None if it has no letters of ours."""

    module: str
    name: str
    kind: int
    weak: bool
    signature: tuple[str, str] | None


@dataclass(slots=True, eq=False)
class SideModule:
    """The parsed sections. `exports` maps a name to its kind."""

    memory_size: int = 0
    memory_alignment: int = 1
    table_size: int = 0
    table_alignment: int = 1
    needed: list[str] = field(default_factory=list)
    runtime_path: list[str] = field(default_factory=list)
    imports: list[SymbolImport] = field(default_factory=list)
    exports: dict[str, int] = field(default_factory=dict)
    has_start: bool = False
    is_shell: bool = True
    """It has nothing but others that it needs: no instance of it could do anything."""


class Described:
    """Something that can say what a side module says about itself, once its file was read."""

    def __init__(self) -> None:
        self.info: SideModule | None = None


class Reader:
    """A cursor over `data` that never leaves `start:end`."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        if end > len(data):
            raise DylinkError("the file ends in the middle of a section")
        self.data = data
        self.position = start
        self.end = end

    def byte(self) -> int:
        if self.position >= self.end:
            raise DylinkError("a section ends too early")
        value = self.data[self.position]
        self.position += 1
        return value

    def u32(self) -> int:
        """LEB128, at most 32 bits (64 for limits of 64-bit memories, which nobody here can use)."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise DylinkError("a number is longer than it may be")
        if result > 0xFFFF_FFFF:
            raise DylinkError("a number exceeds 32 bits")
        return result

    def count(self) -> int:
        """Of entries that follow, each at least one byte."""
        count = self.u32()
        if count > MAX_ENTRIES:
            raise DylinkError(f"it has {count} entries in one section; {MAX_ENTRIES} is the limit")
        return count

    def i32(self) -> int:
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result - (1 << shift) if byte & 0x40 else result
            if shift > 63:
                raise DylinkError("a number is longer than it may be")

    def name(self) -> str:
        length = self.u32()
        start = self.position
        self.skip(length)
        try:
            return self.data[start : self.position].decode()
        except UnicodeDecodeError:
            raise DylinkError("a name is not UTF-8") from None

    def skip(self, count: int) -> None:
        if count > self.end - self.position:
            raise DylinkError("a section ends too early")
        self.position += count

    def sub(self, length: int) -> Reader:
        """A reader of the next `length` bytes, which are skipped here."""
        start = self.position
        self.skip(length)
        return Reader(self.data, start, self.position)

    @property
    def left(self) -> int:
        return self.end - self.position


def sections(data: bytes) -> Iterator[tuple[int, Reader]]:
    if data[:8] != b"\0asm\x01\0\0\0":
        raise DylinkError("it is not a WebAssembly module")
    reader = Reader(data, 8, len(data))
    while reader.left:
        section = reader.byte()
        yield section, reader.sub(reader.u32())


def parse(data: bytes) -> SideModule:
    """The dynamic-linking view of a module. Raises `DylinkError`."""
    module = SideModule()
    types: list[tuple[str, str] | None] = []
    weak: set[tuple[str, str]] = set()
    for number, (section, reader) in enumerate(sections(data)):
        module.is_shell = module.is_shell and section == CUSTOM
        if number == 0 and (section != CUSTOM or reader.name() != "dylink.0"):
            raise DylinkError("it has no dylink.0 section at its start: it is not a shared library")
        if number == 0:
            _parse_dylink(reader, module, weak)
        elif section == _TYPE:
            types = _parse_types(reader)
        elif section == _IMPORT:
            _parse_imports(reader, module, types, weak)
        elif section == _EXPORT:
            for _ in range(reader.count()):
                name, kind = reader.name(), reader.byte()
                reader.u32()
                module.exports[name] = kind
        elif section == _START:
            module.has_start = True
    if len(data) == 8:
        raise DylinkError("it has no dylink.0 section at its start: it is not a shared library")
    return module


def _parse_dylink(reader: Reader, module: SideModule, weak: set[tuple[str, str]]) -> None:
    while reader.left:
        kind = reader.byte()
        body = reader.sub(reader.u32())
        if kind == _MEM_INFO:
            module.memory_size, memory_log2 = body.u32(), body.u32()
            module.table_size, table_log2 = body.u32(), body.u32()
            if max(memory_log2, table_log2) > MAX_ALIGNMENT_LOG2:
                raise DylinkError(f"it wants an alignment of more than 2^{MAX_ALIGNMENT_LOG2}")
            module.memory_alignment, module.table_alignment = 1 << memory_log2, 1 << table_log2
        elif kind == _NEEDED:
            module.needed += [body.name() for _ in range(body.count())]
        elif kind == _IMPORT_INFO:
            for _ in range(body.count()):
                key, flags = (body.name(), body.name()), body.u32()
                if flags & _BINDING_WEAK:
                    weak.add(key)
        elif kind == _RUNTIME_PATH:
            module.runtime_path += [body.name() for _ in range(body.count())]


_LETTERS = {0x7F: "i", 0x7E: "I", 0x7D: "f", 0x7C: "F"}


def _parse_types(reader: Reader) -> list[tuple[str, str] | None]:
    """Function types as letters. Other types end the list: tools write them last, if at all."""
    types: list[tuple[str, str] | None] = []
    for _ in range(reader.count()):
        if reader.byte() != 0x60:
            break
        letters = []
        for _ in range(2):
            codes = [reader.byte() for _ in range(reader.count())]
            letters.append("".join(_LETTERS.get(code, "?") for code in codes))
        types.append(None if "?" in letters[0] + letters[1] else (letters[0], letters[1]))
    return types


def _parse_imports(
    reader: Reader, module: SideModule, types: list[tuple[str, str] | None], weak: set[tuple[str, str]]
) -> None:
    for _ in range(reader.count()):
        space, name, kind, index = read_import(reader)
        signature = types[index] if kind == ImportKind.FUNC and index < len(types) else None
        # Linkers note a weak symbol once, as env's, though it may be imported through the GOT only.
        is_weak = (space, name) in weak or ("env", name) in weak
        module.imports.append(SymbolImport(space, name, kind, is_weak, signature))


def read_import(reader: Reader) -> tuple[str, str, int, int]:
    """Module, name and kind of the next import; the index of its type, of a function or a tag, else 0."""
    space, name, kind = reader.name(), reader.name(), reader.byte()
    index = 0
    if kind == ImportKind.FUNC:
        index = reader.u32()
    elif kind == ImportKind.TABLE:
        reader.byte()
        _skip_limits(reader)
    elif kind == ImportKind.MEMORY:
        _skip_limits(reader)
    elif kind == ImportKind.GLOBAL:
        reader.skip(2)
    elif kind == ImportKind.TAG:
        reader.byte()
        index = reader.u32()
    else:
        raise DylinkError(f"import {space}.{name} is of unknown kind {kind}")
    return space, name, kind, index


def _skip_limits(reader: Reader) -> None:
    flags = reader.byte()
    reader.u32()
    if flags & 1:
        reader.u32()


def function_slots(data: bytes) -> dict[str, int]:
    """Where the exported functions of a (main) module stand in its table: name to index, for those that do.

    C compares function pointers. A side module that takes the address of `PyType_GenericNew` must get the
    table index that the main module uses for it, not another one.
    """
    functions: dict[int, list[str]] = {}
    slots: dict[str, int] = {}
    for section, reader in sections(data):
        if section == _EXPORT:
            for _ in range(reader.count()):
                name, kind, index = reader.name(), reader.byte(), reader.u32()
                if kind == ImportKind.FUNC:
                    functions.setdefault(index, []).append(name)
        elif section == _ELEMENT:
            for slot, function in _elements(reader):
                for name in functions.get(function, ()):
                    slots.setdefault(name, slot)
    return slots


def _elements(reader: Reader) -> Iterator[tuple[int, int]]:
    """(table index, function index) of active segments at constant offsets, as linkers write them."""
    for _ in range(reader.u32()):
        flags = reader.u32()
        if flags not in (0, 2):
            return
        if flags == 2 and reader.u32() != 0:
            return
        if reader.byte() != 0x41:  # i32.const
            return
        offset = reader.i32()
        if reader.byte() != 0x0B or (flags == 2 and reader.byte() != 0):
            return
        for slot in range(reader.u32()):
            yield offset + slot, reader.u32()
