"""JavaScript starts commands with `node:child_process`: what is the sandbox's own."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio

JS: dict[str, Any] = {"language": "javascript"}
LOAD = "var cp = require('node:child_process');"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("cp.execSync('echo hi | tr a-z A-Z').toString()", "HI\n"),
        ("cp.execFileSync('python', ['-c', 'print(6 * 7)'], { encoding: 'utf8' })", "42\n"),
        ("cp.execFileSync(process.execPath, ['-p', 'process.ppid > 1'], { encoding: 'utf8' })", "true\n"),
        ("cp.spawnSync('cat', { input: 'x'.repeat(300000) }).stdout.length", "300000"),
        (
            "const p = cp.spawn('sort', ['-n']); let out = ''; p.stdout.on('data', (d) => out += d);"
            "p.stdin.end('10\\n9\\n'); await new Promise((r) => p.on('close', r)); out",
            "9\n10\n",
        ),
        ("(await require('util').promisify(cp.exec)('echo p; echo q >&2')).stderr", "q\n"),
    ],
)
async def test_values(shared: Any, code: str, text: str) -> None:
    execution = await shared.run_code(f"{LOAD}\n{code}", **JS)
    assert execution.error is None, execution.error
    assert execution.text == text


async def test_typescript_has_it(shared: Any) -> None:
    code = "import { execSync } from 'node:child_process'; execSync('echo ts').toString() as string"
    assert (await shared.run_code(code, language="typescript")).text == "ts\n"


async def test_inherited_output_is_the_cell_s(shared: Any) -> None:
    execution = await shared.run_code(
        f"{LOAD}\nconsole.log(1); cp.execSync('echo 2; echo 3 >&2', {{ stdio: 'inherit' }}); console.log(4)",
        **JS,
    )
    assert "".join(execution.logs.stdout) == "1\n2\n4\n"
    assert "".join(execution.logs.stderr) == "3\n"
    execution = await shared.run_code(
        f"{LOAD}\ncp.spawn('sh', ['-c', 'echo late'], {{ stdio: 'inherit' }}); console.log('early')", **JS
    )
    assert sorted("".join(execution.logs.stdout).split()) == ["early", "late"]


async def test_a_cell_waits_for_its_children(shared: Any) -> None:
    code = f"{LOAD}\ncp.exec('sleep 0.3; echo done', (error, stdout) => console.log(stdout.trim()))\n0"
    execution = await shared.run_code(code, **JS)
    assert execution.logs.stdout == ["done\n"]
    code = (
        f"{LOAD}\nvar left = cp.spawn('sleep', ['100'], {{ stdio: 'ignore' }}); left.unref(); left.exitCode"
    )
    assert (await shared.run_code(code, **JS)).error is None
    assert (await shared.run_code("left.kill()", **JS)).text == "true"


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("cp.execSync('exit 3')", "Error", "Command failed: exit 3"),
        ("cp.execFileSync('nosuch')", "Error", "spawnSync nosuch ENOENT"),
        ("cp.execFileSync('/bin/gcc')", "Error", "spawnSync /bin/gcc ENOENT"),
        ("cp.execFileSync('/workspace')", "Error", "spawnSync /workspace EACCES"),
        ("cp.spawn('nosuch')", "Error", "spawn nosuch ENOENT"),
        ("cp.fork('x.js')", "Error", "fork() is not available in this sandbox: processes have no channel"),
        ("cp.spawn('true', { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] })", "Error", "no channel between them"),
        (
            "cp.spawn('true', { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })",
            "Error",
            "descriptors 0, 1 and 2 only",
        ),
        ("cp.execFileSync('true', { uid: 0 })", "Error", "spawnSync true EPERM"),
    ],
)
async def test_errors(shared: Any, code: str, name: str, message: str) -> None:
    execution = await shared.run_code(f"{LOAD}\n{code}", **JS)
    assert execution.error is not None
    assert execution.error.name == name
    assert message in execution.error.message


@pytest.mark.parametrize(
    "code",
    [
        "cp.execSync('sleep 100')",
        "cp.spawn('sleep', ['100']); 0",
        "await new Promise((r) => cp.exec('sleep 100', r))",
        "cp.spawnSync('sleep', ['100'], { input: 'x'.repeat(1e6) })",
    ],
)
async def test_a_deadline_ends_the_children_and_keeps_the_context(sandbox: Any, code: str) -> None:
    await sandbox.run_code(f"{LOAD}\nvar kept = 1", **JS)
    execution = await sandbox.run_code(code, timeout=0.5, **JS)
    assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "kept")
    execution = await sandbox.run_code("[kept, cp.execSync('echo again').toString()]", **JS)
    assert execution.text == "[ 1, 'again\\n' ]"
    assert (await sandbox.exec("echo nothing else runs")).success


async def test_too_many_processes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_processes=3)
    code = f"""{LOAD}
    const children = []
    for (let i = 0; i < 4; i++) children.push(cp.spawn('sleep', ['100'], {{ stdio: 'ignore' }}))
    children.forEach((each, i) => each.on('error', (e) => console.log(i, e.code)))
    setTimeout(() => children.forEach((each) => each.kill()), 200)
    0"""
    execution = await sandbox.run_code(code, **JS)
    assert execution.error is None
    assert execution.logs.stdout == ["3 EAGAIN\n"]


async def test_too_many_pipes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_open_files=16)
    code = f"{LOAD}\nconst all = []; for (let i = 0; i < 10; i++) all.push(cp.spawn('cat')); 0"
    execution = await sandbox.run_code(code, **JS)
    assert execution.error is not None
    assert (execution.error.name, "EMFILE" in execution.error.message) == ("Error", True)
    assert (await sandbox.run_code("1 + 1", **JS)).text == "2"


async def test_descriptors_are_given_back(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_open_files=24)
    code = f"""{LOAD}
    for (let i = 0; i < 30; i++) cp.execSync('true')
    for (let i = 0; i < 30; i++) try {{ cp.execFileSync('nosuch') }} catch {{}}
    for (let i = 0; i < 30; i++) await new Promise((r) => cp.exec('echo x', r))
    for (let i = 0; i < 30; i++) await new Promise((r) => cp.execFile('nosuch', r))
    'all'"""
    assert (await sandbox.run_code(code, **JS)).text == "all"


async def test_processes_are_the_sandbox_s(shared: Any) -> None:
    code = f"{LOAD}\n[cp.spawnSync('cat', ['/etc/passwd']).status, `${{cp.spawnSync('id', ['-u']).stdout}}`]"
    assert (await shared.run_code(code, **JS)).text == "[ 1, '1000\\n' ]"
    assert (
        await shared.run_code(f"{LOAD}\ntry {{ process.kill(1, 9) }} catch (e) {{ e.code }}", **JS)
    ).text == "ESRCH"


async def test_a_copy_has_no_children(open_sandbox: Any) -> None:
    sandbox = await open_sandbox()
    context = await sandbox.create_code_context(**JS)
    code = f"""{LOAD}
    var ends = [], child = cp.spawn('cat').on('exit', (...end) => ends.push(end))
    for (const each of [child, child.stdout, child.stderr]) each.unref()"""
    first = await context.run_code(code, timeout=20)
    assert first.error is None, first.error
    twin = await context.fork()
    assert (
        await twin.run_code("await new Promise((r) => setTimeout(r, 50)); ends")
    ).text == "[ [ null, 'SIGKILL' ] ]"
    ended = "child.ref(); child.stdin.end(); await new Promise((r) => child.on('exit', r)); ends"
    assert (await context.run_code(ended)).text == "[ [ 0, null ] ]"
