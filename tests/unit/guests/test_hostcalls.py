"""The host-call channel, without a guest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar
from unittest.mock import Mock

import pytest

from pywasm_sandbox._guests.deferred import MAX_DEFERRED, MAX_DEFERRED_BYTES, Deferred
from pywasm_sandbox._guests.hostcalls import (
    MAX_REQUEST_BYTES,
    PROCESS_CALLS,
    HostCall,
    HostCallError,
    HostCallInterrupted,
    HostCalls,
)
from pywasm_sandbox._guests.protocol import BlockedInput, InputAnswer, InputQuestion
from pywasm_sandbox._wasi.errnos import INTR, INVAL, TOOBIG


class Caller:
    """Answers every question alike."""

    def __init__(self, answer: Any) -> None:
        self.questions: list[Any] = []
        self._answer = answer

    def post(self, event: Any) -> None:
        raise AssertionError("no events here")

    publish = post

    def ask(self, question: Any, interrupted: Callable[[], bool]) -> Any:
        self.questions.append(question)
        return self._answer

    def put(self, question: Any) -> Put | None:
        self.questions.append(question)
        return None if self._answer is None else Put(self._answer)


class Put:
    """A question that is answered when a test says so."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.answered = self.withdrawn = False
        self.all.append(self)

    all: ClassVar[list[Put]] = []

    def take(self) -> Any:
        return self._answer

    def withdraw(self) -> None:
        self.withdrawn = True


class Waiter:
    def __init__(self, interrupts: bool) -> None:
        self.interrupts = interrupts

    def wait_for(self, fds: Any, seconds: float | None) -> bool:
        return self.interrupts


class Wasi:
    def __init__(self, interrupts: bool) -> None:
        self.waiter = Waiter(interrupts)


def request(
    calls: HostCalls,
    message: Any,
    *,
    listener: Caller | None = None,
    allow_input: bool = False,
    interrupts: bool = False,
    deferred: Deferred | None = None,
) -> Any:
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    size = calls.request(
        payload,
        lambda op, arguments, size: HostCall(
            op,
            arguments,
            size,
            Wasi(interrupts),  # type: ignore[arg-type]
            listener,
            allow_input,
            on_block=lambda: None,
            interrupted=lambda: interrupts,
            deferred=deferred or Deferred(allowed=True),
        ),
    )
    if size < 0:
        assert calls.take() == b""
        return size
    reply = calls.take()
    assert len(reply) == size
    assert calls.take() == b""
    return json.loads(reply)


def test_a_handler_gets_the_arguments_and_its_value_goes_back() -> None:
    calls = HostCalls({"add": lambda call: call.get("a", int) + call.get("b", int, 5)})
    assert request(calls, {"op": "add", "a": 1}) == {"value": 6}
    assert request(calls, {"op": "add", "a": 1, "b": 2}) == {"value": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "add: argument 'a' is missing"),
        ({"a": "1"}, "add: argument 'a' is a str, not a int"),
        ({"a": True}, "add: argument 'a' is a bool, not a int"),
        ({"a": None}, "add: argument 'a' is a NoneType, not a int"),
    ],
)
def test_wrong_arguments_are_type_errors_of_the_guest(arguments: dict[str, Any], message: str) -> None:
    calls = HostCalls({"add": lambda call: call.get("a", int)})
    assert request(calls, {"op": "add", **arguments}) == {"error": "TypeError", "message": message}


def test_a_failing_handler_says_how() -> None:
    def fail(call: HostCall) -> None:
        raise HostCallError("OSError", "nobody listens", "ECONNREFUSED", host="example.com")

    assert request(HostCalls({"fail": fail}), {"op": "fail"}) == {
        "error": "OSError",
        "message": "nobody listens",
        "errno": "ECONNREFUSED",
        "host": "example.com",
    }


@pytest.mark.parametrize("op", ["shell", "", None, 5, [], {}])
def test_unknown_calls_fail(op: Any) -> None:
    reply = request(HostCalls({}), {"op": op})
    assert (reply["error"], reply["errno"]) == ("NotImplementedError", "ENOSYS")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"garbage",
        b"[]",
        b"5",
        b'{"op": "add"',
        b'{"op": "x"} y',
        b"[" * 200_000,
        b'{"a":' * 300 + b"1" + b"}" * 300,
    ],
)
def test_what_is_no_request_is_refused_unread(payload: bytes) -> None:
    assert request(HostCalls({}), payload) == -INVAL


def test_bytes_that_are_no_text_become_marks() -> None:
    calls = HostCalls({"echo": lambda call: call.get("text", str)})
    assert request(calls, b'{"op": "echo", "text": "a\xff"} ') == {"value": "a\ufffd"}


def test_a_request_has_a_largest_size() -> None:
    assert HostCalls.too_large(MAX_REQUEST_BYTES) is None
    assert HostCalls.too_large(MAX_REQUEST_BYTES + 1) == -TOOBIG


def test_lone_surrogates_do_not_reach_handlers() -> None:
    calls = HostCalls({"echo": lambda call: call.get("text", str)})
    assert request(calls, b'{"op": "echo", "text": "a\\ud800b"}') == {"value": "a?b"}


def test_an_interrupted_wait_is_eintr() -> None:
    def wait(call: HostCall) -> str:
        call.wait(None)
        return "woken"

    calls = HostCalls({"wait": wait})
    assert request(calls, {"op": "wait"}, interrupts=True) == -INTR
    assert request(calls, {"op": "wait"}) == {"value": "woken"}


def test_an_unanswered_question_is_eintr() -> None:
    calls = HostCalls({})
    question = {"op": "input"}
    assert request(calls, question, listener=Caller(None), allow_input=True) == -INTR


def test_input_is_a_question() -> None:
    calls = HostCalls({})
    question = {"op": "input", "prompt": "name? "}
    caller = Caller(InputAnswer("Ada"))
    assert request(calls, question, listener=caller, allow_input=True) == {"value": "Ada"}
    assert caller.questions == [InputQuestion("name? ", is_password=False)]
    refusal = request(calls, question, listener=caller)
    assert refusal["message"].startswith("input() needs an on_input callback")
    blocked = Caller(BlockedInput("EOFError", "end"))
    assert request(calls, question, listener=blocked, allow_input=True) == {
        "error": "EOFError",
        "message": "end",
    }


def test_an_interrupt_of_a_handler_is_not_an_error_of_the_host() -> None:
    def interrupted(call: HostCall) -> None:
        raise HostCallInterrupted

    assert request(HostCalls({"x": interrupted}), {"op": "x"}) == -INTR


def test_the_calls_for_processes_are_those_that_answer() -> None:
    # The names are known before anything of processes is imported.
    from pywasm_sandbox._processes.guest_calls import GuestProcesses

    assert set(PROCESS_CALLS) == set(GuestProcesses.handlers(Mock()))


LATER = {"op": "input", "prompt": "?", "later": True}


def ask_later(deferred: Deferred, listener: Caller, message: Any = None) -> Any:
    message = LATER if message is None else message
    return request(HostCalls({}), message, listener=listener, allow_input=True, deferred=deferred)


def test_an_answer_that_comes_later() -> None:
    deferred, caller = Deferred(allowed=True), Caller(InputAnswer("line"))
    assert ask_later(deferred, caller) == {"pending": 1}
    assert ask_later(deferred, caller) == {"pending": 2}
    assert ask_later(deferred, caller, {"op": "answer", "number": 1}) == {"pending": 1}
    Put.all[-1].answered = True
    assert ask_later(deferred, caller, {"op": "answer", "number": 1}) == {"pending": 1}
    assert ask_later(deferred, caller, {"op": "answer", "number": 2}) == {"value": "line"}
    gone = ask_later(deferred, caller, {"op": "answer", "number": 2})
    assert gone == {
        "error": "RuntimeError",
        "message": "nobody answers: the run in which it was asked is over",
    }
    assert ask_later(deferred, caller, {"op": "withdraw", "number": 1}) == {"value": None}
    assert Put.all[-2].withdrawn


def test_a_question_that_nobody_answers() -> None:
    deferred, caller = Deferred(allowed=True), Caller(InputAnswer("line"))
    assert ask_later(deferred, caller) == {"pending": 1}
    Put.all[-1]._answer = None
    Put.all[-1].answered = True
    assert ask_later(deferred, caller, {"op": "answer", "number": 1})["error"] == "RuntimeError"


@pytest.mark.parametrize("size", [0, MAX_DEFERRED_BYTES // 3])
def test_how_many_may_wait(size: int) -> None:
    deferred, caller = Deferred(allowed=True), Caller(InputAnswer("at once"))
    message = {**LATER, "prompt": "?" * size}
    most = MAX_DEFERRED if size == 0 else 2
    for number in range(most):
        assert ask_later(deferred, caller, message) == {"pending": number + 1}
    assert ask_later(deferred, caller, message) == {"value": "at once"}


def test_where_the_order_of_threads_must_not_depend_on_answers() -> None:
    assert ask_later(Deferred(allowed=False), Caller(InputAnswer("at once"))) == {"value": "at once"}
