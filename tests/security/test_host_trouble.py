"""What may happen to the host program: a full disk, no cache, a fork, Ctrl-C, an exit at a bad moment.

Each is tried in a process of its own, whose outcome and whose stderr are looked at.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses /proc, mounts or fork")


def run(
    code: str, *, cache: Path | str | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """A program with this project on its path; ``cache`` is where its compiled code goes."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"}
    if cache is not None:
        env["PYWASM_SANDBOX_CACHE_DIR"] = str(cache)
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=timeout, check=False
    )


BASICS = """
from pywasm_sandbox import Sandbox
with Sandbox(preload=["json"]) as sandbox:
    print(sandbox.run_code("1 + 1").text)
    print(sandbox.create_code_context().run_code("2 + 2").text)
"""


# ---- the disk ---------------------------------------------------------------------------------------------


@linux
def test_a_cache_folder_that_cannot_be_made() -> None:
    """As with a home folder that is read-only: each process compiles for itself, and says so once."""
    done = run(BASICS, cache="/proc/no/such/folder")
    assert (done.returncode, done.stdout) == (0, "2\n4\n"), done.stderr
    assert done.stderr.count("compiled modules cannot be kept") == 1


@linux
def test_a_cache_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "compiled-1").write_text("in the way")
    done = run(BASICS, cache=tmp_path)
    assert (done.returncode, done.stdout) == (0, "2\n4\n"), done.stderr
    assert (tmp_path / "compiled-1").read_text() == "in the way"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@linux
def test_a_full_disk(tiny_disk: Path) -> None:
    done = run(BASICS, cache=tiny_disk)
    assert (done.returncode, done.stdout) == (0, "2\n4\n"), done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tiny_disk.rglob(".new-*"))


@linux
def test_a_full_disk_for_hibernated_contexts(tiny_disk: Path) -> None:
    """They stay in memory, with their state."""
    code = f"""
import tempfile
tempfile.tempdir = {str(tiny_disk)!r}
from pywasm_sandbox import Sandbox
with Sandbox(preload=["json"], max_live_contexts=1) as sandbox:
    contexts = [sandbox.create_code_context() for _ in range(3)]
    for number, context in enumerate(contexts):
        context.run_code(f"import os\\nx = {{number}}\\nd = os.urandom(3_000_000)")
    print([context.run_code("x, len(d)").text for context in contexts])
"""
    done = run(code)
    assert (done.returncode, done.stdout) == (0, "['(0, 3000000)', '(1, 3000000)', '(2, 3000000)']\n"), (
        done.stderr
    )


@linux
def test_the_cache_is_deleted_while_it_is_mapped(tmp_path: Path) -> None:
    code = f"""
import shutil
from pywasm_sandbox import Sandbox
with Sandbox(preload=["json"]) as sandbox:
    sandbox.run_code("x = 5")
    shutil.rmtree({str(tmp_path / "cache")!r})
    print(sandbox.run_code("import decimal, xml.dom.minidom, wave, sqlite3\\nx").text)
    print(sandbox.create_code_context().run_code("2 + 2").text)
    print(sandbox.run_code("import zlib\\nlen(zlib.compress(bytes(10**6))) > 0").text)
with Sandbox(preload=["base64"]) as sandbox:
    print(sandbox.run_code("3 + 3").text)
"""
    done = run(code, cache=tmp_path / "cache")
    assert (done.returncode, done.stdout) == (0, "5\n4\nTrue\n6\n"), done.stderr


# ---- the process ------------------------------------------------------------------------------------------


BUSY = """
import sys, threading, time
from pywasm_sandbox import Sandbox
sandbox = Sandbox(preload=["json"])
contexts = [sandbox.create_code_context() for _ in range(4)]
codes = ["while True: pass", "import time\\ntime.sleep(3600)", "while True:\\n    try:\\n        while True: pass\\n    except BaseException: pass", "while True: print('x' * 100)"]
def work(context, code):
    try: context.run_code(code, timeout=None)
    except Exception as error: pass
threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in zip(contexts, codes)]
for thread in threads: thread.start()
while any(context.status != "running" for context in contexts): time.sleep(0.01)
time.sleep(0.2)
"""  # noqa: E501


@pytest.mark.parametrize(
    "ending", ["", "sys.exit(0)", "sandbox.close()", "del sandbox, contexts; import gc; gc.collect()"]
)
def test_the_interpreter_ends_while_contexts_run(ending: str) -> None:
    started = time.monotonic()
    done = run(BUSY + f"print('bye', flush=True)\n{ending}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "bye\n", "")
    assert time.monotonic() - started < 60


@linux
def test_a_forked_child_has_no_contexts_and_leaves_those_of_its_parent() -> None:
    done = run(
        BUSY
        + """
import os, warnings
warnings.simplefilter("ignore")
other = sandbox.create_code_context()
other.run_code("x = 'parent'")
child = os.fork()
if child == 0:
    status = 1
    try:
        try: other.run_code("x")
        except Exception as error: print(type(error).__name__, flush=True)
        with Sandbox(preload=["json"]) as mine: print(mine.run_code("1 + 1").text, flush=True)
        status = 0
    finally: os._exit(status)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(other.run_code("x").text, flush=True)
"""
    )
    assert (done.returncode, done.stdout) == (0, "SandboxError\n2\n0\nparent\n"), done.stderr


# The background job of a shell ignores SIGINT, and so does what it starts.
LISTENING = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


def test_ctrl_c_stops_the_code_and_keeps_the_context() -> None:
    code = """
import os, signal, threading
from pywasm_sandbox import Sandbox
with Sandbox(preload=["json"]) as sandbox:
    sandbox.run_code("x = 7")
    for code in ("print('on', flush=True)\\nwhile True: pass", "print('on', flush=True)\\nimport time\\ntime.sleep(3600)"):
        seen = []
        def out(text):
            seen.append(text)
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            sandbox.run_code(code, timeout=None, on_stdout=out)
        except KeyboardInterrupt:
            print("interrupted", seen, sandbox.run_code("x").text)
"""  # noqa: E501
    done = run(LISTENING + code)
    assert (done.returncode, done.stdout) == (0, "interrupted ['on\\n'] 7\n" * 2), done.stderr


def test_ctrl_c_without_a_handler_ends_the_program_as_usual() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = LISTENING + BUSY + "print('bye', flush=True)\nsandbox.run_code('while True: pass', timeout=None)"
    with subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "bye\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    assert process.returncode == -signal.SIGINT
    assert errors.endswith("KeyboardInterrupt\n")


def test_closing_while_code_runs_tells_each_caller() -> None:
    code = """
import threading, time
from pywasm_sandbox import ContextClosedError, Sandbox, SandboxClosedError
sandbox = Sandbox(preload=["json"])
contexts = [sandbox.create_code_context() for _ in range(3)]
ends = []
def work(context, code):
    try: ends.append(context.run_code(code, timeout=None))
    except ContextClosedError as error: ends.append("closed")
codes = ["while True: pass", "import time\\ntime.sleep(3600)", "while True:\\n    try:\\n        while True: pass\\n    except BaseException: pass"]
threads = [threading.Thread(target=work, args=pair) for pair in zip(contexts, codes)]
for thread in threads: thread.start()
while any(context.status != "running" for context in contexts): time.sleep(0.01)
queued = threading.Thread(target=work, args=(contexts[0], "1"))
queued.start()
time.sleep(0.2)
sandbox.close()
for thread in (*threads, queued): thread.join(20)
print(ends)
try: sandbox.run_code("1")
except SandboxClosedError: print("and nothing more")
"""  # noqa: E501
    done = run(code)
    assert (done.returncode, done.stdout) == (0, f"{['closed'] * 4}\nand nothing more\n"), done.stderr


@linux
def test_a_process_with_few_descriptors_and_little_address_space() -> None:
    """Running out of the host's own resources is an error of the call, and the sandbox goes on."""
    code = """
import resource
from pywasm_sandbox import Sandbox, SandboxError
with Sandbox(preload=["json"]) as sandbox:
    sandbox.run_code("x = 1")
    used = int(open("/proc/self/statm").read().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), -1))
    try:
        sandbox.create_code_context().run_code("2 + 2")
    except SandboxError as error:
        print(type(error).__name__)
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    print(sandbox.run_code("x").text, sandbox.create_code_context().run_code("2 + 2").text)
"""
    done = run(code)
    assert (done.returncode, done.stdout) == (0, "SandboxError\n1 4\n"), done.stderr
