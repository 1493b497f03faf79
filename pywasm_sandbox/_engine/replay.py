"""Side modules of a captured instance, put back into a fresh one.

Linear memory holds what their constructors and relocations made, but the modules themselves are instances
that the store must have: each is instantiated again at the same bases, before the pages are mapped (its data
segments would overwrite them otherwise), and functions get the table slots that memory refers to. Neither
relocations nor constructors run again.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .capi import ExternKind, ValKind
from .dylink import Described
from .failures import DlError, EngineFailure, GuestTrap
from .loader import FIRST_HANDLE, NULL_FUNCTION, LoadedModule, Loader
from .plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .instance import Instance

__all__ = ["LibraryMismatch", "LoaderState"]


class LibraryMismatch(EngineFailure):
    """A side module can't be loaded as it was."""


@dataclass(frozen=True, slots=True)
class LoaderState:
    """What `Loader` knows: modules in the order of their handles, and who has which table slot."""

    modules: tuple[LoadedModule, ...]
    main_slots: Mapping[str, int]
    spare_table: tuple[tuple[int, int], ...]
    table_size: int
    plans: list[Plan] = field(default_factory=list, compare=False)
    """The plan by which the modules are instantiated, once the first copy was made."""

    @classmethod
    def capture(cls, instance: Instance) -> LoaderState | None:
        """The state of an instance's loader, None if it loaded nothing."""
        loader = instance.loader
        if loader.deferred is not None:
            return loader.deferred
        if not loader.loaded and not loader._main_slots:
            return None
        c = instance.engine.c
        copies = tuple(
            replace(each, instance=(ctypes.c_char * 16)(), symbols={}, slots=dict(each.slots))
            for each in loader.loaded
        )
        by_handle = {each.handle: each for each in copies}
        for each in copies:
            each.needed = [by_handle[other.handle] for other in each.needed]
        return cls(
            copies,
            dict(loader._main_slots),
            tuple(loader._spare_table),
            int(c.table_size(instance.context, loader._table())),
        )

    def same_as(self, other: LoaderState) -> bool:
        """Whether the same modules are at the same places."""
        return self is other or self.describe() == other.describe()

    def describe(self) -> list[Any]:
        """As JSON, for a file; `find` reads it."""
        modules = [
            {
                "path": each.path,
                "sizes": [each.memory_size, each.table_size],
                "location": each.location,
                "sha256": each.sha256,
                "bases": [each.memory_base, each.table_base],
                "global": each.is_global,
                "shell": each.is_shell,
                "needed": [other.handle for other in each.needed],
                "owners": list(each.owners),
                "slots": each.slots,
                "part": None if each.part is None else each.part.number,
            }
            for each in self.modules
        ]
        return [modules, dict(self.main_slots), [list(each) for each in self.spare_table], self.table_size]

    @classmethod
    def find(cls, described: Any, instance: Instance, plan: Any = None) -> LoaderState:
        """The state that `describe` told of, its modules taken from the filesystem that `instance` sees.

        With a plan's description all of it is believed, and no module is read whose code is at hand.

        Raises `LibraryMismatch` if one isn't there or is another, or the description makes no sense.
        """
        try:
            modules, main_slots, spare, table_size = described
            found: list[LoadedModule] = []
            for number, each in enumerate(modules):
                handle = number + FIRST_HANDLE
                found.append(_find(instance.loader, each, found, handle, trusted=plan is not None))
            return cls(
                tuple(found),
                {str(name): _index(slot) for name, slot in main_slots.items()},
                tuple((_index(base), _index(size)) for base, size in spare),
                _index(table_size),
                [] if plan is None else [Plan(plan)],
            )
        except DlError as error:
            raise LibraryMismatch(str(error)) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise LibraryMismatch(f"the list of libraries is damaged: {error}") from error

    def restore(self, instance: Instance) -> None:
        """Load the same modules into a fresh instance whose memory is large enough. Within no call."""
        loader = instance.loader
        if self._is_built_in(instance):
            loader.deferred = self
            return
        try:
            self._grow_table(instance)
            self._give_places(loader)
            if self.plans:
                self.plans[0].follow(loader, self._copies(loader))
            else:
                for each in self._copies(loader):
                    loader.instantiate_again(each)
                self.plan(instance)
            self._fill_table(instance)
        except (DlError, GuestTrap) as error:
            raise LibraryMismatch(str(error)) from error

    def _is_built_in(self, instance: Instance) -> bool:
        """Whether a fresh instance has all of it already."""
        return (
            not self.main_slots
            and all(each.part or each.is_shell for each in self.modules)
            and self.table_size == instance.engine.c.table_size(instance.context, instance.loader._table())
        )

    def take_up(self, loader: Loader) -> None:
        """Tell the loader of an instance of the modules that are parts of its main module."""
        self._give_places(loader)
        for each in self._copies(loader):
            loader.adopt(each)

    def _give_places(self, loader: Loader) -> None:
        loader._main_slots.update(self.main_slots)
        loader._spare_table[:] = self.spare_table

    def _grow_table(self, instance: Instance) -> None:
        c, table = instance.engine.c, instance.loader._table()
        grow = self.table_size - c.table_size(instance.context, table)
        if grow <= 0:
            return
        if self.table_size > instance.limits.table_elements:
            raise DlError("the table of functions is larger than the limit")
        error = c.table_grow(instance.context, table, grow, NULL_FUNCTION, ctypes.byref(ctypes.c_uint64()))
        if error is not None:
            raise DlError(c.take_error(error))

    def _copies(self, loader: Loader) -> list[LoadedModule]:
        """The modules, for another instance."""
        copies: list[LoadedModule] = []
        for each in self.modules:
            if each.memory_base + each.memory_size > loader._instance.memory.size:
                raise DlError(f"{each.path}: its data lies outside of memory")
            needed = [copies[other.handle - FIRST_HANDLE] for other in each.needed]
            slots = dict(each.slots)
            copies.append(
                replace(each, instance=(ctypes.c_char * 16)(), symbols={}, slots=slots, needed=needed)
            )
        return copies

    def plan(self, instance: Instance) -> Plan:
        """How to instantiate the modules, as they are loaded in an instance."""
        if not self.plans:
            self.plans.append(Plan([instance.loader.origins(each) for each in instance.loader.loaded]))
        return self.plans[0]

    def _fill_table(self, instance: Instance) -> None:
        """Functions whose address was taken: the others are where their modules' elements put them."""
        c, loader = instance.engine.c, instance.loader
        table = loader._table()
        wanted = [(slot, instance.extern(name)) for name, slot in self.main_slots.items()]
        for each in loader.loaded:
            wanted += [(slot, instance.export_of(each.instance, name)) for name, slot in each.slots.items()]
        for slot, extern in wanted:
            if extern is None or extern[0] != ExternKind.FUNC:
                raise DlError("a function whose address was taken is not there")
            val = bytes([ValKind.FUNCREF]) + bytes(7) + extern[8:24] + bytes(8)
            if error := c.table_set(instance.context, table, slot, val):
                raise DlError(c.take_error(error))


def _index(value: Any) -> int:
    """A number in 32 bits."""
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise ValueError(f"{value!r} is no index")
    return value


def _find(
    loader: Loader, described: Any, before: list[LoadedModule], handle: int, *, trusted: bool
) -> LoadedModule:
    path, sha256 = str(described["path"]), str(described["sha256"])
    memory_base, table_base = map(_index, described["bases"])
    needed = [int(other) - FIRST_HANDLE for other in described["needed"]]
    if not all(0 <= index < len(before) for index in needed):
        raise ValueError("a library needs one that comes after it")
    if described["part"] is not None:
        return _part(loader, described, [before[index] for index in needed], handle)
    owners = tuple(int(owner) for owner in described["owners"])
    is_complete = True
    module: Described
    if trusted:
        module = Described() if described["shell"] else loader.find_compiled(path, sha256)
        memory_size, table_size = map(_index, described["sizes"])
        is_shell = bool(described["shell"])
    else:
        module, info = loader.find(path, sha256)
        memory_size, table_size, is_shell = info.memory_size, info.table_size, info.is_shell
        is_complete = len(owners) == len(info.imports)
    if not is_complete or not all(0 <= owner < handle for owner in owners):
        raise ValueError("the definitions of a library are incomplete")
    return LoadedModule(
        path=path,
        sha256=sha256,
        handle=handle,
        memory_base=memory_base,
        memory_size=memory_size,
        table_base=table_base,
        table_size=table_size,
        module=module,
        instance=(ctypes.c_char * 16)(),
        is_global=bool(described["global"]),
        is_shell=is_shell,
        needed=[before[index] for index in needed],
        location=str(described["location"]),
        owners=owners,
        slots={str(name): _index(slot) for name, slot in described["slots"].items()},
    )


def _part(loader: Loader, described: Any, needed: list[LoadedModule], handle: int) -> LoadedModule:
    """A module that is a part of the main one, which knows where it lies."""
    parts = loader._instance.program.prelinked.libraries
    part = parts[_index(described["part"])]
    if part.sha256 != described["sha256"]:
        raise ValueError("a library is another than the one that the interpreter was joined with")
    loaded = loader.part(str(described["path"]), part, needed, bool(described["global"]))
    loaded.handle, loaded.location = handle, str(described["location"])
    return loaded
