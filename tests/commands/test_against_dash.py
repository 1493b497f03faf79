"""Each command line does in the sandbox what dash and coreutils do on the host: output and exit code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox
from tests.commands.corpus import command_lines, host_has_dash, prepare_sandbox, run_host

LINES = command_lines()

pytestmark = pytest.mark.skipif(not host_has_dash(), reason="the host has no /bin/dash to compare with")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def test_there_are_many() -> None:
    assert len(LINES) >= 300


@pytest.mark.parametrize("number", range(len(LINES)), ids=lambda number: LINES[number][:60])
def test_line(sandbox: Sandbox, number: int) -> None:
    line = LINES[number]
    output, code = run_host(line)
    if code == 127:
        pytest.skip("the host lacks a command of this line")
    folder = f"/workspace/case{number}"
    prepare_sandbox(sandbox, folder)
    result = sandbox.exec(line, cwd=folder, env={"LC_ALL": "C"}, timeout=60)
    sandbox.delete_file(folder, recursive=True)
    assert (result.stdout, result.exit_code) == (output, code), result.stderr
