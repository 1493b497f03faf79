"""Every limit of a sandbox: its name, default and bounds. Nothing else is imported here, so that opening a
sandbox doesn't load pydantic; `models.Limits` is the same as a model (docs/guide/limits.md has the table)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

__all__ = ["LIMIT_NAMES", "LimitValues", "ProcessLimitValues"]

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30


class _Bounds(NamedTuple):
    """What a limit may be. ``whole``: an `int`; ``optional``: None is "no limit"."""

    least: float
    most: float = math.inf
    whole: bool = True
    optional: bool = False
    above: bool = False
    """More than ``least``, not just as much."""


_BOUNDS: Final[Mapping[str, _Bounds]] = {
    "timeout": _Bounds(0, whole=False, optional=True, above=True),
    "grace_seconds": _Bounds(0, 3600, whole=False),
    "cpu_seconds": _Bounds(0, whole=False, optional=True, above=True),
    "lifetime_seconds": _Bounds(0, whole=False, optional=True, above=True),
    # The interpreter alone needs this much; a 32-bit guest can have no more.
    "memory_bytes": _Bounds(32 * MIB, 4 * GIB),
    "disk_bytes": _Bounds(0),
    "max_files": _Bounds(16),
    "max_file_bytes": _Bounds(0, optional=True),
    "max_directory_entries": _Bounds(16),
    "max_directory_depth": _Bounds(8, 2000),
    "max_open_files": _Bounds(16),
    "max_output_bytes": _Bounds(1),
    "max_results": _Bounds(0),
    "max_result_bytes": _Bounds(0),
    "max_code_bytes": _Bounds(1),
    "max_contexts": _Bounds(1),
    "max_processes": _Bounds(1, 1000),
    "max_concurrent_runs": _Bounds(1),
    "max_threads": _Bounds(0, 1000),
    "max_foreign_module_bytes": _Bounds(0, 64 * MIB),
    "max_host_calls_per_second": _Bounds(100, optional=True),
    "max_sandboxes": _Bounds(1),
}


def checked(name: str, value: Any) -> Any:
    """``value`` for the limit ``name``, infinity as None. Raises `TypeError`, `ValueError`."""
    bounds = _BOUNDS[name]
    if value is None and bounds.optional:
        return None
    allowed = int if bounds.whole else int | float
    if isinstance(value, bool) or not isinstance(value, allowed):
        kind = "a whole number" if bounds.whole else "a number of seconds"
        raise TypeError(f"{name} is {kind}{' or None' if bounds.optional else ''}, not {value!r}")
    if value == math.inf and bounds.optional:
        return None
    if math.isnan(value) or value < bounds.least or (bounds.above and value == bounds.least):
        least = f"more than {bounds.least:g}" if bounds.above else f"at least {bounds.least:.12g}"
        least += "" if bounds.whole else " seconds"
        hint = " (None for no limit)" if bounds.optional else ""
        raise ValueError(f"{name} is {value!r}; it must be {least}{hint}")
    if value > bounds.most:
        raise ValueError(f"{name} is {value!r}; it can be at most {bounds.most:.12g}")
    return value if bounds.whole else float(value)


class _Checked:
    __slots__ = ()

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, field.name, checked(field.name, getattr(self, field.name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitValues(_Checked):
    """The limits of one sandbox; `models.Limits` says what each is."""

    timeout: float | None = 30.0
    grace_seconds: float = 1.0
    cpu_seconds: float | None = None
    lifetime_seconds: float | None = None
    memory_bytes: int = GIB
    disk_bytes: int = GIB
    max_files: int = 100_000
    max_file_bytes: int | None = None
    max_directory_entries: int = 100_000
    max_directory_depth: int = 1000
    max_open_files: int = 1024
    max_output_bytes: int = 64 * MIB
    max_results: int = 10_000
    max_result_bytes: int = 64 * MIB
    max_code_bytes: int = 16 * MIB
    max_contexts: int = 1000
    max_processes: int = 64
    max_concurrent_runs: int = 256
    max_threads: int = 64
    max_foreign_module_bytes: int = 0
    max_host_calls_per_second: int | None = None


LIMIT_NAMES: Final = frozenset(field.name for field in dataclasses.fields(LimitValues))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimitValues(_Checked):
    """The limits of all sandboxes of a process together; `set_process_limits` changes them."""

    max_sandboxes: int = 10_000
    max_concurrent_runs: int = 1024
