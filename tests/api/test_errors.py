"""How the user's own failures are told: exact fields, the user's frames, the user's lines."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


async def _error(sandbox: Any, code: str, **options: Any) -> Any:
    execution = await sandbox.run_code(code, **options)
    assert execution.error is not None
    assert execution.context_state == "kept"
    assert not execution.ok
    return execution.error


async def test_every_field(sandbox: Any) -> None:
    error = await _error(sandbox, "x = 1\ny = x / 0\nprint('never')")
    assert error.name == "ZeroDivisionError"
    assert error.message == "division by zero"
    assert error.value == "division by zero"
    assert error.line_number == 2
    assert error.traceback == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 2, in <module>',
        "    y = x / 0",
        "        ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    assert str(error) == "\n".join(error.traceback)


async def test_what_came_before_the_error_is_kept(shared: Any) -> None:
    execution = await shared.run_code("print('before')\ndisplay('shown')\nkept = 5\n1/0")
    assert execution.logs.stdout == ["before\n"]
    assert [result.text for result in execution.results] == ["shown"]
    assert execution.text is None
    assert (await shared.run_code("kept")).text == "5"


async def test_functions_of_earlier_cells_show_their_lines(sandbox: Any) -> None:
    await sandbox.run_code("def inner(a):\n    return a['key']")
    await sandbox.run_code("def outer():\n    return inner({})")
    error = await _error(sandbox, "1\nouter()")
    assert error.line_number == 2
    assert error.traceback == [
        "Traceback (most recent call last):",
        '  File "<cell 3>", line 2, in <module>',
        "    outer()",
        "    ~~~~~^^",
        '  File "<cell 2>", line 2, in outer',
        "    return inner({})",
        '  File "<cell 1>", line 2, in inner',
        "    return a['key']",
        "           ~^^^^^^^",
        "KeyError: 'key'",
    ]


async def test_functions_of_the_standard_library_show_their_lines(shared: Any) -> None:
    error = await _error(shared, "import json\njson.loads('{')")
    assert error.name == "JSONDecodeError"
    assert '  File "/usr/lib/python3.14/json/__init__.py"' in "\n".join(error.traceback)
    assert "    return _default_decoder.decode(s)" in error.traceback
    assert error.line_number == 2


@pytest.mark.parametrize(
    ("code", "name", "message", "line"),
    [
        ("x = (", "SyntaxError", "'(' was never closed", 1),
        ("a = 1\nb = = 2", "SyntaxError", "invalid syntax", 2),
        ("x = 1\n  y = 2", "IndentationError", "unexpected indent", 2),
        ("def f():\nreturn 1", "IndentationError", "expected an indented block", 2),
        ("yield 1", "SyntaxError", "'yield' outside function", 1),
        ("return 5", "SyntaxError", "'return' outside function", 1),
        ("\n\nbreak", "SyntaxError", "'break' outside loop", 3),
        ("'abc", "SyntaxError", "unterminated string literal", 1),
        ("f(", "SyntaxError", "'(' was never closed", 1),
        ("x = 5 if", "SyntaxError", "invalid syntax", 1),
    ],
)
async def test_syntax_errors(shared: Any, code: str, name: str, message: str, line: int) -> None:
    error = await _error(shared, code)
    assert error.name == name
    assert message in error.message
    assert error.line_number == line
    assert error.traceback[0].startswith('  File "<cell ')
    assert error.traceback[-1].startswith(f"{name}: {message}")


async def test_a_syntax_error_shows_its_place(sandbox: Any) -> None:
    error = await _error(sandbox, "ok = 1\nx = 5 5")
    assert error.traceback == [
        '  File "<cell 1>", line 2',
        "    x = 5 5",
        "          ^",
        "SyntaxError: invalid syntax",
    ]
    assert (await sandbox.run_code("'ok' in globals()")).text == "False"


async def test_chained_exceptions(shared: Any) -> None:
    code = """
try:
    {}['inner']
except KeyError as error:
    raise ValueError('outer') from error
"""
    error = await _error(shared, code)
    assert (error.name, error.message, error.line_number) == ("ValueError", "outer", 5)
    text = "\n".join(error.traceback)
    assert "KeyError: 'inner'" in text
    assert "The above exception was the direct cause of the following exception:" in text
    implicit = await _error(shared, "try:\n    1/0\nexcept Exception:\n    undefined_name")
    assert "During handling of the above exception" in "\n".join(implicit.traceback)
    assert implicit.name == "NameError"


async def test_exception_groups(shared: Any) -> None:
    error = await _error(shared, "raise ExceptionGroup('two', [ValueError(1), TypeError('x')])")
    assert (error.name, error.message) == ("ExceptionGroup", "two (2 sub-exceptions)")
    text = "\n".join(error.traceback)
    assert "| ValueError: 1" in text
    assert "| TypeError: x" in text


async def test_notes(shared: Any) -> None:
    error = await _error(shared, "e = ValueError('v')\ne.add_note('see the manual')\nraise e")
    assert error.traceback[-2:] == ["ValueError: v", "see the manual"]


async def test_messages_of_many_lines(shared: Any) -> None:
    error = await _error(shared, "class Mine(Exception): pass\nraise Mine('a\\nb')")
    assert (error.name, error.message, error.line_number) == ("Mine", "a\nb", 2)
    assert error.traceback[-2:] == ["Mine: a", "b"]


async def test_an_exception_without_a_message(shared: Any) -> None:
    error = await _error(shared, "raise ValueError")
    assert (error.name, error.message, error.traceback[-1]) == ("ValueError", "", "ValueError")


async def test_recursion(shared: Any) -> None:
    error = await _error(shared, "def f(n): return f(n + 1)\nf(0)")
    assert error.name == "RecursionError"
    assert error.message.startswith("maximum recursion depth exceeded")
    assert any("[Previous line repeated" in line for line in error.traceback)
    assert len(error.traceback) < 40


async def test_long_tracebacks_are_shortened(shared: Any) -> None:
    code = "\n".join(
        ["def f0(): raise ValueError('deep')"]
        + [f"def f{i}(): f{i - 1}()" for i in range(1, 201)]
        + ["f200()"]
    )
    error = await _error(shared, code)
    assert error.message == "deep"
    assert error.line_number == 1
    assert any("frames hidden" in line for line in error.traceback)
    assert error.traceback[1].endswith("in <module>")
    assert len(error.traceback) < 260


async def test_a_cell_may_raise_what_is_no_exception_subclass(shared: Any) -> None:
    error = await _error(shared, "class Odd(BaseException): pass\nraise Odd('x')")
    assert (error.name, error.message) == ("Odd", "x")
    assert (await _error(shared, "raise KeyboardInterrupt")).name == "KeyboardInterrupt"
    assert (await _error(shared, "raise 5")).name == "TypeError"


async def test_hostile_exceptions(shared: Any) -> None:
    code = """
class Liar(Exception):
    def __str__(self): raise RuntimeError("no str")
    def __repr__(self): raise RuntimeError("no repr")
raise Liar
"""
    error = await _error(shared, code)
    assert error.name == "Liar"
    assert error.line_number == 5
    assert error.message == "<exception str() failed>"


async def test_errors_in_coroutines_have_lines(shared: Any) -> None:
    code = (
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    raise ValueError('async')\nawait f()"
    )
    error = await _error(shared, code)
    assert (error.name, error.message, error.line_number) == ("ValueError", "async", 4)
    assert "pywasm" not in "\n".join(error.traceback)


async def test_errors_in_exec_and_eval(shared: Any) -> None:
    error = await _error(shared, "x = 1\nexec('a = 1\\n1/0')")
    assert error.name == "ZeroDivisionError"
    assert error.line_number == 2


async def test_on_error_gets_the_error_once(shared: Any) -> None:
    seen: list[Any] = []
    execution = await shared.run_code("1/0", on_error=seen.append)
    assert seen == [execution.error]
    assert (await shared.run_code("1", on_error=seen.append)).error is None
    assert len(seen) == 1


async def test_the_last_exception_is_kept_for_the_debugger(shared: Any) -> None:
    await shared.run_code("1/0")
    assert (await shared.run_code("import sys\ntype(sys.last_exc).__name__")).text == "ZeroDivisionError"
    assert "ZeroDivisionError" in "".join(
        (await shared.run_code("import traceback; traceback.print_last()")).logs.stderr
    )


async def test_line_numbers_of_dedented_cells(shared: Any) -> None:
    error = await _error(shared, "\n    x = 1\n    1/0\n")
    assert error.line_number == 3
    assert "    1/0" in error.traceback


async def test_a_warning_turned_into_an_error(shared: Any) -> None:
    code = "import warnings\nwith warnings.catch_warnings(action='error'):\n    warnings.warn('w')"
    error = await _error(shared, code)
    assert (error.name, error.message, error.line_number) == ("UserWarning", "w", 3)
