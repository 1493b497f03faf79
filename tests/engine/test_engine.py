"""The engine itself: modules in and out of the cache, processes that fork, exit or share a cache."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from pywasm_sandbox._engine import Engine, HostImport, ModuleRejected, ModuleSource
from pywasm_sandbox._engine.cache import CompileCache

from .conftest import Guest
from .wasm import wasm

MODULE = wasm('(module (memory (export "memory") 1) (func (export "answer") (result i32) (i32.const 42)))')
REPOSITORY = Path(__file__).parents[2]


def source_file(folder: Path, data: bytes = MODULE, name: str = "answer") -> ModuleSource:
    path = folder / f"{name}.wasm"
    path.write_bytes(data)
    return ModuleSource(name, path, hashlib.sha256(data).hexdigest())


def compilations(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message.split(" took ")[0] for message in caplog.messages if " took " in message]


def run_script(code: str, cache: Path, *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """A Python process of its own, with the helpers that the scripts below need."""
    prelude = '''
        import os, sys, threading, time
        from pywasm_sandbox._engine import *
        from pywasm_sandbox._vfs.memory import MemoryFS
        from pywasm_sandbox._vfs.namespace import Namespace
        from pywasm_sandbox._wasi import WasiHost
        from tests.engine.wasm import wasm

        def new(engine, text, imports=(), owner=None):
            program = engine.program(ModuleSource.from_bytes("script", wasm(text)), imports)
            make = lambda i: WasiHost(Namespace(MemoryFS()), i.memory, waiter=i.waiter)
            return engine.threads.run(lambda: program.instantiate(make, owner))

        ANSWER = '(module (func (export "answer") (result i32) (i32.const 42)))'
        LOOP = """(module (import "pywasm" "go" (func $go))
          (func (export "loop") (call $go) (loop $l (br $l))))"""
    '''
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=REPOSITORY,
        env={**os.environ, "PYWASM_SANDBOX_CACHE_DIR": str(cache)},
    )


def assert_prints(done: subprocess.CompletedProcess[str], expected: str) -> None:
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


# ---- modules


def test_a_module_is_compiled_once_and_loaded_by_the_next_engine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pywasm_sandbox")
    source = source_file(tmp_path)
    first = Engine(CompileCache(tmp_path / "cache"))
    module = first.module(source)
    assert first.module(source) is module
    assert compilations(caplog) == ["compiling answer"]
    assert source.path is not None
    source.path.unlink()  # the wasm isn't even read when its code is there
    Engine(CompileCache(tmp_path / "cache")).module(source)
    assert compilations(caplog) == ["compiling answer"]


def test_what_is_loaded_runs(tmp_path: Path) -> None:
    source = source_file(tmp_path)
    for _ in range(2):
        fresh = Engine(CompileCache(tmp_path / "cache"))
        guest = Guest(fresh, fresh.program(source), None, None)
        assert guest.call("answer") == 42
        guest.instance.close()


@pytest.mark.parametrize("damage", ["flip", "truncate", "swap"])
def test_damaged_code_is_compiled_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    caplog.set_level(logging.INFO, "pywasm_sandbox")
    source = source_file(tmp_path)
    cache = tmp_path / "cache"
    Engine(CompileCache(cache)).module(source)
    (blob,) = cache.glob("*.cwasm")
    code = bytearray(blob.read_bytes())
    if damage == "flip":
        code[len(code) // 2] ^= 0x10
    elif damage == "truncate":
        del code[len(code) // 2 :]
    else:
        code[:] = b"\0" * len(code)
    blob.write_bytes(code)
    Engine(CompileCache(cache)).module(source)
    assert compilations(caplog) == ["compiling answer"] * 2
    Engine(CompileCache(cache)).module(source)
    assert compilations(caplog) == ["compiling answer"] * 2


def test_code_that_wasmtime_refuses_is_compiled_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole by its checksum, but not what this wasmtime made."""
    caplog.set_level(logging.INFO, "pywasm_sandbox")
    source = source_file(tmp_path)
    cache = tmp_path / "cache"
    Engine(CompileCache(cache)).module(source)
    (index,) = cache.glob("*.index")
    CompileCache(cache).store(index.stem, b"\x7fELF but not ours")
    Engine(CompileCache(cache)).module(source)
    assert compilations(caplog) == ["compiling answer"] * 2
    assert sum("will be rebuilt" in message for message in caplog.messages) == 1


def test_a_cache_that_cannot_be_written_only_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    engine = Engine(CompileCache(tmp_path / "cache"))
    with caplog.at_level(logging.WARNING, "pywasm_sandbox"):
        assert engine.module(source_file(tmp_path)).name == "answer"
    assert any("cannot be kept" in message for message in caplog.messages)


def test_two_threads_compile_a_module_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pywasm_sandbox")
    engine, source = Engine(CompileCache(tmp_path / "cache")), source_file(tmp_path)
    barrier = threading.Barrier(4)
    handles = [engine.threads.submit(lambda: (barrier.wait(10), engine.module(source))[1]) for _ in range(4)]
    assert len({id(handle.result(30)) for handle in handles}) == 1
    assert compilations(caplog) == ["compiling answer"]


def test_a_file_with_another_checksum_is_not_compiled(
    tmp_path: Path, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pywasm_sandbox")
    source = source_file(tmp_path, MODULE + b"\0\x01\0")
    wrong = ModuleSource(source.name, source.path, "0" * 64)
    with pytest.raises(ModuleRejected, match=f"has sha256 {source.sha256}, expected 0000"):
        engine.module(wrong)
    assert compilations(caplog) == []


def test_a_missing_file_is_named(tmp_path: Path, engine: Engine) -> None:
    with pytest.raises(ModuleRejected, match=r"module 'gone'.*gone\.wasm cannot be read: No such file"):
        engine.module(ModuleSource("gone", tmp_path / "gone.wasm", "0" * 64))


@pytest.mark.parametrize("data", [b"", b"\0asm", b"#!/bin/sh", b"\0asm\x01\0\0\0\xff\xff", MODULE[:-1]])
def test_what_is_not_wasm_is_rejected(engine: Engine, data: bytes) -> None:
    with pytest.raises(ModuleRejected):
        engine.module(ModuleSource.from_bytes("garbage", data))


@pytest.mark.parametrize(
    "text",
    [
        '(module (import "env" "unknown" (func)))',
        '(module (import "pywasm" "emit" (func (param i64))))',
        '(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32) (result i32))))',
        '(module (import "wasi_snapshot_preview1" "no_such_function" (func)))',
    ],
)
def test_imports_that_nobody_offers_are_rejected(engine: Engine, text: str) -> None:
    emit = HostImport("emit", "iii", "", print)
    engine.program(
        ModuleSource.from_bytes("fine", wasm('(module (import "pywasm" "emit" (func (param i32 i32 i32))))')),
        (emit,),
    )
    with pytest.raises(ModuleRejected):
        engine.program(ModuleSource.from_bytes("imports", wasm(text)), (emit,))


@pytest.mark.parametrize(
    "text",
    [
        "(module (memory i64 1))",
        "(module (memory 1 1 shared))",
        "(module (memory 1) (memory 1))",
    ],
)
def test_features_that_guests_do_not_need_are_off(engine: Engine, text: str) -> None:
    with pytest.raises(ModuleRejected):
        engine.module(ModuleSource.from_bytes("feature", wasm(text)))


def test_programs_are_shared(engine: Engine) -> None:
    source = ModuleSource.from_bytes("shared", MODULE)
    imports = (HostImport("emit", "iii", "", print),)
    assert engine.program(source) is engine.program(source)
    assert engine.program(source, imports) is engine.program(source, imports)
    assert engine.program(source, imports) is not engine.program(source)


def test_what_a_guest_brought_is_kept_nowhere(tmp_path: Path) -> None:
    engine = Engine(CompileCache(tmp_path / "cache"))
    source = ModuleSource.from_bytes("brought", MODULE)
    module = engine.module(source, keep=False)
    assert engine.module(source, keep=False) is module
    assert not (tmp_path / "cache").exists()
    del module
    assert list(engine._unkept) == []
    engine.trust([source.sha256])
    engine.module(source, keep=False)
    assert len(list((tmp_path / "cache").glob("*.cwasm"))) == 1


def test_shared_is_one_per_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Engine, "_shared", None)
    monkeypatch.setenv("PYWASM_SANDBOX_CACHE_DIR", str(tmp_path))
    engines: list[Engine] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait(10)
        engines.append(Engine.shared())

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(engines) == 4
    assert len({id(engine) for engine in engines}) == 1


# ---- processes


def test_processes_that_compile_the_same_module_at_once(tmp_path: Path) -> None:
    script = """
        engine = Engine.shared()
        functions = "".join(f'(func (export "f{n}") (result i32) (i32.const {n}))' for n in range(500))
        print(engine.threads.run(lambda i=new(engine, f"(module {functions})"): i.call("f499")))
    """
    results: list[subprocess.CompletedProcess[str]] = []
    workers = [
        threading.Thread(target=lambda: results.append(run_script(script, tmp_path))) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 3
    for done in results:
        assert_prints(done, "499\n")
    names = sorted(path.suffix for path in (tmp_path / "compiled-1").iterdir())
    assert names.count(".index") == 1
    assert set(names) == {".index", ".cwasm"}
    assert_prints(run_script(script, tmp_path), "499\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_an_engine_of_its_own(tmp_path: Path) -> None:
    done = run_script(
        """
        engine = Engine.shared()
        guest = new(engine, ANSWER)
        assert engine.threads.run(lambda: guest.call("answer")) == 42
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            try:
                mine = Engine.shared()
                assert mine is not engine
                assert engine.lost and not mine.lost
                # Compiles, ticks and runs threads although the parent's pools are not here.
                fresh = new(mine, '(module (func (export "answer") (result i32) (i32.const 43)))')
                print(mine.threads.run(lambda: fresh.call("answer")))
                loop = new(mine, LOOP, (HostImport("go", "", "", lambda owner: None),))
                try:
                    mine.threads.run(lambda: loop.call("loop", deadline=Deadline.after(0.02, 0.02)))
                except GuestTrap as trap:
                    print(trap.kind.name)
                try:
                    mine.threads.run(lambda: guest.call("answer"))
                except InstanceBroken as error:
                    print("inherited:", error.why)
                guest.close()
                sys.stdout.flush()
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(engine.threads.run(lambda: guest.call("answer")))
        """,
        tmp_path,
    )
    expected = "43\nINTERRUPTED\ninherited: the process was forked; make a new one in the child\n42\n"
    assert (done.returncode, done.stdout) == (0, expected)  # stderr: newer Pythons warn of threads and fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_a_guest_runs(tmp_path: Path) -> None:
    done = run_script(
        """
        engine = Engine.shared()
        running = threading.Event()
        loop = new(engine, LOOP, (HostImport("go", "", "", lambda owner: running.set()),))
        engine.threads.submit(lambda: loop.call("loop"))
        running.wait(10)
        child = os.fork()
        if child == 0:
            fresh = new(Engine.shared(), ANSWER)
            os._exit(Engine.shared().threads.run(lambda: fresh.call("answer")))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """,
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "42\n")


@pytest.mark.parametrize("ending", ["pass", "sys.exit(0)", "loop.close()"])
@pytest.mark.parametrize("sleeping", [False, True])
def test_exit_while_a_guest_runs_is_prompt_and_clean(tmp_path: Path, ending: str, sleeping: bool) -> None:
    done = run_script(
        f"""
        engine = Engine.shared()
        running = threading.Event()

        def go(owner):
            running.set()
            if {sleeping}:
                loop.waiter.wait(None)

        loop = new(engine, LOOP, (HostImport("go", "", "", go),))
        handle = engine.threads.submit(lambda: loop.call("loop"))
        handle.add_done_callback(lambda handle: os.write(1, b"the call ended\\n"))
        running.wait(10)
        print("leaving", flush=True)
        {ending}
        """,
        tmp_path,
        timeout=30,
    )
    assert_prints(done, "leaving\nthe call ended\n")


def test_exit_without_having_used_anything(tmp_path: Path) -> None:
    assert_prints(run_script("print('nothing')", tmp_path), "nothing\n")
    assert_prints(run_script("Engine.shared(); print('engine')", tmp_path), "engine\n")
    assert_prints(run_script("new(Engine.shared(), ANSWER); print('guest')", tmp_path), "guest\n")


def test_no_call_begins_at_exit(tmp_path: Path) -> None:
    """A function that makes one call after the other doesn't keep the interpreter from ending."""
    done = run_script(
        """
        engine = Engine.shared()
        begun = threading.Event()

        def for_ever():
            guest = new(engine, ANSWER)
            while True:
                try:
                    guest.call("answer")
                except (GuestTrap, InstanceBroken):
                    guest = new(engine, ANSWER)
                begun.set()

        def tell(handle):
            try:
                handle.result()
            except InstanceClosed as error:
                os.write(1, str(error).encode())

        engine.threads.submit(for_ever).add_done_callback(tell)
        begun.wait(10)
        """,
        tmp_path,
        timeout=30,
    )
    assert_prints(done, "the interpreter is shutting down")


def test_another_wasmtime_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "wasmtime").mkdir()
    (tmp_path / "wasmtime" / "__init__.py").touch()
    (tmp_path / "wasmtime-51.0.0.dist-info").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "from pywasm_sandbox._engine import Engine\nEngine.shared()"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"},
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "pywasm_sandbox._engine.failures.EngineUnavailable: wasmtime 51.0.0 is installed, but its C "
        "interface is bound to a minor version and this release needs 50.0.x: pip install 'wasmtime==50.0.*'"
    )
