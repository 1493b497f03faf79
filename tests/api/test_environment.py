"""Environment variables and working directories of sandboxes, contexts and runs."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from pywasm_sandbox import SandboxFileError

pytestmark = pytest.mark.anyio

SHOW = "import os\n[os.environ.get(name) for name in 'ABC']"


async def test_each_level_adds_to_the_one_above(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(env={"A": "sandbox", "B": "sandbox"})
    assert (await sandbox.run_code(SHOW)).text == "['sandbox', 'sandbox', None]"
    context = await sandbox.create_code_context(env={"B": "context", "C": "context"})
    assert (await sandbox.run_code(SHOW, context=context)).text == "['sandbox', 'context', 'context']"
    run = await sandbox.run_code(SHOW, context=context, env={"C": "run", "A": ""})
    assert run.text == "['', 'context', 'run']"
    assert (await context.run_code(SHOW)).text == "['sandbox', 'context', 'context']"
    assert (await sandbox.run_code(SHOW)).text == "['sandbox', 'sandbox', None]"


async def test_a_runs_variables_are_restored_after_an_error_and_an_exit(shared: Any) -> None:
    for code in ("import os\n1/0", "raise SystemExit", "x = ("):
        await shared.run_code(code, env={"RUN_ONLY": "1"})
        assert (await shared.run_code("import os\nos.environ.get('RUN_ONLY')")).text is None


async def test_what_the_code_sets_itself_stays(sandbox: Any) -> None:
    await sandbox.run_code("import os\nos.environ['MINE'] = 'kept'", env={"RUN": "1"})
    assert (await sandbox.run_code("os.environ['MINE'], os.getenv('MINE')")).text == "('kept', 'kept')"


async def test_the_hosts_environment_is_not_there(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYWASM_TEST_SECRET", "host")
    context = await shared.create_code_context()
    execution = await context.run_code("import os\nsorted(os.environ)")
    assert execution.text == "['HOME', 'LANG', 'PATH', 'PWD', 'TMPDIR', 'TZ', 'USER']"
    await context.delete()


@pytest.mark.parametrize(
    ("env", "error", "message"),
    [
        ({"A=B": "1"}, ValueError, "'A=B' has an empty name, or '=' or NUL"),
        ({"": "1"}, ValueError, "empty name"),
        ({"A": "\0"}, ValueError, "NUL"),
        ({"A": 1}, TypeError, "'A' must be text, not int"),
        ({1: "A"}, TypeError, "must be text"),
    ],
)
async def test_bad_variables_are_refused(
    shared: Any, env: dict[Any, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await shared.run_code("1", env=env)
    with pytest.raises(error, match=message):
        await shared.create_code_context(env=env)


async def test_variables_of_any_text(shared: Any) -> None:
    value = "\u00e9 \n\t\"'\\ \U0001f600"
    assert (await shared.run_code("import os\nos.environ['V']", env={"V": value})).text == value


async def test_the_working_directory_is_made_and_kept(shared: Any) -> None:
    context = await shared.create_code_context(cwd="/workspace/deep/er")
    assert context.cwd == "/workspace/deep/er"
    assert (await context.run_code("import os\nos.getcwd(), os.environ['PWD']")).text == (
        "('/workspace/deep/er', '/workspace/deep/er')"
    )
    await context.run_code("os.makedirs('sub', exist_ok=True); os.chdir('sub'); open('here', 'w').close()")
    assert await shared.exists("/workspace/deep/er/sub/here")
    assert (await context.run_code("os.getcwd()")).text == "/workspace/deep/er/sub"
    await context.delete()


async def test_relative_directories_start_at_the_sandboxes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(cwd="/data")
    assert (await sandbox.run_code("import os\nos.getcwd()")).text == "/data"
    context = await sandbox.create_code_context(cwd="in")
    assert context.cwd == "/data/in"
    await sandbox.write_file("relative.txt", "x")
    assert (await sandbox.run_code("open('/data/relative.txt').read()")).text == "x"


async def test_the_directory_of_a_run_is_restored(shared: Any) -> None:
    assert (await shared.run_code("import os\nos.getcwd()", cwd="/tmp")).text == "/tmp"
    assert (await shared.run_code("os.getcwd()")).text == "/workspace"
    await shared.run_code("os.chdir('/home')\n1/0", cwd="/tmp")
    assert (await shared.run_code("os.getcwd()")).text == "/workspace"


async def test_a_missing_directory_of_a_run_is_the_cells_error(shared: Any) -> None:
    execution = await shared.run_code("1", cwd="/nowhere")
    assert execution.error.name == "FileNotFoundError"
    assert "/nowhere" in execution.error.message


async def test_a_directory_that_is_a_file_is_refused(shared: Any) -> None:
    await shared.write_file("/workspace/plain", "x")
    with pytest.raises(SandboxFileError) as caught:
        await shared.create_code_context(cwd="/workspace/plain")
    assert caught.value.errno == errno.EEXIST


async def test_two_contexts_have_their_own_environment_and_directory(shared: Any) -> None:
    one = await shared.create_code_context(cwd="/workspace/one")
    two = await shared.create_code_context(cwd="/workspace/two")
    await one.run_code("import os\nos.environ['X'] = '1'")
    assert (await two.run_code("import os\n(os.environ.get('X'), os.getcwd())")).text == (
        "(None, '/workspace/two')"
    )
    await one.delete()
    await two.delete()


async def test_the_time_zones_version(shared: Any) -> None:
    code = "import importlib.metadata, tzdata; (importlib.metadata.version('tzdata'), tzdata.__version__)"
    one, other = (await shared.run_code(code)).results[0].json
    assert one == other
