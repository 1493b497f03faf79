"""Results as MIME bundles, the display protocol, and the console."""

from __future__ import annotations

import pytest

from .conftest import Run


@pytest.mark.parametrize(
    ("code", "formats"),
    [
        ("5", {"text/plain": "5"}),
        ("'a\"b'", {"text/plain": 'a"b'}),
        ("10n", {"text/plain": "10n"}),
        ("true", {"text/plain": "true"}),
        ("NaN", {"text/plain": "NaN"}),
        ("Symbol('s')", {"text/plain": "Symbol(s)"}),
        ("[1, 'x', null]", {"text/plain": "[ 1, 'x', null ]", "application/json": [1, "x", None]}),
        ("({ a: { b: 1 } })", {"text/plain": "{ a: { b: 1 } }", "application/json": {"a": {"b": 1}}}),
        ("new Map([['k', 1]])", {"text/plain": "Map(1) { 'k' => 1 }"}),
        ("new Set([1])", {"text/plain": "Set(1) { 1 }"}),
        ("new Date(0)", {"text/plain": "1970-01-01T00:00:00.000Z"}),
        ("/x/g", {"text/plain": "/x/g"}),
        ("new Uint8Array(2)", {"text/plain": "Uint8Array(2) [ 0, 0 ]"}),
        ("(function named() {})", {"text/plain": "[Function: named]"}),
        ("class K {}; K", {"text/plain": "[class K]"}),
        ("var c = {}; c.self = c; c", {"text/plain": "<ref *1> { self: [Circular *1] }"}),
        ("({ big: 1n })", {"text/plain": "{ big: 1n }"}),
        ("new Proxy({ a: 1 }, {})", {"text/plain": "{ a: 1 }", "application/json": {"a": 1}}),
    ],
)
def test_formats_of_a_value(run: Run, code: str, formats: dict[str, object]) -> None:
    execution = run(code)
    assert execution.error is None
    (result,) = execution.results
    assert result.is_main_result
    assert dict(result.formats) == formats


def test_a_string_keeps_how_it_is_written(run: Run) -> None:
    (result,) = run("'it\\'s'").results
    assert result.text == "it's"
    assert result.metadata["text/plain"]["repr"] == '"it\'s"'


def test_an_error_as_a_value_is_no_failure(run: Run) -> None:
    execution = run("new Error('shown')")
    assert execution.error is None
    assert (execution.text or "").splitlines() == ["Error: shown", "    at <cell 1>:1:5"]


def test_display(run: Run) -> None:
    execution = run(
        "display.html('<b>x</b>'); display.html`<i>${1 + 1}</i>`; display.markdown('# t');"
        "display.svg('<svg/>'); display.png(new Uint8Array([1, 2, 3])); display.png('AQID');"
        "display.json({ a: [1] }); display.latex('x^2'); display([1]); display('text');"
        "display.raw({ 'text/plain': 'p', 'application/vnd.x+json': { k: 1 } })"
    )
    assert execution.error is None
    shown = [dict(result.formats) for result in execution.results]
    assert shown[:4] == [
        {"text/html": "<b>x</b>"},
        {"text/html": "<i>2</i>"},
        {"text/markdown": "# t"},
        {"image/svg+xml": "<svg/>"},
    ]
    assert shown[4] == shown[5] == {"image/png": "AQID"}
    assert shown[6]["application/json"] == {"a": [1]}
    assert shown[7] == {"text/latex": "x^2"}
    assert shown[8] == {"text/plain": "[ 1 ]", "application/json": [1]}
    assert shown[9] == {"text/plain": "text"}
    assert shown[10] == {"text/plain": "p", "application/vnd.x+json": {"k": 1}}
    assert not any(result.is_main_result for result in execution.results)


def test_objects_that_show_themselves_as_in_deno(run: Run) -> None:
    code = (
        "({ [Symbol.for('Jupyter.display')]() { return { 'text/html': '<p>', 'text/plain': 'P' } } })",
        "({ async [Symbol.for('Jupyter.display')]() { await null; return { 'image/png': 'AQID' } }, a: 1 })",
    )
    (first,) = run(code[0]).results
    assert (dict(first.formats), first.is_main_result) == ({"text/html": "<p>", "text/plain": "P"}, True)
    (second,) = run(code[1]).results
    assert second.png == "AQID"
    assert "a: 1" in (second.text or "")


def test_display_can_be_updated_and_cleared(run: Run) -> None:
    execution = run("display('one', { displayId: 'd' }); display('two', { displayId: 'd', update: true })")
    assert [result.text for result in execution.results] == ["two"]
    execution = run("display('gone'); display.clear(); display('stays')")
    assert [result.text for result in execution.results] == ["stays"]


def test_a_display_method_that_throws_is_the_cells_error(run: Run) -> None:
    error = run("({ [Symbol.for('Jupyter.display')]() { throw new RangeError('no') } })").error
    assert error is not None
    assert (error.name, error.message) == ("RangeError", "no")


def test_quick_start_average(run: Run) -> None:
    execution = run(
        "const numbers = [10, 20, 30, 40];\n"
        "const average = numbers.reduce((a, b) => a + b, 0) / numbers.length;\n"
        "console.log(`Average: ${average}`);\n"
        "average"
    )
    assert execution.logs.stdout == ["Average: 25\n"]
    assert execution.text == "25"


def test_streams_of_the_console(run: Run) -> None:
    execution = run("console.log('out'); console.error('err'); console.warn('warn'); console.info('info')")
    assert execution.logs.stdout == ["out\n", "info\n"]
    assert execution.logs.stderr == ["err\n", "warn\n"]


def test_console_time(run: Run) -> None:
    execution = run(
        "console.time('t'); console.timeLog('t', 'x'); console.timeEnd('t'); console.timeEnd('t')"
    )
    log, end = execution.logs.stdout
    assert log.startswith("t: ")
    assert log.endswith("ms x\n")
    assert end.startswith("t: ")
    assert execution.logs.stderr == ["Warning: No such label 't' for console.timeEnd()\n"]


def test_console_trace(run: Run) -> None:
    execution = run("function inner() { console.trace('here %d', 1) }\ninner()")
    assert "".join(execution.logs.stderr).splitlines() == [
        "Trace: here 1",
        "    at inner (<cell 1>:1:27)",
        "    at <cell 1>:2:1",
    ]


def test_input(run: Run) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "Ada"

    assert run("prompt('name?')", on_input=answer).text == "Ada"
    assert asked == ["name? "]
    code = (
        "const rl = require('readline/promises').createInterface({ input: process.stdin });"
        "const answer = await rl.question('who? '); rl.close(); answer"
    )
    assert run(code, on_input=answer).text == "Ada"
    refused = run("prompt('name?')").error
    assert refused is not None
    assert "on_input" in refused.message
