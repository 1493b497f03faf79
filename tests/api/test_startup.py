"""What a process does, and leaves undone, until its first result."""

from __future__ import annotations

import json
import subprocess
import sys

FIRST_CELL = """
import json, sys
from pywasm_sandbox import Sandbox

sandbox = Sandbox()
assert sandbox.run_code("1 + 1").text == "2"
print(json.dumps(sorted(sys.modules)))
"""
NOT_NEEDED = {
    *("asyncio", "bz2", "concurrent.futures", "lzma", "mimetypes", "selectors", "shlex", "shutil", "socket"),
    *("ssl", "subprocess", "tempfile"),
    "pywasm_sandbox._guests.python_script",
    "pywasm_sandbox._network.broker",
    "pywasm_sandbox._processes",
    "pywasm_sandbox._sandbox.commands",
    "pywasm_sandbox._sandbox.copies",
    "pywasm_sandbox._sandbox.deterministic",
    "pywasm_sandbox._sandbox.mounts",
    "pywasm_sandbox._sandbox.package_policy",
    "pywasm_sandbox._sandbox.snapshots",
    "pywasm_sandbox._sandbox.tool",
    "pywasm_sandbox._wasi.pipes",
}
"""Each takes time to import, and is for something that a first cell doesn't do."""


def _modules_after_first_cell() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CELL], stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_first_cell_reads_no_archives_directory() -> None:
    assert not _modules_after_first_cell() & {"zipfile", "pywasm_sandbox._vfs.zipindex"}


def test_a_first_cell_imports_only_what_it_needs() -> None:
    assert not _modules_after_first_cell() & NOT_NEEDED
