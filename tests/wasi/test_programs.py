"""Small programs in WebAssembly text, each run from start to end with real clocks and real memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from pywasm_sandbox._engine import Engine, GuestExit, Instance, ModuleSource
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost
from tests.wasi.fakes import Recorder

PROGRAMS = Path(__file__).parent / "programs"


class Run:
    """A program, its output, and what `run` returned (as an i32)."""

    def __init__(self, name: str, namespace: Namespace) -> None:
        self.output = Recorder()
        engine = Engine.shared()
        wasm = bytes(wasmtime.wat2wasm((PROGRAMS / f"{name}.wat").read_text(encoding="utf-8")))
        program = engine.program(ModuleSource.from_bytes(name, wasm))

        def wasi(instance: Instance) -> WasiHost:
            return WasiHost(
                namespace,
                instance.memory,
                args=[name, "", "größer als"],
                stdout=self.output,
                waiter=instance.waiter,
            )

        def start() -> int:
            instance = program.instantiate(wasi)
            try:
                return instance.call("run")
            finally:
                instance.close()

        self.result = engine.threads.submit(start).result(timeout=30)

    @property
    def text(self) -> str:
        return b"".join(data for _, data in self.output.writes).decode()


def test_arguments(namespace: Namespace) -> None:
    run = Run("arguments", namespace)
    assert (run.result, run.text) == (0, "arguments\n\ngrößer als\n")


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
def test_copy(namespace: Namespace, size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    namespace.write_bytes("/input.txt", data)
    namespace.write_bytes("/output.txt", b"what was there before")
    assert Run("copy", namespace).result == size
    assert namespace.read_bytes("/output.txt") == data


def test_copy_of_nothing_says_noent(namespace: Namespace) -> None:
    assert Run("copy", namespace).result == (-1 - 44) % (1 << 32)


def test_grow(namespace: Namespace) -> None:
    run = Run("grow", namespace)
    assert (run.result, run.text) == (0, "old page\nBld page\n")


def test_list(namespace: Namespace) -> None:
    names = ["a", "a-rather-long-name", "b", "directory"]
    for name in names[:-1]:
        namespace.write_bytes(f"/{name}", b"")
    namespace.make_directories("/directory")
    run = Run("list", namespace)
    assert run.result == 0
    lines = run.text.splitlines()
    assert lines[:2] == [".", ".."]
    assert sorted(lines[2:]) == names


def test_sleep(namespace: Namespace) -> None:
    with pytest.raises(GuestExit) as caught:
        Run("sleep", namespace)
    assert caught.value.code == 42
