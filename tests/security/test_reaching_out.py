"""What code inside may try to get hold of the host; each test has a positive control beside it."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_sandbox import Sandbox

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    os.environ["PYWASM_TEST_SECRET"] = "host-secret"
    with Sandbox() as sandbox:
        yield sandbox
    del os.environ["PYWASM_TEST_SECRET"]


def _text(sandbox: Sandbox, code: str) -> str:
    execution = sandbox.run_code(code)
    assert execution.error is None, execution.error
    assert execution.text is not None
    return execution.text


def test_no_variables_of_the_host(shared: Sandbox) -> None:
    assert _text(shared, "import os\nos.environ.get('PYWASM_TEST_SECRET', 'none')") == "none"
    assert _text(shared, "os.environ['HOME']") == "/home/user"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/1/cmdline",
        ROOT,
        sys.executable,
        __file__,
        "/../../../../../../etc/passwd",
        "/workspace/../../../etc/hostname",
        "/dev/../etc/passwd",
        "/dev/mem",
        "/dev/tty",
    ],
)
def test_no_files_of_the_host(shared: Sandbox, path: str) -> None:
    code = f"try:\n    open({path!r}, 'rb')\nexcept FileNotFoundError:\n    r = 'not there'\nr"
    assert _text(shared, code) == "not there"
    assert (
        _text(shared, "open('/workspace/mine', 'w').write('x'); open('/workspace/../workspace/mine').read()")
        == "x"
    )


def test_links_lead_to_places_of_the_sandbox(shared: Sandbox) -> None:
    code = """
import os
for target in ("/etc/passwd", "../../../../etc/passwd", "/proc/self/root/etc/passwd"):
    link = f"/workspace/l{len(target)}"
    if not os.path.lexists(link): os.symlink(target, link)
    try: open(link); result = "opened"
    except FileNotFoundError: result = "not there"
    print(result)
open("/workspace/real", "w").write("r")
if not os.path.lexists("/workspace/lreal"): os.symlink("/workspace/real", "/workspace/lreal")
print(open("/workspace/lreal").read())
"""
    assert shared.run_code(code).logs.stdout == ["not there\n"] * 3 + ["r\n"]


def test_no_paths_of_the_host_in_the_interpreter(shared: Sandbox) -> None:
    code = """
import sys, sysconfig, json, asyncio, sqlite3, unittest, decimal
found = [str(vars(m).get("__file__")) for m in list(sys.modules.values())]
found += sys.path + [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.executable, sys.version, sys._stdlib_dir or ""]
found += [str(v) for v in sysconfig.get_paths().values()] + [str(v) for v in sysconfig.get_config_vars().values()]
"\\n".join(found)
"""
    text = _text(shared, code)
    assert ROOT not in text
    assert str(Path.home()) + "/" not in text
    assert "/usr/lib/python3.14/json/__init__.py" in text


def test_no_paths_of_the_host_in_tracebacks(shared: Sandbox) -> None:
    for code in (
        "import json\njson.loads('{')",
        "import pywasm_guest.wire as w\nw.decode(b'{')",
        "import asyncio\nasyncio.run(5)",
        "import sqlite3\nsqlite3.connect('/no/such/dir/x')",
        "import _pywasm\n_pywasm.emit(99, b'')",
    ):
        execution = shared.run_code(code)
        assert execution.error is not None
        assert ROOT not in execution.error.message + "".join(
            execution.error.traceback + execution.logs.stderr
        )


@pytest.mark.parametrize(
    "module", ["pywasm_sandbox", "wasmtime", "pydantic", "anyio", "pywasm_sandbox._engine"]
)
def test_the_hosts_modules_are_not_importable(shared: Sandbox, module: str) -> None:
    execution = shared.run_code(f"import {module}")
    assert execution.error is not None
    assert execution.error.name == "ModuleNotFoundError"
    assert shared.run_code("import json").error is None


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (
            "import socket\nsocket.create_connection(('127.0.0.1', 80))",
            "PermissionError",
            "the sandbox has no network",
        ),
        ("import socket\nsocket.gethostbyname('example.com')", "gaierror", "the sandbox has no network"),
        (
            "import socket\nsocket.create_server(('127.0.0.1', 8000))",
            "PermissionError",
            "NetworkPolicy(listen=[…])",
        ),
        ("import socket\nsocket.socket(type=socket.SOCK_DGRAM)", "OSError", "stream sockets only"),
        ("import socket\nsocket.socketpair(type=socket.SOCK_DGRAM)", "OSError", "stream sockets only"),
        (
            "import urllib.request\nurllib.request.urlopen('http://example.com')",
            "URLError",
            "the sandbox has no network",
        ),
        (
            "import http.client\nhttp.client.HTTPConnection('localhost').request('GET', '/')",
            "PermissionError",
            "no network",
        ),
        ("import asyncio\nawait asyncio.open_connection('127.0.0.1', 80)", "PermissionError", "no network"),
        ("import os\nos.fork()", "AttributeError", "can't be copied"),
        ("import os\nos.execv('/bin/sh', ['sh'])", "AttributeError", "can't be copied"),
        ("import os\nos.kill(1, 9)", "ProcessLookupError", "No such process"),
        (
            "import multiprocessing\nmultiprocessing.Process(target=print).start()",
            "OSError",
            "can't be copied",
        ),
        ("import multiprocessing\nmultiprocessing.Pool(1)", "OSError", "can't be copied"),
        ("from concurrent.futures import *\nProcessPoolExecutor()", "NotImplementedError", "can't be copied"),
        ("import signal\nsignal.alarm(1)", "AttributeError", "no signal but SIGINT"),
    ],
)
def test_what_is_not_there_says_so_when_called(shared: Sandbox, code: str, error: str, message: str) -> None:
    imports = [line for line in code.splitlines() if line.startswith(("import", "from"))]
    assert shared.run_code("\n".join(imports)).error is None
    execution = shared.run_code(code)
    assert execution.error is not None
    assert execution.error.name == error
    assert message in execution.error.message
    assert execution.context_state == "kept"


@pytest.mark.parametrize(
    "code",
    [
        "ctypes.CDLL(None)",
        "ctypes.CDLL('libc.so.6')",
        "ctypes.cdll.LoadLibrary('libc.so.6')",
        "ctypes.string_at(0, 10)",
        "ctypes.memmove(0, 0, 10)",
        "ctypes.cast(0, ctypes.c_void_p)",
        "(ctypes.c_char * 10).from_address(0)",
    ],
)
def test_ctypes_reaches_no_memory(shared: Sandbox, code: str) -> None:
    execution = shared.run_code(f"import ctypes\n{code};")
    assert execution.context_state == "kept"
    if execution.error is not None:
        assert execution.error.name in ("OSError", "NotImplementedError", "AttributeError", "ValueError")
    assert shared.run_code("1 + 1").text == "2"


def test_code_objects_out_of_thin_air_harm_the_guest_only(shared: Sandbox) -> None:
    code = (
        "f = lambda: 0\nf.__code__ = f.__code__.replace(co_code=bytes(range(256)) * 8, co_stacksize=1)\nf()"
    )
    context = shared.create_code_context()
    execution = context.run_code(code, timeout=10)
    assert execution.error is not None
    assert shared.run_code("1 + 1").text == "2"
    context.restart()
    assert context.run_code("1 + 1").text == "2"
    context.delete()


def test_a_module_in_the_workspace_does_not_reach_other_contexts_boot(shared: Sandbox) -> None:
    """/workspace is first on sys.path, as a script's folder is: it must not run code in a context's boot."""
    for name in ("sitecustomize", "usercustomize", "pywasm_guest", "encodings", "_signal"):
        shared.write_file(f"/workspace/{name}.py", "open('/tmp/ran', 'a').write(__name__)")
    context = shared.create_code_context()
    assert context.run_code("import os\nos.path.exists('/tmp/ran')").text == "False"
    context.delete()
    shared.write_file("/workspace/own_module.py", "value = 7")
    assert _text(shared, "import own_module\nown_module.value") == "7"
    for name in ("sitecustomize", "usercustomize", "pywasm_guest", "encodings", "_signal"):
        shared.delete_file(f"/workspace/{name}.py")
