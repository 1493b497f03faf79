"""The table of values that a wasm-bindgen module sees, without a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pywasm_sandbox._guests.wasm_bindgen import IMPORTS, NULL, UNDEFINED, Bindgen, BindgenError, JsError

FUNCTIONS: dict[str, Callable[..., Any]] = {each.name: each.call for each in IMPORTS}


@pytest.fixture
def table() -> Bindgen:
    return Bindgen()


def test_entries_are_used_again(table: Bindgen) -> None:
    first, second = table.add("a"), table.add("b")
    assert table.take(first) == "a"
    assert table.add("c") == first
    assert [table.get(first), table.get(second)] == ["c", "b"]


def test_constants_stay(table: Bindgen) -> None:
    assert [table.get(index) for index in (128, 129, 130, 131)] == [UNDEFINED, NULL, True, False]
    table.drop(130)
    assert table.get(130) is True


@pytest.mark.parametrize("index", [132, 1 << 31, (1 << 32) - 1])
def test_an_index_that_is_no_entry(table: Bindgen, index: int) -> None:
    with pytest.raises(BindgenError, match="which there is not"):
        table.get(index)
    with pytest.raises(BindgenError, match="which there is not"):
        table.drop(index)


def test_the_table_is_bounded(table: Bindgen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pywasm_sandbox._guests.wasm_bindgen.MAX_VALUES", 133)
    table.add("the last one")
    with pytest.raises(BindgenError, match="more than 133 values"):
        table.add("one too many")


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("__wbindgen_is_falsy", "", 1),
        ("__wbindgen_is_falsy", 0.0, 1),
        ("__wbindgen_is_falsy", UNDEFINED, 1),
        ("__wbindgen_is_falsy", {}, 0),
        ("__wbindgen_is_falsy", [], 0),
        ("__wbindgen_is_string", "a", 1),
        ("__wbindgen_is_string", 1.0, 0),
        ("__wbindgen_is_object", {}, 1),
        ("__wbindgen_is_object", JsError("x"), 1),
        ("__wbindgen_is_object", NULL, 0),
        ("__wbindgen_is_undefined", NULL, 0),
        ("__wbindgen_boolean_get", True, 1),
        ("__wbindgen_boolean_get", False, 0),
        ("__wbindgen_boolean_get", 1.0, 2),
        ("__wbg_isArray_a1eab7e0d067391b", [], 1),
        ("__wbg_isArray_a1eab7e0d067391b", {}, 0),
    ],
)
def test_questions_about_a_value(table: Bindgen, name: str, value: Any, answer: int) -> None:
    assert FUNCTIONS[name](table, table.add(value)) == answer


def test_objects_and_arrays(table: Bindgen) -> None:
    target = FUNCTIONS["__wbg_new_405e22f390576ce2"](table)
    FUNCTIONS["__wbg_set_3f1d0b984ed272ed"](table, target, table.add("key"), table.add(1.0))
    assert table.get(target) == {"key": 1.0}
    member = FUNCTIONS["__wbg_getwithrefkey_1dc361bd10053bfe"](table, target, table.add("none"))
    assert table.get(member) is UNDEFINED
    array = FUNCTIONS["__wbg_new_78feb108b6472713"](table)
    FUNCTIONS["__wbg_set_37837023f3d740e8"](table, array, 0, table.add("x"))
    with pytest.raises(BindgenError, match="not the next one"):
        FUNCTIONS["__wbg_set_37837023f3d740e8"](table, array, 1 << 30, table.add("y"))
    assert table.get(array) == ["x"]


def test_loose_equality(table: Bindgen) -> None:
    equal = FUNCTIONS["__wbindgen_jsval_loose_eq"]
    assert equal(table, table.add(UNDEFINED), table.add(NULL)) == 1
    assert equal(table, table.add("1"), table.add(1.0)) == 0


def test_what_only_the_asynchronous_entry_needs_is_refused(table: Bindgen) -> None:
    with pytest.raises(BindgenError, match="queueMicrotask"):
        FUNCTIONS["__wbg_queueMicrotask_97d92b4fcc8a61c5"](table, 0)
