"""Cells in TypeScript: values, what stays from cell to cell, and where errors are said to be."""

# ruff: noqa: E501 - programs, one a line

from __future__ import annotations

import pytest

from pywasm_sandbox import Sandbox
from tests.guests.typescript.conftest import Run

QUICK_START = """
interface Item { name: string; price: number; count: number }
const items: Item[] = [
  { name: "pen", price: 2.5, count: 3 },
  { name: "book", price: 20, count: 1 },
];
items.reduce((sum: number, item: Item) => sum + item.price * item.count, 0)
"""


@pytest.mark.parametrize("language", ["typescript", "ts"])
def test_quick_start(sandbox: Sandbox, language: str) -> None:
    assert sandbox.run_code(QUICK_START, language=language).text == "27.5"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("type T = number; let z: T = 5; z", "5"),
        ("const f = <T,>(x: T): T => x; f<number>(4)", "4"),
        ("abstract class S { abstract a(): number; b(): number { return this.a() } }\n"
         "class R extends S { a(): number { return 7 } }\nnew R().b()", "7"),
        ("function g(x: string): string;\nfunction g(x: number): string;\n"
         "function g(x: any): string { return typeof x }\ng(1)", "number"),
        ("({ a: 1 }) satisfies Record<string, number>", "{ a: 1 }"),
        ("{ a: 1 as number, b: 2 }", "{ a: 1, b: 2 }"),
        ("class D { x!: number; constructor() { this.x = 3 } }\nnew D().x", "3"),
        ("class P { constructor(private readonly a: number, public b = 2) {} sum() { return this.a + this.b } }\n"
         "new P(1).sum()", "3"),
        ("enum E { A = 1, B }; E[E.B]", "B"),
        ("enum Word { Yes = 'y' }; Word.Yes", "y"),
        ("const enum K { A = 4 }; K.A", "4"),
        ("namespace N { export namespace M { export const v = 3 } }; N.M.v", "3"),
        ("const x: number = await Promise.resolve(3); x", "3"),
        ("declare const nothing: string; typeof nothing", "undefined"),
        ("let u: unknown = 'text'; (u as string).length", "4"),
        ("let v: string | undefined = 'abc'; v!.length", "3"),
        ("import type { Missing } from './missing'; 6", "6"),
        ("function isText(x: unknown): x is string { return typeof x === 'string' }\nisText('a')", "true"),
        ("const t = ['a', 1] as const; t.length", "2"),
        ("async function* n(): AsyncGenerator<number> { yield 1; yield 2 }\n"
         "let s = 0; for await (const i of n()) s += i; s", "3"),
        ("<number>(5 as any)", "5"),
    ],
)  # fmt: skip
def test_values(run: Run, code: str, text: str) -> None:
    execution = run(code)
    assert execution.error is None, execution.error
    assert execution.text == text


@pytest.mark.parametrize(
    "code",
    [
        "interface A { x: number }",
        "type T = 1",
        "declare module 'x' { }",
        "namespace N { export const v = 1 }",
        "enum E { A }",
        "class C {}",
        "let q: number = 1",
    ],
)
def test_a_declaration_is_no_result(run: Run, code: str) -> None:
    execution = run(code)
    assert execution.error is None
    assert execution.results == []


def test_declarations_stay_and_may_be_replaced(run: Run) -> None:
    run(
        "enum Color { Red, Green }; const enum Size { Big = 9 }; class Box<T> { constructor(public v: T) {} }"
    )
    run("namespace Tools { export const twice = (n: number): number => n * 2 }; let count: number = 1")
    assert run("Color.Green + Size.Big + new Box<number>(5).v + Tools.twice(count)").text == "17"
    run("enum Color { Blue = 5 }; class Box { w = 1 }; let count: string = 'three'")
    assert run("JSON.stringify([Color, new Box(), count])").text == '[{"5":"Blue","Blue":5},{"w":1},"three"]'
    run("namespace Tools { export const thrice = (n: number): number => n * 3 }")
    assert run("Tools.twice(1) + Tools.thrice(1)").text == "5"


@pytest.mark.parametrize(
    ("code", "name", "line", "shown", "caret"),
    [
        ("let a = 1;\nconst bad: = 3", "SyntaxError", 2, "const bad: = 3", "           ^"),
        ("interface A { x: number }\n\nconst a: A = { x: 1 };\nthrow new TypeError('b' + a.x)", "TypeError", 4,
         "throw new TypeError('b' + a.x)", None),
        ("enum L { Low }\nclass C {\n  constructor(private l: L) {}\n\n  go(): never {\n"
         "    throw new RangeError(L[this.l]);\n  }\n}\n\nnew C(L.Low).go()", "RangeError", 6,
         "    throw new RangeError(L[this.l]);", None),
    ],
)  # fmt: skip
def test_an_error_has_its_place_in_the_source(
    run: Run, code: str, name: str, line: int, shown: str, caret: str | None
) -> None:
    error = run(code).error
    assert error is not None
    assert (error.name, error.line_number) == (name, line)
    assert error.traceback[1] == shown
    assert error.traceback[2].strip() == "^"
    if caret is not None:
        assert error.traceback[2] == caret


def test_stacks_have_the_places_of_the_source(run: Run) -> None:
    run("enum Unused { A }\n\n\nfunction thrower(n: number): never {\n  throw new Error('x' + n);\n}")
    stack = run("enum Other { B }\ntry { thrower(1) } catch (error: any) { error.stack }").text
    assert stack is not None
    assert "at thrower (<cell 1>:5:" in stack
    assert "<cell 2>:2:" in stack


def test_an_error_of_an_untransformed_cell_after_a_transformed_one(run: Run) -> None:
    run("enum E { A }")
    error = run("let a: number = 1;\n\nnull.x").error
    assert error is not None
    assert error.line_number == 3
    assert error.traceback[-1].endswith("<cell 2>:3:1")


def test_javascript_contexts_know_no_types(sandbox: Sandbox) -> None:
    error = sandbox.run_code("const a: number = 1", language="javascript").error
    assert error is not None
    assert error.name == "SyntaxError"


def test_a_fork_keeps_source_maps_and_declarations(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context(language="typescript")
    sandbox.run_code("enum E { A = 3 }\n\nfunction f(): never {\n  throw new Error('e')\n}", context=context)
    twin = context.fork()
    assert twin.language == "typescript"
    assert sandbox.run_code("E.A as number", context=twin).text == "3"
    error = sandbox.run_code("f()", context=twin).error
    assert error is not None
    assert any("at f (<cell 1>:4:" in line for line in error.traceback)


def test_the_source_is_in_no_way_evaluated_before_it_compiles(run: Run) -> None:
    assert run("globalThis.seen = 1;\nlet x: = 2").error is not None
    assert run("typeof globalThis.seen").text == "undefined"


DECORATED = """
function twice(method: any, context: ClassMethodDecoratorContext) {
  return function (this: any, ...values: number[]) { return method.apply(this, values) * 2 };
}
class Machine {
  @twice
  go(x: number): number { if (x < 0) throw new RangeError("negative"); return x }
}
new Machine().go(4)
"""


def test_decorators(run: Run) -> None:
    assert run(DECORATED).text == "8"
    assert run("new Machine().go(5)").text == "10"
    error = run("new Machine().go(-1)").error
    assert error is not None
    assert any("at go (<cell 1>:7:" in line for line in error.traceback)


def test_jsx(run: Run) -> None:
    run(
        "const h = (tag: string, props: object | null, ...inner: any[]): string => `<${tag}>${inner.join('')}</${tag}>`"
    )
    assert run("/** @jsx h */ <ul>{[1, 2].map((n: number) => <li>{n}</li>)}</ul>").text == (
        "<ul><li>1</li>,<li>2</li></ul>"
    )
