"""asyncio's event loop without what the sandbox lacks: socket pairs, threads, signals of the outside."""

from __future__ import annotations

import asyncio
import concurrent.futures
import selectors
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["GuestEventLoop", "install"]

_DEADLOCK = (
    "deadlock: the event loop waits, but no task can go on and there is no timer to wait for. "
    "The sandbox runs one thread, so nothing else can complete what the code awaits"
)
_Selector: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)


class _SleepingSelector(_Selector):  # type: ignore[misc]  # chosen at run time
    """A selector that sleeps when it has no file to watch: WASI refuses to poll nothing."""

    def select(self, timeout: float | None = None) -> list[Any]:
        if self.get_map():
            return super().select(timeout)  # type: ignore[no-any-return]
        if timeout is None:
            raise RuntimeError(_DEADLOCK)
        if timeout > 0:
            time.sleep(timeout)
        return []


class GuestEventLoop(asyncio.SelectorEventLoop):
    """The only thread is the one that runs the loop, so nobody has to wake it up from outside."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(_SleepingSelector() if selector is None else selector)

    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(  # type: ignore[override]  # a type variable tuple would say no more
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Run ``func`` on the loop's own thread, at its next turn; the loop waits until it returns.

        There are no other threads or processes. An executor of the user's own making is used as it is.
        """
        pools: list[Any] = [type(None), concurrent.futures.ThreadPoolExecutor]
        try:
            pools.append(concurrent.futures.ProcessPoolExecutor)
        except ImportError:  # a build without multiprocessing
            pass
        if not isinstance(executor, tuple(pools)):
            return super().run_in_executor(executor, func, *args)
        if executor is None:
            self._check_default_executor()  # type: ignore[attr-defined]
        self._check_closed()  # type: ignore[attr-defined]
        if self.get_debug():
            self._check_callback(func, "run_in_executor")  # type: ignore[attr-defined]
        future = self.create_future()
        self.call_soon(_run_inline, future, func, args)
        return future

    def set_default_executor(self, executor: Any) -> None:
        """Accepted; functions run inline all the same."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is no executor to wait for."""
        self._executor_shutdown_called = True

    def add_signal_handler(self, sig: int, *callback: Any) -> None:  # type: ignore[override]
        raise NotImplementedError("add_signal_handler: no signal reaches the sandbox from outside")

    def remove_signal_handler(self, sig: int) -> bool:
        return False


def _run_inline(future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    if future.cancelled():
        return
    try:
        result = func(*args)
    except (KeyboardInterrupt, SystemExit):
        future.cancel()
        raise
    except StopIteration as exception:
        error = RuntimeError(
            "StopIteration interacts badly with generators and cannot be raised into a Future"
        )
        error.__cause__ = exception
        future.set_exception(error)
    except BaseException as exception:
        future.set_exception(exception)
    else:
        if not future.cancelled():
            future.set_result(result)


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
