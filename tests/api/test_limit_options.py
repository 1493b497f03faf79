"""Each limit of `Limits`: that it holds, what the user sees at it, and that just below it all is well."""

# ruff: noqa: E501 - programs, one a line

from __future__ import annotations

import dataclasses
import json
import struct
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import ValidationError

from pywasm_sandbox import (
    HostFileError,
    Limits,
    PolicyError,
    Sandbox,
    SandboxClosedError,
    ZipArchive,
    set_process_limits,
)
from pywasm_sandbox._limits import LIMIT_NAMES, LimitValues
from pywasm_sandbox._sandbox.facade import SandboxSettings
from pywasm_sandbox._sandbox.runtime import Runtime

pytestmark = pytest.mark.anyio
ASSETS = Path(__file__).resolve().parents[2] / "wasm_assets"


# ---- the model -------------------------------------------------------------------------------------------


def test_the_model_and_the_values_have_the_same_limits_and_defaults() -> None:
    assert dict(Limits()) == dataclasses.asdict(LimitValues())
    assert set(Limits.model_fields) == LIMIT_NAMES
    assert set(SandboxSettings.__annotations__) >= LIMIT_NAMES


@pytest.mark.parametrize("name", sorted(LIMIT_NAMES))
def test_each_limit_is_in_the_guide_with_its_default(name: str) -> None:
    page = (ASSETS.parent / "docs" / "guide" / "limits.md").read_text()
    [row] = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
    value = getattr(LimitValues(), name)
    shown = {None: "none", 1 << 30: "1 GiB", 64 << 20: "64 MiB", 16 << 20: "16 MiB"}.get(
        value, f"{value:,g}" if value is not None else ""
    )
    assert row.split("|")[2].strip() == shown


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"memory_bytes": 5}, "memory_bytes is 5; it must be at least 33554432"),
        ({"memory_bytes": 5 << 30}, "memory_bytes is 5368709120; it can be at most 4294967296"),
        ({"cpu_seconds": 0}, "cpu_seconds is 0.0; it must be more than 0 seconds (None for no limit)"),
        ({"max_results": -1}, "max_results is -1; it must be at least 0"),
        ({"grace_seconds": -0.1}, "grace_seconds is -0.1; it must be at least 0 seconds"),
        ({"no_such_limit": 1}, "Extra inputs are not permitted"),
    ],
)
def test_limits_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Limits(**values)
    assert message in str(caught.value)


async def test_limits_come_as_a_model_a_mapping_or_keywords(open_sandbox: Any) -> None:
    limits = Limits(max_output_bytes=10, timeout=5)
    for given in (limits, limits.model_dump(), json.loads(limits.model_dump_json())):
        sandbox = await open_sandbox(limits=given, max_results=3)
        options = sandbox._core.options if not hasattr(sandbox, "_target") else sandbox._target._core.options
        assert options.limits == dataclasses.replace(
            LimitValues(), max_output_bytes=10, timeout=5, max_results=3
        )
    with pytest.raises(TypeError, match="limits is a Limits, not int"):
        await open_sandbox(limits=5)
    with pytest.raises(TypeError, match="no_such"):
        await open_sandbox(no_such=5)


# ---- runs ------------------------------------------------------------------------------------------------


async def test_code_bytes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_code_bytes=1000)
    assert (await sandbox.run_code("x = 1" + " " * 995)).error is None
    execution = await sandbox.run_code("x = 2" + " " * 996)
    assert execution.error.name == "CodeLimitExceeded"
    assert execution.error.message == "the code has 1001 bytes, more than the limit of 1000"
    assert execution.context_state == "kept"
    assert (await sandbox.run_code("'é' * 3 #" + "é" * 496)).error.name == "CodeLimitExceeded"
    assert (await sandbox.run_code("x")).text == "1"


async def test_results(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_results=5)
    execution = await sandbox.run_code("for i in range(5): display(i)")
    assert (execution.error, len(execution.results)) == (None, 5)
    execution = await sandbox.run_code("kept = 1\nfor i in range(10**6): display(i)")
    assert execution.error.name == "OutputLimitExceeded"
    assert [result.text for result in execution.results] == ["0", "1", "2", "3", "4"]
    assert (execution.logs.truncated, execution.context_state) == (True, "kept")
    assert (await sandbox.run_code("kept")).text == "1"


async def test_result_bytes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_result_bytes=4000)
    execution = await sandbox.run_code("print('p' * 5000)\ndisplay('x' * 1000)")
    assert (execution.error, len(execution.results)) == (None, 1)
    execution = await sandbox.run_code("display('x' * 1000)\ndisplay('y' * 1000)")
    assert execution.error.name == "OutputLimitExceeded"
    assert [result.text for result in execution.results] == ["x" * 1000]
    assert execution.logs.truncated is True


async def test_an_error_counts_as_output_when_it_is_long(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_output_bytes=200_000)
    execution = await sandbox.run_code("raise ValueError('x' * 1_000)")
    assert execution.error.message == "x" * 1_000
    execution = await sandbox.run_code(
        "import _pywasm\n_pywasm.emit(2, b'{\"message\": \"' + b'x' * 1_000_000 + b'\"}')"
    )
    assert execution.error.name == "OutputLimitExceeded"
    assert len(execution.error.message) < 1000
    assert (await sandbox.run_code("1")).text == "1"


async def test_host_calls_per_second(open_sandbox: Any) -> None:
    code = "import os\nfor _ in range(4000): os.stat('/')"
    sandbox = await open_sandbox(max_host_calls_per_second=3000)
    assert (await sandbox.run_code(code)).duration_seconds > 0.7
    stopped = await sandbox.run_code("kept = 1\nwhile True: os.stat('/')", timeout=0.3)
    assert (stopped.error.name, stopped.context_state) == ("ExecutionTimeout", "kept")
    assert stopped.duration_seconds < 1.5
    assert (await (await open_sandbox()).run_code(code)).duration_seconds < 0.7


# ---- time of a sandbox -------------------------------------------------------------------------------------


async def test_cpu_seconds(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(cpu_seconds=0.6)
    await sandbox.run_code("kept = 1\nimport time\ntime.sleep(0.8)")
    assert 0.2 < sandbox.cpu_seconds_left < 0.6
    execution = await sandbox.run_code("print('on')\nwhile True: pass", timeout=30)
    assert execution.error.name == "CpuLimitExceeded"
    assert execution.error.message == "the sandbox used up its CPU time"
    assert (execution.context_state, execution.logs.stdout) == ("kept", ["on\n"])
    assert sandbox.cpu_seconds_left == 0
    other = await sandbox.create_code_context()
    for context in (None, other):
        refused = await sandbox.run_code("print('never')", context=context)
        assert refused.error.message == "the sandbox used up its CPU time of 0.6 s"
        assert refused.logs.stdout == []
    assert (
        (await sandbox.read_file("/etc/hostname")).content if await sandbox.exists("/etc/hostname") else True
    )
    assert (await (await open_sandbox()).run_code("1")).text == "1"


@pytest.mark.parametrize("language", ["javascript", "typescript"])
async def test_cpu_seconds_of_javascript(open_sandbox: Any, language: str) -> None:
    sandbox = await open_sandbox(cpu_seconds=0.6)
    context = await sandbox.create_code_context(language=language)
    slept = await sandbox.run_code("await new Promise(r => setTimeout(r, 800)); 1", context=context)
    assert slept.text == "1"
    assert sandbox.cpu_seconds_left > 0.1
    stopped = await sandbox.run_code("console.log('on'); for (;;) {}", context=context, timeout=30)
    assert (stopped.error.name, stopped.context_state) == ("CpuLimitExceeded", "kept")
    assert stopped.logs.stdout == ["on\n"]
    refused = await sandbox.run_code("console.log('never')", context=context)
    assert refused.error.message == "the sandbox used up its CPU time of 0.6 s"
    assert refused.logs.stdout == []


async def test_cpu_seconds_are_shared_and_hold_against_stubborn_code(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(cpu_seconds=0.5, grace_seconds=0.2)
    stubborn = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ends: list[Any] = []

    async def run() -> None:
        ends.append(await sandbox.run_code(stubborn, context=await sandbox.create_code_context()))

    await run()
    assert ends[0].error.name == "CpuLimitExceeded"
    assert ends[0].context_state == "lost"
    assert ends[0].error.message.startswith("the sandbox used up its CPU time and did not stop within 0.2 s")


async def test_lifetime_seconds(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(lifetime_seconds=1.0, grace_seconds=0.3)
    assert (await sandbox.run_code("1")).text == "1"
    for code in ("while True: pass",):
        execution = await sandbox.run_code(code, timeout=None)
        assert execution.error.name == "LifetimeExceeded"
        assert execution.context_state == "kept"
    with anyio.fail_after(10):
        while not sandbox.closed:
            await anyio.sleep(0.02)
    with pytest.raises(SandboxClosedError, match="its lifetime of 1 s is over"):
        await sandbox.run_code("1")


@pytest.mark.parametrize("code", ["for (;;) {}", "await new Promise(r => setTimeout(r, 3600e3))"])
async def test_lifetime_seconds_of_javascript(open_sandbox: Any, code: str) -> None:
    sandbox = await open_sandbox(lifetime_seconds=1.0, grace_seconds=0.3)
    context = await sandbox.create_code_context(language="javascript")
    assert (await sandbox.run_code("1", context=context)).text == "1"
    execution = await sandbox.run_code(code, context=context, timeout=None)
    assert execution.error.name == "LifetimeExceeded"
    with anyio.fail_after(10):
        while not sandbox.closed:
            await anyio.sleep(0.02)
    with pytest.raises(SandboxClosedError, match="its lifetime of 1 s is over"):
        await sandbox.run_code("1", context=context)


async def test_lifetime_of_a_sleeping_and_of_an_idle_sandbox(open_sandbox: Any) -> None:
    idle = await open_sandbox(lifetime_seconds=0.5)
    sleeping = await open_sandbox(lifetime_seconds=0.5)
    execution = await sleeping.run_code("import time\ntime.sleep(3600)", timeout=None)
    assert execution.error.name == "LifetimeExceeded"
    with anyio.fail_after(10):
        while not (idle.closed and sleeping.closed):
            await anyio.sleep(0.02)
    with pytest.raises(SandboxClosedError, match="lifetime"):
        await idle.write_file("x", "y")


async def test_a_closed_sandbox_leaves_no_timer() -> None:
    with Sandbox(lifetime_seconds=3600) as sandbox:
        name = f"pywasm-sandbox-lifetime-{sandbox.id[:8]}"
        assert name in {thread.name for thread in threading.enumerate()}
    with anyio.fail_after(10):
        while name in {thread.name for thread in threading.enumerate()}:
            await anyio.sleep(0.01)


# ---- files -------------------------------------------------------------------------------------------------


async def test_file_bytes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_file_bytes=1000)
    code = """
import errno
def problem(do):
    try: return do()
    except OSError as error: return errno.errorcode[error.errno]
f = open("/workspace/f", "wb", buffering=0)
[f.write(b"x" * 900), f.write(b"x" * 900), problem(lambda: f.write(b"x")), problem(lambda: f.truncate(1001)),
 f.truncate(1000), f.seek(0, 2)]
"""
    assert (await sandbox.run_code(code)).text == "[900, 100, 'EFBIG', 'EFBIG', 1000, 1000]"
    with pytest.raises(OSError, match="File too large"):
        await sandbox.write_file("/workspace/g", b"x" * 1001)
    assert (await sandbox.write_file("/workspace/h", b"x" * 1000)).size == 1000


async def test_disk_bytes_and_files(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(disk_bytes=100_000, max_files=60)
    code = """
import errno, os
def fill(do):
    count = 0
    try:
        while True:
            do(count)
            count += 1
    except OSError as error: return errno.errorcode[error.errno], count
with open("/workspace/f", "wb", buffering=0) as f: full = fill(lambda n: f.write(b"x" * 1000))[0]
size = os.path.getsize("/workspace/f")
os.unlink("/workspace/f")
many = fill(lambda n: open(f"/workspace/{n}", "w").close())
(full, 90_000 < size <= 100_000, many[0], 10 < many[1] < 60)
"""
    assert (await sandbox.run_code(code)).text == "('ENOSPC', True, 'ENOSPC', True)"
    assert (
        await sandbox.run_code("os.unlink('/workspace/0'); open('/workspace/again', 'w').close()")
    ).error is None


async def test_directory_entries_and_depth(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_directory_entries=20, max_directory_depth=10)
    code = """
import errno, os
def fill(do):
    count = 0
    try:
        while True:
            do(count)
            count += 1
    except OSError as error: return errno.errorcode[error.errno], count
os.mkdir("/workspace/d")
wide = fill(lambda n: open(f"/workspace/d/{n}", "w").close())
linked = fill(lambda n: os.symlink("x", f"/workspace/d/l{n}"))
renamed = fill(lambda n: os.rename("/workspace/d", "/workspace/d/x") if n else os.rename("/workspace/d/0", "/workspace/d/zero"))
os.chdir("/workspace")
deep = fill(lambda n: (os.mkdir("x"), os.chdir("x")))
os.chdir("/")
os.makedirs("/tmp/a/b/c/d")
moved = fill(lambda n: os.rename("/tmp/a", "/workspace/x/x/x/x/x/x/a"))
(wide, linked[0], renamed[0], deep, moved)
"""
    execution = await sandbox.run_code(code)
    assert execution.text == "(('ENOSPC', 20), 'ENOSPC', 'EINVAL', ('ENAMETOOLONG', 9), ('ENAMETOOLONG', 0))"


async def test_trees_as_deep_as_allowed_can_be_used(open_sandbox: Any, tmp_path: Path) -> None:
    """No walk of the host may recurse once a level."""
    sandbox = await open_sandbox()
    code = "import os\nos.chdir('/workspace')\nfor _ in range(900): os.mkdir('d'); os.chdir('d')\nopen('leaf', 'w').close()\nos.chdir('/')"
    assert (await sandbox.run_code(code)).error is None
    listed = await sandbox.list_files("/workspace", recursive=True)
    assert len(listed) == 901
    await sandbox.copy("/workspace/d", "/tmp/copy")
    snapshot = await sandbox.snapshot()
    snapshot.save(tmp_path / "snapshot")
    await sandbox.delete_file("/workspace/d", recursive=True)
    assert await sandbox.list_files("/workspace") == []
    other = await open_sandbox(snapshot=type(snapshot).load(tmp_path / "snapshot"))
    assert len(await other.list_files("/workspace", recursive=True)) == 901


async def test_path_and_name_bytes_and_links(sandbox: Any) -> None:
    code = """
import errno, os
def problem(do):
    try: return do()
    except OSError as error: return errno.errorcode[error.errno]
os.symlink("loop", "/workspace/loop")
for n in range(45): os.symlink(f"c{n + 1}" if n < 44 else "end", f"/workspace/c{n}")
open("/workspace/end", "w").close()
[problem(lambda: open("/workspace/" + "n" * 255, "w").close()),
 problem(lambda: open("/workspace/" + "n" * 256, "w")),
 problem(lambda: os.stat("/" + "./" * 2047)) is not None,
 problem(lambda: os.stat("/" + "./" * 2048 + "x")),
 problem(lambda: open("/workspace/loop")),
 problem(lambda: open("/workspace/c6").close()),
 problem(lambda: open("/workspace/c0"))]
"""
    execution = await sandbox.run_code(code)
    assert execution.text == "[None, 'ENAMETOOLONG', True, 'ENAMETOOLONG', 'ELOOP', None, 'ELOOP']"


# ---- libraries and archives ----------------------------------------------------------------------------------


async def test_libraries_that_code_brings_are_off_unless_allowed(open_sandbox: Any) -> None:
    library = (ASSETS / "_sample.cpython-314-wasm32-wasi.so").read_bytes()
    code = "import _sample\n_sample.calculate('multiply', 6, 7)"
    for allowed, problem in (
        (0, "this sandbox allows no libraries from writable folders"),
        (1000, "more than the limit of 1000"),
    ):
        sandbox = await open_sandbox(max_foreign_module_bytes=allowed)
        await sandbox.write_file("/workspace/_sample.cpython-314-wasm32-wasi.so", library)
        execution = await sandbox.run_code(code)
        assert execution.error.name == "ImportError"
        assert problem in execution.error.message
        assert (await sandbox.run_code("import sqlite3, numpy\nint(numpy.arange(4).sum())")).text == "6"
    sandbox = await open_sandbox(max_foreign_module_bytes=len(library))
    await sandbox.write_file("/workspace/_sample.cpython-314-wasm32-wasi.so", library)
    assert (await sandbox.run_code(code)).text == "42"


def _bomb(path: Path, claimed: int) -> Path:
    """A zip whose entry inflates to 8 MiB of zeros, and one whose directory claims another size."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small", b"fine")
        archive.writestr("zeros", bytes(8 << 20))
    if claimed:
        data = bytearray(path.read_bytes())
        at = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
        struct.pack_into("<I", data, at + 24, claimed)
        path.write_bytes(bytes(data))
    return path


async def test_zip_bombs(open_sandbox: Any, tmp_path: Path) -> None:
    problem = "import errno\ndef read(p):\n    try: return len(open(p, 'rb').read())\n    except OSError as e: return errno.errorcode[e.errno]\n"
    read = problem + "(read('/zip/small'), read('/zip/zeros'))"
    honest = _bomb(tmp_path / "honest.zip", 0)
    for limit, seen in ((16 << 20, "(4, 8388608)"), (1 << 20, "(4, 'EFBIG')")):
        sandbox = await open_sandbox(mounts={"/zip": ZipArchive(honest, max_inflated_bytes=limit)})
        assert (await sandbox.run_code(read)).text == seen
    lying = _bomb(tmp_path / "lying.zip", 1000)
    sandbox = await open_sandbox(mounts={"/zip": lying and ZipArchive(lying)})
    assert (await sandbox.run_code(read)).text == "(4, 'EIO')"
    with pytest.raises(HostFileError, match="claims to inflate"):
        await open_sandbox(mounts={"/zip": ZipArchive(_bomb(tmp_path / "huge.zip", 1 << 31))})
    with pytest.raises(HostFileError, match="more than 1 entries"):
        await open_sandbox(mounts={"/zip": ZipArchive(honest, max_entries=1)})


# ---- how many ------------------------------------------------------------------------------------------------


async def test_contexts(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_contexts=2)
    first = await sandbox.create_code_context()
    await sandbox.create_code_context()
    with pytest.raises(PolicyError, match="has its max_contexts of 2; delete one first"):
        await sandbox.create_code_context()
    await first.delete()
    assert (await sandbox.run_code("1")).text == "1"


@pytest.fixture
def process_limits() -> Iterator[None]:
    before = Runtime.shared().limits
    yield
    set_process_limits(**dataclasses.asdict(before))


async def _fill(sandbox: Any, count: int, check: Any) -> None:
    """Run `check` while so many runs are under way."""
    contexts = [await sandbox.create_code_context() for _ in range(count)]
    ends: list[Any] = []

    async def sleep(context: Any) -> None:
        ends.append(await context.run_code("import time\ntime.sleep(3600)", timeout=None))

    async with anyio.create_task_group() as tasks:
        for context in contexts:
            tasks.start_soon(sleep, context)
        with anyio.fail_after(20):
            while any(context.status != "running" for context in contexts):
                await anyio.sleep(0.01)
        try:
            await check()
        finally:
            for context in contexts:
                assert await context.interrupt() is True
    assert [end.error.name for end in ends] == ["KeyboardInterrupt"] * count


async def test_concurrent_runs(open_sandbox: Any, flavour: str, process_limits: None) -> None:
    if flavour == "sync":
        pytest.skip("one thread has one run; the async flavours share the core")
    sandbox = await open_sandbox(max_concurrent_runs=2)
    other = await open_sandbox()

    async def check() -> None:
        with pytest.raises(
            PolicyError, match="has 2 runs under way, its max_concurrent_runs; wait for one to end"
        ):
            await sandbox.run_code("1")
        assert (await other.run_code("1")).text == "1"
        set_process_limits(max_concurrent_runs=2)
        with pytest.raises(PolicyError, match="this process has 2 runs under way"):
            await other.run_code("1")
        set_process_limits(max_concurrent_runs=100)

    await _fill(sandbox, 2, check)
    assert (await sandbox.run_code("1")).text == "1"


async def test_sandboxes_per_process(open_sandbox: Any, process_limits: None) -> None:
    sandbox = await open_sandbox()
    set_process_limits(max_sandboxes=len(Runtime.shared()._sandboxes))
    with pytest.raises(PolicyError, match="open sandboxes, its max_sandboxes; close one first"):
        await open_sandbox()
    await sandbox.aclose()
    assert (await (await open_sandbox()).run_code("1")).text == "1"


# ---- interrupting ----------------------------------------------------------------------------------------------


INTERRUPTIBLE = [
    "while True: pass",
    "import time\ntime.sleep(3600)",
    "import asyncio\nawait asyncio.sleep(3600)",
    "[0 for _ in iter(int, 1)]",
]


@pytest.mark.parametrize("code", INTERRUPTIBLE)
async def test_interrupt_from_another_thread(sandbox: Any, code: str) -> None:
    context = await sandbox.create_code_context()
    await context.run_code("kept = 1")
    assert await context.interrupt() is False
    face = context._target if hasattr(context, "_target") else context

    def interrupt() -> None:
        while not face._sandbox.interrupt_context(face.id):
            time.sleep(0.005)
        time.sleep(0.1)

    thread = threading.Thread(target=lambda: (time.sleep(0.1), interrupt()))
    thread.start()
    execution = await context.run_code(f"print('begun')\n{code}", timeout=20)
    thread.join()
    assert (execution.error.name, execution.error.message) == ("KeyboardInterrupt", "interrupted")
    assert (execution.context_state, execution.logs.stdout) == ("kept", ["begun\n"])
    after = await context.run_code("kept")
    assert (after.text, after.error) == ("1", None)
    assert await sandbox.interrupt_code_context(context) is False


# ---- memory ------------------------------------------------------------------------------------------------


def _resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_memory_goes_back_to_the_system_when_a_context_closes() -> None:
    with Sandbox() as sandbox:
        sandbox.create_code_context().run_code("1")
        before = _resident_bytes()
        contexts = [sandbox.create_code_context() for _ in range(3)]
        for context in contexts:
            context.run_code("x = bytearray(b'x') * 80_000_000")
        held = _resident_bytes()
        assert held - before > 200_000_000
        contexts[0].delete()
        contexts[1].restart()
        sandbox.write_file("/tmp/f", bytes(1000))
        assert held - _resident_bytes() > 140_000_000
        assert contexts[2].run_code("len(x)").text == "80000000"
    assert _resident_bytes() - before < 60_000_000


def test_an_option_that_there_is_not_says_which_there_are() -> None:
    with pytest.raises(TypeError, match=r"no option 'memory_mb'; there are: env, .*memory_bytes"):
        Sandbox(memory_mb=512)  # type: ignore[call-arg]
