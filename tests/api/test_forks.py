"""Forks, snapshots and restores of contexts and sandboxes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from pywasm_sandbox import (
    ContextBusyError,
    ContextClosedError,
    ContextNotFoundError,
    HostFileError,
    HostFolder,
    MemoryFolder,
    PolicyError,
    Snapshot,
    SnapshotMismatchError,
)

OpenSandbox = Callable[..., Awaitable[Any]]
pytestmark = pytest.mark.anyio


async def text(context: Any, code: str) -> str:
    execution = await context.run_code(code)
    assert execution.error is None, execution.error
    return str(execution.text)


async def error(context: Any, code: str) -> str:
    execution = await context.run_code(code)
    assert execution.error is not None
    return f"{execution.error.name}: {execution.error.message}"


# ---- forks


async def test_a_twin_has_everything_and_is_its_own(sandbox: Any) -> None:
    context = await sandbox.create_code_context(env={"MODE": "7"})
    await context.run_code(
        "import collections, os\nitems = [1]\ndef size(): return len(items)\n"
        "class Point(collections.namedtuple('P', 'x y')): pass\np = Point(1, 2)\n"
        "def numbers():\n    yield from range(9)\nit = numbers(); next(it)\nos.chdir('/tmp')"
    )
    twin = await context.fork()
    assert twin != context
    assert (twin.language, twin.execution_count, twin.status) == ("python", 1, "idle")
    state = "(items, size(), p, next(it), os.getcwd(), os.environ['MODE'])"
    assert await text(twin, f"items.append(2); {state}") == "([1, 2], 2, Point(x=1, y=2), 1, '/tmp', '7')"
    assert await text(context, state) == "([1], 1, Point(x=1, y=2), 1, '/tmp', '7')"
    assert twin.execution_count == 2
    assert {each.id for each in await sandbox.list_code_contexts()} == {context.id, twin.id}


async def test_twins_draw_other_random_numbers(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.run_code("import random, uuid, secrets")
    twins = [context, await context.fork(), await context.fork()]
    draws = [await text(each, "random.random(), uuid.uuid4(), secrets.token_hex()") for each in twins]
    assert len(set(draws)) == 3


async def test_a_twin_outlives_its_parent_and_has_twins(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.run_code("x = bytearray(8_000_000); x[5] = 1")
    twin = await context.fork()
    await context.delete()
    grandchild = await twin.fork()
    await twin.run_code("x[5] = 2")
    await twin.restart()
    assert await text(grandchild, "x[5], len(x), sum(x)") == "(1, 8000000, 1)"


async def test_open_files_go_on_where_they_were(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.run_code(
        "import os\nfile = open('log.txt', 'w+'); file.write('one\\n'); file.flush()\n"
        "gone = open('gone', 'w+'); gone.write('nameless'); gone.flush(); os.unlink('gone')\n"
        "folder = os.open('.', os.O_RDONLY)"
    )
    twin = await context.fork()
    await twin.run_code("file.write('twin\\n'); file.flush()")
    assert await text(twin, "gone.seek(0); gone.read()") == "nameless"
    assert (await sandbox.read_file("log.txt")).content == "one\ntwin\n"
    assert await text(context, "file.tell()") == "4"  # offsets are each one's own
    numbers = "open('new', 'w').fileno()"
    assert await text(twin, numbers) == await text(context, numbers)
    await context.delete()
    assert (
        await text(twin, "gone.seek(0); [gone.read(), os.stat('new', dir_fd=folder).st_size]")
        == "['nameless', 0]"
    )


async def test_a_twin_with_files_of_its_own(sandbox: Any) -> None:
    await sandbox.write_file("data.txt", "shared")
    context = await sandbox.create_code_context()
    await context.run_code("file = open('data.txt', 'r+')")
    twin = await context.fork(share_files=False)
    await twin.run_code("file.write('TWINNED'); file.close(); open('only.txt', 'w').close()")
    assert await text(twin, "open('data.txt').read()") == "TWINNED"
    assert (await sandbox.read_file("data.txt")).content == "shared"
    assert not await sandbox.exists("only.txt")
    await sandbox.write_file("later.txt", "")
    assert await text(twin, "import os; sorted(os.listdir())") == "['data.txt', 'only.txt']"
    child = await twin.fork()
    assert await text(child, "sorted(os.listdir())") == "['data.txt', 'only.txt']"


async def test_a_fork_waits_for_the_running_cell(sandbox: Any, anyio_backend: str, flavour: str) -> None:
    if flavour == "sync":
        pytest.skip("one thread runs one call")
    context = await sandbox.create_code_context()
    twins: list[Any] = []

    async def fork() -> None:
        twins.append(await context.fork())

    async with anyio.create_task_group() as group:
        started = anyio.Event()
        group.start_soon(context.run_code, "import time; print('on'); time.sleep(0.2); x = 1")
        while context.status != "running":
            await anyio.sleep(0.001)
        group.start_soon(fork)
        started.set()
    assert await text(twins[0], "x") == "1"


async def test_a_fork_that_is_cancelled_leaves_nothing(sandbox: Any, flavour: str) -> None:
    if flavour == "sync":
        pytest.skip("nobody cancels a thread")
    context = await sandbox.create_code_context()
    async with anyio.create_task_group() as group:
        group.start_soon(context.run_code, "import time; time.sleep(0.3); x = 1")
        while context.status != "running":
            await anyio.sleep(0.001)
        for copy in (context.fork, context.snapshot, sandbox.snapshot):
            with anyio.move_on_after(0.02) as scope:
                await copy()
            assert scope.cancelled_caught
    assert await sandbox.list_code_contexts() == [context]
    assert await text(context, "x") == "1"
    assert await text(await context.fork(), "x") == "1"


async def test_forking_a_context_that_has_not_started(sandbox: Any) -> None:
    await sandbox.run_code("")
    (context,) = await sandbox.list_code_contexts()
    await context.restart()
    twin = await context.fork()
    assert await text(twin, "1 + 1") == "2"


async def test_asyncio_tasks_go_on_in_the_twin(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.run_code(
        "import asyncio\nseen = []\nasync def work():\n    for i in range(3):\n"
        "        await asyncio.sleep(0.01); seen.append(i)\ntask = asyncio.ensure_future(work())\n"
        "await asyncio.sleep(0)"
    )
    twin = await context.fork()
    assert await text(twin, "await task; seen") == "[0, 1, 2]"
    assert await text(context, "seen") == "[]"
    assert await text(context, "await task; seen") == "[0, 1, 2]"


async def test_too_many_contexts(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(max_contexts=2)
    context = await sandbox.create_code_context()
    await context.fork()
    with pytest.raises(PolicyError, match="max_contexts of 2"):
        await context.fork()
    assert await text(context, "1") == "1"


async def test_a_deleted_context_cannot_be_forked(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.delete()
    for copy in (context.fork, context.snapshot):
        with pytest.raises(ContextNotFoundError):
            await copy()


async def test_copying_inside_of_a_callback_is_refused(sandbox: Any, flavour: str) -> None:
    context = await sandbox.create_code_context()
    tried: list[str] = []

    async def copy(_: str) -> None:
        for function in (context.fork, context.snapshot, sandbox.snapshot):
            with pytest.raises(ContextBusyError, match="is waiting for the callback"):
                await function()
            tried.append(function.__name__)

    if flavour == "sync":
        raw, box = context._target, sandbox._target

        def copy_sync(_: str) -> None:
            for function in (raw.fork, raw.snapshot, box.snapshot):
                with pytest.raises(ContextBusyError, match="is waiting for the callback"):
                    function()
                tried.append(function.__name__)

        await context.run_code("print(1)", on_stdout=copy_sync)
    else:
        await context.run_code("print(1)", on_stdout=copy)
    assert len(tried) == 3


async def test_a_context_booted_from_scratch_can_be_forked(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(preload=None)
    context = await sandbox.create_code_context()
    await context.run_code("x = [1, 2]; big = bytearray(5_000_000)")
    twin = await (await context.fork()).fork()
    assert await text(twin, "x, len(big)") == "([1, 2], 5000000)"


# ---- snapshots of a context


async def test_a_snapshot_restores_any_number_of_times(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.run_code("x = [1]; f = open('a.txt', 'w'); f.write('at the snapshot'); f.flush()")
    snapshot = await context.snapshot()
    assert snapshot.context_ids == (context.id,)
    assert 0 < snapshot.memory_bytes < 4 << 20
    for count in range(3):
        await context.run_code("x.append(2); f.close(); del f")
        await context.restore(snapshot)
        assert context.execution_count == 1
        assert await text(context, "x, f.closed, f.tell()") == "([1], False, 15)"
        other = await sandbox.create_code_context(snapshot=snapshot)
        assert other.id != context.id
        assert await text(other, f"x.append({count}); x") == f"[1, {count}]"


async def test_restoring_leaves_shared_files_and_takes_own_ones_back(sandbox: Any) -> None:
    shared = await sandbox.create_code_context()
    await sandbox.write_file("a.txt", "before")
    own = await shared.fork(share_files=False)
    for context, content in ((shared, "after"), (own, "before")):
        snapshot = await context.snapshot()
        await context.run_code("open('a.txt', 'w').write('after')")
        await context.restore(snapshot)
        assert await text(context, "open('a.txt').read()") == content


async def test_a_context_with_the_snapshots_files(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.run_code(
        "import os\nf = open('a.txt', 'w+'); f.write('old'); f.flush()\n"
        "g = open('g', 'w+'); g.write('nameless'); g.flush(); os.unlink('g')"
    )
    snapshot = await context.snapshot()
    await context.run_code("f.close(); g.close(); open('a.txt', 'w').write('new')")
    twin = await sandbox.create_code_context(snapshot=snapshot, share_files=False)
    assert await text(twin, "f.seek(0); g.seek(0); [f.read(), g.read()]") == "['old', 'nameless']"
    assert (await sandbox.read_file("a.txt")).content == "new"
    live = await sandbox.create_code_context(snapshot=snapshot)
    assert await text(live, "f.seek(0); f.read()") == "new"
    assert await error(live, "g.seek(0); g.read()") == "OSError: [Errno 8] Bad file descriptor"


async def test_a_file_made_since_is_never_taken_for_an_open_one(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.run_code("f = open('a.txt', 'w'); f.write('a'); f.flush()")
    snapshot = await context.snapshot()
    await sandbox.delete_file("a.txt")
    await context.run_code("f.close()")
    await sandbox.write_file("a.txt", "another file")
    await context.restore(snapshot)
    assert await error(context, "f.write('x'); f.flush()") == "OSError: [Errno 8] Bad file descriptor"
    numbers = await text(
        context, "n = [open(f'n{i}', 'w') for i in range(9)]; f.fileno() in [m.fileno() for m in n]"
    )
    assert numbers == "False"
    assert (await sandbox.read_file("a.txt")).content == "another file"


async def test_another_sandbox_finds_open_files_by_path(open_sandbox: OpenSandbox) -> None:
    first, second = await open_sandbox(), await open_sandbox()
    context = await first.create_code_context()
    await context.run_code("f = open('here', 'w+'); g = open('not there', 'w'); f.write('first'); f.flush()")
    await second.write_file("decoy", "decoy")
    await second.write_file("here", "second")
    twin = await second.create_code_context(snapshot=await context.snapshot())
    assert await text(twin, "f.seek(0); f.read()") == "second"
    assert await error(twin, "g.write('x'); g.flush()") == "OSError: [Errno 8] Bad file descriptor"


async def test_a_snapshot_outlives_its_sandbox(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox()
    context = await sandbox.create_code_context()
    await context.run_code("x = bytearray(10_000_000); x[77] = 3")
    snapshot = await context.snapshot()
    await sandbox.aclose()
    other = await open_sandbox()
    assert await text(await other.create_code_context(snapshot=snapshot), "x[77], sum(x)") == "(3, 3)"


async def test_clocks_do_not_go_back(sandbox: Any) -> None:
    context = await sandbox.create_code_context()
    await context.run_code("import time; t = time.monotonic(); w = time.time()")
    snapshot = await context.snapshot()
    await context.restore(snapshot)
    assert await text(context, "time.monotonic() >= t, time.time() >= w") == "(True, True)"


async def test_a_limit_below_the_snapshot_is_a_mismatch(open_sandbox: OpenSandbox) -> None:
    sandbox, small = await open_sandbox(), await open_sandbox(memory_bytes=64 << 20)
    context = await sandbox.create_code_context()
    await context.run_code("x = bytearray(80_000_000)")
    snapshot = await context.snapshot()
    with pytest.raises(SnapshotMismatchError, match=f"the limit is {64 << 20}"):
        await small.create_code_context(snapshot=snapshot)
    assert await small.list_code_contexts() == []
    kept = await small.create_code_context()
    await kept.run_code("y = 1")
    with pytest.raises(SnapshotMismatchError, match=f"the limit is {64 << 20}"):
        await kept.restore(snapshot)
    assert await text(kept, "y") == "1"


async def test_arguments_that_exclude_each_other(sandbox: Any) -> None:
    snapshot = await (await sandbox.create_code_context()).snapshot()
    for options in ({"cwd": "/tmp"}, {"env": {}}, {"language": "javascript"}):
        with pytest.raises(ValueError, match="has the language, cwd and env of the snapshot"):
            await sandbox.create_code_context(snapshot=snapshot, **options)
    with pytest.raises(ValueError, match="share_files=False needs a snapshot"):
        await sandbox.create_code_context(share_files=False)
    with pytest.raises(TypeError, match="snapshot is a Snapshot, not str"):
        await sandbox.create_code_context(snapshot="x.snapshot")


# ---- snapshots of a sandbox


async def test_a_sandbox_from_a_snapshot(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(mounts={"/data": MemoryFolder()})
    await sandbox.write_file("/data/a", "mounted")
    await sandbox.run_code("x = 'default'; import os; os.makedirs('/deep/er'); os.chdir('/deep/er')")
    context = await sandbox.create_code_context(env={"A": "1"}, cwd="/tmp")
    await context.run_code("y = 'mine'; f = open('/data/a', 'r')")
    own = await context.fork(share_files=False)
    await own.run_code("open('/data/a', 'w').write('private')")
    snapshot = await sandbox.snapshot()
    await sandbox.run_code("x = 'changed'; open('/data/a', 'w').write('changed')")

    twin = await open_sandbox(snapshot=snapshot)
    assert [each.id for each in await twin.list_code_contexts()] == list(snapshot.context_ids)
    assert (await twin.read_file("/data/a")).content == "mounted"
    assert await text(twin, "x, os.getcwd()") == "('default', '/deep/er')"
    again = await twin.get_code_context(context.id)
    assert (again.status, again.cwd, again.execution_count) == ("hibernated", "/tmp", 1)
    assert await text(again, "import os; y, f.read(), os.environ['A']") == "('mine', 'mounted', '1')"
    private = await twin.get_code_context(own.id)
    assert await text(private, "open('/data/a').read()") == "private"
    assert (await sandbox.read_file("/data/a")).content == "changed"
    assert await text(sandbox, "x") == "changed"


async def test_restoring_a_sandbox_in_itself_context_by_context(sandbox: Any) -> None:
    one, two = await sandbox.create_code_context(), await sandbox.create_code_context()
    await one.run_code("x = 1")
    await two.run_code("x = 2")
    snapshot = await sandbox.snapshot()
    for each in (one, two):
        await each.run_code("x = 0")
        await each.restore(snapshot)
    assert [await text(each, "x") for each in (one, two)] == ["1", "2"]
    three = await sandbox.create_code_context()
    for use in (three.restore(snapshot), sandbox.create_code_context(snapshot=snapshot)):
        with pytest.raises(ValueError, match="the snapshot has 2 contexts"):
            await use


async def test_a_snapshot_is_of_one_moment(sandbox: Any, flavour: str) -> None:
    """Each context writes its number and then that of the pair: never seen apart in a snapshot."""
    if flavour == "sync":
        pytest.skip("one thread runs one call")
    contexts = [await sandbox.create_code_context() for _ in range(3)]
    snapshots: list[Snapshot] = []

    async def run(context: Any) -> None:
        for number in range(6):
            await context.run_code(f"a = {number}\nimport time; time.sleep(0.01)\nb = {number}")

    async def take() -> None:
        for _ in range(4):
            snapshots.append(await sandbox.snapshot())

    async with anyio.create_task_group() as group:
        for context in contexts:
            group.start_soon(run, context)
        group.start_soon(take)
        group.start_soon(take)
    assert len(snapshots) == 8
    for snapshot in snapshots:
        for context in contexts:
            if snapshot.context(context.id).execution_count:
                await context.restore(snapshot)
                assert await text(context, "a == b") == "True"


async def test_mounts_of_the_host_are_given_again(open_sandbox: OpenSandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from the host")
    sandbox = await open_sandbox(mounts={"/host": HostFolder(tmp_path)})
    await sandbox.run_code("f = open('/host/a.txt')")
    snapshot = await sandbox.snapshot()
    without = await open_sandbox(snapshot=snapshot)
    assert not await without.exists("/host/a.txt")
    assert await error(without, "f.read()") == "OSError: [Errno 8] Bad file descriptor"
    again = await open_sandbox(snapshot=snapshot, mounts={"/host": HostFolder(tmp_path)})
    await sandbox.aclose()
    assert await text(again, "open('/host/a.txt').read()") == "from the host"


async def test_a_snapshot_with_more_contexts_than_allowed(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox()
    for _ in range(2):
        await sandbox.create_code_context()
    with pytest.raises(PolicyError, match="has 2 contexts"):
        await open_sandbox(snapshot=await sandbox.snapshot(), max_contexts=1)


async def test_an_empty_sandbox(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox()
    await sandbox.write_file("a", "1")
    snapshot = await sandbox.snapshot()
    assert snapshot.context_ids == ()
    assert (await (await open_sandbox(snapshot=snapshot)).read_file("a")).content == "1"
    await sandbox.aclose()
    with pytest.raises(Exception, match="is closed"):
        await sandbox.snapshot()


async def test_a_context_that_ends_meanwhile_is_no_obstacle(sandbox: Any, flavour: str) -> None:
    if flavour == "sync":
        pytest.skip("one thread runs one call")
    busy, other = await sandbox.create_code_context(), await sandbox.create_code_context()
    taken: list[Snapshot] = []

    async def run() -> None:
        with pytest.raises(ContextClosedError):
            await busy.run_code("while True: pass")

    async def take() -> None:
        taken.append(await sandbox.snapshot())

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        while busy.status != "running":
            await anyio.sleep(0.001)
        group.start_soon(take)
        await anyio.sleep(0.05)
        await busy.delete()
    assert other.id in taken[0].context_ids
    assert await text(other, "1") == "1"


# ---- after a crash


async def test_the_last_snapshot_comes_back_after_a_crash(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(on_crash="restore", grace_seconds=0.05)
    context = await sandbox.create_code_context()
    await context.run_code("x = 'first'")
    await context.snapshot()
    await context.run_code("x = 'second'")
    for _ in range(2):
        crashed = await context.run_code("x = 'lost'; import os; os._exit(1)")
        assert (crashed.error.name, crashed.context_state) == ("GuestExit", "restored")
        assert context.execution_count == 1
        assert await text(context, "x") == "first"
    await context.run_code("x = 'third'")
    await context.snapshot()
    stubborn = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    assert (await context.run_code(stubborn, timeout=0.1)).context_state == "restored"
    assert await text(context, "x") == "third"


async def test_without_a_snapshot_it_starts_afresh(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(on_crash="restore")
    await sandbox.run_code("x = 1")
    assert (await sandbox.run_code("import os; os._exit(1)")).context_state == "lost"
    assert await error(sandbox, "x") == "NameError: name 'x' is not defined"


# ---- hibernation


async def idle(contexts: list[Any]) -> None:
    for _ in range(2000):
        if not any(context.status == "running" for context in contexts):
            return
        await anyio.sleep(0.005)
    raise AssertionError("a context does not come to rest")


async def test_contexts_that_are_not_used_hibernate(open_sandbox: OpenSandbox) -> None:
    sandbox = await open_sandbox(max_live_contexts=2)
    contexts = []
    for number in range(4):
        context = await sandbox.create_code_context()
        await context.run_code(
            f"import os\nn = {number}; big = bytearray(4_000_000); big[n] = n\n"
            f"f = open('f{number}', 'w+'); f.write('f{number}'); f.flush(); os.unlink('f{number}')"
        )
        contexts.append(context)
        await idle(contexts)
    assert [context.status for context in contexts] == ["hibernated", "hibernated", "idle", "idle"]
    assert contexts[0].memory_bytes == 0
    for number, context in enumerate(contexts):
        assert (
            await text(context, "f.seek(0); n, big[n], sum(big), f.read()")
            == f"({number}, {number}, {number}, 'f{number}')"
        )
        await idle(contexts)
    assert [context.status for context in contexts] == ["hibernated", "hibernated", "idle", "idle"]
    twin = await contexts[0].fork()
    assert await text(twin, "n, sum(big)") == "(0, 0)"
    await idle([*contexts, twin])
    snapshot = await sandbox.snapshot()
    other = await open_sandbox(snapshot=snapshot)
    assert await text(await other.get_code_context(contexts[1].id), "n, sum(big)") == "(1, 1)"
    await contexts[1].restart()
    assert await error(contexts[1], "n") == "NameError: name 'n' is not defined"


async def test_hibernated_contexts_leave_nothing_on_disk(
    open_sandbox: OpenSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    if mode == "process":
        pytest.skip("the other process has a folder for temporary files of its own")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sandbox = await open_sandbox(max_live_contexts=1)
    contexts = [await sandbox.create_code_context() for _ in range(3)]
    await idle(contexts)
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.iterdir())) == 2
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    await contexts[0].delete()
    assert len(list(folder.iterdir())) == 1
    await sandbox.aclose()
    assert list(tmp_path.iterdir()) == []


# ---- files


async def test_saved_and_loaded(open_sandbox: OpenSandbox, tmp_path: Path) -> None:
    sandbox = await open_sandbox(mounts={"/data": MemoryFolder()})
    await sandbox.run_code(
        "import os, time\nx = {'k': [1, 2]}; big = bytearray(6_000_000); big[5] = 5\n"
        "os.makedirs('/d/e'); os.symlink('../d/x', '/d/link'); open('/d/x', 'w').write('x' * 200_000)\n"
        "os.link('/d/x', '/d/y'); os.chmod('/d/x', 0o640); os.utime('/d/x', ns=(10, 20))\n"
        "with open('/d/sparse', 'wb') as s: s.seek(500_000); s.write(b'end')\n"
        "open('/data/m', 'w').write('mounted')\n"
        "f = open('/d/x', 'r+'); f.seek(7)\n"
        "g = open('/d/gone', 'w+'); g.write('nameless'); g.flush(); os.unlink('/d/gone')\n"
        "t = time.monotonic()"
    )
    context = await sandbox.create_code_context(cwd="/d", env={"A": "ü"})
    await context.run_code("y = 'other'")
    snapshot = await sandbox.snapshot()
    path = tmp_path / "all.snapshot"
    await anyio.to_thread.run_sync(snapshot.save, path)
    assert path.stat().st_mode & 0o077 == 0
    assert path.stat().st_size < 3 << 20
    await sandbox.aclose()
    loaded = await anyio.to_thread.run_sync(Snapshot.load, str(path))
    assert loaded.context_ids == snapshot.context_ids
    assert loaded.created_at == snapshot.created_at
    for _ in range(2):
        again = await open_sandbox(snapshot=loaded)
        assert (
            await text(again, "x, big[5], sum(big), time.monotonic() >= t") == "({'k': [1, 2]}, 5, 5, True)"
        )
        assert await text(again, "f.tell(), f.read(3), f.name") == "(7, 'xxx', '/d/x')"
        assert await text(again, "g.seek(0); g.read()") == "nameless"
        assert (
            await text(again, "os.readlink('/d/link'), open('/d/link').read() == 'x' * 200_000")
            == "('../d/x', True)"
        )
        stat = "s = os.stat('/d/x'); s.st_mtime_ns, s.st_nlink, os.path.samefile('/d/x', '/d/y')"
        assert await text(again, stat) == "(20, 2, True)"
        assert (
            await text(again, "s = open('/d/sparse', 'rb').read(); len(s), s[-4:]") == "(500003, b'\\x00end')"
        )
        assert await text(again, "open('/data/m').read()") == "mounted"
        other = await again.get_code_context(context.id)
        assert await text(other, "import os; y, os.environ['A'], os.getcwd()") == "('other', 'ü', '/d')"
        await again.aclose()


async def test_a_context_saved_and_loaded(sandbox: Any, tmp_path: Path) -> None:
    context = await sandbox.create_code_context()
    await context.run_code("x = 5")
    snapshot = await context.snapshot()
    snapshot.save(tmp_path / "one")
    loaded = Snapshot.load(tmp_path / "one")
    twin = await sandbox.create_code_context(snapshot=loaded)
    assert await text(twin, "x") == "5"
    await context.run_code("x = 6")
    await context.restore(loaded)
    assert await text(context, "x") == "5"
    loaded.save(tmp_path / "two")
    again = await sandbox.create_code_context(snapshot=Snapshot.load(tmp_path / "two"))
    assert await text(again, "x") == "5"


async def test_where_a_snapshot_cannot_be_written_or_read(sandbox: Any, tmp_path: Path) -> None:
    snapshot = await sandbox.snapshot()
    with pytest.raises(HostFileError, match="can't be written"):
        snapshot.save(tmp_path / "missing" / "x")
    with pytest.raises(HostFileError, match="can't be read"):
        Snapshot.load(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []
