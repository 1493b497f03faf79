"""What the engine costs: instances, calls in both directions, threads, libraries.

`run()` gives (name, value, unit); every value is the least of several rounds, on a machine that may be busy.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pywasm_sandbox._engine import Deadline, Engine, HostImport, Instance, ModuleSource, Program, Ticket
from pywasm_sandbox._engine.cache import CompileCache
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost
from tests.engine.wasm import dylink, side, wasm

ROUNDS = 7

GUEST = """(module
  (import "pywasm" "nothing" (func $nothing))
  (import "pywasm" "four" (func $four (param i32 i32 i32 i32) (result i32)))
  (import "pywasm" "dlopen" (func $dlopen (param i32 i32 i32) (result i32)))
  (memory (export "memory") 256)
  (table (export "__indirect_function_table") 8 funcref)
  (global (export "__stack_pointer") (mut i32) (i32.const 65536))
  (global $top (mut i32) (i32.const 131072))
  (func (export "pywasm_memalign") (param i32 i32) (result i32)
    (global.set $top (i32.add (global.get $top) (i32.const 4096))) (global.get $top))
  (func (export "pywasm_free") (param i32))
  (func (export "open") (param i32 i32) (result i32)
    (call $dlopen (local.get 0) (local.get 1) (i32.const 2)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "nothing") (param i32)
    (loop $l (call $nothing) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "four") (param i32)
    (loop $l
      (drop (call $four (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""

IMPORTS = (
    HostImport("nothing", "", "", lambda owner: None),
    HostImport("four", "iiii", "i", lambda owner, a, b, c, d: 0),
)


def run() -> list[tuple[str, float, str]]:
    """(name, value, unit) of every benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(Engine(CompileCache(Path(folder))))


def _run(engine: Engine) -> list[tuple[str, float, str]]:
    program = engine.program(ModuleSource.from_bytes("bench", wasm(GUEST)), IMPORTS)
    return [
        *engine.threads.run(lambda: _on_a_guest_thread(program)),
        ("hand over to a guest thread and wait", _us(lambda: engine.threads.run(_nothing), 2000), "µs"),
    ]


def _on_a_guest_thread(program: Program) -> list[tuple[str, float, str]]:
    instance = _new(program)
    count = 100_000
    rows = [
        ("instantiate and close", _us(lambda: _new(program).close(), 200), "µs"),
        ("call an export", _us(lambda: instance.call("add", 1, 2), 10_000), "µs"),
        (
            "call an export with ticket and deadline",
            _us(lambda: instance.call("add", 1, 2, deadline=Deadline.after(9), ticket=Ticket()), 10_000),
            "µs",
        ),
        ("host function, no arguments", _us(lambda: instance.call("nothing", count), 1) / count, "µs"),
        ("host function, 4 arguments", _us(lambda: instance.call("four", count), 1) / count, "µs"),
        ("open a library of 300 imports", _libraries(program) * 1e6, "µs"),
    ]
    instance.close()
    return rows


def _libraries(program: Program) -> float:
    """Seconds to open a compiled library; half of its imports are functions, half addresses."""
    functions = 150 * '(import "env" "add" (func (param i32 i32) (result i32)))'
    addresses = 150 * '(import "GOT.func" "add" (global (mut i32)))'
    data = side(f"(module {functions} {addresses})", dylink(64))
    best = float("inf")
    kept = []
    for _ in range(ROUNDS):
        instance = _new(program)
        instance.wasi.namespace.write_bytes("/x.so", data)
        instance.memory.write(16, b"/x.so")
        instance.call("add", 0, 0)
        started = time.perf_counter()
        handle = instance.call("open", 16, 5)
        best = min(best, time.perf_counter() - started)
        assert handle == 2, instance.loader.dlerror()
        kept.append(instance)  # the compiled library lives as long as somebody uses it
    for instance in kept:
        instance.close()
    return best


def _new(program: Program) -> Instance:
    return program.instantiate(
        lambda instance: WasiHost(Namespace(MemoryFS()), instance.memory, waiter=instance.waiter)
    )


def _us(call: Callable[[], object], number: int) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(number):
            call()
        best = min(best, time.perf_counter() - started)
    return best / number * 1e6


def _nothing() -> None:
    pass


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:48} {value:9.2f} {unit}")
