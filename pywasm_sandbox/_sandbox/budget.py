"""What all runs of a sandbox share: CPU time, a lifetime, and how many of them there are at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from pywasm_sandbox._engine import Deadline, InterruptReason, Ticket
from pywasm_sandbox._guests.protocol import Failed
from pywasm_sandbox._limits import LimitValues
from pywasm_sandbox.errors import PolicyError

__all__ = ["Budget", "Seated", "Seats"]


class Seats:
    """A number of runs at once. `take` and `give` come from any thread."""

    def __init__(self, count: int, what: str) -> None:
        self.count = count
        self._what = what
        self._lock = threading.Lock()
        self._taken = 0

    def take(self) -> None:
        """Raises `PolicyError` if all are taken."""
        with self._lock:
            if self._taken >= self.count:
                raise PolicyError(
                    f"{self._what} has {self._taken} runs under way, its max_concurrent_runs; wait for one "
                    "to end"
                )
            self._taken += 1

    def give(self) -> None:
        """One run is over."""
        with self._lock:
            self._taken -= 1


class Seated:
    """Around a run: one of the places of each. Raises `PolicyError`."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, outer: Seats, inner: Seats) -> None:
        self._outer, self._inner = outer, inner

    def __enter__(self) -> None:
        self._outer.take()
        try:
            self._inner.take()
        except BaseException:
            self._outer.give()
            raise

    def __exit__(self, *failure: object) -> None:
        self._inner.give()
        self._outer.give()


_UNMETERED: Final = nullcontext()


class Budget:
    """The CPU time and lifetime that are left to a sandbox."""

    def __init__(self, limits: LimitValues) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._cpu_left_ns = None if limits.cpu_seconds is None else int(limits.cpu_seconds * 1e9)
        seconds = limits.lifetime_seconds
        self.ends_at = None if seconds is None else time.monotonic() + seconds

    @property
    def cpu_seconds_left(self) -> float | None:
        """None: there is no limit."""
        left = self._cpu_left_ns
        return None if left is None else max(0, left) / 1e9

    def refusal(self) -> Failed | None:
        """Why no code runs any more."""
        if self._cpu_left_ns is not None and self._cpu_left_ns <= 0:
            return Failed(
                "CpuLimitExceeded", f"the sandbox used up its CPU time of {self._limits.cpu_seconds:g} s"
            )
        return None

    def metered(self, ticket: Ticket) -> AbstractContextManager[None]:
        """Around a run, on the guest's thread: what it uses is taken off, and when that was the last of it
        the run is interrupted."""
        if self.ends_at is not None:
            ticket.bound = Deadline(self.ends_at, self._limits.grace_seconds, InterruptReason.LIFETIME)
        return _UNMETERED if self._cpu_left_ns is None else self._charged(ticket)

    @contextmanager
    def _charged(self, ticket: Ticket) -> Iterator[None]:
        charge, rebase = self._meter()
        ticket.meter, ticket.on_thread = charge, rebase
        try:
            yield
        finally:
            charge()

    def _meter(self) -> tuple[Callable[[], Deadline | None], Callable[[], None]]:
        """What takes off what the present thread used since the last time, and what begins with a thread."""
        last = time.thread_time_ns()
        ran_out: list[Deadline] = []

        def charge() -> Deadline | None:
            nonlocal last
            now = time.thread_time_ns()
            used, last = now - last, now
            with self._lock:
                assert self._cpu_left_ns is not None
                self._cpu_left_ns -= used
                over = self._cpu_left_ns <= 0
            if over and not ran_out:
                ran_out.append(
                    Deadline(time.monotonic(), self._limits.grace_seconds, InterruptReason.CPU_LIMIT)
                )
            return ran_out[0] if ran_out else None

        def rebase() -> None:
            nonlocal last
            last = time.thread_time_ns()

        return charge, rebase
