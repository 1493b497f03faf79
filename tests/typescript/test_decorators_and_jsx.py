"""What TypeScript's own compiler does: decorators and JSX, with the same errors and limits."""

from __future__ import annotations

import json

import pytest

from pywasm_sandbox._engine import Deadline
from pywasm_sandbox._guests.typescript import TranspileError
from tests.typescript.conftest import Transpile

LONG = "@d class A { m<T>(x: T): T { return x } }\n" * 4000


@pytest.mark.parametrize(
    "source",
    [
        "@d class A {}",
        "class A { @d m(): void {} }",
        "class A { @d accessor x: number = 1 }",
        "@a.b('c') class A {}",
    ],
)
@pytest.mark.parametrize("kind", ["cell", "module"])
def test_decorators_are_lowered(transpile: Transpile, source: str, kind: str) -> None:
    result = transpile(source, kind=kind)
    assert "__esDecorate" in result.code
    assert "@" not in result.code
    assert json.loads(result.source_map or "")["version"] == 3


@pytest.mark.parametrize(
    "source",
    [
        "class A { accessor x: number = 1 }",
        "class A { static accessor #y = 2; private accessor ['z']: string = '' }",
    ],
)
def test_accessors_are_lowered(transpile: Transpile, source: str) -> None:
    code = transpile(source, kind="cell").code
    assert "accessor_storage" in code
    assert ": number" not in code


@pytest.mark.parametrize(
    "source",
    [
        "let accessor: number = 1; accessor + 1; accessor in {}",
        "f('accessor x')",
        "// accessor x",
        "type accessor = string",
    ],
)
def test_a_name_that_is_accessor_is_none(transpile: Transpile, source: str) -> None:
    assert transpile(source, kind="cell").source_map is None


def test_a_cell_s_code_has_no_directive(transpile: Transpile) -> None:
    # It would be the cell's value.
    assert "use strict" not in transpile("@d class A {}", kind="cell").code


def test_jsx_in_a_cell(transpile: Transpile) -> None:
    code = transpile("const x: number = 1; <p id='a'>{x}<b/></p>", kind="cell").code
    assert "React.createElement(\"p\", { id: 'a' }," in code
    assert "number" not in code


def test_a_pragma_names_the_function(transpile: Transpile) -> None:
    assert 'h("p", null)' in transpile("/** @jsx h */ <p/>", kind="cell").code


@pytest.mark.parametrize("name", ["view.tsx", "/workspace/view.jsx"])
def test_jsx_in_files_that_say_so(transpile: Transpile, name: str) -> None:
    assert "React.createElement" in transpile("export const a = <p/>", name, kind="module").code


def test_no_jsx_in_other_files(transpile: Transpile) -> None:
    with pytest.raises(TranspileError) as caught:
        transpile("export const a = <p>text</p>", "view.ts", kind="module")
    assert caught.value.name == "SyntaxError"


def test_angle_brackets_that_are_no_jsx(transpile: Transpile) -> None:
    assert transpile("const a = b < c && d > e; f<number>(1)", kind="cell").source_map is None
    assert "createElement" not in transpile("const a = <number>b", kind="cell").code


def test_imports_of_types_go_from_files_alone(transpile: Transpile) -> None:
    source = "import { T, v } from 'm'; @v class A { x!: T }"
    assert "import { T, v }" in transpile(source, kind="cell").code
    assert "import { v }" in transpile(source, kind="module").code


@pytest.mark.parametrize(
    ("source", "name", "line", "column"),
    [
        ("@d class A {}\nconst x: = 3", "a.ts", 2, 10),
        ("export const a = <p id=></p>", "a.tsx", 1, 23),
        ("const a = 1;\nconst b = (<p>text</q>)", "a.tsx", 2, 21),
    ],
)
def test_a_syntax_error_has_its_place(
    transpile: Transpile, source: str, name: str, line: int, column: int
) -> None:
    with pytest.raises(TranspileError) as caught:
        transpile(source, name, kind="module")
    error = caught.value
    assert (error.name, error.line, error.column) == ("SyntaxError", line, column)
    assert error.frame[1] == source.split("\n")[line - 1]


def test_a_cell_that_is_neither_gets_the_first_compiler_s_word(transpile: Transpile) -> None:
    with pytest.raises(TranspileError) as caught:
        transpile("const q: = <div>", kind="cell")
    assert (caught.value.line, caught.value.column) == (1, 10)


@pytest.mark.parametrize("opening", ["(", "[", "{a:", "<p>"])
def test_nesting_without_end_is_an_error(transpile: Transpile, opening: str) -> None:
    with pytest.raises(TranspileError) as caught:
        transpile(f"const x = {opening * 50_000}", "a.tsx", kind="module")
    assert caught.value.name == "RangeError"
    assert "nested too deeply" in caught.value.message
    assert "createElement" in transpile("<p/>", "a.tsx", kind="module").code


def test_time_has_a_limit(transpile: Transpile) -> None:
    transpile("@d class A {}")
    with pytest.raises(TranspileError, match="took too long") as caught:
        transpile(LONG, deadline=Deadline.after(0.2))
    assert caught.value.name == "ExecutionTimeout"


def test_it_can_be_cancelled(transpile: Transpile) -> None:
    transpile("@d class A {}")
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(True)
        return len(asked) > 20

    with pytest.raises(TranspileError, match="was interrupted") as caught:
        transpile(LONG, cancelled=cancelled)
    assert caught.value.name == "KeyboardInterrupt"


def test_nothing_is_left_for_the_next_one(transpile: Transpile) -> None:
    first = transpile("@d class A {}").code
    transpile("@d class B { static x = 1 }")
    assert transpile("@d class A {}").code == first
