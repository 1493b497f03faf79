"""A process that runs files of tests: ``python -m tests.conformance.packages.worker PACKAGE TOOLS``.

A request is a line of JSON on stdin, the answer one on stdout, as `tests.conformance.cpython.pool` has it.
The package and pytest are imported once; every file runs in a fork of that context.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pywasm_sandbox import Context, HostFolder, MemoryFolder, NetworkPolicy, NetworkRule, Sandbox
from tests.conformance.cpython.journal import ModuleResult, read_journal
from tests.conformance.cpython.worker import OUTPUT_CHARACTERS, lost

from .suites import GUEST_TESTS, GUEST_TOOLS, SUITES

__all__ = ["main"]

JOURNAL_FOLDER = "/opt/conformance"
GUEST_MODULE = "package_tests_guest"
PREPARE_SECONDS = 300.0
LOOPBACK = NetworkPolicy(
    allow=[NetworkRule("127.0.0.1:40000-49999", private=True)],
    listen=["40000-49999"],
    max_connections_per_minute=1_000_000,
)


class PackageWorker:
    """One sandbox with a prepared context."""

    def __init__(self, package: str, root: Path, tools: Path) -> None:
        self._suite = SUITES[package]
        self._sandbox = Sandbox(
            cwd="/tmp/work",
            mounts={
                GUEST_TESTS: HostFolder(root),
                GUEST_TOOLS: HostFolder(tools),
                JOURNAL_FOLDER: MemoryFolder(),
            },
            memory_bytes=2 << 30,
            disk_bytes=8 << 30,
            preload=[package],
            network=LOOPBACK if self._suite.loopback else None,
        )
        guest_side = (Path(__file__).parent / "guest_side.py").read_text("utf-8")
        self._sandbox.write_file(f"{JOURNAL_FOLDER}/{GUEST_MODULE}.py", guest_side)
        self._prepared = self._prepare()
        self._runs = 0

    def _prepare(self) -> Context:
        context = self._sandbox.create_code_context()
        execution = self._sandbox.run_code(
            f"import sys; sys.path += [{GUEST_TOOLS!r}, {JOURNAL_FOLDER!r}]\n"
            f"import {GUEST_MODULE}\n"
            f"{GUEST_MODULE}.prepare({self._suite.name!r}, {GUEST_TESTS!r})\n",
            context=context,
            timeout=PREPARE_SECONDS,
        )
        if execution.error is not None:
            raise SystemExit("\n".join(execution.error.traceback))
        return context

    def run(self, file: str, excluded: list[str], timeout: float) -> ModuleResult:
        """Run one file; ``timeout`` in seconds."""
        start = time.monotonic()
        self._runs += 1
        journal = f"{JOURNAL_FOLDER}/journal-{self._runs}"
        self._sandbox.write_file(journal, "")
        context = self._prepared.fork()
        execution = self._sandbox.run_code(
            f"{GUEST_MODULE}.run({GUEST_TESTS!r}, {file!r}, {journal!r}, {excluded!r}, "
            f"{list(self._suite.options)!r})\n",
            context=context,
            timeout=timeout,
        )
        lines = str(self._sandbox.read_file(journal).content).splitlines()
        context.delete()
        result = read_journal(file, lines, lost(execution))
        result.seconds = time.monotonic() - start
        output = "".join(execution.logs.stdout) + "".join(execution.logs.stderr)
        if execution.error is not None:
            output += "\n" + "\n".join(execution.error.traceback)
        result.output = output[-OUTPUT_CHARACTERS:]
        return result


def main() -> None:
    """Answer requests until stdin ends."""
    package, tools = sys.argv[1:]
    worker: PackageWorker | None = None
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        worker = worker or PackageWorker(package, Path(request["root"]), Path(tools))
        result = worker.run(request["module"], request["excluded"], request["timeout"])
        print(json.dumps(asdict(result)), flush=True)


if __name__ == "__main__":
    main()
