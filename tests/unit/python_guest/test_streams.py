"""stdout, stderr and stdin: the file descriptors, replaced and closed streams, input()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.python_guest.harness import DISPLAY, DONE, NativeGuest


def test_output_goes_to_the_descriptors(guest: NativeGuest) -> None:
    run = guest.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert (run.stdout, run.stderr) == ("out\n", "err\n")


def test_order_across_both_streams(make_guest: Callable[..., NativeGuest]) -> None:
    guest = make_guest(merge_streams=True)
    run = guest.execute(
        "import sys, os\nsys.stdout.write('1')\nsys.stderr.write('2')\nprint(3)\nos.write(1, b'4')\n"
        "sys.stdout.buffer.write(b'5')\nprint('6', end='')\nsys.stderr.buffer.write(b'7')\n"
        "sys.__stdout__.write('8')"
        ";"
    )
    assert run.stdout == "123\n45678"


def test_everything_is_out_before_an_event(guest: NativeGuest) -> None:
    run = guest.execute("print('a', end='')\ndisplay(1)\nprint('b', end='')")
    assert [(event.kind, event.stdout) for event in run.events] == [(DISPLAY, "a"), (DONE, "b")]


def test_nothing_is_held_back(guest: NativeGuest) -> None:
    assert guest.lines("import os\nprint('x', end='')\nprint(os.fstat(1).st_size)") == ["x1"]


def test_what_the_streams_say_of_themselves(guest: NativeGuest) -> None:
    code = (
        "[(s.name, s.encoding, s.errors, s.isatty(), s.fileno(), s.mode) for s in "
        "(sys.stdin, sys.stdout, sys.stderr)]"
    )
    run = guest.execute(f"import sys\nfor item in {code}: print(item)")
    assert run.stdout.splitlines() == [
        "('<stdin>', 'utf-8', 'surrogateescape', False, 0, 'r')",
        "('<stdout>', 'utf-8', 'surrogateescape', False, 1, 'w')",
        "('<stderr>', 'utf-8', 'backslashreplace', False, 2, 'w')",
    ]
    assert guest.execute("sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__").text == "(True, True)"


def test_undecodable_names_can_be_printed(guest: NativeGuest) -> None:
    run = guest.execute("import os, sys\nprint(os.fsdecode(b'caf\\xe9'))\nprint('\\ud800', file=sys.stderr)")
    assert (run.stdout, run.stderr) == ("caf\ufffd\n", "\\ud800\n")


def test_newlines_are_not_translated(guest: NativeGuest) -> None:
    assert guest.execute("print('a\\r\\nb\\rc')").stdout == "a\r\nb\rc\n"


def test_a_replaced_stdout_stays_replaced(guest: NativeGuest) -> None:
    guest.execute("import sys, io\nbuffer = sys.stdout = io.StringIO()")
    run = guest.execute("print('kept')\n5")
    assert run.stdout == ""
    assert run.text == "5"
    guest.execute("sys.stdout = sys.__stdout__")
    assert guest.lines("print(repr(buffer.getvalue()))") == ["'kept\\n'"]


@pytest.mark.parametrize(
    "breaking",
    [
        "sys.stdout.close()",
        "sys.__stdout__.close()",
        "sys.stdout = None",
        "sys.stdout = 5",
        "sys.stdout = io.StringIO(); sys.stdout.close()",
        "sys.stdout.close(); sys.stdout = None",
        "sys.stdout.detach()",
        "del sys.stdout",
        "sys.__stdout__ = None; sys.stdout = None",
        "sys.stdout = type('Evil', (), {'__getattr__': lambda s, n: 1/0})()",
    ],
)
def test_a_broken_stdout_is_put_back(guest: NativeGuest, breaking: str) -> None:
    run = guest.execute(f"import sys, io\nprint('before')\n{breaking}\n7;")
    assert run.stdout == "before\n"
    assert run.done["status"] == "ok"
    run = guest.execute("print('after')\n8")
    assert (run.stdout, run.text) == ("after\n", "8")


def test_a_replacement_survives_the_closing_of_the_original(guest: NativeGuest) -> None:
    guest.execute("import sys, io\nbuffer = io.StringIO()\nsys.stdout.close()\nsys.stdout = buffer")
    guest.execute("print('kept')")
    assert guest.execute("buffer.getvalue(), sys.__stdout__.closed").text == "('kept\\n', False)"


@pytest.mark.parametrize("breaking", ["sys.stderr.close()", "sys.stderr = None", "del sys.stderr"])
def test_a_broken_stderr_is_put_back(guest: NativeGuest, breaking: str) -> None:
    guest.execute(f"import sys\n{breaking}")
    assert guest.execute("print('x', file=sys.stderr)").stderr == "x\n"


def test_a_displayed_repr_that_fails_with_a_closed_stderr(guest: NativeGuest) -> None:
    run = guest.execute("import sys\nsys.stderr.close()\nclass A:\n    def __repr__(self): 1/0\nA()")
    assert run.text == "<repr of A failed: ZeroDivisionError: division by zero>"


# ---- input -------------------------------------------------------------------------------------------


def answers(*values: Any) -> Callable[[Any], Any]:
    """Answers questions in turn; a str is a line, anything else the whole answer."""
    waiting = list(values)
    return lambda question: {"value": value} if isinstance(value := waiting.pop(0), str) else value


def test_input_without_a_callback(guest: NativeGuest) -> None:
    run = guest.execute("input('name? ')")
    assert (run.error["name"], run.error["message"]) == (
        "RuntimeError",
        "input() needs an on_input callback: pass on_input=… to run_code",
    )
    assert run.questions == []
    assert run.error["traceback"][-1] == f"RuntimeError: {run.error['message']}"


def test_getpass_without_a_callback(guest: NativeGuest) -> None:
    run = guest.execute("import getpass\ngetpass.getpass()")
    assert run.error["message"] == "getpass() needs an on_input callback: pass on_input=… to run_code"


def test_input(guest: NativeGuest) -> None:
    guest.answer = answers("Ada", "", "ü\ud800")
    run = guest.execute("print('hello')\n[input('name? '), input(), input(5)]", allow_input=True)
    assert run.text == "['Ada', '', 'ü\\ud800']"
    assert run.questions == [
        {"op": "input", "prompt": "name? ", "password": False},
        {"op": "input", "prompt": "", "password": False},
        {"op": "input", "prompt": "5", "password": False},
    ]
    assert run.stdout == "hello\n"


def test_input_reads_the_stdin_that_the_code_put_in(guest: NativeGuest) -> None:
    run = guest.execute(
        "import io, sys\nsys.stdin = io.StringIO('one\\ntwo\\n')\n[input('? '), input()]", allow_input=True
    )
    assert (run.text, run.stdout, run.questions) == ("['one', 'two']", "? ", [])
    assert guest.execute("input()").error["name"] == "EOFError"
    guest.answer = answers("asked")
    assert guest.execute("sys.stdin = sys.__stdin__\ninput()", allow_input=True).text == "asked"


def test_input_without_a_stdin(guest: NativeGuest) -> None:
    run = guest.execute(
        "import sys\ntry:\n    del sys.stdin\n    input()\nfinally:\n    sys.stdin = sys.__stdin__"
    )
    assert (run.error["name"], run.error["message"][-14:]) == ("RuntimeError", "lost sys.stdin")


def test_what_input_says_of_itself(guest: NativeGuest) -> None:
    assert guest.execute("input.__module__, input.__qualname__, input.__doc__[:13]").text == (
        "('builtins', 'input', 'Read a string')"
    )


def test_getpass_reads_the_stdin_that_the_code_put_in(guest: NativeGuest) -> None:
    run = guest.execute(
        "import getpass, io, sys, warnings\nwarnings.simplefilter('ignore')\n"
        "sys.stdin = io.StringIO('secret\\n')\ngetpass.getpass('Key: ', io.StringIO())"
    )
    assert (run.text, run.questions) == ("secret", [])


def test_input_is_allowed_for_one_run(guest: NativeGuest) -> None:
    guest.answer = answers("x")
    guest.execute("input()", allow_input=True)
    assert guest.execute("input()").error["name"] == "RuntimeError"


def test_getpass(guest: NativeGuest) -> None:
    guest.answer = answers("secret", "again")
    run = guest.execute(
        "import getpass\nfrom getpass import getpass as ask\n[ask('Key: '), getpass.getpass(echo_char='*')]",
        allow_input=True,
    )
    assert run.text == "['secret', 'again']"
    assert run.questions == [
        {"op": "input", "prompt": "Key: ", "password": True},
        {"op": "input", "prompt": "Password: ", "password": True},
    ]


@pytest.mark.parametrize(
    ("answer", "name", "message"),
    [
        ({"error": "EOFError", "message": "no more"}, "EOFError", "no more"),
        ({"error": "RuntimeError", "message": "as it is"}, "RuntimeError", "as it is"),
        ({"error": "ValueError", "message": "bad"}, "RuntimeError", "on_input failed: ValueError: bad"),
        (None, "OSError", "[Errno 5] the host has no answer"),
    ],
)
def test_failing_answers(guest: NativeGuest, answer: Any, name: str, message: str) -> None:
    guest.answer = lambda question: answer
    run = guest.execute("input()", allow_input=True)
    assert (run.error["name"], run.error["message"]) == (name, message)


def test_stdin_without_a_callback_is_empty(guest: NativeGuest) -> None:
    run = guest.execute(
        "import sys\n[sys.stdin.read(), sys.stdin.readline(), list(sys.stdin), sys.stdin.buffer.read()]"
    )
    assert run.text == "['', '', [], b'']"
    assert run.questions == []


END = {"error": "EOFError", "message": ""}


def test_stdin_with_a_callback(guest: NativeGuest) -> None:
    guest.answer = answers("one", "two", "three", END)
    code = "import sys\n[sys.stdin.readline(), sys.stdin.readline(), sys.stdin.read()]"
    run = guest.execute(code, allow_input=True)
    assert run.text == "['one\\n', 'two\\n', 'three\\n']"
    guest.answer = answers("é" * 10_000, END)
    assert guest.execute("len(sys.stdin.buffer.read())", allow_input=True).text == "20001"
    guest.answer = answers("a", "b", END)
    assert guest.execute("[line for line in sys.stdin]", allow_input=True).text == "['a\\n', 'b\\n']"


def test_help_and_licence(guest: NativeGuest) -> None:
    run = guest.execute("def f(x):\n    '''What f does.'''\nhelp(f)")
    assert "What f does." in run.stdout
    assert guest.execute("license").text == "See https://docs.python.org/3/license.html"
    assert guest.execute("exit").text == "Use exit() or Ctrl-D (i.e. EOF) to exit"
    assert "Python Software Foundation" in guest.execute("copyright").text
