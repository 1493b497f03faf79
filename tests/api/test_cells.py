"""What a cell is: its value, its names, its history."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("1 + 1", "2"),
        ("x = 2\nx * 3", "6"),
        ("1; 2", "2"),
        ("(y := 5)", "5"),
        ("'text'", "text"),
        ("''", ""),
        ("'a;b'", "a;b"),
        ("b'x'", "b'x'"),
        ("...", "Ellipsis"),
        ("[1,\n 2]", "[1, 2]"),
        ("if True:\n    z = 3\nz", "3"),
        ("x: int = 4; x", "4"),
        ("    a = 1\n    a + 1", "2"),
        ("\n\n   # note\n    a = 1\n    if a:\n        a = 5\n    a", "5"),
        ("\ta = 7\n\ta", "7"),
        ("1\r\n2\r\n3", "3"),
        ("\ufeff8", "8"),
        ("'''\n  kept\n'''", "\n  kept\n"),
        ("__name__", "__main__"),
        ("import sys; sys.modules['__main__'].__dict__ is globals()", "True"),
    ],
)
async def test_the_last_expression_is_the_result(shared: Any, code: str, text: str) -> None:
    execution = await shared.run_code(code)
    assert execution.error is None
    assert [(result.text, result.is_main_result) for result in execution.results] == [(text, True)]
    assert execution.text == text
    assert execution.ok


@pytest.mark.parametrize(
    "code", ["1;", "1;  # comment", "x = 1", "None", "", "# comment", "   \n", "for i in [1]: i", "(1\n);"]
)
async def test_nothing_is_shown(shared: Any, code: str) -> None:
    execution = await shared.run_code(code)
    assert execution.error is None
    assert execution.results == []
    assert execution.logs.stdout == []
    assert execution.text is None


async def test_names_live_on_in_the_context(sandbox: Any) -> None:
    await sandbox.run_code("import math\ndef area(r): return math.pi * r ** 2\nclass A:\n    n = 3\nx = 10")
    assert (await sandbox.run_code("f'{area(x):.3f} {A.n}'")).text == "314.159 3"


async def test_underscore_names_the_last_results(sandbox: Any) -> None:
    await sandbox.run_code("41")
    assert (await sandbox.run_code("_ + 1")).text == "42"
    assert (await sandbox.run_code("_, __, _1, Out[2]")).text == "(42, 41, 41, 42)"
    await sandbox.run_code("nothing = 1;")
    assert (await sandbox.run_code("Out[3], In[1]")).text == "((42, 41, 41, 42), '41')"


async def test_underscore_of_the_users_own_is_left_alone(sandbox: Any) -> None:
    await sandbox.run_code("_ = 'mine'")
    await sandbox.run_code("5")
    assert (await sandbox.run_code("_")).text == "mine"


async def test_the_execution_count_counts_runs_failed_ones_too(sandbox: Any) -> None:
    counts = [(await sandbox.run_code(code)).execution_count for code in ("1", "1/0", "")]
    assert counts == [1, 2, 3]
    [context] = await sandbox.list_code_contexts()
    assert context.execution_count == 3


@pytest.mark.parametrize(
    ("code", "exit_code", "stderr"),
    [
        ("import sys; sys.exit()", 0, []),
        ("import sys; sys.exit(3)", 3, []),
        ("raise SystemExit('bye')", 1, ["bye\n"]),
        ("exit()", 0, []),
        ("quit(5)", 5, []),
        ("def f():\n    raise SystemExit(True)\nf()", 1, []),
        ("raise SystemExit(2**40)", -1, []),
        ("raise SystemExit(10**5000)", -1, []),
    ],
)
async def test_exit_ends_the_cell_only(shared: Any, code: str, exit_code: int, stderr: list[str]) -> None:
    await shared.run_code("survivor = 'here'")
    execution = await shared.run_code(f"print('before')\n{code}\nprint('after')")
    assert execution.error is None
    assert execution.logs.stdout == ["before\n"]
    assert execution.context_state == "kept"
    assert (await shared.run_code("survivor")).text == "here"
    assert execution.exit_code == exit_code
    assert execution.logs.stderr == stderr


async def test_an_ended_cell_has_no_exit_code(shared: Any) -> None:
    assert (await shared.run_code("1")).exit_code is None
    assert (await shared.run_code("1/0")).exit_code is None


async def test_future_imports_hold_for_later_cells(sandbox: Any) -> None:
    before = await sandbox.run_code("def f(a: int): pass\nf.__annotations__")
    assert before.text == "{'a': <class 'int'>}"
    await sandbox.run_code("from __future__ import annotations")
    assert (await sandbox.run_code("def g(a: int): pass\ng.__annotations__")).text == "{'a': 'int'}"


async def test_no_file_name_of_a_script(shared: Any) -> None:
    execution = await shared.run_code("import sys\nprint('__file__' in globals(), sys.argv)")
    assert execution.logs.stdout == ["False ['']\n"]


async def test_code_that_is_no_text_is_refused(shared: Any) -> None:
    with pytest.raises(TypeError, match="code is a str, not bytes"):
        await shared.run_code(b"1")


async def test_code_with_a_nul_is_the_cells_error(shared: Any) -> None:
    execution = await shared.run_code("1\0 + 1")
    assert execution.error is not None
    assert execution.error.name == "SyntaxError"
    assert "null bytes" in execution.error.message


async def test_lone_surrogates_in_code_are_the_cells_error(shared: Any) -> None:
    execution = await shared.run_code("len('\ud800')")
    assert execution.error is not None
    assert execution.error.name == "UnicodeEncodeError"
    assert (await shared.run_code("len('\\ud800')")).text == "1"


async def test_a_large_cell(shared: Any) -> None:
    code = "\n".join(f"v{number} = {number}" for number in range(20_000)) + "\nv19999"
    assert (await shared.run_code(code)).text == "19999"


async def test_duration_and_context_id_are_told(shared: Any) -> None:
    execution = await shared.run_code("1")
    assert execution.duration_seconds > 0
    assert execution.context_id in [context.id for context in await shared.list_code_contexts()]
    assert execution.context_state == "kept"


async def test_an_execution_is_a_model(shared: Any) -> None:
    execution = await shared.run_code("print('out')\n{'a': 1}")
    assert type(execution).model_validate_json(execution.model_dump_json()) == execution
