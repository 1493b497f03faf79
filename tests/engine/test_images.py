"""Images and states of guests made from a few lines of wat: what a clone has, what the cache keeps."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from pywasm_sandbox._engine import Engine, Image, ImageMismatch, Instance, Limits, MemoryState, ModuleSource
from pywasm_sandbox._engine import image as image_module
from pywasm_sandbox._engine import pages as pages_module
from pywasm_sandbox._engine import snapshots as snapshots_module
from pywasm_sandbox._engine.cache import CompileCache
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost

from .wasm import wasm

T = TypeVar("T")
PAGE = 65536
GUEST = """(module (memory (export "memory") 4)
  (global $sp (export "__stack_pointer") (mut i32) (i32.const 1000))
  (data (i32.const 100) "initial")
  (func (export "set") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "fill") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "sum") (param $at i32) (param $end i32) (result i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $sum))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "push") (global.set $sp (i32.sub (global.get $sp) (i32.const 16)))))"""

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is shared on Linux only")


class Guests:
    """Instances of one module on the engine's guest threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.program = engine.program(ModuleSource.from_bytes("images", wasm(GUEST)))
        self.made: list[Instance] = []

    def new(self, limit: int = 4 << 30) -> Instance:
        namespace = Namespace(MemoryFS())
        limits = Limits(memory_bytes=limit)
        instance = self.run(
            lambda: self.program.instantiate(lambda i: WasiHost(namespace, i.memory), None, limits)
        )
        self.made.append(instance)
        return instance

    def run(self, function: Callable[[], T]) -> T:
        return self.engine.threads.run(function)

    def call(self, instance: Instance, export: str, *arguments: int) -> int:
        return self.run(lambda: instance.call(export, *arguments))

    def image(self, instance: Instance) -> Image:
        fresh = self.new()
        with tempfile.TemporaryFile() as file:
            return self.run(lambda: Image.capture(instance, fresh, os.dup(file.fileno()), {}))

    def clone(self, state: MemoryState, limit: int = 4 << 30) -> Instance:
        instance = self.new(limit)
        self.run(lambda: state.apply(instance))
        return instance

    def state(self, instance: Instance) -> MemoryState:
        def never() -> Image:
            raise AssertionError("the instance has an image")

        return self.run(lambda: MemoryState.capture(instance, never))


@pytest.fixture
def guests(engine: Engine) -> Iterator[Guests]:
    guests = Guests(engine)
    yield guests
    for instance in guests.made:
        instance.close()


@pytest.fixture
def base(guests: Guests) -> MemoryState:
    """An image with a 5 at address 50,000 and 6 pages of memory."""
    first = guests.new()
    guests.call(first, "set", 50_000, 5)
    guests.call(first, "push")
    guests.call(first, "grow", 2)
    return MemoryState.of_image(guests.image(first))


@pytest.fixture(params=["as it is", "without page map", "without arena", "without mapping"])
def variant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> str:
    """The same tests where the kernel doesn't tell, and where nothing can be shared."""
    if request.param == "without page map":
        monkeypatch.setattr(pages_module, "_finder", lambda: None)
    if request.param == "without mapping":
        monkeypatch.setattr(image_module, "CAN_MAP", False)
    if request.param in ("without arena", "without mapping"):
        monkeypatch.setattr(engine, "arena", None)
    return str(request.param)


# ---- images


def test_a_clone_is_what_the_captured_one_was(guests: Guests, base: MemoryState) -> None:
    clone = guests.clone(base)
    assert clone.memory.size == 6 * PAGE
    assert clone.memory.read(100, 7) == b"initial"
    assert guests.call(clone, "get", 50_000) == 5
    assert clone.global_get("__stack_pointer") == 984


def test_clones_do_not_see_each_other(guests: Guests, base: MemoryState) -> None:
    one, other = guests.clone(base), guests.clone(base)
    guests.call(one, "set", 50_000, 6)
    guests.call(one, "set", 5 * PAGE, 7)
    assert [guests.call(one, "get", at) for at in (50_000, 5 * PAGE)] == [6, 7]
    assert [guests.call(other, "get", at) for at in (50_000, 5 * PAGE)] == [5, 0]
    assert guests.call(guests.clone(base), "get", 50_000) == 5


def test_what_became_zero_is_zero_in_a_clone(guests: Guests) -> None:
    first = guests.new()
    guests.call(first, "fill", 0, 0, 4 * PAGE)
    clone = guests.clone(MemoryState.of_image(guests.image(first)))
    assert clone.memory.read(100, 7) == bytes(7)


def test_equal_guests_have_equal_images(guests: Guests) -> None:
    first, second, third = guests.new(), guests.new(), guests.new()
    guests.call(third, "set", 9, 9)
    digests = [guests.image(each).digest for each in (first, second, third)]
    assert digests[0] == digests[1] != digests[2]


def test_a_limit_below_the_image_is_refused(guests: Guests, base: MemoryState) -> None:
    with pytest.raises(ImageMismatch, match=f"needs {6 * PAGE} bytes of memory, the limit is {5 * PAGE}"):
        guests.clone(base, limit=5 * PAGE)
    assert guests.clone(base, limit=6 * PAGE).memory.size == 6 * PAGE


def test_clones_live_on_when_the_image_is_closed_and_its_file_gone(
    guests: Guests, tmp_path: Path, base: MemoryState
) -> None:
    clone = guests.clone(base)
    base.image.close()
    assert guests.call(clone, "get", 50_000) == 5
    with pytest.raises(ImageMismatch, match="was closed"):
        guests.clone(base)


# ---- states


def test_a_twin_goes_on_from_where_its_parent_is(guests: Guests, base: MemoryState, variant: str) -> None:
    parent = guests.clone(base)
    guests.call(parent, "set", 50_001, 1)
    guests.call(parent, "push")
    guests.call(parent, "grow", 3)
    guests.call(parent, "set", 8 * PAGE + 5, 8)
    state = guests.state(parent)
    twin = guests.clone(state)
    guests.call(parent, "set", 50_001, 2)
    guests.call(twin, "set", 8 * PAGE + 5, 9)
    assert [guests.call(twin, "get", at) for at in (50_000, 50_001, 8 * PAGE + 5)] == [5, 1, 9]
    assert [guests.call(parent, "get", at) for at in (50_000, 50_001, 8 * PAGE + 5)] == [5, 2, 8]
    assert (twin.memory.size, twin.global_get("__stack_pointer")) == (9 * PAGE, 968)
    assert guests.call(guests.clone(state), "get", 50_001) == 1


def test_only_pages_that_differ_are_stored(guests: Guests, base: MemoryState, variant: str) -> None:
    clone = guests.clone(base)
    assert guests.state(clone).deltas == ()
    guests.call(clone, "set", 50_000, 5)  # written, but not changed
    assert guests.state(clone).deltas == ()
    guests.call(clone, "set", 4096 * 7 + 1, 1)
    (delta,) = guests.state(clone).deltas
    assert (delta.address, delta.data) == (4096 * 7, b"\0\1" + bytes(4094))


def test_much_memory_is_shared_and_stays_apart(guests: Guests, base: MemoryState, variant: str) -> None:
    engine_shares = guests.engine.arena is not None
    pages = 64
    size = pages * PAGE
    start, end = 6 * PAGE, 6 * PAGE + size
    parent = guests.clone(base)
    guests.call(parent, "grow", pages)
    guests.call(parent, "fill", start, 1, size)
    state = guests.state(parent)
    assert [segment.length for segment in state.segments] == ([size] if engine_shares else [])
    twins = [guests.clone(state) for _ in range(3)]
    guests.call(twins[0], "fill", start, 2, size)
    guests.call(parent, "fill", start, 3, size // 2)
    sums = [guests.call(each, "sum", start, end) for each in (parent, *twins)]
    assert sums == [size // 4096 * 2, size // 4096 * 2, size // 4096, size // 4096]
    # Both grow on, each for itself, and are forked again.
    for each, value in ((parent, 7), (twins[1], 8)):
        guests.call(each, "grow", pages)
        guests.call(each, "fill", end, value, size)
    again = [guests.clone(guests.state(each)) for each in (parent, twins[1])]
    assert [guests.call(each, "sum", end, end + size) for each in again] == [
        size // 4096 * 7,
        size // 4096 * 8,
    ]
    assert [guests.call(each, "sum", start, end) for each in again] == [size // 4096 * 2, size // 4096]
    assert guests.call(guests.clone(state), "sum", start, end) == size // 4096


def test_content_is_all_that_differs_from_the_image(guests: Guests, base: MemoryState, variant: str) -> None:
    size = 64 * PAGE
    parent = guests.clone(base)
    guests.call(parent, "grow", 64)
    guests.call(parent, "fill", 6 * PAGE, 1, size)
    guests.call(parent, "set", 50_000, 0)
    guests.state(parent)
    guests.call(parent, "fill", 7 * PAGE, 0, PAGE)
    state = guests.state(parent)
    flat = MemoryState(state.image, state.memory_bytes, state.globals, tuple(state.content()))
    assert all(len(delta.data) <= (1 << 20) for delta in flat.deltas)
    assert sum(len(delta.data) for delta in flat.deltas) == 4096 + size - PAGE
    twin = guests.clone(flat)
    assert twin.memory.read(0, twin.memory.size) == parent.memory.read(0, parent.memory.size)


def test_much_memory_of_a_file_is_copied_once(guests: Guests, base: MemoryState) -> None:
    arena = guests.engine.arena
    size = 64 * PAGE
    parent = guests.clone(base)
    guests.call(parent, "grow", 64)
    guests.call(parent, "fill", 6 * PAGE - 100, 1, size)
    state = guests.state(parent)
    flat = MemoryState(state.image, state.memory_bytes, state.globals, tuple(state.content()))
    shared = flat.shared(arena)
    assert len(shared.segments) == (0 if arena is None else 1)
    assert shared.delta_bytes < flat.delta_bytes or arena is None
    assert flat.shared(None) is flat
    for twin in (guests.clone(shared), guests.clone(shared)):
        assert twin.memory.read(0, twin.memory.size) == parent.memory.read(0, parent.memory.size)
        guests.call(twin, "fill", 6 * PAGE - 100, 2, size)
    again = MemoryState(state.image, state.memory_bytes, state.globals, tuple(shared.content()))
    assert [(each.address, each.data) for each in again.deltas] == [
        (each.address, each.data) for each in flat.deltas
    ]


def test_a_guest_without_an_image_is_compared_with_one(guests: Guests, base: MemoryState) -> None:
    plain = guests.new()
    guests.call(plain, "grow", 2)
    guests.call(plain, "set", 50_000, 5)
    guests.call(plain, "set", 70_000, 1)
    state = guests.run(lambda: MemoryState.capture(plain, lambda: base.image))
    assert [delta.address for delta in state.deltas] == [70_000 // 4096 * 4096]
    twin = guests.clone(state)
    assert twin.memory.read(0, 6 * PAGE) == plain.memory.read(0, 6 * PAGE)


@linux
def test_shared_memory_is_freed_with_its_last_user(engine: Engine, guests: Guests, base: MemoryState) -> None:
    arena = engine.arena
    assert arena is not None
    gc.collect()
    before = arena.stored_bytes
    size = 64 * PAGE
    parent = guests.clone(base)
    guests.call(parent, "grow", 64)
    guests.call(parent, "fill", 6 * PAGE, 1, size)
    assert arena.stored_bytes - before == size
    state = guests.state(parent)
    twin = guests.clone(state)
    parent.close()
    assert guests.call(twin, "sum", 6 * PAGE, 70 * PAGE) == size // 4096
    twin.close()
    assert arena.stored_bytes - before == size
    assert guests.call(guests.clone(state), "sum", 6 * PAGE, 70 * PAGE) == size // 4096
    guests.made.pop().close()
    del state
    assert arena.stored_bytes == before


@linux
def test_memory_that_a_guest_gives_back_is_zero_for_the_next(guests: Guests, base: MemoryState) -> None:
    first = guests.clone(base)
    guests.call(first, "grow", 64)
    guests.call(first, "fill", 6 * PAGE, 255, 64 * PAGE)
    first.close()
    second = guests.clone(base)
    guests.call(second, "grow", 64)
    assert second.memory.read(6 * PAGE, 64 * PAGE) == bytes(64 * PAGE)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@linux
def test_a_forked_process_does_not_free_its_parents_memory(guests: Guests, base: MemoryState) -> None:
    parent = guests.clone(base)
    guests.call(parent, "grow", 64)
    guests.call(parent, "fill", 6 * PAGE, 1, 64 * PAGE)
    state = guests.state(parent)
    pid = os.fork()
    if pid == 0:
        del state
        gc.collect()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert guests.call(guests.clone(state), "sum", 6 * PAGE, 70 * PAGE) == 64 * PAGE // 4096


def test_a_small_growth_is_copied_a_large_one_is_frozen(guests: Guests, base: MemoryState) -> None:
    parent = guests.clone(base)
    guests.call(parent, "grow", 1)
    guests.call(parent, "set", 6 * PAGE, 1)
    state = guests.state(parent)
    assert (len(state.segments), state.delta_bytes) == (0, 4096)
    guests.call(parent, "grow", snapshots_module.FREEZE_BYTES // PAGE)
    assert len(guests.state(parent).segments) == (1 if guests.engine.arena is not None else 0)


# ---- the cache


def make_image(engine: Engine, value: int) -> Callable[[int], Image]:
    guests = Guests(engine)

    def capture(descriptor: int) -> Image:
        def work() -> Image:
            first, fresh = guests.new(), guests.new()
            first.call("set", 50_000, value)
            try:
                return Image.capture(first, fresh, descriptor, {})
            finally:
                first.close()
                fresh.close()

        return guests.run(work)

    return capture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def never(descriptor: int) -> Image:
    raise AssertionError("the image was made again")


def test_an_image_is_made_once(folder: Path) -> None:
    engine = Engine(CompileCache(folder))
    made = engine.image("key", "test", make_image(engine, 5))
    found = engine.image("key", "test", never)
    assert found.content(50_000, 1) == b"\5"
    assert (found.runs, found.digest, found.globals) == (made.runs, made.digest, made.globals)
    assert (folder / "key.image").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[: PAGE // 2]),
        lambda path: path.write_bytes(b"not an image" * 10_000),
        lambda path: path.chmod(0o666),
        lambda path: (path.rename(path.with_suffix(".moved")), path.symlink_to(path.with_suffix(".moved"))),
        lambda path: (path.unlink(), path.mkdir(), path.rmdir(), os.mkfifo(path)),
    ],
    ids=["empty", "cut", "cut in the pages", "something else", "writable by all", "a link", "a pipe"],
)
def test_a_bad_file_is_made_again(
    folder: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(CompileCache(folder))
    engine.image("key", "test", make_image(engine, 5)).close()
    damage(folder / "key.image")
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        again = engine.image("key", "test", make_image(engine, 6))
    assert again.content(50_000, 1) == b"\6"
    assert [message for message in caplog.messages if "will be rebuilt" in message]
    assert engine.image("key", "test", never).content(50_000, 1) == b"\6"


def test_another_users_file_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(CompileCache(folder))
    engine.image("key", "test", make_image(engine, 5)).close()
    own = os.fstat

    def foreign(descriptor: int) -> os.stat_result:
        found = own(descriptor)
        fields = list(found)
        fields[4] = found.st_uid + 1
        return os.stat_result(fields)

    monkeypatch.setattr("pywasm_sandbox._engine.cache.os.fstat", foreign)
    assert engine._cache.open_file("key.image") is None
    monkeypatch.undo()
    assert engine.image("key", "test", never).content(50_000, 1) == b"\5"


def test_replacing_a_file_leaves_its_clones_alone(folder: Path) -> None:
    engine = Engine(CompileCache(folder))
    guests = Guests(engine)
    clone = guests.clone(MemoryState.of_image(engine.image("key", "test", make_image(engine, 5))))
    (folder / "key.image").chmod(0o666)
    engine.image("key", "test", make_image(engine, 6))
    assert guests.call(clone, "get", 50_000) == 5
    clone.close()


def test_without_a_folder_each_process_makes_its_own() -> None:
    engine = Engine(CompileCache(None))
    image = engine.image("key", "test", make_image(engine, 5))
    guests = Guests(engine)
    clone = guests.clone(MemoryState.of_image(image))
    assert guests.call(clone, "get", 50_000) == 5
    clone.close()


def test_a_capture_that_fails_leaves_nothing(folder: Path) -> None:
    engine = Engine(CompileCache(folder))

    def fails(descriptor: int) -> Image:
        os.close(descriptor)
        raise LookupError("no such module")

    with pytest.raises(LookupError, match="no such module"):
        engine.image("key", "test", fails)
    assert list(folder.iterdir()) == []


CHILD = """
import sys, time
from pathlib import Path
from typing import TypeVar
from pywasm_sandbox._engine import Engine
from pywasm_sandbox._engine.cache import CompileCache
from tests.engine.test_images import make_image

folder, me, other = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
engine = Engine(CompileCache(folder / "cache"))
make = make_image(engine, 5)

def capture(descriptor):
    (folder / me).touch()
    while not (folder / other).exists():
        time.sleep(0.005)
    return make(descriptor)

image = engine.image("key", "test", capture)
print(image.digest, image.content(50_000, 1)[0])
"""


def test_two_processes_make_the_same_image_at_once(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    names = ("one", "two")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), *order],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for order in (names, names[::-1])
    ]
    printed = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert printed[0] == printed[1]
    assert printed[0].split()[1] == "5"
    engine = Engine(CompileCache(tmp_path / "cache"))
    assert engine.image("key", "test", never).digest == printed[0].split()[0]
    assert [path.name for path in (tmp_path / "cache").glob(".new-*")] == []


def test_threads_that_take_and_give_back_ranges(engine: Engine) -> None:
    arena = engine.arena
    if arena is None:
        pytest.skip("no arena here")
    ranges: list[set[int]] = [set() for _ in range(4)]

    def work(mine: set[int]) -> None:
        held = [arena.take(PAGE) for _ in range(50)]
        mine.update(each.offset for each in held if each is not None)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in ranges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = [arena.take(PAGE) for _ in range(100)]
    offsets = [each.offset for each in held if each is not None]
    assert len(set(offsets)) == 100
