"""A world that is the same each time: for images, which must be equal wherever they are made.

A snapshot says how memory differs from its image, so that a process on another machine, which made its own
image of the same assets, can restore it (docs/RATIONALE.md, "Why are images reproducible?").
"""

from __future__ import annotations

from typing import Final

from pywasm_sandbox._wasi import Clocks

__all__ = ["CountingBytes", "SteppingClocks"]

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
