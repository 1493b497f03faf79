"""Cells as in a good REPL: values, declarations that stay, awaiting, timers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pywasm_sandbox import Context, Sandbox

from .conftest import Run

Text = Callable[[str], str | None]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1 + 1", "2"),
        ("'a' + 1", "a1"),
        ("({a: 1})", "{ a: 1 }"),
        ("{a: 1}", "{ a: 1 }"),
        ("{}", "{}"),
        ("{ let x = 3; x * 2 }", "6"),
        ("{a: 1};", "1"),
        ("if (true) { 5 } else { 6 }", "5"),
        ("for (let i = 0; i < 3; i++) i", "2"),
        ("var q = 5", None),
        ("undefined", None),
        ("null", None),
        ("void 0", None),
        ("[1, 2, 3].map((x) => x * 2)", "[ 2, 4, 6 ]"),
        ("await 7", "7"),
        ("Promise.resolve(8)", "8"),
        ("(async () => { await null; return {ok: true} })()", "{ ok: true }"),
        ("await new Promise((r) => setTimeout(r, 10)); 'slept'", "slept"),
        ("for await (const x of [Promise.resolve(1), 2]) x", "2"),
        ("", None),
        ("// nothing", None),
    ],
)
def test_value_of_a_cell(text: Text, code: str, expected: str | None) -> None:
    assert text(code) == expected


def test_declarations_stay(text: Text) -> None:
    text("const a = 1; let b = 2; var c = 3; class D { x = 4 }")
    text("function e() { return 5 }; async function f() { return 6 }")
    assert text("a + b + c + new D().x + e() + (await f())") == "21"


@pytest.mark.parametrize("first", ["const", "let", "var", "class", "function"])
@pytest.mark.parametrize("second", ["const", "let", "var", "class", "function"])
def test_declared_again(text: Text, first: str, second: str) -> None:
    forms = {
        "const": "const thing = {}",
        "let": "let thing = {}",
        "var": "var thing = {}",
        "class": "class thing {}",
        "function": "function thing() {}",
    }
    text(f"{forms[first]}; thing.from = 1")
    assert text(f"{forms[second]}; thing.from") is None
    text("thing.from = 2")
    assert text("thing.from") == "2"


def test_a_const_is_one_within_its_cell_and_later(run: Run) -> None:
    assert run("const k = 1; k = 2").error.name == "TypeError"  # type: ignore[union-attr]
    assert run("k = 3").error.name == "TypeError"  # type: ignore[union-attr]
    assert run("k").text == "1"


def test_twice_in_one_cell_is_a_syntax_error(run: Run) -> None:
    assert run("let twice = 1; let twice = 2").error.name == "SyntaxError"  # type: ignore[union-attr]


def test_a_cell_that_failed_leaves_its_names_usable(run: Run) -> None:
    assert run("const broken = (() => { throw new Error('no') })()").error is not None
    assert run("const broken = 1; broken").text == "1"


def test_await_in_a_declaration(text: Text) -> None:
    assert text("const value = await Promise.resolve(41); value + 1") == "42"
    assert text("value") == "41"


def test_standard_output_ends_and_stays_open(run: Run) -> None:
    pipeline = "await require('stream/promises').pipeline(['a', 'b'], process.stdout)"
    execution = run(f"{pipeline}; console.log('c'); process.stdout.writable")
    assert execution.error is None
    assert (execution.logs.stdout, execution.text) == (["abc\n"], "true")
    execution = run("process.stdout.end('d\\n', () => console.log('written'))")
    assert "".join(execution.logs.stdout) == "d\nwritten\n"


def test_timers_run_in_time_order_before_the_cell_ends(run: Run) -> None:
    execution = run(
        "setTimeout(() => console.log('c'), 30); setTimeout(() => console.log('b'), 10);"
        "setImmediate(() => console.log('i')); process.nextTick(() => console.log('t'));"
        "queueMicrotask(() => console.log('m')); console.log('a'); 'value'"
    )
    assert execution.error is None
    assert "".join(execution.logs.stdout).split() == ["a", "t", "m", "i", "b", "c"]
    assert execution.text == "value"


def test_interval_until_cleared(run: Run) -> None:
    execution = run("let n = 0; const t = setInterval(() => { n += 1; if (n === 3) clearInterval(t) }, 5); 0")
    assert execution.error is None
    assert run("n").text == "3"


def test_five_increments_at_once(sandbox: Sandbox) -> None:
    from concurrent.futures import ThreadPoolExecutor

    context = sandbox.create_code_context(language="js")
    sandbox.run_code("let counter = 0", context=context)
    with ThreadPoolExecutor(5) as pool:
        runs = [pool.submit(sandbox.run_code, "counter += 1", context=context) for _ in range(5)]
    assert sorted(run.result().text or "" for run in runs) == ["1", "2", "3", "4", "5"]


def test_a_fork_goes_its_own_way(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context(language="javascript")
    sandbox.run_code("let where = 'both'; const list = [1]", context=context)
    twin = context.fork()
    sandbox.run_code("where = 'twin'; list.push(2)", context=twin)
    assert sandbox.run_code("where + list.length", context=context).text == "both1"
    assert sandbox.run_code("where + list.length", context=twin).text == "twin2"


def test_clones_have_their_own_randomness(sandbox: Sandbox) -> None:
    def draw(contexts: list[Context]) -> set[str | None]:
        code = "[Math.random(), crypto.randomUUID()].join()"
        return {sandbox.run_code(code, context=each).text for each in contexts}

    contexts = [sandbox.create_code_context(language="javascript") for _ in range(3)]
    assert len(draw(contexts)) == 3
    assert len(draw([contexts[0].fork(), contexts[0].fork()])) == 2


def test_default_context_of_the_language(sandbox: Sandbox) -> None:
    sandbox.run_code("var shared = 5", language="javascript")
    assert sandbox.run_code("shared", language="js").text == "5"
