"""Samples, and how to take them fairly."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Sample", "geometric_mean", "in_turns", "load_now", "pairwise", "repeat", "timed"]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured: the median, and the quartiles as its spread."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Sample:
        ordered = sorted(values)
        if not ordered:
            raise ValueError("a sample needs at least one value")
        if len(ordered) == 1:
            return cls(ordered[0], ordered[0], ordered[0], 1)
        low, median, high = statistics.quantiles(ordered, n=4, method="inclusive")
        return cls(median, low, high, len(ordered))

    def scaled(self, factor: float) -> Sample:
        """The same in another unit."""
        return Sample(self.median * factor, self.low * factor, self.high * factor, self.count)


def load_now() -> str:
    """How busy the machine is: its load averages over 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def repeat(function: Callable[[], object], count: int) -> list[float]:
    """Seconds of each of ``count`` calls."""
    return [timed(function) for _ in range(count)]


def in_turns(measure: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each function once in every round, first in one order, then in the other."""
    values: dict[str, list[float]] = {name: [] for name in measure}
    names = list(measure)
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            values[name].append(measure[name]())
    return values


def pairwise(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of what was measured side by side."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios."""
    return math.exp(statistics.fmean(math.log(value) for value in values))
