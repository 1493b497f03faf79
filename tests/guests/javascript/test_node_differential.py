"""The same cells in Node's own REPL and here: values, output and errors are the same.

Skipped where there is no Node 20. `node/cells.txt` has the cells; `KEPT` are the differences that are wanted.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import Sandbox
from tests.hosts_node import node_20

FOLDER = Path(__file__).parent / "node"
CELLS = [cell.strip("\n") for cell in (FOLDER / "cells.txt").read_text().split("\n----\n")]

KEPT = {
    "[Promise.resolve(1), ": "Node shows the ids of its async hooks",
    "[typeof require, ": "Node's REPL sets no `exports` when it is driven by a program",
    "Object.groupBy ? ": "the engine knows later versions of the language",
    "setTimeout(() => console.log('b'), 20)": "ticks come before promise jobs, as in a script; "
    "Node's REPL is within a job already",
}
"""How cells begin that differ, and why."""


@pytest.fixture(scope="module")
def expected() -> list[dict[str, Any]]:
    ran = subprocess.run(
        [node_20("cells"), str(FOLDER / "run_cells.cjs")],
        input=json.dumps(CELLS),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
    )
    outcomes: list[dict[str, Any]] = json.loads(ran.stdout)
    return outcomes


def _run(sandbox: Sandbox, context: Any, code: str) -> dict[str, Any]:
    execution = sandbox.run_code(code, context=context)
    error = execution.error
    return {
        "text": None if error is not None else execution.text,
        "stdout": "".join(execution.logs.stdout),
        "stderr": "".join(execution.logs.stderr),
        "error": None if error is None else error.name,
    }


def _comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    error = outcome["error"]
    # The engines word their messages differently; what is thrown and is no error has the name "Error".
    return {**outcome, "error": None if error is None else error.get("name", "Error")}


def test_cells(expected: list[dict[str, Any]]) -> None:
    assert len(CELLS) >= 780
    different = {}
    with Sandbox() as sandbox:
        context = sandbox.create_code_context(language="javascript")
        for code, outcome in zip(CELLS, expected, strict=True):
            ours, theirs = _run(sandbox, context, code), _comparable(outcome)
            if ours != theirs:
                different[code] = (theirs, ours)
    kept = {code: start for code in different for start in KEPT if code.startswith(start)}
    assert {code: pair for code, pair in different.items() if code not in kept} == {}
    assert sorted(kept.values()) == sorted(KEPT)
