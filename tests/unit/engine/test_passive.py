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


def test_a_start_function_is_called_last_and_no_longer_by_itself() -> None:
    module = side(
        f"""(module {IMPORTS}
          (func (export "own")) (func $start) (start $start) (data (i32.const 0) "a"))""",
        dylink(16, 4, 0, 0),
    )
    changed = with_passive_data(module)
    assert body(changed, START) is None
    code = body(changed, 10)
    assert code is not None
    assert code.endswith(b"\x10\x02\x0b")  # call 2: an import and `own` come before


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
