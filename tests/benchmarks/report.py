"""Rows, groups, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .timing import Sample

__all__ = ["Group", "Row", "Target", "as_json", "as_text"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is promised: the value (the median, or the ratio to native) is at most, or at least, this."""

    value: float
    of: Literal["median", "ratio"] = "median"
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark. ``ratio``: ours over native, of what was measured side by side."""

    name: str
    unit: str
    sample: Sample | None = None
    native: float | None = None
    ratio: float | None = None
    peer: float | None = None
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        if self.target.of == "ratio":
            value = self.ratio
        else:
            value = None if self.sample is None else self.sample.median
        if value is None:
            return False
        return value >= self.target.value if self.target.at_least else value <= self.target.value


@dataclass(frozen=True, slots=True)
class Group:
    """A table."""

    name: str
    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)


_HEADERS = ("", "median", "spread (quartiles)", "native", "ratio", "peer", "target", "")


def _number(value: float) -> str:
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
    return f"{value:.{digits}f}"


def _spread(sample: Sample) -> str:
    return f"{_number(sample.low)} to {_number(sample.high)}, n={sample.count}"


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    sign = "≥" if row.target.at_least else "≤"
    unit = "×" if row.target.of == "ratio" else f" {row.unit}"
    return f"{sign} {_number(row.target.value)}{unit}"


def _cells(row: Row) -> tuple[str, ...]:
    sample = row.sample
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    return (
        row.name,
        "" if sample is None else f"{_number(sample.median)} {row.unit}",
        "" if sample is None or sample.count == 1 else _spread(sample),
        "" if row.native is None else f"{_number(row.native)} {row.unit}",
        "" if row.ratio is None else f"{_number(row.ratio)}×",
        "" if row.peer is None else f"{_number(row.peer)} {row.unit}",
        _target(row),
        " ".join(part for part in (verdict, row.note) if part),
    )


def as_text(group: Group) -> str:
    """The group as a table; columns that no row uses are left out."""
    lines = [_HEADERS, *(_cells(row) for row in group.rows)]
    used = [i for i in range(len(_HEADERS)) if any(line[i] for line in lines[1:])]
    widths = [max(len(line[i]) for line in lines) for i in used]
    table = []
    for line in lines:
        cells = [line[i] for i in used]
        first, *rest = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        table.append("  ".join([first, *rest]).rstrip())
    rule = "─" * max(map(len, table))
    notes = [f"  {note}" for note in group.notes]
    return "\n".join([group.name, rule, *table, *notes, ""])


def as_json(groups: Sequence[Group], facts: dict[str, str]) -> dict[str, Any]:
    """Everything, for a machine."""
    return {
        "facts": facts,
        "groups": [
            {
                "name": group.name,
                "notes": list(group.notes),
                "rows": [{**asdict(row), "met": row.met} for row in group.rows],
            }
            for group in groups
        ],
    }
