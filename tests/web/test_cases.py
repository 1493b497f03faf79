"""The web platform's interfaces and zlib: each case of ``cases/*.txt`` is an expression and its value.

A value that starts with "!" is the name of an error that is thrown. `test_node_agrees` runs the same cases in
Node, so that what is written there is what Node does; `NODE_DIFFERS` says where it does otherwise, and why.
"""

# ruff: noqa: E501 - JavaScript

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_sandbox import Context, Sandbox

FOLDER = Path(__file__).parent / "cases"

SHOW = """
const show = (value) => typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value);
const __all = async (stream) => { const chunks = []; for await (const chunk of stream) chunks.push(chunk); return chunks; };
const outcome = async (run) => { try { return show(await run()); } catch (error) { return `!${error?.name}`; } };
"""

NODE_DIFFERS = {
    "new TextDecoder('windows-1252').decode(Uint8Array.of(0x80, 0xe9))": "Node takes windows-1252 for Latin-1",
    "await (async () => { const r = new Blob(['not gzip'])": "the Compression Standard says TypeError",
}


def _read(path: Path) -> Iterator[tuple[str, str]]:
    for block in path.read_text().removeprefix("> ").split("\n> "):
        expression, _, value = block.rstrip("\n").partition("\n")
        yield expression, value


CASES = {path.stem: list(_read(path)) for path in sorted(FOLDER.glob("*.txt"))}
TABLE = [
    pytest.param(expression, value, id=f"{name}-{number}")
    for name, cases in CASES.items()
    for number, (expression, value) in enumerate(cases, 1)
]


@pytest.fixture(scope="module")
def context() -> Iterator[tuple[Sandbox, Context]]:
    with Sandbox() as sandbox:
        context = sandbox.create_code_context(language="javascript")
        execution = sandbox.run_code(f"{SHOW}\nconst zlib = require('zlib'); 0", context=context)
        assert execution.error is None, execution.error
        yield sandbox, context


@pytest.mark.parametrize(("expression", "value"), TABLE)
def test_case(context: tuple[Sandbox, Context], expression: str, value: str) -> None:
    sandbox, where = context
    execution = sandbox.run_code(f"await outcome(async () => ({expression}))", context=where)
    assert execution.error is None, execution.error
    assert [result.text for result in execution.results] == [value]


def _node() -> str | None:
    node = shutil.which("node")
    if node is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.", version)
    return node if match and int(match[1]) == 20 else None


@pytest.mark.skipif(_node() is None, reason="needs Node 20, which the expectations were compared with")
@pytest.mark.parametrize("name", list(CASES))
def test_node_agrees(name: str) -> None:
    node = _node()
    assert node is not None
    runs = "".join(
        f"answers.push(await outcome(async () => ({expression})));\n" for expression, _ in CASES[name]
    )
    program = f"{SHOW}(async () => {{ const answers = []; const zlib = require('zlib');\n{runs}"
    program += "process.stdout.write(JSON.stringify(answers)); })()"
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "en_US.UTF-8"}
    ran = subprocess.run(
        [node, "--no-warnings", "-e", program], capture_output=True, text=True, check=True, env=environment
    )
    answers = json.loads(ran.stdout)
    differ = {
        expression: answer
        for (expression, value), answer in zip(CASES[name], answers, strict=True)
        if answer != value and not expression.startswith(tuple(NODE_DIFFERS))
    }
    assert differ == {}
