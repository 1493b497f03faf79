"""Run an instrumented command module so that two runs count the same: fixed clock, fixed randomness.

python host.py --root HOST_DIRECTORY [--env KEY=VALUE …] MODULE ARGUMENTS…
"""

from __future__ import annotations

import argparse
import random
import threading
from pathlib import Path

import wasmtime
from wasmtime import _ffi

STACK_SIZE = 64 << 20
MAX_WASM_STACK = 24 << 20
SUCCESS = 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("module", type=Path)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args()


def define_deterministic(linker: wasmtime.Linker, store: wasmtime.Store) -> dict[str, wasmtime.Memory]:
    """Shadow the clock and the random source; the memory is filled in after instantiation."""
    i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
    holder: dict[str, wasmtime.Memory] = {}
    source = random.Random(20240131)
    clock = [1_700_000_000_000_000_000]

    def clock_time_get(_clock: int, _precision: int, pointer: int) -> int:
        clock[0] += 1000
        holder["memory"].write(store, clock[0].to_bytes(8, "little"), pointer)
        return SUCCESS

    def random_get(pointer: int, size: int) -> int:
        holder["memory"].write(store, source.randbytes(size), pointer)
        return SUCCESS

    module = "wasi_snapshot_preview1"
    linker.allow_shadowing = True
    linker.define_func(module, "clock_time_get", wasmtime.FuncType([i32, i64, i32], [i32]), clock_time_get)
    linker.define_func(module, "random_get", wasmtime.FuncType([i32, i32], [i32]), random_get)
    return holder


def run(options: argparse.Namespace) -> int:
    config = wasmtime.Config()
    config.wasm_exceptions = True
    _ffi.wasmtime_config_async_stack_size_set(config.ptr(), MAX_WASM_STACK)
    config.max_wasm_stack = MAX_WASM_STACK
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    holder = define_deterministic(linker, store)
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["python", *options.arguments]
    wasi.env = [tuple(item.split("=", 1)) for item in options.env]
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.preopen_dir(str(options.root), "/")
    store.set_wasi(wasi)
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, str(options.module)))
    exports = instance.exports(store)
    memory = exports["memory"]
    assert isinstance(memory, wasmtime.Memory)
    holder["memory"] = memory
    start = exports["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as exit_trap:
        return int(exit_trap.code)
    return 0


def main() -> None:
    options = parse_arguments()
    codes: list[int] = []
    threading.stack_size(STACK_SIZE)
    thread = threading.Thread(target=lambda: codes.append(run(options)))
    thread.start()
    thread.join()
    raise SystemExit(codes[0] if codes else 1)


if __name__ == "__main__":
    main()
