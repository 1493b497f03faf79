"""When and how a running guest call is stopped.

Stopping has two steps. The *soft* one writes the guest's own "a signal arrived" words: its interpreter
raises an exception, the guest's state survives. If the call still runs when the grace is over, the *hard*
one traps. Both happen on the guest's own thread (from the epoch callback while it computes, from the
waiter while it sleeps), never from the outside, so nothing is written into a memory that is being moved
or into an instance that is gone.

A `Ticket` stands for one call. Whoever wants to stop that call speaks to its ticket, not to the instance:
an interrupt that comes too late finds an ended ticket and does nothing, instead of hitting the next call.
"""

from __future__ import annotations

import enum
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = [
    "REFIRE_INTERVAL_S",
    "Action",
    "Deadline",
    "InterruptReason",
    "InterruptWords",
    "Ticket",
    "TurnWords",
]

REFIRE_INTERVAL_S = 0.1
"""A guest that swallowed a soft interrupt gets the next one no sooner than this (faster, its handler would
never get out of being interrupted)."""

DEFAULT_GRACE_S = 1.0


class InterruptReason(enum.IntEnum):
    """What the guest's signal handler is told."""

    TIMEOUT = 1
    CANCEL = 2
    OUTPUT_LIMIT = 3
    CALLBACK_FAILED = 4
    CPU_LIMIT = 5
    LIFETIME = 6


class Deadline(NamedTuple):
    """Soft interrupt at `soft_at` (`time.monotonic` seconds; None: never), hard trap `grace_s` later."""

    soft_at: float | None
    grace_s: float = DEFAULT_GRACE_S
    reason: int = InterruptReason.TIMEOUT

    @classmethod
    def after(cls, seconds: float | None, grace_s: float = DEFAULT_GRACE_S) -> Deadline:
        """A deadline that many seconds from now; None: none."""
        if seconds is not None and (math.isnan(seconds) or seconds < 0):
            raise ValueError(f"a deadline lies {seconds} s ahead; give a number of seconds ≥ 0, or None")
        return cls(None if seconds is None else time.monotonic() + seconds, grace_s)


class TurnWords(NamedTuple):
    """Where a guest with threads looks whether another one wants a turn: bit 0 of the u32 at `offset` in the
    state that the u32 at `running_address` points to (0: none runs). `wanted_address`: how many may be able
    to go on."""

    running_address: int
    offset: int
    wanted_address: int
    preempt: bool = True
    """Give turns by the clock. Else only the main thread gets one, for an interrupt."""


class InterruptWords(NamedTuple):
    """Where a guest looks for signals: u32 addresses with the bits to set, and where it reads the reason."""

    writes: tuple[tuple[int, int], ...]
    reason_address: int | None = None
    pending_address: int | None = None
    """Not 0 while the guest has not looked at an interrupt yet."""
    traps: Callable[[], Mapping[int, int]] | None = None
    """Functions to replace when the guest has not looked by the time of the second interrupt, which makes the
    loop fail that it is in: table index → index of what is called instead. They are put back as soon as it
    has looked."""
    turns: TurnWords | None = None
    """How a thread is made to give others a turn. None: it goes on until it waits."""


class Action(enum.Enum):
    """What is due for a running call."""

    NONE = 0
    SOFT = 1
    HARD = 2


def _nothing() -> None:
    pass


class Ticket:
    """One guest call, as seen by whoever may want to stop it. Use each for one call only."""

    __slots__ = (
        "_deadline",
        "_ended",
        "_lock",
        "_next_soft_at",
        "_request",
        "_started",
        "_wake",
        "bound",
        "fired",
        "killed",
        "meter",
        "on_thread",
    )

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadline: Deadline | None = None
        self._request: Deadline | None = None
        self._wake: Callable[[], None] = _nothing
        self._next_soft_at = 0.0
        self._started = False
        self._ended = False
        self.killed = False
        self.fired: int | None = None
        """Reason of the first interrupt that was delivered to the guest."""
        self.bound: Deadline | None = None
        """A second deadline, which holds whatever that of the call is. To be set before the call begins."""
        self.meter: Callable[[], Deadline | None] | None = None
        """Asked at each tick on the guest's thread, and when another thread takes over: a deadline that is in
        force from now on."""
        self.on_thread: Callable[[], None] = _nothing
        """Called on the thread that took over."""

    @property
    def ended(self) -> bool:
        """Whether the call is over, so that nothing can interrupt it any more."""
        return self._ended

    @property
    def requested(self) -> bool:
        """Whether somebody asked the call to stop, its deadline aside. Before the call began, too."""
        return self.killed or self._request is not None

    def interrupt(self, reason: int, grace_s: float = DEFAULT_GRACE_S) -> bool:
        """Stop the call: softly now (before it began: as soon as it begins), hard after the grace.

        From any thread, any number of times; the first reason counts. Returns False, and has no effect,
        if the call is over.
        """
        with self._lock:
            if self._ended:
                return False
            if self._request is None:
                self._request = Deadline(time.monotonic(), grace_s, reason)
            self._wake()
            return True

    def kill(self) -> bool:
        """Stop the call the hard way at once. Returns False if it is over."""
        with self._lock:
            if self._ended:
                return False
            self.killed = True
            self._wake()
            return True

    # ---- the engine's side, on the guest's thread

    def begin(self, deadline: Deadline | None, wake: Callable[[], None]) -> None:
        """The call starts now; `wake` ends a wait of its guest. A pending interrupt's grace starts now."""
        with self._lock:
            if self._started:
                raise RuntimeError("this Ticket was used for another call; make a new one for each call")
            self._started = True
            self._deadline = deadline
            self._wake = wake
            if self._request is not None:
                self._request = Deadline(time.monotonic(), self._request.grace_s, self._request.reason)

    def tick(self) -> None:
        """Another tick of guest code went by."""
        if self.meter is not None:
            self.bound = self.meter() or self.bound

    def end(self) -> None:
        """The call is over."""
        with self._lock:
            self._ended = True
            self._wake = _nothing

    def due(self, now: float) -> Action:
        """What has to happen now; SOFT is given once in `REFIRE_INTERVAL_S`."""
        if self.killed:
            return Action.HARD
        cause = self._cause(now)
        if cause is None:
            return Action.NONE
        assert cause.soft_at is not None
        if now >= cause.soft_at + cause.grace_s:
            if self.fired is None:
                self.fired = cause.reason
            return Action.HARD
        if now < self._next_soft_at:
            return Action.NONE
        self._next_soft_at = now + REFIRE_INTERVAL_S
        if self.fired is None:
            self.fired = cause.reason
        return Action.SOFT

    def seconds_to_next(self, now: float) -> float | None:
        """How long a wait may last before `due` has something new to say; None: for ever."""
        moments = []
        for cause in (self._request, self._deadline, self.bound):
            if cause is not None and cause.soft_at is not None:
                moments.append(cause.soft_at if now < cause.soft_at else self._next_soft_at)
                moments.append(cause.soft_at + cause.grace_s)
        ahead = [moment - now for moment in moments if moment > now]
        return min(ahead, default=None)

    def _cause(self, now: float) -> Deadline | None:
        """The interrupt that is in force: of those whose time has come, the one that turns hard first."""
        causes = [
            cause
            for cause in (self._request, self._deadline, self.bound)
            if cause is not None and cause.soft_at is not None and now >= cause.soft_at
        ]
        if len(causes) < 2:
            return causes[0] if causes else None
        return min(causes, key=lambda cause: (cause.soft_at or 0.0) + cause.grace_s)
