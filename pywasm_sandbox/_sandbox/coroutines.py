"""Async host tools for callers without an event loop of their own to run them on."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

# These take long to import: who has no async tools doesn't pay for them.
if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

    from .calls import Asked

__all__ = ["LoopThread"]


class LoopThread:
    """An event loop on a thread of its own, made when it is first needed.

    One loop, so that what a tool keeps between its calls (a client with its connections) stays with it; a
    thread, because the caller's own may have a loop that runs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, awaitable: Awaitable[Any], asked: Asked) -> Any:
        """Wait for it in the calling thread; None if the guest gave up before it was done."""
        from concurrent.futures import CancelledError

        future = self._submit(awaitable)
        asked.on_withdraw(future.cancel)
        try:
            return future.result()
        except CancelledError:
            if asked.withdrawn:
                return None
            raise RuntimeError("the host function was cancelled") from None
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what runs, and end the thread. Idempotent."""
        with self._lock:
            self._closed = True
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join()

    def _submit(self, awaitable: Awaitable[Any]) -> Future[Any]:
        import asyncio
        from concurrent.futures import Future

        future: Future[Any] = Future()
        context = contextvars.copy_context()
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed")
            if self._loop is None:
                self._loop = loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(loop,), name="pywasm-async-tools", daemon=True
                )
                self._thread.start()
            self._loop.call_soon_threadsafe(_start, self._loop, awaitable, future, context)
        return future


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio

    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _start(
    loop: asyncio.AbstractEventLoop,
    awaitable: Awaitable[Any],
    future: Future[Any],
    context: contextvars.Context,
) -> None:
    from concurrent.futures import InvalidStateError

    async def work() -> Any:
        return await awaitable

    task = loop.create_task(work(), context=context)

    def finish(task: asyncio.Task[Any]) -> None:
        try:
            if task.cancelled():
                future.cancel()
            elif (error := task.exception()) is not None:
                future.set_exception(error)
            else:
                future.set_result(task.result())
        except InvalidStateError:  # nobody waits any more
            pass

    def cancel(future: Future[Any]) -> None:
        if future.cancelled() and not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)

    task.add_done_callback(finish)
    future.add_done_callback(cancel)
