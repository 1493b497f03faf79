"""The shape of a hostile program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Program"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """``code`` is run in a context of its own; the fields after it are the whole of what comes of it.

    ``error`` is the name of the error, None for none, ``message`` a part of its message. ``text`` is the main
    result's. ``seconds`` is its deadline. Of an ``undefined`` one (CPython checks no byte code) the outcome
    depends on what lies where in memory: it may end the interpreter or not, and nothing more.
    """

    name: str
    code: str
    error: str | None = None
    message: str = ""
    text: str | None = None
    state: Literal["kept", "lost"] = "kept"
    seconds: float = 20.0
    memory_bytes: int = 96 << 20
    undefined: bool = False
