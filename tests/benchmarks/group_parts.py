"""The parts by themselves: the filesystem, WASI, the engine."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator

from .report import Group, Row
from .settings import Settings
from .timing import Sample

__all__ = ["run"]

PARTS = ("bench_vfs", "bench_wasi", "bench_engine")


def run(settings: Settings) -> Group:
    rows = [row for part in PARTS if _exists(part) for row in _rows(part)]
    return Group("Parts (the least of several rounds)", rows)


def _exists(part: str) -> bool:
    return importlib.util.find_spec(f".{part}", __package__) is not None


def _rows(part: str) -> Iterator[Row]:
    module = importlib.import_module(f".{part}", __package__)
    for name, value, unit in module.run():
        yield Row(f"{part.removeprefix('bench_')}: {name}", unit, Sample.of([value]))
