"""asyncio's event loop without what the sandbox lacks: socket pairs, signals of the outside."""

from __future__ import annotations

import _thread
import asyncio
import selectors
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["GuestEventLoop", "install"]

_DEADLOCK = (
    "deadlock: the event loop waits, but no task can go on and there is no timer to wait for. "
    "There is no other thread, so nothing else can complete what the code awaits"
)
_SLICE_SECONDS = 0.005
_Selector: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)


class _SleepingSelector(_Selector):  # type: ignore[misc]  # chosen at run time
    """A selector that sleeps when it has no file to watch (WASI refuses to poll nothing), and that other
    threads wake by a bell, as there are no socket pairs."""

    def __init__(self) -> None:
        super().__init__()
        self._bell = _thread.allocate_lock()
        self._bell.acquire()

    def ring(self) -> None:
        """End the present or next wait. From any thread."""
        try:
            self._bell.release()
        except RuntimeError:  # it rings already
            pass

    def select(self, timeout: float | None = None) -> list[Any]:
        if _thread._count():
            return self._select_among_threads(timeout)
        if self.get_map():
            return super().select(timeout)  # type: ignore[no-any-return]
        if timeout is None:
            raise RuntimeError(_DEADLOCK)
        if timeout > 0:
            time.sleep(timeout)
        return []

    def _select_among_threads(self, timeout: float | None) -> list[Any]:
        if timeout is not None and timeout <= 0:
            self._bell.acquire(False)
            return super().select(0) if self.get_map() else []
        if not self.get_map():
            longest = _thread.TIMEOUT_MAX
            self._bell.acquire(True, -1 if timeout is None else min(timeout, longest))
            return []
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE_SECONDS if end is None else min(_SLICE_SECONDS, end - time.monotonic())
            found = super().select(max(left, 0))
            if found or self._bell.acquire(False) or (end is not None and time.monotonic() >= end):
                return found  # type: ignore[no-any-return]


class GuestEventLoop(asyncio.SelectorEventLoop):
    """Other threads wake it through its selector."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(_SleepingSelector() if selector is None else selector)

    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        ring = getattr(self._selector, "ring", None)  # type: ignore[attr-defined]
        if ring is not None:
            ring()

    def add_signal_handler(self, sig: int, *callback: Any) -> None:  # type: ignore[override]
        raise NotImplementedError("add_signal_handler: no signal reaches the sandbox from outside")

    def remove_signal_handler(self, sig: int) -> bool:
        return False


def install(current: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Make `GuestEventLoop` what asyncio uses by default, and `asyncio.create_task` work in any cell.

    The default policy keeps its class and gets another loop factory: setting a policy of our own would warn,
    and a policy object made earlier by somebody would not know ours.
    """
    from asyncio import tasks, unix_events

    modules: tuple[Any, ...] = (asyncio, unix_events)
    for module in modules:
        for name in ("SelectorEventLoop", "EventLoop", "_UnixSelectorEventLoop"):
            if hasattr(module, name):
                setattr(module, name, GuestEventLoop)
    for name in ("_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):
        policy = getattr(unix_events, name, None)
        if policy is not None:
            policy._loop_factory = GuestEventLoop

    create = tasks.create_task

    def create_task(coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Schedule a coroutine as a task. In a cell that doesn't await, it starts with the next await."""
        if asyncio._get_running_loop() is None:
            return current().create_task(coro, **kwargs)
        return create(coro, **kwargs)

    for module in (asyncio, tasks):
        vars(module)["create_task"] = create_task
