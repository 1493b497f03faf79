"""Errors with the user's own places, and nothing of the guest's."""

from __future__ import annotations

import pytest

from .conftest import Run


def failure(run: Run, code: str) -> tuple[str, str, int | None, list[str]]:
    error = run(code).error
    assert error is not None
    return error.name, error.message, error.line_number, error.traceback


def test_line_column_and_frame(run: Run) -> None:
    code = "function thrower() {\n  throw new RangeError('bad')\n}\n\nthrower()"
    name, message, line, traceback = failure(run, code)
    assert (name, message, line) == ("RangeError", "bad", 2)
    assert traceback == [
        "<cell 1>:2",
        "  throw new RangeError('bad')",
        "            ^",
        "",
        "RangeError: bad",
        "    at thrower (<cell 1>:2:13)",
        "    at <cell 1>:5:1",
    ]


def test_a_function_of_an_earlier_cell(run: Run) -> None:
    run("function early() {\n  null.x\n}")
    *_, line, traceback = failure(run, "\n\nearly()")
    assert line == 3
    assert traceback[0] == "<cell 1>:2"
    assert traceback[-2:] == ["    at early (<cell 1>:2:3)", "    at <cell 2>:3:1"]


@pytest.mark.parametrize(
    ("code", "line", "marked"),
    [
        ("let a = 1;\nlet b = ;", 2, "        ^"),
        ("const x = {\n  y: [1, 2\n}", 3, "^"),
        ("`never closed", 1, "^"),
        ("return 5 +", 1, None),
        ("const import = 1", 1, None),
    ],
)
def test_syntax_errors(run: Run, code: str, line: int, marked: str | None) -> None:
    name, _, at, traceback = failure(run, code)
    assert (name, at) == ("SyntaxError", line)
    assert traceback[0] == f"<cell 1>:{line}"
    if marked is not None:
        assert traceback[2] == marked


def test_cause_and_aggregate(run: Run) -> None:
    *_, traceback = failure(run, "throw new Error('outer', { cause: new TypeError('inner') })")
    text = "\n".join(traceback)
    assert "Error: outer" in text
    assert "[cause]: TypeError: inner" in text
    name, message, _, traceback = failure(
        run, "throw new AggregateError([new Error('a'), new RangeError('b')], 'many')"
    )
    text = "\n".join(traceback)
    assert (name, message) == ("AggregateError", "many")
    assert "[errors]: [" in text
    assert "RangeError: b" in text


def test_properties_of_an_error_are_shown(run: Run) -> None:
    *_, traceback = failure(run, "throw Object.assign(new Error('x'), { code: 'E_X', detail: { a: 1 } })")
    assert "  code: 'E_X'," in traceback


@pytest.mark.parametrize(
    ("code", "message", "last"),
    [
        ("throw 'text'", "text", "Uncaught 'text'"),
        ("throw 5", "5", "Uncaught 5"),
        ("throw null", "null", "Uncaught null"),
        ("throw { code: 1 }", "{ code: 1 }", "Uncaught { code: 1 }"),
        ("throw undefined", "undefined", "Uncaught undefined"),
    ],
)
def test_thrown_values(run: Run, code: str, message: str, last: str) -> None:
    assert failure(run, code) == ("Error", message, None, [last])


def test_rejections(run: Run) -> None:
    assert failure(run, "await Promise.reject(new TypeError('a'))")[:3] == ("TypeError", "a", 1)
    assert failure(run, "Promise.reject(new TypeError('b')); 1")[:3] == ("TypeError", "b", 1)
    assert failure(run, "setTimeout(() => Promise.reject(new Error('c')), 1); 1")[:3] == ("Error", "c", 1)
    assert failure(run, "setTimeout(() => {\n  throw new Error('d')\n}, 1); 1")[:3] == ("Error", "d", 2)
    assert failure(run, "queueMicrotask(() => { throw new Error('e') }); 1")[:2] == ("Error", "e")
    assert (
        run("const p = Promise.reject(new Error('handled later')); await null; p.catch(() => 'ok')").text
        == "ok"
    )


def test_the_first_failure_ends_the_cell(run: Run) -> None:
    execution = run("setTimeout(() => console.log('late'), 20); Promise.reject(new Error('x')); 1")
    assert execution.error is not None
    assert execution.logs.stdout == []
    assert run("await new Promise((r) => setTimeout(r, 40)); 2").logs.stdout == []


def test_handlers_of_the_process(run: Run) -> None:
    execution = run(
        "process.on('unhandledRejection', (e) => console.log('rejected', e.message));"
        "process.on('uncaughtException', (e) => console.log('uncaught', e.message));"
        "Promise.reject(new Error('r')); setTimeout(() => { throw new Error('t') }, 1); 1"
    )
    assert execution.error is None
    assert execution.logs.stdout == ["rejected r\n", "uncaught t\n"]


def test_a_promise_that_nothing_settles(run: Run) -> None:
    name, message, *_ = failure(run, "await new Promise(() => {})")
    assert (name, message) == (
        "UnsettledAwaitError",
        "the cell awaits a promise that nothing is left to settle",
    )


def test_nothing_of_the_guest_is_seen(run: Run) -> None:
    codes = [
        "setTimeout(() => { throw new Error('x') }, 1)",
        "require('fs').readFileSync('/nope')",
        "[1].map(() => null.x)",
        "new (require('events'))().emit('error', new Error('e'))",
        "require('assert').strictEqual(1, 2)",
        "console.log(new Error('logged').stack)",
        "display({ get [Symbol.for('Jupyter.display')]() { throw new Error('g') } })",
    ]
    for code in codes:
        execution = run(code)
        shown = "\n".join(execution.logs.stdout + (execution.error.traceback if execution.error else []))
        assert "pywasm" not in shown, code
        assert "<cell" in shown, code


@pytest.mark.parametrize(
    "code",
    [
        "throw { get name() { throw 1 }, __proto__: Error.prototype }",
        "throw new Proxy(new Error('p'), { get() { throw new Error('trap') } })",
        "throw { get stack() { throw 1 }, [Symbol.toStringTag]: 'Error' }",
        "throw { [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('again') } }",
    ],
)
def test_hostile_errors(run: Run, code: str) -> None:
    execution = run(code)
    assert execution.error is not None
    assert execution.context_state == "kept"
    assert run("1 + 1").text == "2"


@pytest.mark.parametrize(
    "damage",
    [
        "JSON.stringify = () => '{}'; JSON.parse = () => ({})",
        "Array.prototype.push = Array.prototype.map = () => { throw 1 }",
        "Object.prototype.then = () => {}",
        "String.prototype.split = String.prototype.replace = () => { throw 1 }",
        "Promise.prototype.then = () => { throw 1 }",
        "globalThis.process = globalThis.console = null",
    ],
)
def test_damage_to_builtins_stays_in_the_context(run: Run, damage: str) -> None:
    run(damage)
    execution = run("1 + 1", timeout=5)
    assert execution.context_state == "kept"
    failed = run("throw new Error('x')", timeout=5)
    assert failed.error is not None


BUILTINS = [
    "Map.prototype",
    "Array.prototype",
    "JSON",
    "Promise",
    "Promise.prototype",
    "Object",
    "Object.prototype",
    "String.prototype",
    "RegExp.prototype",
    "Function.prototype",
    "Reflect",
    "Math",
    "[][Symbol.iterator]().__proto__",
    "new (Map)().keys().__proto__",
    "process",
]
BREAK = """(() => {
  const {defineProperty, getOwnPropertyDescriptor, ownKeys} = Reflect
  const target = TARGET
  const names = ownKeys(target)
  for (let i = 0; i < names.length; i++) {
    const descriptor = getOwnPropertyDescriptor(target, names[i])
    if (names[i] === 'constructor' || !descriptor.configurable) continue
    if (descriptor.get) defineProperty(target, names[i], { get() { THEN } })
    else if (typeof descriptor.value === 'function') target[names[i]] = function () { THEN }
  }
})(); 1"""


@pytest.mark.parametrize("then", ["throw 'broken'", "return undefined"])
@pytest.mark.parametrize("target", BUILTINS)
def test_context_outlives_broken_builtins(run: Run, target: str, then: str) -> None:
    run("let kept = 41")
    assert run(BREAK.replace("TARGET", target).replace("THEN", then), timeout=5).text == "1"
    assert run("kept + 1", timeout=5).text == "42"
    assert run("await 5", timeout=5).text == "5"
    failed = run("throw new Error('boom')", timeout=5)
    assert failed.error is not None
    assert (failed.error.name, failed.context_state) == ("Error", "kept")
    endless = run("for (;;) {}", timeout=0.1)
    assert endless.error is not None
    assert (endless.error.name, endless.context_state) == ("ExecutionTimeout", "kept")
    timed = run(
        "let ran = 0; setTimeout(() => { ran = 1 }, 1); setImmediate(() => { ran += 10 }); 0", timeout=5
    )
    assert timed.error is None
    assert run("ran", timeout=5).text in {"1", "11"}
    assert run("kept + 1", timeout=5).text == "42"


def test_inherited_to_json_is_no_part_of_an_event(run: Run) -> None:
    damaged = run("Object.prototype.toJSON = Array.prototype.toJSON = () => 'hijacked'")
    assert (damaged.error, damaged.context_state) == (None, "kept")
    assert run("JSON.stringify({ a: 1 })").text == '"hijacked"'
    failed = run("throw new Error('boom \\u2028\\n')")
    assert failed.error is not None
    assert (failed.error.message, failed.context_state) == ("boom \u2028\n", "kept")
    assert run("'text'").text == "text"
    assert (
        run("delete Object.prototype.toJSON; delete Array.prototype.toJSON; ({ a: [1] })").text
        == "{ a: [ 1 ] }"
    )


@pytest.mark.parametrize(
    "code",
    [
        "process.env = null",
        "Object.freeze(process.env)",
        "process.exitCode = Symbol('no number'); process.reallyExit(Symbol('none'))",
        "Object.defineProperty(process, 'exitCode', { get() { throw 1 } }); process.abort = null",
    ],
)
def test_broken_process_keeps_the_context(run: Run, code: str) -> None:
    run("let kept = 41")
    assert run(code).context_state == "kept"
    assert run("kept + 1").text == "42"
    assert run("process.reallyExit?.(2)").context_state == "kept"
    assert run("kept + 1").text == "42"


def test_cleared_immediate_does_not_run(run: Run) -> None:
    run(
        "let ran = []; const a = setImmediate(() => ran.push('a'));"
        "setImmediate(() => ran.push('b')); clearImmediate(a)"
    )
    assert run("ran.join()").text == "b"


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("{a: missing}", "<cell 1>:1:5"),
        ("  {a: missing}", "<cell 1>:1:7"),
        ("{a: 1,\n b: missing}", "<cell 1>:2:5"),
        ("\n{ throw new Error('x') }", "<cell 1>:2:13"),
        ("{}.x.y", "<cell 1>:1:1"),
    ],
)
def test_a_cell_that_begins_with_a_brace_keeps_its_columns(run: Run, code: str, place: str) -> None:
    error = run(code).error
    assert error is not None
    _, line, column = place.rsplit(":", 2)
    assert error.traceback[0] == f"<cell 1>:{line}"
    assert error.traceback[2] == " " * (int(column) - 1) + "^"
    assert error.traceback[-1] == f"    at {place}"
    assert error.line_number == int(line)
