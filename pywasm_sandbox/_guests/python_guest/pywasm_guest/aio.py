"""The event loop of a context: one for all of its cells.

A task that a cell started goes on while later cells await. Importing this module does not import asyncio.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from contextvars import Context
    from types import ModuleType, TracebackType
    from typing import Any

    from .source import Sources

__all__ = ["Loops"]


class Loops:
    """Keeps the loop on which top-level ``await`` runs."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._loop: asyncio.AbstractEventLoop | None = None

    def patch_asyncio(self, module: ModuleType) -> None:
        """asyncio was imported: make its loops work without sockets and threads, and ours the current one."""
        from . import loop

        loop.install(self.current)
        self.current()

    def current(self) -> asyncio.AbstractEventLoop:
        """The loop of the cells; a new one if a cell closed the last."""
        import asyncio

        loop = self._loop
        if loop is None or loop.is_closed():
            loop = self._loop = asyncio.SelectorEventLoop()
            asyncio.set_event_loop(loop)
        return loop

    def attach(self) -> None:
        """Before a cell: `asyncio.get_event_loop()` has a loop to return, and none counts as running."""
        import asyncio

        if asyncio._get_running_loop() is not None:
            # A cell was stopped in the few instructions that leave a loop: that loop can't be entered again.
            asyncio._set_running_loop(None)
            self._loop = None
            asyncio.set_event_loop(None)
        try:
            asyncio.get_event_loop()
        except RuntimeError:
            asyncio.set_event_loop(self.current())

    def begin_cell(self) -> None:
        """Before a cell; costs nothing until asyncio is in use."""
        if self._loop is not None:
            self.attach()

    def run(self, coroutine: Any, context: Context) -> object:
        """Run a cell's code until it is done, in ``context``; raises what it raises."""
        loop = self.current()
        task = loop.create_task(coroutine, context=context)
        try:
            return loop.run_until_complete(task)
        except BaseException as exception:
            # Where the cell waited says more than where in the loop it was stopped.
            where = None if task.done() or loop.is_running() else _cancel(loop, task)
            if where is None or _concerns(exception.__traceback__, self._sources):
                raise
            raise exception.with_traceback(where) from None


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[object]) -> TracebackType | None:
    """The cell ended while its task waits: let it leave its `finally` blocks now. Returns where it waited."""
    import asyncio

    task.cancel()
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError as cancelled:
        return cancelled.__traceback__
    return None


def _concerns(tb: TracebackType | None, sources: Sources) -> bool:
    """Whether a frame of a cell is in the traceback."""
    while tb is not None:
        if tb.tb_frame.f_code.co_filename in sources:
            return True
        tb = tb.tb_next
    return False
