"""Command lines with `node` do in the sandbox what Node 20 does on the host: output, exit code, error."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_sandbox import Sandbox
from tests.commands.corpus import HOST_SHELL, host_has_dash, lines_of
from tests.hosts_node import node_20

FILES = Path(__file__).parent / "node_files"
CHILDREN = re.findall(r"^  (\w+): ", (FILES / "children.js").read_text(), re.MULTILINE)
LINES = [*lines_of("node_command_lines.txt"), *(f"node children.js {name}" for name in CHILDREN)]
ERROR_LINE = re.compile(r"^\[?(\w*Error(?: \[\w+\])?: .*?)(?: \{)?\]?$", re.MULTILINE)
"""The first line of Node's report that says what went wrong, without where."""


def _node() -> str:
    if not host_has_dash():
        pytest.skip("there is no dash on this machine to compare with")
    return node_20("lines")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def _summary(text: str, folder: str) -> str | None:
    found = ERROR_LINE.search(text.replace(folder, "FOLDER"))
    return found and found[1]


def test_there_are_many() -> None:
    assert len(LINES) >= 170
    assert len(CHILDREN) >= 50


@pytest.mark.parametrize("number", range(len(LINES)), ids=lambda number: LINES[number][:60])
def test_line(sandbox: Sandbox, tmp_path: Path, number: int) -> None:
    line = LINES[number]
    node = _node()
    folder = tmp_path / "work"
    shutil.copytree(FILES, folder)
    ran = subprocess.run(
        [HOST_SHELL, "-c", line],
        cwd=folder,
        input="",
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        env={"PATH": f"{Path(node).parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    )
    here = f"/workspace/case{number}"
    for path in FILES.rglob("*"):
        if path.is_file():
            sandbox.write_file(f"{here}/{path.relative_to(FILES)}", path.read_bytes())
    result = sandbox.exec(line, cwd=here, timeout=60)
    sandbox.delete_file(here, recursive=True)
    code = ran.returncode if ran.returncode >= 0 else 128 - ran.returncode
    theirs = (ran.stdout.replace(str(folder), "FOLDER"), code, _summary(ran.stderr, str(folder)))
    ours = (result.stdout.replace(here, "FOLDER"), result.exit_code, _summary(result.stderr, here))
    assert ours == theirs, result.stderr
