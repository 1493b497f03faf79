"""A TypeScript context for the tests of a module, and a way to run cells in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox import Context, Sandbox
from pywasm_sandbox.models import Execution

Run = Callable[..., Execution]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def context(sandbox: Sandbox) -> Iterator[Context]:
    context = sandbox.create_code_context(language="typescript")
    yield context
    sandbox.delete_code_context(context)


@pytest.fixture
def run(sandbox: Sandbox, context: Context) -> Run:
    """Run a cell in the test's own context."""

    def call(code: str, **options: Any) -> Execution:
        return sandbox.run_code(code, context=context, **options)

    return call
