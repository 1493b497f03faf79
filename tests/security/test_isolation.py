"""What sandboxes and contexts see of each other and of mounted folders; each test has a positive control."""

# ruff: noqa: E501 - programs, one a line

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_sandbox import HostFolder, Sandbox


def text(sandbox: Sandbox, code: str) -> str:
    execution = sandbox.run_code(code)
    assert execution.error is None, execution.error
    assert execution.text is not None
    return execution.text


# ---- sandboxes and contexts --------------------------------------------------------------------------------


def test_sandboxes_share_nothing() -> None:
    with Sandbox(env={"SECRET": "first"}) as first, Sandbox() as second:
        first.run_code(
            "import os, json, builtins\nx = 1\njson.leak = builtins.leak = 'leak'\nopen('/tmp/leak', 'w').write('leak')\nos.environ['LEAK'] = 'leak'"
        )
        look = "import os, json\n('x' in globals(), hasattr(json, 'leak'), 'leak' in dir(__builtins__), os.path.exists('/tmp/leak'), os.environ.get('LEAK'), os.environ.get('SECRET'))"
        assert text(second, look) == "(False, False, False, False, None, None)"
        assert text(first, look) == "(True, True, True, True, 'leak', 'first')"


def test_contexts_of_a_sandbox_share_files_only() -> None:
    with Sandbox() as sandbox:
        first, second = sandbox.create_code_context(env={"SECRET": "first"}), sandbox.create_code_context()
        first.run_code(
            "import os, json\nx = 1\njson.leak = 1\nos.environ['LEAK'] = '1'\nfd = os.open('/workspace/shared', os.O_CREAT | os.O_RDWR); os.write(fd, b'text'); os.chdir('/tmp')"
        )
        look = "import os, json\n('x' in globals(), hasattr(json, 'leak'), os.environ.get('LEAK'), os.environ.get('SECRET'), os.getcwd(), open('/workspace/shared').read())"
        assert second.run_code(look).text == "(False, False, None, None, '/workspace', 'text')"
        assert first.run_code(look).text == "(True, True, '1', 'first', '/tmp', 'text')"
        fd = first.run_code("fd").text
        seen = second.run_code(
            f"import os\ntry: os.pread({fd}, 4, 0)\nexcept OSError: r = 'no such descriptor'\nr"
        )
        assert seen.text == "no such descriptor"
        assert first.run_code("os.pread(fd, 4, 0)").text == "b'text'"


def test_memory_of_a_closed_context_is_not_seen_by_the_next() -> None:
    secret = "SECRET-" + os.urandom(8).hex()
    with Sandbox() as sandbox:
        for _ in range(3):
            context = sandbox.create_code_context()
            context.run_code(f"x = [{secret!r} + str(i) for i in range(100_000)]")
            context.delete()
        fresh = sandbox.create_code_context()
        # Memory that is handed out again, and was not written yet: all of it must be zero.
        found = fresh.run_code("import mmap\nb = bytearray(60_000_000)\nb.count(0) == len(b)")
        assert found.text == "True"


# ---- clocks and errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("resolution", "step"), [(1e-6, 1000), (1e-3, 10**6), (1e-9, 1)])
def test_clock_resolution(resolution: float, step: int) -> None:
    with Sandbox(clock_resolution_seconds=resolution) as sandbox:
        code = "import time\nlooks = [f() for f in (time.time_ns, time.monotonic_ns, time.perf_counter_ns, time.process_time_ns) for _ in range(500)]\n"
        assert text(sandbox, code + f"all(look % {step} == 0 for look in looks)") == "True"
        assert text(sandbox, f"all(look % {step * 10} == 0 for look in looks)") == "False"
        assert float(text(sandbox, "time.get_clock_info('monotonic').resolution")) == pytest.approx(
            resolution
        )


def test_errors_name_nothing_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "pipe").touch()
    programs = [
        "open('/data/missing')",
        "open('/data/file', 'w')",
        "import os\nos.listdir('/data/file')",
        "import os\nos.readlink('/data/file')",
        "import os\nos.abort()",
        "import _pywasm\n_pywasm.emit(99, b'')",
        "import ctypes\nctypes.CDLL('/data/file')",
        "import bad_library",
    ]
    with Sandbox(mounts={"/data": tmp_path}, grace_seconds=0.2, timeout=10) as sandbox:
        sandbox.write_file("/workspace/bad_library.cpython-314-wasm32-wasi.so", b"\0asm\1\0\0\0garbage")
        for code in programs:
            execution = sandbox.run_code(code)
            assert execution.error is not None
            said = execution.model_dump_json()
            assert str(tmp_path) not in said
            assert str(Path.home()) not in said.replace("/home/user", "")
            # A host address has 12 digits (0x7f…); those of the guest have 8 at most.
            assert not re.search(r"0x[0-9a-f]{9,}", said), said
        assert text(sandbox, "open('/data/file').read()") == "x"


# ---- mounted folders ----------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (tmp_path / "mounted" / "sub").mkdir(parents=True)
    (tmp_path / "mounted" / "inside").write_text("inside")
    (tmp_path / "mounted" / "sub" / "inside").write_text("inside")
    return tmp_path


@pytest.fixture
def mounted(world: Path) -> Iterator[Sandbox]:
    with Sandbox(mounts={"/data": HostFolder(world / "mounted", writable=True)}) as sandbox:
        yield sandbox


READ = "def read(p):\n    try: return open(p).read()\n    except OSError as e: return type(e).__name__\n"


def test_dot_dot_ends_at_the_root(mounted: Sandbox) -> None:
    assert text(
        mounted,
        READ
        + "[read(p) for p in ('/data/inside', '/data/sub/../inside', '/data/../outside/secret', '/data/sub/../../outside/secret', '/data/' + '../' * 40 + 'data/inside')]",
    ) == ("['inside', 'inside', 'FileNotFoundError', 'FileNotFoundError', 'inside']")


def test_links_of_the_host_lead_nowhere_outside(world: Path, mounted: Sandbox) -> None:
    (world / "mounted" / "out").symlink_to(world / "outside" / "secret")
    (world / "mounted" / "up").symlink_to("../outside/secret")
    (world / "mounted" / "within").symlink_to("inside")
    assert text(mounted, READ + "[read(p) for p in ('/data/out', '/data/up', '/data/within')]") == (
        "['FileNotFoundError', 'FileNotFoundError', 'inside']"
    )


def test_a_hard_link_that_is_in_the_folder_is_in_the_folder(world: Path, mounted: Sandbox) -> None:
    """The host put it there: it is the folder's file. Code can't make one to what it doesn't see."""
    os.link(world / "outside" / "secret", world / "mounted" / "linked")
    assert text(mounted, READ + "read('/data/linked')") == "secret"
    code = "import os\ndef link(a, b):\n    try: os.link(a, b); return 'linked'\n    except OSError as e: return type(e).__name__\n"
    assert text(
        mounted,
        code
        + "[link('/data/inside', '/data/twin'), link('/outside/secret', '/data/stolen'), link('/data/../outside/secret', '/data/stolen'), link('/etc/passwd', '/data/stolen'), link('/data/inside', '/workspace/across')]",
    ) == ("['linked', 'FileNotFoundError', 'FileNotFoundError', 'FileNotFoundError', 'OSError']")
    assert os.path.samefile(world / "mounted" / "inside", world / "mounted" / "twin")
    assert not (world / "mounted" / "stolen").exists()


def test_a_parent_that_is_moved_outside_takes_nobody_along(world: Path, mounted: Sandbox) -> None:
    """Code has its working directory in a folder that the host moves out of the mount: `..` of it must not be the
    host's parent."""
    assert (
        text(mounted, "import os\nos.chdir('/data/sub')\n" + READ + "[read('inside'), read('../inside')]")
        == "['inside', 'inside']"
    )
    (world / "mounted" / "sub").rename(world / "outside" / "moved")
    seen = text(
        mounted,
        "fd = None\n[read('../secret'), read('../../outside/secret'), read('/data/sub/../../outside/secret'), read('/data/inside')]",
    )
    assert seen == "['FileNotFoundError', 'FileNotFoundError', 'FileNotFoundError', 'inside']"


def test_a_folder_that_turns_into_a_link_again_and_again(world: Path, mounted: Sandbox) -> None:
    """A race that the guest can't win, however often it tries; it does see the folder when it is one."""
    target, away = world / "mounted" / "sub", world / "mounted" / "away"
    (world / "outside" / "inside").write_text("secret")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            target.rename(away)
            target.symlink_to(world / "outside")
            target.unlink()
            away.rename(target)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        code = (
            READ
            + "import time\nend = time.monotonic() + 2\nseen = set()\nwhile time.monotonic() < end: seen.add(read('/data/sub/inside'))\nsorted(seen)"
        )
        seen = text(mounted, code)
    finally:
        stop.set()
        thread.join()
    assert "secret" not in seen
    assert "'inside'" in seen


def test_a_read_only_mount_is_not_written_by_any_way(world: Path) -> None:
    with Sandbox(mounts={"/data": world / "mounted"}) as sandbox:
        code = """
import errno, os, shutil
def problem(do):
    try: do(); return "done"
    except OSError as error: return errno.errorcode[error.errno]
[problem(lambda: open("/data/inside", "a")), problem(lambda: open("/data/new", "w")), problem(lambda: os.unlink("/data/inside")),
 problem(lambda: os.rename("/data/inside", "/data/x")), problem(lambda: os.mkdir("/data/x")), problem(lambda: os.symlink("x", "/data/x")),
 problem(lambda: os.link("/data/inside", "/data/x")), problem(lambda: os.truncate("/data/inside", 0)), problem(lambda: os.utime("/data/inside")),
 problem(lambda: open("/data/inside").close())]
"""
        assert text(sandbox, code) == str(["EROFS"] * 9 + ["done"])
    assert (world / "mounted" / "inside").read_text() == "inside"
