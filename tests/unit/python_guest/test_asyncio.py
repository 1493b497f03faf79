"""asyncio, on a loop without socket pairs."""

from __future__ import annotations

import pytest

from tests.unit.python_guest.harness import DONE, ERROR, NativeGuest


@pytest.fixture
def aio(guest: NativeGuest) -> NativeGuest:
    guest.execute(
        "import asyncio\nasync def give(value, delay=0):\n    await asyncio.sleep(delay)\n    return value"
    )
    return guest


TOP_LEVEL_AND_RUN = [
    ("gather", "return await asyncio.gather(give(1), give(2, 0.001), give(3))", "[1, 2, 3]"),
    ("wait_for", "return await asyncio.wait_for(give('w'), 5)", "w"),
    (
        "wait_for_expires",
        "try:\n        await asyncio.wait_for(give(1, 60), 0.001)\n    except TimeoutError:\n"
        "        return 'late'",
        "late",
    ),
    (
        "timeout",
        "try:\n        async with asyncio.timeout(0.001):\n            await give(1, 60)\n"
        "    except TimeoutError:\n        return 'late'",
        "late",
    ),
    (
        "queue",
        "queue = asyncio.Queue(1)\n    async def put():\n        for i in range(3): await queue.put(i)\n"
        "    task = asyncio.create_task(put())\n"
        "    got = [await queue.get() for _ in range(3)]\n    await task\n    return got",
        "[0, 1, 2]",
    ),
    (
        "task_group",
        "async with asyncio.TaskGroup() as group:\n"
        "        tasks = [group.create_task(give(i)) for i in range(3)]\n"
        "    return [task.result() for task in tasks]",
        "[0, 1, 2]",
    ),
    ("to_thread", "return await asyncio.to_thread(lambda: 'inline')", "inline"),
    ("executor", "return await asyncio.get_running_loop().run_in_executor(None, lambda x: x + 1, 1)", "2"),
    ("as_completed", "return [await f for f in asyncio.as_completed([give(1, 0.002), give(2)])]", "[2, 1]"),
    (
        "lock_event_semaphore",
        "event, lock, sem = asyncio.Event(), asyncio.Lock(), asyncio.Semaphore(1)\n"
        "    asyncio.get_running_loop().call_later(0.001, event.set)\n"
        "    async with lock, sem:\n        await event.wait()\n    return event.is_set()",
        "True",
    ),
    ("shield", "return await asyncio.shield(give(4))", "4"),
    (
        "run_in_pool",
        "from concurrent.futures import ThreadPoolExecutor as P\n"
        "    return await asyncio.get_running_loop().run_in_executor(P(), pow, 2, 3)",
        "8",
    ),
]


@pytest.mark.parametrize(
    ("body", "text"), [case[1:] for case in TOP_LEVEL_AND_RUN], ids=[c[0] for c in TOP_LEVEL_AND_RUN]
)
@pytest.mark.parametrize("call", ["await main()", "asyncio.run(main())"])
def test_what_works(aio: NativeGuest, body: str, text: str, call: str) -> None:
    run = aio.execute(f"async def main():\n    {body}\n{call}")
    assert run.error is None, "\n".join(run.error["traceback"])
    assert run.text == text
    assert run.stderr == ""


def test_top_level_async_for_and_with(aio: NativeGuest) -> None:
    aio.execute(
        "from contextlib import asynccontextmanager\n"
        "async def count():\n    for i in range(3):\n        await asyncio.sleep(0)\n        yield i\n"
        "@asynccontextmanager\nasync def manager():\n    print('in')\n    yield 'm'\n    print('out')"
    )
    assert aio.lines("async for i in count():\n    print(i)") == ["0", "1", "2"]
    assert aio.lines("async with manager() as m:\n    print(m)") == ["in", "m", "out"]
    assert aio.execute("[i async for i in count() if await give(i)]").text == "[1, 2]"


def test_asyncio_run_in_a_cell_that_awaits(aio: NativeGuest) -> None:
    run = aio.execute("await give(1)\nasyncio.run(give(2))")
    assert run.error["name"] == "RuntimeError"
    assert run.error["message"] == "asyncio.run() cannot be called from a running event loop"


def test_the_whole_cell_runs_on_the_loop(aio: NativeGuest) -> None:
    run = aio.execute(
        "loop = asyncio.get_running_loop()\ntask = asyncio.current_task()\n"
        "await give((loop.is_running(), task is asyncio.current_task()))"
    )
    assert run.text == "(True, True)"


def test_a_plain_cell_has_a_loop_that_does_not_run(aio: NativeGuest) -> None:
    assert aio.execute("asyncio.get_event_loop().run_until_complete(give(5))").text == "5"
    assert aio.execute("asyncio.get_running_loop()").error["message"] == "no running event loop"
    assert aio.execute("first = asyncio.get_event_loop()").error is None
    aio.execute("asyncio.run(give(1))")
    assert aio.execute("asyncio.get_event_loop() is first").text == "True"


def test_tasks_live_on_between_cells(aio: NativeGuest) -> None:
    aio.execute(
        "log = []\nasync def tick():\n    for i in range(4):\n        log.append(i)\n"
        "        await asyncio.sleep(0)\n    return 'done'"
    )
    aio.execute("task = asyncio.create_task(tick())")
    assert aio.execute("log").text == "[]"
    aio.execute("await asyncio.sleep(0)")
    assert aio.execute("0 < len(log) < 4, task.done()").text == "(True, False)"
    assert aio.execute("await task").text == "done"
    assert aio.execute("log").text == "[0, 1, 2, 3]"


def test_a_task_made_in_a_cell_that_awaits(aio: NativeGuest) -> None:
    aio.execute("task = asyncio.create_task(give('late', 0.001))\nawait give(1)")
    assert aio.execute("await task").text == "late"


def test_create_task_inside_a_loop_of_the_users_own(aio: NativeGuest) -> None:
    run = aio.execute(
        "async def main():\n    return await asyncio.create_task(give(1), name='n')\nasyncio.run(main())"
    )
    assert run.text == "1"


def test_a_background_task_that_fails_does_not_fail_the_cell(aio: NativeGuest) -> None:
    aio.execute("async def fail(): 1/0\ntask = asyncio.create_task(fail())")
    assert aio.execute("await give('fine')").text == "fine"
    assert aio.execute("task.exception()").text == "ZeroDivisionError('division by zero')"


def test_waiting_for_nothing_is_a_deadlock(aio: NativeGuest) -> None:
    run = aio.execute("cleaned = []\ntry:\n    await asyncio.Event().wait()\nfinally:\n    cleaned.append(1)")
    assert run.error["name"] == "RuntimeError"
    assert run.error["message"].startswith("deadlock: the event loop waits, but no task can go on")
    assert run.kinds == [ERROR, DONE]
    assert run.error["line_number"] == 3
    assert aio.execute("cleaned").text == "[1]"
    assert aio.execute("await give('alive')").text == "alive"
    run = aio.execute("asyncio.run(asyncio.Event().wait())")
    assert run.error["message"].startswith("deadlock: ")
    assert aio.execute("await give('alive')").text == "alive"


def test_a_cell_may_close_the_loop(aio: NativeGuest) -> None:
    aio.execute("asyncio.get_event_loop().close()")
    assert aio.execute("await give('new')").text == "new"


def test_functions_in_threads_return_and_raise(aio: NativeGuest) -> None:
    aio.execute(
        "log = []\ndef work(name):\n    log.append(name)\n"
        "    if name == 'bad': raise ValueError(name)\n    return name"
    )
    code = (
        "await asyncio.gather(*[asyncio.to_thread(work, n) for n in ('a', 'bad', 'c')], "
        "return_exceptions=True)"
    )
    assert aio.execute(code).text == "['a', ValueError('bad'), 'c']"
    assert aio.execute("sorted(log)").text == "['a', 'bad', 'c']"


def test_an_executor_of_the_users_own_is_used(aio: NativeGuest) -> None:
    aio.execute(
        "from concurrent.futures import Executor, Future\n"
        "class Own(Executor):\n    def submit(self, fn, /, *args, **kw):\n        future = Future()\n"
        "        future.set_result(('own', fn(*args, **kw)))\n        return future"
    )
    assert (
        aio.execute("await asyncio.get_running_loop().run_in_executor(Own(), abs, -1)").text == "('own', 1)"
    )


@pytest.mark.parametrize(
    "make", ["asyncio.new_event_loop()", "asyncio.SelectorEventLoop()", "asyncio.Runner().get_loop()"]
)
def test_every_way_to_make_a_loop_gives_ours(aio: NativeGuest, make: str) -> None:
    run = aio.execute(
        f"loop = {make}\nresult = type(loop).__name__, loop.run_until_complete(give(1))\nloop.close()\nresult"
    )
    assert run.text == "('GuestEventLoop', 1)"
    assert run.stderr == ""


def test_signal_handlers_are_not_there(aio: NativeGuest) -> None:
    run = aio.execute("import signal\nasyncio.get_event_loop().add_signal_handler(signal.SIGINT, print)")
    assert run.error["name"] == "NotImplementedError"
    assert aio.execute("asyncio.get_event_loop().remove_signal_handler(signal.SIGINT)").text == "False"


def test_debug_mode(aio: NativeGuest) -> None:
    assert aio.execute("asyncio.run(give(1), debug=True)").text == "1"


def test_async_generators_are_closed_by_asyncio_run(aio: NativeGuest) -> None:
    assert aio.lines(
        "async def g():\n    try:\n        yield 1\n        yield 2\n    finally:\n        print('closed')\n"
        "async def main():\n    async for i in g():\n        break\nasyncio.run(main())"
    ) == ["closed"]


def test_files_can_be_watched(aio: NativeGuest) -> None:
    run = aio.execute(
        "import os\nr, w = os.pipe()\nloop = asyncio.get_running_loop()\nready = asyncio.Event()\n"
        "loop.add_reader(r, ready.set)\nloop.call_soon(os.write, w, b'x')\nawait ready.wait()\n"
        "loop.remove_reader(r)\n'read'"
    )
    assert run.text == "read"


def test_no_deprecation_warning(guest: NativeGuest) -> None:
    run = guest.execute(
        "import warnings\nwarnings.simplefilter('error')\nimport asyncio\nawait asyncio.sleep(0, 'quiet')"
    )
    assert run.text == "quiet"
    assert guest.execute("asyncio.run(asyncio.sleep(0, 'quiet'))").text == "quiet"


def test_a_loop_left_running_does_not_lame_the_next_cells(aio: NativeGuest) -> None:
    aio.execute("asyncio._set_running_loop(asyncio.get_event_loop())")
    assert aio.execute("await give('alive')").text == "alive"
    assert aio.execute("asyncio.run(give('run'))").text == "run"


def test_a_coroutine_in_an_executor_is_refused_while_debugging(aio: NativeGuest) -> None:
    run = aio.execute(
        "import asyncio\nasync def f(): pass\nasync def main():\n    loop = asyncio.get_running_loop()\n"
        "    loop.set_debug(True)\n    try:\n        await loop.run_in_executor(None, f)\n"
        "    finally:\n        loop.set_debug(False)\nawait main()"
    )
    assert (run.error["name"], run.error["message"]) == (
        "TypeError",
        "coroutines cannot be used with run_in_executor()",
    )
