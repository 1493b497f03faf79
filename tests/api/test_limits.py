"""Deadlines, memory, output and recursion: a limit is an error of the cell, the context goes on."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

import threading
from typing import Any

import pytest

from pywasm_sandbox import ContextBrokenError, Sandbox
from pywasm_sandbox._guests.iterators import TYPES, iterator_traps
from pywasm_sandbox._guests.python import PythonGuest
from pywasm_sandbox._sandbox.runtime import Runtime

pytestmark = pytest.mark.anyio

SHORT = 0.15


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time\ntime.sleep(3600)",
        "import asyncio\nawait asyncio.sleep(3600)",
        "import asyncio\nasyncio.run(asyncio.sleep(3600))",
        "while True:\n    try: 1/0\n    except Exception: pass",
        "[0 for _ in iter(int, 1)]",
        "import re\nre.match('(a*)*b', 'a' * 40)",
        "x = 3 ** (3 ** 18) // 7 ** (7 ** 6)\nwhile True: pass",
        "import time\nwhile True: time.sleep(0.001)",
        "import select\nselect.select([], [], [], 3600)",
        "import threading\nthreading.Event().wait(3600)",
        "while True: print('x')",
        "def f():\n    while True: yield 1\nfor _ in f(): pass",
        "exec('while True: pass')",
        "class D:\n    def __del__(self):\n        while True: pass\nD();",
        "import asyncio\nwhile True:\n    try: await asyncio.sleep(3600)\n    except BaseException: pass",
    ],
)
async def test_a_deadline_keeps_the_context(shared: Any, code: str) -> None:
    await shared.run_code("kept = 'state'")
    execution = await shared.run_code(code, timeout=SHORT)
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"
    assert execution.duration_seconds >= SHORT
    assert (await shared.run_code("kept")).text == "state"


async def test_the_error_of_a_deadline(sandbox: Any) -> None:
    execution = await sandbox.run_code("print('before')\ndisplay(1)\nwhile True:\n    pass", timeout=SHORT)
    error = execution.error
    assert (error.name, error.line_number in (3, 4)) == ("ExecutionTimeout", True)
    assert error.message == "the cell ran longer than its timeout"
    assert error.traceback[1] in [f'  File "<cell 1>", line {n}, in <module>' for n in (3, 4)]
    assert execution.logs.stdout == ["before\n"]
    assert [result.text for result in execution.results] == ["1"]


async def test_the_deadline_of_the_sandbox(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(timeout=SHORT)
    assert (await sandbox.run_code("while True: pass")).error.name == "ExecutionTimeout"
    assert (await sandbox.run_code("import time; time.sleep(0.3); 'slept'", timeout=30)).text == "slept"
    assert (await sandbox.run_code("time.sleep(0.3); 'slept'", timeout=None)).text == "slept"


async def test_a_deadline_while_waiting_for_input(shared: Any, flavour: str) -> None:
    """The callback answers after the deadline passed: the cell is over by then."""
    await shared.run_code("kept = 'state'")
    if flavour == "sync":

        def answer(prompt: str) -> str:
            import time

            time.sleep(SHORT * 2)
            return "late"
    else:
        import anyio

        async def answer(prompt: str) -> str:  # type: ignore[misc]
            await anyio.sleep(SHORT * 2)
            return "late"

    execution = await shared.run_code("input()\nwhile True: pass", on_input=answer, timeout=SHORT)
    assert execution.error.name == "ExecutionTimeout"
    assert (await shared.run_code("kept")).text == "state"


async def test_cleanup_code_runs_at_a_deadline(shared: Any) -> None:
    code = "cleaned = []\ntry:\n    while True: pass\nfinally:\n    cleaned.append(1)\n    print('cleaned')"
    execution = await shared.run_code(code, timeout=SHORT)
    assert execution.error.name == "ExecutionTimeout"
    assert execution.logs.stdout == ["cleaned\n"]
    assert (await shared.run_code("cleaned")).text == "[1]"


async def test_a_caught_deadline_is_still_reported(shared: Any) -> None:
    code = "try:\n    while True: pass\nexcept BaseException as e:\n    print(type(e).__name__)"
    execution = await shared.run_code(code, timeout=SHORT)
    assert execution.logs.stdout == ["ExecutionTimeout\n"]
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"


STUBBORN = [
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "import signal\nsignal.signal(signal.SIGINT, lambda *a: None)\nwhile True: pass",
    "import time\nwhile True:\n    try: time.sleep(3600)\n    except BaseException: pass",
    # A loop in C that never looks for an interrupt, and is over no iterator.
    "import decimal\nwith decimal.localcontext(prec=10**7, Emax=decimal.MAX_EMAX):\n    decimal.Decimal(3) ** 20_000_001",
]


@pytest.mark.parametrize("code", STUBBORN)
async def test_code_that_swallows_the_deadline_is_stopped_the_hard_way(open_sandbox: Any, code: str) -> None:
    sandbox = await open_sandbox(grace_seconds=0.2)
    await sandbox.run_code("x = 'gone'")
    await sandbox.write_file("kept.txt", "files stay")
    execution = await sandbox.run_code(f"print('start')\n{code}", timeout=SHORT)
    assert execution.error.name == "ExecutionTimeout"
    assert execution.logs.stdout == ["start\n"]
    assert execution.context_state == "lost"
    assert execution.error.message == (
        "the code ran longer than its timeout of 0.15 s and did not stop within 0.2 s of being asked to; "
        "the context's state is lost"
    )
    fresh = await sandbox.run_code("('x' in globals(), open('kept.txt').read())")
    assert fresh.text == "(False, 'files stay')"
    assert fresh.context_id == execution.context_id
    assert fresh.execution_count == 3


IN_C = [
    "sum(range(10**12))",
    "max(iter(int, 1))",
    "-1 in iter(int, 1)",
    "set(iter(int, 1))",
    "any(map(int, iter(int, 1)))",
    "sum(range(2**40, 2**60))",
    "dict.fromkeys(iter(int, 1))",
    "import itertools; sum(itertools.repeat(1))",
    "import itertools; max(itertools.count())",
    "import itertools; any(itertools.chain.from_iterable(itertools.repeat([0])))",
    "import itertools; sum(1 for _ in ()) or max(map(sum, itertools.permutations(range(20))))",
    "import collections, itertools; collections.deque(itertools.repeat(1))",
    "import collections, itertools; collections.deque(itertools.repeat(1), maxlen=0)",
    "import collections, itertools; collections.deque(zip(itertools.count(), itertools.cycle('ab')), 3)",
    "import itertools; list(itertools.islice(itertools.filterfalse(None, itertools.repeat(1)), 1))",
]


@pytest.mark.parametrize("code", IN_C)
async def test_loops_in_c_over_iterators_keep_the_context(shared: Any, code: str) -> None:
    await shared.run_code("kept = 'state'")
    execution = await shared.run_code(f"print('on')\n{code}", timeout=SHORT)
    assert execution.error.name == "ExecutionTimeout"
    assert execution.error.line_number == 2
    assert execution.error.traceback[-1] == "ExecutionTimeout: the cell ran longer than its timeout"
    assert (execution.context_state, execution.logs.stdout) == ("kept", ["on\n"])
    after = (
        "(kept, sum(range(10)), list(zip([1], 'a')), [*map(str, range(3))], list({1: 2}), max(iter([4]))) == "
    )
    after += "('state', 45, [(1, 'a')], ['0', '1', '2'], [1], 4)"
    assert (await shared.run_code(after)).text == "True"
    fresh = await shared.create_code_context()
    assert (await fresh.run_code("sum(range(10**6)) + sum(iter([1]))")).text == "499999500001"


async def test_a_statement_of_sqlite_without_an_end(shared: Any) -> None:
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"
    code = f"import sqlite3\nconnection = sqlite3.connect(':memory:')\nconnection.execute('{endless}').fetchone()"
    execution = await shared.run_code(code, timeout=SHORT)
    assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "kept")
    execution = await shared.run_code(
        "connection.execute('SELECT 1 + 1').fetchone(), sqlite3.connect.__name__"
    )
    assert execution.text == "((2,), 'connect')"


async def test_cleanup_after_a_loop_in_c(shared: Any) -> None:
    code = "try:\n    sum(range(10**12))\nexcept Exception:\n    print('never')\nfinally:\n    print([x for x in range(3)], sum(range(4)))"
    execution = await shared.run_code(code, timeout=SHORT)
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"
    assert execution.logs.stdout == ["[0, 1, 2] 6\n"]


async def test_interrupt_of_a_loop_in_c(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    face = context._target if hasattr(context, "_target") else context
    timer = threading.Timer(0.3, face._sandbox.interrupt_context, [face.id])
    timer.start()
    execution = await context.run_code("kept = 1\nsum(range(10**12))")
    timer.join()
    assert (execution.error.name, execution.error.message) == ("KeyboardInterrupt", "interrupted")
    assert (await context.run_code("kept + sum(range(3))")).text == "4"


async def test_an_error_of_the_cell_is_no_interrupt(shared: Any) -> None:
    execution = await shared.run_code("int(iter([1]))")
    assert execution.error.name == "TypeError"


def test_the_types_of_iterators_are_where_they_should_be() -> None:
    """Of all of them the offset of `tp_iter` is right, and so is that of `tp_iternext` beside it."""
    with Sandbox() as sandbox:
        context = sandbox.create_code_context()
        context.run_code("1")
        guest = context._core._guest
        assert isinstance(guest, PythonGuest)
        instance = guest._live()
        traps = Runtime.shared().engine.threads.run(
            lambda: instance.exclusively(lambda: iterator_traps(instance))
        )
        assert len(traps) == len(TYPES)
        itertools = guest._addresses["iterators"]
        assert len(itertools) > 20
        more = Runtime.shared().engine.threads.run(
            lambda: instance.exclusively(lambda: iterator_traps(instance, itertools))
        )
        # `tee` and `groupby` give iterators, of types that have no names.
        assert len(more) >= len(TYPES) + len(itertools) - 3


async def test_on_crash_error_needs_a_restart(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(on_crash="error", grace_seconds=0.1)
    context = await sandbox.create_code_context()
    assert (await context.run_code(STUBBORN[0], timeout=SHORT)).context_state == "lost"
    assert context.status == "broken"
    with pytest.raises(ContextBrokenError, match="lost its interpreter; restart it to use it again"):
        await context.run_code("1")
    await context.restart()
    assert (await context.run_code("1")).text == "1"


async def test_the_output_limit(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_output_bytes=10_000)
    await sandbox.run_code("kept = 'state'")
    execution = await sandbox.run_code("while True: print('x' * 99)", timeout=60)
    assert execution.error.name == "OutputLimitExceeded"
    assert execution.context_state == "kept"
    assert execution.logs.truncated is True
    assert sum(map(len, execution.logs.stdout)) == 10_000
    after = await sandbox.run_code("print('again')\nkept")
    assert (after.text, after.logs.stdout, after.logs.truncated) == ("state", ["again\n"], False)


@pytest.mark.parametrize(
    "code",
    [
        "print('x' * 20_000)",
        "import sys\nsys.stderr.write('x' * 20_000);",
        "display('x' * 20_000)",
        "'x' * 20_000",
        "import os\nos.write(1, b'x' * 20_000);",
        "for i in range(3): display('x' * 5_000)",
    ],
)
async def test_one_write_over_the_output_limit(open_sandbox: Any, code: str) -> None:
    sandbox = await open_sandbox(max_output_bytes=10_000)
    execution = await sandbox.run_code(code)
    assert execution.error is not None
    assert execution.error.name == "OutputLimitExceeded"
    assert execution.context_state == "kept"
    assert execution.logs.truncated is True
    assert (await sandbox.run_code("1")).text == "1"


async def test_output_exactly_at_the_limit_is_fine(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_output_bytes=10_000)
    execution = await sandbox.run_code("print('x' * 9_999)")
    assert execution.error is None
    assert execution.logs.truncated is False


@pytest.mark.parametrize(
    "code",
    [
        "x = bytearray(200 << 20)",
        "x = []\nwhile True: x.append(bytearray(1 << 20))",
        "x = []\nwhile True: x.append('abc' * 1000 + str(len(x)))",
        "[0] * (64 << 20)",
        "x = 'a'\nwhile True: x += x",
        "x = {}\nfor i in range(10**9): x[i] = str(i)",
        "bytes(range(256)) * (1 << 20)",
    ],
)
async def test_too_much_memory_is_a_memory_error(open_sandbox: Any, code: str) -> None:
    sandbox = await open_sandbox(memory_bytes=96 << 20)
    await sandbox.run_code("kept = 'state'")
    execution = await sandbox.run_code(code, timeout=60)
    assert execution.error.name == "MemoryError"
    assert execution.context_state == "kept"
    after = await sandbox.run_code("x = None\nkept")
    assert (after.error, after.text) == (None, "state")
    [context] = await sandbox.list_code_contexts()
    assert context.memory_bytes <= 96 << 20


async def test_code_larger_than_the_memory(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(memory_bytes=64 << 20, max_code_bytes=1 << 30)
    await sandbox.run_code("kept = 'state'")
    execution = await sandbox.run_code("x = '" + "a" * (100 << 20) + "'")
    assert execution.error.name == "MemoryError"
    assert (await sandbox.run_code("kept")).text == "state"


DEEP = [
    "def f(): return f()\nf()",
    "class C:\n    def __getattr__(self, name): return getattr(self, name + 'a')\nC().x",
    "class C:\n    def __repr__(self): return repr(self)\nrepr(C())",
    "class C:\n    def __eq__(self, other): return self == other\nC() == 1",
    "import json\njson.loads('[' * 100_000)",
    "import json\njson.dumps(nested)",
    "repr(nested)",
    "nested == nested2",
    "import pickle\npickle.dumps(nested)",
    "import copy\ncopy.deepcopy(nested)",
    "import marshal\nmarshal.dumps(nested)",
    "import ast\nast.literal_eval('-' * 50_000 + '1')",
    "eval('(' * 500 + ')' * 500)",
    "eval('+'.join(['1'] * 50_000))",
    "import re\nre.compile('(' * 5000 + ')' * 5000)",
]


UNLIMITED = [
    "import sys\nsys.setrecursionlimit(10**9)\ntry:\n    def f(): return f()\n    f()\n"
    "finally: sys.setrecursionlimit(1000)",
    "import sys\nsys.setrecursionlimit(10**9)\ntry:\n    class C:\n        def __repr__(self): return repr(self)\n"
    "    repr(C())\nfinally: sys.setrecursionlimit(1000)",
    "import sys\nsys.setrecursionlimit(10**9)\ntry: sorted([1, 2], key=(f := lambda n: max([n], key=f)))\n"
    "finally: sys.setrecursionlimit(1000)",
]


@pytest.mark.parametrize("code", DEEP)
async def test_deep_recursion_is_an_error_and_the_context_is_kept(shared: Any, code: str) -> None:
    setup = (
        "kept = 'state'\nnested = []\nfor _ in range(100_000): nested = [nested]\n"
        "nested2 = []\nfor _ in range(100_000): nested2 = [nested2]"
    )
    assert (await shared.run_code(setup)).error is None
    execution = await shared.run_code(code, timeout=60)
    assert execution.error is not None
    assert execution.error.name in ("RecursionError", "MemoryError", "ValueError", "SyntaxError")
    assert execution.context_state == "kept"
    assert (await shared.run_code("kept")).text == "state"


@pytest.mark.parametrize("code", UNLIMITED)
async def test_recursion_without_a_limit_ends_at_the_stack_or_the_memory(
    open_sandbox: Any, code: str
) -> None:
    sandbox = await open_sandbox(memory_bytes=96 << 20)
    await sandbox.run_code("kept = 'state'")
    execution = await sandbox.run_code(code, timeout=60)
    assert execution.error is not None
    assert execution.error.name in ("RecursionError", "MemoryError")
    assert execution.context_state == "kept"
    assert (await sandbox.run_code("kept")).text == "state"


@pytest.mark.parametrize(
    "code",
    [
        "t = ()\nfor _ in range(500_000): t = (t,)\ndel t",
        "import itertools\ni = iter([])\nfor _ in range(100_000): i = itertools.chain(i)\ndel i",
        "g = (x for x in [1])\nfor _ in range(100_000): g = (x for x in g)\ndel g",
        "class N:\n    pass\nn = N()\nfor _ in range(100_000):\n    m = N(); m.next = n; n = m\ndel n, m",
        "d = {}\nfor _ in range(100_000): d = {'a': d}\ndel d",
        "e = ValueError()\nfor _ in range(100_000):\n    f = ValueError(); f.__cause__ = e; e = f\ndel e, f",
    ],
)
async def test_freeing_deep_structures(shared: Any, code: str) -> None:
    await shared.run_code("kept = 'state'")
    execution = await shared.run_code(code, timeout=60)
    assert execution.error is None
    assert execution.context_state == "kept"
    assert (await shared.run_code("kept")).text == "state"


async def test_showing_a_deep_result_keeps_the_context(shared: Any) -> None:
    await shared.run_code("kept = 'state'")
    execution = await shared.run_code("deep = []\nfor _ in range(100_000): deep = [deep]\ndeep", timeout=60)
    assert execution.context_state == "kept"
    assert execution.text is not None
    assert (await shared.run_code("kept")).text == "state"


async def test_too_many_open_files(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_open_files=32)
    code = """
import errno
files = []
try:
    while True: files.append(open("/workspace/many", "w"))
except OSError as error:
    problem = errno.errorcode[error.errno]
    count = len(files)
    files.clear()
open("/workspace/many").close()
(problem, 20 < count < 32)
"""
    execution = await sandbox.run_code(code)
    assert execution.error is None, execution.error
    assert execution.text == "('EMFILE', True)"
