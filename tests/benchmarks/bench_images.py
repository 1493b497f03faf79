"""Benchmarks of images, forks and snapshots: `run()` gives (name, value, unit); as a script, a table.

Values are medians, each of at least 50 rounds; "idle memory" is the proportional set size that 200 contexts
add, each, and "live contexts" how many of 2,000 answered.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pywasm_sandbox import Context, Sandbox, prepare
from pywasm_sandbox._guests.python_runtime import DEFAULT_MODULES, STANDARD_MODULES

T = TypeVar("T")
ROUNDS = 60
MIB = 1 << 20


def run() -> list[tuple[str, float, str]]:
    """(name, value, unit) of every benchmark."""
    prepare()
    return [
        *_contexts("standard library", STANDARD_MODULES),
        *_contexts("with pandas and pyplot", DEFAULT_MODULES),
        *_forks(),
        *_snapshots(),
        *_many(),
        *_churn(),
        ("process start to first result", _process_start(), "ms"),
    ]


def _ms(call: Callable[[], T], rounds: int = ROUNDS, after: Callable[[T], object] = lambda _: None) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        made = call()
        times.append(time.perf_counter() - start)
        after(made)
    return statistics.median(times) * 1e3


def _contexts(kind: str, preload: Sequence[str]) -> list[tuple[str, float, str]]:
    with Sandbox(preload=preload) as sandbox:
        sandbox.run_code("1")

        def fresh() -> Context:
            context = sandbox.create_code_context()
            context.run_code("1 + 1")
            return context

        made: list[Context] = []
        several = _ms(lambda: made.append(fresh()))
        while made:
            made.pop().delete()
        whole = _ms(fresh, after=Context.delete)
        create = _ms(lambda: made.append(sandbox.create_code_context()))
        second = _ms(lambda: made[0].run_code("1 + 1"))
    return [
        (f"new context and its first cell, {kind}", whole, "ms"),
        (f"the same, with {ROUNDS} others alive, {kind}", several, "ms"),
        (f"new context, {kind}", create, "ms"),
        (f"another cell, {kind}", second, "ms"),
    ]


def _forks() -> list[tuple[str, float, str]]:
    with Sandbox() as sandbox:
        small = sandbox.create_code_context()
        small.run_code("x = 1")
        twins: list[Context] = []

        def fork(context: Context) -> None:
            twins.append(context.fork())

        def drop() -> None:
            while twins:
                twins.pop().delete()

        rows = [("fork of a small context", _ms(lambda: fork(small)), "ms")]
        drop()
        big = sandbox.create_code_context()
        big.run_code("x = bytearray(100_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1")
        rows.append(("fork of a context with a 100 MB array", _ms(lambda: fork(big)), "ms"))
        assert twins[-1].run_code("sum(x[::4096])").text == big.run_code("sum(x[::4096])").text == "24415"
        drop()
        big.delete()
        firsts = []
        for _ in range(50):
            each = sandbox.create_code_context()
            each.run_code("x = bytearray(100_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1")
            firsts.append(_ms(lambda: fork(each), rounds=1))  # noqa: B023
            drop()
            each.delete()
        rows.append(("first fork of a context with a 100 MB array", statistics.median(firsts), "ms"))
    return rows


def _snapshots() -> list[tuple[str, float, str]]:
    with Sandbox() as sandbox:
        context = sandbox.create_code_context()
        context.run_code("x = list(range(1000)); f = open('a.txt', 'w')")
        snapshot = context.snapshot()
        both = _ms(lambda: context.restore(context.snapshot()))
        size = snapshot.memory_bytes / MIB
        path = Path("bench-images.snapshot").absolute()
        try:
            save = _ms(lambda: snapshot.save(path))
            on_disk = path.stat().st_size / MIB
            load = _ms(lambda: type(snapshot).load(path))
        finally:
            path.unlink(missing_ok=True)
    return [
        ("snapshot and restore of a small context", both, "ms"),
        ("memory of its snapshot", size, "MiB"),
        ("save it to a file", save, "ms"),
        ("load it from a file", load, "ms"),
        ("size of the file", on_disk, "MiB"),
    ]


def _proportional_bytes() -> int:
    text = Path("/proc/self/smaps_rollup").read_text()
    return int(text.split("\nPss:", 1)[1].split()[0]) * 1024


def _many() -> list[tuple[str, float, str]]:
    rows = []
    with Sandbox(max_contexts=3000) as sandbox:
        sandbox.run_code("1")
        if sys.platform.startswith("linux"):
            gc.collect()
            before = _proportional_bytes()
            for _ in range(200):
                sandbox.create_code_context()
            rows.append(("idle memory of a context", (_proportional_bytes() - before) / 200 / MIB, "MiB"))
        contexts = sandbox.list_code_contexts()
        contexts += [sandbox.create_code_context() for _ in range(2000 - len(contexts))]
        for number, context in enumerate(contexts):
            context.run_code(f"n = {number}")
        answered = sum(context.run_code("n").text == str(number) for number, context in enumerate(contexts))
        rows.append(("live contexts that answer, of 2,000", float(answered), ""))
    return rows


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _churn() -> list[tuple[str, float, str]]:
    if not sys.platform.startswith("linux"):
        return []

    def cycle(count: int) -> None:
        for _ in range(count):
            context = sandbox.create_code_context()
            context.run_code("x = 1")
            context.delete()

    def measure() -> tuple[int, int, int]:
        gc.collect()
        maps = len(Path("/proc/self/maps").read_text().splitlines())
        return _resident_bytes(), maps, len(os.listdir("/proc/self/fd"))

    with Sandbox() as sandbox:
        cycle(50)
        before = measure()
        cycle(1000)
        after = measure()
    return [
        ("growth in 1,000 create/delete cycles", (after[0] - before[0]) / MIB, "MiB"),
        ("mappings more than before", float(after[1] - before[1]), ""),
        ("descriptors more than before", float(after[2] - before[2]), ""),
    ]


def _process_start() -> float:
    """With the package's own bytecode compiled, as it is where the package is installed."""
    code = "import pywasm_sandbox as p\nprint(p.Sandbox().run_code('1 + 1').text, flush=True)"
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)

        def start() -> float:
            begun = time.perf_counter()
            with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environ) as child:
                assert child.stdout is not None
                assert child.stdout.readline() == b"2\n"
                return time.perf_counter() - begun

        start()
        return statistics.median(start() for _ in range(50)) * 1e3


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:48} {value:10.2f} {unit}")
