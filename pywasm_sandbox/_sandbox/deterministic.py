"""The option ``deterministic``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pywasm_sandbox._guests.reproducible import STEP_NS, VirtualTime, World

__all__ = ["Deterministic"]


@dataclass(frozen=True, slots=True)
class Deterministic:
    """The same code does the same each time, in every process: for test suites. Not for secrets.

    ``seed`` stands for every source of randomness; contexts of a sandbox differ by the order in which they
    were made. Time begins at ``start`` and goes on when code sleeps, which takes no real time; with the clock
    "stepped" also by a microsecond at each look, with "frozen" not. Deadlines are of real time all the same.
    """

    seed: int | str = 0
    clock: Literal["stepped", "frozen"] = "stepped"
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | str):
            raise TypeError(f"seed is a whole number or a text, not {self.seed!r}")
        if self.clock not in ("stepped", "frozen"):
            raise ValueError(f"clock is {self.clock!r}; it must be 'stepped' or 'frozen'")
        if self.start.tzinfo is None:
            raise ValueError("start has no time zone; give it one, such as datetime.UTC")

    def time(self) -> VirtualTime:
        """The time of one sandbox."""
        since = self.start - datetime(1970, 1, 1, tzinfo=UTC)
        nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
        if nanoseconds < 0:
            raise ValueError("start lies before 1970")
        return VirtualTime(nanoseconds, STEP_NS if self.clock == "stepped" else 0)

    def world(self, time: VirtualTime, context: int, boot: int) -> World:
        """What a context sees."""
        return World(time, f"{type(self.seed).__name__} {self.seed} {context} {boot}".encode())
