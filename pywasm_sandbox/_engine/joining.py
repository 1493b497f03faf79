"""Several modules made one: the sections of a main module with those of side modules behind them.

The main module's numbers stay what they are; the side modules' are moved behind them. What a dynamic linker
does for each instance happens here, once: imports become the functions that they are, the bases and the
entries of the offset table become constants, and all functions whose address is taken get their place in the
one table, which wasmtime fills lazily because it is the module's own.

A side module's exports keep their names behind its number and a colon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from .binary import HEADER, leb, named, signed_leb, sized, vector, write_section
from .dylink import CUSTOM, ImportKind, Reader, read_import, sections

__all__ = [
    "Global",
    "Joined",
    "ModuleParts",
    "Numbers",
    "UnusualModule",
    "constant",
    "take_apart",
]

TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEMENT, CODE, DATA, DATA_COUNT, TAG = range(
    1, 14
)
I32: Final = 0x7F
FUNCREF: Final = 0x70
_END = 0x0B
_CONST, _GET, _SET, _ADD, _SUB = 0x41, 0x23, 0x24, 0x6A, 0x6B
_SKIPPED: Final = {0x42: 0, 0x43: 4, 0x44: 8}
"""i64.const, f32.const, f64.const: the bytes of the number, 0 for a LEB128 one."""


class UnusualModule(Exception):
    """Something that linkers of C don't write."""


@dataclass(slots=True)
class Global:
    """A global's type and the expression that it begins with, without its end."""

    kind: bytes
    expression: bytes

    @property
    def is_address(self) -> bool:
        return self.kind[0] == I32


@dataclass(slots=True)
class ModuleParts:
    """A module's index spaces. Imports come first in those of functions, globals and tags."""

    types: list[bytes] = field(default_factory=list)
    imports: list[tuple[str, str, int, int]] = field(default_factory=list)
    import_bodies: list[bytes] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tables: list[bytes] = field(default_factory=list)
    memories: list[bytes] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: dict[str, tuple[int, int]] = field(default_factory=dict)
    start: int | None = None
    elements: list[tuple[bytes, list[int]]] = field(default_factory=list)
    code: bytes = leb(0)
    data: list[bytes] = field(default_factory=list)
    names: bytes = b""

    def imported(self, kind: int) -> list[tuple[str, str, int]]:
        """Module, name and type of the imports of one kind."""
        return [(space, name, index) for space, name, each, index in self.imports if each == kind]

    def exported(self, name: str, kind: int) -> int | None:
        """The number of what is exported under a name, if it is of that kind."""
        found = self.exports.get(name)
        return found[1] if found is not None and found[0] == kind else None

    def body(self, function: int) -> Reader:
        """The body of one of its own functions."""
        reader = Reader(self.code, 0, len(self.code))
        count, own = reader.count(), function - len(self.imported(ImportKind.FUNC))
        if not 0 <= own < count:
            raise UnusualModule("a function that is not its own")
        for _ in range(own):
            reader.skip(reader.u32())
        return reader.sub(reader.u32())


def take_apart(data: bytes) -> ModuleParts:
    """Raises `UnusualModule` or `DylinkError` for what can't be joined with others."""
    parts = ModuleParts()
    for identifier, reader in sections(data):
        body = reader.data[reader.position : reader.end]
        if identifier == CUSTOM:
            if reader.name() == "name":
                parts.names = body
        elif identifier == START:
            parts.start = reader.u32()
        elif identifier == CODE:
            parts.code = body
        elif identifier in _READERS:
            _READERS[identifier](parts, reader)
        elif identifier != DATA_COUNT:
            raise UnusualModule(f"section {identifier}")
    return parts


def _read_types(parts: ModuleParts, reader: Reader) -> None:
    for _ in range(reader.count()):
        start = reader.position
        if reader.byte() != 0x60:
            raise UnusualModule("a type that is no function's")
        for _ in range(2):
            reader.skip(reader.count())
        parts.types.append(reader.data[start : reader.position])


def _read_imports(parts: ModuleParts, reader: Reader) -> None:
    for _ in range(reader.count()):
        start = reader.position
        parts.imports.append(read_import(reader))
        parts.import_bodies.append(reader.data[start : reader.position])


def _read_functions(parts: ModuleParts, reader: Reader) -> None:
    parts.functions += [reader.u32() for _ in range(reader.count())]


def _read_tables(parts: ModuleParts, reader: Reader) -> None:
    for _ in range(reader.count()):
        if reader.byte() != FUNCREF:
            raise UnusualModule("a table of something else than functions")
        parts.tables.append(_limits(reader))


def _read_memories(parts: ModuleParts, reader: Reader) -> None:
    parts.memories += [_limits(reader) for _ in range(reader.count())]


def _read_tags(parts: ModuleParts, reader: Reader) -> None:
    for _ in range(reader.count()):
        reader.byte()
        parts.tags.append(reader.u32())


def _read_globals(parts: ModuleParts, reader: Reader) -> None:
    for _ in range(reader.count()):
        kind = bytes([reader.byte(), reader.byte()])
        parts.globals.append(Global(kind, _expression(reader)))


def _read_exports(parts: ModuleParts, reader: Reader) -> None:
    for _ in range(reader.count()):
        name = reader.name()
        parts.exports[name] = (reader.byte(), reader.u32())


def _read_elements(parts: ModuleParts, reader: Reader) -> None:
    for _ in range(reader.count()):
        flags = reader.u32()
        if flags not in (0, 2) or (flags == 2 and reader.u32()):
            raise UnusualModule("an element segment that is not active")
        offset = _expression(reader)
        if flags == 2 and reader.byte():
            raise UnusualModule("elements that are no functions")
        parts.elements.append((offset, [reader.u32() for _ in range(reader.count())]))


def _read_data(parts: ModuleParts, reader: Reader) -> None:
    for _ in range(reader.count()):
        if reader.u32() != 1:
            raise UnusualModule("a data segment that is not passive")
        start = reader.position
        reader.skip(reader.u32())
        parts.data.append(reader.data[start : reader.position])


_READERS: Final[Mapping[int, Callable[[ModuleParts, Reader], None]]] = {
    TYPE: _read_types,
    IMPORT: _read_imports,
    FUNCTION: _read_functions,
    TABLE: _read_tables,
    MEMORY: _read_memories,
    TAG: _read_tags,
    GLOBAL: _read_globals,
    EXPORT: _read_exports,
    ELEMENT: _read_elements,
    DATA: _read_data,
}


def _limits(reader: Reader) -> bytes:
    start = reader.position
    flags = reader.byte()
    if flags not in (0, 1):
        raise UnusualModule("a memory or table of another kind")
    for _ in range(1 + flags):
        reader.u32()
    return reader.data[start : reader.position]


def limits_of(encoded: bytes) -> tuple[int, int | None]:
    """Minimum and maximum."""
    reader = Reader(encoded, 0, len(encoded))
    has_maximum = reader.byte()
    return reader.u32(), reader.u32() if has_maximum else None


def with_minimum(encoded: bytes, minimum: int) -> bytes:
    """The same limits with another minimum."""
    maximum = limits_of(encoded)[1]
    if maximum is None:
        return b"\x00" + leb(minimum)
    return b"\x01" + leb(minimum) + leb(max(minimum, maximum))


def _expression(reader: Reader) -> bytes:
    start = reader.position
    while (code := reader.byte()) != _END:
        if code in (_CONST, _GET):
            reader.i32()
        elif code in _SKIPPED:
            reader.skip(_SKIPPED[code])
            while not _SKIPPED[code] and reader.byte() & 0x80:
                pass
        elif code not in (_ADD, _SUB):
            raise UnusualModule("an expression with something else than numbers and sums")
    return reader.data[start : reader.position - 1]


def constant(expression: bytes, known: Mapping[int, int]) -> int:
    """The value of an address expression, unsigned. Raises `UnusualModule` if it isn't known."""
    stack = list(_evaluate(Reader(expression, 0, len(expression)), known, None))
    if len(stack) != 1:
        raise UnusualModule("an expression that is no number")
    return stack[0]


def run_start(body: Reader, known: Mapping[int, int]) -> dict[int, int]:
    """Which globals a linker's start function sets to what. Raises `UnusualModule` if it does more."""
    if body.u32():
        raise UnusualModule("a start function with locals")
    made: dict[int, int] = {}
    if list(_evaluate(body, known, made)):
        raise UnusualModule("a start function that returns something")
    return made


def _evaluate(reader: Reader, known: Mapping[int, int], made: dict[int, int] | None) -> Iterator[int]:
    """What straight code leaves on the stack; the globals that it sets go into ``made``."""
    stack: list[int] = []
    try:
        while reader.left and (code := reader.byte()) != _END:
            if code == _CONST:
                stack.append(reader.i32() & 0xFFFF_FFFF)
            elif code == _GET:
                index = reader.u32()
                stack.append(made[index] if made and index in made else known[index])
            elif code in (_ADD, _SUB):
                right, left = stack.pop(), stack.pop()
                stack.append((left + right if code == _ADD else left - right) & 0xFFFF_FFFF)
            elif code == _SET and made is not None:
                made[reader.u32()] = stack.pop()
            else:
                raise UnusualModule("code that does more than to compute addresses")
    except (LookupError, IndexError):
        raise UnusualModule("code that needs what isn't known") from None
    yield from stack


@dataclass(slots=True)
class Numbers:
    """The new numbers of a module's functions, types, tags, data segments and globals, by its own ones.

    A global is ``(False, number)`` or ``(True, value)``. ``dropped`` are those of its own functions (without
    imports) whose bodies nobody needs.
    """

    functions: list[int]
    types: list[int]
    globals: list[tuple[bool, int]]
    tags: list[int]
    data: list[int]
    dropped: list[bool]


@dataclass(slots=True)
class Joined:
    """The module that grows: a main module's parts, to which others' are added."""

    main: ModuleParts
    types: list[bytes] = field(init=False)
    functions: list[int] = field(init=False)
    globals: list[Global] = field(init=False)
    data: list[bytes] = field(init=False)
    elements: list[tuple[int, list[int]]] = field(init=False)
    exports: list[tuple[str, int, int]] = field(init=False)
    bodies: list[bytes] = field(init=False)
    memory_end: int = field(init=False)
    """In bytes."""
    table_end: int = field(init=False)
    _type_numbers: dict[bytes, int] = field(init=False)
    _undefined: dict[bytes, int] = field(default_factory=dict)
    _traps: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        main = self.main
        if len(main.tables) != 1 or len(main.memories) != 1 or main.start is not None:
            raise UnusualModule("a main module without one memory and one table, or with a start function")
        self.types = list(main.types)
        self._type_numbers = {each: number for number, each in reversed(list(enumerate(main.types)))}
        self.functions = list(main.functions)
        self.globals = list(main.globals)
        self.data = list(main.data)
        self.elements = [(constant(offset, {}), functions) for offset, functions in main.elements]
        self.exports = [(name, kind, index) for name, (kind, index) in main.exports.items()]
        count = Reader(main.code, 0, len(main.code))
        count.u32()
        self.bodies = [main.code[count.position :]]
        self.memory_end = limits_of(main.memories[0])[0] << 16
        self.table_end = limits_of(main.tables[0])[0]

    @property
    def next_function(self) -> int:
        return len(self.main.imported(ImportKind.FUNC)) + len(self.functions)

    @property
    def next_global(self) -> int:
        return len(self.main.imported(ImportKind.GLOBAL)) + len(self.globals)

    def function_type(self, number: int) -> bytes:
        """A function's type."""
        imported = self.main.imported(ImportKind.FUNC)
        if number < len(imported):
            return self.types[imported[number][2]]
        return self.types[self.functions[number - len(imported)]]

    def type_number(self, encoded: bytes) -> int:
        """The number of a type, which is added if it isn't there."""
        number = self._type_numbers.get(encoded)
        if number is None:
            number = self._type_numbers[encoded] = len(self.types)
            self.types.append(encoded)
        return number

    def undefined(self, encoded: bytes) -> int:
        """A function of this type that traps. To be asked for when all others have their numbers."""
        number = self._undefined.get(encoded)
        if number is None:
            number = self._undefined[encoded] = self.next_function
            self.functions.append(self.type_number(encoded))
            self._traps.append(sized(b"\x00\x00\x0b"))
        return number

    def take_table(self, size: int, alignment: int = 1) -> int:
        """The first of so many free places in the table."""
        base = -(-self.table_end // alignment) * alignment
        self.table_end = base + size
        return base

    def take_memory(self, size: int, alignment: int) -> int:
        """The address of so much free memory."""
        base = -(-self.memory_end // alignment) * alignment
        self.memory_end = base + size
        return base

    def encode(self) -> bytes:
        """The binary."""
        main = self.main
        exports = [named(name) + bytes([kind]) + leb(index) for name, kind, index in self.exports]
        elements = [
            b"\x00" + bytes([_CONST]) + signed_leb(base) + bytes([_END]) + vector([leb(f) for f in functions])
            for base, functions in self.elements
        ]
        globals = [each.kind + each.expression + bytes([_END]) for each in self.globals]
        pages = -(-self.memory_end // 65536)
        parts: list[tuple[int, bytes]] = [
            (TYPE, vector(self.types)),
            (IMPORT, vector(main.import_bodies)),
            (FUNCTION, vector([leb(each) for each in self.functions])),
            (TABLE, vector([bytes([FUNCREF]) + with_minimum(main.tables[0], self.table_end)])),
            (MEMORY, vector([with_minimum(main.memories[0], pages)])),
            (TAG, vector([b"\x00" + leb(each) for each in main.tags])),
            (GLOBAL, vector(globals)),
            (EXPORT, vector(exports)),
            (ELEMENT, vector(elements)),
            (DATA_COUNT, leb(len(self.data))),
            (CODE, leb(len(self.functions)) + b"".join((*self.bodies, *self._traps))),
            (DATA, vector([b"\x01" + each for each in self.data])),
        ]
        binary = [HEADER, *(write_section(identifier, body) for identifier, body in parts)]
        if main.names:
            binary.append(write_section(CUSTOM, main.names))
        return b"".join(binary)
