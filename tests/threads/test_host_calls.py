"""Other threads go on while one waits for a host tool or for input()."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from pywasm_sandbox import AsyncSandbox, Deterministic, Execution, Sandbox, Tool

START = """
import threading, time
from concurrent.futures import ThreadPoolExecutor
ticks = []
def tick():
    while not over:
        ticks.append(1)
        time.sleep(0.01)
over = False
ticker = threading.Thread(target=tick)
ticker.start()
"""
END = """
over = True
ticker.join()
len(ticks) > 5
"""


def slow(value: int) -> int:
    time.sleep(0.3)
    return value * 2


def refuse(value: int) -> int:
    raise KeyError(value)


def good(execution: Execution) -> Execution:
    assert execution.error is None, "\n".join(execution.error.traceback)
    return execution


@pytest.fixture(params=["thread", "process"])
def sandbox_of(request: pytest.FixtureRequest) -> Callable[..., Sandbox]:
    return lambda *tools: Sandbox(tools=tools, isolation=request.param)


def test_during_a_tool(sandbox_of: Callable[..., Sandbox]) -> None:
    with sandbox_of(slow) as sandbox:
        code = START + "from host import slow\nprint(slow(21))" + END
        execution = good(sandbox.run_code(code, timeout=60))
        assert execution.logs.stdout == ["42\n"]
        assert execution.text == "True"


def test_during_input() -> None:
    with Sandbox() as sandbox:

        def answer(prompt: str) -> str:
            time.sleep(0.3)
            return prompt.upper()

        execution = good(sandbox.run_code(START + "print(input('name'))" + END, on_input=answer, timeout=60))
        assert execution.logs.stdout == ["NAME\n"]
        assert execution.text == "True"


def test_an_async_tool() -> None:
    async def fetch(value: int) -> int:
        await asyncio.sleep(0.2)
        return value + 1

    async def main() -> Execution:
        async with AsyncSandbox(tools=[fetch]) as sandbox:
            return await sandbox.run_code(START + "from host import fetch\nprint(fetch(1))" + END, timeout=60)

    execution = good(asyncio.run(main()))
    assert execution.logs.stdout == ["2\n"]
    assert execution.text == "True"


def test_many_at_once_are_answered_in_their_order(sandbox_of: Callable[..., Sandbox]) -> None:
    calls: list[int] = []
    threads = set()

    def double(value: int) -> int:
        calls.append(value)
        threads.add(threading.get_ident())
        return value * 2

    code = """
from concurrent.futures import ThreadPoolExecutor
from host import double
with ThreadPoolExecutor(10) as pool:
    results = list(pool.map(double, range(50)))
results == [2 * n for n in range(50)]
"""
    with sandbox_of(double) as sandbox:
        assert good(sandbox.run_code(code, timeout=60)).text == "True"
    assert sorted(calls) == list(range(50))
    assert threads == {threading.get_ident()}


def test_errors_arrive_in_the_thread_that_called() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from host import refuse
with ThreadPoolExecutor(2) as pool:
    error = pool.submit(refuse, 7).exception()
type(error).__name__, error.args
"""
    with Sandbox(tools=[refuse]) as sandbox:
        assert good(sandbox.run_code(code)).text == "('KeyError', (7,))"


def test_a_rate_holds_up_the_thread_that_goes_over_it() -> None:
    tool = Tool(function=lambda: None, name="ping", max_calls_per_second=4)
    with Sandbox(tools=[tool]) as sandbox:
        code = START + "from host import ping\nfor _ in range(6): ping()" + END
        began = time.monotonic()
        assert good(sandbox.run_code(code, timeout=60)).text == "True"
        assert time.monotonic() - began >= 0.4


def test_a_deadline_while_a_thread_waits_for_a_tool() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with Sandbox(tools=[endless]) as sandbox:
        code = START.replace("over = False", "over, kept = False, 5") + "from host import endless\nendless()"
        execution = sandbox.run_code(code, timeout=2)
        assert execution.error is not None
        assert execution.error.name == "ExecutionTimeout"
        assert execution.context_state == "kept"
        for _ in range(500):  # it is cancelled on the thread of its loop
            if ended:
                break
            time.sleep(0.01)
        assert ended == ["cancelled"]
        assert good(sandbox.run_code("kept")).text == "5"


def test_a_tool_that_the_end_of_its_cell_leaves_behind_is_carried_out() -> None:
    with Sandbox(tools=[slow]) as sandbox:
        code = """
import threading
from host import slow
answers = []
thread = threading.Thread(target=lambda: answers.append(slow(4)))
thread.start()
"""
        good(sandbox.run_code(code))
        assert good(sandbox.run_code("thread.join()\nanswers")).text == "[8]"


def test_a_callback_that_fails_ends_the_waiting() -> None:
    def fail(prompt: str) -> str:
        raise ZeroDivisionError(prompt)

    with Sandbox() as sandbox:
        with pytest.raises(ZeroDivisionError):
            sandbox.run_code(START + "input('now')", on_input=fail, timeout=60)
        assert good(sandbox.run_code("1 + 1")).text == "2"


def test_deterministic_threads_stand_still() -> None:
    code = """
import threading, time
from host import pace
order = []
def work(n):
    for i in range(3):
        order.append((n, i))
        pace()
        time.sleep(0.001 * n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
order
"""
    texts = set()
    for seconds in (0.0, 0.02):

        def pace(seconds: float = seconds) -> None:
            time.sleep(seconds)

        with Sandbox(tools=[Tool(function=lambda: pace(), name="pace")], deterministic=Deterministic()) as s:
            texts.add(good(s.run_code(code)).text)
    assert len(texts) == 1
