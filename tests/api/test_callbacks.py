"""Callbacks that fail, callers that give up: the guest is interrupted, the context keeps its state."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest

from pywasm_sandbox import ContextBusyError

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
FOREVER = "print('running')\nwhile True: pass"
SLEEPING = "print('running')\nimport time\ntime.sleep(3600)"
AWAITING = "print('running')\nimport asyncio\nawait asyncio.sleep(3600)"
BLOCKED = [FOREVER, SLEEPING, AWAITING]


class Mine(Exception):
    """Raised by callbacks of these tests."""


def _raise(_: Any) -> None:
    raise Mine("from the callback")


@pytest.mark.parametrize("code", BLOCKED)
async def test_a_failing_on_stdout_interrupts_and_keeps_the_context(shared: Any, code: str) -> None:
    await shared.run_code("kept = 'state'")
    with pytest.raises(Mine, match="from the callback"):
        await shared.run_code(code, on_stdout=_raise, timeout=None)
    execution = await shared.run_code("kept")
    assert execution.text == "state"
    assert execution.logs.stdout == []


@pytest.mark.parametrize(
    ("callback", "code"),
    [
        ("on_stderr", "import sys\nprint('x', file=sys.stderr)\nwhile True: pass"),
        ("on_result", "display(1)\nwhile True: pass"),
        ("on_error", "1/0"),
        ("on_result", "5"),
        ("on_input", "input()"),
    ],
)
async def test_every_failing_callback(shared: Any, callback: str, code: str) -> None:
    await shared.run_code("kept = 'state'")
    with pytest.raises(Mine):
        await shared.run_code(code, timeout=None, **{callback: _raise})
    assert (await shared.run_code("kept")).text == "state"


async def test_async_callbacks_are_awaited(shared: Any, flavour: str) -> None:
    if flavour == "sync":
        pytest.skip("the sync API refuses async callbacks")
    seen: list[Any] = []

    async def note(value: Any) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(getattr(value, "text", value))

    async def answer(prompt: str) -> str:
        await anyio.lowlevel.checkpoint()
        return "answered"

    execution = await shared.run_code(
        "print('a')\ndisplay('b')\ninput()", on_stdout=note, on_result=note, on_input=answer
    )
    assert seen == ["a\n", "b", "answered"]
    assert execution.text == "answered"

    async def fail(value: Any) -> None:
        raise Mine

    with pytest.raises(Mine):
        await shared.run_code(FOREVER, on_stdout=fail, timeout=None)
    assert (await shared.run_code("1")).text == "1"


async def test_callbacks_run_in_the_callers_thread(shared: Any) -> None:
    threads: set[int] = set()
    await shared.run_code("print(1)\n2", on_stdout=lambda _: threads.add(threading.get_ident()),
                          on_result=lambda _: threads.add(threading.get_ident()))  # fmt: skip
    assert threads == {threading.get_ident()}


async def test_a_callback_may_use_other_contexts_and_files(shared: Any, flavour: str) -> None:
    other = await shared.create_code_context()
    got: list[str] = []
    if flavour == "sync":

        def inner(text: str) -> None:
            shared._target.write_file("/workspace/from_callback", text)
            got.append(other._target.run_code("open('from_callback').read()").text)
    else:

        async def inner(text: str) -> None:  # type: ignore[misc]
            await shared.write_file("/workspace/from_callback", text)
            got.append((await other.run_code("open('from_callback').read()")).text)

    await shared.run_code("print('hello')", on_stdout=inner)
    assert got == ["hello\n"]
    await other.delete()


async def test_a_callback_that_runs_code_in_its_own_context_is_refused(shared: Any, flavour: str) -> None:
    if flavour == "sync":

        def inner(text: str) -> None:
            shared._target.run_code("1")
    else:

        async def inner(text: str) -> None:  # type: ignore[misc]
            await shared.run_code("1")

    with pytest.raises(ContextBusyError, match="is waiting for the callback"):
        await shared.run_code("print('x')", on_stdout=inner)
    assert (await shared.run_code("1")).text == "1"


@pytest.mark.parametrize("code", BLOCKED)
async def test_cancelling_interrupts_and_keeps_the_context(shared: Any, flavour: str, code: str) -> None:
    if flavour == "sync":
        pytest.skip("the sync API has no cancellation")
    await shared.run_code("kept = 'state'")
    with anyio.CancelScope() as scope:
        await shared.run_code(code, on_stdout=lambda _: scope.cancel(), timeout=None)
        raise AssertionError("the call went on")
    assert scope.cancelled_caught
    execution = await shared.run_code("kept")
    assert execution.text == "state"
    assert execution.context_state == "kept"


async def test_move_on_after(shared: Any, flavour: str) -> None:
    if flavour == "sync":
        pytest.skip("the sync API has no cancellation")
    await shared.run_code("kept = 'state'")
    with anyio.move_on_after(0.05) as scope:
        await shared.run_code("while True: pass", timeout=None)
    assert scope.cancelled_caught
    assert (await shared.run_code("kept")).text == "state"


async def test_code_that_swallows_cancellation_is_stopped_the_hard_way(
    open_sandbox: Any, flavour: str
) -> None:
    if flavour == "sync":
        pytest.skip("the sync API has no cancellation")
    sandbox = await open_sandbox()
    code = "print('running')\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass"
    with anyio.CancelScope() as scope:
        await sandbox.run_code(code, on_stdout=lambda _: scope.cancel(), timeout=None)
    assert scope.cancelled_caught
    execution = await sandbox.run_code("'fresh'")
    assert execution.text == "fresh"


async def test_cancelling_a_queued_run_leaves_the_running_one_alone(shared: Any, flavour: str) -> None:
    if flavour == "sync":
        pytest.skip("the sync API has no cancellation")
    finished: list[str | None] = []
    await shared.run_code("import os\nif os.path.exists('release'): os.remove('release')")

    async def first() -> None:
        code = "import os\nwhile not os.path.exists('release'): pass\n'first'"
        finished.append((await shared.run_code(code, timeout=60)).text)

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.05) as scope:
            await shared.run_code("ran_second = 1", timeout=60)
            raise AssertionError("it can't run before the first")
        # The first goes on: cancelling waits for the queued run's turn only.
        await shared.write_file("/workspace/release", "")
    assert scope.cancelled_caught
    assert finished == ["first"]
    assert (await shared.run_code("'ran_second' in globals()")).text == "False"


CTRL_C = """
import os, signal, sys
from pywasm_sandbox import Sandbox

sandbox = Sandbox()
sandbox.run_code("kept = 'state'")
def interrupt(text):
    # As a terminal does: the signal arrives while the main thread waits for the guest.
    import threading
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    sandbox.run_code({code!r}, on_stdout=interrupt, timeout=None)
except KeyboardInterrupt:
    print("interrupted", sandbox.run_code("kept").text)
sandbox.close()
"""


@pytest.mark.parametrize("code", BLOCKED)
def test_ctrl_c_interrupts_and_keeps_the_context(code: str) -> None:
    if sys.platform == "win32":
        pytest.skip("os.kill(SIGINT) is something else there")
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C.format(code=code)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("interrupted state\n", "", 0)


def test_the_process_ends_while_code_runs() -> None:
    """A daemon thread in a guest must not keep the process nor crash it."""
    code = (
        "import threading\nfrom pywasm_sandbox import Sandbox\ns = Sandbox()\nready = threading.Event()\n"
        "t = threading.Thread(target=s.run_code, args=('print(1)\\nwhile True: pass',),"
        " kwargs={'on_stdout': lambda _: ready.set(), 'timeout': None}, daemon=True)\n"
        "t.start()\nready.wait(60)\nprint('leaving')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    assert done.stdout == "leaving\n"
    assert done.returncode == 0
