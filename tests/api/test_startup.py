"""What a process does, and leaves undone, until its first result."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

FIRST_CELL = """
import json, sys
from pywasm_sandbox._vfs import zipfs

read = []
class Index(zipfs.ZipIndex):
    def __init__(self, *sources, **options):
        read.append(len(sources))
        super().__init__(*sources, **options)
zipfs.ZipIndex = Index

from pywasm_sandbox import Sandbox
sandbox = Sandbox()
assert sandbox.run_code("1 + 1").text == "2"
print(json.dumps({"read": read, "modules": sorted(sys.modules)}))
"""


def _after_first_cell() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CELL], stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_first_cell_reads_no_archives_directory() -> None:
    assert _after_first_cell()["read"] == []
