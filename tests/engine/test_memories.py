"""Memories that closed instances leave to the next: nothing of the former guest is in them."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from pywasm_sandbox._engine import (
    FILL,
    Engine,
    GuestTrap,
    Image,
    Instance,
    Limits,
    MemoryState,
    ModuleSource,
    TrapKind,
    memories,
    with_passive_data,
)
from pywasm_sandbox._engine import pages as pages_module
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost

from .wasm import wasm

T = TypeVar("T")
PAGE = 65536
SIZE = 24 * PAGE
GUEST = """(module (memory (export "memory") 4)
  (global $sp (export "__stack_pointer") (mut i32) (i32.const 1000))
  (data (i32.const 100) "initial")
  (func (export "set") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "fill") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"""

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or pages_module._finder() is None,
    reason="memories are kept where the kernel tells what was written",
)


class Guests:
    """Instances of one module, whose image has bytes at its beginning and at its end and a hole between."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        source = ModuleSource.from_bytes("memories", with_passive_data(wasm(GUEST)))
        self.program = engine.program(source)
        self.namespace = Namespace(MemoryFS())
        first = self.make(None)
        self.call(first, FILL)
        self.call(first, "grow", SIZE // PAGE - 4)
        self.call(first, "set", 50_000, 5)
        self.call(first, "set", SIZE - 1, 6)
        fresh = self.make(None)
        with tempfile.TemporaryFile() as file:
            self.image = self.run(lambda: Image.capture(first, fresh, os.dup(file.fileno()), {}))
        first.close()
        fresh.close()

    def make(self, image: Image | None) -> Instance:
        def instantiate() -> Instance:
            return self.program.instantiate(
                lambda i: WasiHost(self.namespace, i.memory), None, Limits(), image
            )

        return self.run(instantiate)

    def clone(self) -> Instance:
        instance = self.make(self.image)
        self.run(lambda: MemoryState.of_image(self.image).apply(instance))
        return instance

    def run(self, function: Callable[[], T]) -> T:
        return self.engine.threads.run(function)

    def call(self, instance: Instance, export: str, *arguments: int) -> int:
        return self.run(lambda: instance.call(export, *arguments))

    def content(self) -> bytes:
        return self.image.content(0, SIZE)


@pytest.fixture
def guests(engine: Engine) -> Iterator[Guests]:
    guests = Guests(engine)
    yield guests
    guests.image.close()


def test_the_next_clone_gets_the_memory_as_the_image_has_it(guests: Guests) -> None:
    first = guests.clone()
    assert first.memory.read(0, SIZE) == guests.content()
    guests.call(first, "grow", 40)
    guests.call(first, "fill", 0, 0xAA, SIZE + 40 * PAGE)
    address = first.memory_address
    # The positive control: all of it was the former guest's.
    assert first.memory.read(0, SIZE + 40 * PAGE) == b"\xaa" * (SIZE + 40 * PAGE)
    first.close()
    assert len(guests.image.spares) == 1

    second = guests.clone()
    assert second.memory_address == address
    assert second.memory.size == SIZE
    assert second.memory.read(0, SIZE) == guests.content()
    assert guests.call(second, "grow", 40) == SIZE // PAGE
    assert second.memory.read(SIZE, 40 * PAGE) == bytes(40 * PAGE)
    second.close()


def test_a_single_byte_is_undone(guests: Guests) -> None:
    for at in (0, 100, 50_000, SIZE - 1, SIZE // 2):
        guest = guests.clone()
        guests.call(guest, "set", at, 0x77)
        assert guests.call(guest, "get", at) == 0x77
        guest.close()
        following = guests.clone()
        assert following.memory.read(0, SIZE) == guests.content(), at
        following.close()


def test_memory_behind_the_size_is_no_memory_for_the_next(guests: Guests) -> None:
    first = guests.clone()
    guests.call(first, "grow", 40)
    guests.call(first, "set", SIZE + PAGE, 1)  # the positive control
    first.close()
    second = guests.clone()
    assert guests.call(second, "get", SIZE - 1) == 6
    with pytest.raises(GuestTrap) as caught:
        guests.call(second, "get", SIZE)
    assert caught.value.kind is TrapKind.MEMORY_OUT_OF_BOUNDS
    second.close()


def test_a_memory_in_which_a_guest_trapped_is_not_kept(guests: Guests) -> None:
    guest = guests.clone()
    with pytest.raises(GuestTrap):
        guests.call(guest, "get", SIZE)
    assert guest.closed or guest.broken is not None
    guest.close()
    assert len(guests.image.spares) == 0


def test_much_that_was_written_goes_back_to_the_system(
    guests: Guests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "KEPT_BYTES", 4096)
    first = guests.clone()
    base = first.memory_address
    guests.call(first, "fill", 0, 1, PAGE)
    guests.call(first, "set", SIZE - 1, 7)
    assert sum(length for _, length in pages_module.own_runs(base, PAGE) or ()) == PAGE
    first.close()
    assert pages_module.own_runs(base, PAGE) == []
    assert pages_module.own_runs(base + SIZE - PAGE, PAGE) == [(PAGE - 4096, 4096)]
    second = guests.clone()
    assert second.memory.read(0, SIZE) == guests.content()
    second.close()


def test_so_many_are_kept_and_no_more(guests: Guests) -> None:
    clones = [guests.clone() for _ in range(memories.MAX_SPARES + 3)]
    assert len(guests.image.spares) == 0
    for each in clones:
        each.close()
    assert len(guests.image.spares) == memories.MAX_SPARES


def test_a_closed_image_keeps_none(guests: Guests) -> None:
    clone = guests.clone()
    guests.clone().close()
    assert len(guests.image.spares) == 1
    guests.image.close()
    assert len(guests.image.spares) == 0
    clone.close()
    assert len(guests.image.spares) == 0


def test_a_collected_image_leaves_no_mappings(engine: Engine) -> None:
    def mapped() -> int:
        gc.collect()
        with open("/proc/self/maps") as maps:
            return sum("(deleted)" in line for line in maps)

    before = mapped()
    guests = Guests(engine)
    guests.clone().close()
    assert mapped() > before
    del guests
    assert mapped() == before


def test_without_the_kernels_word_nothing_is_kept(guests: Guests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_module, "_finder", lambda: None)
    first = guests.clone()
    guests.call(first, "set", 50_000, 9)
    first.close()
    assert len(guests.image.spares) == 0
    second = guests.clone()
    assert second.memory.read(0, SIZE) == guests.content()
    second.close()


def test_what_cannot_be_cleaned_is_not_kept(guests: Guests, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(12, "no memory")

    first = guests.clone()
    monkeypatch.setattr(memories, "map_nothing", refuse)
    first.close()
    assert len(guests.image.spares) == 0
    monkeypatch.undo()
    second = guests.clone()
    assert second.memory.read(0, SIZE) == guests.content()
    second.close()


def test_a_module_that_writes_its_data_itself_gets_fresh_memory(engine: Engine) -> None:
    program = engine.program(ModuleSource.from_bytes("active data", wasm(GUEST)))
    guests = Guests(engine)
    guests.program = program
    guests.clone().close()
    assert len(guests.image.spares) == 1
    spare = next(iter(guests.image.spares._kept))
    clone = guests.clone()
    assert clone.memory_address != spare.base
    assert clone.memory.read(0, SIZE) == guests.content()
    clone.close()


@pytest.mark.parametrize("finder", [pages_module._scan, pages_module._read_pagemap])
def test_both_ways_to_ask_the_kernel_say_the_same(
    guests: Guests, finder: Callable[[int, int], list[tuple[int, int]]]
) -> None:
    guest = guests.clone()
    for at in range(0, 4 * PAGE, 8192):
        guests.call(guest, "set", at, 1)
    guests.call(guest, "get", SIZE - PAGE)  # only read
    try:
        found = finder(guest.memory_address, 4 * PAGE)
    except OSError as error:
        pytest.skip(f"this kernel does not have it: {error}")
    assert found == [(at, 4096) for at in range(0, 4 * PAGE, 8192)]
    assert finder(guest.memory_address + SIZE - PAGE, PAGE) == []
    guest.close()
