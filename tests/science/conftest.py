"""Packages with extension modules, run as people run them. One that this installation lacks is skipped."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox import Execution, Sandbox
from pywasm_sandbox._guests.assets import Assets

Run = Callable[[str], Execution]
Compute = Callable[[str], Any]


def has_wheel(name: str) -> bool:
    """Whether this installation ships the package."""
    return name in {asset.name for asset in Assets.installed().of_kind("wheel")}


def evaluator(sandbox: Sandbox, prelude: str) -> Compute:
    """Evaluates the last expression of some code in the guest; an error of the code fails the test."""

    def run(code: str) -> Any:
        last = ast.parse(code).body[-1]
        assert isinstance(last, ast.Expr)
        before, expression = code.splitlines()[: last.lineno - 1], ast.get_source_segment(code, last)
        dump = f"json.dumps({expression}, default=lambda x: x.tolist())"
        execution = sandbox.run_code(prelude + "\n".join([*before, dump]), timeout=120)
        assert execution.error is None, "\n".join(execution.error.traceback)
        assert execution.text is not None
        return json.loads(execution.text)

    return run


@pytest.fixture(scope="package")
def numpy_sandbox() -> Iterator[Sandbox]:
    """A sandbox whose contexts have numpy imported."""
    if not has_wheel("numpy"):
        pytest.skip("the wheel of numpy is not among this installation's assets")
    with Sandbox(preload=["numpy"]) as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def pandas_sandbox() -> Iterator[Sandbox]:
    """A sandbox whose contexts have pandas imported."""
    if not has_wheel("pandas"):
        pytest.skip("the wheel of pandas is not among this installation's assets")
    with Sandbox(preload=["pandas"]) as sandbox:
        yield sandbox


@pytest.fixture
def run(numpy_sandbox: Sandbox) -> Iterator[Run]:
    """Run code in a context of its own in which `np` is numpy; an error of the code fails the test."""
    context = numpy_sandbox.create_code_context()

    def run_code(code: str) -> Execution:
        execution = numpy_sandbox.run_code("import numpy as np\n" + code, context=context)
        assert execution.error is None, "\n".join(execution.error.traceback)
        return execution

    yield run_code
    context.delete()
