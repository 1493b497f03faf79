"""SIGINT with a reason.

Cells trip it themselves with the stand-in's `_pywasm.trip`, so that no clock is involved.
"""

from __future__ import annotations

import pytest

from tests.unit.python_guest.harness import DISPLAY, DONE, ERROR, Event, NativeGuest

TIMEOUT, CANCELLED, OUTPUT_LIMIT, CALLBACK_FAILED = 1, 2, 3, 4
TIMEOUT_MESSAGE = "the cell ran longer than its timeout"


@pytest.fixture
def armed(guest: NativeGuest) -> NativeGuest:
    guest.execute("import asyncio\nfrom _pywasm import trip, reasons")
    return guest


@pytest.mark.parametrize(
    ("reason", "name", "message"),
    [
        (TIMEOUT, "ExecutionTimeout", TIMEOUT_MESSAGE),
        (CANCELLED, "KeyboardInterrupt", "interrupted"),
        (OUTPUT_LIMIT, "OutputLimitExceeded", "the cell's output went over its limit"),
        (CALLBACK_FAILED, "KeyboardInterrupt", "a callback of the caller failed"),
        (0, "KeyboardInterrupt", "interrupted"),
    ],
)
def test_reasons(armed: NativeGuest, reason: int, name: str, message: str) -> None:
    run = armed.execute(f"x = 1\ntrip({reason})\nx = 2")
    assert run.kinds == [ERROR, DONE]
    assert (run.error["name"], run.error["message"], run.error["line_number"]) == (name, message, 2)
    assert run.error["traceback"][-1] == f"{name}: {message}"
    assert run.done["status"] == "error"
    assert armed.execute("x").text == "1"


def test_except_exception_does_not_catch_it(armed: NativeGuest) -> None:
    run = armed.execute("while True:\n    try:\n        trip(1)\n    except Exception:\n        pass")
    assert run.error["name"] == "ExecutionTimeout"


@pytest.mark.parametrize("reason", [TIMEOUT, OUTPUT_LIMIT])
def test_a_swallowed_limit_is_still_reported(armed: NativeGuest, reason: int) -> None:
    run = armed.execute(f"try:\n    trip({reason})\nexcept BaseException:\n    pass\n'result'")
    assert run.kinds == [DISPLAY, ERROR, DONE]
    assert run.error["name"] == ("ExecutionTimeout" if reason == TIMEOUT else "OutputLimitExceeded")
    assert run.error["line_number"] == 2
    assert run.done["status"] == "error"


def test_a_swallowed_cancellation_is_the_users_business(armed: NativeGuest) -> None:
    run = armed.execute("try:\n    trip(2)\nexcept KeyboardInterrupt:\n    pass\n'result'")
    assert run.text == "result"
    assert run.done["status"] == "ok"


def test_an_error_that_came_of_a_limit_is_named_after_the_limit(armed: NativeGuest) -> None:
    run = armed.execute("try:\n    trip(1)\nfinally:\n    1/0")
    assert (run.error["name"], run.error["message"]) == ("ExecutionTimeout", TIMEOUT_MESSAGE)
    assert f"ExecutionTimeout: {TIMEOUT_MESSAGE}" in run.error["traceback"]
    assert run.error["traceback"][-1] == "ZeroDivisionError: division by zero"
    assert run.error["line_number"] == 4


def test_exit_after_a_swallowed_limit_is_the_limit(armed: NativeGuest) -> None:
    run = armed.execute("try:\n    trip(1)\nexcept KeyboardInterrupt:\n    raise SystemExit(0)")
    assert run.error["name"] == "ExecutionTimeout"
    assert run.done["status"] == "error"


def test_the_next_run_starts_clean(armed: NativeGuest) -> None:
    armed.execute("try:\n    trip(1)\nexcept BaseException:\n    pass")
    run = armed.execute("'fine'")
    assert run.kinds == [DISPLAY, DONE]


def test_in_a_coroutine(armed: NativeGuest) -> None:
    run = armed.execute("async def f():\n    trip(1)\nawait f()")
    assert run.error["name"] == "ExecutionTimeout"
    assert run.error["line_number"] == 2
    assert armed.execute("await asyncio.sleep(0, 'alive')").text == "alive"


def test_in_a_background_task(armed: NativeGuest) -> None:
    run = armed.execute(
        "cleaned = []\n"
        "async def spin():\n    while True:\n        await asyncio.sleep(0)\n        trip(1)\n"
        "async def wait():\n    try:\n        await asyncio.Event().wait()\n"
        "    finally:\n        cleaned.append(1)\n"
        "task = asyncio.create_task(spin())\n"
        "await wait()"
    )
    assert run.error["name"] == "ExecutionTimeout"
    assert armed.execute("cleaned, task.done()").text == "([1], True)"


def test_in_a_task_of_asyncio_run(armed: NativeGuest) -> None:
    run = armed.execute(
        "async def spin():\n    while True:\n        await asyncio.sleep(0)\n        trip(1)\n"
        "async def main():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(spin())\n"
        "asyncio.run(main())"
    )
    assert run.error["name"] == "ExecutionTimeout"
    assert armed.execute("asyncio.run(asyncio.sleep(0, 'alive'))").text == "alive"


def test_in_a_callback_of_the_loop(armed: NativeGuest) -> None:
    run = armed.execute("asyncio.get_running_loop().call_soon(trip, 1)\nawait asyncio.sleep(30)")
    assert run.error["name"] == "ExecutionTimeout"
    assert armed.execute("await asyncio.sleep(0, 'alive')").text == "alive"


def test_the_line_where_the_cell_waited_is_reported(armed: NativeGuest) -> None:
    run = armed.execute(
        "async def f():\n    await asyncio.sleep(30)\n"
        "asyncio.get_running_loop().call_soon(trip, 1)\nawait f()"
    )
    assert run.error["name"] == "ExecutionTimeout"
    assert run.error["line_number"] == 2
    assert [line for line in run.error["traceback"] if "<cell" in line] == [
        '  File "<cell 2>", line 4, in <module>',
        '  File "<cell 2>", line 2, in f',
    ]


def test_a_task_that_resists_cancellation_is_interrupted_again(armed: NativeGuest) -> None:
    run = armed.execute(
        "async def stubborn():\n"
        "    while True:\n"
        "        try:\n            await asyncio.sleep(0)\n"
        "        except asyncio.CancelledError:\n            trip(1)\n"
        "asyncio.get_running_loop().call_soon(trip, 1)\n"
        "await stubborn()"
    )
    assert run.error["name"] == "ExecutionTimeout"
    assert armed.execute("1").text == "1"


@pytest.mark.parametrize(
    "code",
    [
        "import time\ndisplay('go')\ntime.sleep(600)",
        "display('go')\nawait asyncio.sleep(600)",
        "display('go')\nwhile True: pass",
    ],
)
def test_from_outside(armed: NativeGuest, code: str) -> None:
    def interrupt(event: Event) -> None:
        if event.kind == DISPLAY:
            armed.interrupt()

    run = armed.execute(f"reasons[0] = 1\n{code}", on_event=interrupt)
    assert run.error["name"] == "ExecutionTimeout"
    assert armed.execute("'alive'").text == "alive"


def test_a_handler_of_the_cell_hides_no_limit(armed: NativeGuest) -> None:
    setup = "import signal\nsignal.signal(signal.SIGINT, {})\ntrip(1)"
    run = armed.execute(setup.format("signal.default_int_handler"))
    assert (run.kinds, run.error["name"]) == ([ERROR, DONE], "ExecutionTimeout")
    assert run.error["traceback"][-1].startswith("KeyboardInterrupt")
    assert armed.execute(setup.format("lambda *a: None")).error["name"] == "ExecutionTimeout"
    assert armed.execute("1").error is None


def test_in_a_repr(armed: NativeGuest) -> None:
    run = armed.execute("class R:\n    def __repr__(self):\n        while True: trip(1)\nR()")
    assert run.kinds == [ERROR, DONE]
    assert run.error["name"] == "ExecutionTimeout"
    assert run.error["line_number"] == 3


def test_while_an_error_is_reported_it_is_held_back(armed: NativeGuest) -> None:
    run = armed.execute(
        "class E(Exception):\n    def __str__(self):\n        trip(2)\n        return 'said'\nraise E"
    )
    assert (run.error["name"], run.error["message"]) == ("E", "said")


def test_a_report_without_end_is_ended(armed: NativeGuest) -> None:
    run = armed.execute("class E(Exception):\n    def __str__(self):\n        while True: trip(1)\nraise E")
    assert run.kinds == [ERROR, DONE]
    assert run.error["name"] == "E"
    assert run.error["message"] == "<exception str() failed>"
    assert armed.execute("'alive'").text == "alive"


def test_between_runs_nothing_happens(armed: NativeGuest) -> None:
    armed.interrupt()
    armed.execute("reasons[0] = 0")
    assert armed.execute("'alive'").text == "alive"


def test_before_the_first_instruction_of_the_cell(armed: NativeGuest) -> None:
    armed.execute(
        "from pywasm_guest import streams\noriginal = streams.StandardStreams.restore\n"
        "def restore(self):\n    streams.StandardStreams.restore = original\n    trip(1)\n"
        "streams.StandardStreams.restore = restore"
    )
    run = armed.execute("ran = True")
    assert run.error == {
        "name": "ExecutionTimeout",
        "message": TIMEOUT_MESSAGE,
        "traceback": [f"ExecutionTimeout: {TIMEOUT_MESSAGE}"],
        "line_number": None,
    }
    assert armed.execute("'ran' in globals()").text == "False"


def test_a_handler_of_the_users_own_does_not_outlive_its_cell(armed: NativeGuest) -> None:
    armed.execute("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)")
    run = armed.execute("trip(1)")
    assert run.error["name"] == "ExecutionTimeout"


@pytest.mark.parametrize("setter", ["settrace", "setprofile"])
def test_tracing_ends_with_the_cell(armed: NativeGuest, setter: str) -> None:
    armed.execute(
        f"import sys\nseen = []\nkept = 1\nsys.{setter}(lambda *arguments: seen.append(arguments) or 1 / 0)"
    )
    assert armed.execute(f"(kept, sys.get{setter[3:]}())").text == "(1, None)"
