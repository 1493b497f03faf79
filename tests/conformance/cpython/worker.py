"""A process that runs modules, each in a sandbox of its own: ``python -m tests.conformance.cpython.worker``.

A request is a line of JSON on stdin, the answer one on stdout. It is a process of its own so that whatever
happens to it costs one module, not the run.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pywasm_sandbox import Execution, HostFolder, MemoryFolder, Sandbox

from .catalog import GUEST_MODULES, GUEST_ROOT
from .journal import ModuleResult, Outcome, read_journal

__all__ = ["OUTPUT_CHARACTERS", "lost", "main", "run_module"]

JOURNAL_FOLDER = "/opt/conformance"
JOURNAL = f"{JOURNAL_FOLDER}/journal"
GUEST_MODULE = "conformance_guest"
OUTPUT_CHARACTERS = 20_000


def lost(execution: Execution) -> tuple[Outcome, str] | None:
    """How the run was cut short, if it was."""
    error = execution.error
    if execution.context_state != "kept":
        detail = "" if error is None else f"{error.name}: {error.message}"
        timed_out = error is not None and error.name == "ExecutionTimeout"
        return (Outcome.TIMEOUT if timed_out else Outcome.CRASHED), detail
    if error is not None and error.name == "ExecutionTimeout":
        return Outcome.TIMEOUT, error.message
    if execution.exit_code is not None:
        return Outcome.BROKEN, f"SystemExit with {execution.exit_code}"
    return None


def run_module(
    root: Path, module: str, excluded: list[str], capabilities: list[str], timeout: float
) -> ModuleResult:
    """Run one module in a fresh sandbox; ``timeout`` in seconds."""
    start = time.monotonic()
    mounts: dict[str, HostFolder | MemoryFolder] = {
        GUEST_ROOT: HostFolder(root),
        JOURNAL_FOLDER: MemoryFolder(),
    }
    with Sandbox(
        cwd="/tmp/work", timeout=timeout, mounts=mounts, memory_bytes=2 << 30, disk_bytes=8 << 30
    ) as sandbox:
        guest_side = (Path(__file__).parent / "guest_side.py").read_text("utf-8")
        sandbox.write_file(f"{JOURNAL_FOLDER}/{GUEST_MODULE}.py", guest_side)
        sandbox.write_file(JOURNAL, "")
        execution = sandbox.run_code(
            f"import sys; sys.path += [{GUEST_ROOT!r}, {GUEST_MODULES!r}, {JOURNAL_FOLDER!r}]\n"
            f"import {GUEST_MODULE}\n"
            f"{GUEST_MODULE}.run({module!r}, {JOURNAL!r}, {excluded!r}, {capabilities!r})\n"
        )
        lines = str(sandbox.read_file(JOURNAL).content).splitlines()
    result = read_journal(module, lines, lost(execution))
    result.seconds = time.monotonic() - start
    output = "".join(execution.logs.stdout) + "".join(execution.logs.stderr)
    if execution.error is not None:
        output += "\n" + "\n".join(execution.error.traceback)
    result.output = output[-OUTPUT_CHARACTERS:]
    return result


def main() -> None:
    """Answer requests until stdin ends."""
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        result = run_module(
            Path(request["root"]),
            request["module"],
            request["excluded"],
            request["capabilities"],
            request["timeout"],
        )
        print(json.dumps(asdict(result)), flush=True)


if __name__ == "__main__":
    main()
