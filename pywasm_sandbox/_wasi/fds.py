"""The table of a guest's file descriptors: plain data, to be kept in images and copied to forks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import ClassVar, Final, NamedTuple

from pywasm_sandbox._vfs.api import File
from pywasm_sandbox._vfs.resolver import Location

from . import abi, errnos
from .endpoints import ENDPOINT_RIGHTS, Endpoint, ResetEndpoint

FIRST_PREOPEN: Final = 3


class Fd:
    """One open file, directory or endpoint (POSIX: an open file description).

    Exactly one of these holds (`endpoint` is None unless said otherwise):

    - stdio: `stream` is 0, 1 or 2, `location` and `file` are None;
    - a directory: `location` is set, `file` is None, `stream` is -1;
    - a file: `location` and `file` are set, `stream` is -1;
    - an endpoint: `endpoint` is set, `location` and `file` are None, `stream` is -1.

    Several numbers, in several tables, may stand for it; the last one to let go closes it.
    """

    _sharing: ClassVar = threading.Lock()

    __slots__ = (
        "endpoint",
        "file",
        "filetype",
        "flags",
        "holders",
        "location",
        "offset",
        "preopen",
        "readable",
        "rights_base",
        "rights_inheriting",
        "stream",
        "writable",
    )

    def __init__(
        self,
        *,
        filetype: int,
        rights_base: int,
        rights_inheriting: int,
        location: Location | None = None,
        file: File | None = None,
        flags: int = 0,
        readable: bool = False,
        writable: bool = False,
        stream: int = -1,
        preopen: bytes | None = None,
        endpoint: Endpoint | None = None,
    ) -> None:
        self.filetype = filetype
        self.rights_base = rights_base
        self.rights_inheriting = rights_inheriting
        self.location = location
        self.file = file
        self.offset = 0
        self.flags = flags
        # How a file or stream was opened; a directory is neither. The rights say what is still allowed: the
        # guest may have given some up.
        self.readable = readable
        self.writable = writable
        self.stream = stream
        self.preopen = preopen
        self.endpoint = endpoint
        self.holders = 1

    @classmethod
    def of_endpoint(cls, endpoint: Endpoint, flags: int = 0) -> Fd:
        """A descriptor for a connection or the end of a pipe."""
        return cls(
            filetype=endpoint.filetype,
            rights_base=ENDPOINT_RIGHTS,
            rights_inheriting=ENDPOINT_RIGHTS,
            flags=flags,
            readable=True,
            writable=True,
            endpoint=endpoint,
        )

    def hold(self) -> Fd:
        """One more number stands for it."""
        with self._sharing:
            self.holders += 1
        return self

    def close(self) -> None:
        """One number less stands for it; the last one closes what is behind it."""
        with self._sharing:
            self.holders -= 1
            if self.holders > 0:
                return
        if self.file is not None:
            self.file.close()
        if self.endpoint is not None:
            self.endpoint.close()


class FdState(NamedTuple):
    """One entry of a table as data. The fields are those of `Fd`, and the number."""

    number: int
    filetype: int
    rights_base: int
    rights_inheriting: int
    location: Location | None
    offset: int
    flags: int
    readable: bool
    writable: bool
    stream: int
    preopen: bytes | None


class FdTable:
    """The open fds of a guest, at most `limit`. A new one gets the lowest free number, as in POSIX."""

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f"open_files is {limit}; it must not be negative")
        self.limit = limit
        # The same dict for the whole life of the table: the functions look fds up in it directly.
        self.entries: dict[int, Fd] = {}
        self._freed: list[int] = []  # heap of numbers below `_next`; those that are open are skipped
        self._next = 0
        self.close_on_exec: set[int] = set()

    def __len__(self) -> int:
        return len(self.entries)

    def reserve(self) -> None:
        """Fail with `mfile` unless there is room for one more: ask before doing what cannot be undone."""
        if len(self.entries) >= self.limit:
            raise errnos.WasiError(errnos.MFILE, f"{self.limit} fds are open")

    def insert(self, entry: Fd) -> int:
        """Give `entry` the lowest free number."""
        self.reserve()
        entries = self.entries
        while self._freed:
            number = heappop(self._freed)
            if number not in entries:
                break
        else:
            while self._next in entries:
                self._next += 1
            number = self._next
            self._next += 1
        entries[number] = entry
        return number

    def duplicate(self, number: int, lowest: int) -> int:
        """Let the lowest free number, from `lowest` on, stand for the same as `number`, which is open."""
        self.reserve()
        entry = self.entries[number]
        if lowest <= 0:
            return self.insert(entry.hold())
        while lowest in self.entries:
            lowest += 1
        self.entries[lowest] = entry.hold()
        return lowest

    def duplicate_onto(self, number: int, to: int) -> None:
        """Let `to` stand for the same as `number`, which is open; what `to` was is let go."""
        self.close_on_exec.discard(to)
        if number == to:
            return
        entry = self.entries[number].hold()
        if to in self.entries:
            self.entries[to].close()
        else:
            self.reserve()
        self.entries[to] = entry

    def copy(self, *, for_exec: bool = False) -> FdTable:
        """A table whose numbers stand for the same, as after `fork` or, `for_exec`, `execve`."""
        twin = FdTable(self.limit)
        for number, entry in self.entries.items():
            if not (for_exec and number in self.close_on_exec):
                twin.entries[number] = entry.hold()
        twin._next = self._next
        twin._freed = list(self._freed)
        if for_exec:
            twin._freed += [number for number in self.close_on_exec if number < self._next]
            twin._freed.sort()
        else:
            twin.close_on_exec = set(self.close_on_exec)
        return twin

    def skip_to(self, number: int) -> None:
        """Never give out a number below this one that is not open now.

        A clone of an image has objects with numbers of files that are not open in it; using them must fail
        with `badf` and not reach a file that was opened since.
        """
        self._next = max(self._next, number)
        self._freed.clear()

    def numbering(self) -> tuple[int, tuple[int, ...]]:
        """The lowest number that was never given out, and those below it that are free."""
        return self._next, tuple(sorted(self._freed))

    def number_on(self, numbering: tuple[int, tuple[int, ...]]) -> None:
        """Give numbers out as the table did that said `numbering`: those that are neither open here nor free
        there stay unused."""
        self._next, free = numbering
        self._freed = [number for number in free if number not in self.entries]

    def remove(self, number: int) -> None:
        """Forget an fd, which must be open, and close its file."""
        entry = self.entries.pop(number)
        self.close_on_exec.discard(number)
        if number < self._next:
            heappush(self._freed, number)
        entry.close()

    def renumber(self, number: int, to: int) -> None:
        """Move an fd onto another one, which is closed; both must be open."""
        if number == to:
            return
        moved = self.entries.pop(number)
        if number < self._next:
            heappush(self._freed, number)
        replaced = self.entries[to]
        self.entries[to] = moved
        replaced.close()

    def close(self) -> None:
        """Close all. Idempotent."""
        entries = list(self.entries.values())
        self.entries.clear()
        self._freed.clear()
        self._next = 0
        for entry in entries:
            entry.close()

    def snapshot(self) -> tuple[FdState, ...]:
        """The table as data, ordered by number."""
        return tuple(
            FdState(
                number,
                entry.filetype,
                entry.rights_base,
                entry.rights_inheriting,
                entry.location,
                entry.offset,
                entry.flags,
                entry.readable,
                entry.writable,
                entry.stream,
                entry.preopen,
            )
            for number, entry in sorted(self.entries.items())
        )

    def restore(
        self,
        states: Iterable[FdState],
        open_file: Callable[[Location, bool], File],
        relocate: Callable[[Location], Location] = lambda location: location,
    ) -> None:
        """Become what `states` say.

        `open_file(location, writable)` opens a file anew; `relocate` maps a location to a copy's tree. An
        endpoint can't be had twice: it is there, and reset.

        Whatever `open_file` raises leaves an empty table.
        """
        ordered: Sequence[FdState] = sorted(states, key=lambda state: state.number)
        self.close()
        try:
            for state in ordered:
                self._restore_one(state, open_file, relocate)
        except BaseException:
            self.close()
            raise
        self._next = ordered[-1].number + 1 if ordered else 0
        self._freed = [number for number in range(self._next) if number not in self.entries]

    def _restore_one(
        self,
        state: FdState,
        open_file: Callable[[Location, bool], File],
        relocate: Callable[[Location], Location],
    ) -> None:
        location = None if state.location is None else relocate(state.location)
        file = None
        if location is not None and state.filetype != abi.FILETYPE_DIRECTORY:
            file = open_file(location, state.writable)
        entry = Fd(
            filetype=state.filetype,
            rights_base=state.rights_base,
            rights_inheriting=state.rights_inheriting,
            location=location,
            file=file,
            flags=state.flags,
            readable=state.readable,
            writable=state.writable,
            stream=state.stream,
            preopen=state.preopen,
            endpoint=ResetEndpoint() if location is None and state.stream < 0 else None,
        )
        entry.offset = state.offset
        self.entries[state.number] = entry
