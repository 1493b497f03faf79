"""Side modules joined with their main module ahead of time, so that an instance is one instance.

A context whose image holds a dozen side modules would instantiate each of them: thousands of imports to look
up, thousands of table elements to write. Joined into one module (`joining`) they cost nothing: their
addresses are constants, their calls are direct, and the table is the module's own. `dlopen` then only has to
fill a module's data, relocate it and run its constructors, all of which an image has done already.

What can't be joined (a symbol that nobody defines, an unusual section) is left out, and loaded as any other
side module is.
"""

from __future__ import annotations

import hashlib
import logging
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .binary import signed_leb
from .dylink import DylinkError, ImportKind, SideModule, SymbolImport, parse
from .joining import (
    Joined,
    ModuleParts,
    Numbers,
    UnusualModule,
    constant,
    run_start,
    take_apart,
)
from .passive import FILL, with_passive_data
from .prelinked import Prelinked, PrelinkedLibrary, prelinked_name

__all__ = ["Library", "Rewrite", "prelink"]

logger = logging.getLogger("pywasm_sandbox")

Rewrite = Callable[[bytes, Numbers], bytes]
"""The bodies of a code section with new numbers, without their count. Raises `UnusualModule`."""

_I32_CONST: Final = b"\x41"
_BASES: Final = ("__memory_base", "__table_base")
_OWN_EXPORTS: Final = frozenset({FILL, "__wasm_apply_data_relocs", "__wasm_call_ctors", "_initialize"})


@dataclass(frozen=True, slots=True)
class Library:
    """A side module's file: its absolute path in the guest, and its bytes."""

    path: str
    data: bytes


def prelink(main: bytes, libraries: Sequence[Library], rewrite: Rewrite) -> tuple[bytes, Prelinked]:
    """A main module joined with those of the libraries that can be.

    Raises `UnusualModule` or `DylinkError` if the main module can't be joined with anything.
    """
    usable = {each.path: each for each in libraries if not parse(each.data).is_shell}
    while True:
        linking = _Linking(main)
        failed = linking.add(list(usable.values()), rewrite)
        if failed is None:
            return linking.joined.encode(), linking.description()
        path, error = failed
        logger.info("%s is not joined with the interpreter: %s", path, error)
        del usable[path]


@dataclass(slots=True, eq=False)
class _Part:
    """A side module on its way into the joined one."""

    library: Library
    info: SideModule
    parts: ModuleParts
    number: int
    memory_base: int
    table_base: int
    functions: list[int] = field(default_factory=list)
    """New numbers of all its functions, imported ones first."""
    globals: list[tuple[bool, int]] = field(default_factory=list)
    slots: dict[str, int] = field(default_factory=dict)
    needed: list[_Part] = field(default_factory=list)
    first_own: int = 0
    first_global: int = 0

    def exported_function(self, name: str) -> int | None:
        """The number, in the joined module, of what it exports to others."""
        own = None if name in _OWN_EXPORTS else self.parts.exported(name, ImportKind.FUNC)
        return None if own is None else self.functions[own]

    def exported_address(self, name: str) -> int | None:
        """The address of data that it exports."""
        number = self.parts.exported(name, ImportKind.GLOBAL)
        if number is None:
            return None
        own = self.parts.globals[number - len(self.parts.imported(ImportKind.GLOBAL))]
        return (constant(own.expression, {}) + self.memory_base) & 0xFFFF_FFFF


class _Linking:
    """One attempt to join all of some libraries."""

    def __init__(self, main: bytes) -> None:
        self.main = take_apart(with_passive_data(main))
        self.joined = Joined(self.main)
        self._parts: list[_Part] = []
        self._main_slots: dict[str, int] = {}
        self._main_places = _places(self.main, {})

    def description(self) -> Prelinked:
        return Prelinked(
            tuple(
                PrelinkedLibrary(
                    number=part.number,
                    sha256=hashlib.sha256(part.library.data).hexdigest(),
                    memory_base=part.memory_base,
                    memory_size=part.info.memory_size,
                    table_base=part.table_base,
                    table_size=part.info.table_size,
                    slots=part.slots,
                    needed=tuple(each.number for each in part.needed),
                )
                for part in self._parts
            ),
            self._main_slots,
        )

    def add(self, libraries: Sequence[Library], rewrite: Rewrite) -> tuple[str, Exception] | None:
        """Join them; the path of one that can't be, with the reason, if there is one."""
        steps: tuple[Callable[[_Part], None], ...] = (
            self._find_needed,
            self._number_own,
            self._give_slots,
            self._resolve_functions,
            self._resolve_globals,
            lambda part: self._take_in(part, rewrite),
        )
        for library in libraries:
            try:
                self._parts.append(self._begin(library))
            except (UnusualModule, DylinkError) as error:
                return library.path, error
        for step in steps:
            for part in self._parts:
                try:
                    step(part)
                except (UnusualModule, DylinkError) as error:
                    return part.library.path, error
        return None

    def _begin(self, library: Library) -> _Part:
        info = parse(library.data)
        parts = take_apart(with_passive_data(library.data))
        if parts.tables or parts.memories:
            raise UnusualModule("a side module with a memory or table of its own")
        return _Part(
            library,
            info,
            parts,
            len(self._parts),
            self.joined.take_memory(info.memory_size, max(info.memory_alignment, 16)),
            self.joined.take_table(info.table_size, info.table_alignment),
        )

    def _find_needed(self, part: _Part) -> None:
        """The libraries it names, where the dynamic linker would find them: beside it, or on its path."""
        origin = posixpath.dirname(part.library.path)
        folders = [each.replace("$ORIGIN", origin) for each in part.info.runtime_path]
        for name in part.info.needed:
            paths = {posixpath.normpath(posixpath.join(folder, name)) for folder in (*folders, origin)}
            found = next((each for each in self._parts if each.library.path in paths), None)
            if found is None:
                raise UnusualModule(f"it needs {name}, which isn't joined either")
            part.needed.append(found)

    def _number_own(self, part: _Part) -> None:
        """New numbers for what it defines; its imports have none yet."""
        imported = len(part.parts.imported(ImportKind.FUNC))
        part.first_own, part.first_global = self.joined.next_function, self.joined.next_global
        own = range(part.first_own, part.first_own + len(part.parts.functions))
        part.functions = [-1] * imported + list(own)
        types = [self.joined.type_number(each) for each in part.parts.types]
        self.joined.functions += [types[each] for each in part.parts.functions]
        self.joined.globals += part.parts.globals  # replaced when their values are known

    def _give_slots(self, part: _Part) -> None:
        """Table indices for all functions that others can find."""
        places = _places(part.parts, _known_bases(part))
        for name, (kind, index) in part.parts.exports.items():
            if kind != ImportKind.FUNC or name in _OWN_EXPORTS:
                continue
            slot = places.get(index)
            if slot is None:
                slot = places[index] = self.joined.take_table(1)
                self.joined.elements.append((slot, [part.functions[index]]))
            part.slots[name] = slot

    def _resolve_functions(self, part: _Part) -> None:
        imports = [each for each in part.info.imports if each.kind == ImportKind.FUNC]
        kinds = part.parts.imported(ImportKind.FUNC)
        for number, (each, (space, name, kind)) in enumerate(zip(imports, kinds, strict=True)):
            if space != "env":
                raise UnusualModule(f"it imports {space}.{name}")
            found = self.main.exported(name, ImportKind.FUNC)
            for needed in part.needed:
                found = needed.exported_function(name) if found is None else found
            if found is None and each.weak:
                found = self.joined.undefined(part.parts.types[kind])
            if found is None:
                raise UnusualModule(f"nobody defines {name}")
            if self.joined.function_type(found) != part.parts.types[kind]:
                raise UnusualModule(f"it imports {name} with another type than it has")
            part.functions[number] = found

    def _resolve_globals(self, part: _Part) -> None:
        """Values of all globals that have one for good, and the others' new numbers."""
        imports = [each for each in part.info.imports if each.kind == ImportKind.GLOBAL]
        part.globals = [self._imported_global(part, each) for each in imports]
        known = {number: value for number, (is_value, value) in enumerate(part.globals) if is_value}
        first = len(imports)
        for number, own in enumerate(part.parts.globals, first):
            if own.is_address:
                known[number] = constant(own.expression, known)
        started: dict[int, int] = {}
        if part.parts.start is not None:
            started = run_start(part.parts.body(part.parts.start), known)
            known |= started
        for number, own in enumerate(part.parts.globals, first):
            new = part.first_global + number - first
            is_mutable = bool(own.kind[1])
            for_good = own.is_address and (not is_mutable or number in started)
            part.globals.append((True, known[number]) if for_good else (False, new))
            if own.is_address:
                own.expression = _I32_CONST + _signed(known[number])

    def _imported_global(self, part: _Part, each: SymbolImport) -> tuple[bool, int]:
        if each.module == "env" and each.name in _BASES:
            return True, part.memory_base if each.name == "__memory_base" else part.table_base
        if each.module == "env":
            number = self.main.exported(each.name, ImportKind.GLOBAL)
            if number is None or each.name != "__stack_pointer":
                raise UnusualModule(f"it imports the global {each.name}")
            return False, number
        value = self._slot(part, each) if each.module == "GOT.func" else self._address(part, each)
        if value is None and not each.weak:
            raise UnusualModule(f"nobody defines {each.name}")
        return True, value or 0

    def _slot(self, part: _Part, each: SymbolImport) -> int | None:
        """The table index of a function: the main module's, a needed library's, or its own."""
        number = self.main.exported(each.name, ImportKind.FUNC)
        if number is not None:
            slot = self._main_places.get(number)
            if slot is None:
                slot = self._main_places[number] = self._main_slots[each.name] = self.joined.take_table(1)
                self.joined.elements.append((slot, [number]))
            return slot
        return next((x.slots[each.name] for x in (*part.needed, part) if each.name in x.slots), None)

    def _address(self, part: _Part, each: SymbolImport) -> int | None:
        """The address of data, looked for in the same order."""
        if each.module != "GOT.mem":
            raise UnusualModule(f"it imports {each.module}.{each.name}")
        number = self.main.exported(each.name, ImportKind.GLOBAL)
        if number is not None:
            return constant(self.main.globals[number].expression, {})
        found = (x.exported_address(each.name) for x in (*part.needed, part))
        return next((address for address in found if address is not None), None)

    def _take_in(self, part: _Part, rewrite: Rewrite) -> None:
        """Its code, data, elements and exports."""
        parts, joined = part.parts, self.joined
        tags = []
        for _, name, _ in parts.imported(ImportKind.TAG):
            tag = self.main.exported(name, ImportKind.TAG)
            if tag is None:
                raise UnusualModule(f"nobody defines the tag {name}")
            tags.append(tag)
        if parts.tags:
            raise UnusualModule("a side module with tags of its own")
        imported = len(parts.imported(ImportKind.FUNC))
        numbers = Numbers(
            part.functions,
            [joined.type_number(each) for each in parts.types],
            part.globals,
            tags,
            list(range(len(joined.data), len(joined.data) + len(parts.data))),
            [imported + own == parts.start for own in range(len(parts.functions))],
        )
        joined.bodies.append(rewrite(parts.code, numbers))
        joined.data += parts.data
        known = _known_bases(part)
        for offset, functions in parts.elements:
            joined.elements.append((constant(offset, known), [part.functions[each] for each in functions]))
        for name, (kind, index) in parts.exports.items():
            new = self._exported(part, kind, index)
            if new is not None:
                joined.exports.append((prelinked_name(part.number, name), kind, new))

    @staticmethod
    def _exported(part: _Part, kind: int, index: int) -> int | None:
        if kind == ImportKind.FUNC:
            return part.functions[index]
        imported = len(part.parts.imported(ImportKind.GLOBAL))
        if kind == ImportKind.GLOBAL and index >= imported:
            return part.first_global + index - imported
        return None


def _known_bases(part: _Part) -> dict[int, int]:
    bases = {"__memory_base": part.memory_base, "__table_base": part.table_base}
    return {
        number: bases[name]
        for number, (_, name, _) in enumerate(part.parts.imported(ImportKind.GLOBAL))
        if name in bases
    }


def _places(parts: ModuleParts, known: Mapping[int, int]) -> dict[int, int]:
    """The table index of each function that a module's elements hold: the first, if there are several."""
    places: dict[int, int] = {}
    for offset, functions in parts.elements:
        start = constant(offset, known)
        for place, function in enumerate(functions, start):
            places.setdefault(function, place)
    return places


def _signed(value: int) -> bytes:
    return signed_leb(value - (1 << 32) if value >= 1 << 31 else value)
