"""A world that is the same each time: for images, which must be equal wherever they are made, and for
sandboxes whose code shall do the same each time (docs/guide/deterministic.md).

A snapshot says how memory differs from its image, so that a process on another machine, which made its own
image of the same assets, can restore it (docs/RATIONALE.md, "Why are images reproducible?").
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

from pywasm_sandbox._wasi import Clocks, RandomSource, Waiter, WatchedFd

__all__ = ["CountingBytes", "SteppingClocks", "VirtualTime", "VirtualWaiter", "World"]

START_NS: Final = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z."""
STEP_NS: Final = 1_000


class SteppingClocks(Clocks):
    """Each look at any clock is a microsecond later than the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0

    def _step(self) -> int:
        self._steps += STEP_NS
        return self._steps

    def realtime_ns(self) -> int:
        return START_NS + self._step()

    def monotonic_ns(self) -> int:
        return self._step()

    def process_cpu_ns(self) -> int:
        return self._step()


class CountingBytes:
    """Bytes without any randomness. Whatever is seeded by them is seeded again in each clone."""

    def __init__(self) -> None:
        self._next = 0

    def random_bytes(self, length: int) -> bytes:
        start, self._next = self._next, (self._next + length) % 251
        return bytes((start + index) % 251 for index in range(length))


class VirtualTime:
    """A time that goes on only when somebody sleeps or, by ``step_ns``, looks at it. Thread-safe."""

    def __init__(self, start_ns: int = START_NS, step_ns: int = STEP_NS) -> None:
        self.start_ns = start_ns
        self._step_ns = step_ns
        self._elapsed_ns = 0
        self._lock = threading.Lock()

    def look(self) -> int:
        """Nanoseconds since the start."""
        with self._lock:
            self._elapsed_ns += self._step_ns
            return self._elapsed_ns

    def advance(self, seconds: float) -> None:
        """Somebody sleeps."""
        with self._lock:
            self._elapsed_ns += max(1, round(seconds * 1e9))

    def now_ns(self) -> int:
        """Nanoseconds since 1970, for the times of files."""
        return self.start_ns + self.look()


class _VirtualClocks(Clocks):
    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time

    def realtime_ns(self) -> int:
        return self._time.now_ns()

    def monotonic_ns(self) -> int:
        return self._time.look() + self._monotonic_offset_ns

    def process_cpu_ns(self) -> int:
        return self._time.look()


class VirtualWaiter:
    """Sleeping takes no time of the host's: the virtual time goes on by as much. Waiting for descriptors or
    for ever is waiting."""

    def __init__(self, waiter: Waiter, time: VirtualTime) -> None:
        self._waiter = waiter
        self._time = time

    def wait(self, seconds: float | None) -> bool:
        if seconds is None:
            return self._waiter.wait(None)
        if self._waiter.wait(0.0):
            return True
        if seconds > 0:
            self._time.advance(seconds)
        return False

    def wait_for(self, fds: Sequence[WatchedFd], seconds: float | None) -> bool:
        return self._waiter.wait_for(fds, seconds)

    def wake(self) -> None:
        self._waiter.wake()


class _SeededBytes:
    """The same bytes for the same seed, and for how they are cut into calls."""

    def __init__(self, seed: bytes) -> None:
        self._random = random.Random(seed)

    def random_bytes(self, length: int) -> bytes:
        return self._random.randbytes(length)


class World(NamedTuple):
    """What one interpreter sees in place of the host's clocks and randomness."""

    time: VirtualTime
    seed: bytes

    def clocks(self) -> Clocks:
        return _VirtualClocks(self.time)

    def random_source(self) -> RandomSource:
        return _SeededBytes(self.seed)

    @property
    def hash_seed(self) -> int:
        """For an interpreter that is booted from scratch; images have one of their own."""
        return int.from_bytes(hashlib.sha256(self.seed).digest()[:4], "little")
