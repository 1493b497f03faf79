"""stdout and stderr: complete, in order, live, one entry a line."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


class Recorder:
    """Callbacks that note what came, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def out(self, text: str) -> None:
        self.events.append(("out", text))

    def err(self, text: str) -> None:
        self.events.append(("err", text))


async def _record(sandbox: Any, code: str, **options: Any) -> tuple[list[tuple[str, str]], Any]:
    recorder = Recorder()
    execution = await sandbox.run_code(code, on_stdout=recorder.out, on_stderr=recorder.err, **options)
    return recorder.events, execution


async def test_print_is_one_entry(shared: Any) -> None:
    events, execution = await _record(shared, "print(1)")
    assert events == [("out", "1\n")]
    assert execution.logs.stdout == ["1\n"]
    assert execution.logs.stderr == []
    assert execution.logs.truncated is False


async def test_each_line_is_an_entry(shared: Any) -> None:
    events, _ = await _record(shared, "for i in range(100): print(i)")
    assert events == [("out", f"{i}\n") for i in range(100)]


@pytest.mark.parametrize(
    ("code", "entries"),
    [
        ("print('a', end='')\nprint('b')", ["ab\n"]),
        ("print('a\\nb')", ["a\n", "b\n"]),
        ("print('no newline', end='')", ["no newline"]),
        ("print()", ["\n"]),
        ("print('x\\ry\\x0bz')", ["x\ry\x0bz\n"]),
        ("print('\\0')", ["\0\n"]),
        ("print('')", ["\n"]),
        ("import sys; sys.stdout.write('')", []),
        ("print('\u00e9\U0001f600')", ["\u00e9\U0001f600\n"]),
        ("print('a', 'b', sep='-')", ["a-b\n"]),
    ],
)
async def test_entries(shared: Any, code: str, entries: list[str]) -> None:
    assert (await shared.run_code(code + ";")).logs.stdout == entries


async def test_both_streams_keep_their_order(shared: Any) -> None:
    code = """
import sys
for i in range(3):
    print("out", i)
    print("err", i, file=sys.stderr)
print("half", end="")
sys.stderr.write("between")
print("rest")
"""
    events, execution = await _record(shared, code)
    assert events == [
        ("out", "out 0\n"),
        ("err", "err 0\n"),
        ("out", "out 1\n"),
        ("err", "err 1\n"),
        ("out", "out 2\n"),
        ("err", "err 2\n"),
        ("out", "half"),
        ("err", "between"),
        ("out", "rest\n"),
    ]
    assert "".join(execution.logs.stdout) == "out 0\nout 1\nout 2\nhalfrest\n"


async def test_raw_writes_are_in_order_with_prints(shared: Any) -> None:
    code = """
import os, sys
print("1")
_ = os.write(1, b"2\\n")
_ = sys.stdout.buffer.write(b"3\\n")
_ = os.write(2, b"4\\n")
print("5", file=sys.stderr)
_ = os.write(1, b"6\\n")
open(1, "w", closefd=False).write("7\\n")
print("8");
"""
    events, execution = await _record(shared, code)
    assert execution.error is None
    assert [text.strip() for _, text in events] == list("12345678")
    assert [stream for stream, _ in events] == ["out", "out", "out", "err", "err", "out", "out", "out"]


async def test_undecodable_bytes_are_replaced(shared: Any) -> None:
    assert (await shared.run_code("import os\nos.write(1, b'a\\xff\\xfeb\\n');")).logs.stdout == [
        "a\ufffd\ufffdb\n"
    ]
    # The second half of a character never comes.
    text = "".join((await shared.run_code("os.write(1, b'cut \\xc3');")).logs.stdout)
    assert text == "cut \ufffd"


async def test_a_character_written_in_two_halves_is_whole(shared: Any) -> None:
    execution = await shared.run_code("import os\nos.write(1, b'\\xc3'); os.write(1, b'\\xa9\\n');")
    assert "".join(execution.logs.stdout) == "\u00e9\n"


async def test_nothing_is_a_terminal(shared: Any) -> None:
    code = "import os, sys\n[f.isatty() for f in (sys.stdin, sys.stdout, sys.stderr)] + [os.isatty(i) for i in range(3)]"
    assert (await shared.run_code(code)).text == str([False] * 6)
    assert (await shared.run_code("sys.stdout.encoding, sys.stdout.fileno()")).text == "('utf-8', 1)"


async def test_many_lines_are_complete_and_in_order(shared: Any) -> None:
    events, execution = await _record(shared, "for i in range(200_000): print(i)")
    expected = "".join(f"{i}\n" for i in range(200_000))
    assert "".join(text for _, text in events) == expected
    assert "".join(execution.logs.stdout) == expected
    assert events[:1000] == [("out", f"{i}\n") for i in range(1000)]
    assert all(text.endswith("\n") for _, text in events)
    # Not one entry a line to the end: that would cost the host more than the guest.
    assert len(events) < 20_000


async def test_one_large_write(shared: Any) -> None:
    execution = await shared.run_code("print('x' * 8_000_000)")
    assert "".join(execution.logs.stdout) == "x" * 8_000_000 + "\n"


async def test_a_line_arrives_before_the_code_goes_on(shared: Any) -> None:
    """The guest waits for a file that the callback writes: it would wait for ever if the line came late."""
    core = shared._target if hasattr(shared, "_target") else shared
    await shared.run_code("import os\nif os.path.exists('go'): os.remove('go')")

    def answer(text: str) -> None:
        assert text == "ready\n"
        core._core.files.write("/workspace/go", "now")

    code = """
import os, time
print("ready")
while not os.path.exists("go"):
    time.sleep(0.005)
"saw it"
"""
    assert (await shared.run_code(code, on_stdout=answer, timeout=60)).text == "saw it"


async def test_a_line_arrives_while_the_code_computes(shared: Any) -> None:
    core = shared._target if hasattr(shared, "_target") else shared
    await shared.run_code("import os\nif os.path.exists('go2'): os.remove('go2')")
    code = "print('ready')\nwhile not os.path.exists('go2'): pass\n'saw it'"

    def answer(text: str) -> None:
        core._core.files.write("/workspace/go2", "now")

    assert (await shared.run_code(code, on_stdout=answer, timeout=60)).text == "saw it"


async def test_an_unfinished_line_arrives_too(shared: Any) -> None:
    core = shared._target if hasattr(shared, "_target") else shared
    await shared.run_code("import os\nif os.path.exists('go3'): os.remove('go3')")
    got: list[str] = []

    def answer(text: str) -> None:
        got.append(text)
        core._core.files.write("/workspace/go3", "now")

    code = "print('50 %', end='\\r')\nwhile not os.path.exists('go3'): pass\nprint('done')"
    execution = await shared.run_code(code, on_stdout=answer, timeout=60)
    assert execution.error is None
    assert "".join(got) == "50 %\rdone\n"
    assert got[0] == "50 %\r"


async def test_redirected_streams(shared: Any) -> None:
    code = """
import contextlib, io, sys
buffer = io.StringIO()
with contextlib.redirect_stdout(buffer):
    print("hidden")
print("shown", buffer.getvalue().strip())
"""
    assert (await shared.run_code(code)).logs.stdout == ["shown hidden\n"]


async def test_a_closed_stdout_is_back_in_the_next_cell(sandbox: Any) -> None:
    execution = await sandbox.run_code("import sys\nsys.stdout.close()\nprint('x')")
    assert execution.error is not None
    assert execution.error.name == "ValueError"
    assert (await sandbox.run_code("print('back')")).logs.stdout == ["back\n"]


async def test_output_at_exit_and_in_finally_is_not_lost(shared: Any) -> None:
    execution = await shared.run_code("try:\n    raise SystemExit\nfinally:\n    print('finally', end='')")
    assert execution.logs.stdout == ["finally"]


async def test_output_of_one_run_does_not_reach_the_next(shared: Any) -> None:
    await shared.run_code("print('first', end='')")
    assert (await shared.run_code("print('second')")).logs.stdout == ["second\n"]


async def test_help_and_logging_and_warnings(shared: Any) -> None:
    helped = await shared.run_code("help(len)")
    assert "Return the number of items in a container." in "".join(helped.logs.stdout)
    logged = await shared.run_code("import logging\nlogging.getLogger('mine').warning('careful %d', 1)")
    assert logged.logs.stderr == ["careful 1\n"]
    warned = await shared.run_code("import warnings\nwarnings.warn('hot')")
    text = "".join(warned.logs.stderr)
    assert "UserWarning: hot" in text
    assert "warnings.warn('hot')" in text
    again = await shared.run_code("import warnings\nwarnings.warn('hot')")
    assert "UserWarning: hot" in "".join(again.logs.stderr)


async def test_the_standard_streams_as_files(shared: Any) -> None:
    code = (
        "print('first')\n"
        "with open('/dev/stdout', 'w') as out, open('/dev/stderr', 'w') as err:\n"
        "    out.write('second\\n')\n"
        "    err.write('wrong\\n')\n"
        "print('third', open('/dev/stdin').read() == '')\n"
        "import os\n"
        "os.stat('/dev/stdout').st_mode & 0o170000 == 0o020000"
    )
    execution = await shared.run_code(code)
    assert execution.error is None
    assert "".join(execution.logs.stdout) == "first\nsecond\nthird True\n"
    assert "".join(execution.logs.stderr) == "wrong\n"
    assert execution.text == "True"
    assert (await shared.run_code("print('still open')")).logs.stdout == ["still open\n"]
