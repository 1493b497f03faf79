"""asyncio inside cells: top-level await, one loop for all cells of a context."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("await asyncio.sleep(0, 5)", "5"),
        ("await asyncio.gather(asyncio.sleep(0.01, 1), asyncio.sleep(0, 2))", "[1, 2]"),
        ("asyncio.run(asyncio.sleep(0, 'run'))", "run"),
        ("asyncio.run(asyncio.wait_for(asyncio.sleep(0, 3), 5))", "3"),
        ("q = asyncio.Queue()\nawait q.put(1)\nawait q.get()", "1"),
        ("await asyncio.to_thread(sum, [1, 2])", "3"),
        ("[n async for n in numbers()]", "[0, 1, 2]"),
        ("x = await asyncio.sleep(0, 4)\nx", "4"),
        ("await asyncio.wait_for(asyncio.sleep(0, 6), 1)", "6"),
        ("asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, 9))", "9"),
        ("(await asyncio.wait([asyncio.create_task(asyncio.sleep(0, 1))]))[1]", "set()"),
        ("lock = asyncio.Lock()\nasync with lock: r = lock.locked()\nr", "True"),
        ("await asyncio.get_running_loop().run_in_executor(None, len, 'abc')", "3"),
        ("async with asyncio.Runner if False else asyncio.timeout(5): v = 1\nv", "1"),
    ],
)
async def test_it_works(shared: Any, code: str, text: str) -> None:
    setup = "import asyncio\nasync def numbers():\n    for n in range(3): yield n"
    assert (await shared.run_code(setup)).error is None
    execution = await shared.run_code(code)
    assert execution.error is None, execution.error
    assert execution.text == text


async def test_task_groups(shared: Any) -> None:
    code = """
import asyncio
order = []
async def work(name, delay):
    await asyncio.sleep(delay)
    order.append(name)
async with asyncio.TaskGroup() as group:
    group.create_task(work("slow", 0.05))
    group.create_task(work("fast", 0))
order
"""
    assert (await shared.run_code(code)).text == "['fast', 'slow']"


async def test_tasks_go_on_in_later_cells(shared: Any) -> None:
    await shared.run_code("import asyncio\ntask = asyncio.create_task(asyncio.sleep(0.01, 'later'))")
    assert (await shared.run_code("task.done()")).text == "False"
    assert (await shared.run_code("await task")).text == "later"


async def test_timeouts_of_asyncio(shared: Any) -> None:
    execution = await shared.run_code("import asyncio\nawait asyncio.wait_for(asyncio.sleep(60), 0.01)")
    assert execution.error.name == "TimeoutError"
    assert execution.error.line_number == 2


async def test_context_variables_live_on(shared: Any) -> None:
    await shared.run_code("import contextvars\nvar = contextvars.ContextVar('v')\nvar.set(1);")
    await shared.run_code("import asyncio\nawait asyncio.sleep(0)\nvar.set(2);")
    assert (await shared.run_code("var.get()")).text == "2"


async def test_run_inside_a_running_loop_is_explained(shared: Any) -> None:
    code = (
        "import asyncio\nasync def f():\n    c = asyncio.sleep(0)\n    try: asyncio.run(c)\n"
        "    finally: c.close()\nawait f()"
    )
    execution = await shared.run_code(code)
    assert execution.error.name == "RuntimeError"
    assert execution.error.message == "asyncio.run() cannot be called from a running event loop"


async def test_a_deadlock_is_an_error_and_not_a_hang(shared: Any) -> None:
    execution = await shared.run_code("import asyncio\nawait asyncio.Future()", timeout=30)
    assert execution.error.name == "RuntimeError"
    assert execution.error.message.startswith("deadlock: ")
    assert execution.context_state == "kept"
    assert (await shared.run_code("await asyncio.sleep(0, 'fine')")).text == "fine"


async def test_stop_iteration_in_a_thread_is_an_error_and_not_a_hang(shared: Any) -> None:
    execution = await shared.run_code("import asyncio\nawait asyncio.to_thread(next, iter(()))", timeout=30)
    assert execution.error.name == "RuntimeError"
    assert "StopIteration" in execution.error.message


async def test_output_of_tasks_is_live(shared: Any) -> None:
    seen: list[str] = []
    code = """
import asyncio
async def say(word, delay):
    await asyncio.sleep(delay)
    print(word)
await asyncio.gather(say("b", 0.02), say("a", 0));
"""
    await shared.run_code(code, on_stdout=seen.append)
    assert seen == ["a\n", "b\n"]


async def test_async_comprehensions_and_context_managers_at_top_level(shared: Any) -> None:
    code = """
import contextlib
@contextlib.asynccontextmanager
async def manager():
    yield "inside"
async with manager() as value:
    result = value
async def pair():
    yield 1
    yield 2
async for n in pair():
    result += str(n)
result
"""
    assert (await shared.run_code(code)).text == "inside12"
