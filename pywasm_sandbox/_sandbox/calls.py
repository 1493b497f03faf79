"""One run of a context, between the guest's thread that produces and the caller that takes.

The guest's thread posts events and publishes them in batches; whoever asked for the run takes them in its
own thread or event loop, so callbacks never run on a foreign thread. A caller that is slow slows the guest
down: what waits to be taken is bounded.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final
from weakref import WeakSet

from pywasm_sandbox._engine import Processors, Ticket, wait_on
from pywasm_sandbox._guests.base import RunEnd
from pywasm_sandbox._guests.protocol import Displayed, Event, Failed, Output, Question

__all__ = ["Asked", "Call"]

MAX_WAITING_BYTES: Final = 16 << 20
"""The guest pauses while more than this, roughly, waits to be taken by the caller."""

_POLL_SECONDS: Final = 0.02


def _weight(event: Event) -> int:
    if isinstance(event, Output):
        return len(event.text)
    if isinstance(event, Displayed):
        return sum(len(data) if isinstance(data, str) else 64 for data in event.data.values())
    if isinstance(event, Failed):
        return 64 + len(event.message) + sum(len(line) for line in event.traceback)
    return 64


class Asked:
    """A question of the guest, which waits for `answer`. ``withdrawn``: it does not any more."""

    __slots__ = ("__weakref__", "_answers", "_lock", "_on_withdraw", "question", "withdrawn")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.withdrawn = False
        self._lock = threading.Lock()
        self._on_withdraw: Callable[[], object] | None = None
        self._answers: SimpleQueue[Any] = SimpleQueue()

    def answer(self, answer: Any) -> None:
        """Reply. An answer that comes too late is dropped."""
        self._answers.put(answer)

    def wait(self, given_up: Callable[[], bool], where: Processors | None = None) -> Any:
        """The answer; None if it was ``given_up()`` before there was one. ``where``: see `wait_on`."""
        while True:
            try:
                return wait_on(where, lambda: self._answers.get(timeout=_POLL_SECONDS))
            except Empty:
                if given_up():
                    self.withdraw()
                    return None

    @property
    def answered(self) -> bool:
        """Whether `take` may be called."""
        return not self._answers.empty()

    def take(self) -> Any:
        """The answer that there is; None if there won't be one."""
        return self._answers.get_nowait()

    def on_withdraw(self, callback: Callable[[], object] | None) -> None:
        """Call this, on another thread, when the guest gives up; at once if it did."""
        with self._lock:
            self._on_withdraw = callback
            if not self.withdrawn:
                return
        if callback is not None:
            callback()

    def withdraw(self) -> None:
        """The guest gives up."""
        with self._lock:
            self.withdrawn = True
            callback = self._on_withdraw
        if callback is not None:
            callback()


class Call:
    """A run that was asked for. It is queued in its context, runs, and ends exactly once."""

    def __init__(self, notify: Callable[[], None] | None = None) -> None:
        self.ticket = Ticket()
        self._notify = notify
        self._lock = threading.Lock()
        # A bell, because a waiter on a condition wakes up twice: once for the news and once for the lock.
        self._news: SimpleQueue[None] = SimpleQueue()
        self._space: threading.Condition | None = None
        """Where the guest waits for events to be taken, once it had to."""
        self._pending: list[Event] = []
        self._pending_weight = 0
        self._waiting: deque[Event | Asked] = deque()
        self._waiting_weight = 0
        self._abandoned = False
        self._put: WeakSet[Asked] | None = None
        self._end: RunEnd | None = None
        self._failure: BaseException | None = None
        self._done = False
        self.beside: Processors | None = None
        """Where the run's thread was woken up, which is where the caller's is to be."""
        self.interrupted: int | None = None
        self.execution_count = 0
        self.restores = False
        """The context lost its interpreter in this run and goes on from its last snapshot."""

    # ---- the guest's side (`Listener`) --------------------------------------------------------------

    def post(self, event: Event) -> None:
        self._pending.append(event)
        self._pending_weight += _weight(event)

    def publish(self, interrupted: Callable[[], bool]) -> None:
        if not self._pending:
            return
        self._hand_over()
        with self._lock:
            while self._waiting_weight > MAX_WAITING_BYTES and not self._abandoned:
                if self._space is None:
                    self._space = threading.Condition(self._lock)
                self._space.wait(_POLL_SECONDS)
                if interrupted():
                    return

    def ask(self, question: Question, interrupted: Callable[[], bool]) -> Any:
        asked = Asked(question)
        with self._lock:
            if self._abandoned:
                return None
            self._waiting.append(asked)
        self._tell()
        return asked.wait(lambda: self._abandoned or interrupted(), self.beside)

    def put(self, question: Question) -> Asked | None:
        asked = Asked(question)
        with self._lock:
            if self._abandoned or self._done:
                return None
            self._waiting.append(asked)
            if self._put is None:
                self._put = WeakSet()
            self._put.add(asked)
        self._tell()
        return asked

    def _hand_over(self) -> None:
        pending, weight = self._pending, self._pending_weight
        self._pending, self._pending_weight = [], 0
        with self._lock:
            if not self._abandoned:
                self._waiting.extend(pending)
                self._waiting_weight += weight
        self._tell()

    def _tell(self) -> None:
        if self._notify is None:
            self._news.put(None)
        else:
            self._notify()

    def finish(self, end: RunEnd | None, failure: BaseException | None = None) -> None:
        """The run is over (or never started): nothing is posted after this."""
        pending, self._pending = self._pending, []
        with self._lock:
            if not self._abandoned:
                self._waiting.extend(pending)
            self._end, self._failure, self._done = end, failure, True
        if end is None or end.finished is None:
            self._give_up()
        self._tell()

    def _give_up(self) -> None:
        """There is no guest any more that waits for what was put, or nobody who will answer."""
        for asked in list(self._put or ()):
            asked.withdraw()
            asked.answer(None)

    # ---- the caller's side --------------------------------------------------------------------------

    @property
    def blocks(self) -> bool:
        """Whether the caller's thread waits for the run, rather than be notified."""
        return self._notify is None

    def wait(self) -> None:
        """Block until there is something to take or the run is over. Not for calls made with ``notify``."""
        while not self._waiting and not self._done:
            wait_on(self.beside, self._news.get)

    def wait_at_most(self, seconds: float | None) -> bool:
        """Block until the run is over; False if it is not after so many seconds. As `wait` otherwise."""
        end = None if seconds is None else time.monotonic() + seconds
        while not self._done:
            try:
                self._news.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
            except Empty:
                return self._done
        return True

    @property
    def has_news(self) -> bool:
        """Whether `wait` would return at once."""
        with self._lock:
            return bool(self._waiting) or self._done

    def take(self) -> tuple[list[Event | Asked], bool]:
        """What there is, without waiting, and whether the run is over and nothing more will come."""
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._waiting_weight = 0
            if self._space is not None:
                self._space.notify_all()
            return taken, self._done

    def interrupt(self, reason: int, grace_seconds: float) -> bool:
        """Ask the guest to stop, whether it started already or not; after the grace it is stopped hard. False
        if it is over."""
        self.interrupted = reason
        return self.ticket.interrupt(reason, grace_seconds)

    def abandon(self) -> None:
        """Nobody takes what comes from now on: it is dropped and slows nothing down."""
        with self._lock:
            self._abandoned = True
            self._waiting.clear()
            self._waiting_weight = 0
            if self._space is not None:
                self._space.notify_all()
        self._give_up()

    @property
    def done(self) -> bool:
        return self._done

    def end(self) -> RunEnd:
        """How it ended. Raises what the run raised when the library, not the guest, failed."""
        if self._failure is not None:
            raise self._failure
        if self._end is None:
            raise RuntimeError("the call has not ended")
        if self._end.refused is not None:
            raise self._end.refused
        return self._end
