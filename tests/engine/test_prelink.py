"""Side modules joined with the main one work as they do one by one; what can't be joined is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pywasm_sandbox._engine import (
    Deadline,
    Engine,
    GuestTrap,
    InterruptReason,
    InterruptWords,
    LibraryMismatch,
    LoaderState,
    ModuleSource,
    Prelinked,
    Ticket,
    TrapKind,
)
from pywasm_sandbox._engine.joining import Numbers, UnusualModule
from pywasm_sandbox._engine.prelink import Library, prelink
from pywasm_sandbox._engine.rewriter import rewriter
from pywasm_sandbox._guests.assets import Assets
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost

from .conftest import Guest
from .test_loader import IMPORTS, MAIN, USEFUL, Linker
from .wasm import dylink, leb, section, side, wasm

Rewrite = Callable[[bytes, Numbers], bytes]
Join = Callable[..., Linker]

PATH = "/lib/useful.so"


@pytest.fixture(scope="session")
def rewrite(engine: Engine) -> Rewrite:
    linker = Assets.installed()["linker"]
    program = engine.program(ModuleSource(linker.name, linker.path, linker.sha256))
    on_guest_thread = rewriter(
        program, lambda it: WasiHost(Namespace(MemoryFS()), it.memory, waiter=it.waiter)
    )
    return lambda code, numbers: engine.threads.run(lambda: on_guest_thread(code, numbers))


@pytest.fixture
def join(engine: Engine, rewrite: Rewrite) -> Iterator[Join]:
    """A guest whose main module has these libraries in it; `missing` are not in its filesystem."""
    guests: list[Guest] = []

    def make(*libraries: tuple[str, bytes], main: str = MAIN) -> Linker:
        linked = [Library(path, data) for path, data in libraries]
        binary, prelinked = prelink(wasm(main), linked, rewrite)
        source = ModuleSource.from_bytes("main", wasm(main))
        joined = ModuleSource.from_bytes("joined", binary), prelinked
        guest = Guest(engine, engine.program(source, (), joined), None, None)
        guests.append(guest)
        linker = Linker(guest)
        for path, data in libraries:
            linker.add(path, data)
        return linker

    yield make
    for guest in guests:
        guest.instance.close()


def parts(linker: Linker) -> list[bool]:
    """Which of the loaded libraries are parts of the main module."""
    return [each.part is not None for each in linker.loaded]


def joined_paths(linker: Linker) -> int:
    return len(linker.guest.instance.program.prelinked.libraries)


# ---- what works as ever


def test_a_library_with_everything(join: Join) -> None:
    linker = join((PATH, USEFUL))
    handle = linker.open(PATH)
    assert linker.error() == ""
    assert handle == 2
    answers = {
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
    assert {symbol: linker.run(handle, symbol) for symbol in answers} == answers
    assert parts(linker) == [True]
    (loaded,) = linker.loaded
    assert loaded.memory_base == 65536  # behind the main module's own
    assert linker.symbol(handle, "own_data") == loaded.memory_base + 12


def test_nothing_happens_before_it_is_opened(join: Join) -> None:
    linker = join((PATH, USEFUL))
    assert linker.guest.instance.memory.get_u32(65536) == 0
    assert linker.loaded == []
    linker.open(PATH)
    assert linker.guest.instance.memory.get_u32(65536) == 42


def test_a_function_has_one_address(join: Join) -> None:
    linker = join((PATH, USEFUL))
    size = linker.guest.call("table_size")
    handle = linker.open(PATH)
    assert linker.symbol(handle, "own") == linker.run(handle, "own_slot") != 0
    assert linker.symbol(0, "slotted") == 2
    assert linker.symbol(0, "twice") == linker.symbol(1, "twice") != 0
    assert linker.guest.call("table_size") == size  # they all had their places


def test_another_library_uses_what_is_joined(join: Join) -> None:
    user = side(
        '(module (import "env" "own" (func $f (result i32))) (func (export "f") (result i32) (call $f)))',
        dylink(needed=["useful.so"]),
    )
    linker = join((PATH, USEFUL))
    assert linker.run(linker.open(linker.add("/lib/user.so", user)), "f") == 42
    assert parts(linker) == [True, False]


def test_libraries_that_need_each_other_in_any_order(join: Join) -> None:
    base = side(
        """(module (func (export "base_f") (result i32) (i32.const 21))
          (global (export "base_data") i32 (i32.const 4)))""",
        dylink(8),
    )
    user = side(
        """(module (import "env" "base_f" (func $f (result i32)))
          (import "GOT.mem" "base_data" (global $data (mut i32)))
          (import "GOT.func" "base_f" (global $slot (mut i32)))
          (func (export "f") (result i32) (call $f))
          (func (export "data") (result i32) (global.get $data))
          (func (export "by_slot") (result i32) (call_indirect (result i32) (global.get $slot))))""",
        dylink(needed=["libbase.so"], runtime_path=["$ORIGIN/deep"]),
    )
    linker = join(("/lib/user.so", user), ("/lib/deep/libbase.so", base))
    handle = linker.open("/lib/user.so")
    assert [each.path for each in linker.loaded] == ["/lib/deep/libbase.so", "/lib/user.so"]
    assert parts(linker) == [True, True]
    assert (linker.run(handle, "f"), linker.run(handle, "by_slot")) == (21, 21)
    assert linker.run(handle, "data") == linker.loaded[0].memory_base + 4


def test_a_start_function_that_sets_addresses(join: Join) -> None:
    """wasm-ld's, for the entries of the offset table that are a module's own."""
    data = side(
        f"""(module {IMPORTS}
          (global $address (mut i32) (i32.const 0)) (global $count (mut i32) (i32.const 5))
          (start $relocate)
          (func $relocate (global.set $address (i32.add (global.get $memory_base) (i32.const 7))))
          (func (export "address") (result i32) (global.get $address))
          (func (export "count") (result i32)
            (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count)))""",
        dylink(64),
    )
    linker = join(("/lib/x.so", data))
    handle = linker.open("/lib/x.so")
    assert parts(linker) == [True]
    assert linker.run(handle, "address") == linker.loaded[0].memory_base + 7
    assert [linker.run(handle, "count"), linker.run(handle, "count")] == [6, 7]


def test_weak_symbols_may_be_undefined(join: Join) -> None:
    data = side(
        """(module (import "env" "absent" (func $absent (param i32 i64)))
          (import "GOT.func" "absent" (global $slot (mut i32)))
          (import "GOT.mem" "absent_data" (global $data (mut i32)))
          (func (export "addresses") (result i32) (i32.or (global.get $slot) (global.get $data)))
          (func (export "call") (result i32) (call $absent (i32.const 1) (i64.const 1)) (i32.const 0)))""",
        dylink(weak=[("env", "absent"), ("GOT.mem", "absent_data")]),
    )
    linker = join(("/lib/weak.so", data))
    assert linker.run(linker.open("/lib/weak.so"), "addresses") == 0
    assert parts(linker) == [True]


INSTRUCTIONS = f"""(module {IMPORTS}
  (type $pair (func (param i32 i32) (result i32 i32)))
  (import "env" "__cpp_exception" (tag $exception (param i32)))
  (data $passive "\\07\\08\\09\\0a")
  (func $swap (type $pair) (local.get 1) (local.get 0))
  (func $tail (param i32) (result i32) (return_call $last (local.get 0)))
  (func $last (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1)))
  (func $branch (param i32) (result i32)
    (block $a (block $b (block $c (br_table $a $b $c (local.get 0)))
      (return (i32.const 30))) (return (i32.const 20))) (i32.const 10))
  (func (export "control") (result i32) (local $sum i32) (local $n i32)
    (local.set $n (i32.const 5))
    (loop $again
      (if (i32.rem_u (local.get $n) (i32.const 2))
        (then (local.set $sum (i32.add (local.get $sum) (local.get $n))))
        (else nop))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum) (i32.const 2) (block (param i32 i32) (result i32 i32) (call $swap)) (i32.sub)
    (i32.add (call $branch (i32.const 0))) (i32.add (call $branch (i32.const 1)))
    (i32.add (call $branch (i32.const 9))) (i32.add (call $tail (i32.const 101)))
    (i32.add (select (result i32) (i32.const 1) (i32.const 2) (i32.const 0))))
  (func (export "numbers") (result i32)
    (drop (f32.const 1.5)) (drop (i64.const -5000000000))
    (i32.trunc_sat_f64_s (f64.mul (f64.const 21.25) (f64.const 2)))
    (i32.add (i32.wrap_i64 (i64.extend8_s (i64.const 0x80)))))
  (func (export "vectors") (result i32)
    (v128.store offset=16 (global.get $memory_base)
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
        (v128.const i32x4 1 2 3 4) (v128.const i32x4 5 6 7 8)))
    (i32x4.extract_lane 3 (v128.load offset=16 (global.get $memory_base)))
    (i32.add (i32x4.extract_lane 0
      (v128.load32_lane offset=20 2 (global.get $memory_base) (v128.const i32x4 9 9 9 9))))
    (i32.add (i32x4.extract_lane 0 (i32x4.relaxed_trunc_f32x4_s (v128.const f32x4 4 4 4 4)))))
  (func (export "bulk") (result i32)
    (memory.init $passive (i32.add (global.get $memory_base) (i32.const 40)) (i32.const 0) (i32.const 4))
    (data.drop $passive)
    (memory.copy (i32.add (global.get $memory_base) (i32.const 44))
      (i32.add (global.get $memory_base) (i32.const 40)) (i32.const 4))
    (memory.fill (i32.add (global.get $memory_base) (i32.const 45)) (i32.const 1) (i32.const 1))
    (i32.load offset=44 (global.get $memory_base)) (memory.size) (i32.add)
    (i32.add (table.size)) (i32.sub (table.size)))
  (func (export "exceptions") (result i32)
    (block $outer (result i32)
      (try_table (result i32) (catch $exception $outer)
        (block $all
          (try_table (catch_all $all) (throw $exception (i32.const 1))))
        (block $with (result i32 exnref)
          (try_table (catch_ref $exception $with) (throw $exception (i32.const 40)))
          (unreachable))
        (throw_ref)))
    (i32.add (i32.const 2)))
  (func (export "references") (result i32)
    (ref.is_null (ref.null func)) (i32.add (ref.is_null (table.get (global.get $table_base)))))
  (elem (global.get $table_base) $last))"""


@pytest.mark.parametrize("symbol", ["control", "numbers", "vectors", "bulk", "exceptions", "references"])
def test_instructions_stay_what_they_are(linker: Linker, join: Join, symbol: str) -> None:
    data = side(INSTRUCTIONS, dylink(64, 4, 1, 0))
    filler = ("/lib/useful.so", USEFUL)  # so that no number stays what it was
    joined = join(filler, ("/lib/all.so", data))
    by_itself = linker.run(linker.open(linker.add("/lib/all.so", data)), symbol)
    together = joined.run(joined.open("/lib/all.so"), symbol)
    assert parts(joined) == [True]
    assert parts(linker) == [False]
    # `bulk` adds the pages of memory, of which the joined module has one more.
    assert together == by_itself + (symbol == "bulk")
    assert by_itself not in (0, 0xFFFF_FFFF)


TRIPPED, PENDING, REASON = 3200, 3204, 3208

# Two operands of 128 bits lie in the module's data, and behind them the result, whose address is returned.
WIDE = f"""(module {IMPORTS}
  (func $operand (param $at i32) (result i64)
    (i64.load (i32.add (global.get $memory_base) (local.get $at))))
  (func $keep (param $low i64) (param $high i64) (result i32)
    (i64.store offset=32 (global.get $memory_base) (local.get $low))
    (i64.store offset=40 (global.get $memory_base) (local.get $high))
    (i32.add (global.get $memory_base) (i32.const 32)))
  (func (export "add128") (result i32)
    (call $operand (i32.const 0)) (call $operand (i32.const 8))
    (call $operand (i32.const 16)) (call $operand (i32.const 24)) (i64.add128) (call $keep))
  (func (export "sub128") (result i32)
    (call $operand (i32.const 0)) (call $operand (i32.const 8))
    (call $operand (i32.const 16)) (call $operand (i32.const 24)) (i64.sub128) (call $keep))
  (func (export "mul_wide_s") (result i32)
    (call $operand (i32.const 0)) (call $operand (i32.const 16)) (i64.mul_wide_s) (call $keep))
  (func (export "mul_wide_u") (result i32)
    (call $operand (i32.const 0)) (call $operand (i32.const 16)) (i64.mul_wide_u) (call $keep))
  ;; the result is multiplied by the first operand and the second added
  (func $step (param $low i64) (param $high i64) (result i64 i64) (local $carry i64)
    (i64.mul_wide_u (local.get $low) (call $operand (i32.const 0)))
    (local.set $carry)
    (i64.add (local.get $carry) (i64.mul (local.get $high) (call $operand (i32.const 0))))
    (i64.add (i64.mul (local.get $low) (call $operand (i32.const 8))))
    (call $operand (i32.const 16)) (call $operand (i32.const 24)) (i64.add128))
  (func $steps (param $count i32) (result i32)
    (loop $again
      (call $operand (i32.const 32)) (call $operand (i32.const 40)) (call $step) (call $keep) (drop)
      (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (i32.add (global.get $memory_base) (i32.const 32)))
  (func (export "steps") (result i32) (call $steps (i32.const 1000)))
  ;; all in the loop itself, without a call; it ends when the word at TRIPPED is set
  (func $loop (param $deaf i32) (result i32) (local $low i64) (local $high i64)
    (loop $again
      (i64.add128 (local.get $low) (local.get $high) (i64.const -1) (i64.const 0))
      (local.set $high) (local.tee $low) (i64.const -1) (i64.mul_wide_u) (local.get $high)
      (i64.const 3) (i64.sub128) (local.set $high) (local.set $low)
      (i64.store offset=32 (global.get $memory_base) (local.get $low))
      (i64.store offset=40 (global.get $memory_base) (local.get $high))
      (br_if $again (i32.or (local.get $deaf) (i32.eqz (i32.load (i32.const {TRIPPED}))))))
    (i32.add (global.get $memory_base) (i32.const 32)))
  (func (export "polite") (result i32) (call $loop (i32.const 0)))
  (func (export "deaf") (result i32) (call $loop (i32.const 1))))"""
WIDE_PATH = "/lib/wide.so"
BITS_64, BITS_128 = (1 << 64) - 1, (1 << 128) - 1


@pytest.fixture(params=["by itself", "joined"])
def wide(request: pytest.FixtureRequest, linker: Linker, join: Join) -> tuple[Linker, int]:
    """A guest with `WIDE`, and its handle."""
    data = side(WIDE, dylink(48, 4))
    joined = request.param == "joined"
    if joined:
        linker = join((PATH, USEFUL), (WIDE_PATH, data))
    handle = linker.open(linker.add(WIDE_PATH, data))
    assert parts(linker) == [joined], linker.error()
    return linker, handle


def put_wide(linker: Linker, *numbers: int) -> None:
    base = linker.loaded[-1].memory_base
    linker.guest.instance.memory.write(base, b"".join(each.to_bytes(16, "little") for each in numbers))


def read_wide(linker: Linker, address: int) -> int:
    return int.from_bytes(linker.guest.instance.memory.read(address, 16), "little")


def signed(number: int) -> int:
    """The low 64 bits as a signed number."""
    return ((number & BITS_64) ^ (1 << 63)) - (1 << 63)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0, 0),
        (BITS_64, 1),
        (BITS_128, BITS_128),
        (1, BITS_128),
        (1 << 63, 1 << 63),
        (0x2360ED051FC65DA44385DF649FCCF645, 0x5851F42D4C957F2D14057B7EF767814F),
    ],
)
def test_wide_arithmetic(wide: tuple[Linker, int], first: int, second: int) -> None:
    linker, handle = wide
    put_wide(linker, first, second)
    expected = {
        "add128": first + second,
        "sub128": first - second,
        "mul_wide_s": signed(first) * signed(second),
        "mul_wide_u": (first & BITS_64) * (second & BITS_64),
    }
    found = {symbol: read_wide(linker, linker.run(handle, symbol)) for symbol in expected}
    assert found == {symbol: number & BITS_128 for symbol, number in expected.items()}


def test_a_generator_of_128_bits_meets_its_deadline(wide: tuple[Linker, int]) -> None:
    linker, handle = wide
    multiplier, increment = 0x2360ED051FC65DA44385DF649FCCF645, 0x5851F42D4C957F2D14057B7EF767814F
    put_wide(linker, multiplier, increment, 42)
    slot = linker.symbol(handle, "steps")
    address = linker.guest.call("call", slot, deadline=Deadline.after(60.0))
    state = 42
    for _ in range(1000):
        state = (state * multiplier + increment) & BITS_128
    assert read_wide(linker, address) == state


def test_an_interrupt_ends_a_loop_of_wide_arithmetic(wide: tuple[Linker, int]) -> None:
    linker, handle = wide
    guest = linker.guest
    guest.instance.arm_interrupts(InterruptWords(((TRIPPED, 1), (PENDING, 2)), REASON))
    slot, ticket = linker.symbol(handle, "polite"), Ticket()
    address = guest.call("call", slot, deadline=Deadline.after(0.02, grace_s=60.0), ticket=ticket)
    assert ticket.fired == InterruptReason.TIMEOUT
    assert guest.instance.broken is None
    assert read_wide(linker, address) != 0  # so the loop went round


def test_a_deadline_ends_a_loop_of_wide_arithmetic_that_goes_on(wide: tuple[Linker, int]) -> None:
    linker, handle = wide
    slot = linker.symbol(handle, "deaf")
    with pytest.raises(GuestTrap) as caught:
        linker.guest.call("call", slot, deadline=Deadline.after(0.01, grace_s=0.03))
    assert caught.value.kind is TrapKind.INTERRUPTED
    assert caught.value.reason == InterruptReason.TIMEOUT


@pytest.fixture
def linker(engine: Engine) -> Iterator[Linker]:
    guest = Guest(engine, engine.program(ModuleSource.from_bytes("test", wasm(MAIN))), None, None)
    yield Linker(guest)
    guest.instance.close()


# ---- what is left out


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(side('(module (import "env" "missing" (func)))'), id="undefined function"),
        pytest.param(side('(module (import "env" "twice" (func)))'), id="function of another type"),
        pytest.param(
            side('(module (import "GOT.mem" "missing" (global (mut i32))))'), id="undefined address"
        ),
        pytest.param(side('(module (import "wasi" "f" (func)))'), id="import from elsewhere"),
        pytest.param(side("(module (memory 1))"), id="memory of its own"),
        pytest.param(side("(module (tag (param i32)))"), id="tag of its own"),
        pytest.param(side("(module)", dylink(needed=["libc.so"])), id="needs what isn't there"),
        pytest.param(
            side("(module (global $g (mut f64) (f64.const 0)) (start $s) (func $s (nop)))"),
            id="start function that does something else",
        ),
        pytest.param(
            side(
                f"""(module {IMPORTS} (global $g (mut i32) (i32.const 0)) (start $s)
                (func $s (global.set $g (global.get $memory_base)))
                (func (export "f") (global.set $g (i32.const 1))))""",
                dylink(16),
            ),
            id="address that is changed",
        ),
        pytest.param(
            side("(module (elem $e func $f) (func $f) (func (elem.drop $e)))"), id="passive elements"
        ),
    ],
)
def test_what_cannot_be_joined_is_left_out(join: Join, data: bytes) -> None:
    linker = join((PATH, USEFUL), ("/lib/odd.so", data))
    assert joined_paths(linker) == 1
    assert linker.run(linker.open(PATH), "own") == 42
    assert parts(linker) == [True]


def test_who_needs_one_that_is_left_out_is_left_out(join: Join) -> None:
    odd = side('(module (memory 1) (func (export "f")))')
    user = side("(module)", dylink(needed=["odd.so"]))
    assert joined_paths(join(("/lib/user.so", user), ("/lib/odd.so", odd), (PATH, USEFUL))) == 1


def test_a_library_of_the_same_name_but_other_content_is_not_the_joined_one(join: Join) -> None:
    linker = join((PATH, USEFUL))
    other = side('(module (func (export "own") (result i32) (i32.const 7)))')
    assert linker.run(linker.open(linker.add(PATH, other)), "own") == 7
    assert parts(linker) == [False]


def test_a_second_copy_is_an_instance_of_its_own(join: Join) -> None:
    linker = join((PATH, USEFUL))
    first, second = linker.open(PATH), linker.open(linker.add("/lib/copy.so", USEFUL))
    assert (first, second) == (2, 3)
    assert parts(linker) == [True, False]
    assert (linker.run(first, "own"), linker.run(second, "own")) == (42, 42)
    assert linker.loaded[0].memory_base != linker.loaded[1].memory_base


# ---- hostile code


def numbers(functions: int) -> Numbers:
    return Numbers(list(range(functions)), [0], [], [], [], [False] * functions)


def code(*bodies: bytes) -> bytes:
    return leb(len(bodies)) + b"".join(leb(len(body)) + body for body in bodies)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "its code ends too early"),
        (leb(1), "its code ends too early"),
        (leb(1) + leb(100) + b"\x00\x0b", "its code ends too early"),
        (code(b"\x00\x41"), "its code ends too early"),
        (code(b"\x00\xff\x0b"), "an instruction that linkers of C don't write"),
        (code(b"\x00\xfc\x12\x0b"), "an instruction that linkers of C don't write"),
        (code(b"\x00\xfc\x17\x0b"), "an instruction that linkers of C don't write"),
        (code(b"\x00\x10\x05\x0b"), "a number of something that isn't there"),
        (code(b"\x00\x23\x00\x0b"), "a number of something that isn't there"),
        (code(b"\x00\x10" + b"\xff" * 20 + b"\x0b"), "a number that is too long"),
        (code(b"\x00\x0e\xff\xff\xff\xff\x0f\x0b"), "its code ends too early"),
        (leb(5), "a number of something that isn't there"),
    ],
)
def test_code_that_is_none(rewrite: Rewrite, data: bytes, error: str) -> None:
    assert rewrite(code(b"\x00\x0b"), numbers(1))[-2:] == b"\x00\x0b"
    with pytest.raises(UnusualModule, match=error):
        rewrite(data, numbers(1))


def test_bodies_that_nobody_needs_are_replaced(rewrite: Rewrite) -> None:
    dropped = Numbers([0, 1], [0], [], [], [], [True, False])
    assert rewrite(code(b"\x00\xff\xff\xff", b"\x00\x01\x0b"), dropped) == (
        b"\x03\x00\x00\x0b" + b"\x83\x80\x80\x80\x00" + b"\x00\x01\x0b"
    )


# ---- descriptions


def test_a_description_gives_the_same_again(join: Join) -> None:
    prelinked = join((PATH, USEFUL)).guest.instance.program.prelinked
    assert Prelinked.from_description(prelinked.describe()) == prelinked


@pytest.mark.parametrize(
    ("key", "value"), [("part", 1), ("part", -1), ("part", "0"), ("sha256", "0" * 64), ("needed", [3])]
)
def test_a_state_that_lies_about_its_parts_is_refused(
    engine: Engine, join: Join, key: str, value: object
) -> None:
    linker = join((PATH, USEFUL))
    linker.open(PATH)
    instance = linker.guest.instance
    state = LoaderState.capture(instance)
    assert state is not None
    described = state.describe()
    found = LoaderState.find(described, instance)
    assert [each.path for each in found.modules] == [PATH]
    described[0][0][key] = value
    with pytest.raises(LibraryMismatch):
        LoaderState.find(described, instance)


def test_sections_out_of_the_ordinary(rewrite: Rewrite) -> None:
    main = wasm("(module (memory 1) (memory 1))")
    with pytest.raises(UnusualModule, match="a main module without one memory"):
        prelink(main, [], rewrite)
    with pytest.raises(UnusualModule, match="section 77"):
        prelink(wasm(MAIN) + section(77, b""), [], rewrite)
