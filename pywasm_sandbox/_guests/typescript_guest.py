"""TypeScript contexts: the JavaScript guest, whose cells are compiled first; and the files that it loads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from pywasm_sandbox._engine import Deadline, Ticket

from .base import Cell, Listener, RunEnd
from .hostcalls import Handler, HostCall, HostCallInterrupted
from .javascript import JavaScriptGuest
from .protocol import Failed, Finished
from .swc import Keeper
from .typescript import TranspileError, TypeScript

__all__ = ["TypeScriptGuest", "transpile_handler"]

_NOTICEABLE_SECONDS: Final = 0.05
"""Compiling that took longer than this is taken off the time that a run has."""


def transpile_handler(typescript: TypeScript, keeper: Keeper) -> Handler:
    """The host call ``transpile``: a module's ``source`` and ``filename`` to ``code`` and ``source_map``, or
    what is wrong in ``error``."""

    def transpile(call: HostCall) -> Any:
        source, filename = call.get("source", str), call.get("filename", str)
        try:
            compiled = typescript.transpile(source, filename, keeper=keeper, cancelled=call.interrupted)
        except TranspileError as error:
            if error.name == "KeyboardInterrupt":
                raise HostCallInterrupted from None
            return {"code": None, "source_map": None, "error": _described(error)}
        return {"code": compiled.code, "source_map": compiled.source_map, "error": None}

    return transpile


def _described(error: TranspileError) -> dict[str, Any]:
    return {
        "name": error.name,
        "message": error.message,
        "line": error.line,
        "column": error.column,
        "frame": list(error.frame),
    }


class TypeScriptGuest(JavaScriptGuest):
    """One QuickJS runtime whose cells are TypeScript."""

    language: ClassVar[str] = "typescript"

    def __init__(self, typescript: TypeScript, keeper: Keeper, *arguments: Any, **options: Any) -> None:
        """Compiles with ``typescript`` and its own ``keeper``; the rest is the JavaScript guest's."""
        super().__init__(*arguments, **options)
        self._typescript = typescript
        self._keeper = keeper

    def close(self) -> None:
        super().close()
        self._typescript.forget(self._keeper)

    def run(self, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        filename = f"<cell {cell.execution_count}>"
        started = time.monotonic()
        try:
            compiled = self._typescript.transpile(
                cell.code,
                filename,
                kind="cell",
                keeper=self._keeper,
                deadline=Deadline.after(cell.timeout),
                cancelled=_asked_to_stop(self, ticket),
            )
        except TranspileError as error:
            if self._live().closed:
                return RunEnd(closed=True)
            return self._say(_failed(error, cell), listener)
        cell = _shortened(cell, time.monotonic() - started)
        return self._execute(cell, listener, ticket, code=compiled.code, source_map=compiled.source_map)

    @staticmethod
    def _say(failed: Failed, listener: Listener) -> RunEnd:
        listener.post(failed)
        return RunEnd(finished=Finished("error"))


def _asked_to_stop(guest: TypeScriptGuest, ticket: Ticket) -> Callable[[], bool]:
    instance = guest._live()
    return lambda: ticket.requested or instance.closed


def _shortened(cell: Cell, seconds: float) -> Cell:
    if cell.timeout is None or seconds < _NOTICEABLE_SECONDS:
        return cell
    return cell._replace(timeout=max(0.0, cell.timeout - seconds))


def _failed(error: TranspileError, cell: Cell) -> Failed:
    lines: Sequence[str] = (*error.frame, "") if error.frame else ()
    message = error.message
    if error.name == "ExecutionTimeout" and cell.timeout is not None:
        message = f"{message} (the timeout is {cell.timeout:g} s)"
    return Failed(error.name, message, [*lines, f"{error.name}: {message}"], error.line)
