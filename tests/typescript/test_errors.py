"""Errors name the place in the source, limits hold, and one compilation's trouble is no other's."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pywasm_sandbox._engine import Deadline, Instance
from pywasm_sandbox._guests.swc import MAX_KEPT, _Compiler
from pywasm_sandbox._guests.typescript import MAX_SOURCE_BYTES, TranspileError, TypeScript
from tests.typescript.conftest import Transpile

LONG = "const a: number = [1, 2, 3].map((x: number) => x * 2)[0];\n" * 40_000


@pytest.mark.parametrize(
    ("source", "line", "column", "shown", "caret"),
    [
        ("let a = 1;\nconst {a,\n b = } = 1", 3, 6, " b = } = 1", "     ^"),
        ("const x: = 3", 1, 10, "const x: = 3", "         ^"),
        ('let a = "😀€"; let b = ;', 1, 23, 'let a = "😀€"; let b = ;', " " * 22 + "^"),
        ("if (1) {\n\t\tlet q: = 1\n}", 2, 10, "\t\tlet q: = 1", "\t\t       ^"),
        ("enum E { A }\nlet x = ;", 2, 9, "let x = ;", "        ^"),
        ("enum E { A = }", 1, 14, "enum E { A = }", "             ^"),
        ("class A {", 1, 10, "class A {", "         ^"),
        ("a\r\nb b b", 2, 3, "b b b", "  ^"),
    ],
)
def test_a_syntax_error_has_its_place(
    transpile: Transpile, source: str, line: int, column: int, shown: str, caret: str
) -> None:
    with pytest.raises(TranspileError) as caught:
        transpile(source, kind="cell", filename="cell 7")
    error = caught.value
    assert (error.name, error.line, error.column) == ("SyntaxError", line, column)
    assert error.frame == (f"cell 7:{line}", shown, caret)
    assert error.message


def test_the_frame_of_a_long_line_is_its_part(transpile: Transpile) -> None:
    with pytest.raises(TranspileError) as caught:
        transpile("x;" * 5_000 + "let = = 1;" + "y;" * 5_000, kind="cell")
    _, shown, caret = caught.value.frame
    assert len(shown) == 100
    assert shown[len(caret) - 1] == "="


@pytest.mark.parametrize(
    "source",
    [
        "(" * 100_000,
        "[" * 1_000_000,
        "a" + "+a" * 200_000,
        "x=`" + "${`" * 50_000,
        "let x: " + "{a:" * 50_000,
    ],
    ids=["parentheses", "brackets", "sum", "templates", "types"],
)
def test_nesting_without_end_is_an_error(transpile: Transpile, source: str) -> None:
    with pytest.raises(TranspileError, match="nested too deeply") as caught:
        transpile(source, kind="cell")
    assert caught.value.name == "RangeError"
    assert transpile("let a: 1", kind="cell").code == "let a   "


def test_a_source_has_a_limit(transpile: Transpile) -> None:
    assert transpile(" " * MAX_SOURCE_BYTES, kind="cell").code == " " * MAX_SOURCE_BYTES
    with pytest.raises(TranspileError, match=f"over the limit of {MAX_SOURCE_BYTES}") as caught:
        transpile(" " * (MAX_SOURCE_BYTES - 1) + "é", kind="cell")
    assert caught.value.name == "RangeError"


def test_memory_has_a_limit(transpile: Transpile, typescript: TypeScript) -> None:
    assert ": number" not in transpile(LONG, kind="cell").code
    with pytest.raises(TranspileError, match="too little memory") as caught:
        transpile(LONG, kind="cell", keeper=typescript.keeper(8 << 20))
    assert caught.value.name == "RangeError"


def test_time_has_a_limit(transpile: Transpile) -> None:
    with pytest.raises(TranspileError, match="took too long") as caught:
        transpile(LONG, kind="cell", deadline=Deadline.after(0.03))
    assert caught.value.name == "ExecutionTimeout"


def test_it_can_be_cancelled(transpile: Transpile) -> None:
    asked = threading.Event()

    def cancelled() -> bool:
        asked.set()
        return True

    with pytest.raises(TranspileError, match="was interrupted") as caught:
        transpile(LONG, kind="cell", cancelled=cancelled)
    assert asked.is_set()
    assert caught.value.name == "KeyboardInterrupt"


def _spy(monkeypatch: pytest.MonkeyPatch) -> list[Instance]:
    used: list[Instance] = []
    run = _Compiler.run

    def spy(compiler: _Compiler, *arguments: Any) -> Any:
        used.append(compiler.instance)
        return run(compiler, *arguments)

    monkeypatch.setattr(_Compiler, "run", spy)
    return used


def test_a_source_of_no_context_has_an_instance_of_its_own(
    transpile: Transpile, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = _spy(monkeypatch)
    for source in ("let a: 1", "(" * 100_000, "let b: 2", "let c: = 3", "enum E { A }"):
        with contextlib.suppress(TranspileError):
            transpile(source, kind="cell")
    assert len(set(map(id, used))) == 5
    assert all(instance.closed for instance in used)


def test_contexts_share_no_instance_and_drop_one_that_failed(
    transpile: Transpile, typescript: TypeScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = _spy(monkeypatch)
    one, other = typescript.keeper(), typescript.keeper()
    for keeper in (one, other, one, other):
        transpile("let a: 1", keeper=keeper)
    assert used[0] is used[2]
    assert used[1] is used[3]
    assert used[0] is not used[1]
    with pytest.raises(TranspileError, match="nested too deeply"):
        transpile("(" * 100_000, keeper=one)
    assert used[4] is used[0]
    assert used[0].closed
    assert transpile("let b: 2", keeper=one).code == "let b   "
    assert not used[1].closed
    for keeper in (one, other):
        typescript.forget(keeper)
    assert all(instance.closed for instance in used)


def test_an_instance_that_has_grown_is_dropped(
    transpile: Transpile, typescript: TypeScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = _spy(monkeypatch)
    keeper = typescript.keeper()
    transpile(LONG, keeper=keeper)
    assert used[0].closed


def test_only_the_last_contexts_keep_their_instances(
    transpile: Transpile, typescript: TypeScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = _spy(monkeypatch)
    keepers = [typescript.keeper() for _ in range(MAX_KEPT + 3)]
    for keeper in keepers:
        transpile("let a: 1", keeper=keeper)
    assert [instance.closed for instance in used] == [True] * 3 + [False] * MAX_KEPT
    assert transpile("let b: 2", keeper=keepers[0]).code == "let b   "
    for keeper in keepers:
        typescript.forget(keeper)


def test_hostile_and_honest_at_once(transpile: Transpile) -> None:
    def hostile(number: int) -> str:
        with pytest.raises(TranspileError) as caught:
            transpile("(" * 100_000, kind="cell")
        return caught.value.name

    def honest(number: int) -> str:
        return transpile(f"let a{number}: number = {number}", kind="cell").code

    with ThreadPoolExecutor(8) as pool:
        bad = [pool.submit(hostile, number) for number in range(40)]
        good = [pool.submit(honest, number) for number in range(40)]
        assert {each.result() for each in bad} == {"RangeError"}
        assert [each.result() for each in good] == [f"let a{n}         = {n}" for n in range(40)]
