"""Sandboxes: ids, finding them again, ending them, their options."""

from __future__ import annotations

import math
import uuid
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import (
    AsyncSandbox,
    ContextClosedError,
    HostFileError,
    Sandbox,
    SandboxClosedError,
    SandboxError,
    SandboxExistsError,
    get_sandbox,
)

pytestmark = pytest.mark.anyio


async def test_an_id_finds_the_same_object() -> None:
    name = f"mine-{uuid.uuid4()}"
    with Sandbox(name) as sandbox:
        assert sandbox.id == name
        assert get_sandbox(name) is sandbox
        sandbox.run_code("x = 5")
        assert get_sandbox(name).run_code("x").text == "5"
        # The other API sees the same sandbox.
        face = AsyncSandbox.get(name)
        assert AsyncSandbox.get(name) is face
        assert (await face.run_code("x")).text == "5"
        with pytest.raises(SandboxExistsError, match=f"get_sandbox\\({name!r}\\) finds it"):
            Sandbox(name)
        with pytest.raises(SandboxError, match="options can't be changed \\(timeout\\)"):
            get_sandbox(name, timeout=5)
    assert get_sandbox(name) is not sandbox
    get_sandbox(name).close()


async def test_the_async_get_makes_one_with_options() -> None:
    name = f"mine-{uuid.uuid4()}"
    async with AsyncSandbox.get(name, env={"A": "1"}) as sandbox:
        assert AsyncSandbox.get(name) is sandbox
        assert (await sandbox.run_code("import os\nos.environ['A']")).text == "1"
        with pytest.raises(SandboxError, match="options can't be changed \\(env\\)"):
            AsyncSandbox.get(name, env={})
        assert get_sandbox(name).run_code("os.environ['A']").text == "1"
        assert get_sandbox(name) is get_sandbox(name)
    assert sandbox.closed


async def test_ids_are_made_up_and_unique(open_sandbox: Any) -> None:
    one, two = await open_sandbox(), await open_sandbox()
    assert one.id != two.id
    assert repr(get_sandbox(one.id)) == f"<Sandbox {one.id!r}>"


@pytest.mark.parametrize("bad", ["", 5])
async def test_bad_ids(bad: Any) -> None:
    with pytest.raises(ValueError, match="a sandbox id is a text that is not empty"):
        Sandbox(bad)


async def test_close_is_idempotent_and_final(open_sandbox: Any) -> None:
    sandbox = await open_sandbox()
    context = await sandbox.create_code_context()
    await sandbox.write_file("/workspace/a", "x")
    await sandbox.aclose()
    await sandbox.aclose()
    assert sandbox.closed
    assert context.status == "closed"
    operations = [
        lambda: sandbox.run_code("1"),
        lambda: sandbox.run_code("1", context=context),
        lambda: sandbox.create_code_context(),
        lambda: sandbox.list_code_contexts(),
        lambda: sandbox.get_code_context(context),
        lambda: sandbox.delete_code_context(context),
        lambda: sandbox.restart_code_context(context),
        lambda: context.run_code("1"),
        lambda: context.restart(),
        lambda: context.delete(),
        lambda: sandbox.read_file("/workspace/a"),
        lambda: sandbox.write_file("/workspace/a", "x"),
        lambda: sandbox.write_file_chunks("/workspace/a", [b"x"]),
        lambda: sandbox.list_files("/"),
        lambda: sandbox.exists("/"),
        lambda: sandbox.stat("/"),
        lambda: sandbox.mkdir("/workspace/d"),
        lambda: sandbox.rename("/workspace/a", "/workspace/b"),
        lambda: sandbox.move("/workspace/a", "/workspace/b"),
        lambda: sandbox.copy("/workspace/a", "/workspace/b"),
        lambda: sandbox.symlink("a", "/workspace/l"),
        lambda: sandbox.delete_file("/workspace/a"),
        lambda: sandbox.upload("/nonexistent", "/workspace/a"),
        lambda: sandbox.download("/workspace/a", "/nonexistent"),
        lambda: sandbox.disk_usage(),
    ]
    for operation in operations:
        with pytest.raises(SandboxClosedError, match="is closed"):
            await operation()
    with pytest.raises(SandboxClosedError):
        async for _ in sandbox.read_file_chunks("/workspace/a"):
            pass


async def test_closing_ends_running_code(open_sandbox: Any, flavour: str) -> None:
    sandbox = await open_sandbox()
    core = get_sandbox(sandbox.id)

    def close(text: str) -> None:
        core.close()

    with pytest.raises(ContextClosedError):
        await sandbox.run_code("print('x')\nwhile True: pass", on_stdout=close, timeout=None)


async def test_with_statements_close(flavour: str) -> None:
    if flavour == "sync":
        with Sandbox() as sandbox:
            assert not sandbox.closed
    else:
        async with AsyncSandbox() as sandbox:  # type: ignore[assignment]
            assert not sandbox.closed
    assert sandbox.closed


async def test_a_sandbox_needs_no_guest_for_its_files(open_sandbox: Any) -> None:
    sandbox = await open_sandbox()
    await sandbox.write_file("a.txt", "x")
    assert await sandbox.list_code_contexts() == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"timeout": 0}, ValueError, "timeout is 0; it must be more than 0 seconds"),
        ({"timeout": -1}, ValueError, "timeout is -1"),
        ({"timeout": math.nan}, ValueError, "timeout is nan"),
        ({"timeout": "5"}, TypeError, "timeout is a number of seconds or None, not '5'"),
        ({"timeout": True}, TypeError, "timeout is a number"),
        ({"grace_seconds": -1}, ValueError, "grace_seconds is -1"),
        ({"memory_bytes": 1000}, ValueError, "memory_bytes is 1000; it must be at least 33554432"),
        ({"memory_bytes": 5 << 30}, ValueError, "it can be at most 4294967296"),
        ({"memory_bytes": 1e9}, TypeError, "memory_bytes is a whole number, not 1000000000.0"),
        ({"disk_bytes": -1}, ValueError, "disk_bytes is -1"),
        ({"max_files": 1}, ValueError, "max_files is 1; it must be at least 16"),
        ({"max_open_files": 2}, ValueError, "max_open_files is 2"),
        ({"max_output_bytes": 0}, ValueError, "max_output_bytes is 0"),
        ({"max_contexts": 0}, ValueError, "max_contexts is 0"),
        (
            {"on_crash": "panic"},
            ValueError,
            "on_crash is 'panic'; it must be 'restart', 'error' or 'restore'",
        ),
        ({"env": {"A": 1}}, TypeError, "'A' must be text, not int"),
        ({"mounts": {"data": "."}}, ValueError, "mount path 'data' must be absolute and below /"),
        ({"mounts": {"/": "."}}, ValueError, "mount path '/' must be absolute and below /"),
        ({"mounts": {"/data": 5}}, TypeError, "mount '/data' is a int; use HostFolder"),
        ({"mounts": {"/data": "/no/such/folder"}}, HostFileError, "mount '/data': .*/no/such/folder"),
        ({"cwd": ""}, ValueError, "cwd is ''; it must be an absolute path in the sandbox"),
        ({"cwd": "data"}, ValueError, "cwd is 'data'"),
        ({"cwd": "/usr/new"}, ValueError, "cwd '/usr/new' can't be made"),
        ({"nonsense": 1}, TypeError, "nonsense"),
    ],
)
async def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Sandbox(**options)


@pytest.mark.parametrize(("timeout", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError)])
async def test_bad_timeouts_of_runs(shared: Any, timeout: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="timeout is"):
        await shared.run_code("1", timeout=timeout)


async def test_a_failed_option_leaves_the_id_free() -> None:
    name = f"mine-{uuid.uuid4()}"
    with pytest.raises(HostFileError):
        Sandbox(name, mounts={"/data": "/no/such/folder"})
    with Sandbox(name) as sandbox:
        assert sandbox.id == name


async def test_code_that_asks_for_a_missing_callback_type_is_refused(shared: Any, flavour: str) -> None:
    async def callback(text: str) -> None:
        seen.append(text)

    seen: list[str] = []
    if flavour == "sync":
        with pytest.raises(TypeError, match="is async; use AsyncSandbox"):
            await shared.run_code("print(1)", on_stdout=callback)
        assert seen == []
    else:
        await shared.run_code("print(1)", on_stdout=callback)
        assert seen == ["1\n"]


async def test_two_sandboxes_share_nothing(open_sandbox: Any) -> None:
    one, two = await open_sandbox(), await open_sandbox()
    await one.write_file("/workspace/secret", "x")
    await one.run_code("x = 1")
    assert await two.exists("/workspace/secret") is False
    assert (await two.run_code("import os\nos.listdir('/workspace'), 'x' in globals()")).text == "([], False)"
    await one.aclose()
    assert (await two.run_code("1 + 1")).text == "2"


async def test_the_public_names_exist() -> None:
    import pywasm_sandbox

    for name in pywasm_sandbox.__all__:
        assert getattr(pywasm_sandbox, name) is not None
    assert "Sandbox" in dir(pywasm_sandbox)
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = pywasm_sandbox.nope
    assert Path(pywasm_sandbox.__file__).name == "__init__.py"
