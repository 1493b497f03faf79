"""Programs with threads, written for native Python: the sandbox prints what native Python does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pywasm_sandbox import Sandbox

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


def native(path: Path) -> str:
    """What the program prints here."""
    done = subprocess.run(
        [sys.executable, "-I", str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_there_are_enough_programs() -> None:
    assert len(PROGRAMS) >= 50


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_cell_prints_what_native_python_does(sandbox: Sandbox, path: Path) -> None:
    context = sandbox.create_code_context()
    try:
        execution = sandbox.run_code(path.read_text(), context=context, timeout=30)
        assert execution.error is None, "\n".join(execution.error.traceback)
        assert "".join(execution.logs.stderr) == ""
        expected = native(path)
        assert "".join(execution.logs.stdout) == expected
        assert expected
    finally:
        sandbox.delete_code_context(context)


@pytest.mark.parametrize(
    "name", ["bounded_queue", "event_stop_flag", "loop_in_thread", "pipes", "thread_pool"]
)
def test_a_command_prints_what_native_python_does(sandbox: Sandbox, name: str) -> None:
    path = Path(__file__).parent / "programs" / f"{name}.py"
    sandbox.write_file(f"/workspace/{name}.py", path.read_text())
    result = sandbox.exec(f"python {name}.py", timeout=30)
    assert (result.stdout, result.stderr, result.exit_code) == (native(path), "", 0)
