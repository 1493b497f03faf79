"""Deadlines, limits and other ends: the context lives on."""

from __future__ import annotations

import threading

import pytest

from pywasm_sandbox import Sandbox

from .conftest import Run


@pytest.mark.parametrize(
    "code",
    [
        "while (true) {}",
        "for (;;) await null",
        "(function f() { Promise.resolve().then(f) })()",
        "try { while (true) {} } catch {} finally { while (true) {} }",
        "/^(a+)+$/.test('a'.repeat(40) + 'b')",
        "new Array(3e6).fill(0).map(() => Math.random()).sort((a, b) => { while (true) {} })",
        "setInterval(() => {}, 5)",
        "await new Promise((r) => setTimeout(r, 1e6))",
        "await new Promise(() => setInterval(() => {}, 5))",
        "(function f() { process.nextTick(f) })()",
        "(function f() { setImmediate(f) })()",
    ],
)
def test_deadline_keeps_the_context(run: Run, code: str) -> None:
    run("let kept = 1")
    execution = run(code, timeout=0.2)
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"
    assert run("kept").text == "1"


@pytest.mark.parametrize(
    ("code", "line", "frames"),
    [
        ("let n = 0;\nfunction spin(x) {\n  while (true) n += x;\n}\nspin(1)", 3, ["spin (", ""]),
        ("await null;\nfor (;;) {}", 2, [""]),
        ("1;\n2;\nwhile (true);", 3, [""]),
        ("1;\n\ndo {\n} while (true)", 3, [""]),
        ("let go = true;\nfor (let i = 0; go; i++) i += 2;", 2, [""]),
        ("[1].map(function each() {\n  for (;;) ;\n})", 2, ["each (", "map (", ""]),
        ("setTimeout(() => {\n  while (true) ;\n})", 2, [""]),
        ("\n/^(a+)+$/.test('a'.repeat(40) + 'b')", 2, ["exec (", "test (", ""]),
    ],
)
def test_a_deadline_says_where_the_code_was(run: Run, code: str, line: int, frames: list[str]) -> None:
    error = run(code, timeout=0.2).error
    assert error is not None
    assert (error.name, error.line_number) == ("ExecutionTimeout", line)
    place, text, _, empty, said, *stack = error.traceback
    assert (place, text, empty) == (f"<cell 1>:{line}", code.split("\n")[line - 1], "")
    assert said == "ExecutionTimeout: the cell ran longer than its timeout"
    assert [frame.strip().startswith(f"at {name}") for frame, name in zip(stack, frames, strict=True)] == [
        True for _ in frames
    ]


def test_a_deadline_while_nothing_runs_has_no_place(run: Run) -> None:
    error = run("await new Promise((r) => setTimeout(r, 1e6))", timeout=0.1).error
    assert error is not None
    assert error.line_number is None
    assert error.traceback == ["ExecutionTimeout: the cell ran longer than its timeout"]


def test_a_deadline_of_typescript_is_at_its_line(sandbox: Sandbox) -> None:
    code = "interface A { a: number }\nconst f = (x: A): void => {\n\n  for (;;) x.a++;\n};\nf({ a: 1 })"
    error = sandbox.run_code(code, language="typescript", timeout=0.5).error
    assert error is not None
    assert (error.name, error.line_number) == ("ExecutionTimeout", 4)
    assert error.traceback[1] == "  for (;;) x.a++;"


def test_hostile_stacks_do_no_harm(run: Run) -> None:
    """What describes the end runs when nothing is interrupted any more."""
    run("let kept = 1")
    run("Error.prepareStackTrace = () => { for (;;); }", timeout=0.2)
    execution = run("for (;;);", timeout=0.2)
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"
    run("Error.prepareStackTrace = undefined")
    assert run("kept").text == "1"


def test_what_was_queued_is_dropped_with_the_cell(run: Run) -> None:
    run("setTimeout(() => console.log('late'), 400); while (true) {}", timeout=0.1)
    execution = run("await new Promise((r) => setTimeout(r, 500))")
    assert (execution.logs.stdout, execution.error) == ([], None)


def test_memory_is_an_error(sandbox: Sandbox) -> None:
    with Sandbox(memory_bytes=64 << 20) as small:
        context = small.create_code_context(language="javascript")
        small.run_code("let kept = 1", context=context)
        execution = small.run_code(
            "var all = []; while (true) all.push(new Array(1000).fill(1))", context=context
        )
        assert execution.error is not None
        assert (execution.error.name, execution.error.message) == ("InternalError", "out of memory")
        assert execution.context_state == "kept"
        assert small.run_code("kept", context=context).text == "1"
        assert small.run_code("all = null; [1, 2]", context=context).text == "[ 1, 2 ]"
        assert small.run_code("new Uint8Array(1e6).length", context=context).text == "1000000"


def test_exit(run: Run) -> None:
    execution = run("console.log('before'); try { process.exit(3) } finally { console.log('never') }")
    assert (execution.error, execution.exit_code, execution.logs.stdout) == (None, 3, ["before\n"])
    assert run("1").exit_code is None


def test_output_limit() -> None:
    with Sandbox(max_output_bytes=10_000) as small:
        execution = small.run_code(
            "while (true) console.log('x'.repeat(100))", language="javascript", timeout=20
        )
        assert execution.error is not None
        assert execution.error.name == "OutputLimitExceeded"
        assert execution.logs.truncated


def test_interrupts_at_any_moment_of_short_cells() -> None:
    """Also before a cell has begun, and when it has said all."""
    with Sandbox() as sandbox:
        context = sandbox.create_code_context(language="javascript")
        over = threading.Event()

        def interrupt() -> None:
            while not over.wait(0.0005):
                context.interrupt()

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            ends = [context.run_code("console.log(1); 2", timeout=30) for _ in range(400)]
        finally:
            over.set()
            thread.join()
        assert {end.error and end.error.name for end in ends} <= {None, "KeyboardInterrupt"}
        assert {end.context_state for end in ends} == {"kept"}
        assert context.run_code("2").text == "2"
