"""Bugs of ours: every function of the host fails once, and that costs one context and nothing else."""

# ruff: noqa: E501 - programs, one a line

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import wasmtime

from pywasm_sandbox import Sandbox, SandboxInternalError
from pywasm_sandbox._engine import Engine, HostFailure, HostImport, ModuleSource, loader, program
from pywasm_sandbox._guests import interpreter, python_program
from pywasm_sandbox._sandbox.runtime import Runtime
from pywasm_sandbox._wasi import FUNCTIONS, HostFunction, abi
from tests.wasi.conftest import EngineGuest
from tests.wasi.fakes import small_namespace
from tests.wasi.guest import every_function_wat


class Bug(RuntimeError):
    """What the library doesn't expect."""


class Faults:
    """Fails the next call of the function `armed`, once."""

    def __init__(self) -> None:
        self.armed: str | None = None
        self.fired: list[str] = []

    def wrap(self, function: HostFunction | HostImport) -> Any:
        call, name = function.call, function.name

        def faulty(*arguments: Any) -> Any:
            if self.armed == name:
                self.armed = None
                self.fired.append(name)
                raise Bug(f"injected into {name}")
            return call(*arguments)

        return function._replace(call=faulty)


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    """An engine of its own whose host functions can be made to fail, in place of the process's."""
    faults = Faults()
    patch = pytest.MonkeyPatch()
    patch.setattr(program, "FUNCTIONS", tuple(map(faults.wrap, FUNCTIONS)))
    patch.setattr(program, "LOADER_FUNCTIONS", tuple(map(faults.wrap, loader.FUNCTIONS)))
    patch.setattr(python_program, "IMPORTS", tuple(map(faults.wrap, interpreter.IMPORTS)))
    engine = Engine()
    patch.setattr(Engine, "_shared", engine)
    patch.setattr(Runtime, "_shared", Runtime(engine))
    yield faults
    patch.undo()
    engine.shut_down()


@pytest.fixture(scope="module")
def every_function(faults: Faults) -> program.Program:
    wasm = bytes(wasmtime.wat2wasm(every_function_wat()))
    return Engine.shared().program(ModuleSource.from_bytes("every-function", wasm))


@pytest.mark.parametrize("name", list(abi.SIGNATURES))
def test_a_fault_in_a_system_call_breaks_its_instance_alone(
    faults: Faults, every_function: program.Program, name: str
) -> None:
    broken, other = (EngineGuest(every_function, small_namespace()) for _ in range(2))
    arguments = [0] * len(abi.SIGNATURES[name][0])
    faults.armed = name
    with pytest.raises(HostFailure, match=f"Bug: injected into {name}"):
        broken.call(name, *arguments)
    assert faults.armed is None
    assert broken.instance.broken is not None
    assert broken.instance.memory_bytes == 0
    if name != "proc_exit":
        assert other.call(name, *arguments) in range(77)
    assert other.call("sched_yield") == 0


PYTHON_CALLS = {
    "emit": "display(1)",
    "request": 'import _pywasm\n_pywasm.request(b\'{"op": "input"}\');',
    "response": 'import _pywasm\n_pywasm.request(b\'{"op": "input"}\');',
    "stdio_drain": "print('x' * 200_000)",
    "clock_time_get": "import time\ntime.time()",
    "clock_res_get": "import time\ntime.get_clock_info('monotonic')",
    "fd_close": "import os\nos.close(os.open('/tmp', os.O_RDONLY))",
    "fd_fdstat_get": "open('/workspace/f', 'w').close()",
    "fd_filestat_get": "open('/workspace/f', 'w').close()",
    "fd_filestat_set_size": "open('/workspace/f', 'w').truncate(5)",
    "fd_pread": "import os\nopen('/workspace/f', 'w').write('x')\nos.pread(os.open('/workspace/f', os.O_RDONLY), 1, 0)",
    "fd_pwrite": "import os\nos.pwrite(os.open('/workspace/f', os.O_CREAT | os.O_WRONLY), b'x', 0)",
    "fd_read": "open('/dev/zero', 'rb').read(5)",
    "fd_readdir": "import os\nos.listdir('/')",
    "fd_seek": "f = open('/workspace/f', 'w+'); f.seek(0, 2)",
    "fd_sync": "import os\nos.fsync(os.open('/workspace/f', os.O_CREAT | os.O_WRONLY))",
    "fd_write": "f = open('/workspace/f', 'w'); f.write('x'); f.flush()",
    "path_create_directory": "import os\nos.makedirs('/workspace/d/e', exist_ok=True)",
    "path_filestat_get": "import os\nos.stat('/workspace')",
    "path_filestat_set_times": "import os\nos.utime('/workspace')",
    "path_link": "import os\nopen('/workspace/a', 'w').close()\nos.link('/workspace/a', f'/workspace/b{os.urandom(4).hex()}')",
    "path_open": "open('/workspace/f', 'w')",
    "path_readlink": "import os\ntry: os.readlink('/workspace')\nexcept OSError: pass",
    "path_remove_directory": "import os\nos.makedirs('/workspace/r', exist_ok=True)\nos.rmdir('/workspace/r')",
    "path_rename": "import os\nopen('/workspace/a', 'w').close()\nos.rename('/workspace/a', '/workspace/c')",
    "path_symlink": "import os\nos.symlink('x', f'/workspace/s{os.urandom(4).hex()}')",
    "path_unlink_file": "import os\nopen('/workspace/u', 'w').close()\nos.unlink('/workspace/u')",
    "poll_oneoff": "import time\ntime.sleep(0.001)",
    "random_get": "import os\nos.urandom(5)",
}
PYTHON_CALLS["thread_new"] = PYTHON_CALLS["thread_switch"] = (
    "import threading\nt = threading.Thread(target=len, args=('',))\nt.start()\nt.join()"
)
PYTHON_CALLS["dlopen"] = "import numpy.linalg, zlib, _sqlite3, pandas._libs.lib, PIL._imaging"
PYTHON_CALLS["dlsym"] = PYTHON_CALLS["dlopen"]


@pytest.fixture(scope="module")
def sandbox(faults: Faults) -> Iterator[Sandbox]:
    with Sandbox(preload=["json"]) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", sorted(PYTHON_CALLS))
def test_a_fault_under_python_breaks_its_context_alone(faults: Faults, sandbox: Sandbox, name: str) -> None:
    broken, other = sandbox.create_code_context(), sandbox.create_code_context()
    for context in (broken, other):
        context.run_code("kept = 'state'")
    faults.armed = name
    with pytest.raises(SandboxInternalError, match="lost its interpreter to a bug") as caught:
        broken.run_code(PYTHON_CALLS[name])
    assert faults.armed is None
    assert isinstance(caught.value.__cause__, HostFailure)
    assert isinstance(caught.value.__cause__.original, Bug)
    assert broken.status == "broken"
    assert other.run_code("kept").text == "state"
    assert other.run_code(PYTHON_CALLS[name]).error is None
    assert broken.run_code("'kept' in globals()").text == "False"
    broken.delete()
    other.delete()


@pytest.mark.parametrize("name", ["request", "path_open", "thread_switch"])
def test_a_fault_in_a_thread_of_the_guest_breaks_its_context_alone(
    faults: Faults, sandbox: Sandbox, name: str
) -> None:
    """While the main thread and another one wait."""
    code = "import threading, time\nfor f in (lambda: time.sleep(60), lambda: exec({!r})):\n"
    code += "    t = threading.Thread(target=f)\n    t.start()\nt.join()"
    broken, other = sandbox.create_code_context(), sandbox.create_code_context()
    other.run_code("kept = 'state'")
    faults.armed = name
    with pytest.raises(SandboxInternalError, match="lost its interpreter to a bug") as caught:
        broken.run_code(code.format(PYTHON_CALLS[name]))
    assert isinstance(caught.value.__cause__, HostFailure)
    assert isinstance(caught.value.__cause__.original, Bug)
    assert broken.status == "broken"
    assert other.run_code("kept").text == "state"
    assert broken.run_code("'kept' in globals()").text == "False"
    broken.delete()
    other.delete()


@pytest.mark.parametrize("name", ["clock_time_get", "fd_prestat_get", "path_open", "emit"])
def test_a_fault_while_a_context_boots(faults: Faults, sandbox: Sandbox, name: str) -> None:
    """Without an image, so that booting calls something."""
    with Sandbox(preload=None) as fresh:
        faults.armed = name
        if name == "emit":  # it emits with its first run
            with pytest.raises(SandboxInternalError):
                fresh.run_code("1")
        else:
            with pytest.raises(SandboxInternalError):
                fresh.create_code_context()
        assert faults.armed is None
        assert fresh.run_code("1 + 1").text == "2"
    assert sandbox.run_code("1 + 1").text == "2"


def test_with_on_crash_error_a_bug_asks_for_a_restart(faults: Faults) -> None:
    with Sandbox(preload=["json"], on_crash="error") as sandbox:
        context = sandbox.create_code_context()
        faults.armed = "emit"
        with pytest.raises(SandboxInternalError):
            context.run_code("display(1)")
        context.restart()
        assert context.run_code("1 + 1").text == "2"


def test_every_function_is_covered() -> None:
    assert set(PYTHON_CALLS) <= {
        *abi.SIGNATURES,
        *(each.name for each in (*interpreter.IMPORTS, *loader.FUNCTIONS)),
    }
    assert {each.name for each in (*interpreter.IMPORTS, *loader.FUNCTIONS)} - {"dlerror"} <= set(
        PYTHON_CALLS
    )
