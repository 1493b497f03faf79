"""What the user is told about an exception."""

from __future__ import annotations

import pytest

from tests.unit.python_guest.harness import DONE, ERROR, NativeGuest


def without_carets(lines: list[str]) -> list[str]:
    """Python versions differ in where they underline calls."""
    return [line for line in lines if not line.strip() or line.strip(" ^~")]


def test_a_plain_error(guest: NativeGuest) -> None:
    run = guest.execute("x = 1\ny = x + 1/0")
    assert run.kinds == [ERROR, DONE]
    assert run.error == {
        "name": "ZeroDivisionError",
        "message": "division by zero",
        "traceback": [
            "Traceback (most recent call last):",
            '  File "<cell 1>", line 2, in <module>',
            "    y = x + 1/0",
            "            ~^~",
            "ZeroDivisionError: division by zero",
        ],
        "line_number": 2,
    }
    assert run.done == {"status": "error", "exit_code": None, "execution_count": 1}


def test_an_error_in_a_function_of_an_earlier_cell(guest: NativeGuest) -> None:
    guest.execute("def f(x):\n    # comment\n    return 1 / x")
    run = guest.execute("a = 1\nf(\n  0\n)")
    assert without_carets(run.error["traceback"])[:2] == [
        "Traceback (most recent call last):",
        '  File "<cell 2>", line 2, in <module>',
    ]
    assert run.error["traceback"][-4:] == [
        '  File "<cell 1>", line 3, in f',
        "    return 1 / x",
        "           ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    assert run.error["line_number"] == 2


def test_library_frames_are_shown_ours_are_not(guest: NativeGuest) -> None:
    run = guest.execute("import json\njson.loads('{')")
    lines = run.error["traceback"]
    files = [line.split('"')[1] for line in lines if line.startswith("  File ")]
    assert files[0] == "<cell 1>"
    assert all("/json/" in name for name in files[1:])
    assert len(files) >= 3
    assert run.error["name"] == "JSONDecodeError"
    assert run.error["line_number"] == 2
    assert lines[-1].startswith("json.decoder.JSONDecodeError: Expecting property name")


@pytest.mark.parametrize(
    "code",
    [
        "display(1, raw=True)",
        "x = 1\nclear_output_ = display(1, metadata=3)",
        "input()",
        "import asyncio\nawait asyncio.sleep(0)\n1/0",
        "import asyncio\nasync def f():\n    1/0\nawait f()",
    ],
)
def test_no_frame_of_the_guest_itself(guest: NativeGuest, code: str) -> None:
    lines = guest.execute(code).error["traceback"]
    assert lines[1].startswith('  File "<cell 1>", line ')
    assert not [line for line in lines if "pywasm_guest" in line or "child.py" in line]


def test_an_awaited_error_shows_no_event_loop(guest: NativeGuest) -> None:
    run = guest.execute(
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    raise ValueError('no')\nawait f()"
    )
    assert without_carets(run.error["traceback"]) == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 5, in <module>',
        "    await f()",
        '  File "<cell 1>", line 4, in f',
        "    raise ValueError('no')",
        "ValueError: no",
    ]
    assert run.error["line_number"] == 4


def test_syntax_error(guest: NativeGuest) -> None:
    run = guest.execute("a = 1\nb = (2 +\nc = 3 3")
    assert run.error["name"] == "SyntaxError"
    assert run.error["traceback"][-1].startswith("SyntaxError: ")
    assert run.stdout == ""


def test_syntax_error_position(guest: NativeGuest) -> None:
    assert guest.execute("a = 1\nif a = 2: pass").error == {
        "name": "SyntaxError",
        "message": "invalid syntax. Maybe you meant '==' or ':=' instead of '='? (<cell 1>, line 2)",
        "traceback": [
            '  File "<cell 1>", line 2',
            "    if a = 2: pass",
            "       ^^^^^",
            "SyntaxError: invalid syntax. Maybe you meant '==' or ':=' instead of '='?",
        ],
        "line_number": 2,
    }


def test_syntax_error_inside_evaluated_code(guest: NativeGuest) -> None:
    run = guest.execute("x = 1\neval('1 +')")
    assert run.error["line_number"] == 2
    assert without_carets(run.error["traceback"]) == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 2, in <module>',
        "    eval('1 +')",
        '  File "<string>", line 1',
        "    1 +",
        "SyntaxError: invalid syntax",
    ]


def test_misspelt_keyword(guest: NativeGuest, version: tuple[int, int]) -> None:
    run = guest.execute("whille True:\n    pass")
    expected = "SyntaxError: invalid syntax"
    if version >= (3, 14):
        expected += ". Did you mean 'while'?"
    assert run.error["traceback"][-1] == expected


def test_suggestions(guest: NativeGuest, version: tuple[int, int]) -> None:
    run = guest.execute("number = 1\nnumbr")
    assert run.error["message"] == "name 'numbr' is not defined"
    suggestion = ". Did you mean: 'number'?" if version >= (3, 12) else ""
    assert run.error["traceback"][-1] == f"NameError: name 'numbr' is not defined{suggestion}"


def test_chained_exceptions(guest: NativeGuest) -> None:
    run = guest.execute(
        "def f():\n    try:\n        1/0\n"
        "    except ZeroDivisionError as e:\n        raise KeyError('k') from e\n"
        "try:\n    f()\nexcept KeyError:\n    raise RuntimeError('last')"
    )
    assert without_carets(run.error["traceback"]) == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 3, in f',
        "    1/0",
        "ZeroDivisionError: division by zero",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 7, in <module>',
        "    f()",
        '  File "<cell 1>", line 5, in f',
        "    raise KeyError('k') from e",
        "KeyError: 'k'",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 9, in <module>',
        "    raise RuntimeError('last')",
        "RuntimeError: last",
    ]
    assert run.error["line_number"] == 9


def test_suppressed_context(guest: NativeGuest) -> None:
    run = guest.execute(
        "try:\n    1/0\nexcept ZeroDivisionError:\n    raise ValueError('only this') from None"
    )
    assert without_carets(run.error["traceback"]) == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 4, in <module>',
        "    raise ValueError('only this') from None",
        "ValueError: only this",
    ]


def test_a_cycle_of_causes_ends(guest: NativeGuest) -> None:
    run = guest.execute("a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a")
    assert run.error["message"] == "a"
    assert [line for line in run.error["traceback"] if line.startswith("ValueError")] == [
        "ValueError: b",
        "ValueError: a",
    ]


def test_exception_groups(guest: NativeGuest) -> None:
    run = guest.execute("raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])")
    assert without_carets(run.error["traceback"]) == [
        "  + Exception Group Traceback (most recent call last):",
        '  |   File "<cell 1>", line 1, in <module>',
        "  |     raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])",
        "  | ExceptionGroup: two (2 sub-exceptions)",
        "  +-+---------------- 1 ----------------",
        "    | ValueError: a",
        "    +---------------- 2 ----------------",
        "    | TypeError: b",
        "    +------------------------------------",
    ]
    assert (run.error["name"], run.error["message"]) == ("ExceptionGroup", "two (2 sub-exceptions)")


def test_notes(guest: NativeGuest) -> None:
    run = guest.execute("e = ValueError('x')\ne.add_note('first')\ne.add_note('second\\nline')\nraise e")
    assert run.error["traceback"][-4:] == ["ValueError: x", "first", "second", "line"]
    assert run.error["message"] == "x"


def test_recursion_is_collapsed(guest: NativeGuest) -> None:
    run = guest.execute("def f(n):\n    return f(n + 1)\nf(0)")
    lines = without_carets(run.error["traceback"])
    assert lines[:8] == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 3, in <module>',
        "    f(0)",
        '  File "<cell 1>", line 2, in f',
        "    return f(n + 1)",
        '  File "<cell 1>", line 2, in f',
        "    return f(n + 1)",
        '  File "<cell 1>", line 2, in f',
    ]
    assert lines[9].startswith("  [Previous line repeated 9")
    assert lines[10].startswith("RecursionError: maximum recursion depth exceeded")
    assert len(lines) == 11
    assert run.error["line_number"] == 2
    assert guest.execute("1").text == "1"


def test_a_long_traceback_loses_its_middle(guest: NativeGuest) -> None:
    guest.execute("def a(n):\n    return b(n - 1)\ndef b(n):\n    return a(n - 1) if n > 0 else 1/0")
    run = guest.execute("a(199)")
    lines = run.error["traceback"]
    assert [line for line in lines if "hidden" in line] == ["  ... 141 frames hidden"]
    assert sum(line.startswith("  File ") for line in lines) == 60
    assert lines[1] == '  File "<cell 2>", line 1, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_sixty_frames_are_shown_in_full(guest: NativeGuest) -> None:
    guest.execute("def a(n):\n    return b(n - 1)\ndef b(n):\n    return a(n - 1) if n > 0 else 1/0")
    lines = guest.execute("a(57)").error["traceback"]
    assert sum(line.startswith("  File ") for line in lines) == 59
    assert not [line for line in lines if "hidden" in line]


def test_a_very_deep_stack(guest: NativeGuest) -> None:
    guest.execute("import sys\nsys.setrecursionlimit(20_000)")
    guest.execute("def a(n):\n    return b(n - 1)\ndef b(n):\n    return a(n - 1) if n > 0 else 1/0")
    run = guest.execute("a(9_999)")
    lines = run.error["traceback"]
    assert lines[1] == "  ... outer frames hidden"
    assert sum(line.startswith("  File ") for line in lines) == 60
    assert run.error["name"] == "ZeroDivisionError"
    assert run.error["line_number"] == 1


@pytest.mark.parametrize(
    ("body", "name", "message"),
    [
        ("def __str__(self): raise ValueError", "Odd", "<exception str() failed>"),
        ("def __str__(self): return 5", "Odd", "<exception str() failed>"),
        ("def __repr__(self): raise ValueError", "Odd", "m"),
        ("__notes__ = property(lambda self: 1/0)", "Odd", "m"),
        ("__notes__ = 5", "Odd", "m"),
        ("__module__ = None", "Odd", "m"),
        ("__qualname__ = 'Dotted.Name'", "Odd", "m"),
        ("def __getattribute__(self, name): raise RuntimeError(name)", "Odd", "m"),
        ("__class__ = int", "Odd", "m"),
        ("def with_traceback(self, tb): raise SystemExit", "Odd", "m"),
        ("__hash__ = None", "Odd", "m"),
        ("def __bool__(self): raise ValueError", "Odd", "m"),
        ("def __eq__(self, other): raise ValueError", "Odd", "m"),
    ],
)
def test_hostile_exceptions(guest: NativeGuest, body: str, name: str, message: str) -> None:
    run = guest.execute(f"class Odd(Exception):\n    {body}\nraise Odd('m')")
    assert (run.error["name"], run.error["message"], run.error["line_number"]) == (name, message, 3)
    assert '  File "<cell 1>", line 3, in <module>' in run.error["traceback"]
    assert guest.execute("1").text == "1"


def test_a_hostile_metaclass(guest: NativeGuest) -> None:
    run = guest.execute(
        "class Meta(type):\n"
        "    def __getattribute__(cls, name):\n        raise KeyError(name)\n"
        "    def __instancecheck__(cls, other):\n        raise KeyError\n"
        "class Odd(Exception, metaclass=Meta): pass\n"
        "raise Odd('m')"
    )
    assert run.error["name"] == "Odd"
    assert run.error["line_number"] == 7
    assert run.error["traceback"] == [
        "Traceback (most recent call last):",
        '  File "<cell 1>", line 7, in <module>',
        "Odd: m",
    ]


def test_an_exception_class_of_a_module_is_qualified_in_the_traceback(guest: NativeGuest) -> None:
    run = guest.execute("import decimal\ndecimal.Decimal('x')")
    assert run.error["name"] == "InvalidOperation"
    assert run.error["traceback"][-1].startswith("decimal.InvalidOperation: ")


def test_messages_survive_undecodable_text(guest: NativeGuest) -> None:
    run = guest.execute("raise ValueError('a\\udc80b')")
    assert run.error["message"] == "a?b"


def test_memory_error(guest: NativeGuest) -> None:
    run = guest.execute("x = 5\nraise MemoryError")
    assert (run.error["name"], run.error["line_number"]) == ("MemoryError", 2)
    assert run.error["traceback"][-1] == "MemoryError"
    assert guest.execute("import sys; hasattr(sys, 'last_exc')").text == "False"


def test_memory_error_when_not_even_the_report_has_memory(guest: NativeGuest) -> None:
    guest.execute(
        "import sys\nfrom pywasm_guest import errors\n"
        "def fail(*args, **kwargs): raise MemoryError\n"
        "errors.report = fail"
    )
    run = guest.execute("def f():\n    raise MemoryError('x')\nf()")
    assert run.error == {
        "name": "MemoryError",
        "message": "x",
        "traceback": [
            "Traceback (most recent call last):",
            '  File "<cell 2>", line 3, in <module>',
            '  File "<cell 2>", line 2, in f',
            "MemoryError: x",
        ],
        "line_number": 2,
    }
    guest.execute("errors.fallback = fail")
    run = guest.execute("raise MemoryError('x')")
    assert run.error == {
        "name": "MemoryError",
        "message": "",
        "traceback": ["MemoryError"],
        "line_number": None,
    }
    assert run.done["status"] == "error"


def test_the_last_exception_is_kept_as_the_interactive_interpreter_does(guest: NativeGuest) -> None:
    guest.execute("def f():\n    raise ValueError('kept')\nf()")
    code = "import sys, traceback\nprint(sys.last_value, len(traceback.extract_tb(sys.last_traceback)))"
    assert guest.lines(code) == ["kept 2"]


def test_nothing_of_a_run_keeps_its_objects_alive(guest: NativeGuest) -> None:
    guest.execute(
        "import gc, weakref\ngc.disable()\nclass Big: pass\n"
        "def f():\n    global ref\n    big = Big()\n    ref = weakref.ref(big)\n    raise MemoryError"
    )
    guest.execute("f()")
    assert guest.execute("ref() is None").text == "True"


def test_an_error_after_output_and_displays_keeps_them(guest: NativeGuest) -> None:
    run = guest.execute("print('before')\ndisplay(1)\n1/0")
    assert run.kinds == [1, ERROR, DONE]
    assert run.events[0].stdout == "before\n"


def test_keyboard_interrupt_raised_by_the_user(guest: NativeGuest) -> None:
    run = guest.execute("raise KeyboardInterrupt('stop')")
    assert (run.error["name"], run.error["message"]) == ("KeyboardInterrupt", "stop")


def test_a_generator_exit_and_other_base_exceptions(guest: NativeGuest) -> None:
    assert guest.execute("raise GeneratorExit").error["name"] == "GeneratorExit"
    assert guest.execute("class B(BaseException): pass\nraise B('b')").error["message"] == "b"


def test_error_in_a_nested_exec_names_the_cells_line(guest: NativeGuest) -> None:
    run = guest.execute("x = 1\nexec('y = 1\\nz = 1/0')")
    assert run.error["line_number"] == 2
