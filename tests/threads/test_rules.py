"""What the guide says of threads: their order, their limits, how they end."""

from __future__ import annotations

import threading
import time

import pytest

from pywasm_sandbox import Deterministic, Execution, Sandbox


def lines(execution: Execution) -> list[str]:
    assert execution.error is None, "\n".join(execution.error.traceback)
    return "".join(execution.logs.stdout).splitlines()


@pytest.fixture
def fresh() -> Sandbox:
    with Sandbox() as sandbox:
        yield sandbox


def guest_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "pywasm-sandbox-guest" in thread.name]


START = "import threading, time, queue\n"


def test_a_thread_runs_at_its_start_until_it_waits(fresh: Sandbox) -> None:
    execution = fresh.run_code(
        START
        + """
def work(n):
    print("start", n)
    time.sleep(0.01 * n)
    print("end", n)

threads = [threading.Thread(target=work, args=(n,)) for n in (2, 1)]
for t in threads:
    t.start()
    print("started")
for t in threads:
    t.join()
"""
    )
    assert lines(execution) == ["start 2", "started", "start 1", "started", "end 1", "end 2"]


def test_those_that_can_go_on_do_so_in_that_order(fresh: Sandbox) -> None:
    code = """
event, order = threading.Event(), []
def work(n):
    event.wait()
    order.append(n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
[t.start() for t in threads]
event.set()
[t.join() for t in threads]
order
"""
    assert fresh.run_code(START + code).text == "[0, 1, 2, 3, 4]"


def test_a_thread_that_computes_gives_turns(fresh: Sandbox) -> None:
    code = """
stop, n = False, 0
def spin():
    global n
    while not stop: n += 1
t = threading.Thread(target=spin)
t.start()
print(t.is_alive())
time.sleep(0.1)
stop = True
t.join()
n > 0
"""
    assert fresh.run_code(START + code, timeout=20).text == "True"


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("lock = threading.Lock()\nlock.acquire()\nlock.acquire()", ["the main thread for a lock"]),
        ("queue.Queue().get()", ["the main thread for Queue.get in <cell"]),
        ("queue.SimpleQueue().get()", ["the main thread for a lock in <cell"]),
        ("threading.Event().wait()", ["Event.wait"]),
        ("threading.Barrier(2).wait()", ["Barrier.wait"]),
        ("threading.Semaphore(0).acquire()", ["Semaphore.acquire"]),
        (
            "q = queue.Queue()\nt = threading.Thread(target=q.get, name='eater')\nt.start()\nt.join()",
            ["the main thread for Thread.join in <cell 1>, line 5", "eater for Queue.get"],
        ),
        (
            """
a, b = threading.Lock(), threading.Lock()
def first():
    with a:
        time.sleep(0.01)
        with b: pass
def second():
    with b:
        time.sleep(0.01)
        with a: pass
threads = [threading.Thread(target=f, name=f.__name__) for f in (first, second)]
[t.start() for t in threads]
[t.join() for t in threads]
""",
            ["Thread.join", "first for a lock in <cell 1>, line 7", "second for a lock in <cell 1>, line 11"],
        ),
        (
            "import asyncio\nfrom concurrent.futures import Future\nawait asyncio.wrap_future(Future())",
            ["deadlock"],
        ),
    ],
)
def test_a_wait_that_nobody_can_end_is_an_error(fresh: Sandbox, code: str, parts: list[str]) -> None:
    began = time.monotonic()
    execution = fresh.run_code(START + code, timeout=60)
    assert time.monotonic() - began < 50
    assert execution.error is not None
    assert execution.error.name == "RuntimeError"
    assert execution.error.message.startswith("deadlock: ")
    for part in parts:
        assert part in execution.error.message
    assert execution.context_state == "kept"
    assert fresh.run_code("1 + 1").text == "2"


def test_a_deadlock_can_be_caught(fresh: Sandbox) -> None:
    code = "try:\n    queue.Queue().get()\nexcept RuntimeError as error:\n    print(str(error)[:9])"
    assert lines(fresh.run_code(START + code)) == ["deadlock:"]


def test_a_wait_with_a_timeout_is_no_deadlock(fresh: Sandbox) -> None:
    code = "try:\n    queue.Queue().get(timeout=0.05)\nexcept queue.Empty:\n    print('empty')"
    assert lines(fresh.run_code(START + code)) == ["empty"]


def test_a_deadline_ends_a_cell_that_joins_a_busy_thread(fresh: Sandbox) -> None:
    code = """
def spin():
    while True: pass
t = threading.Thread(target=spin)
t.start()
t.join()
"""
    execution = fresh.run_code("kept = 1\n" + START + code, timeout=1)
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"
    # Its threads end too, as soon as they run.
    assert fresh.run_code("time.sleep(0.2)\nt.is_alive(), kept", timeout=20).text == "(False, 1)"


def test_an_interrupt_reaches_the_main_thread(fresh: Sandbox) -> None:
    context = fresh.create_code_context()
    timer = threading.Timer(1.0, context.interrupt)
    timer.start()
    execution = context.run_code(
        START + "t = threading.Thread(target=time.sleep, args=(60,))\nt.start()\nt.join()"
    )
    timer.join()
    assert execution.error is not None
    assert execution.error.name == "KeyboardInterrupt"
    assert execution.context_state == "kept"


def test_threads_that_swallow_every_interrupt_cost_the_context() -> None:
    code = """
def stubborn():
    while True:
        try:
            while True: pass
        except BaseException:
            pass
t = threading.Thread(target=stubborn)
t.start()
while True:
    try:
        t.join()
    except BaseException:
        pass
"""
    with Sandbox(grace_seconds=0.5) as sandbox:
        execution = sandbox.run_code(START + code, timeout=0.5)
        assert execution.error is not None
        assert execution.error.name == "ExecutionTimeout"
        assert execution.context_state == "lost"
        assert sandbox.run_code("1 + 1").text == "2"


def test_no_cell_waits_for_a_thread_that_was_told_to_end(fresh: Sandbox) -> None:
    fresh.run_code(
        START
        + """
import _pywasm
run_threads, asked, caught = _pywasm.run_threads, [], []
def recorded(seconds):
    asked.append(seconds)
    return run_threads(seconds)
_pywasm.run_threads = recorded
def stubborn():
    while not over:
        try:
            while not over: pass
        except SystemExit:
            caught.append(1)
over = False
"""
    )
    execution = fresh.run_code(
        "asked.clear()\nt = threading.Thread(target=stubborn)\nt.start()\nt.join()", timeout=1
    )
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    fresh.run_code("asked.clear()")
    assert fresh.run_code("[1.0] != asked, sum(asked) < 0.1, t.is_alive()").text == "(True, True, True)"
    assert fresh.run_code("time.sleep(0.1)\nlen(caught) > 1").text == "True"
    # Others have their time all the same.
    execution = fresh.run_code(
        """
def work():
    end = time.monotonic() + 0.2
    while time.monotonic() < end: pass
    print("worked")
asked.clear()
threading.Thread(target=work).start()
"""
    )
    assert lines(execution) == ["worked"]
    fresh.run_code("over = True\nt.join()\nasked.clear()")
    assert fresh.run_code("asked").text == "[1.0]"


def test_threads_live_on_between_cells(fresh: Sandbox) -> None:
    fresh.run_code(
        START
        + """
q, done = queue.Queue(), []
def work():
    while True:
        done.append(q.get())
threading.Thread(target=work, daemon=True).start()
"""
    )
    fresh.run_code("q.put(1)")
    assert fresh.run_code("q.put(2)\ntime.sleep(0)\ndone").text == "[1, 2]"


def test_at_the_end_of_a_cell_threads_go_on_until_they_wait(fresh: Sandbox) -> None:
    execution = fresh.run_code(
        START
        + """
go = threading.Event()
def work():
    go.wait()
    print("works")
    time.sleep(3600)
threading.Thread(target=work).start()
go.set()
print("the cell is over")
"""
    )
    assert lines(execution) == ["the cell is over", "works"]


def test_a_program_waits_for_its_threads_but_not_for_daemons(fresh: Sandbox) -> None:
    code = """
import atexit, threading, time
def work():
    time.sleep(0.05)
    print("worked")
atexit.register(print, "at exit")
threading.Thread(target=work).start()
threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
print("main is over")
"""
    fresh.write_file("/workspace/program.py", code)
    result = fresh.exec("python program.py", timeout=60)
    assert result.stdout == "main is over\nworked\nat exit\n"
    assert result.exit_code == 0


@pytest.mark.parametrize("limit", [None, 3, 0])
def test_the_number_of_threads_is_limited(limit: int | None) -> None:
    code = """
event, threads = threading.Event(), []
try:
    while True:
        t = threading.Thread(target=event.wait)
        t.start()
        threads.append(t)
except RuntimeError as error:
    print(error)
event.set()
[t.join() for t in threads]
len(threads)
"""
    with Sandbox() if limit is None else Sandbox(max_threads=limit) as sandbox:
        for _ in range(2):  # those that have ended don't count
            execution = sandbox.run_code(START + code)
            assert lines(execution) == ["can't start new thread"]
            assert execution.text == str(64 if limit is None else limit)


def test_a_thousand_short_threads(fresh: Sandbox) -> None:
    code = """
done = []
for n in range(1000):
    threading.Thread(target=done.append, args=(n,)).start()
done == list(range(1000))
"""
    assert fresh.run_code(START + code, timeout=60).text == "True"


def test_deep_recursion_in_a_thread_is_an_error(fresh: Sandbox) -> None:
    code = """
import json
def f():
    nested = []
    for _ in range(100_000): nested = [nested]
    for action in (lambda: json.loads("[" * 100_000), lambda: repr(nested), lambda: eval("(" * 5000)):
        try:
            action()
        except (RecursionError, MemoryError, SyntaxError) as error:
            print(type(error).__name__)
t = threading.Thread(target=f)
t.start()
t.join()
"""
    assert lines(fresh.run_code(START + code))[:2] == ["RecursionError", "RecursionError"]
    assert fresh.run_code("1 + 1").text == "2"


def test_os_exit_in_a_thread_ends_the_interpreter(fresh: Sandbox) -> None:
    code = "import os\nt = threading.Thread(target=os._exit, args=(7,))\nt.start()\nt.join()"
    execution = fresh.run_code(START + code)
    assert execution.error is not None
    assert (execution.error.name, execution.exit_code) == ("GuestExit", 7)
    assert fresh.run_code("1 + 1").text == "2"


def test_a_fork_has_the_main_thread_only(fresh: Sandbox) -> None:
    context = fresh.create_code_context()
    context.run_code(START + "e = threading.Event()\nt = threading.Thread(target=e.wait)\nt.start()\nn = 1")
    twin = context.fork()
    assert twin.run_code("t.is_alive(), threading.active_count(), n").text == "(False, 1, 1)"
    assert (
        twin.run_code(
            "u = threading.Thread(target=lambda: globals().update(n=2))\nu.start()\nu.join()\nn"
        ).text
        == "2"
    )
    assert context.run_code("e.set()\nt.join()\nt.is_alive()").text == "False"


def test_contexts_with_waiting_threads_close(fresh: Sandbox) -> None:
    others = len(guest_threads())
    for _ in range(20):
        context = fresh.create_code_context()
        context.run_code(
            START + "[threading.Thread(target=threading.Event().wait).start() for _ in range(3)]"
        )
        fresh.delete_code_context(context)
    for _ in range(100):
        if len(guest_threads()) <= others + 16:  # those that are kept for the next call
            return
        time.sleep(0.05)
    raise AssertionError(guest_threads())


def test_cpu_time_of_threads_counts() -> None:
    code = """
def burn():
    while True: pass
t = threading.Thread(target=burn)
t.start()
t.join()
"""
    with Sandbox(cpu_seconds=1.0) as sandbox:
        execution = sandbox.run_code(START + code, timeout=60)
        assert execution.error is not None
        assert execution.error.name == "CpuLimitExceeded"


def test_cpu_time_of_short_threads_counts() -> None:
    code = """
while True:
    t = threading.Thread(target=sum, args=(range(20_000),))
    t.start()
    t.join()
"""
    with Sandbox(cpu_seconds=1.0) as sandbox:
        execution = sandbox.run_code(START + code, timeout=60)
        assert execution.error is not None
        assert execution.error.name == "CpuLimitExceeded"


def test_numpy_in_threads(fresh: Sandbox) -> None:
    code = """
import numpy as np
from concurrent.futures import ThreadPoolExecutor
a = np.arange(10_000.0).reshape(100, 100)
with ThreadPoolExecutor(4) as pool:
    results = list(pool.map(lambda n: float((a @ a * n).trace()), range(1, 5)))
[r / results[0] for r in results]
"""
    assert fresh.run_code(code, timeout=60).text == "[1.0, 2.0, 3.0, 4.0]"


def test_other_threads_go_on_while_one_waits_for_a_command(fresh: Sandbox) -> None:
    code = """
import subprocess
ticks = []
def tick():
    while len(ticks) < 5:
        ticks.append(1)
        time.sleep(0.01)
t = threading.Thread(target=tick)
t.start()
print(subprocess.run(["sleep", "0.3"]).returncode, len(ticks))
print(subprocess.run("sleep 0.1; echo out", shell=True, capture_output=True, text=True).stdout.strip())
"""
    assert lines(fresh.run_code(START + code)) == ["0 5", "out"]


def test_results_and_errors_of_a_cell_with_threads(fresh: Sandbox) -> None:
    code = (
        "def f(): raise ValueError('boom')\nt = threading.Thread(target=f, name='bad')\nt.start()\nt.join()\n"
    )
    code += "'on'"
    execution = fresh.run_code(START + code)
    assert execution.text == "on"
    shown = "".join(execution.logs.stderr)
    assert shown.startswith("Exception in thread bad:\nTraceback (most recent call last):\n")
    assert shown.endswith("ValueError: boom\n")


@pytest.mark.parametrize(
    "code",
    [
        "multiprocessing.Process(target=print).start()",
        "multiprocessing.Pool(2)",
        "multiprocessing.Queue()",
        "concurrent.futures.ProcessPoolExecutor()",
    ],
)
def test_processes_that_copy_the_interpreter_are_refused(fresh: Sandbox, code: str) -> None:
    execution = fresh.run_code(f"import multiprocessing, concurrent.futures\n{code}")
    assert execution.error is not None
    assert execution.error.name in ("OSError", "NotImplementedError")
    assert "an interpreter in the sandbox can't be copied. Use threads" in execution.error.message


def test_deterministic_threads_are_the_same_each_time() -> None:
    code = """
order = []
def work(n):
    for i in range(3):
        order.append((n, i))
        time.sleep(0.001 * (n + 1))
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
order
"""
    texts = set()
    for _ in range(3):
        with Sandbox(deterministic=Deterministic()) as sandbox:
            texts.add(sandbox.run_code(START + code).text)
    assert len(texts) == 1
    assert texts != {None}
