"""`run_code`: from the events of a call to an `Execution`, with the user's callbacks on the way."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from pywasm_sandbox._engine import InterruptReason
from pywasm_sandbox._guests.base import RunEnd
from pywasm_sandbox._guests.protocol import (
    BlockedInput,
    Cleared,
    Displayed,
    Event,
    Failed,
    Finished,
    InputAnswer,
    Output,
    ToolQuestion,
)
from pywasm_sandbox._importing import import_in_one_go
from pywasm_sandbox.errors import ContextBusyError

from .calls import Asked, Call
from .contexts import RunRequest
from .steps import Invoke, Steps, Wait

if TYPE_CHECKING:
    from pywasm_sandbox.models import Execution, ExecutionError, Result

    from .tools import ToolBox

__all__ = ["Callbacks", "RunsCode", "await_call", "refuse_inside_callback", "run_steps"]

CANCEL_GRACE_SECONDS: Final = 1.0

_dispatching: contextvars.ContextVar[frozenset[str]] = contextvars.ContextVar(
    "dispatching", default=frozenset()
)
"""The contexts whose callbacks this thread or task is in."""


class Callbacks(NamedTuple):
    """The functions given to `run_code`; each is called in the caller's own thread or task."""

    on_stdout: Callable[[str], Any] | None = None
    on_stderr: Callable[[str], Any] | None = None
    on_result: Callable[[Result], Any] | None = None
    on_error: Callable[[ExecutionError], Any] | None = None
    on_input: Callable[[str], Any] | None = None


class RunsCode(Protocol):
    """A context, wherever its interpreter is."""

    id: str
    language: str
    tools: ToolBox

    def run(self, request: RunRequest, notify: Callable[[], None] | None = None) -> Call:
        """Queue a run."""

    def withdraw(self, call: Any) -> None:
        """End a run that still waits for its turn."""


@cache
def _models() -> Any:
    """The module. Imported with the first run, because importing pydantic takes about as long as booting a
    guest, which is what the run's thread is doing then (docs/RATIONALE.md, "Why is pydantic imported late?").
    """
    return import_in_one_go("pywasm_sandbox.models")


class _Collector:
    """Builds the `Execution` and says which callback each event is for."""

    def __init__(self, context: RunsCode, callbacks: Callbacks, started: float) -> None:
        self._models = _models()
        self._context = context
        self._callbacks = callbacks
        self._started = started
        self._stdout: list[str] = []
        self._stderr: list[str] = []
        self._results: list[Result] = []
        self._clear_at_next = False
        self._error: ExecutionError | None = None

    def add(self, event: Event) -> Iterator[Invoke]:
        match event:
            case Output("stdout", text):
                self._stdout.append(text)
                yield from self._call(self._callbacks.on_stdout, text)
            case Output(_, text):
                self._stderr.append(text)
                yield from self._call(self._callbacks.on_stderr, text)
            case Displayed():
                yield from self._call(self._callbacks.on_result, self._display(event))
            case Failed():
                yield from self._fail(event)
            case Cleared(wait):
                self._clear_at_next = wait
                if not wait:
                    self._results.clear()
            case Finished():
                pass

    @staticmethod
    def _call(function: Callable[[Any], Any] | None, argument: Any) -> Iterator[Invoke]:
        if function is not None:
            yield Invoke(function, argument)

    def _display(self, event: Displayed) -> Result:
        result: Result = self._models.Result._made(
            formats=event.data,
            metadata=event.metadata,
            is_main_result=event.is_main,
            display_id=event.display_id,
        )
        if self._clear_at_next:
            self._results.clear()
            self._clear_at_next = False
        if event.update and event.display_id is not None:
            shown = [i for i, other in enumerate(self._results) if other.display_id == event.display_id]
            for index in shown:
                self._results[index] = result
            if shown:
                return result
        self._results.append(result)
        return result

    def _fail(self, event: Failed) -> Iterator[Invoke]:
        self._error = self._models.ExecutionError._made(
            name=event.name,
            message=event.message,
            traceback=list(event.traceback) or [f"{event.name}: {event.message}"],
            line_number=event.line_number,
        )
        yield from self._call(self._callbacks.on_error, self._error)

    def lost(self, end: RunEnd) -> Iterator[Invoke]:
        if end.lost is not None:
            yield from self._fail(end.lost)

    def execution(self, call: Call, end: RunEnd) -> Execution:
        execution: Execution = self._models.Execution._made(
            results=self._results,
            logs=self._models.Logs._made(stdout=self._stdout, stderr=self._stderr, truncated=end.truncated),
            error=self._error,
            execution_count=call.execution_count,
            exit_code=end.finished.exit_code if end.finished is not None else None,
            context_id=self._context.id,
            context_state="kept" if end.lost is None else "restored" if call.restores else "lost",
            duration_seconds=time.monotonic() - self._started,
        )
        return execution


def _invoke(context: RunsCode, step: Invoke) -> Steps[Any]:
    token = _dispatching.set(_dispatching.get() | {context.id})
    try:
        return (yield step)
    finally:
        _dispatching.reset(token)


def _answer(context: RunsCode, asked: Asked, callbacks: Callbacks) -> Steps[None]:
    """Answer a question of the guest, in the caller's own thread or task."""
    question = asked.question
    if isinstance(question, ToolQuestion):
        token = _dispatching.set(_dispatching.get() | {context.id})
        try:
            asked.answer((yield from context.tools.answer(asked, context.id)))
        finally:
            _dispatching.reset(token)
        return
    assert callbacks.on_input is not None, "the guest was not allowed to ask"
    line = yield from _invoke(context, Invoke(callbacks.on_input, question.prompt))
    asked.answer(_input_answer(line))


def _input_answer(line: Any) -> InputAnswer | BlockedInput:
    if isinstance(line, str):
        return InputAnswer(line)
    if line is None:
        return BlockedInput("EOFError", "on_input returned None: end of input")
    raise TypeError(f"on_input must return a str, or None at the end of input, not {type(line).__name__}")


def _deliver(context: RunsCode, call: Call, collector: _Collector, callbacks: Callbacks) -> Steps[None]:
    """Take events until the run is over."""
    done = False
    while not done:
        yield Wait(call)
        events, done = call.take()
        for event in events:
            if isinstance(event, Asked):
                yield from _answer(context, event, callbacks)
                continue
            for step in collector.add(event):
                yield from _invoke(context, step)


def _stop(context: RunsCode, call: Call, reason: InterruptReason) -> Steps[None]:
    """The caller gave up: interrupt the guest, wait for its end, drop what it still says."""
    context.withdraw(call)
    call.interrupt(reason, CANCEL_GRACE_SECONDS)
    call.abandon()
    while not call.done:
        yield Wait(call, shielded=True)


def await_call(context: RunsCode, call: Call) -> Steps[RunEnd]:
    """Wait for a call that has no events of interest (a boot). Cancelling the wait interrupts it."""
    try:
        while not call.done:
            yield Wait(call)
            call.take()
    except GeneratorExit:
        raise
    except BaseException:
        yield from _stop(context, call, InterruptReason.CANCEL)
        raise
    return call.end()


def refuse_inside_callback(context: RunsCode, what: str) -> None:
    """A callback of a context's own run may not wait for the run to end."""
    if context.id in _dispatching.get():
        raise ContextBusyError(
            f"context {context.id} is waiting for the callback that asked it to {what}; do it after the run"
        )


def run_steps(
    context: RunsCode, request: RunRequest, callbacks: Callbacks, notify: Callable[[], None] | None = None
) -> Steps[Execution]:
    """Run code in a context. The guest is interrupted when a callback raises or the caller is cancelled; the
    context keeps its state, and the exception goes on to the caller."""
    if context.id in _dispatching.get():
        raise ContextBusyError(
            f"context {context.id} is waiting for the callback that asked it to run code; "
            "use another context, or run the code after the callback returned"
        )
    started = time.monotonic()
    call = context.run(request, notify)
    try:
        collector = _Collector(context, callbacks, started)
        yield from _deliver(context, call, collector, callbacks)
        end = call.end()
        for step in collector.lost(end):
            yield from _invoke(context, step)
    except GeneratorExit:
        context.withdraw(call)
        call.interrupt(InterruptReason.CANCEL, CANCEL_GRACE_SECONDS)
        call.abandon()
        raise
    except Exception:
        yield from _stop(context, call, InterruptReason.CALLBACK_FAILED)
        raise
    except BaseException:
        yield from _stop(context, call, InterruptReason.CANCEL)
        raise
    return collector.execution(call, end)
