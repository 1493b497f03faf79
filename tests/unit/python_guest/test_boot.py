"""What the start of the interpreter costs and leaves behind."""

from __future__ import annotations

import pytest

from tests.unit.python_guest.harness import NativeGuest

EXPENSIVE = {
    *("asyncio", "ast", "base64", "collections", "contextlib", "dataclasses", "enum", "functools", "inspect"),
    *("json", "random", "re", "signal", "site", "socket", "subprocess", "threading", "tokenize", "traceback"),
    *("typing", "warnings"),
}


def test_boot_imports_nothing_expensive(guest: NativeGuest) -> None:
    # The stand-in itself needs some of them: what counts is what the guest's modules asked for.
    code = (
        "import sys\n"
        "names = set()\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if name.startswith('pywasm_guest'):\n"
        "        names |= {v.__name__ for v in vars(module).values() if type(v) is type(sys)}\n"
        f"print(sorted(names & {EXPENSIVE!r}))"
    )
    assert guest.lines(code) == ["[]"]
    assert guest.lines("print('pywasm_guest.errors' in sys.modules, 'pywasm_guest.loop' in sys.modules)") == [
        "False False"
    ]


def test_importing_a_hooked_module_works_once_and_again(guest: NativeGuest) -> None:
    for _ in range(2):
        assert guest.execute("import inspect, socket, subprocess, signal, getpass, asyncio").error is None
    assert guest.execute("import sys, importlib\nimportlib.reload(getpass).__name__").text == "getpass"


def test_post_cell_hooks(guest: NativeGuest) -> None:
    guest.execute("from pywasm_guest import hooks\nhooks.post_cell.append(lambda: print('hook'))")
    assert guest.execute("print('cell')").stdout == "cell\nhook\n"
    run = guest.execute("1/0")
    assert (run.stdout, run.error["name"]) == ("hook\n", "ZeroDivisionError")
    run = guest.execute("import sys; sys.exit(3)")
    assert (run.stdout, run.done["exit_code"]) == ("hook\n", 3)


def test_a_hook_that_fails_is_the_cells_error(guest: NativeGuest) -> None:
    guest.execute(
        "from pywasm_guest import hooks\ndef fail():\n    raise ValueError('hook')\n"
        "hooks.post_cell.append(fail)"
    )
    run = guest.execute("5")
    assert run.text == "5"
    assert (run.error["name"], run.error["message"]) == ("ValueError", "hook")
    assert guest.execute("1/0").error["name"] == "ZeroDivisionError"


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.path_hooks.clear()",
        "import sys; sys.meta_path.clear()",
        "import builtins; del builtins.print",
    ],
)
def test_a_vandalised_interpreter_still_answers(guest: NativeGuest, code: str) -> None:
    guest.execute("import traceback, linecache")
    guest.execute(code)
    assert guest.execute("1+1").done["execution_count"] == 3
