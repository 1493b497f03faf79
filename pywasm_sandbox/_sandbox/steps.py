"""One core for the sync and the async API.

What takes time is written once, as a generator that yields what it needs: to `Wait` for a call, or to
`Invoke` a callback of the user. `drive` does these things in the caller's thread; the async API has a driver
of its own that awaits them. An exception in a step (a callback that raises, Ctrl-C, cancellation) is thrown
into the generator, which cleans up (docs/RATIONALE.md, "Why generators under both APIs?").
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator
from typing import Any, NamedTuple, TypeVar

from .calls import Asked, Call

__all__ = ["Invoke", "Steps", "Wait", "drive"]

T = TypeVar("T")


class Wait(NamedTuple):
    """Until the call has news. ``shielded``: also while the caller is being cancelled."""

    call: Call
    shielded: bool = False


class Invoke(NamedTuple):
    """Call the user's function; its value comes back."""

    function: Callable[..., Any]
    argument: Any
    answering: Answering | None = None


class Answering(NamedTuple):
    """The function answers a question of the guest: it may be async in either API, and is cancelled when the
    guest waits no more; the value is None then. Without an event loop ``run_async`` runs it."""

    asked: Asked
    run_async: Callable[[Awaitable[Any], Asked], Any]


Steps = Generator[Wait | Invoke, Any, T]


def _carry_out(step: Wait | Invoke) -> Any:
    if isinstance(step, Wait):
        step.call.wait()
        return None
    value = step.function(step.argument)
    if inspect.isawaitable(value):
        if step.answering is not None:
            return step.answering.run_async(value, step.answering.asked)
        if inspect.iscoroutine(value):
            value.close()
        raise TypeError(f"callback {step.function!r} is async; use AsyncSandbox, or pass a plain function")
    return value


def drive(steps: Steps[T]) -> T:
    """Carry the steps out in this thread."""
    try:
        step = next(steps)
        while True:
            try:
                value = _carry_out(step)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
