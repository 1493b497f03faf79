"""pandas' tables as results: their values as JSON beside text and HTML."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .hooks import ImportHooks

__all__ = ["install"]

DATA = "application/vnd.pywasm.data+json"
MAX_CELLS = 100_000
"""A table with more values than this has no data in its result; `to_json` into a file has no such limit."""


def _value(value: Any) -> Any:
    """A value as JSON has it: missing ones and infinities as null, times in ISO 8601, what else as text."""
    kind = type(value)
    if kind is str or kind is bool or kind is int or value is None:
        return value
    if kind is float:
        return value if value - value == 0 else None
    if hasattr(value, "isoformat"):
        return value.isoformat() if value == value else None
    if kind is list or kind is tuple:
        return [_value(item) for item in value]
    if kind is dict:
        return {str(key): _value(item) for key, item in value.items()}
    text = str(value)
    return None if text in ("<NA>", "NaT") else text


def _column(column: Any) -> list[Any]:
    return [_value(value) for value in column.tolist()]


def _frame_bundle(frame: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    """`DataFrame._repr_mimebundle_`: a list of values a column. Text and HTML are pandas' own."""
    if frame.size > MAX_CELLS or not frame.columns.is_unique:
        return {}
    return {DATA: {str(name): _column(frame[name]) for name in frame.columns}}


def _series_bundle(series: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    """`Series._repr_mimebundle_`: as a table with one column."""
    name = 0 if series.name is None else series.name
    data: dict[str, Any] = {"text/html": series.to_frame(name)._repr_html_()}
    if series.size <= MAX_CELLS:
        data[DATA] = {str(name): _column(series)}
    return data


def _on_frame(module: ModuleType) -> None:
    module.DataFrame._repr_mimebundle_ = _frame_bundle


def _on_series(module: ModuleType) -> None:
    module.Series._repr_mimebundle_ = _series_bundle


def install(hooks: ImportHooks) -> None:
    """Take part when pandas is imported."""
    hooks.on_import("pandas.core.frame", _on_frame)
    hooks.on_import("pandas.core.series", _on_series)
