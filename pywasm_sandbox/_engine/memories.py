"""Linear memories: address space for wasmtime's instances, and what closed ones leave to the next.

A clone's first cell writes some hundred pages of its image, and each costs a page fault: several
microseconds, ten times what copying the page takes. So a memory that holds an image is not unmapped with its
instance: what was written to the image's pages is overwritten with the image's content again, all else is
mapped afresh, and the next clone of the image gets it as it lies there, with nothing left to do for the
kernel. wasmtime's pooling allocator does the same for its own images (`linear_memory_keep_resident`).

Which pages were written the kernel says (`pages`). Where it doesn't, and outside of Linux, nothing is kept.

wasmtime asks for memories through `wasmtime_memory_creator_t`. Each is a reservation that no address of a
guest can leave, as in wasmtime's own: as many bytes as it asks for, a guard behind them and one before.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from .arena import (
    CAN_MAP,
    PROT_READ_WRITE,
    allow_access,
    discard_pages,
    map_nothing,
    map_whole,
    reserve,
    unmap,
)
from .capi import FINALIZER, GET_MEMORY, GROW_MEMORY, NEW_MEMORY, CApi, MemoryCreator
from .pages import own_runs

if TYPE_CHECKING:
    from .image import PageRun

__all__ = ["KEPT_BYTES", "MAX_SPARES", "Region", "Spares", "create_memories", "making"]

MAX_SPARES: Final = 8
"""How many memories are kept of one image."""

KEPT_BYTES: Final = 2 << 20
"""How much that was written stays in each, in bytes; the rest goes back to the system."""

GUARD_BEFORE: Final = 32 << 20


class Region:
    """One reservation: a guard, `capacity` bytes from `base` on, of which `usable` can be accessed, and
    another guard."""

    __slots__ = ("base", "capacity", "guard", "origin", "size", "usable")

    def __init__(self, capacity: int, guard: int) -> None:
        self.capacity = capacity
        self.guard = guard
        self.base = reserve(GUARD_BEFORE + capacity + guard) + GUARD_BEFORE
        self.size = 0
        """What wasmtime takes it to be, in bytes."""
        self.usable = 0
        self.origin: Spares | None = None
        """The image that is mapped in it."""

    def grow(self, size: int) -> None:
        """Make it so large. Raises `OSError`."""
        if size > self.usable:
            allow_access(self.base + self.usable, size - self.usable)
            self.usable = size
        self.size = size

    def unmap(self) -> None:
        """Give all of it back."""
        unmap(self.base - GUARD_BEFORE, GUARD_BEFORE + self.capacity + self.guard)


class Spares:
    """The memories that hold one image, whose pages are `runs` of the file `descriptor`, and nothing else.

    Takes no lock: instances are closed wherever the last reference to them goes.
    """

    def __init__(self, runs: Sequence[PageRun], memory_bytes: int, descriptor: int) -> None:
        self._runs = tuple(runs)
        self._memory_bytes = memory_bytes
        self._kept: deque[Region] = deque()
        self._closed = False
        self._length = sum(run.length for run in runs)
        self._source = 0
        """Where its file is mapped, 0 where that can't be. From now on: the image may close it."""
        if CAN_MAP and self._length:
            with contextlib.suppress(OSError):
                self._source = map_whole(descriptor, self._length)

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, capacity: int, guard: int) -> Region | None:
        """One of them, if there is one."""
        region = _take(self._kept, capacity, guard)
        if region is not None:
            region.origin = self
        return region

    def keep(self, region: Region) -> bool:
        """Take one that nobody uses any more; False if it is not worth it, or can't be made what it was."""
        region.origin = None  # or they would keep each other alive
        if self._closed or not self._source or len(self._kept) >= MAX_SPARES:
            return False
        try:
            if not self._clean(region):
                return False
        except OSError:  # too many mappings, no memory
            return False
        region.size, region.usable = 0, self._memory_bytes
        self._kept.append(region)
        return True

    def _clean(self, region: Region) -> bool:
        budget = KEPT_BYTES
        source = self._source
        at = region.base
        for run in self._runs:
            start = region.base + run.address
            runs = own_runs(start, run.length)
            if runs is None:
                return False
            for offset, length in runs:
                if length > budget:
                    discard_pages(start + offset, length)
                    continue
                budget -= length
                ctypes.memmove(start + offset, source + run.offset + offset, length)
            if start > at:
                map_nothing(at, start - at, protection=PROT_READ_WRITE)
            at = start + run.length
        last = region.base + self._memory_bytes
        if last > at:
            map_nothing(at, last - at, protection=PROT_READ_WRITE)
        map_nothing(last, region.base + region.capacity - last)
        return True

    def close(self) -> None:
        """Keep none from now on."""
        self._closed = True
        while self._kept:
            try:
                self._kept.pop().unmap()
            except IndexError:  # somebody else was faster
                break

    def __del__(self) -> None:
        if sys is not None and not sys.is_finalizing() and getattr(self, "_source", None):
            self.close()
            unmap(self._source, self._length)


def _take(kept: deque[Region], capacity: int, guard: int) -> Region | None:
    try:
        region = kept.pop()  # the last one: what it touched is in the processor's caches
    except IndexError:
        return None
    if (region.capacity, region.guard) != (capacity, guard):
        region.unmap()
        return None
    return region


class Made:
    """What an instantiation may have, and its linear memory then."""

    __slots__ = ("region", "spares")

    def __init__(self, spares: Spares | None = None) -> None:
        self.spares = spares
        self.region: Region | None = None


class _Current(threading.local):
    """What is being instantiated on this thread."""

    made: Made | None = None


_current: Final = _Current()
_regions: dict[int, Region] = {}
_numbers = itertools.count(1)
_untouched: Final[deque[Region]] = deque()
"""Reservations of which nothing was ever used."""


@contextlib.contextmanager
def making(spares: Spares | None) -> Iterator[Made]:
    """A module is instantiated here on this thread, and may get one of these memories."""
    made = _current.made = Made(spares)
    try:
        yield made
    finally:
        _current.made = None


def create_memories(c: CApi, config: int) -> None:
    """Let an engine's memories be made here, on systems where that is known to be sound."""
    if CAN_MAP:
        c.config_host_memory_creator_set(config, ctypes.byref(_creator(c)))


@functools.cache
def _creator(c: CApi) -> MemoryCreator:
    """One for all engines, for ever: wasmtime may call it as long as the process lives."""

    def new(
        _env: int | None, _type: int, minimum: int, _maximum: int, reserved: int, guard: int, out: Any
    ) -> int | None:
        try:
            region = _make(minimum, max(minimum, reserved), guard)
        except (OSError, MemoryError) as error:
            return _failed(c, error)
        number = next(_numbers)
        _regions[number] = region
        memory = out.contents
        memory.env, memory.get_memory, memory.grow_memory, memory.finalizer = number, get, grow, finalize
        if minimum and _current.made is not None:
            _current.made.region = region
        return None

    def get_memory(env: int, size: Any, capacity: Any) -> int:
        region = _regions[env]
        size[0], capacity[0] = region.size, region.capacity
        return region.base

    def grow_memory(env: int, size: int) -> int | None:
        try:
            _regions[env].grow(size)
        except (OSError, MemoryError) as error:
            return _failed(c, error)
        return None

    def finish(env: int) -> None:
        if sys is None or sys.is_finalizing():
            return
        region = _regions.pop(env)
        if not region.usable and len(_untouched) < MAX_SPARES:
            _untouched.append(region)
        elif region.origin is None or not region.origin.keep(region):
            region.unmap()

    get, grow, finalize = GET_MEMORY(get_memory), GROW_MEMORY(grow_memory), FINALIZER(finish)
    return MemoryCreator(None, NEW_MEMORY(new), FINALIZER())


def _make(minimum: int, capacity: int, guard: int) -> Region:
    region = None
    if not minimum:  # wasmtime's own, for references to exceptions; it never grows as a rule
        region = _take(_untouched, capacity, guard)
    elif _current.made is not None and _current.made.spares is not None:
        region = _current.made.spares.take(capacity, guard)
    if region is None:
        region = Region(capacity, guard)
    region.grow(minimum)
    return region


def _failed(c: CApi, error: Exception) -> int:
    pointer: int = c.error_new(str(error).encode())
    return pointer
