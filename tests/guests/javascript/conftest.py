"""A JavaScript context for each test, in one sandbox a module; cloning one takes no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pywasm_sandbox import Context, Execution, Sandbox

Run = Callable[..., Execution]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def context(sandbox: Sandbox) -> Iterator[Context]:
    context = sandbox.create_code_context(language="javascript")
    yield context
    sandbox.delete_code_context(context.id)


@pytest.fixture
def run(sandbox: Sandbox, context: Context) -> Run:
    """Run a cell that may fail."""

    def run(code: str, **options: object) -> Execution:
        return sandbox.run_code(code, context=context, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def text(run: Run) -> Callable[[str], str | None]:
    """Run a cell that must not fail; the text of its last value."""

    def text(code: str) -> str | None:
        execution = run(code)
        assert execution.error is None, execution.error
        return execution.text

    return text
