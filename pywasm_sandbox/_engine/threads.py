"""Threads that guests run on.

A guest may use 16 MiB of stack (deeply nested JSON, ASTs and reprs need it), and the host functions it
calls run on top of that. The main thread's stack is 8 MiB as a rule, so a guest there would crash the
process instead of trapping; these have 64 MiB, of which only what is touched costs memory.

Workers wait on a queue of their own and the one that worked last is taken first: its stack is warm, and
handing a function over takes about 30 µs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

from .failures import EngineUnavailable
from .placement import Processors, mask_of, processor, set_mask

__all__ = ["GUEST_STACK_BYTES", "GuestThreads", "Handle"]

logger = logging.getLogger("pywasm_sandbox")

GUEST_STACK_BYTES = 64 << 20
MAX_IDLE = 16
MASK_SECONDS = 1.0
"""So old may be what is known of a thread's own mask of processors, which somebody else may change."""

T = TypeVar("T")

_marker = threading.local()


class Handle(Generic[T]):
    """A function that runs, or ran, on a guest thread."""

    __slots__ = ("_callbacks", "_done", "_error", "_fn", "_lock", "_result")

    def __init__(self, fn: Callable[[], T]) -> None:
        self._fn: Callable[[], T] | None = fn
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._callbacks: list[Callable[[Handle[T]], None]] = []
        self._result: T | None = None
        self._error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether the function has returned or raised."""
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most that many seconds; whether the function is over."""
        return self._done.wait(timeout)

    def result(self, timeout: float | None = None) -> T:
        """What the function returned; raises what it raised, or `TimeoutError` after `timeout` seconds."""
        if not self._done.wait(timeout):
            raise TimeoutError(f"the guest thread is still busy after {timeout} s")
        if self._error is not None:
            try:
                raise self._error
            finally:
                del self
        return self._result  # type: ignore[return-value]

    def add_done_callback(self, fn: Callable[[Handle[T]], None]) -> None:
        """Call `fn(handle)` on the guest thread when the function is over; here and now if it is already.

        The thread takes its next function only afterwards, so `fn` must be short and wait for nothing.
        """
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(fn)
                return
        fn(self)

    def run(self, before_done: Callable[[], None]) -> None:
        """Call the function, then `before_done`, then tell those who wait."""
        fn, self._fn = self._fn, None
        assert fn is not None
        try:
            self._result = fn()
        except BaseException as error:
            self._error = error
        del fn
        before_done()
        with self._lock:
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)


class _Worker:
    """One thread's queue; None ends the thread. `wanted`: it may wait for more work."""

    __slots__ = ("_is_kept", "_own", "_read_at", "busy", "inbox", "thread", "wanted")

    def __init__(self) -> None:
        self.inbox: SimpleQueue[Callable[[Callable[[], None]], object] | None] = SimpleQueue()
        self.wanted = True
        self.busy = False
        self.thread = 0
        self._own: Processors | None = None
        self._read_at = -MASK_SECONDS
        self._is_kept = False

    def bring_here(self) -> Processors | None:
        """Have the thread, which waits, wake up on the present one's processor; None: it can't be done."""
        now = time.monotonic()
        if now - self._read_at >= MASK_SECONDS:
            self._own, self._read_at = mask_of(self.thread), now
        here = None if self._own is None else processor()
        self._is_kept = here is not None and set_mask(self.thread, here)
        return here if self._is_kept else None

    def let_go(self) -> None:
        """On the thread, awake: what `bring_here` did is over."""
        if self._is_kept and self._own is not None:
            self._is_kept = False
            set_mask(0, self._own)


class GuestThreads:
    """A pool that grows as needed: as many threads as functions run at once."""

    def __init__(self, stack_bytes: int = GUEST_STACK_BYTES, max_idle: int = MAX_IDLE) -> None:
        self._stack_bytes = stack_bytes
        self._max_idle = max_idle
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._threads: set[threading.Thread] = set()
        self._started = 0
        self._closed = False
        self._working = 0

    def submit(self, fn: Callable[[], T]) -> Handle[T]:
        """Run `fn` on a guest thread. Raises `EngineUnavailable` if there is no memory for another stack."""
        handle = Handle(fn)
        self.start(handle.run)
        return handle

    def start(self, fn: Callable[[Callable[[], None]], object], *, beside: bool = False) -> Processors | None:
        """As `submit`, without a handle. ``fn`` is given what it has to call when its work is done, before it
        tells anybody.

        ``beside``: the caller will do nothing but wait. The thread wakes up on its processor then, which is
        returned for `placement.wait_on`, unless other threads are at work, which may need it.
        """
        with self._lock:
            if self._closed:
                raise EngineUnavailable("the interpreter is shutting down")
            fresh = not self._idle
            worker = self._new_worker() if fresh else self._idle.pop()
            self._working += 1
            alone = self._working == 1
        where = None
        if beside and alone and not fresh:
            where = worker.bring_here()
        worker.inbox.put(fn)
        return where

    def run(self, fn: Callable[[], T]) -> T:
        """`fn()` on a guest thread: the current one if it is one, else wait for another."""
        if self.on_guest_thread():
            return fn()
        return self.submit(fn).result()

    @staticmethod
    def on_guest_thread() -> bool:
        """Whether the current thread has a guest's stack."""
        return getattr(_marker, "guest", False)

    def close(self, timeout: float) -> bool:
        """Take no more work and let the threads end; whether all did within `timeout` seconds."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            threads = list(self._threads)
        for worker in idle:
            worker.inbox.put(None)
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _new_worker(self) -> _Worker:
        worker = _Worker()
        self._started += 1
        thread = threading.Thread(
            target=self._work, args=(worker,), name=f"pywasm-sandbox-guest-{self._started}", daemon=True
        )
        # The size is a setting of the whole process, read when a thread starts. A foreign thread that
        # starts in between gets the bigger one, which does no harm.
        previous = threading.stack_size(self._stack_bytes)
        try:
            thread.start()
        except RuntimeError as error:
            raise EngineUnavailable(
                f"no thread with {self._stack_bytes >> 20} MiB of stack could be started ({error}); is "
                "there a limit on threads or on address space (ulimit -u, ulimit -v)?"
            ) from error
        finally:
            threading.stack_size(previous)
        self._threads.add(thread)
        return worker

    def _work(self, worker: _Worker) -> None:
        _marker.guest = True
        worker.thread = threading.get_native_id()
        retire = partial(self._retire, worker)
        while True:
            work = worker.inbox.get()
            worker.let_go()
            if work is None:
                break
            # Back to the idle ones before the result is out: a caller that submits one function after the
            # other then gets the same thread each time.
            worker.busy = True
            try:
                work(retire)
            except BaseException:  # such as of a loop that was closed meanwhile and can't be told
                logger.debug("what ran on a guest thread failed after its work", exc_info=True)
            del work
            if worker.busy:
                retire()
            if not worker.wanted:
                break
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _retire(self, worker: _Worker) -> None:
        with self._lock:
            worker.busy = False
            self._working -= 1
            worker.wanted = not self._closed and len(self._idle) < self._max_idle
            if worker.wanted:
                self._idle.append(worker)
