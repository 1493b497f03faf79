"""A guest at one moment between two runs, from which any number of guests go on."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pywasm_sandbox._engine import MemoryState
from pywasm_sandbox._vfs.api import File, VfsError
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.resolver import Location
from pywasm_sandbox._wasi import FdState, WasiHost
from pywasm_sandbox._wasi.abi import FILETYPE_DIRECTORY

__all__ = ["GuestState", "Relocate", "Start", "reopen"]

Relocate = Callable[[Location], Location]
"""Where an open file of a state is in the filesystem of a new guest. Raises `VfsError` if it isn't there."""


@dataclass(frozen=True, slots=True, eq=False)
class GuestState:
    """``addresses`` are those of the C runtime's ring and interrupt words; ``fds`` the open descriptors,
    whose locations belong to ``namespace``; ``numbering`` the numbers that come next (`FdTable.numbering`).
    """

    memory: MemoryState
    addresses: Mapping[str, Any]
    monotonic_ns: int
    fds: tuple[FdState, ...]
    numbering: tuple[int, tuple[int, ...]]
    namespace: Namespace

    @classmethod
    def describe(
        cls, host: WasiHost, memory: MemoryState, addresses: Mapping[str, Any], namespace: Namespace
    ) -> GuestState:
        """The state of a guest with this host and memory."""
        return cls(
            memory,
            addresses,
            host.clocks.monotonic_ns(),
            host.fds.snapshot(),
            host.fds.numbering(),
            namespace,
        )

    def in_copy(self, namespace: Namespace) -> GuestState:
        """The same, with the locations in a clone of its namespace. What isn't there is closed."""
        fds = []
        for each in self.fds:
            try:
                place = None if each.location is None else namespace.translate(each.location)
            except VfsError:
                continue
            fds.append(each._replace(location=place))
        return replace(self, fds=tuple(fds), namespace=namespace)

    def pin(self) -> list[File]:
        """Open its files once more, so that those without a name live until these are closed."""
        pins = []
        for each in self.fds:
            if each.location is not None and each.filetype != FILETYPE_DIRECTORY:
                with contextlib.suppress(VfsError):
                    pins.append(each.location.mount.fs.open(each.location.node, False))
        return pins

    def resume(self, host: WasiHost, relocate: Relocate) -> None:
        """Give a new guest's host the clock and the open files."""
        host.clocks.never_before(self.monotonic_ns)
        reopen(host, self.fds, relocate)
        host.fds.number_on(self.numbering)


class Start(NamedTuple):
    """Where a guest goes on from."""

    load: Callable[[], GuestState]
    relocate: Relocate
    execution_count: int
    discard: Callable[[], None] = lambda: None
    """Called when nobody goes on from there any more."""


def reopen(host: WasiHost, states: tuple[FdState, ...], relocate: Relocate) -> None:
    """Open what `states` say. A file that is gone stays closed, and its number unused: EBADF and no other."""
    files: deque[File] = deque()
    kept: list[FdState] = []
    places: dict[int, Location] = {}
    for state in sorted(states, key=lambda state: state.number):
        if state.location is not None:
            try:
                place = relocate(state.location)
                place.mount.fs.stat(place.node)
                if state.writable and place.mount.read_only:
                    continue
                if state.preopen is None and state.filetype != FILETYPE_DIRECTORY:
                    files.append(place.mount.fs.open(place.node, state.writable))
            except VfsError:
                continue
            places[id(state.location)] = place
        kept.append(state)
    host.fds.restore(kept, lambda place, writable: files.popleft(), lambda location: places[id(location)])
