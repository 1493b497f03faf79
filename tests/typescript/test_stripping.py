"""Types become spaces, and nothing else changes: lines, columns, text."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

import pytest

from pywasm_sandbox._guests.typescript import TranspileError
from tests.typescript.conftest import Transpile


@pytest.mark.parametrize("kind", ["cell", "module"])
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("let a: number = 1", "let a         = 1"),
        ("const f = <T,>(x: T): T => x", "const f =     (x   )    => x"),
        ("function g<T extends object = {}>(this: Date, x?: T, ...r: any[]) {}", "function g                       (            x    , ...r       ) {}"),
        ("f<number>(4)", "f        (4)"),
        ("const o = { a: 1 } satisfies Record<string, number>", "const o = { a: 1 }                                 "),
        ("let z = (x as any)!.y", "let z = (x       ) .y"),
        ("const t = [1, 2] as const", "const t = [1, 2]         "),
        ("class A<T> extends B<T> implements I, J { x!: number; y?: string; }", "class A    extends B                    { x         ; y         ; }"),
        ("abstract class S { abstract a(): number; b(): number { return 1 } }", "         class S {                       b()         { return 1 } }"),
        ("class Q { private readonly p: number = 1; static #s: string; protected m(): void {} }", "class Q {                  p         = 1; static #s        ;           m()       {} }"),
        ("class D extends E { declare y: string; override z(): void {} }", "class D extends E {                             z()       {} }"),
        ("class O { f(a: string): void; f(a: number): void; f(a: any) {} }", "class O {                                         f(a     ) {} }"),
        ("try {} catch (e: unknown) {}", "try {} catch (e         ) {}"),
        ("for (const x of y as number[]) ;", "for (const x of y            ) ;"),
        ("let u: typeof import('x'), v: unique symbol", "let u                    , v               "),
        ("label: for (;;) { break label }", "label: for (;;) { break label }"),
        ("`a${b as string}c`", "`a${b          }c`"),
        ("let g: `a${string}`, h: [a: number, b?: string], i: { [k: string]: any }", "let g              , h                         , i                      "),
        ("function isS(x: any): x is string { return true }", "function isS(x     )              { return true }"),
        ("function as_(x: any): asserts x { }", "function as_(x     )            { }"),
    ],
)  # fmt: skip
def test_keeps_every_position(transpile: Transpile, kind: str, source: str, expected: str) -> None:
    result = transpile(source, kind=kind)
    assert result.code == expected
    assert result.source_map is None


@pytest.mark.parametrize(
    "source",
    [
        "interface A { x: number }",
        "type T = { [K in keyof A]?: A[K] } & (B extends C ? D : never);",
        "declare const y: number;",
        "declare function f(): void;",
        "declare module 'x' { export const a: number }",
        "declare global { interface Window { a: 1 } }",
        "declare enum E { A }",
        "declare namespace N { const a: 1 }",
        "import type { X } from 'y';",
        "import type Y from 'y';",
        "export type { X } from 'y';",
        "export interface I { }",
        "export type U = 1;",
        "function f(a: string): void;\ndeclare let q: number;",
    ],
)
def test_what_is_types_alone_vanishes(transpile: Transpile, source: str) -> None:
    result = transpile(source, kind="cell")
    assert result.code.replace(";", " ").split() == []
    assert result.code.count("\n") == source.count("\n")


def test_a_cell_keeps_imports_that_it_does_not_use(transpile: Transpile) -> None:
    code = transpile(
        'import { a, type B } from "m"; import c from "n"; import * as d from "o"', kind="cell"
    ).code
    assert code == 'import { a,        } from "m"; import c from "n"; import * as d from "o"'


def test_a_module_drops_imports_that_are_types(transpile: Transpile) -> None:
    source = (
        'import { A, b, type C } from "m"; import D from "n"; import "side";\nlet x: A | D = b; export { x }'
    )
    result = transpile(source, kind="module")
    assert 'import { b } from "m"' in result.code
    assert '"n"' not in result.code
    assert 'import "side"' in result.code
    assert result.source_map is not None


def test_top_level_await_and_for_await(transpile: Transpile) -> None:
    source = "const x: number = await f(); for await (const y of g()) ;"
    assert transpile(source, kind="cell").code == "const x         = await f(); for await (const y of g()) ;"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{ a: 1, b: 2 }", "({ a: 1, b: 2 }\n)"),
        ("{ a: 1 as number, b: [2] } // no\n", "({ a: 1          , b: [2] } // no\n\n)"),
        ("{ a: 1 }", "{ a: 1 }"),
        ("{ let q: number = 1; q }", "{ let q         = 1; q }"),
    ],
)
def test_a_cell_may_be_an_object(transpile: Transpile, source: str, code: str) -> None:
    assert transpile(source, kind="cell").code == code


def test_an_object_is_no_module(transpile: Transpile) -> None:
    with pytest.raises(TranspileError):
        transpile("{ a: 1, b: 2 }", kind="module")


def test_text_beyond_ascii_stays(transpile: Transpile) -> None:
    assert transpile('const s: string = "€😀\\ud83d"', kind="cell").code == 'const s         = "€😀\\ud83d"'
