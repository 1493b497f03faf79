"""Stopping code: how soon, and what it costs that it can be stopped."""

from __future__ import annotations

import threading
import time
from unittest import mock

from pywasm_sandbox import Sandbox
from pywasm_sandbox._engine import Engine, capi
from pywasm_sandbox._engine.cache import CompileCache
from pywasm_sandbox._sandbox.runtime import Runtime

from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, in_turns, pairwise

__all__ = ["run"]

LOOPS = {
    "a Python loop": "while True: pass",
    "a sleep": "import time\ntime.sleep(3600)",
    "await": "import asyncio\nawait asyncio.sleep(3600)",
    "numpy": "import numpy as np\na = np.ones(1000)\nwhile True: a = np.sin(a)",
    "a regular expression": "import re\nre.match('(a*)*b', 'a' * 60)",
}
STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
WORK = """
def work(n):
    total = 0
    values = {}
    for i in range(n):
        total += i * i % 7
        values[i & 255] = total
    return sorted(values.values())[0]
work(600_000)
"""
GRACE = 0.3


def run(settings: Settings) -> Group:
    with Sandbox(grace_seconds=GRACE) as sandbox:
        rows = [_interrupt(sandbox, settings, name, code) for name, code in LOOPS.items()]
        rows += [_deadline(sandbox, settings), _hard(sandbox, settings)]
    rows.append(_epochs(settings))
    return Group("Interrupts", rows)


def _interrupt(sandbox: Sandbox, settings: Settings, name: str, code: str) -> Row:
    """From `interrupt()` to the end of `run_code`."""
    context = sandbox.create_code_context()
    context.run_code("import numpy, re, asyncio")
    asked = 0.0
    values = []

    def interrupt() -> None:
        nonlocal asked
        time.sleep(0.1)
        asked = time.perf_counter()
        context.interrupt()

    for _ in range(settings.rounds(31, 7)):
        thread = threading.Thread(target=interrupt)
        thread.start()
        execution = context.run_code(code, timeout=None)
        values.append(time.perf_counter() - asked)
        thread.join()
        if execution.context_state != "kept":
            raise RuntimeError(f"{name} lost its context")
    context.delete()
    return Row(f"interrupt() of {name}", "ms", Sample.of(values).scaled(1e3), target=Target(30))


def _deadline(sandbox: Sandbox, settings: Settings) -> Row:
    """How much later than its deadline a run ends."""
    values = []
    for _ in range(settings.rounds(31, 7)):
        started = time.perf_counter()
        sandbox.run_code("while True: pass", timeout=0.1)
        values.append(time.perf_counter() - started - 0.1)
    return Row("deadline of a Python loop", "ms", Sample.of(values).scaled(1e3), target=Target(30))


def _hard(sandbox: Sandbox, settings: Settings) -> Row:
    """How much later than the grace a run ends that swallows interrupts."""
    values = []
    for _ in range(settings.rounds(11, 5)):
        context = sandbox.create_code_context()
        context.run_code("1")
        started = time.perf_counter()
        execution = context.run_code(STUBBORN, timeout=0.1)
        values.append(time.perf_counter() - started - 0.1 - GRACE)
        if execution.context_state != "lost":
            raise RuntimeError("it was not stopped the hard way")
        context.delete()
    return Row("hard stop, after the grace", "ms", Sample.of(values).scaled(1e3), target=Target(50))


def _epochs(settings: Settings) -> Row:
    """The same interpreter, compiled with and without looking at epochs."""
    c = capi.load()
    without_epochs = mock.patch.object(c, "config_epoch_interruption_set", return_value=None)
    sandboxes = {}
    with Sandbox(preload=None) as plain:
        plain.run_code(WORK)
        sandboxes["with"] = plain
        with without_epochs:
            engine = Engine(CompileCache(None))
        with (
            mock.patch.object(Engine, "_shared", engine),
            mock.patch.object(Runtime, "_shared", Runtime(engine)),
        ):
            sandboxes["without"] = Sandbox(preload=None)
            sandboxes["without"].run_code(WORK, timeout=None)

        def timed(name: str) -> float:
            started = time.perf_counter()
            sandboxes[name].run_code("work(600_000)", timeout=None)
            return time.perf_counter() - started

        values = in_turns(
            {name: (lambda name=name: timed(name)) for name in sandboxes}, settings.rounds(15, 5)
        )
        sandboxes["without"].close()
    ratio = pairwise(values["with"], values["without"])
    note = f"{(ratio - 1) * 100:.0f} % overhead"
    return Row(
        "a Python loop with epochs, to one without", "s", Sample.of(values["with"]), ratio=ratio, note=note
    )
