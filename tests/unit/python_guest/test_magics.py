"""Cells with IPython's magics, commands and questions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.python_guest.harness import NativeGuest


def test_plain_cells_import_nothing_for_it(guest: NativeGuest) -> None:
    code = "import sys\n7 % 2, 'a?', 1 != 2\n'pywasm_guest.shell' in sys.modules"
    assert guest.execute(code).text == "False"


def test_a_syntax_error_stays_one(guest: NativeGuest) -> None:
    error = guest.execute("x = 1\ny = 7 % % 2").error
    assert (error["name"], error["line_number"]) == ("SyntaxError", 2)


def test_line_magics_and_their_values(guest: NativeGuest, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    assert guest.lines("%cd inner\nwhere = %pwd\nprint(where)") == [str(tmp_path / "inner")] * 2
    assert guest.execute("%pwd").text == str(tmp_path / "inner")
    assert guest.lines("%env GREETING=hello\nimport os\nprint(os.environ['GREETING'])") == [
        "env: GREETING=hello",
        "hello",
    ]
    assert guest.execute("%env GREETING").text == "hello"


def test_timing(guest: NativeGuest) -> None:
    (line,) = guest.lines("%timeit -n 10 -r 3 sum(range(10))")
    assert re.fullmatch(
        r"[\d.]+ [nμm]?s ± [\d.]+ [nμm]?s per loop \(mean ± std\. dev\. of 3 runs, 10 loops each\)", line
    )
    run = guest.execute("%%time\nx = 20\nx + 1")
    assert run.text == "21"
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == ["CPU times", "Wall time"]
    assert guest.execute("x").text == "20"


def test_errors_in_a_cell_magic_have_the_line_of_the_cell(guest: NativeGuest) -> None:
    error = guest.execute("%%time\na = 1\n1 / 0").error
    assert (error["name"], error["line_number"]) == ("ZeroDivisionError", 3)


def test_files_and_output_are_kept(guest: NativeGuest, tmp_path: Path) -> None:
    assert guest.lines("%%writefile module.py\nvalue = 3\nprint('ran')\n") == ["Writing module.py"]
    assert (tmp_path / "module.py").read_text() == "value = 3\nprint('ran')\n"
    assert guest.lines("%run module.py\nprint(value)") == ["ran", "3"]
    assert guest.lines("%%capture kept\nprint('quiet')") == []
    assert guest.execute("kept.stdout").text == "quiet\n"


def test_variables(guest: NativeGuest) -> None:
    assert guest.lines("%who") == ["Interactive namespace is empty."]
    guest.execute("import os\nnumber, words = 3, ['a']")
    assert guest.lines("%who") == ["number\t words"]
    assert guest.lines("%whos") == [
        "Variable  Type  Data/Info",
        "number    int   3",
        "words     list  ['a']",
    ]
    assert guest.lines("%reset -f\n%who") == ["Interactive namespace is empty."]


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("%nothing", "UsageError", "Line magic function `%nothing` not found"),
        ("%%nothing\n1", "UsageError", "Cell magic `%%nothing` not found"),
        ("%matplotlib qt", "UsageError", "no display"),
    ],
)
def test_what_there_is_not(guest: NativeGuest, code: str, name: str, message: str) -> None:
    error = guest.execute(code).error
    assert error["name"] == name
    assert message in error["message"]


def test_questions(guest: NativeGuest) -> None:
    guest.execute('def double(x):\n    """Twice."""\n    return 2 * x')
    assert guest.lines("double?") == [
        "Signature: double(x)",
        "Type:      function",
        "Docstring: Twice.",
    ]
    assert guest.lines("double??")[-4:] == [
        "Source:",
        "def double(x):",
        '    """Twice."""',
        "    return 2 * x",
    ]
    assert guest.lines("missing?") == ["Object `missing` not found."]


def test_the_shell(guest: NativeGuest) -> None:
    guest.execute("%load_ext autoreload\n%autoreload 2\n%matplotlib inline")
    code = """
shell = get_ipython()
shell.push({"pushed": 5})
shell.events.register("post_execute", lambda: print("after"))
print(pushed, shell.user_ns is globals(), shell.execution_count)
import IPython
print(IPython.get_ipython() is shell)
"""
    assert guest.lines(code) == ["5 True 2", "True", "after"]
    assert guest.execute("6 * 7").text == "42"
    assert guest.execute("_ + Out[3] + _3").text == "126"
    assert guest.execute("In[3]").text == "6 * 7"


def test_awaiting_within_a_magic(guest: NativeGuest) -> None:
    run = guest.execute("%%time\nimport asyncio\nawait asyncio.sleep(0, 'slept')")
    assert run.error is None
    assert run.text == "slept"


@pytest.mark.parametrize(
    ("line", "numbers"), [("", [1, 2, 3, 4]), ("2", [2]), ("1-2 4", [1, 2, 4]), ("9", [])]
)
def test_history_of_some_cells(guest: NativeGuest, line: str, numbers: list[int]) -> None:
    for number in range(1, 4):
        guest.execute(f"x = {number}")
    cell = f"%history -n {line}"
    sources = {1: "x = 1", 2: "x = 2", 3: "x = 3", 4: cell}
    assert guest.lines(cell) == [f"{number:4}: {sources[number]}" for number in numbers]


def test_history_of_what_is_no_range(guest: NativeGuest) -> None:
    assert guest.execute("%history x").error["name"] == "UsageError"
