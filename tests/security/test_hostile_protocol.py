"""Guest code that talks to the host by itself, through the module that the guest's own code uses.

Whatever it sends, the host answers with an `Execution`, and the sandbox goes on.
"""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(grace_seconds=0.2) as sandbox:
        yield sandbox


def _usable(sandbox: Sandbox) -> None:
    execution = sandbox.run_code("print('alive')\n1 + 1")
    assert (execution.text, execution.logs.stdout, execution.error) == ("2", ["alive\n"], None)


@pytest.mark.parametrize(
    ("kind", "payload", "problem"),
    [
        ("99", "b'{}'", "event kind 99 is unknown"),
        ("0", "b'{}'", "event kind 0 is unknown"),
        ("-1", "b''", "event kind 4294967295 is unknown"),
        ("1", "b'garbage'", "a display event is not JSON"),
        ("1", "b''", "a display event is not JSON"),
        ("1", "b'[]'", "a display event is a JSON list, not an object"),
        ("1", "b'[' * 200_000", "a display event is not JSON"),
        ("1", "b'\\xff\\xfe{\\0}\\0'", "a display event is not JSON"),
        ("1", "b'{\"data\": 5}'", "field 'data' is a int"),
        ("1", 'b\'{"data": {"text/plain": 5}}\'', "data of the type 'text/plain' is a int, not text"),
        ("1", 'b\'{"data": {"image/png": null}}\'', "data of the type 'image/png' is a NoneType, not text"),
        ("1", 'b\'{"data": {}, "display_id": 5}\'', "field 'display_id' is a int"),
        ("1", 'b\'{"data": {}, "main": 1}\'', "field 'main' is a int"),
        ("2", "b'{\"name\": 5}'", "field 'name' is a int"),
        ("2", "b'{\"traceback\": [5]}'", "field 'traceback' holds something other than text"),
        ("2", "b'{\"line_number\": true}'", "field 'line_number' is a bool"),
        ("3", "b'5'", "a clear event is a JSON int"),
        ("4", "b'{}'", "a done event has the status None"),
        ("4", 'b\'{"status": "exit", "exit_code": 1.5}\'', "field 'exit_code' is a float"),
        (
            "4",
            'b\'{"status": "exit", "exit_code": \' + b"9" * 30 + b"}"',
            "field 'exit_code' is out of range",
        ),
    ],
)
def test_events_that_are_not_of_the_protocol(shared: Sandbox, kind: str, payload: str, problem: str) -> None:
    execution = shared.run_code(f"import _pywasm\n_pywasm.emit({kind}, {payload})")
    assert execution.error is not None
    assert execution.error.name == "GuestCrash"
    assert execution.error.message.startswith(f"the guest broke the protocol: {problem}")
    assert execution.context_state == "lost"
    _usable(shared)


@pytest.mark.parametrize(
    ("payload", "formats"),
    [
        ('b\'{"data": {"text/plain": "\\\\ud800x"}}\'', {"text/plain": "?x"}),
        ('b\'{"data": {"a/b": NaN}}\'', {"a/b": None}),
        ('b\'{"data": {"a/b": \' + b"[" * 900 + b"]" * 900 + b\', "c/d": 1}}\'', {"c/d": 1}),
        ('b\'{"data": {"\\xff": 1}}\'', {"\ufffd": 1}),
    ],
)
def test_what_json_can_not_hold_does_not_get_through(
    shared: Sandbox, payload: str, formats: dict[str, object]
) -> None:
    execution = shared.run_code(f"import _pywasm\n_pywasm.emit(1, {payload})")
    assert execution.error is None
    assert [result.formats for result in execution.results] == [formats]
    assert type(execution).model_validate_json(execution.model_dump_json()) == execution


def test_a_forged_error_is_the_cells_own_word(shared: Sandbox) -> None:
    """Code may claim to have failed; it can't claim more than that."""
    forged = 'b\'{"name": "Forged", "message": "m", "traceback": ["t"], "line_number": 7}\''
    execution = shared.run_code(f"import _pywasm\n_pywasm.emit(2, {forged})\nprint('went on')")
    assert execution.error is not None
    assert (execution.error.name, execution.error.line_number) == ("Forged", 7)
    assert execution.logs.stdout == ["went on\n"]
    assert execution.context_state == "kept"


def test_a_forged_end_does_not_end_the_run(shared: Sandbox) -> None:
    code = 'import _pywasm\n_pywasm.emit(4, b\'{"status": "exit", "exit_code": 0}\')\nprint(\'after\')\n1/0'
    execution = shared.run_code(code)
    assert execution.logs.stdout == ["after\n"]
    assert execution.error is not None
    assert execution.error.name == "ZeroDivisionError"
    assert execution.exit_code is None


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("b'garbage'", "EINVAL"),
        ("b''", "EINVAL"),
        ("b'[]'", "EINVAL"),
        ("b'x' * (5 << 20)", "EINVAL"),
        ("b'[' * (5 << 20)", "EINVAL"),
        ("b' ' * (17 << 20)", "E2BIG"),
    ],
)
def test_host_calls_that_are_not_of_the_protocol_fail(shared: Sandbox, question: str, number: str) -> None:
    code = f"import _pywasm, errno\nkept = 1\ntry: _pywasm.request({question})\nexcept OSError as e: print(errno.errorcode[e.errno])"
    execution = shared.run_code(code)
    assert (execution.error, execution.logs.stdout) == (None, [f"{number}\n"])
    assert shared.run_code("kept").text == "1"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ('b\'{"op": "shell"}\'', '{"error":"NotImplementedError","message":"the host has no call'),
        ('b\'{"op": ["input"]}\'', '{"error":"NotImplementedError","message":"the host has no call'),
        ('b\'{"op": "input", "prompt": 5}\'', '{"error":"TypeError","message":"input: argument'),
        ('b\'{"op": "input"}\'', '{"error":"RuntimeError","message":"input() needs an on_input'),
    ],
)
def test_host_calls_that_are_wrong_are_answered_with_a_refusal(
    shared: Sandbox, question: str, answer: str
) -> None:
    execution = shared.run_code(f"import _pywasm\nprint(_pywasm.request({question}).decode())")
    assert execution.logs.stdout[0].startswith(answer)


@pytest.mark.parametrize("handler", ["None", "lambda request: None", "lambda request: 1/0", "print"])
def test_a_replaced_handler_costs_the_context_only(shared: Sandbox, handler: str) -> None:
    shared.run_code(f"x = 1\nimport _pywasm\n_pywasm.set_handler({handler})")
    execution = shared.run_code("x")
    assert execution.error is not None
    assert execution.error.name == "GuestCrash"
    assert execution.context_state == "lost"
    _usable(shared)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("emit(1, 5)", "TypeError"),
        ("emit(1, 'text')", "TypeError"),
        ("emit(2**40, b'')", "OverflowError"),
        ("emit()", "TypeError"),
        ("request(5)", "TypeError"),
        ("set_handler(5)", "TypeError"),
    ],
)
def test_wrong_arguments_are_python_errors(shared: Sandbox, call: str, error: str) -> None:
    execution = shared.run_code(f"import _pywasm\n_pywasm.{call}")
    assert execution.error is not None
    assert execution.error.name == error
    assert execution.context_state == "kept"
    _usable(shared)


def test_a_flood_of_events_runs_into_the_output_limit(shared: Sandbox) -> None:
    execution = shared.run_code(
        "import _pywasm\nwhile True: _pywasm.emit(1, b'{\"data\":{\"text/plain\":\"' + b'x' * 500_000 + b'\"}}')",
        timeout=60,
    )
    assert execution.error is not None
    assert execution.error.name == "OutputLimitExceeded"
    assert execution.logs.truncated
    assert len(execution.results) <= (64 << 20) // 500_000
    _usable(shared)


@pytest.mark.parametrize("kind", [2, 3])
def test_floods_of_small_events_end_too(shared: Sandbox, kind: int) -> None:
    execution = shared.run_code(f"import _pywasm\nwhile True: _pywasm.emit({kind}, b'{{}}')", timeout=0.5)
    assert execution.error is not None
    assert execution.context_state in ("kept", "lost")
    _usable(shared)


def test_one_huge_event_is_dropped(shared: Sandbox) -> None:
    execution = shared.run_code("import _pywasm\n_pywasm.emit(1, bytes(300 << 20))", timeout=60)
    assert execution.error is not None
    assert execution.error.name == "OutputLimitExceeded"
    assert execution.results == []
    _usable(shared)


@pytest.mark.parametrize("code", [0, 3, 255, -1])
def test_os_exit_ends_the_interpreter_only(shared: Sandbox, code: int) -> None:
    execution = shared.run_code(f"print('before')\nimport os\nos._exit({code})")
    assert execution.error is not None
    assert execution.error.name == "GuestExit"
    assert execution.context_state == "lost"
    assert execution.logs.stdout == ["before\n"]
    assert execution.exit_code is not None
    assert execution.exit_code & 0xFF == code & 0xFF
    _usable(shared)


def test_abort_is_a_crash_of_the_guest(shared: Sandbox) -> None:
    execution = shared.run_code("import os\nos.abort()")
    assert execution.error is not None
    assert execution.error.name == "GuestCrash"
    assert execution.context_state == "lost"
    _usable(shared)


@pytest.mark.parametrize(
    "code",
    [
        "import builtins\nbuiltins.__dict__.clear()",
        "import sys\nsys.modules.clear()",
        "import sys\nsys.meta_path.clear()",
        "import sys\nsys.stdout = sys.stderr = sys.stdin = None",
        "import pywasm_guest.handler as h\nh.Session.handle = None",
        "import pywasm_guest.wire as w\nw.emit = lambda *a: None",
        "import gc\nfor o in gc.get_objects():\n    if type(o) is dict and 'emit' in o: o.clear()",
        "import os\nfor fd in range(10):\n    try: os.close(fd)\n    except OSError: pass",
        "import sys\nsys.settrace(lambda *a: 1/0)",
        "import sys\nsys.setprofile(lambda *a: 1/0)",
        "import signal\nsignal.signal(signal.SIGINT, None and 1 or signal.SIG_IGN)",
        "import _pywasm\nfor n in dir(_pywasm):\n    if n[0] != '_': setattr(_pywasm, n, None)",
    ],
)
def test_a_context_that_ruins_itself_harms_no_other(shared: Sandbox, code: str) -> None:
    ruined, other = shared.create_code_context(), shared.create_code_context()
    ruined.run_code(code, timeout=10)
    ruined.run_code("1 + 1", timeout=10)
    assert other.run_code("1 + 1").text == "2"
    ruined.restart()
    assert ruined.run_code("1 + 1").text == "2"
    ruined.delete()
    other.delete()
