"""What JavaScript contexts and cells cost, and how fast the engine is beside its native build."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pywasm_sandbox import Context, Sandbox

from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, in_turns, repeat, timed

__all__ = ["run"]

IDLE_CONTEXTS = 100
PROGRAMS = {
    "fib(24)": "function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } fib(24)",
    "sort 50,000 numbers": """
        let seed = 1, list = [];
        for (let i = 0; i < 50000; i++) list.push(seed = (seed * 1103515245 + 12345) % 2147483648);
        list.sort((a, b) => a - b)[0]""",
    "JSON of 2,000 objects": """
        let rows = [];
        for (let i = 0; i < 2000; i++) rows.push({ id: i, name: 'n' + i, tags: ['a', 'b'] });
        JSON.parse(JSON.stringify(rows)).length""",
    "strings": """
        let s = '';
        for (let i = 0; i < 50000; i++) s += i % 7;
        s.replace(/3/g, 'x').split('x').length""",
    "objects and closures": """
        let m = new Map();
        for (let i = 0; i < 30000; i++) m.set('k' + i % 999, { v: i, f: () => i });
        [...m.values()].reduce((a, b) => a + b.f(), 0)""",
}
FIRST_START = """
import time
started = time.perf_counter()
from pywasm_sandbox import Sandbox
with Sandbox() as sandbox:
    assert sandbox.run_code("1 + 1", language="javascript").text == "2"
print(time.perf_counter() - started)
"""


def run(settings: Settings) -> Group:
    with Sandbox() as sandbox:
        context = sandbox.create_code_context(language="javascript")
        sandbox.run_code("1", context=context)
        rows = [
            _fresh_contexts(sandbox, settings),
            _warm_cell(sandbox, context, settings),
            _idle_memory(sandbox),
            *_programs(sandbox, context, settings),
            _first_start(settings),
        ]
    return Group("JavaScript", rows)


def _fresh_contexts(sandbox: Sandbox, settings: Settings) -> Row:
    def fresh() -> float:
        started = time.perf_counter()
        context = sandbox.create_code_context(language="javascript")
        sandbox.run_code("1+1", context=context)
        seconds = time.perf_counter() - started
        sandbox.delete_code_context(context.id)
        return seconds

    values = in_turns({"fresh": fresh}, settings.rounds(100, 20))["fresh"]
    return Row("new context and its first cell", "ms", Sample.of(values).scaled(1e3), target=Target(1.0))


def _warm_cell(sandbox: Sandbox, context: Context, settings: Settings) -> Row:
    values = repeat(lambda: sandbox.run_code("1+1", context=context), settings.rounds(1000, 200))
    return Row("cell in a warm context: 1+1", "ms", Sample.of(values).scaled(1e3), target=Target(0.15))


def _idle_memory(sandbox: Sandbox) -> Row:
    def used_kib() -> int | None:
        try:
            lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        except OSError:
            return None
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

    before = used_kib()
    contexts = [sandbox.create_code_context(language="javascript") for _ in range(IDLE_CONTEXTS)]
    after = used_kib()
    for context in contexts:
        sandbox.delete_code_context(context.id)
    if before is None or after is None:
        return Row("memory of an idle context", "MiB", note="not known on this system")
    sample = Sample.of([(after - before) / 1024 / IDLE_CONTEXTS])
    return Row("memory of an idle context", "MiB", sample, target=Target(0.1))


def _programs(sandbox: Sandbox, context: Context, settings: Settings) -> list[Row]:
    """Each program here and in native QuickJS (the package quickjs), in turns."""
    native: Callable[[str], object] | None = None
    if importlib.util.find_spec("quickjs") is not None:
        import quickjs

        native = quickjs.Context().eval
    return [_program(sandbox, context, name, code, native, settings) for name, code in PROGRAMS.items()]


def _program(
    sandbox: Sandbox,
    context: Context,
    name: str,
    code: str,
    native: Callable[[str], object] | None,
    settings: Settings,
) -> Row:
    block = f"{{ {code} }}"  # its names are its own, and it can run again
    measures = {"ours": lambda: timed(lambda: sandbox.run_code(f";{block}", context=context))}
    if native is not None:
        measures["native"] = lambda: timed(lambda: native(block))
    values = in_turns(measures, settings.rounds(20, 5))
    ours = Sample.of(values["ours"]).scaled(1e3)
    if native is None:
        return Row(name, "ms", ours, note="the package quickjs is not installed")
    theirs = Sample.of(values["native"]).scaled(1e3).median
    return Row(name, "ms", ours, native=theirs, ratio=ours.median / theirs)


def _first_start(settings: Settings) -> Row:
    """A process whose cache is empty: compiling the engine and making the image included."""
    values = []
    for _ in range(settings.rounds(3, 1)):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "PYWASM_SANDBOX_CACHE_DIR": folder}
            ran = subprocess.run(
                [sys.executable, "-c", FIRST_START],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
        values.append(float(ran.stdout))
    return Row("first start ever, to the end of the first cell", "s", Sample.of(values), target=Target(3.0))
