"""Guests that are real WebAssembly: on this project's engine, and on wasmtime's own WASI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import wasmtime

from pywasm_sandbox._engine import Engine, Instance, ModuleSource, Program
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost, abi
from tests.wasi.fakes import host_without_surprises, small_namespace
from tests.wasi.guest import MEMORY_BYTES, PATTERN, Guest, every_function_wat


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The unit tests run here again, through wasm; but not those that are about a guest without an engine."""
    here = Path(__file__).parent
    left_out = [
        item
        for item in items
        if here in item.path.parents and "plain_guest" in getattr(item, "fixturenames", ())
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


class EngineGuest(Guest):
    """Every call goes through WebAssembly, the engine's trampoline, and a guest thread."""

    def __init__(self, program: Program, namespace: Namespace) -> None:
        self.host: WasiHost = None  # type: ignore[assignment]
        self.threads = program.engine.threads

        def wasi(instance: Instance) -> WasiHost:
            self.host = host_without_surprises(namespace, instance.memory)
            return self.host

        self.instance = self.threads.submit(lambda: program.instantiate(wasi)).result()
        self.memory = self.instance.memory
        self.write(0, (PATTERN * (MEMORY_BYTES // len(PATTERN) + 1))[:MEMORY_BYTES])

    def call(self, function: str, *arguments: int) -> int:
        return self.threads.submit(lambda: self.instance.call(function, *arguments)).result()

    def read(self, ptr: int, length: int) -> bytes:
        return self.memory.read(ptr, length)

    def write(self, ptr: int, data: bytes) -> None:
        self.memory.write(ptr, data)


class NativeGuest(Guest):
    """wasmtime's WASI on a folder of the host. A call that makes wasmtime trap returns -1."""

    TRAP = -1

    def __init__(self, module: wasmtime.Module, folder: Path) -> None:
        linker = wasmtime.Linker(module.engine)  # type: ignore[attr-defined]
        linker.define_wasi()
        self.store = wasmtime.Store(linker.engine)
        config = wasmtime.WasiConfig()
        config.argv = ["program", "two words"]
        config.env = [("HOME", "/home/user"), ("LANG", "C.UTF-8")]
        config.preopen_dir(str(folder), "/")
        self.store.set_wasi(config)
        self.exports: Any = linker.instantiate(self.store, module).exports(self.store)
        self.memory = self.exports["memory"]
        self.write(0, (PATTERN * (MEMORY_BYTES // len(PATTERN) + 1))[:MEMORY_BYTES])

    def call(self, function: str, *arguments: int) -> int:
        signed = []
        for letter, argument in zip(abi.SIGNATURES[function][0], arguments, strict=True):
            bits = 32 if letter == "i" else 64
            signed.append(argument - (1 << bits) if argument >> (bits - 1) else argument)
        try:
            result: int = self.exports[function](self.store, *signed)
        except (wasmtime.Trap, wasmtime.WasmtimeError):
            return self.TRAP
        return result

    def read(self, ptr: int, length: int) -> bytes:
        return bytes(self.memory.read(self.store, ptr, ptr + length))

    def write(self, ptr: int, data: bytes) -> None:
        self.memory.write(self.store, data, ptr)


@pytest.fixture
def namespace() -> Namespace:
    return small_namespace()


@pytest.fixture(scope="session")
def every_function() -> Program:
    wasm = bytes(wasmtime.wat2wasm(every_function_wat()))
    engine = Engine.shared()
    return engine.program(ModuleSource.from_bytes("every-function", wasm))


@pytest.fixture
def guest(every_function: Program, namespace: Namespace) -> EngineGuest:
    return EngineGuest(every_function, namespace)


@pytest.fixture
def plain_guest() -> None:
    raise AssertionError("tests about a guest without an engine are not run here")


@pytest.fixture(scope="session")
def native_module() -> wasmtime.Module:
    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, every_function_wat())
    module.engine = engine  # type: ignore[attr-defined]
    return module


@pytest.fixture
def native(native_module: wasmtime.Module, tmp_path: Path) -> NativeGuest:
    return NativeGuest(native_module, tmp_path)
