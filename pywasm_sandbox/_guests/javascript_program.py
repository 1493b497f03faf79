"""A JavaScript engine that runs one program, as ``node script.js`` does, with descriptors of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pywasm_sandbox._wasi.fds import FdTable

from .javascript import JavaScriptGuest
from .program_guest import ProgramGuest

__all__ = ["JavaScriptProgram"]


class JavaScriptProgram(ProgramGuest, JavaScriptGuest):
    """One QuickJS runtime for one program in JavaScript or TypeScript."""

    def __init__(self, *arguments: Any, fds: FdTable, on_close: Callable[[], None]) -> None:
        """``on_close`` is called when it is closed, at least once."""
        super().__init__(*arguments, fds=fds)
        self._on_close = on_close

    def close(self) -> None:
        super().close()
        self._on_close()
