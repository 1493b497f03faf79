"""Side modules in clones: the same modules at the same places, and none of their code runs again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import TypeVar

import pytest

from pywasm_sandbox._engine import Image, LibraryMismatch, MemoryState, snapshots

from .conftest import Guest, MakeGuest
from .test_loader import IMPORTS, MAIN, RTLD_GLOBAL, RTLD_NOW, USEFUL, Linker
from .wasm import dylink, side

T = TypeVar("T")

COUNTING = side(
    f"""(module {IMPORTS}
      (func (export "__wasm_call_ctors")
        (i32.store (global.get $memory_base) (i32.add (i32.load (global.get $memory_base)) (i32.const 1))))
      (func (export "runs") (result i32) (i32.load (global.get $memory_base)))
      (func (export "set") (result i32)
        (i32.store (global.get $memory_base) (i32.const 77)) (i32.const 0)))""",
    dylink(16, 4, 0, 0),
)
PROVIDER = side(
    f"""(module {IMPORTS}
      (global (export "shared_data") i32 (i32.const 4))
      (data (global.get $memory_base) "\\01\\00\\00\\00\\07\\00\\00\\00")
      (func (export "shared") (result i32) (i32.load offset=4 (global.get $memory_base))))""",
    dylink(16, 4, 0, 0),
)
USER = side(
    f"""(module {IMPORTS}
      (import "env" "shared" (func $shared (result i32)))
      (import "GOT.mem" "shared_data" (global $data (mut i32)))
      (import "GOT.func" "shared" (global $slot (mut i32)))
      (func (export "direct") (result i32) (call $shared))
      (func (export "by_slot") (result i32) (call_indirect (result i32) (global.get $slot)))
      (func (export "by_address") (result i32) (i32.load (global.get $data))))""",
    dylink(0, 0, 0, 0, needed=["provider.so"]),
)


class Copies:
    """Twins of one guest with the same files."""

    def __init__(self, make_guest: MakeGuest) -> None:
        self._make_guest = make_guest
        self.first = Linker(make_guest(MAIN))

    def _run(self, function: Callable[[], T]) -> T:
        return self.first.guest.engine.threads.run(function)

    def image(self) -> Image:
        fresh = self._make_guest(MAIN).instance
        with tempfile.TemporaryFile() as file:
            return self._run(
                lambda: Image.capture(self.first.guest.instance, fresh, os.dup(file.fileno()), {})
            )

    def twin(self, state: MemoryState, files: bool = True) -> Linker:
        guest: Guest = self._make_guest(MAIN)
        twin = Linker(guest)
        if files:
            source = self.first.guest.namespace
            for path, attributes in source.walk("/lib"):
                if attributes.size and attributes.type.value == "regular":
                    guest.namespace.write_bytes(path, source.read_bytes(path))
        self._run(lambda: state.apply(guest.instance))
        return twin

    def state(self, linker: Linker) -> MemoryState:
        image = self.image()
        return self._run(lambda: MemoryState.capture(linker.guest.instance, lambda: image))


@pytest.fixture
def copies(make_guest: MakeGuest) -> Copies:
    return Copies(make_guest)


ANSWERS = {
    "own": 42,
    "relocated": 1001,
    "calls_main": 84,
    "calls_hidden": 99,
    "calls_twice_by_slot": 100,
    "calls_own_by_slot": 42,
    "slotted_slot": 2,
    "main_data_address": 3000,
    "own_data_offset": 12,
    "catches": 5,
}


@pytest.mark.parametrize("through", ["image", "state", "described image"])
def test_a_library_works_in_a_clone(copies: Copies, through: str) -> None:
    first = copies.first
    handle = first.open(first.add("/lib/useful.so", USEFUL))
    slots = {symbol: first.symbol(handle, symbol) for symbol in (*ANSWERS, "own_data")}
    if through == "state":
        state = copies.state(first)
    else:
        state = MemoryState.of_image(copies.image())
        if through == "described image":
            assert state.image.libraries is not None
            state.image._described = state.image.libraries.describe()
            state.image.libraries = None
    for _ in range(2):
        twin = copies.twin(state)
        assert {symbol: twin.symbol(handle, symbol) for symbol in slots} == slots
        assert {symbol: twin.run(handle, symbol) for symbol in ANSWERS} == ANSWERS
        assert twin.open("/lib/useful.so") == handle  # the same one, not again
        assert [each.handle for each in twin.loaded] == [handle]


def test_no_code_of_a_library_runs_again(copies: Copies) -> None:
    first = copies.first
    handle = first.open(first.add("/lib/counting.so", COUNTING))
    assert first.run(handle, "runs") == 1
    assert copies.twin(copies.state(first)).run(handle, "runs") == 1
    first.run(handle, "set")
    twin = copies.twin(copies.state(first))
    assert twin.run(handle, "runs") == 77
    assert copies.twin(copies.state(twin)).run(handle, "runs") == 77


@pytest.mark.parametrize("flags", [RTLD_NOW, RTLD_NOW | RTLD_GLOBAL])
def test_definitions_come_from_the_same_modules(copies: Copies, flags: int) -> None:
    first = copies.first
    first.add("/lib/provider.so", PROVIDER)
    handle = first.open(first.add("/lib/user.so", USER), flags)
    assert first.error() == ""
    answers = {"direct": 7, "by_slot": 7, "by_address": 7}
    assert {symbol: first.run(handle, symbol) for symbol in answers} == answers
    state = copies.state(first)
    for _ in range(2):  # the second twin follows the plan that was made with the first
        twin = copies.twin(state)
        assert [each.path for each in twin.loaded] == ["/lib/provider.so", "/lib/user.so"]
        assert {symbol: twin.run(handle, symbol) for symbol in answers} == answers


def test_a_library_of_nothing_but_needs_has_what_it_needs(copies: Copies) -> None:
    first = copies.first
    first.add("/lib/provider.so", PROVIDER)
    handle = first.open(
        first.add("/lib/shell.so", side("(module)", dylink(0, 0, 0, 0, needed=["provider.so"])))
    )
    assert first.run(handle, "shared") == 7
    state = copies.state(first)
    for _ in range(2):
        twin = copies.twin(state)
        assert twin.open("/lib/shell.so") == handle
        assert (twin.run(handle, "shared"), twin.error()) == (7, "")


def test_a_clone_loads_more(copies: Copies) -> None:
    first = copies.first
    first.add("/lib/counting.so", COUNTING)
    useful = first.open(first.add("/lib/useful.so", USEFUL))
    before = first.run(useful, "own")
    twin = copies.twin(copies.state(first))
    twin.guest.instance.global_set("heap_top", first.guest.instance.global_get("heap_top"))
    counting = twin.open("/lib/counting.so")
    assert counting == useful + 1
    assert (twin.run(counting, "runs"), twin.run(useful, "own"), before) == (1, 42, 42)


def test_a_library_that_is_gone_or_another(copies: Copies) -> None:
    first = copies.first
    first.open(first.add("/lib/useful.so", USEFUL))
    state = copies.state(first)
    assert state.libraries is not None
    described = state.libraries.describe()
    loose = MemoryState(state.image, state.memory_bytes, state.globals, state.deltas, described=described)
    with pytest.raises(LibraryMismatch, match=r"/lib/useful\.so: cannot be opened"):
        copies.twin(loose, files=False)
    first.guest.namespace.write_bytes("/lib/useful.so", COUNTING)
    with pytest.raises(LibraryMismatch, match=r"/lib/useful\.so: is another library"):
        copies.twin(loose)
    # In the process that loaded it, its code is still there.
    assert copies.twin(state).run(2, "own") == 42


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d[0][0].update(owners=[]),
        lambda d: d[0][0].update(owners=[9] * len(d[0][0]["owners"])),
        lambda d: d[0][0].update(needed=[2]),
        lambda d: d[0][0].update(bases=[0]),
        lambda d: d[0][0].update(bases=[1 << 32, 0]),
        lambda d: d[0][0].update(bases=[0xFFFF_FFF0, 4]),
        lambda d: d[0][0].update(bases=[4096, 0xFFFF_FFF0]),
        lambda d: d[0][0].update(slots={"own": 0xFFFF_FFF0}),
        lambda d: d[0][0].update(slots={"nothing": 4}),
        lambda d: d[1].update(nothing=4),
        lambda d: d.__setitem__(3, 0xFFFF_FFFF),
        lambda d: d.__setitem__(2, [[1]]),
        lambda d: d.pop(),
        lambda d: d[0].append(5),
    ],
)
def test_a_description_that_makes_no_sense(copies: Copies, damage: Callable[[object], object]) -> None:
    first = copies.first
    first.open(first.add("/lib/useful.so", USEFUL))
    state = copies.state(first)
    assert state.libraries is not None
    described = state.libraries.describe()
    damage(described)
    damaged = MemoryState(state.image, state.memory_bytes, state.globals, state.deltas, described=described)
    with pytest.raises(LibraryMismatch):
        copies.twin(damaged)


STARTED = side(
    f"""(module {IMPORTS}
      (func $start (i32.store (global.get $memory_base) (i32.const 5)))
      (start $start)
      (func (export "get") (result i32) (i32.load (global.get $memory_base)))
      (func (export "set") (result i32)
        (i32.store (global.get $memory_base) (i32.const 6)) (i32.const 0)))""",
    dylink(16, 4, 0, 0),
)


def test_what_a_start_function_writes_is_overwritten(copies: Copies) -> None:
    """wasm-ld makes one that fills the data."""
    first = copies.first
    handle = first.open(first.add("/lib/started.so", STARTED))
    assert first.run(handle, "get") == 5
    first.run(handle, "set")
    assert copies.twin(copies.state(first)).run(handle, "get") == 6


LINKED = side(
    f"""(module {IMPORTS}
      (global $address (mut i32) (i32.const 0))
      (func $set_globals (global.set $address (i32.add (global.get $memory_base) (i32.const 4))))
      (func $zero_memory
        (memory.fill (i32.add (global.get $memory_base) (i32.const 4)) (i32.const 9) (i32.const 4)))
      (func $start (call $set_globals) (call $zero_memory))
      (start $start)
      (data (global.get $memory_base) "\\07")
      (func (export "address") (result i32) (i32.sub (global.get $address) (global.get $memory_base)))
      (func (export "zeroed") (result i32) (i32.load8_u offset=4 (global.get $memory_base)))
      (func (export "data") (result i32) (i32.load8_u (global.get $memory_base)))
      (func (export "change") (result i32)
        (i32.store8 (global.get $memory_base) (i32.const 70))
        (i32.store8 offset=4 (global.get $memory_base) (i32.const 90)) (i32.const 0)))""",
    dylink(16, 4, 0, 0),
)
"""As wasm-ld writes it, but that the memory which it zeroes gets nines here."""


def test_what_linkers_do_at_the_start(copies: Copies) -> None:
    """The module's globals are set in each copy; its memory is the image's."""
    first = copies.first
    handle = first.open(first.add("/lib/linked.so", LINKED))
    symbols = ("address", "zeroed", "data")
    assert [first.run(handle, symbol) for symbol in symbols] == [4, 9, 7]
    first.run(handle, "change")
    state = copies.state(first)
    for _ in range(2):
        twin = copies.twin(state)
        assert [twin.run(handle, symbol) for symbol in symbols] == [4, 90, 70]


# A start function that does more than a linker's is left alone, and runs in each copy.
@pytest.mark.parametrize("body", ["(unreachable)", "(loop $l (br $l))"])
def test_a_start_function_that_fails_the_second_time(
    copies: Copies, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "APPLY_SECONDS", 0.05)
    first = copies.first
    once = side(
        f"""(module {IMPORTS}
          (func $start (if (i32.load (i32.const 3500)) (then {body}))
            (i32.store (i32.const 3500) (i32.const 1)))
          (start $start) (data (i32.const 3504) "x"))""",
        dylink(0, 0, 0, 0),
    )
    for name in ("a", "b"):
        path = first.add(f"/lib/{name}.so", once)
        first.guest.instance.memory.set_u32(3500, 0)
        assert first.open(path) > 0, first.error()
    with pytest.raises(LibraryMismatch):  # the second one finds what the first one left
        copies.twin(copies.state(first))
