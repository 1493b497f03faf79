"""Reading the sections that dynamic linking needs, from good modules and from garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywasm_sandbox._engine import dylink as dylink_module
from pywasm_sandbox._engine.dylink import DylinkError, ImportKind, SymbolImport, function_slots, parse
from tests.engine.wasm import dylink, leb, name, section, side, wasm

EXAMPLE = side(
    """(module
      (import "env" "memory" (memory 1 65536))
      (import "env" "__indirect_function_table" (table 0 funcref))
      (import "env" "__stack_pointer" (global (mut i32)))
      (import "env" "__memory_base" (global i32))
      (import "env" "pow" (func (param f64 f32) (result f64)))
      (import "env" "lseek" (func (param i32 i64 i32) (result i64)))
      (import "env" "vec" (func (param v128)))
      (import "env" "__cpp_exception" (tag (param i32)))
      (import "GOT.mem" "errno" (global (mut i32)))
      (import "GOT.func" "free" (global (mut i32)))
      (func (export "PyInit_x") (result i32) i32.const 7)
      (global (export "data") i32 (i32.const 16))
      (func $start) (start $start))""",
    dylink(100_000, 4, 300, 2, ["libm.so", "libß.so"], [("env", "free")], ["$ORIGIN/lib"]),
)


def test_everything_of_a_side_module() -> None:
    module = parse(EXAMPLE)
    assert (module.memory_size, module.memory_alignment) == (100_000, 16)
    assert (module.table_size, module.table_alignment) == (300, 4)
    assert module.needed == ["libm.so", "libß.so"]
    assert module.runtime_path == ["$ORIGIN/lib"]
    assert module.has_start is True
    assert module.exports == {"PyInit_x": ImportKind.FUNC, "data": ImportKind.GLOBAL}
    assert module.imports == [
        SymbolImport("env", "memory", ImportKind.MEMORY, False, None),
        SymbolImport("env", "__indirect_function_table", ImportKind.TABLE, False, None),
        SymbolImport("env", "__stack_pointer", ImportKind.GLOBAL, False, None),
        SymbolImport("env", "__memory_base", ImportKind.GLOBAL, False, None),
        SymbolImport("env", "pow", ImportKind.FUNC, False, ("Ff", "F")),
        SymbolImport("env", "lseek", ImportKind.FUNC, False, ("iIi", "I")),
        SymbolImport("env", "vec", ImportKind.FUNC, False, None),
        SymbolImport("env", "__cpp_exception", ImportKind.TAG, False, None),
        SymbolImport("GOT.mem", "errno", ImportKind.GLOBAL, False, None),
        SymbolImport("GOT.func", "free", ImportKind.GLOBAL, True, None),
    ]


def test_an_ordinary_module_is_not_a_side_module() -> None:
    for data in (wasm("(module)"), wasm('(module (func (export "f")))')):
        with pytest.raises(DylinkError, match="it is not a shared library"):
            parse(data)


def test_the_section_must_come_first() -> None:
    data = wasm("(module (func))")
    with pytest.raises(DylinkError, match="it is not a shared library"):
        parse(data + dylink())


@pytest.mark.parametrize(
    "data", [b"", b"\0asm", b"\x7fELF" * 10, b"\0asm\x02\0\0\0" + dylink(), b"\0asm\x0d\0\x01\0"]
)
def test_no_module_at_all(data: bytes) -> None:
    with pytest.raises(DylinkError, match="not a WebAssembly module"):
        parse(data)


@pytest.mark.parametrize("length", range(8, len(EXAMPLE), 3))
def test_truncated_anywhere(length: int) -> None:
    try:
        module = parse(EXAMPLE[:length])
    except DylinkError:
        return
    assert module.memory_size == 100_000  # cut between two sections


def test_a_section_longer_than_the_file() -> None:
    with pytest.raises(DylinkError, match="ends too early"):
        parse(b"\0asm\x01\0\0\0" + b"\0" + leb(1000) + b"x")


def test_numbers_that_are_too_long() -> None:
    with pytest.raises(DylinkError, match="longer than it may be"):
        parse(b"\0asm\x01\0\0\0\0" + b"\x80" * 20)
    with pytest.raises(DylinkError, match="exceeds 32 bits"):
        parse(b"\0asm\x01\0\0\0\0" + leb(2**32))


def test_a_name_that_is_not_utf8() -> None:
    data = b"\0asm\x01\0\0\0" + dylink() + section(2, leb(1) + name("env") + b"\x02\xff\xfe")
    with pytest.raises(DylinkError, match="not UTF-8"):
        parse(data)


def test_absurd_alignment() -> None:
    assert parse(b"\0asm\x01\0\0\0" + dylink(0, 16)).memory_alignment == 65536
    with pytest.raises(DylinkError, match="alignment"):
        parse(b"\0asm\x01\0\0\0" + dylink(0, 17))
    with pytest.raises(DylinkError, match="alignment"):
        parse(b"\0asm\x01\0\0\0" + dylink(0, 0, 0, 4_000_000_000))


@pytest.mark.parametrize("kind", [1, 2, 7])
def test_absurd_counts_cost_nothing(kind: int) -> None:
    data = b"\0asm\x01\0\0\0" + dylink() + section(kind, leb(4_000_000_000))
    with pytest.raises(DylinkError, match=f"{dylink_module.MAX_ENTRIES} is the limit"):
        parse(data)


def test_unknown_import_kind() -> None:
    data = b"\0asm\x01\0\0\0" + dylink() + section(2, leb(1) + name("env") + name("x") + b"\x09")
    with pytest.raises(DylinkError, match=r"env\.x is of unknown kind 9"):
        parse(data)


@given(st.integers(0, len(EXAMPLE) - 1), st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(position: int, value: int) -> None:
    data = bytearray(EXAMPLE)
    data[position] = value
    try:
        parse(bytes(data))
    except DylinkError:
        pass


@given(st.binary(max_size=200))
def test_garbage_after_the_header_is_read_or_refused(data: bytes) -> None:
    for start in (b"\0asm\x01\0\0\0", b"\0asm\x01\0\0\0" + dylink()):
        try:
            parse(start + data)
        except DylinkError:
            pass


def test_function_slots_of_a_main_module() -> None:
    data = wasm(
        """(module
          (import "env" "f" (func))
          (table 10 funcref)
          (func $a (export "a") (export "alias"))
          (func $b (export "b"))
          (func $c (export "c"))
          (elem (i32.const 1) $b $a)
          (elem (i32.const 5) $b))"""
    )
    assert function_slots(data) == {"b": 1, "a": 2, "alias": 2}


def test_function_slots_without_a_table() -> None:
    assert function_slots(wasm("(module)")) == {}


def test_function_slots_stop_at_segments_of_another_form() -> None:
    data = wasm(
        """(module (import "env" "g" (global $g i32)) (table 10 funcref)
          (func $a (export "a"))
          (elem (global.get $g) $a)
          (elem (i32.const 3) $a))"""
    )
    assert function_slots(data) == {}
