"""Contexts: their life, their isolation, their parallelism."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest

from pywasm_sandbox import (
    ContextClosedError,
    ContextNotFoundError,
    LanguageNotAvailableError,
    PolicyError,
    SandboxError,
)

pytestmark = pytest.mark.anyio


async def test_create_list_get_delete(sandbox: Any) -> None:
    assert await sandbox.list_code_contexts() == []
    first = await sandbox.create_code_context()
    second = await sandbox.create_code_context(language="python")
    assert await sandbox.list_code_contexts() == [first, second]
    assert first != second
    assert first.id != second.id
    assert (first.language, first.status, first.execution_count, first.cwd) == (
        "python",
        "idle",
        0,
        "/workspace",
    )
    assert first.memory_bytes > 1 << 20
    assert await sandbox.get_code_context(first.id) == first
    assert await sandbox.get_code_context(first) == first
    await sandbox.delete_code_context(first)
    assert await sandbox.list_code_contexts() == [second]
    assert first.status == "closed"
    await sandbox.delete_code_context(second.id)
    assert await sandbox.list_code_contexts() == []


async def test_times_and_counts(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    created, used = context.created_at, context.last_used_at
    assert created.utcoffset() == timedelta(0)
    await context.run_code("1")
    await context.run_code("1")
    assert context.execution_count == 2
    assert context.created_at == created
    assert context.last_used_at > used >= created


async def test_the_default_context_is_made_on_first_use(sandbox: Any) -> None:
    execution = await sandbox.run_code("1")
    [context] = await sandbox.list_code_contexts()
    assert context.id == execution.context_id
    assert (await sandbox.run_code("2", language="python")).context_id == context.id
    assert (await sandbox.run_code("2", language="py")).context_id == context.id
    await sandbox.delete_code_context(context)
    assert (await sandbox.run_code("2")).context_id != context.id


async def test_variables_are_a_contexts_own_and_files_are_shared(sandbox: Any) -> None:
    one, two = await sandbox.create_code_context(), await sandbox.create_code_context()
    await sandbox.run_code("x = 'one'\nopen('shared.txt', 'w').write('from one');", context=one)
    await sandbox.run_code("x = 'two'", context=two.id)
    assert (await sandbox.run_code("x", context=one)).text == "one"
    assert (await two.run_code("x, open('shared.txt').read()")).text == "('two', 'from one')"
    assert (await sandbox.run_code("'x' in globals()")).text == "False"


async def test_modules_are_a_contexts_own(sandbox: Any) -> None:
    one, two = await sandbox.create_code_context(), await sandbox.create_code_context()
    await one.run_code("import json\njson.mine = 1")
    assert (await two.run_code("import json\nhasattr(json, 'mine')")).text == "False"


async def test_random_numbers_differ_between_contexts(sandbox: Any) -> None:
    code = "import os, random, secrets, uuid\n(random.random(), os.urandom(8).hex(), secrets.token_hex(8), str(uuid.uuid4()))"
    contexts = [await sandbox.create_code_context() for _ in range(2)]
    values = [(await context.run_code(code)).main_result.json for context in contexts]
    assert all(a != b for a, b in zip(*values, strict=True))


async def test_restart_forgets_variables_and_keeps_files(sandbox: Any) -> None:
    context = await sandbox.create_code_context(env={"E": "1"}, cwd="/workspace/sub")
    await context.run_code("x = 1\nopen('kept', 'w').write('k');")
    await context.restart()
    assert context.execution_count == 0
    assert context.status == "idle"
    execution = await context.run_code(
        "import os\n('x' in globals(), open('kept').read(), os.environ['E'], os.getcwd())"
    )
    assert execution.text == "(False, 'k', '1', '/workspace/sub')"
    assert execution.execution_count == 1
    assert await sandbox.restart_code_context(context.id) == context


async def test_unknown_contexts(sandbox: Any) -> None:
    for operation in (
        lambda: sandbox.run_code("1", context="nope"),
        lambda: sandbox.get_code_context("nope"),
        lambda: sandbox.delete_code_context("nope"),
        lambda: sandbox.restart_code_context("nope"),
    ):
        with pytest.raises(ContextNotFoundError, match="has no context 'nope'"):
            await operation()
    with pytest.raises(TypeError, match="a context or its id, not int"):
        await sandbox.run_code("1", context=5)


async def test_a_deleted_context(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.delete()
    with pytest.raises(ContextNotFoundError):
        await context.run_code("1")
    with pytest.raises(ContextNotFoundError):
        await context.delete()
    assert context.memory_bytes == 0
    assert "closed" in repr(context)


async def test_a_context_of_another_sandbox_is_not_found(open_sandbox: Any) -> None:
    one, two = await open_sandbox(), await open_sandbox()
    context = await one.create_code_context()
    with pytest.raises(ContextNotFoundError):
        await two.run_code("1", context=context)


async def test_languages(sandbox: Any) -> None:
    with pytest.raises(
        LanguageNotAvailableError, match="'cobol' is not available; this installation has python"
    ):
        await sandbox.create_code_context(language="cobol")
    with pytest.raises(LanguageNotAvailableError):
        await sandbox.run_code("1", language="cobol")
    assert await sandbox.list_code_contexts() == []


async def test_the_number_of_contexts_is_limited(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_contexts=2)
    first = await sandbox.create_code_context()
    await sandbox.run_code("1")
    with pytest.raises(PolicyError, match="max_contexts of 2; delete one first"):
        await sandbox.create_code_context()
    await first.delete()
    await sandbox.create_code_context()


MEET = """
import os, time
open("{mine}", "w").close()
while not os.path.exists("{other}"):
    time.sleep(0.002)
"met"
"""


async def _together(*calls: Any) -> list[Any]:
    """Run sync or async calls at once; each is a function that returns an awaitable."""
    results: list[Any] = [None] * len(calls)

    async def one(index: int) -> None:
        results[index] = await calls[index]()

    async with anyio.create_task_group() as group:
        for index in range(len(calls)):
            group.start_soon(one, index)
    return results


def _call(flavour: str, context: Any, code: str, **options: Any) -> Any:
    """`run_code` as something that runs beside others: the sync API needs a thread."""
    if flavour != "sync":
        return lambda: context.run_code(code, **options)
    target = context._target
    return lambda: anyio.to_thread.run_sync(lambda: target.run_code(code, **options))


@pytest.mark.parametrize("count", [2, 5])
async def test_contexts_run_in_parallel(sandbox: Any, flavour: str, count: int) -> None:
    """Each waits for the next one's file: they can only end if all of them run at once."""
    contexts = [await sandbox.create_code_context() for _ in range(count)]
    codes = [MEET.format(mine=f"m{i}", other=f"m{(i + 1) % count}") for i in range(count)]
    calls = [_call(flavour, c, code, timeout=60) for c, code in zip(contexts, codes, strict=True)]
    results = await _together(*calls)
    assert [result.text for result in results] == ["met"] * count


async def test_computing_contexts_run_in_parallel(sandbox: Any, flavour: str) -> None:
    contexts = [await sandbox.create_code_context() for _ in range(2)]
    code = "import os\nopen('{0}', 'w').close()\nwhile not os.path.exists('{1}'): pass\n'met'"
    calls = [
        _call(flavour, contexts[0], code.format("a", "b"), timeout=60),
        _call(flavour, contexts[1], code.format("b", "a"), timeout=60),
    ]
    assert [result.text for result in await _together(*calls)] == ["met", "met"]


async def test_runs_of_one_context_come_one_after_the_other(sandbox: Any, flavour: str) -> None:
    context = await sandbox.create_code_context()
    await context.run_code("import time\nactive = 0\nworst = 0\ntotal = 0")
    code = "active += 1\nworst = max(worst, active)\ntime.sleep(0.005)\ntotal += 1\nactive -= 1"
    results = await _together(*(_call(flavour, context, code) for _ in range(10)))
    assert all(result.error is None for result in results)
    assert sorted(result.execution_count for result in results) == list(range(2, 12))
    assert (await context.run_code("(worst, total)")).text == "(1, 10)"


async def test_status_while_running(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    seen: list[str] = []
    await context.run_code(
        "print('x')\nimport time; time.sleep(0.01)", on_stdout=lambda _: seen.append(context.status)
    )
    assert seen == ["running"]
    assert context.status == "idle"


async def test_deleting_a_running_context_ends_its_code(sandbox: Any, flavour: str) -> None:
    context = await sandbox.create_code_context()
    other = await sandbox.create_code_context()
    failures: list[type[BaseException]] = []

    async def run() -> None:
        try:
            await _call(flavour, context, "open('started', 'w').close()\nwhile True: pass", timeout=None)()
        except SandboxError as error:
            failures.append(type(error))

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await _call(flavour, other, "import os\nwhile not os.path.exists('started'): pass", timeout=60)()
        await sandbox.delete_code_context(context)
    assert failures == [ContextClosedError]
    assert (await other.run_code("'alive'")).text == "alive"


async def test_restarting_a_running_context_ends_its_code(sandbox: Any, flavour: str) -> None:
    context = await sandbox.create_code_context()
    other = await sandbox.create_code_context()
    failures: list[type[BaseException]] = []

    async def run() -> None:
        try:
            await _call(flavour, context, "open('started', 'w').close()\nwhile True: pass", timeout=None)()
        except SandboxError as error:
            failures.append(type(error))

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await _call(flavour, other, "import os\nwhile not os.path.exists('started'): pass", timeout=60)()
        if flavour == "sync":
            await anyio.to_thread.run_sync(context._target.restart)
        else:
            await context.restart()
    assert len(failures) == 1
    assert (await context.run_code("'fresh'")).text == "fresh"
    assert context.execution_count == 1


async def test_twenty_contexts(sandbox: Any) -> None:
    context_ids = [(await sandbox.create_code_context()).id for _ in range(20)]
    assert len(set(context_ids)) == 20
    for number, context_id in enumerate(context_ids):
        await sandbox.run_code(f"x = {number}", context=context_id)
    for number, context_id in enumerate(context_ids):
        assert (await sandbox.run_code("x", context=context_id)).text == str(number)


async def test_a_context_starts_though_its_directory_was_removed(sandbox: Any) -> None:
    """Contexts share the files: what one of them removes must not keep the others from starting."""
    code = "import os, shutil\nos.chdir('/')\nshutil.rmtree('/workspace')"
    assert (await sandbox.run_code(code)).error is None
    context = await sandbox.create_code_context()
    assert (await context.run_code("import os\nos.getcwd()")).text == "/workspace"
    await sandbox.run_code(code + "\nopen('/workspace', 'w').close()")
    context = await sandbox.create_code_context()
    assert (await context.run_code("import os\nos.getcwd()")).text == "/"
