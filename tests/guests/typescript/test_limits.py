"""What a cell may ask of the compiler: its limits are the run's, and the context lives on."""

from __future__ import annotations

import threading
import time

import pytest

from pywasm_sandbox import Context, ContextClosedError, Sandbox
from pywasm_sandbox._guests.typescript import MAX_SOURCE_BYTES
from tests.guests.typescript.conftest import Run

LONG = "const a: number = [1, 2, 3].map((x: number) => x * 2)[0];\n"


def test_a_deadline_holds_while_compiling(run: Run) -> None:
    run("let kept: number = 1")
    started = time.monotonic()
    execution = run(LONG * 120_000, timeout=0.05)
    assert time.monotonic() - started < 2
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert "timeout is 0.05 s" in execution.error.message
    assert execution.context_state == "kept"
    assert run("kept").text == "1"


def test_a_deadline_holds_while_running(run: Run) -> None:
    run("enum E { A }; let kept: number = 2")
    execution = run("while (true) { E.A as number }", timeout=0.1)
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert run("kept").text == "2"


def test_nesting_without_end(run: Run) -> None:
    run("let kept: number = 3")
    error = run("(" * 100_000).error
    assert error is not None
    assert (error.name, error.line_number) == ("RangeError", None)
    assert "nested too deeply" in error.message
    assert run("kept").text == "3"


def test_a_source_that_is_too_long(run: Run) -> None:
    error = run("/" * (MAX_SOURCE_BYTES + 1)).error
    assert error is not None
    assert error.name == "RangeError"
    assert str(MAX_SOURCE_BYTES) in error.message


def test_a_context_s_memory_is_its_compiler_s() -> None:
    source = LONG.replace("const a", "var a") * 120_000
    with Sandbox(memory_bytes=64 << 20) as small:
        error = small.run_code(source, language="typescript").error
        assert error is not None
        assert "too little memory" in error.message
        assert small.run_code("1 as number", language="typescript").text == "1"


@pytest.mark.parametrize("what", ["interrupt", "delete"])
def test_compiling_can_be_stopped(sandbox: Sandbox, what: str) -> None:
    context: Context = sandbox.create_code_context(language="typescript")
    sandbox.run_code("1", context=context)
    outcome: list[object] = []

    def compile_long() -> None:
        try:
            outcome.append(sandbox.run_code(LONG * 120_000, context=context, timeout=None).error)
        except ContextClosedError as error:
            outcome.append(error)

    thread = threading.Thread(target=compile_long)
    thread.start()
    time.sleep(0.15)
    if what == "delete":
        sandbox.delete_code_context(context)
    else:
        context.interrupt()
    thread.join(10)
    assert not thread.is_alive()
    (end,) = outcome
    if what == "delete":
        assert isinstance(end, ContextClosedError)
    else:
        assert getattr(end, "name", None) == "KeyboardInterrupt"
        assert sandbox.run_code("2 as number", context=context).text == "2"
