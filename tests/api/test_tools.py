"""Functions of the host that guest code calls."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import datetime
import enum
import threading
import time
from typing import Any, Literal

import anyio
import pytest
from pydantic import BaseModel

from pywasm_sandbox import Sandbox, SandboxError, Tool, ToolCall

pytestmark = pytest.mark.anyio


class Point(BaseModel):
    x: int
    y: int = 0


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Box:
    corner: Point
    label: str


async def _lines(sandbox: Any, code: str, **options: Any) -> list[str]:
    execution = await sandbox.run_code(code, **options)
    assert execution.error is None, execution.error
    return "".join(execution.logs.stdout).splitlines()


async def _raised(sandbox: Any, code: str) -> str:
    """The type and message that a statement raises in the guest."""
    code = f"import host\ntry: {code}\nexcept Exception as e: print(type(e).__module__, type(e).__name__, e)"
    (line,) = await _lines(sandbox, code)
    return line.removeprefix("builtins ")


def lookup(key: str, limit: int = 3, *, exact: bool = False) -> dict[str, Any]:
    """Find what belongs to a key.

    Twice as much text here.
    """
    return {"key": key, "limit": limit, "exact": exact}


async def test_a_tool_is_imported_and_called(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(tools=[lookup])
    assert await _lines(
        sandbox, "from host import lookup\nprint(lookup('a'), lookup('b', 5, exact=True))"
    ) == ["{'key': 'a', 'limit': 3, 'exact': False} {'key': 'b', 'limit': 5, 'exact': True}"]


async def test_an_exposed_function_is_seen_by_contexts_that_run_already(open_sandbox: Any) -> None:
    sandbox = await open_sandbox()
    assert await _raised(sandbox, "host.lookup") == (
        "AttributeError the host exposes no function 'lookup' to this sandbox (it exposes: none)"
    )
    sandbox.expose(lookup)

    @sandbox.expose(name="renamed")
    def other() -> int:
        return 7

    assert other() == 7
    assert await _lines(
        sandbox, "print(host.lookup('a')['key'], host.renamed(), host.__all__, dir(host))"
    ) == ["a 7 ['lookup', 'renamed'] ['ToolError', 'lookup', 'renamed']"]
    assert await _raised(sandbox, "from host import absent") == (
        "ImportError cannot import name 'absent' from 'host' (/usr/lib/pywasm/shims/host.py)"
    )


async def test_docstring_and_signature_are_visible(open_sandbox: Any) -> None:
    def typed(
        a: int,
        /,
        point: Point,
        *rest: float,
        when: datetime.date = datetime.date(2020, 1, 2),
        **more: str | None,
    ) -> list[Point]:
        return []

    sandbox = await open_sandbox(tools=[lookup, typed])
    code = """import inspect, host
help(host.lookup)
print(inspect.signature(host.typed))
print(host.lookup.__doc__)"""
    assert await _lines(sandbox, code) == [
        "Help on function lookup in module host:",
        "",
        "lookup(key: str, limit: int = 3, *, exact: bool = False) -> dict[str, Any]",
        "    Find what belongs to a key.",
        "",
        "    Twice as much text here.",
        "",
        "(a: int, /, point: Point, *rest: float, when: datetime.date = datetime.date(2020, 1, 2), "
        "**more: str | None) -> list[Point]",
        "Find what belongs to a key.",
        "",
        "Twice as much text here.",
    ]


async def test_arguments_become_what_the_annotations_say(open_sandbox: Any) -> None:
    seen: list[Any] = []

    def take(
        point: Point,
        when: datetime.datetime,
        data: bytes,
        numbers: set[int],
        color: Color,
        mode: Literal["r", "w"] = "r",
        *rest: Point,
        **more: tuple[int, str],
    ) -> None:
        seen.append((point, when, data, numbers, color, mode, rest, more))

    sandbox = await open_sandbox(tools=[take])
    await _lines(
        sandbox,
        "from host import take\nfrom datetime import datetime\nimport numpy as np\n"
        "take({'x': '1'}, datetime(2020, 1, 2, 3), b'\\0\\xff', {1, 2}, 'red', 'w', {'x': np.int64(5)}, a=(1, 'b'))",  # noqa: E501
    )
    assert seen == [
        (
            Point(x=1),
            datetime.datetime(2020, 1, 2, 3),
            b"\0\xff",
            {1, 2},
            Color.RED,
            "w",
            (Point(x=5),),
            {"a": (1, "b")},
        )
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("lookup()", "TypeError lookup(): argument key: Missing required argument"),
        ("lookup('a', 1, 2)", "TypeError lookup(): argument 2: Unexpected positional argument"),
        ("lookup('a', key='b')", "TypeError lookup(): argument key: Got multiple values for argument"),
        ("lookup('a', wrong=1)", "TypeError lookup(): argument wrong: Unexpected keyword argument"),
        ("lookup(5)", "ValueError lookup(): argument key: Input should be a valid string"),
        (
            "lookup('a', limit='many')",
            "ValueError lookup(): argument limit: "
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        ("lookup(object())", "TypeError an object of type 'object' can't be sent to the host"),
        ("lookup({(1, 2): 3})", "TypeError keys must be str, int, float, bool or None, not tuple"),
    ],
)
async def test_wrong_arguments_fail_in_the_guest(open_sandbox: Any, call: str, message: str) -> None:
    calls: list[str] = []

    def counted(key: str, limit: int = 3, *, exact: bool = False) -> None:
        calls.append(key)

    sandbox = await open_sandbox(tools=[Tool(function=counted, name="lookup")])
    assert (await _raised(sandbox, f"host.{call}")) == message
    assert calls == []
    await _lines(sandbox, "host.lookup('a', 1, exact=True)")
    assert calls == ["a"]


async def test_results_are_data(open_sandbox: Any) -> None:
    values: dict[str, Any] = {
        "text": "ä\ud800",
        "bytes": [b"\0\xff", {"a": b""}],
        "model": Point(x=1),
        "dataclass": Box(Point(x=2), "b"),
        "date": datetime.date(2020, 1, 2),
        "mixed": {"a": [1, 2.5, None, True], "b": {"c": float("inf")}},
        "tuple": (1, (2,)),
        "color": Color.RED,
    }

    def get(name: str) -> Any:
        return values[name]

    sandbox = await open_sandbox(tools=[get])
    assert await _lines(
        sandbox, f"from host import get\nfor name in {list(values)}: print(ascii(get(name)))"
    ) == [
        "'\\xe4\\ud800'",
        "[b'\\x00\\xff', {'a': b''}]",
        "{'x': 1, 'y': 0}",
        "{'corner': {'x': 2, 'y': 0}, 'label': 'b'}",
        "'2020-01-02'",
        "{'a': [1, 2.5, None, True], 'b': {'c': inf}}",
        "[1, [2]]",
        "'red'",
    ]
    values["socket"] = object()
    assert (await _raised(sandbox, "host.get('socket')")).startswith(
        "TypeError get() returned what can't be sent as data: "
    )


async def test_async_functions(open_sandbox: Any) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("caller's")

    async def wait(seconds: float) -> str:
        await anyio.sleep(seconds)
        return variable.get()

    sandbox = await open_sandbox(tools=[wait])
    await sandbox.run_code("import host")
    assert await _lines(sandbox, "from host import wait\nprint(wait(0.01), wait(0.01))") == [
        "caller's caller's"
    ]


async def test_a_function_runs_where_the_caller_is(open_sandbox: Any) -> None:
    threads: list[int] = []
    sandbox = await open_sandbox(
        tools=[Tool(function=lambda: threads.append(threading.get_ident()), name="where")]
    )
    await _lines(sandbox, "import host\nhost.where()")
    assert threads == [threading.get_ident()]


class OwnError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (ValueError("no", 5), "ValueError ('no', 5)"),
        (KeyError("k"), "KeyError 'k'"),
        (FileNotFoundError(2, "gone"), "FileNotFoundError [Errno 44] gone"),
        (ConnectionRefusedError(111, "nobody"), "ConnectionRefusedError [Errno 14] nobody"),
        (OwnError("mine"), "host ToolError OwnError: mine"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), "host ToolError UnicodeDecodeError: "),
        (ExceptionGroup("group", [ValueError()]), "host ToolError ExceptionGroup: group (1 sub-exception)"),
        (ValueError(object), "ValueError <class 'object'>"),
    ],
)
async def test_exceptions_are_carried_over(open_sandbox: Any, error: Exception, seen: str) -> None:
    def fail() -> None:
        raise error from RuntimeError("hidden cause")

    sandbox = await open_sandbox(tools=[fail])
    assert (await _raised(sandbox, "host.fail()")).startswith(seen)


async def test_nothing_of_the_host_is_in_a_traceback(open_sandbox: Any) -> None:
    def fail() -> None:
        secret_local = "secret"
        raise ValueError("told") from RuntimeError(secret_local)

    sandbox = await open_sandbox(tools=[fail])
    execution = await sandbox.run_code("import host\nhost.fail()")
    assert execution.error.name == "ValueError"
    text = "\n".join(execution.error.traceback)
    assert "told" in text
    assert "secret" not in text
    assert __file__ not in text


async def test_a_gate_decides_on_each_call(open_sandbox: Any) -> None:
    asked: list[ToolCall] = []

    def gate(call: ToolCall) -> bool:
        asked.append(call)
        if call.args[0] == "why":
            raise PermissionError("because")
        return bool(call.args[0] != "no")

    sandbox = await open_sandbox(tools=[Tool(function=lookup, gate=gate)])
    assert (
        await _raised(sandbox, "host.lookup('no')")
        == "PermissionError the host refused this call of lookup()"
    )
    assert await _raised(sandbox, "host.lookup('why')") == "PermissionError because"
    assert await _lines(sandbox, "print(host.lookup('yes', limit='5')['limit'])") == ["5"]
    assert asked[2] == ToolCall("lookup", ("yes",), {"limit": 5, "exact": False}, asked[0].context_id)
    assert asked[2].context_id == sandbox._core.default_context("python").id
    assert len(asked) == 3


async def test_an_async_gate(open_sandbox: Any) -> None:
    async def gate(call: ToolCall) -> bool:
        await anyio.sleep(0)
        return False

    sandbox = await open_sandbox(tools=[Tool(function=lookup, gate=gate)])
    assert (
        await _raised(sandbox, "host.lookup('a')") == "PermissionError the host refused this call of lookup()"
    )


@pytest.mark.parametrize("answer", [None, 1, "yes"])
async def test_a_gate_that_says_neither_yes_nor_no_refuses(open_sandbox: Any, answer: Any) -> None:
    calls: list[int] = []
    tool = Tool(function=lambda: calls.append(1), name="f", gate=lambda call: answer)
    sandbox = await open_sandbox(tools=[tool])
    with pytest.raises(TypeError, match="must return True or False"):
        await sandbox.run_code("import host\nhost.f()")
    assert calls == []
    assert await _lines(sandbox, "print(1)") == ["1"]


async def test_limits_of_size(open_sandbox: Any) -> None:
    def echo(text: str) -> str:
        return text * 2

    sandbox = await open_sandbox(tools=[Tool(function=echo, max_argument_bytes=200, max_result_bytes=200)])
    assert await _lines(sandbox, "import host\nprint(len(host.echo('x' * 90)))") == ["180"]
    assert (await _raised(sandbox, "host.echo('x' * 200)")).startswith("ValueError echo(): 2")
    assert await _raised(sandbox, "host.echo('x' * 120)") == (
        "ValueError echo() returned 242 bytes, over the limit of 200"
    )


async def test_a_limit_of_calls_in_one_run(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(tools=[Tool(function=lookup, max_calls_per_run=3)])
    code = """import host
for i in range(4):
    try: print(host.lookup('a')['limit'])
    except PermissionError as e: print(e)"""
    for _ in range(2):
        assert await _lines(sandbox, code) == ["3", "3", "3", "lookup(): more than 3 calls in one run"]


async def test_a_rate_slows_the_guest_down(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(tools=[Tool(function=lookup, max_calls_per_second=20)])
    started = time.monotonic()
    await _lines(sandbox, "import host\nfor i in range(30): host.lookup('a')")
    assert time.monotonic() - started > 0.4  # 20 at once, the others 50 ms apart
    execution = await sandbox.run_code("for i in range(10_000): host.lookup('a')", timeout=0.3)
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"


async def test_a_deadline_ends_an_async_tool(open_sandbox: Any) -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await anyio.sleep(60)
        except BaseException as error:
            ended.append(type(error).__name__)
            raise

    sandbox = await open_sandbox(tools=[wait])
    await sandbox.run_code("import host")
    execution = await sandbox.run_code("import host\nx = 1\nhost.wait()", timeout=0.3)
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"
    assert await _lines(sandbox, "print(x)") == ["1"]
    with anyio.fail_after(5):
        while not ended:
            await anyio.sleep(0.01)
    assert ended[0] in ("CancelledError", "Cancelled")


async def test_a_late_answer_is_nobody_elses(open_sandbox: Any) -> None:
    def slow(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    sandbox = await open_sandbox(tools=[slow])
    await sandbox.run_code("import host")
    code = """import host
try: host.slow(0.5)
except BaseException as e: print(type(e).__name__)
print(host.slow(0))"""
    execution = await sandbox.run_code(
        code,
        timeout=0.2,
    )
    assert "".join(execution.logs.stdout).splitlines()[0] == "ExecutionTimeout"
    assert await _lines(sandbox, "print(host.slow(0.25), host.slow(0))") == ["0.25 0.0"]


async def test_what_stops_the_caller_stops_the_run(open_sandbox: Any) -> None:
    class Stop(BaseException):
        pass

    def stop() -> None:
        raise Stop

    sandbox = await open_sandbox(tools=[stop])
    with pytest.raises(Stop):
        await sandbox.run_code("import host\nx = 1\nhost.stop()\nx = 2")
    assert await _lines(sandbox, "print(x)") == ["1"]


async def test_a_tool_can_run_code_in_another_context_only(open_sandbox: Any) -> None:
    boxes: list[Any] = []

    def own() -> None:
        boxes[0].run_code("1", context=boxes[1])

    if (sandbox := await open_sandbox(tools=[own])) and not hasattr(sandbox, "_target"):
        pytest.skip("of the synchronous API")
    boxes.append(sandbox._target)
    context = sandbox._target.create_code_context()
    boxes.append(context)
    execution = context.run_code("import host\nhost.own()")
    assert execution.error.name == "ToolError"
    assert "ContextBusyError" in execution.error.message


async def test_output_before_a_call_comes_before_it(open_sandbox: Any) -> None:
    order: list[str] = []
    sandbox = await open_sandbox(tools=[Tool(function=lambda: order.append("call"), name="mark")])
    await sandbox.run_code(
        "import host\nprint('a')\nhost.mark()\nprint('b')\nhost.mark()",
        on_stdout=lambda text: order.append(text.strip()),
    )
    assert order == ["a", "call", "b", "call"]


async def test_forks_and_restored_contexts_call_too(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(tools=[lookup])
    context = await sandbox.create_code_context()
    await context.run_code("from host import lookup")
    fork = await context.fork()
    assert (await fork.run_code("lookup('a')['key']")).text == "a"
    snapshot = await context.snapshot()
    other = await open_sandbox()
    restored = await other.create_code_context(snapshot=snapshot)
    execution = await restored.run_code("lookup('a')")
    assert (execution.error.name, execution.error.message) == (
        "AttributeError",
        "the host exposes no function 'lookup'",
    )


async def test_hostile_calls_get_errors(open_sandbox: Any) -> None:
    calls: list[Any] = []
    sandbox = await open_sandbox(tools=[Tool(function=lambda *a, **k: calls.append((a, k)), name="f")])

    async def reply(message: str) -> str:
        request = f"_pywasm.request(json.dumps({message}).encode())"
        (line,) = await _lines(sandbox, f"import _pywasm, json\nprint(json.loads({request})['error'])")
        return line

    assert await reply("{'op': 'tool'}") == "TypeError"
    assert await reply("{'op': 'tool', 'name': 5}") == "TypeError"
    assert await reply("{'op': 'tool', 'name': 'g'}") == "AttributeError"
    assert await reply("{'op': 'tool', 'name': '__class__'}") == "AttributeError"
    assert await reply("{'op': 'tool', 'name': 'f', 'args': {}}") == "TypeError"
    assert await reply("{'op': 'tool', 'name': 'f', 'kwargs': []}") == "TypeError"
    assert await reply("{'op': 'tool', 'name': 'f', 'args': [{'__pywasm_bytes__': '?'}]}") == "ValueError"
    assert await reply("{'op': 'tool', 'name': 'f', 'args': [{'__pywasm_bytes__': 5}]}") == "ValueError"
    assert calls == []
    await _lines(sandbox, "import host\nhost.f(1, self=2, lambda_=3)")
    assert calls == [((1,), {"self": 2, "lambda_": 3})]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Tool(function=5), TypeError),  # type: ignore[arg-type]
        (lambda: Tool(function=lookup, gate=5), TypeError),  # type: ignore[arg-type]
        (lambda: Tool(function=lookup, max_calls_per_second=0), ValueError),
        (lambda: Tool(function=lookup, max_calls_per_run=-1), ValueError),
        (lambda: Tool(function=lookup, max_result_bytes=0), ValueError),
    ],
)
def test_options_are_checked(make: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


def test_names_are_checked() -> None:
    with pytest.raises(ValueError, match="'<lambda>'"):
        Sandbox(tools=[lambda: 1])
    with pytest.raises(ValueError, match="exposed already"):
        Sandbox(tools=[lookup, lookup])
    with Sandbox(tools=[lookup]) as sandbox, pytest.raises(ValueError, match="'_private'"):
        sandbox.expose(lookup, name="_private")


def test_an_async_tool_works_inside_a_running_loop() -> None:
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    async def main() -> None:
        with Sandbox(tools=[double]) as sandbox:
            assert sandbox.run_code("import host\nhost.double(4)").text == "8"

    asyncio.run(main())
    assert [thread.name for thread in threading.enumerate() if "async-tools" in thread.name] == []


def test_a_closed_sandbox_runs_no_tools() -> None:
    sandbox = Sandbox(tools=[lookup])
    sandbox.close()
    with pytest.raises(SandboxError):
        sandbox.run_code("import host")


async def test_inline_tools_run_on_the_sandboxes_thread(open_sandbox: Any) -> None:
    threads: list[int] = []

    def where(key: str) -> dict[str, int]:
        threads.append(threading.get_ident())
        if key == "bad":
            raise KeyError(key)
        if key == "worse":
            raise SystemExit(3)
        return {key: 1}

    def gate(call: ToolCall) -> bool:
        if call.args[0] == "fails":
            raise RuntimeError("a bug of the gate")
        return bool(call.args[0] != "no")

    sandbox = await open_sandbox(tools=[Tool(function=where, inline=True, gate=gate)])
    assert await _lines(sandbox, "import host\nprint(host.where('a'))") == ["{'a': 1}"]
    assert await _raised(sandbox, "host.where('bad')") == "KeyError 'bad'"
    assert await _raised(sandbox, "host.where('worse')") == "host ToolError SystemExit: 3"
    for refused in ("no", "fails"):
        assert await _raised(sandbox, f"host.where('{refused}')") == (
            "PermissionError the host refused this call of where()"
        )
    assert (await _raised(sandbox, "host.where(5)")).startswith("ValueError where(): argument key")
    assert len(threads) == 3
    assert threading.get_ident() not in threads


def test_inline_tools_are_not_async() -> None:
    async def f() -> None:
        pass

    with pytest.raises(TypeError, match="can't be async"):
        Tool(function=f, inline=True)
    with pytest.raises(TypeError, match="can't be async"):
        Tool(function=lookup, gate=f, inline=True)
