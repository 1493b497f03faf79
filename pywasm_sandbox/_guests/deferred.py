"""Questions whose answers one thread of a guest waits for while its other threads go on.

The guest says ``"later": true``, gets ``{"pending": number}``, sleeps, and asks with the host call ``answer``
until there is one; ``withdraw`` says that it waits no more. It costs a thread up to `wire`'s longest sleep.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .base import Listener, Waiting
    from .protocol import Question

__all__ = ["MAX_DEFERRED", "Deferred", "GivenUp"]

MAX_DEFERRED: Final = 64
"""Questions that wait at once; with more the guest stands still, as one does without threads."""

MAX_DEFERRED_BYTES: Final = 16 << 20
"""Of their requests, together."""


class GivenUp(Exception):
    """Nobody will answer."""


@dataclass(slots=True, eq=False)
class _Entry:
    """A question that waits for its answer; `due` is when it may be asked (monotonic seconds)."""

    listener: Listener
    question: Question
    finish: Callable[[Any], Any]
    size: int
    due: float
    waiting: Waiting | None = None


class Deferred:
    """The questions of one guest that wait. Not thread-safe: its threads take turns."""

    def __init__(self, allowed: bool) -> None:
        self._allowed = allowed
        self._entries: dict[int, _Entry] = {}
        self._last = 0

    def begin(
        self,
        listener: Listener,
        question: Question,
        finish: Callable[[Any], Any],
        size: int,
        delay: float,
    ) -> dict[str, Any] | None:
        """Ask, after so many seconds: the reply to the guest. None if it has to wait in its call."""
        entries = self._entries.values()
        full = len(entries) >= MAX_DEFERRED or sum(each.size for each in entries) + size > MAX_DEFERRED_BYTES
        if full or not self._allowed:
            return None
        self._last += 1
        self._entries[self._last] = _Entry(listener, question, finish, size, time.monotonic() + delay)
        return self._go_on(self._last)

    def answer(self, number: int) -> tuple[bool, Any]:
        """Whether there is an answer, and what to reply. Raises `GivenUp`."""
        entry = self._entries.get(number)
        if entry is None:
            raise GivenUp
        if entry.waiting is not None and entry.waiting.answered:
            del self._entries[number]
            answer = entry.waiting.take()
            if answer is None:
                raise GivenUp
            return True, entry.finish(answer)
        return False, self._go_on(number)

    def withdraw(self, number: int) -> None:
        """The guest doesn't wait for it any more."""
        entry = self._entries.pop(number, None)
        if entry is not None and entry.waiting is not None:
            entry.waiting.withdraw()

    def _go_on(self, number: int) -> dict[str, Any]:
        entry = self._entries[number]
        if entry.waiting is None:
            left = entry.due - time.monotonic()
            if left > 0:
                return {"pending": number, "after": left}
            entry.waiting = entry.listener.put(entry.question)
            if entry.waiting is None:
                del self._entries[number]
                raise GivenUp
        return {"pending": number}
