"""The JavaScript side of a wasm-bindgen module, in Python: what `@swc/wasm-typescript` imports.

Rust code compiled with wasm-bindgen holds JavaScript values as indices into a table of its host, and asks
the host to make, compare and read them. Here the table holds Python values: `str`, `float`, `bool`, `dict`,
`list`, `JsError`, `UNDEFINED` and `NULL`. The names of the imports end in hashes that belong to one build of
the module, which is pinned by its sha256; what only its asynchronous entry would call is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pywasm_sandbox._engine import HostImport

if TYPE_CHECKING:
    from pywasm_sandbox._engine import Instance

__all__ = ["IMPORTS", "NULL", "UNDEFINED", "Bindgen", "BindgenError", "JsError"]

MODULE: Final = "__wbindgen_placeholder__"
MALLOC: Final = "__wbindgen_export_2"
STACK_POINTER: Final = "__wbindgen_add_to_stack_pointer"
MAX_VALUES: Final = 1_000_000
"""The module holds a few dozen at a time; a table beyond this is the work of a broken one."""

_PAIR: Final = struct.Struct("<ii")
_TRIPLE: Final = struct.Struct("<iii")
_OPTIONAL_NUMBER: Final = struct.Struct("<i4xd")
_FIRST_FREE: Final = 132
_FALSE, _TRUE, _NEITHER = 0, 1, 2


class _Constant:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = _Constant("undefined")
NULL: Final = _Constant("null")


@dataclass(frozen=True, slots=True)
class JsError:
    """A JavaScript `Error`."""

    message: str


class BindgenError(Exception):
    """The module used its host in a way that its pinned build does not."""


class Bindgen:
    """The table of values of one instance, and the calls into it. The owner of its imports."""

    def __init__(self) -> None:
        self.instance: Instance | None = None
        self._values: list[Any] = [UNDEFINED] * (_FIRST_FREE - 4) + [UNDEFINED, NULL, True, False]
        self._free: list[int] = []

    def call(self, export: str, *arguments: Any) -> tuple[bool, Any]:
        """Call an export that takes and returns values: whether it returned, and what; else what it threw.

        Within a call of the instance (`Instance.exclusively`).
        """
        instance = self._live()
        result = instance.call(STACK_POINTER, -16)
        try:
            instance.call(export, result, *[self.add(argument) for argument in arguments])
            value, error, is_error = instance.memory.unpack(_TRIPLE, result)
        finally:
            if instance.failure is None:
                instance.call(STACK_POINTER, 16)
        return (False, self.take(error)) if is_error else (True, self.take(value))

    # ---- the table

    def add(self, value: Any) -> int:
        """The index of a new entry."""
        if self._free:
            index = self._free.pop()
            self._values[index] = value
            return index
        if len(self._values) >= MAX_VALUES:
            raise BindgenError(f"the module holds more than {MAX_VALUES} values")
        self._values.append(value)
        return len(self._values) - 1

    def get(self, index: int) -> Any:
        """The value at an index."""
        try:
            return self._values[index]
        except IndexError:
            raise BindgenError(f"the module named value {index}, which there is not") from None

    def drop(self, index: int) -> None:
        """The entry is free again. The first ones are constants and stay."""
        if index >= _FIRST_FREE:
            self.get(index)
            self._values[index] = UNDEFINED
            self._free.append(index)

    def take(self, index: int) -> Any:
        """The value of an entry that ends."""
        index &= 0xFFFF_FFFF
        value = self.get(index)
        self.drop(index)
        return value

    # ---- memory

    def text(self, pointer: int, length: int) -> str:
        """A string of the module's memory."""
        return self._live().memory.read(pointer, length).decode("utf-8", "replace")

    def give_text(self, result: int, text: str | None) -> None:
        """Copy a string into memory that the module will free, place and length to `result`; None: zeros."""
        instance = self._live()
        if text is None:
            instance.memory.pack(_PAIR, result, 0, 0)
            return
        data = text.encode("utf-8", "replace")
        pointer = instance.call(MALLOC, len(data), 1)
        instance.memory.write(pointer, data)
        instance.memory.write(result, struct.pack("<II", pointer, len(data)))

    def give_number(self, result: int, value: Any) -> None:
        """Write an optional f64 to `result`."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        packed = _OPTIONAL_NUMBER.pack(is_number, value if is_number else 0.0)
        self._live().memory.write(result, packed)

    def _live(self) -> Instance:
        if self.instance is None:
            raise BindgenError("the module has no instance yet")
        return self.instance


def _member(container: Any, key: Any) -> Any:
    if isinstance(container, dict):
        return container.get(key, UNDEFINED)
    if isinstance(container, list) and isinstance(key, int):
        return container[key] if key < len(container) else UNDEFINED
    return UNDEFINED


def _same(one: Any, other: Any) -> bool:
    return one is other or (
        type(one) is type(other) and isinstance(one, (str, int, float)) and bool(one == other)
    )


def _equal_enough(one: Any, other: Any) -> bool:
    return _same(one, other) or (one in (UNDEFINED, NULL) and other in (UNDEFINED, NULL))


def _is_in(key: Any, container: Any) -> bool:
    return isinstance(container, dict) and key in container


def _set_property(table: Bindgen, target: int, key: int, value: int) -> None:
    container, name = table.get(target), table.take(key)
    if not isinstance(container, dict):
        raise BindgenError("the module set a property of something that is no object")
    container[name] = table.take(value)


def _set_item(table: Bindgen, target: int, index: int, value: int) -> None:
    container = table.get(target)
    if not isinstance(container, list) or index > len(container):
        raise BindgenError("the module set an element that is not the next one of an array")
    container[index : index + 1] = [table.take(value)]


def _length(table: Bindgen, index: int) -> int:
    value = table.get(index)
    if not isinstance(value, (list, bytes)):
        raise BindgenError("the module asked for the length of something that has none")
    return len(value)


def _entries(table: Bindgen, index: int) -> int:
    value = table.get(index)
    return table.add([[key, item] for key, item in value.items()] if isinstance(value, dict) else [])


def _boolean(table: Bindgen, index: int) -> int:
    value = table.get(index)
    return (_TRUE if value else _FALSE) if isinstance(value, bool) else _NEITHER


def _throw(table: Bindgen, pointer: int, length: int) -> None:
    raise BindgenError(f"the module threw: {table.text(pointer, length)}")


def _give_string(table: Bindgen, result: int, index: int) -> None:
    value = table.get(index)
    table.give_text(result, value if isinstance(value, str) else None)


_USED: Final[tuple[tuple[str, str, str, Callable[..., int | None]], ...]] = (
    ("__wbindgen_error_new", "ii", "i", lambda t, p, n: t.add(JsError(t.text(p, n)))),
    ("__wbindgen_is_bigint", "i", "i", lambda t, i: 0),
    ("__wbindgen_number_get", "ii", "", lambda t, result, i: t.give_number(result, t.get(i))),
    ("__wbg_isSafeInteger_343e2beeeece1bb0", "i", "i", lambda t, i: int(isinstance(t.get(i), (int, float)))),
    ("__wbindgen_bigint_from_i64", "I", "i", lambda t, n: t.add(float(n - (n >> 63 << 64)))),
    ("__wbindgen_bigint_from_u64", "I", "i", lambda t, n: t.add(float(n))),
    ("__wbg_length_e2d2a49132c1b256", "i", "i", _length),
    ("__wbg_length_a446193dc22c12f8", "i", "i", _length),
    ("__wbg_iterator_9a24c88df860dc65", "", "i", lambda t: t.add("Symbol.iterator")),
    ("__wbg_instanceof_Map_f3469ce2244d2430", "i", "i", lambda t, i: 0),
    ("__wbg_instanceof_Uint8Array_17156bcf118086a9", "i", "i", lambda t, i: 0),
    ("__wbg_instanceof_ArrayBuffer_e14585432e3737fc", "i", "i", lambda t, i: 0),
    ("__wbg_set_3f1d0b984ed272ed", "iii", "", _set_property),
    ("__wbg_set_37837023f3d740e8", "iii", "", _set_item),
    ("__wbindgen_number_new", "F", "i", lambda t, number: t.add(number)),
    ("__wbindgen_string_new", "ii", "i", lambda t, p, n: t.add(t.text(p, n))),
    ("__wbindgen_string_get", "ii", "", _give_string),
    ("__wbindgen_debug_string", "ii", "", lambda t, result, i: t.give_text(result, repr(t.get(i)))),
    (
        "__wbindgen_is_falsy",
        "i",
        "i",
        lambda t, i: int(not t.get(i) and not isinstance(t.get(i), (dict, list))),
    ),
    ("__wbindgen_is_string", "i", "i", lambda t, i: int(isinstance(t.get(i), str))),
    ("__wbindgen_is_undefined", "i", "i", lambda t, i: int(t.get(i) is UNDEFINED)),
    ("__wbindgen_is_object", "i", "i", lambda t, i: int(isinstance(t.get(i), (dict, list, JsError)))),
    ("__wbindgen_is_function", "i", "i", lambda t, i: 0),
    ("__wbindgen_in", "ii", "i", lambda t, key, i: int(_is_in(t.get(key), t.get(i)))),
    ("__wbindgen_boolean_get", "i", "i", _boolean),
    ("__wbindgen_jsval_eq", "ii", "i", lambda t, i, j: int(_same(t.get(i), t.get(j)))),
    ("__wbindgen_jsval_loose_eq", "ii", "i", lambda t, i, j: int(_equal_enough(t.get(i), t.get(j)))),
    ("__wbindgen_object_clone_ref", "i", "i", lambda t, i: t.add(t.get(i))),
    ("__wbindgen_object_drop_ref", "i", "", lambda t, i: t.drop(i)),
    ("__wbg_getwithrefkey_1dc361bd10053bfe", "ii", "i", lambda t, i, k: t.add(_member(t.get(i), t.get(k)))),
    ("__wbg_get_67b2ba62fc30de12", "ii", "i", lambda t, i, k: t.add(_member(t.get(i), t.get(k)))),
    ("__wbg_get_b9b93047fe3cf45b", "ii", "i", lambda t, i, n: t.add(_member(t.get(i), n))),
    ("__wbg_new_405e22f390576ce2", "", "i", lambda t: t.add({})),
    ("__wbg_new_78feb108b6472713", "", "i", lambda t: t.add([])),
    ("__wbg_isArray_a1eab7e0d067391b", "i", "i", lambda t, i: int(isinstance(t.get(i), list))),
    ("__wbg_entries_3265d4158b33e5dc", "i", "i", _entries),
    ("__wbg_static_accessor_GLOBAL_88a902d13a557d07", "", "i", lambda t: 0),
    ("__wbg_static_accessor_GLOBAL_THIS_56578be7e9f832b0", "", "i", lambda t: 0),
    ("__wbg_static_accessor_WINDOW_5de37043a91a9c40", "", "i", lambda t: 0),
    ("__wbg_static_accessor_SELF_37c5d418e4bf5819", "", "i", lambda t: 0),
    ("__wbindgen_throw", "ii", "", _throw),
)

_REFUSED: Final = (
    ("__wbg_toString_5285597960676b7b", "i", "i"),
    ("__wbg_new_23a2665fac83c611", "ii", "i"),
    ("__wbg_newnoargs_105ed471475aaf50", "ii", "i"),
    ("__wbg_call_672a4d21634d4a24", "ii", "i"),
    ("__wbg_call_7cccdd69e0791ae2", "iii", "i"),
    ("__wbg_next_25feadfc0913fea9", "i", "i"),
    ("__wbg_next_6574e1a8a62d1055", "i", "i"),
    ("__wbg_done_769e5ede4b31c67b", "i", "i"),
    ("__wbg_value_cd1ffa7b1ab794f1", "i", "i"),
    ("__wbindgen_memory", "", "i"),
    ("__wbg_buffer_609cc3eee51ed158", "i", "i"),
    ("__wbg_new_a12002a7f91c75be", "i", "i"),
    ("__wbg_set_65595bdd868b3009", "iii", ""),
    ("__wbindgen_bigint_get_as_i64", "ii", ""),
    ("__wbindgen_cb_drop", "i", "i"),
    ("__wbg_then_44b73946d2fb3e7d", "ii", "i"),
    ("__wbg_queueMicrotask_97d92b4fcc8a61c5", "i", ""),
    ("__wbg_queueMicrotask_d3219def82552485", "i", "i"),
    ("__wbg_resolve_4851785c9c5f573d", "i", "i"),
    ("__wbindgen_closure_wrapper5432", "iii", "i"),
)


def _refusal(name: str) -> Callable[..., int | None]:
    def refuse(*_: Any) -> int | None:
        raise BindgenError(f"the module called {name}, which its synchronous entry does not need")

    return refuse


IMPORTS: Final = (
    *(HostImport(name, params, results, call, MODULE) for name, params, results, call in _USED),
    *(HostImport(name, params, results, _refusal(name), MODULE) for name, params, results in _REFUSED),
)
