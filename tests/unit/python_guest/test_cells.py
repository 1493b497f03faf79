"""Cells as in a notebook: what is shown, what stays, what is compiled how."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.python_guest.harness import DISPLAY, DONE, NativeGuest


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("1+1", "2"),
        ("x = 5\nx", "5"),
        ("x = 5; x * 2", "10"),
        ("def f():\n    return 3\nf()", "3"),
        ("(1,\n 2)", "(1, 2)"),
        ("True", "True"),
        ("1.5", "1.5"),
        ("b'ab'", "b'ab'"),
        ("...", "Ellipsis"),
        ("int", "<class 'int'>"),
        ("[i async for i in g()]", "[0, 1]"),
        ("lambda: 0, 1", None),
        ("(y := 4)", "4"),
        ("'a' ';'", "a;"),
        ("'x#;'", "x#;"),
        ("3  # ;", "3"),
        ("'ü'; 'é'", "é"),
    ],
)
def test_last_expression_is_shown(guest: NativeGuest, code: str, text: str | None) -> None:
    guest.execute("async def g():\n    yield 0\n    yield 1")
    run = guest.execute(code)
    assert run.kinds == [DISPLAY, DONE]
    assert run.done == {"status": "ok", "exit_code": None, "execution_count": 2}
    if text is not None:
        assert run.text == text


@pytest.mark.parametrize(
    "code",
    [
        "",
        "   \n\n",
        "# a comment",
        "    # an indented comment",
        "None",
        "x = 1",
        "5;",
        "5 ;  # with a comment",
        "(5\n);",
        "'ü' + 'é';",
        "if True:\n    5",
        "for i in range(2): i",
    ],
)
def test_nothing_to_show(guest: NativeGuest, code: str) -> None:
    run = guest.execute(code)
    assert run.kinds == [DONE]
    assert run.done["status"] == "ok"
    assert (run.stdout, run.stderr) == ("", "")


def test_names_persist_and_main_is_the_module(guest: NativeGuest) -> None:
    guest.execute("import sys\nvalue = 7\nclass A: pass")
    assert guest.lines("print(value, __name__, A.__module__, sys.modules['__main__'].value)") == [
        "7 __main__ __main__ 7"
    ]
    assert guest.lines("import pickle; print(type(pickle.loads(pickle.dumps(A()))) is A)") == ["True"]
    assert guest.lines("global value\nvalue += 1\nprint(value)") == ["8"]


def test_a_failed_cell_keeps_what_it_did(guest: NativeGuest) -> None:
    run = guest.execute("kept = 1\nraise ValueError('x')\nlost = 2")
    assert run.done == {"status": "error", "exit_code": None, "execution_count": 1}
    assert guest.execute("kept, 'lost' in globals()").text == "(1, False)"


def test_underscores_in_and_out(guest: NativeGuest) -> None:
    guest.execute("11")
    guest.execute("22")
    guest.execute("None")
    guest.execute("33;")
    guest.execute("44")
    assert guest.execute("(_, __, ___, _1, _2, _5)").text == "(44, 22, 11, 11, 22, 44)"
    assert guest.execute("sorted(Out)").text == "[1, 2, 5, 6]"
    assert guest.execute("In[1], In[4], len(In)").text == "('11', '33;', 9)"
    guest.execute("Out")
    assert guest.execute("9 in Out").text == "False"


def test_an_underscore_of_the_users_own_stays(guest: NativeGuest) -> None:
    guest.execute("1")
    guest.execute("for _ in 'ab': pass")
    guest.execute("2")
    assert guest.execute("_").text == "b"
    assert guest.execute("_3").text == "2"


def test_store_false_leaves_no_trace(guest: NativeGuest) -> None:
    guest.execute("10")
    run = guest.execute("20", store=False)
    assert run.text == "20"
    assert guest.execute("_, sorted(Out), In[2]").text == "(10, [1], '')"


def test_out_keeps_the_newest_thousand(guest: NativeGuest) -> None:
    for number in range(1002):
        guest.execute(f"{number}")
    assert guest.execute("len(Out), min(Out), '_2' in globals(), _3").text == "(1000, 3, False, 2)"


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("    x = 1\n    if x:\n        print(x)", ["1"]),
        ("\n\n  print(1)\n  print(2)\n", ["1", "2"]),
        ("\tprint('tab')", ["tab"]),
        ("  # comment\n  print(1)", ["1"]),
        ("    # comment\nprint(1)", ["1"]),
        ("# comment\n  print(1)", ["1"]),
        ("\ufeffprint('bom')", ["bom"]),
        ("print(1)\r\nprint(2)\r\n", ["1", "2"]),
        ("print(1)\rprint(2)", ["1", "2"]),
        ("  s = '''\n  a\n b'''\n  print(s.split('\\n'))", ["['', 'a', ' b']"]),
    ],
)
def test_indented_cells_and_line_ends(guest: NativeGuest, code: str, lines: list[str]) -> None:
    assert guest.lines(code) == lines


def test_wrong_indentation_is_still_an_error(guest: NativeGuest) -> None:
    run = guest.execute("x = 1\n  y = 2")
    assert (run.error["name"], run.error["line_number"]) == ("IndentationError", 2)


def test_future_imports_hold_for_later_cells(guest: NativeGuest) -> None:
    guest.execute("from __future__ import annotations")
    assert guest.execute("def g(x: Undefined): pass\ng.__annotations__").text == "{'x': 'Undefined'}"
    assert guest.execute("(lambda: 1)()").text == "1"


def test_barry_can_be_our_flufl(guest: NativeGuest) -> None:
    guest.execute("from __future__ import barry_as_FLUFL")
    assert guest.execute("1 <> 2").text == "True"
    assert guest.execute("1 != 2").error["name"] == "SyntaxError"


def test_the_guests_own_futures_do_not_leak_into_cells(guest: NativeGuest) -> None:
    run = guest.execute("def f(x: int): pass\nf.__annotations__")
    assert run.text == "{'x': <class 'int'>}"


def test_every_future_flag_persists(guest: NativeGuest) -> None:
    code = (
        "import __future__, pywasm_guest.cell as cell\n"
        "flags = 0\n"
        "for name in __future__.all_feature_names:\n"
        "    flag = getattr(__future__, name).compiler_flag\n"
        "    flags |= flag if flag >= 0x20000 else 0\n"
        "flags == cell._FUTURES"
    )
    assert guest.execute(code).text == "True"


@pytest.mark.parametrize(
    ("code", "exit_code", "stderr"),
    [
        ("import sys; sys.exit()", 0, ""),
        ("raise SystemExit", 0, ""),
        ("exit(3)", 3, ""),
        ("quit()", 0, ""),
        ("import sys; sys.exit(-1)", -1, ""),
        ("raise SystemExit(True)", 1, ""),
        ("import sys; sys.exit('no data')", 1, "no data\n"),
        ("import sys; sys.exit((1, 2))", 1, "(1, 2)\n"),
        ("class E:\n    def __str__(self): 1/0\nraise SystemExit(E())", 1, "<exit code str() failed>\n"),
        ("import sys, asyncio\nasync def f(): sys.exit(4)\nawait f()", 4, ""),
        (
            "import sys, asyncio\nasync def f(): sys.exit(5)\nawait asyncio.gather(f(), asyncio.sleep(9))",
            5,
            "",
        ),
    ],
)
def test_exit_ends_the_cell_only(guest: NativeGuest, code: str, exit_code: int, stderr: str) -> None:
    run = guest.execute(f"kept = 1\n{code}\nkept = 2")
    assert run.kinds == [DONE]
    assert run.done == {"status": "exit", "exit_code": exit_code, "execution_count": 1}
    assert run.stderr == stderr
    assert guest.execute("kept").text == "1"


def test_stdin_works_after_quit_closed_it(guest: NativeGuest) -> None:
    guest.execute("quit()")
    assert guest.lines("import sys; print(repr(sys.stdin.read()), sys.stdin.closed)") == ["'' False"]


def test_env_of_a_run_is_restored(guest: NativeGuest) -> None:
    configure = {"op": "configure", "env": {"A": "1", "B": "2"}, "cwd": str(guest.folder), "argv": ["x", "y"]}
    assert guest.request(configure).events == []
    show = "import os, sys; print(sorted(os.environ.items()), sys.argv)"
    assert guest.lines(show) == ["[('A', '1'), ('B', '2')] ['x', 'y']"]
    changes = "\nos.environ['A'] = 'mine'; os.environ['D'] = 'kept'; os.environ['C'] = 'lost'"
    assert guest.lines(show + changes, env={"A": "9", "C": "3"}) == [
        "[('A', '9'), ('B', '2'), ('C', '3')] ['x', 'y']"
    ]
    assert guest.lines(show) == ["[('A', '1'), ('B', '2'), ('D', 'kept')] ['x', 'y']"]
    failed = guest.execute("1/0", env={"B": "x"})
    assert failed.error["name"] == "ZeroDivisionError"
    assert guest.lines(show) == ["[('A', '1'), ('B', '2'), ('D', 'kept')] ['x', 'y']"]


def test_cwd_of_a_run_is_restored(guest: NativeGuest) -> None:
    (guest.folder / "a").mkdir()
    (guest.folder / "b").mkdir()
    where = "import os; print(os.path.basename(os.getcwd()))"
    base = guest.folder.name
    assert guest.lines(where, cwd=str(guest.folder / "a")) == ["a"]
    assert guest.lines(f"{where}\nos.chdir('../b')", cwd=str(guest.folder / "a")) == ["a"]
    assert guest.lines(f"{where}\nos.chdir('b')") == [base]
    assert guest.lines(where) == ["b"]
    assert guest.execute("1/0", cwd=str(guest.folder)).error["name"] == "ZeroDivisionError"
    assert guest.lines(where) == ["b"]


def test_a_cwd_that_is_not_there(guest: NativeGuest) -> None:
    missing = str(guest.folder / "missing")
    run = guest.execute("print('ran')", cwd=missing, env={"LEFT": "1"})
    assert run.error == {
        "name": "FileNotFoundError",
        "message": f"[Errno 2] No such file or directory: {missing!r}",
        "traceback": [f"FileNotFoundError: [Errno 2] No such file or directory: {missing!r}"],
        "line_number": None,
    }
    assert run.stdout == ""
    assert guest.execute("import os; 'LEFT' in os.environ").text == "False"


def test_removing_the_cwd_to_return_to(guest: NativeGuest, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    guest.execute("import os; os.chdir('gone')")
    run = guest.execute(f"os.rmdir({str(tmp_path / 'gone')!r}); os.getcwd()", cwd=str(tmp_path))
    assert run.text == str(tmp_path)
    assert run.done["status"] == "ok"


def test_the_users_displayhook_is_called(guest: NativeGuest) -> None:
    guest.execute("import sys\nours = sys.displayhook\nsys.displayhook = lambda value: print('hook', value)")
    run = guest.execute("5")
    assert (run.kinds, run.stdout) == ([DONE], "hook 5\n")
    guest.execute("sys.displayhook = ours")
    assert guest.execute("6").text == "6"


def test_single_mode_code_shows_with_our_hook(guest: NativeGuest) -> None:
    run = guest.execute("exec(compile('40 + 2', 'x', 'single'))")
    assert run.text == "42"


@pytest.mark.parametrize("code", ["x = '\\0'; x", "len('a\\fb')", "'\\u2028'; 1"])
def test_odd_characters(guest: NativeGuest, code: str) -> None:
    assert guest.execute(code).done["status"] == "ok"


def test_source_that_can_not_be_compiled(guest: NativeGuest) -> None:
    assert guest.execute("x = '\0'").error["name"] in ("SyntaxError", "ValueError")
    assert guest.execute("x = '\ud800'").error["name"] == "UnicodeEncodeError"
    assert guest.execute("(" * 500 + ")" * 500).error["name"] == "SyntaxError"
    assert guest.execute("-" * 100_000 + "1").error["name"] in ("MemoryError", "RecursionError")
    assert guest.execute("1+1").text == "2"


def test_a_warning_of_the_compiler_appears_once(guest: NativeGuest) -> None:
    for code in ("1 is 1", "x = '\\d'", "def f():\n    try: return 1\n    finally: return 2"):
        run = guest.execute(code)
        assert run.stderr.count("Warning") <= 1
    assert guest.execute("1 is 1").stderr.splitlines()[0].startswith('<cell 4>:1: SyntaxWarning: "is" with ')


def test_warnings_of_two_cells_are_two_warnings(guest: NativeGuest) -> None:
    guest.execute("import warnings")
    for count in (2, 3):
        run = guest.execute("warnings.warn('careful', stacklevel=1)")
        assert run.stderr == (
            f"<cell {count}>:1: UserWarning: careful\n  warnings.warn('careful', stacklevel=1)\n"
        )


def test_filename_of_the_request(guest: NativeGuest) -> None:
    run = guest.execute("def f(): 1/0\nf()", filename="script.py")
    assert run.error["traceback"][1] == '  File "script.py", line 2, in <module>'


def test_the_same_count_twice_keeps_both_sources(guest: NativeGuest) -> None:
    guest.execute("def f():\n    raise KeyError('first')", execution_count=1)
    guest.execute("# another", execution_count=1)
    run = guest.execute("f()", execution_count=2)
    assert "    raise KeyError('first')" in run.error["traceback"]
    assert guest.execute("f.__code__.co_filename").text == "<cell 1>"


def test_contextvars_are_shared_by_sync_and_async_cells(guest: NativeGuest) -> None:
    guest.execute("import contextvars, asyncio, decimal\nvar = contextvars.ContextVar('var', default=0)")
    guest.execute("var.set(1)\nawait asyncio.sleep(0)\nvar.set(2)\ndecimal.getcontext().prec = 5")
    assert guest.execute("var.get(), decimal.getcontext().prec").text == "(2, 5)"
    guest.execute("var.set(3)")
    assert guest.execute("await asyncio.sleep(0)\nvar.get()").text == "3"


def test_an_unknown_operation_is_a_bug_of_the_host(guest: NativeGuest) -> None:
    with pytest.raises(AssertionError, match="unknown operation 'dance'"):
        guest.request({"op": "dance"})
    assert guest.execute("1").text == "1"
