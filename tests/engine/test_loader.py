"""Side modules in a running guest: what links, what is refused, and what a refusal leaves behind."""

from __future__ import annotations

import pytest

from pywasm_sandbox._engine import (
    Engine,
    GuestTrap,
    Limits,
    LoadedModule,
    TrapKind,
)
from pywasm_sandbox._vfs.memory import MemoryFS

from .conftest import Guest, MakeGuest
from .wasm import dylink, leb, name, section, side

HEAP, TEXT, ERROR = 4096, 16, 1024
RTLD_NOW, RTLD_GLOBAL = 2, 0x100
PAGE = 65536

MAIN = f"""(module
  (import "pywasm" "dlopen" (func $dlopen (param i32 i32 i32) (result i32)))
  (import "pywasm" "dlsym" (func $dlsym (param i32 i32 i32) (result i32)))
  (import "pywasm" "dlerror" (func $dlerror (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table (export "__indirect_function_table") 4 funcref)
  (global (export "__stack_pointer") (mut i32) (i32.const {HEAP}))
  (global $top (export "heap_top") (mut i32) (i32.const {HEAP}))
  (global $freed (export "freed") (mut i32) (i32.const 0))
  (global (export "main_data") i32 (i32.const 3000))
  (tag (export "__cpp_exception") (param i32))
  (func (export "twice") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func $slotted (export "slotted") (result i32) (i32.const 11))
  (func (export "pywasm_memalign") (param $align i32) (param $size i32) (result i32) (local $base i32)
    (local.set $base (i32.and (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
                              (i32.sub (i32.const 0) (local.get $align))))
    (if (i32.gt_u (local.get $size) (i32.sub (i32.mul (memory.size) (i32.const {PAGE})) (local.get $base)))
      (then (return (i32.const 0))))
    (global.set $top (i32.add (local.get $base) (local.get $size)))
    (local.get $base))
  (func (export "pywasm_free") (param i32)
    (global.set $freed (i32.add (global.get $freed) (i32.const 1)))
    (global.set $top (local.get 0)))
  (elem (i32.const 2) $slotted)
  (func (export "open") (param i32 i32 i32) (result i32)
    (call $dlopen (local.get 0) (local.get 1) (local.get 2)))
  (func (export "sym") (param i32 i32 i32) (result i32)
    (call $dlsym (local.get 0) (local.get 1) (local.get 2)))
  (func (export "error") (param i32 i32) (result i32) (call $dlerror (local.get 0) (local.get 1)))
  (func (export "call") (param $slot i32) (result i32) (call_indirect (result i32) (local.get $slot)))
  (func (export "table_size") (result i32) (table.size 0)))"""

IMPORTS = """
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global $sp (mut i32)))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))"""

USEFUL = side(
    f"""(module {IMPORTS}
      (import "env" "twice" (func $twice (param i32) (result i32)))
      (import "env" "__cpp_exception" (tag $exception (param i32)))
      (import "GOT.mem" "main_data" (global $main_data (mut i32)))
      (import "GOT.mem" "own_data" (global $own_data (mut i32)))
      (import "GOT.func" "twice" (global $twice_slot (mut i32)))
      (import "GOT.func" "slotted" (global $slotted_slot (mut i32)))
      (import "GOT.func" "own" (global $own_slot (mut i32)))
      (data (global.get $memory_base) "\\2a\\00\\00\\00")
      (elem (global.get $table_base) $hidden)
      (func $hidden (result i32) (i32.const 99))
      (func (export "__wasm_apply_data_relocs")
        (i32.store offset=4 (global.get $memory_base) (i32.add (global.get $memory_base) (i32.const 1000))))
      (func (export "__wasm_call_ctors")
        (i32.store offset=8 (global.get $memory_base)
          (i32.add (i32.load offset=4 (global.get $memory_base)) (i32.const 1))))
      (global (export "own_data") i32 (i32.const 12))
      (func (export "own") (result i32) (i32.load (global.get $memory_base)))
      (func (export "relocated") (result i32)
        (i32.sub (i32.load offset=8 (global.get $memory_base)) (global.get $memory_base)))
      (func (export "calls_main") (result i32) (call $twice (i32.load (global.get $memory_base))))
      (func (export "calls_hidden") (result i32) (call_indirect (result i32) (global.get $table_base)))
      (func (export "calls_twice_by_slot") (result i32)
        (call_indirect (param i32) (result i32) (i32.const 50) (global.get $twice_slot)))
      (func (export "calls_own_by_slot") (result i32) (call_indirect (result i32) (global.get $own_slot)))
      (func (export "slotted_slot") (result i32) (global.get $slotted_slot))
      (func (export "own_slot") (result i32) (global.get $own_slot))
      (func (export "main_data_address") (result i32) (global.get $main_data))
      (func (export "own_data_offset") (result i32)
        (i32.sub (global.get $own_data) (global.get $memory_base)))
      (func (export "catches") (result i32)
        (block $caught (result i32)
          (try_table (result i32) (catch $exception $caught) (throw $exception (i32.const 5))))))""",
    dylink(64, 5, 1, 0),
)


class Linker:
    """A guest that can load libraries, and short ways to ask it."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.guest.namespace.make_directories("/lib")

    def add(self, path: str, data: bytes) -> str:
        self.guest.namespace.write_bytes(path, data, parents=True)
        return path

    def _text(self, text: str | bytes) -> tuple[int, int]:
        encoded = text.encode() if isinstance(text, str) else text
        self.guest.instance.memory.write(TEXT, encoded)
        return TEXT, len(encoded)

    def open(self, path: str | bytes, flags: int = RTLD_NOW) -> int:
        return self.guest.call("open", *self._text(path), flags)

    def symbol(self, handle: int, symbol: str) -> int:
        return self.guest.call("sym", handle, *self._text(symbol))

    def error(self, capacity: int = 2048) -> str:
        length = self.guest.call("error", ERROR, capacity)
        return self.guest.instance.memory.read(ERROR, length).decode()

    def run(self, handle: int, symbol: str) -> int:
        slot = self.symbol(handle, symbol)
        assert slot != 0, self.error()
        return self.guest.call("call", slot)

    def refused(self, data: bytes, path: str = "/lib/bad.so") -> str:
        """Try to open it; the error's text without the path. Nothing is left of it."""
        before = self.traces()
        assert self.open(self.add(path, data)) == 0
        error = self.error()
        assert error.startswith(f"{path}: ")
        assert self.error() == ""
        assert self.traces() == before
        return error.removeprefix(f"{path}: ")

    def traces(self) -> tuple[int, int]:
        get = self.guest.instance.global_get
        return get("heap_top"), len(self.loaded)

    @property
    def loaded(self) -> list[LoadedModule]:
        return self.guest.instance.loader.loaded


@pytest.fixture
def linker(make_guest: MakeGuest) -> Linker:
    return Linker(make_guest(MAIN))


# ---- what links


def test_a_library_with_everything(linker: Linker) -> None:
    handle = linker.open(linker.add("/lib/useful.so", USEFUL))
    assert linker.error() == ""
    assert handle == 2
    answers = {
        "own": 42,
        "relocated": 1001,
        "calls_main": 84,
        "calls_hidden": 99,
        "calls_twice_by_slot": 100,
        "calls_own_by_slot": 42,
        "slotted_slot": 2,  # where the main module has it, or pointers to it would differ
        "main_data_address": 3000,
        "own_data_offset": 12,
        "catches": 5,
    }
    assert {symbol: linker.run(handle, symbol) for symbol in answers} == answers
    (loaded,) = linker.loaded
    assert (loaded.path, loaded.handle, loaded.memory_size, loaded.table_size) == ("/lib/useful.so", 2, 64, 1)
    assert loaded.memory_base == HEAP
    assert loaded.memory_base % 32 == 0
    assert loaded.table_base == 4
    assert linker.symbol(handle, "own_data") == loaded.memory_base + 12


def test_a_function_has_one_address(linker: Linker) -> None:
    handle = linker.open(linker.add("/lib/useful.so", USEFUL))
    assert linker.symbol(handle, "own") == linker.run(handle, "own_slot") == linker.symbol(handle, "own")
    assert linker.symbol(0, "slotted") == 2
    assert linker.symbol(0, "twice") == linker.symbol(1, "twice") != 0
    size = linker.guest.call("table_size")
    for _ in range(3):
        linker.symbol(handle, "own")
        linker.symbol(0, "twice")
    assert linker.guest.call("table_size") == size


def test_opening_again_gives_the_same_handle(linker: Linker) -> None:
    path = linker.add("/lib/useful.so", USEFUL)
    linker.guest.namespace.symlink(linker.guest.namespace.root, "/lib/link.so", "/lib/useful.so")
    assert [linker.open(path), linker.open("/lib/../lib/useful.so"), linker.open(path)] == [2, 2, 2]
    assert len(linker.loaded) == 1


def test_another_content_at_the_same_path_is_another_library(linker: Linker) -> None:
    one = side('(module (func (export "f") (result i32) (i32.const 1)))')
    two = side('(module (func (export "f") (result i32) (i32.const 2)))')
    handles = [linker.open(linker.add("/lib/x.so", data)) for data in (one, two)]
    assert handles == [2, 3]
    assert [linker.run(handle, "f") for handle in handles] == [1, 2]


def test_alignment_of_memory_and_table(linker: Linker) -> None:
    linker.open(linker.add("/lib/a.so", side("(module)", dylink(1, 0, 1, 0))))
    linker.open(linker.add("/lib/b.so", side("(module)", dylink(1, 8, 3, 4))))
    first, second = linker.loaded
    assert (first.memory_base % 16, second.memory_base % 256) == (0, 0)
    assert (first.table_base, second.table_base) == (4, 16)
    assert linker.guest.call("table_size") == 19


def test_the_main_module_itself(linker: Linker) -> None:
    assert linker.open("") == 1
    assert linker.symbol(1, "main_data") == 3000


def test_a_name_without_slash_is_looked_for_in_the_library_folders(linker: Linker) -> None:
    linker.add("/usr/lib/libx.so", side('(module (func (export "f") (result i32) (i32.const 3)))'))
    assert linker.run(linker.open("libx.so"), "f") == 3


def test_symbols_are_local_unless_opened_global(linker: Linker) -> None:
    data = side('(module (func (export "shared_f") (result i32) (i32.const 8)))')
    user = side(
        '(module (import "env" "shared_f" (func $f (result i32))) (func (export "f") (result i32) (call $f)))'
    )
    path = linker.add("/lib/shared.so", data)
    handle = linker.open(path)
    assert linker.symbol(0, "shared_f") == 0
    assert linker.error() == "undefined symbol: shared_f"
    assert linker.refused(user) == "undefined symbol: shared_f"
    assert linker.open(path, RTLD_NOW | RTLD_GLOBAL) == handle
    assert linker.symbol(0, "shared_f") != 0
    assert linker.run(linker.open(linker.add("/lib/user.so", user)), "f") == 8


def test_the_main_module_comes_first(linker: Linker) -> None:
    data = side(
        """(module (import "GOT.func" "slotted" (global $slot (mut i32)))
          (func (export "slotted") (result i32) (i32.const -1))
          (func (export "slot") (result i32) (global.get $slot)))"""
    )
    assert linker.run(linker.open(linker.add("/lib/x.so", data)), "slot") == 2


def test_needed_libraries_are_loaded_first(linker: Linker) -> None:
    base = side(
        """(module (func (export "base_f") (result i32) (i32.const 21))
          (global (export "base_data") i32 (i32.const 4)))""",
        dylink(8),
    )
    user = side(
        """(module (import "env" "base_f" (func $f (result i32)))
          (import "GOT.mem" "base_data" (global $data (mut i32)))
          (func (export "f") (result i32) (call $f))
          (func (export "data") (result i32) (global.get $data)))""",
        dylink(needed=["libbase.so"], runtime_path=["$ORIGIN/deep"]),
    )
    linker.add("/lib/deep/libbase.so", base)
    handle = linker.open(linker.add("/lib/user.so", user))
    assert [loaded.path for loaded in linker.loaded] == ["/lib/deep/libbase.so", "/lib/user.so"]
    assert linker.run(handle, "f") == 21
    assert linker.run(handle, "data") == linker.loaded[0].memory_base + 4
    assert linker.symbol(handle, "base_f") != 0  # dlsym looks into dependencies, too


def test_weak_symbols_may_be_undefined(linker: Linker) -> None:
    data = side(
        """(module (import "env" "absent" (func $absent (param i32 i64 f32 f64) (result f64)))
          (import "GOT.func" "absent" (global $slot (mut i32)))
          (import "GOT.mem" "absent_data" (global $data (mut i32)))
          (func (export "addresses") (result i32) (i32.or (global.get $slot) (global.get $data)))
          (func (export "call") (result i32)
            (drop (call $absent (i32.const 1) (i64.const 1) (f32.const 1) (f64.const 1))) (i32.const 0)))""",
        dylink(weak=[("env", "absent"), ("GOT.mem", "absent_data")]),
    )
    handle = linker.open(linker.add("/lib/weak.so", data))
    assert linker.run(handle, "addresses") == 0
    with pytest.raises(GuestTrap, match="an undefined weak function was called") as caught:
        linker.run(handle, "call")
    assert caught.value.kind is TrapKind.OTHER


def test_a_constructor_may_open_another_library(linker: Linker) -> None:
    """dlopen re-enters itself through the main module's function."""
    inner = linker.add("/lib/inner.so", side('(module (func (export "f") (result i32) (i32.const 6)))'))
    outer = side(
        f"""(module {IMPORTS} (import "env" "open" (func $open (param i32 i32 i32) (result i32)))
          (data (global.get $memory_base) "{inner}")
          (func (export "__wasm_call_ctors")
            (i32.store offset=32 (global.get $memory_base)
              (call $open (global.get $memory_base) (i32.const {len(inner)}) (i32.const 2))))
          (func (export "handle") (result i32) (i32.load offset=32 (global.get $memory_base))))""",
        dylink(64),
    )
    handle = linker.open(linker.add("/lib/outer.so", outer))
    assert (handle, linker.run(handle, "handle")) == (2, 3)
    assert linker.run(3, "f") == 6


# ---- what is refused


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "it is not a WebAssembly module"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "it is not a WebAssembly module"),
        (
            side("(module)")[:8],
            "it has no dylink.0 section at its start: it is not a shared library",
        ),
        (side("(module)")[:12], "a section ends too early"),
    ],
)
def test_garbage(linker: Linker, data: bytes, error: str) -> None:
    assert linker.refused(data) == error


def test_missing_symbols_are_named(linker: Linker) -> None:
    data = side(
        """(module (import "env" "twice" (func (param i32) (result i32)))
          (import "env" "missing_f" (func))
          (import "GOT.mem" "missing_data" (global (mut i32)))
          (import "GOT.func" "missing_pointer" (global (mut i32)))
          (import "env" "missing_tag" (tag)))""",
        dylink(1000, 4, 7, 0),
    )
    assert linker.refused(data) == "undefined symbols: missing_f, missing_data, missing_pointer, missing_tag"
    assert linker.guest.call("table_size") == 4
    many = "".join(f'(import "env" "m{number}" (func))' for number in range(8))
    assert linker.refused(side(f"(module {many})")) == "undefined symbols: m0, m1, m2, m3, m4 and 3 more"


def test_no_such_file(linker: Linker) -> None:
    assert linker.open("/lib/absent.so") == 0
    assert linker.error() == "/lib/absent.so: cannot be opened: No such file or directory"
    assert linker.open("absent.so") == 0
    assert linker.error() == "absent.so: cannot be opened: No such file or directory"
    assert linker.open("/lib") == 0
    assert linker.error() == "/lib: is a directory"


@pytest.mark.parametrize(
    "text",
    [
        '(import "env" "twice" (func (param i64) (result i32)))',
        '(import "env" "memory" (memory 100))',
        '(import "env" "__stack_pointer" (global i32))',
        '(import "env" "__memory_base" (global (mut i32)))',
        '(import "env" "__memory_base" (func))',
        '(import "env" "__indirect_function_table" (table 0 externref))',
        '(import "env" "__cpp_exception" (tag (param i64)))',
        '(import "GOT.mem" "main_data" (global i32))',
        '(import "GOT.mem" "main_data" (global (mut i64)))',
        "(memory 1)",
        "(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)",
    ],
)
def test_imports_of_another_type(linker: Linker, text: str) -> None:
    """Refused by wasmtime when everything was ready: memory is given back, and the guest lives."""
    freed = linker.guest.instance.global_get("freed")
    assert linker.refused(side(f"(module {text})", dylink(64, 0, 3, 0))) != ""
    assert linker.guest.instance.global_get("freed") == freed + 1
    assert linker.open(linker.add("/lib/useful.so", USEFUL)) == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))',
            "imports wasi_snapshot_preview1.fd_write; libraries may import from env and GOT only",
        ),
        (
            '(import "pywasm" "emit" (func (param i32 i32 i32)))',
            "imports pywasm.emit; libraries may import from env and GOT only",
        ),
        ('(import "GOT.mem" "x" (func))', "imports GOT.mem.x; libraries may import from env and GOT only"),
        ('(import "env" "memory" (func))', "imports memory as something else than it is"),
        (
            '(import "env" "heap_top" (global (mut i32)))',
            "imports env.heap_top, which is neither a function nor a tag",
        ),
        (
            '(import "env" "other_memory" (memory 0))',
            "imports env.other_memory, which is neither a function nor a tag",
        ),
        ('(import "env" "main_data" (func))', "undefined symbol: main_data"),
    ],
)
def test_imports_from_elsewhere(linker: Linker, text: str, error: str) -> None:
    assert linker.refused(side(f"(module {text})", dylink(64))) == error


@pytest.mark.parametrize(
    ("info", "error"),
    [
        (dylink(memory_size=2**32 - 1), "no memory for its 4294967295 bytes of data"),
        (dylink(memory_size=2**31), "no memory for its 2147483648 bytes of data"),
        (dylink(memory_size=PAGE), "no memory for its 65536 bytes of data"),
        (dylink(table_size=2**32 - 1), "wants more memory or table elements than the guest may have"),
        (dylink(table_size=1_000_000), "the table of functions is full"),
        (dylink(memory_align_log2=40), "it wants an alignment of more than 2^16"),
        (dylink(table_align_log2=4_000_000_000), "it wants an alignment of more than 2^16"),
    ],
)
def test_huge_demands(linker: Linker, info: bytes, error: str) -> None:
    assert linker.refused(side("(module)", info)) == error
    assert linker.guest.call("table_size") == 4
    assert linker.open(linker.add("/lib/useful.so", USEFUL)) == 2


def test_data_beyond_the_memory(linker: Linker) -> None:
    data = side(f'(module {IMPORTS} (data (i32.const 65535) "two bytes"))', dylink(8))
    assert linker.refused(data) == "wasm trap: out of bounds memory access"
    elements = side(f"(module {IMPORTS} (func $f) (elem (i32.const 4000) $f))", dylink(8))
    assert linker.refused(elements) == "wasm trap: undefined element: out of bounds table access"
    assert linker.guest.call("pywasm_memalign", 16, 16) != 0


def test_code_that_does_not_validate(linker: Linker) -> None:
    body = b"\x02\x00\x0b"  # a function that ought to leave an i32 and doesn't
    code = section(1, b"\x01\x60\x00\x01\x7f") + section(3, b"\x01\x00") + section(10, b"\x01" + body)
    error = linker.refused(b"\0asm\x01\0\0\0" + dylink() + code)
    assert error == (
        "failed to compile: wasm[0]::function[0]: WebAssembly translation error: "
        "Invalid input WebAssembly code at offset 41: type mismatch: expected i32 but nothing on stack"
    )
    assert linker.loaded == []


def test_initializers_of_another_type_are_not_run(linker: Linker) -> None:
    for export in ("__wasm_apply_data_relocs", "__wasm_call_ctors"):
        data = side(f'(module (func (export "{export}") (param i32) unreachable))', dylink(64))
        assert linker.refused(data) == f"{export} takes or returns something"


@pytest.mark.parametrize(
    "text",
    [
        '(func (export "__wasm_call_ctors") unreachable)',
        '(func (export "__wasm_apply_data_relocs") unreachable)',
        "(func $start unreachable) (start $start)",
    ],
)
def test_a_constructor_that_traps_ends_the_guest(linker: Linker, text: str) -> None:
    with pytest.raises(GuestTrap) as caught:
        linker.open(linker.add("/lib/trap.so", side(f"(module {text})")))
    assert caught.value.kind is TrapKind.UNREACHABLE


def test_libraries_that_need_each_other(linker: Linker) -> None:
    linker.add("/lib/a.so", side("(module)", dylink(needed=["b.so"])))
    linker.add("/lib/b.so", side("(module)", dylink(needed=["a.so"])))
    assert linker.open("/lib/a.so") == 0
    assert linker.error() == "/lib/a.so: its needed libraries need each other"
    assert linker.loaded == []


def test_a_needed_library_that_is_missing_or_bad(linker: Linker) -> None:
    linker.add("/lib/a.so", side("(module)", dylink(needed=["gone.so"])))
    assert linker.open("/lib/a.so") == 0
    assert linker.error() == (
        "/lib/a.so: needed library 'gone.so' is neither in /lib nor in /usr/lib, /usr/local/lib"
    )
    linker.add("/lib/gone.so", b"garbage")
    assert linker.open("/lib/a.so") == 0
    assert linker.error() == "/lib/gone.so: it is not a WebAssembly module"
    assert linker.loaded == []


def test_a_long_chain_of_needed_libraries(linker: Linker) -> None:
    for number in range(40):
        linker.add(f"/lib/c{number}.so", side("(module)", dylink(needed=[f"c{number + 1}.so"])))
    linker.add("/lib/c40.so", side("(module)"))
    assert linker.open("/lib/c0.so") == 0
    assert "need each other" in linker.error()
    assert linker.open("/lib/c30.so") == 12  # ten before it


@pytest.mark.parametrize("handle", [3, 99, 2**31, 2**32 - 1])
def test_handles_of_nothing(linker: Linker, handle: int) -> None:
    assert linker.open(linker.add("/lib/useful.so", USEFUL)) == 2
    assert linker.symbol(handle, "own") == 0
    assert linker.error() == f"{handle} is not the handle of a library"


def test_symbols_that_cannot_be_looked_up(linker: Linker) -> None:
    handle = linker.open(linker.add("/lib/useful.so", USEFUL))
    for symbol in ("absent", "", "__wasm_call_ctors", "x" * 500, "ß"):
        assert linker.symbol(handle, symbol) == 0
        assert linker.error() == f"undefined symbol: {symbol}"
    assert linker.symbol(0, "memory") == 0
    assert linker.error() == "undefined symbol: memory"


def test_error_is_cut_to_the_buffer_and_given_once(linker: Linker) -> None:
    assert linker.open("/lib/absent.so") == 0
    assert linker.error(capacity=7) == "/lib/ab"
    assert linker.error() == ""
    assert linker.open("/lib/absent.so") == 0
    assert linker.guest.call("error", PAGE - 3, 100) == 0


def test_bad_pointers_and_names(linker: Linker) -> None:
    assert linker.guest.call("open", PAGE - 2, 10, 2) == 0
    assert linker.error() == "the name lies outside of memory"
    assert linker.guest.call("sym", 0, -1, 10) == 0
    assert linker.error() == "the name lies outside of memory"
    assert linker.guest.call("open", 0, 5000, 2) == 0
    assert linker.error() == "a name is too long"
    assert linker.open(b"/lib/\xff\xfe.so") == 0
    assert linker.error() == "/lib/\\udcff\\udcfe.so: cannot be opened: No such file or directory"
    assert linker.open("/" + "x" * 300) == 0
    assert "cannot be opened: File name too long" in linker.error()


def test_limits(make_guest: MakeGuest) -> None:
    linker = Linker(make_guest(MAIN, limits=Limits(side_modules=2, foreign_side_module_bytes=3000)))
    modules = [side(f'(module (func (export "f{number}")))') for number in range(3)]
    paths = [linker.add(f"/lib/{number}.so", data) for number, data in enumerate(modules)]
    assert [linker.open(path) for path in paths] == [2, 3, 0]
    assert linker.error() == "/lib/2.so: more than 2 libraries are loaded"
    assert linker.open(paths[0]) == 2

    other = Linker(make_guest(MAIN, limits=Limits(foreign_side_module_bytes=100, side_module_bytes=5000)))
    middle = side("(module)") + section(0, name("padding") + bytes(1000))
    size = len(middle)
    assert (
        other.refused(middle)
        == f"has {size} bytes, more than the limit of 100 for a library from a writable folder"
    )
    large = side("(module)") + section(0, name("padding") + bytes(6000))
    assert other.refused(large) == f"has {len(large)} bytes, more than the limit of 5000"
    # On a mount that the guest cannot write, the larger limit holds.
    files = MemoryFS()
    other.guest.namespace.make_directories("/readonly")
    other.guest.namespace.mount("/readonly", files)
    other.add("/readonly/middle.so", middle)
    assert other.open("/readonly/middle.so") == 0
    other.guest.namespace.unmount("/readonly")
    other.guest.namespace.mount("/readonly", files, read_only=True)
    assert other.open("/readonly/middle.so") == 2


def test_a_guest_that_keeps_failing_is_stopped_from_trying(linker: Linker) -> None:
    """Each attempt leaves globals in the store, so they are counted."""
    data = side('(module (import "env" "twice" (func)))', dylink(16, 0, 1, 0))
    path = linker.add("/lib/bad.so", data)
    errors = set()
    for _ in range(64):
        assert linker.open(path) == 0
        errors.add(linker.error())
    assert len(errors) == 1
    assert linker.open(path) == 0
    assert linker.error() == "/lib/bad.so: too many libraries could not be loaded"
    assert linker.guest.call("table_size") == 5  # the failed one's element was used again and again


def test_a_main_module_that_cannot_host_libraries(make_guest: MakeGuest) -> None:
    text = """(module
      (import "pywasm" "dlopen" (func $dlopen (param i32 i32 i32) (result i32)))
      (import "pywasm" "dlerror" (func $dlerror (param i32 i32) (result i32)))
      (import "pywasm" "dlsym" (func (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "error") (param i32 i32) (result i32) (call $dlerror (local.get 0) (local.get 1)))
      (func (export "open") (param i32 i32 i32) (result i32)
        (call $dlopen (local.get 0) (local.get 1) (local.get 2))))"""
    linker = Linker(make_guest(text))
    assert linker.open(linker.add("/lib/a.so", side("(module)", dylink(16)))) == 0
    assert linker.error() == (
        "the main module cannot load libraries: module 'test' exports no function 'pywasm_memalign'"
    )
    assert linker.open(linker.add("/lib/b.so", side("(module)", dylink(0, 0, 1)))) == 0
    assert linker.error() == "the main module shares no table of functions, so it cannot load libraries"


def test_a_guests_own_library_is_not_kept_on_disk(engine: Engine, linker: Linker) -> None:
    linker.open(linker.add("/lib/useful.so", USEFUL))
    sha256 = linker.loaded[0].module.sha256
    assert sha256 not in engine._modules
    assert sha256 in engine._unkept


def test_absurd_number_of_imports(linker: Linker) -> None:
    data = b"\0asm\x01\0\0\0" + dylink() + section(2, leb(1_000_000) + bytes(10))
    assert linker.refused(data) == "it has 1000000 entries in one section; 100000 is the limit"
