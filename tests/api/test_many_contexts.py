"""Many contexts: one after the other they leave nothing behind, at once they all answer."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pywasm_sandbox import Context, Sandbox, Snapshot
from pywasm_sandbox._sandbox.runtime import Runtime

ASSETS = Path(__file__).parents[2] / "wasm_assets"
SAMPLE = ASSETS / "_sample.cpython-314-wasm32-wasi.so"
SAMPLE_CXX = ASSETS / "_samplecxx.cpython-314-wasm32-wasi.so"

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
samples = pytest.mark.skipif(not SAMPLE_CXX.exists(), reason="the sample libraries are not built")


def mappings() -> list[str]:
    """Mappings of linear memories: of image files, of the arena, and reservations of address space."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split(" ", 1)[0].split("-"))
        if line.endswith(".image") or "memfd:pywasm-sandbox" in line or end - start >= 1 << 30:
            found.append(line.split(" ", 1)[1])
    return sorted(found)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def create(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context()
    context.run_code("x = 1")
    context.delete()


def fork(sandbox: Sandbox) -> None:
    sandbox.run_code("x = bytearray(4_000_000)")
    (context,) = sandbox.list_code_contexts()
    twin = context.fork()
    twin.run_code("x[5] = 1; y = bytearray(4_000_000)")
    twin.delete()
    context.restart()


def snapshot(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context()
    context.run_code("x = bytearray(4_000_000); f = open('a', 'w')")
    context.restore(context.snapshot())
    context.delete()


def crash(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context()
    context.snapshot()
    context.run_code("import os; os._exit(1)")
    context.run_code("1")
    context.delete()


@linux
@pytest.mark.parametrize(("cycle", "count"), [(create, 1000), (fork, 50), (snapshot, 50), (crash, 50)])
def test_cycles_leave_nothing(cycle: Callable[[Sandbox], None], count: int) -> None:
    arena = Runtime.shared().engine.arena
    with Sandbox(on_crash="restore") as sandbox:
        sandbox.run_code("1")

        def measure() -> tuple[int, int]:
            gc.collect()
            return descriptors(), 0 if arena is None else arena.stored_bytes

        for _ in range(5):
            cycle(sandbox)
        before, mapped = measure(), mappings()
        for _ in range(count):
            cycle(sandbox)
        assert measure() == before
        # The kernel shows address spaces that happen to lie side by side as one.
        more = Counter(mappings()) - Counter(mapped)
        assert more.total() < 5, more


def test_hundreds_of_contexts_all_answer() -> None:
    with Sandbox() as sandbox:
        contexts = [sandbox.create_code_context() for _ in range(300)]
        for number, context in enumerate(contexts):
            context.run_code(f"n = {number}")
        assert [context.run_code("n").text for context in contexts] == [str(n) for n in range(300)]


@linux
def test_an_idle_context_writes_no_page() -> None:
    arena = Runtime.shared().engine.arena
    assert arena is not None
    with Sandbox() as sandbox:
        sandbox.run_code("1")
        before = arena.stored_bytes
        contexts = [sandbox.create_code_context() for _ in range(50)]
        assert arena.stored_bytes == before
        dirty = sum(int(line.split()[1]) for line in _image_lines("Private_Dirty:"))
        for context in contexts:
            context.run_code("1")
        assert sum(int(line.split()[1]) for line in _image_lines("Private_Dirty:")) > dirty + 50 * 100


def _image_lines(key: str) -> list[str]:
    found, inside = [], False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            inside = line.endswith(".image")
        elif inside and line.startswith(key):
            found.append(line)
    return found


@samples
def test_extension_modules_go_on_in_copies(tmp_path: Path) -> None:
    def check(context: Context) -> None:
        code = (
            "_sample.calculate('multiply', 6, 7), _sample.sort(3, 1, 2, 0), _sample.jump_back(3), "
            "_sample.count(), _samplecxx.thrown(3), _samplecxx.static_text(), _samplecxx.words('a b a')"
        )
        execution = context.run_code(code)
        assert execution.error is None, execution.error
        assert execution.text == expected

    with Sandbox(max_foreign_module_bytes=1 << 20) as sandbox:
        for sample in (SAMPLE, SAMPLE_CXX):
            sandbox.upload(sample, sample.name)
        context = sandbox.create_code_context()
        context.run_code("import _sample, _samplecxx; counted = _sample.count()")
        probe = context.fork()
        expected = probe.run_code(
            "_sample.calculate('multiply', 6, 7), _sample.sort(3, 1, 2, 0), _sample.jump_back(3), "
            "_sample.count(), _samplecxx.thrown(3), _samplecxx.static_text(), _samplecxx.words('a b a')"
        ).text
        assert expected is not None
        assert expected.startswith("(42, (0, 1, 2, 3)")
        taken = context.snapshot()
        check(context.fork())
        check(sandbox.create_code_context(snapshot=taken))
        taken.save(tmp_path / "libraries.snapshot")
        loaded = Snapshot.load(tmp_path / "libraries.snapshot")
        check(sandbox.create_code_context(snapshot=loaded))
        check(context)
    with Sandbox(snapshot=loaded, max_foreign_module_bytes=1 << 20) as other:
        check(other.list_code_contexts()[0])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@linux
def test_a_fork_of_the_process_leaves_its_contexts_alone() -> None:
    with Sandbox() as sandbox:
        sandbox.run_code("x = bytearray(8_000_000); x[7] = 7")
        (context,) = sandbox.list_code_contexts()
        taken = context.snapshot()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                with Sandbox() as inner:
                    status = 0 if inner.run_code("1 + 1").text == "2" else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert sandbox.create_code_context(snapshot=taken).run_code("sum(x)").text == "7"
