"""How to instantiate an image's side modules again, worked out once for all its clones.

A clone's time goes into finding what its modules import: thousands of names, of which many are asked for by
several modules, and most of the others are addresses that never change. The plan lists each name once, to be
looked up right into the array that wasmtime is given, and each address as the constant that it is.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from .capi import EXTERN_SIZE, VAL_SIZE, ExternKind
from .failures import DlError

if TYPE_CHECKING:
    from .loader import LoadedModule, Loader

__all__ = ["MAIN", "Plan"]

MAIN: Final = -1
"""The owner of what the main module exports; others are numbers of side modules in their order."""

_UNION: Final = 8
"""Where an extern's value begins, after its kind."""


@dataclass(slots=True, eq=False)
class _Step:
    """What one module imports. ``slots`` are the new ones, in order; ``picks`` gives all of its imports."""

    lookups: list[tuple[int, bytes, int]] = field(default_factory=list)
    constants: list[tuple[bool, bytes, int]] = field(default_factory=list)
    undefined: list[tuple[str, str, int]] = field(default_factory=list)
    count: int = 0
    picks: Callable[[Sequence[bytes]], Sequence[bytes]] = tuple
    slots: range = range(0)


class Plan:
    """The imports of modules that are instantiated one after the other. Immutable once it is made."""

    def __init__(self, modules: Sequence[Sequence[Sequence[Any]] | None]) -> None:
        """``modules`` are the imports of each module (see `_step`), or None if it needs no instance."""
        self.description = [None if each is None else [list(one) for one in each] for each in modules]
        """The same as JSON has it."""
        self._steps: list[_Step | None] = []
        self._slots: dict[tuple[Any, ...], int] = {}
        self._size = 0
        for imports in modules:
            self._steps.append(None if imports is None else self._step([tuple(each) for each in imports]))

    def _step(self, imports: Sequence[tuple[Any, ...]]) -> _Step:
        """Of the next module's imports, in order; equal ones are one.

        Each is ``("lookup", owner, name)``, ``("constant", mutable, value, …)`` or ``("undefined", name,
        params, results)``.
        """
        step = _Step()
        first, indices = self._size, []
        for each in imports:
            slot = self._slots.get(each)
            if slot is None:
                slot = self._slots[each] = self._size
                self._size += 1
                offset = slot * EXTERN_SIZE
                if each[0] == "lookup":
                    step.lookups.append((each[1], each[2].encode("utf-8", "surrogateescape"), offset))
                elif each[0] == "constant":
                    value = bytes(8) + each[2].to_bytes(4, "little") + bytes(VAL_SIZE - 12)
                    step.constants.append((each[1], value, offset))
                else:
                    step.undefined.append((each[2], each[3], offset))
            indices.append(slot)
        step.slots = range(first, self._size)
        step.picks, step.count = _picker(indices), len(indices)
        return step

    def follow(self, loader: Loader, modules: Sequence[LoadedModule]) -> None:
        """Instantiate the modules, whose numbers are those of the plan. Raises `DlError`."""
        instance = loader._instance
        c, context, global_type = instance.engine.c, instance.context, instance.engine.global_type
        pool = (ctypes.c_char * (self._size * EXTERN_SIZE))()
        base = ctypes.addressof(pool)
        externs: list[bytes] = []
        for step, module in zip(self._steps, modules, strict=True):
            if step is None:
                loader.adopt(module)
                continue
            for owner, name, offset in step.lookups:
                handle = instance.handle if owner == MAIN else modules[owner].instance
                if not c.instance_export_get(context, handle, name, len(name), base + offset):
                    raise DlError(f"{module.path}: undefined symbol: {name.decode(errors='replace')}")
            for mutable, value, offset in step.constants:
                pool[offset] = bytes([ExternKind.GLOBAL])
                if error := c.global_new(context, global_type(mutable), value, base + offset + _UNION):
                    raise DlError(c.take_error(error))
            for params, results, offset in step.undefined:
                ctypes.memmove(base + offset, loader.undefined_function(params, results), EXTERN_SIZE)
            start = step.slots.start * EXTERN_SIZE
            raw = ctypes.string_at(base + start, len(step.slots) * EXTERN_SIZE)
            externs += [raw[at : at + EXTERN_SIZE] for at in range(0, len(raw), EXTERN_SIZE)]
            loader.new_instance(module, b"".join(step.picks(externs)), step.count)
            loader.adopt(module)


def _picker(indices: list[int]) -> Callable[[Sequence[bytes]], Sequence[bytes]]:
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda externs: [externs[index] for index in indices]
