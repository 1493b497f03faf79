"""AsyncLocalStorage and AsyncResource: stores go along with promises, timers and ticks, and with nothing else."""

# ruff: noqa: E501 -- a case is a line

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Run

Text = Callable[[str], str | None]

SETUP = "const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks'); const als = new AsyncLocalStorage(); "
WAIT = "await new Promise((done) => setTimeout(done, 3)); "


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("als.run({ id: 1 }, () => als.getStore().id)", "1"),
        ("als.run(1, () => {}); als.getStore()", None),
        ("als.run(1, (a, b) => a + b, 2, 3)", "5"),
        ("await als.run(1, async () => { await null; " + WAIT + "return als.getStore() })", "1"),
        ("await Promise.all([1, 2, 3].map((n) => als.run(n, async () => { " + WAIT + "return als.getStore() })))", "[ 1, 2, 3 ]"),
        ("await new Promise((done) => als.run(1, () => setTimeout(() => done(als.getStore()), 1)))", "1"),
        ("let seen = []; await new Promise((done) => als.run(1, () => { const t = setInterval(() => { if (seen.push(als.getStore()) === 2) done(clearInterval(t)) }, 1) })); seen", "[ 1, 1 ]"),
        ("await new Promise((done) => als.run(1, () => setImmediate(() => done(als.getStore()))))", "1"),
        ("await new Promise((done) => als.run(1, () => process.nextTick(() => done(als.getStore()))))", "1"),
        ("await new Promise((done) => als.run(1, () => queueMicrotask(() => done(als.getStore()))))", "1"),
        ("let seen; als.run(1, () => Promise.resolve().then(() => (seen = als.getStore()))); " + WAIT + "[seen, als.getStore()]", "[ 1, undefined ]"),
        ("const later = Promise.resolve(); let seen; als.run(1, () => {}); later.then(() => (seen = als.getStore())); " + WAIT + "seen", None),
        ("let done; const p = new Promise((r) => (done = r)); const got = als.run(1, () => p.then(() => als.getStore())); als.run(2, () => done()); await got", "1"),
        ("als.run('a', () => als.exit(() => als.getStore()))", None),
        ("als.run('outer', () => [als.run('inner', () => als.getStore()), als.getStore()])", "[ 'inner', 'outer' ]"),
        ("const other = new AsyncLocalStorage(); als.run(1, () => other.run(2, () => [als.getStore(), other.getStore()]))", "[ 1, 2 ]"),
        ("const f = als.run(1, () => AsyncResource.bind(() => als.getStore())); f()", "1"),
        ("const r = als.run(1, () => new AsyncResource('R')); r.runInAsyncScope((a) => [als.getStore(), a], null, 2)", "[ 1, 2 ]"),
        ("const within = als.run(1, () => AsyncLocalStorage.snapshot()); within(() => als.getStore())", "1"),
        ("als.enterWith(1); als.getStore()", "1"),
        ("als.run(1, () => { als.disable(); return als.getStore() })", None),
        ("try { als.run(1, () => { throw new Error('x') }) } catch {} als.getStore()", None),
        ("await als.run(1, async () => { const seen = []; for await (const x of (async function* () { yield als.getStore(); await null; yield als.getStore() })()) seen.push(x); return seen })", "[ 1, 1 ]"),
        ("await als.run(1, async () => await { then(done) { done(als.getStore()) } })", "1"),
    ],
)  # fmt: skip
def test_store(text: Text, code: str, expected: str | None) -> None:
    assert text(SETUP + code) == expected


def test_a_cell_begins_without_a_store(run: Run) -> None:
    assert run(SETUP + "als.enterWith('left behind'); als.getStore()").text == "left behind"
    assert run("als.getStore()").text is None
    assert run("als.enterWith('again'); while (true) {}", timeout=0.2).error is not None
    assert run("als.getStore()").text is None
