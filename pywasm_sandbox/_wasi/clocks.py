"""The clocks a guest reads."""

from __future__ import annotations

import threading
import time
from typing import Final

from .abi import ClockId

U64_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
# Plain integers: comparing with a member of an enum takes several times as long.
_REALTIME: Final = int(ClockId.REALTIME)
_MONOTONIC: Final = int(ClockId.MONOTONIC)
_PROCESS: Final = int(ClockId.PROCESS_CPUTIME_ID)


class Clocks:
    """Wall, monotonic and CPU time in nanoseconds. Subclass it for a clock of your own.

    The monotonic clock can be shifted, so that a guest restored from an image never sees it go backwards. The
    CPU clocks count the time of the threads that ran this guest, as far as the guest looked at them: the
    host's other work is none of the guest's business. Guests see all of them in steps of `step_ns`: what is
    finer tells of the host's caches, and of other guests.
    """

    def __init__(self, step_ns: int = 1) -> None:
        self._step_ns = step_ns
        self._monotonic_offset_ns = 0
        self._cpu_thread: int | None = None
        self._cpu_base_ns = 0
        self._cpu_last_ns = 0

    def realtime_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds since some moment; never goes backwards."""
        return time.monotonic_ns() + self._monotonic_offset_ns

    def never_before(self, monotonic_ns: int) -> None:
        """Shift the monotonic clock, if need be, so that it goes on from `monotonic_ns`."""
        behind = monotonic_ns - self.monotonic_ns()
        if behind > 0:
            self._monotonic_offset_ns += behind

    def rebase_cpu(self) -> None:
        """CPU time of the current thread up to now belongs to somebody else: a call into the guest begins."""
        self._cpu_thread = threading.get_ident()
        self._cpu_base_ns = self._cpu_last_ns - time.thread_time_ns()

    def process_cpu_ns(self) -> int:
        """CPU time that the guest used."""
        if threading.get_ident() != self._cpu_thread:
            self.rebase_cpu()
        # A thread that reuses a dead one's identity starts at zero again.
        self._cpu_last_ns = max(self._cpu_last_ns, self._cpu_base_ns + time.thread_time_ns())
        return self._cpu_last_ns

    def thread_cpu_ns(self) -> int:
        """CPU time of the guest's thread; it has one."""
        return self.process_cpu_ns()

    def resolution_ns(self, clock_id: int) -> int:
        """Resolution of a clock; `clock_id` is one of `ClockId`."""
        return self._step_ns

    def now_ns(self, clock_id: int) -> int:
        """Time of the clock `clock_id` (one of `ClockId`), as a u64."""
        step = self._step_ns
        if step != 1:
            exact = self._exact_ns(clock_id)
            return exact - exact % step
        return self._exact_ns(clock_id)

    def _exact_ns(self, clock_id: int) -> int:
        if clock_id == _MONOTONIC:
            return self.monotonic_ns() & U64_MASK
        if clock_id == _REALTIME:
            return self.realtime_ns() & U64_MASK
        if clock_id == _PROCESS:
            return self.process_cpu_ns() & U64_MASK
        return self.thread_cpu_ns() & U64_MASK
