"""Hostile JavaScript."""

from __future__ import annotations

from typing import Final

from .table import Program

__all__ = ["PROGRAMS"]

SHORT: Final = 0.25


def endless(name: str, code: str) -> Program:
    return Program(name=name, code=code, error="ExecutionTimeout", seconds=SHORT)


def fails(name: str, code: str, error: str, message: str = "") -> Program:
    return Program(name=name, code=code, error=error, message=message)


def harmless(name: str, code: str, text: str | None = None) -> Program:
    return Program(name=name, code=code, text=text)


PROGRAMS = [
    endless("while", "while (true) {}"),
    endless("microtask-storm", "(function f() { Promise.resolve().then(f) })()"),
    endless("microtasks-that-multiply", "(function f() { queueMicrotask(f); queueMicrotask(() => {}) })()"),
    endless("next-tick-storm", "(function f() { process.nextTick(f) })()"),
    endless("await-loop", "for (;;) await null"),
    endless("interval", "setInterval(() => {}, 1)"),
    endless("generator", "for (const _ of (function* () { for (;;) yield 1 })()) {}"),
    endless("regex", "/^(a+)+$/.test('a'.repeat(50) + 'b')"),
    endless("sort", "[3, 1, 2].sort(() => { for (;;) {} })"),
    endless("getter", "({ get a() { for (;;) {} } }).a"),
    endless("proxy", "new Proxy({}, { get() { for (;;) {} } }).x"),
    endless("to-json", "JSON.stringify({ toJSON() { for (;;) {} } })"),
    endless("reviver", "JSON.parse('[1]', () => { for (;;) {} })"),
    endless("value-of", "+{ valueOf() { for (;;) {} } }"),
    endless("symbol-iterator", "[...{ [Symbol.iterator]() { return { next() { for (;;) {} } } } }]"),
    endless("catch-and-go-on", "for (;;) try { for (;;) {} } catch {}"),
    endless("finally-and-go-on", "for (;;) try { for (;;) {} } finally { continue }"),
    endless("array-from", "Array.from({ length: 2 ** 31 }, () => { for (let i = 0; i < 1e4; i++); })"),
    endless("bigint-loop", "let x = 1n; for (;;) x = (x * 3n) % (2n ** 4096n)"),
    fails(
        "array-growth",
        "const a = []; for (;;) a.push(new Array(1000).fill(1))",
        "InternalError",
        "out of memory",
    ),
    fails("string-growth", "let s = 'x'; for (;;) s += s", "InternalError"),
    fails("repeat", "'x'.repeat(2 ** 30)", "RangeError"),
    fails("array-buffer", "new ArrayBuffer(2 ** 31 - 1)", "InternalError", "out of memory"),
    fails("array-length", "new Array(-1)", "RangeError", "length"),
    fails("recursion", "(function f() { f() })()", "RangeError"),
    fails("nested-json", "JSON.parse('['.repeat(1e6))", "RangeError", "call stack"),
    fails("nested-source", "eval('('.repeat(1e6))", "RangeError", "call stack"),
    fails("cyclic-json", "const a = {}; a.a = a; JSON.stringify(a)", "TypeError", "circular"),
    fails("output-flood", "for (;;) console.log('x'.repeat(1000))", "OutputLimitExceeded"),
    fails("throw-hostile", "throw { toString() { throw 1 }, get message() { throw 2 } }", "Error"),
    harmless("prototype-pollution", "Object.prototype.polluted = 1; ({}).polluted", "1"),
    harmless("console-replaced", "console.log = null; 1", "1"),
    harmless("globals-deleted", "delete globalThis.Promise; delete globalThis.JSON; 1", "1"),
    harmless("frozen-globals", "Object.freeze(globalThis); 1", "1"),
    harmless("constructor-escape", "typeof (() => {}).constructor('return process')().env.PATH", "string"),
]
