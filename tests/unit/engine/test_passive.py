"""Data segments and start functions made a function of their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywasm_sandbox._engine.dylink import parse, sections
from pywasm_sandbox._engine.passive import FILL, with_passive_data
from tests.engine.wasm import dylink, side

IMPORTS = """(import "env" "memory" (memory 1))
      (import "env" "__memory_base" (global $memory_base i32))
      (import "env" "there" (func $there))"""
DATA, DATA_COUNT, START = 11, 12, 8


def body(module: bytes, wanted: int) -> bytes | None:
    """A section's content."""
    for section, reader in sections(module):
        if section == wanted:
            return module[reader.position : reader.end]
    return None


def test_segments_are_passive_and_filled_by_a_function() -> None:
    module = side(
        f"""(module {IMPORTS}
          (func (export "own"))
          (data (global.get $memory_base) "ab")
          (data (i32.const 300) "cde"))""",
        dylink(16, 4, 0, 0),
    )
    assert body(module, DATA) == b"\x02\x00\x23\x00\x0b\x02ab\x00\x41\xac\x02\x0b\x03cde"
    changed = with_passive_data(module)
    assert body(changed, DATA) == b"\x02\x01\x02ab\x01\x03cde"
    assert body(changed, DATA_COUNT) == b"\x02"
    assert list(parse(changed).exports) == ["own", FILL]
    assert parse(changed).imports == parse(module).imports
    code = body(changed, 10)
    assert code is not None
    fill = (
        b"\x00"
        b"\x23\x00\x41\x00\x41\x02\xfc\x08\x00\x00"  # memory.init 0: to memory_base, from 0, 2 bytes
        b"\x41\xac\x02\x41\x00\x41\x03\xfc\x08\x01\x00"  # memory.init 1: to 300, from 0, 3 bytes
        b"\x0b"
    )
    assert code.endswith(bytes([len(fill)]) + fill)


def linked(start: str) -> bytes:
    return side(
        f"""(module {IMPORTS}
          (global $address (mut i32) (i32.const 0))
          (func $globals (global.set $address (i32.add (global.get $memory_base) (i32.const 8))))
          (func $memory (memory.fill (global.get $memory_base) (i32.const 0) (i32.const 8)))
          (func $both (call $globals) (call $memory))
          (func $mixed (global.set $address (i32.const 8)) (call $memory))
          (func $other (call $there))
          (func $calls_calls (call $both))
          (func $loads (drop (i32.load (i32.const 0))))
          (func (export "own"))
          (start {start}))""",
        dylink(16, 4, 0, 0),
    )


GLOBALS, MEMORY = 1, 2
"""Indices of two of these functions; an import is the first."""


@pytest.mark.parametrize(
    ("start", "remains"), [("$both", bytes([GLOBALS])), ("$memory", None)], ids=["both", "memory"]
)
def test_what_a_start_function_does_to_memory_is_moved(start: str, remains: bytes | None) -> None:
    changed = with_passive_data(linked(start))
    assert body(changed, START) == remains
    code = body(changed, 10)
    assert code is not None
    assert code.endswith(bytes([0, 0x10, MEMORY, 0x0B]))


@pytest.mark.parametrize("start", ["$globals", "$mixed", "$other", "$calls_calls", "$loads", "$there"])
def test_a_start_function_of_another_kind_stays(start: str) -> None:
    module = linked(start)
    assert with_passive_data(module) is module


@pytest.mark.parametrize(
    "text",
    [
        '(module (func (export "own")))',
        '(module (memory 1) (func (export "own")) (data "passive already"))',
        '(module (memory 1) (data (i32.const 0) "without exports"))',
    ],
)
def test_what_needs_no_change_or_is_unusual_stays(text: str) -> None:
    module = side(text, dylink())
    assert with_passive_data(module) is module


@given(st.binary(max_size=200))
def test_garbage_stays_as_it_is(tail: bytes) -> None:
    module = b"\0asm\x01\0\0\0" + dylink() + tail
    assert with_passive_data(module)[: len(b"\0asm\x01\0\0\0")] == b"\0asm\x01\0\0\0"


def test_a_large_segment_has_its_whole_size() -> None:
    module = side(
        f'(module {IMPORTS} (func (export "own")) (data (i32.const 0) "{"x" * 8192}"))',
        dylink(8192, 4, 0, 0),
    )
    code = body(with_passive_data(module), 10)
    assert code is not None
    assert b"\x41\x80\xc0\x00\xfc\x08\x00\x00" in code  # i32.const 8192 is signed: a third byte
