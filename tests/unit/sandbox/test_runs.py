"""Runs, queueing, callbacks and cancellation, on a guest that is a Python function: no WebAssembly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox._engine import GuestThreads, InterruptReason, Ticket
from pywasm_sandbox._guests.base import Cell, Guest, Listener, RunEnd
from pywasm_sandbox._guests.protocol import (
    BlockedInput,
    Cleared,
    Displayed,
    Failed,
    Finished,
    InputAnswer,
    InputQuestion,
    Output,
)
from pywasm_sandbox._guests.state import GuestState, Start
from pywasm_sandbox._sandbox.contexts import ContextCore, RunRequest
from pywasm_sandbox._sandbox.runs import Callbacks, run_steps
from pywasm_sandbox._sandbox.steps import drive
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox.errors import ContextBrokenError, ContextBusyError, ContextClosedError
from pywasm_sandbox.models import Execution

Behaviour = Callable[["FakeGuest", Cell, Listener, Ticket], RunEnd]
OK = RunEnd(finished=Finished("ok"))


class FakeGuest(Guest):
    language = "fake"

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.boots = 0
        self.closed = threading.Event()

    def boot(self) -> None:
        self.boots += 1

    def run(self, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        end = self.behaviour(self, cell, listener, ticket)
        listener.publish(lambda: False)
        return end

    def state(self) -> GuestState:
        raise AssertionError("nobody copies a fake")

    def close(self) -> None:
        self.closed.set()

    @property
    def memory_bytes(self) -> int:
        return 64


class FakeEngine:
    def __init__(self) -> None:
        self.threads = GuestThreads()
        self.lost = False


class Fixture:
    def __init__(self) -> None:
        self.guests: list[FakeGuest] = []
        self.engine = FakeEngine()

    def context(self, behaviour: Behaviour, **options: Any) -> ContextCore:
        def make(_: ContextCore, start: Start | None) -> Guest:
            guest = FakeGuest(behaviour)
            self.guests.append(guest)
            return guest

        return ContextCore(
            make,
            namespace=Namespace(MemoryFS()),
            engine=self.engine,  # type: ignore[arg-type]
            language="fake",
            cwd="/",
            env={},
            on_crash=options.pop("on_crash", "restart"),
        )


@pytest.fixture
def fixture() -> Iterator[Fixture]:
    return Fixture()


def run(
    context: ContextCore, code: str = "", request: RunRequest | None = None, **callbacks: Any
) -> Execution:
    return drive(run_steps(context, request or RunRequest(code), Callbacks(**callbacks)))


def wait_for_interrupt(ticket: Ticket) -> int:
    # The fake has no instance, so nothing but the ticket says that it was interrupted.
    for _ in range(5000):
        if ticket._request is not None:
            return ticket._request.reason
        threading.Event().wait(0.001)
    raise AssertionError("the ticket was not interrupted")


def test_events_become_an_execution_in_order(fixture: Fixture) -> None:
    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        listener.post(Output("stdout", "a\n"))
        listener.post(Output("stderr", "b\n"))
        listener.post(Displayed({"text/plain": "4"}, {}, is_main=True))
        return OK

    seen: list[Any] = []
    execution = run(
        fixture.context(behave),
        on_stdout=lambda text: seen.append(("out", text)),
        on_stderr=lambda text: seen.append(("err", text)),
        on_result=lambda result: seen.append(("result", result.text)),
    )
    assert seen == [("out", "a\n"), ("err", "b\n"), ("result", "4")]
    assert execution.logs.stdout == ["a\n"]
    assert execution.logs.stderr == ["b\n"]
    assert execution.text == "4"
    assert execution.error is None
    assert execution.context_state == "kept"
    assert execution.execution_count == 1


def test_callbacks_run_in_the_callers_thread(fixture: Fixture) -> None:
    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        listener.post(Output("stdout", "a"))
        return OK

    threads: list[int] = []
    run(fixture.context(behave), on_stdout=lambda _: threads.append(threading.get_ident()))
    assert threads == [threading.get_ident()]


def test_a_published_event_arrives_before_the_run_ends(fixture: Fixture) -> None:
    arrived = threading.Event()

    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        listener.post(Output("stdout", "now\n"))
        listener.publish(lambda: False)
        assert arrived.wait(10), "the line did not arrive while the run went on"
        return OK

    assert run(fixture.context(behave), on_stdout=lambda _: arrived.set()).error is None


def test_runs_of_one_context_come_one_after_the_other(fixture: Fixture) -> None:
    active = 0
    order: list[str] = []

    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        nonlocal active
        active += 1
        assert active == 1
        order.append(cell.code)
        active -= 1
        return OK

    context = fixture.context(behave)
    calls = [context.run(RunRequest(str(number))) for number in range(20)]
    for call in calls:
        while not call.done:
            call.wait()
    assert order == [str(number) for number in range(20)]
    assert len(fixture.guests) == 1
    assert fixture.guests[0].boots == 1


def test_a_failing_callback_interrupts_and_keeps_the_context(fixture: Fixture) -> None:
    reasons: list[int] = []

    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        if cell.code == "loop":
            listener.post(Output("stdout", "x"))
            listener.publish(lambda: False)
            reasons.append(wait_for_interrupt(ticket))
        return OK

    def fail(_: str) -> None:
        raise KeyError("mine")

    context = fixture.context(behave)
    with pytest.raises(KeyError, match="mine"):
        run(context, "loop", on_stdout=fail)
    assert reasons == [InterruptReason.CALLBACK_FAILED]
    assert context.status == "idle"
    assert run(context, "next").error is None
    assert len(fixture.guests) == 1


def test_keyboard_interrupt_in_a_callback_cancels(fixture: Fixture) -> None:
    reasons: list[int] = []

    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        listener.post(Output("stdout", "x"))
        listener.publish(lambda: False)
        reasons.append(wait_for_interrupt(ticket))
        return OK

    def fail(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(fixture.context(behave), on_stdout=fail)
    assert reasons == [InterruptReason.CANCEL]


def test_an_async_callback_is_refused_by_the_sync_api(fixture: Fixture) -> None:
    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        listener.post(Output("stdout", "x"))
        return OK

    async def callback(_: str) -> None:
        raise AssertionError("it must not run")

    with pytest.raises(TypeError, match="is async; use AsyncSandbox"):
        run(fixture.context(behave), on_stdout=callback)


def test_running_the_context_from_its_own_callback_is_refused(fixture: Fixture) -> None:
    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        listener.post(Output("stdout", "x"))
        return OK

    context, other = fixture.context(behave), fixture.context(behave)
    inner: list[Execution] = []
    assert run(context, on_stdout=lambda _: inner.append(run(other))).error is None
    assert len(inner) == 1
    with pytest.raises(ContextBusyError, match="waiting for the callback"):
        run(context, on_stdout=lambda _: run(context))


def test_input_asks_the_callback(fixture: Fixture) -> None:
    answers: list[Any] = []

    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        answers.append(listener.ask(InputQuestion("name? ", False), lambda: False))
        return OK

    context = fixture.context(behave)
    prompts: list[str] = []

    def answer(prompt: str) -> str | None:
        prompts.append(prompt)
        return "Ada" if len(prompts) == 1 else None

    run(context, on_input=answer)
    run(context, on_input=answer)
    assert prompts == ["name? ", "name? "]
    assert answers == [InputAnswer("Ada"), BlockedInput("EOFError", "on_input returned None: end of input")]
    with pytest.raises(TypeError, match="on_input must return a str"):
        run(context, on_input=lambda _: 3)


def test_clear_and_update(fixture: Fixture) -> None:
    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        def show(text: str, **options: Any) -> None:
            listener.post(Displayed({"text/plain": text}, {}, **options))

        if cell.code == "clear":
            show("gone")
            listener.post(Cleared())
            show("kept")
        elif cell.code == "wait":
            show("gone at the next")
            listener.post(Cleared(wait=True))
            show("next")
        elif cell.code == "wait for nothing":
            show("stays")
            listener.post(Cleared(wait=True))
        else:
            show("first", display_id="a")
            show("second")
            show("first, new", display_id="a", update=True)
        return OK

    context = fixture.context(behave)

    def texts(code: str) -> list[str | None]:
        return [result.text for result in run(context, code).results]

    assert texts("clear") == ["kept"]
    assert texts("wait") == ["next"]
    assert texts("wait for nothing") == ["stays"]
    assert texts("update") == ["first, new", "second"]


LOST = RunEnd(lost=Failed("GuestCrash", "the interpreter aborted"))


def _crash(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
    return LOST if cell.code == "crash" else OK


def test_a_crash_is_an_error_and_the_next_run_has_a_fresh_guest(fixture: Fixture) -> None:
    context = fixture.context(_crash)
    errors: list[str] = []
    execution = run(context, "crash", on_error=lambda error: errors.append(error.name))
    assert execution.error is not None
    assert execution.error.name == "GuestCrash"
    assert execution.context_state == "lost"
    assert errors == ["GuestCrash"]
    assert fixture.guests[0].closed.is_set()
    assert context.status == "broken"
    assert run(context).context_state == "kept"
    assert len(fixture.guests) == 2


def test_on_crash_error_needs_a_restart(fixture: Fixture) -> None:
    context = fixture.context(_crash, on_crash="error")
    run(context, "crash")
    with pytest.raises(ContextBrokenError, match="restart it to use it again"):
        run(context)
    call = context.restart()
    while not call.done:
        call.wait()
    assert run(context).execution_count == 1


def test_closing_ends_queued_runs(fixture: Fixture) -> None:
    started = threading.Event()

    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        started.set()
        assert guest.closed.wait(10)
        return RunEnd(closed=True)

    context = fixture.context(behave)
    running, queued = context.run(RunRequest("")), context.run(RunRequest(""))
    assert started.wait(10)
    context.close()
    for call in (running, queued):
        while not call.done:
            call.wait()
        with pytest.raises(ContextClosedError):
            call.end()
    with pytest.raises(ContextClosedError):
        context.run(RunRequest(""))
    assert context.status == "closed"


def test_a_failure_of_the_library_is_raised_and_drops_the_guest(fixture: Fixture) -> None:
    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        raise ZeroDivisionError("ours")

    context = fixture.context(behave)
    with pytest.raises(ZeroDivisionError, match="ours"):
        run(context)
    assert fixture.guests[0].closed.is_set()


def test_a_slow_caller_slows_the_guest_down(fixture: Fixture) -> None:
    published = 0
    blocked = threading.Event()

    def behave(guest: FakeGuest, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        nonlocal published

        def interrupted() -> bool:
            blocked.set()
            return False

        for _ in range(5):
            listener.post(Output("stdout", "x" * (9 << 20)))
            listener.publish(interrupted)
            published += 1
        return OK

    context = fixture.context(behave)
    call = context.run(RunRequest(""))
    assert blocked.wait(10)
    assert published < 3
    texts = 0
    done = False
    while not done:
        call.wait()
        events, done = call.take()
        texts += len(events)
    assert texts == 5
