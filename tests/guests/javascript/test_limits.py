"""Deep recursion of every kind is an error of the cell, never the end of the context."""

from __future__ import annotations

import pytest

from .conftest import Run

OVERFLOWS = {
    "calls": "function f() { return 1 + f() } f()",
    "JSON.parse": "JSON.parse('['.repeat(200000))",
    "JSON.stringify": "var a = []; for (let i = 0; i < 200000; i++) a = [a]; JSON.stringify(a)",
    "parser": "eval('['.repeat(100000))",
    "parser, parentheses": "eval('('.repeat(50000))",
    "parser, functions": "eval('(function(){'.repeat(20000))",
    "toString": "var o = { toString() { return '' + this } }; '' + o",
    "proxies": "var p = {}; for (let i = 0; i < 100000; i++) p = new Proxy(p, {}); p.x",
    "bound functions": "var p = function () {}; for (let i = 0; i < 100000; i++) p = p.bind(null); p()",
    "sort": "function g() { [1, 2].sort(() => g()) } g()",
    "flat": "var a = []; for (let i = 0; i < 100000; i++) a = [a]; a.flat(Infinity)",
    "getter": "var o = { get x() { return this.x } }; o.x",
    "generators": "function* g() { yield* g() } [...g()]",
    "Reflect.apply": "function h() { return Reflect.apply(h, null, []) } h()",
    "constructors": "class A { constructor() { new A() } } new A()",
    "array methods": "function m() { return [1].map(m) } m()",
    "replace": "function r() { return 'a'.replace(/a/, r) } r()",
    "Symbol.iterator": "var it = { [Symbol.iterator]() { return [...this] } }; [...it]",
    "instanceof": "class B { static [Symbol.hasInstance](x) { return x instanceof B } } 1 instanceof B",
    "async": "async function n() { return n() } await n()",
    "tagged templates": "function t() { return t`` } t()",
    "eval": "function e() { return eval('e()') } e()",
    "Function": "function u() { return new Function('return u()')() } u()",
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_overflow(run: Run, name: str) -> None:
    run("let kept = 1")
    execution = run(OVERFLOWS[name])
    assert execution.error is not None
    assert execution.context_state == "kept", execution.error
    assert execution.error.name in ("RangeError", "SyntaxError", "InternalError")
    assert run("kept").text == "1"


HARMLESS = {
    "regular expression": "new RegExp('('.repeat(200) + ')'.repeat(200)).source.length > 0",
    "long argument list": "Math.max.apply(null, new Array(60000).fill(1)) === 1",
    "freeing a long list": "{ let a = null; for (let i = 0; i < 1e6; i++) a = { a }; a = null }; true",
    "depth of ordinary code": "function d(n) { return n === 0 ? 0 : 1 + d(n - 1) } d(5000) === 5000",
    "nested JSON": "JSON.stringify(JSON.parse('['.repeat(1000) + ']'.repeat(1000))).length === 2000",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_deep_but_fine(run: Run, name: str) -> None:
    execution = run(HARMLESS[name])
    assert execution.error is None
    assert execution.text == "true"
