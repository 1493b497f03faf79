"""`node`, `js`, `tsx`, `ts`: what Node on the host has nothing to say about."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest

pytestmark = pytest.mark.anyio


async def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        await anyio.sleep(0.01)


@pytest.mark.parametrize("name", ["node", "js", "nodejs", "/usr/bin/node"])
async def test_names(shared: Any, name: str) -> None:
    assert (await shared.exec([name, "-p", "process.execPath"])).stdout == "/usr/bin/node\n"


@pytest.mark.parametrize("option", ["--version", "-v"])
async def test_version(shared: Any, option: str) -> None:
    version = (await shared.run_code("process.version", language="javascript")).text
    assert (await shared.exec(f"node {option}")).stdout == f"{version}\n"
    assert version.startswith("v20.")


async def test_what_cells_have_is_not_there(shared: Any) -> None:
    await shared.write_file(
        "globals.js", "console.log(typeof display, typeof prompt, typeof globalThis.require)"
    )
    assert (await shared.exec("node globals.js")).stdout == "undefined undefined undefined\n"
    cell = await shared.run_code("[typeof display, typeof prompt, typeof require]", language="javascript")
    assert cell.text == "[ 'function', 'function', 'function' ]"


TYPED = """\
enum Color { Red = 1, Green }
class Box { constructor(private readonly inner: Color) {} get(): Color { return this.inner } }
console.log(Color[new Box(Color.Green).get()], process.argv.slice(2));
"""


@pytest.mark.parametrize("name", ["tsx", "ts", "node"])
async def test_typescript_files(shared: Any, name: str) -> None:
    await shared.write_file("typed.ts", TYPED)
    assert (await shared.exec(f"{name} typed.ts a")).stdout == "Green [ 'a' ]\n"


@pytest.mark.parametrize("command", ["tsx -e", "ts -e", "node --input-type=module-typescript -e"])
async def test_typescript_code(shared: Any, command: str) -> None:
    result = await shared.exec([*command.split(), "const n: number = 6; console.log(<any>n * 7 as number)"])
    assert result.stdout == "42\n", result.stderr


async def test_typescript_on_stdin(shared: Any) -> None:
    result = await shared.exec(
        "tsx - x", stdin="type A = string; const a: A = process.argv[2]; console.log(a)"
    )
    assert result.stdout == "x\n", result.stderr
    assert (await shared.exec("node -", stdin="type A = string")).exit_code == 1


async def test_modules_of_typescript(shared: Any) -> None:
    await shared.write_file("lib/greet.ts", "export const greet = (who: string): string => `hi ${who}`")
    await shared.write_file(
        "main.ts", "import { greet } from './lib/greet'; console.log(greet('ts'), await 1)"
    )
    assert (await shared.exec("tsx main.ts")).stdout == "hi ts 1\n"


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("interface A {}\nfunction f(): never {\n  throw Error('typed')\n}\nf()\n", "/workspace/bad.ts:3"),
        (
            "enum A { B }\n\nfunction f(): never {\n  throw new Error('typed')\n}\nf()\n",
            "/workspace/bad.ts:4",
        ),
        ("const a: = 3", "/workspace/bad.ts:1"),
    ],
)
async def test_errors_of_typescript_have_their_lines(shared: Any, source: str, place: str) -> None:
    await shared.write_file("bad.ts", source)
    result = await shared.exec("tsx bad.ts")
    assert result.exit_code == 1
    assert place in result.stderr


async def test_an_error_is_shown_as_node_shows_it(shared: Any) -> None:
    await shared.write_file("fail.js", "\nfunction f() {\n  throw new TypeError('no')\n}\nf()\n")
    lines = (await shared.exec("node fail.js")).stderr.splitlines()
    assert lines[:2] == ["/workspace/fail.js:3", "  throw new TypeError('no')"]
    assert lines[2].strip() == "^"
    assert lines[3:5] == ["", "TypeError: no"]
    assert lines[5].startswith("    at f (/workspace/fail.js:3:")
    assert lines[6].startswith("    at ")
    assert "/workspace/fail.js:5:" in lines[6]
    assert lines[-2:] == ["", f"Node.js {(await shared.exec('node -v')).stdout.strip()}"]
    assert "pywasm" not in "".join(lines)


@pytest.mark.parametrize("option", ["--inspect", "--env-file=.env", "--test", "--conditions=x", "-i"])
async def test_options_that_are_not_there_say_so(shared: Any, option: str) -> None:
    result = await shared.exec(f"node {option} x.js")
    assert (result.exit_code, result.stderr) == (9, f"node: bad option: {option}\n")


async def test_each_program_is_its_own(shared: Any) -> None:
    await shared.run_code("globalThis.mine = 1", language="javascript")
    assert (await shared.exec("node -e 'globalThis.x = 1'; node -p 'typeof x + typeof mine'")).stdout == (
        "undefinedundefined\n"
    )


async def test_files_are_shared(shared: Any) -> None:
    await shared.exec(["node", "-e", "require('fs').writeFileSync('made.json', JSON.stringify({ a: [1] }))"])
    assert (await shared.run_code("import json; json.load(open('made.json'))['a']")).text == "[1]"


async def test_environment(shared: Any) -> None:
    result = await shared.exec(["node", "-p", "[process.env.A, process.cwd()]"], env={"A": "1"}, cwd="/tmp")
    assert result.stdout == "[ '1', '/tmp' ]\n"


# ---- limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "for (;;) {}",
        "setInterval(() => {}, 1000)",
        "setTimeout(() => {}, 1e6)",
        "await new Promise((resolve) => setTimeout(resolve, 1e6))",
        "(function f() { try { f() } finally { f() } })()",
        "process.on('exit', () => { for (;;) {} })",
        "/(a+)+$/.test('a'.repeat(40) + 'b')",
    ],
)
async def test_a_deadline_ends_it(sandbox: Any, code: str) -> None:
    await sandbox.exec("node -e 1")  # compiled, and the image is there
    started = time.monotonic()
    result = await sandbox.exec(["node", "-e", code], timeout=1.0)
    assert (result.exit_code, result.error.name) == (124, "ExecutionTimeout")
    assert time.monotonic() - started < 20
    assert (await sandbox.exec("node -p 1")).stdout == "1\n"


async def test_a_deadline_ends_one_that_reads(sandbox: Any) -> None:
    process = await sandbox.start_process(
        ["node", "-e", "process.stdin.resume(); setInterval(() => {}, 9)"], stdin=True, timeout=1.0
    )
    await _until(lambda: process.status != "running")
    assert process.exit_code == 124


async def test_memory(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(memory_bytes=256 << 20)
    result = await sandbox.exec(["node", "-e", "const a = []; for (;;) a.push(new Uint8Array(1 << 20))"])
    assert result.exit_code != 0
    assert "out of memory" in result.stderr
    assert (await sandbox.exec(["node", "-p", "new Uint8Array(1 << 20).length"])).stdout == "1048576\n"


async def test_output_has_its_limit(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_output_bytes=10_000)
    result = await sandbox.exec(["node", "-e", "for (;;) console.log('x'.repeat(99))"])
    assert result.error.name == "OutputLimitExceeded"
    assert len(result.stdout) <= 10_000


async def test_nobody_reads(shared: Any) -> None:
    result = await shared.exec("node -e 'for (;;) console.log(1)' | head -2", timeout=60)
    assert (result.stdout, result.exit_code) == ("1\n1\n", 0)


async def test_the_host_is_not_reached(shared: Any) -> None:
    code = "['/etc/passwd', '/proc/self/environ', '../../etc/shadow'].map((p) => require('fs').existsSync(p))"
    assert (await shared.exec(["node", "-p", code])).stdout == "[ false, false, false ]\n"
    assert "PYTEST_CURRENT_TEST" in os.environ
    names = (await shared.exec(["node", "-p", "Object.keys(process.env).join()"])).stdout
    assert "PATH" in names
    assert "PYTEST_CURRENT_TEST" not in names


# ---- conversations ----------------------------------------------------------------------------------


async def test_a_conversation(sandbox: Any) -> None:
    code = """
    let n = 0;
    const ticks = setInterval(() => { if (n++ === 0) console.log('first tick') }, 5);
    process.stdin.on('data', (chunk) => console.log(`${chunk}`.trim().toUpperCase()));
    process.stdin.on('end', () => { clearInterval(ticks); console.log('end') });
    """
    process = await sandbox.start_process(["node", "-e", code], stdin=True)
    await _until(lambda: process.stdout == "first tick\n")  # while stdin is awaited
    for word in ("one", "two"):
        process.write_stdin(f"{word}\n")
        await _until(lambda: word.upper() in process.stdout)  # noqa: B023
    process.close_stdin()
    await _until(lambda: process.status != "running")
    assert process.exit_code == 0
    assert process.stdout == "first tick\nONE\nTWO\nend\n"


async def test_killed(sandbox: Any) -> None:
    process = await sandbox.start_process(["node", "-e", "setInterval(() => {}, 1000)"])
    await sandbox.kill_process(process.pid)
    await _until(lambda: process.status != "running")
    assert process.exit_code == 143
    assert process.status == "killed"
