"""The real Python guest through the engine alone: interrupts that it turns into exceptions, and a library."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_sandbox._engine import (
    Deadline,
    Engine,
    GuestTrap,
    HostImport,
    Instance,
    InterruptReason,
    InterruptWords,
    ModuleSource,
    Program,
    TrapKind,
)
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox._wasi import WasiHost

from .wasm import dylink, side

ASSETS = Path(__file__).parents[2] / "wasm_assets"
MANIFEST = ASSETS / "manifest.json"
STDLIB = "/usr/lib/python3.14"

pytestmark = pytest.mark.skipif(not MANIFEST.exists(), reason="the guests are not built")

HANDLER = b"""
import signal, sys, _pywasm

class Stopped(BaseException):
    pass

def stop(*_):
    raise Stopped(_pywasm.interrupt_reason())

signal.signal(signal.SIGINT, stop)
names = {}

def handle(code):
    try:
        exec(code.decode(), names)
        answer = repr(names.get("answer"))
    except BaseException as error:
        answer = repr(error)
    _pywasm.emit(1, answer.encode())

_pywasm.set_handler(handle)
"""

# A CPython extension module by hand: PyModuleDef at 0 (m_name at 20, m_size at 28), strings from 64.
EXTENSION = side(
    r"""(module
      (import "env" "memory" (memory 0))
      (import "env" "__memory_base" (global $base i32))
      (import "env" "PyModule_Create2" (func $create (param i32 i32) (result i32)))
      (import "env" "PyModule_AddIntConstant" (func $add (param i32 i32 i32) (result i32)))
      (import "env" "PyModule_AddObjectRef" (func $add_object (param i32 i32 i32) (result i32)))
      (import "GOT.mem" "PyExc_ValueError" (global $value_error (mut i32)))
      (import "GOT.func" "PyObject_GenericGetAttr" (global $generic (mut i32)))
      (data (global.get $base) "\01")
      (data (i32.add (global.get $base) (i32.const 28)) "\ff\ff\ff\ff")
      (data (i32.add (global.get $base) (i32.const 64)) "sample\00generic\00error\00")
      (func (export "__wasm_apply_data_relocs")
        (i32.store offset=20 (global.get $base) (i32.add (global.get $base) (i32.const 64))))
      (func (export "PyInit_sample") (result i32) (local $module i32)
        (local.set $module (call $create (global.get $base) (i32.const 1013)))
        (drop (call $add (local.get $module) (i32.add (global.get $base) (i32.const 71))
          (global.get $generic)))
        (drop (call $add_object (local.get $module) (i32.add (global.get $base) (i32.const 79))
          (i32.load (global.get $value_error))))
        (local.get $module)))""",
    dylink(128, 4),
)


class Python:
    """A booted guest whose handler runs code and emits the repr of `answer`, or of what was raised."""

    def __init__(self, engine: Engine, program: Program) -> None:
        self.engine = engine
        self.namespace = Namespace(MemoryFS())
        self.namespace.make_directories(STDLIB)
        self.namespace.mount(STDLIB, ZipFS(_asset("python-stdlib")[0]))
        self.namespace.write_bytes("/workspace/handler.py", HANDLER, parents=True)
        self.answers: list[str] = []
        self.instance: Instance = engine.threads.run(lambda: self._boot(program))

    def _boot(self, program: Program) -> Instance:
        instance = program.instantiate(
            lambda made: WasiHost(self.namespace, made.memory, waiter=made.waiter), self
        )
        self.instance = instance
        instance.call("_initialize")
        config = f"sys_path=/workspace\nsys_path={STDLIB}\nboot_module=handler\n".encode()
        assert self._with_bytes("pywasm_boot", config) == 0
        words = struct.unpack("<4I", instance.memory.read(instance.call("pywasm_interrupt_words"), 16))
        writes = ((words[0], 1), (words[1], 1), (words[2], 2))
        instance.arm_interrupts(InterruptWords(writes, words[3]))
        return instance

    def _with_bytes(self, export: str, data: bytes, deadline: Deadline | None = None) -> int:
        pointer = self.instance.call("pywasm_alloc", len(data))
        self.instance.memory.write(pointer, data)
        result = self.instance.call(export, pointer, len(data), deadline=deadline)
        self.instance.call("pywasm_free", pointer)
        return result

    def run(self, code: str, deadline: Deadline | None = None) -> str:
        assert (
            self.engine.threads.run(lambda: self._with_bytes("pywasm_handle", code.encode(), deadline)) == 0
        )
        return self.answers.pop()

    def emit(self, kind: int, pointer: int, length: int) -> None:
        self.answers.append(self.instance.memory.read(pointer, length).decode())


IMPORTS = (
    HostImport("emit", "iii", "", Python.emit),
    HostImport("request", "ii", "i", lambda owner, pointer, length: -58),
    HostImport("response", "i", "", lambda owner, pointer: None),
    HostImport("stdio_drain", "", "", lambda owner: None),
    HostImport("thread_new", "ii", "i", lambda owner, argument, stack: 0xFFFF_FFFF),
    HostImport("thread_switch", "i", "", lambda owner, number: None),
)


def _asset(name: str) -> tuple[Path, str]:
    (found,) = [asset for asset in json.loads(MANIFEST.read_text())["assets"] if asset["name"] == name]
    return ASSETS / found["file"], found["sha256"]


@pytest.fixture(scope="module")
def program() -> Program:
    """With the user's own cache: compiling takes seconds."""
    path, sha256 = _asset("python-core")
    return Engine.shared().program(ModuleSource("python-core", path, sha256), IMPORTS)


@pytest.fixture
def python(program: Program) -> Iterator[Python]:
    python = Python(program.engine, program)
    yield python
    python.instance.close()


def test_code_runs_and_state_stays(python: Python) -> None:
    assert python.run("x = 20; answer = x + 1") == "21"
    assert python.run("answer = x * 2") == "40"


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "[i for i in iter(int, 1)]",
        "while True:\n    try:\n        while True: pass\n    except Exception: pass",
        "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    ],
)
def test_a_deadline_becomes_an_exception_and_state_stays(python: Python, code: str) -> None:
    python.run("x = 20")
    assert python.run(code, Deadline.after(0.05, grace_s=20)) == f"Stopped({InterruptReason.TIMEOUT:d})"
    assert python.run("answer = x + 2") == "22"


def test_a_guest_that_swallows_everything_is_trapped(python: Python) -> None:
    code = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    with pytest.raises(GuestTrap) as caught:
        python.run(code, Deadline.after(0.02, grace_s=0.2))
    assert (caught.value.kind, caught.value.reason) == (TrapKind.INTERRUPTED, InterruptReason.TIMEOUT)


def test_an_extension_module_links_to_the_core(python: Python) -> None:
    python.namespace.write_bytes("/workspace/sample.so", EXTENSION)
    assert (
        python.run("import sample; answer = sample.error is ValueError, sample.generic > 0") == "(True, True)"
    )
    (loaded,) = python.instance.loader.loaded
    assert (loaded.path, loaded.memory_size) == ("/workspace/sample.so", 128)
    slots = python.instance.program.function_slots
    assert python.run("answer = sample.generic") == str(slots["PyObject_GenericGetAttr"])


def test_a_bad_extension_module_is_an_import_error(python: Python) -> None:
    python.namespace.write_bytes("/workspace/sample.so", b"not wasm")
    expected = "ImportError('/workspace/sample.so: it is not a WebAssembly module')"
    assert python.run("import sample") == expected
    python.namespace.write_bytes("/workspace/missing.so", side('(module (import "env" "PyNo_Such" (func)))'))
    expected = "ImportError('/workspace/missing.so: undefined symbol: PyNo_Such')"
    assert python.run("import missing") == expected
