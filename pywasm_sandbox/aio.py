"""The asynchronous API: `AsyncSandbox` over the same core, on asyncio or trio (needs anyio)."""

from __future__ import annotations

import inspect
import shlex
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Any, TypeVar, Unpack

try:
    import anyio
    import anyio.to_thread
except ImportError as error:  # pragma: no cover - the message is all there is
    raise ImportError("pywasm_sandbox.aio needs anyio: pip install 'pywasm-sandbox[aio]'") from error

from ._sandbox.facade import (
    ContextBase,
    ProcessBase,
    SandboxBase,
    SandboxSettings,
    StrPath,
    check_snapshot_arguments,
    context_id,
)
from ._sandbox.files import CHUNK_BYTES, Encoding
from ._sandbox.options import UNSET, Unset
from ._sandbox.runs import Callbacks
from ._sandbox.snapshots import Snapshot
from ._sandbox.steps import Steps, Wait
from .models import CommandResult, Execution, ExecutionError, FileContent, FileInfo, Result

__all__ = ["AsyncContext", "AsyncProcess", "AsyncSandbox"]

T = TypeVar("T")
MaybeAsync = Awaitable[Any] | Any


def _call_soon() -> Callable[[Callable[[], object]], object]:
    """What has the running event loop call a function, from any thread and without waiting for that.

    anyio's own way, `anyio.from_thread.run_sync`, waits, and a guest would with it.
    """
    if "asyncio" in sys.modules:
        import asyncio

        try:
            return asyncio.get_running_loop().call_soon_threadsafe
        except RuntimeError:
            pass
    import trio

    return trio.lowlevel.current_trio_token().run_sync_soon


class _Bell:
    """Rung on any thread, mostly the guest's, heard in the event loop."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._soon = _call_soon()
        self._event = anyio.Event()

    def ring(self) -> None:
        """Wake the event loop."""
        self.call(self._set)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the event loop. One that is closed already has nobody to hear of it."""
        if threading.get_ident() == self._thread:
            # The loop's own thread would wait for itself below.
            function()
            return
        try:
            self._soon(function)
        except RuntimeError:  # trio's RunFinishedError is one
            pass

    def _set(self) -> None:
        self._event.set()

    async def heard(self) -> None:
        await self._event.wait()

    def reset(self) -> None:
        if self._event.is_set():
            self._event = anyio.Event()


async def _wait(step: Wait, bell: _Bell) -> None:
    while not step.call.has_news:
        bell.reset()
        if step.call.has_news:
            return
        await bell.heard()


async def _carry_out(step: Any, bell: _Bell) -> Any:
    if isinstance(step, Wait):
        if step.shielded:
            with anyio.CancelScope(shield=True):
                return await _wait(step, bell)
        return await _wait(step, bell)
    value = step.function(step.argument)
    if not inspect.isawaitable(value):
        return value
    if step.answering is None:
        return await value
    with anyio.CancelScope() as scope:
        step.answering.asked.on_withdraw(lambda: bell.call(scope.cancel))
        return await value
    return None


async def _drive(make: Callable[[Callable[[], None]], Steps[T]]) -> T:
    """Carry the steps out in this task."""
    bell = _Bell()
    steps = make(bell.ring)
    try:
        step = next(steps)
        while True:
            try:
                value = await _carry_out(step, bell)
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def _in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """For what may touch the host's disk or a network mount."""
    return await anyio.to_thread.run_sync(partial(function, *args, **kwargs))


class AsyncContext(ContextBase):
    """One interpreter with its variables; runs in it come one after the other."""

    async def run_code(
        self,
        code: str,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float | Unset | None = UNSET,
        on_stdout: Callable[[str], MaybeAsync] | None = None,
        on_stderr: Callable[[str], MaybeAsync] | None = None,
        on_result: Callable[[Result], MaybeAsync] | None = None,
        on_error: Callable[[ExecutionError], MaybeAsync] | None = None,
        on_input: Callable[[str], MaybeAsync] | None = None,
    ) -> Execution:
        """As `AsyncSandbox.run_code`, in this context."""
        core = self._sandbox
        return await _drive(
            lambda notify: core.run_code(
                code,
                context_id=self.id,
                language=None,
                env=env,
                cwd=cwd,
                timeout=timeout,
                callbacks=Callbacks(on_stdout, on_stderr, on_result, on_error, on_input),
                notify=notify,
            )
        )

    async def fork(self, *, share_files: bool = True) -> AsyncContext:
        """As `Context.fork`."""
        core = self._sandbox
        return AsyncContext(
            core, await _drive(lambda notify: core.fork_context(self.id, share_files, notify))
        )

    async def snapshot(self) -> Snapshot:
        """As `Context.snapshot`."""
        return await _drive(lambda notify: self._sandbox.snapshot_context(self.id, notify))

    async def restore(self, snapshot: Snapshot) -> None:
        """As `Context.restore`."""
        await _drive(lambda notify: self._sandbox.restore_context(self.id, snapshot, notify))

    async def restart(self) -> None:
        """A fresh interpreter: variables and imports are gone, running code is ended, files stay."""
        await _drive(lambda notify: self._sandbox.restart_context(self.id, notify))

    async def interrupt(self) -> bool:
        """As `Context.interrupt`."""
        return self._sandbox.interrupt_context(self.id)

    async def delete(self) -> None:
        """End the context."""
        await _in_thread(self._sandbox.delete_context, self.id)


class AsyncProcess(ProcessBase):
    """A command in the background."""

    async def wait(self) -> int:
        """Until it is over: its exit code. Cancelling the wait leaves it running."""
        await _drive(self._until_over)
        assert self.exit_code is not None
        return self.exit_code

    def _until_over(self, notify: Callable[[], None]) -> Steps[None]:
        call = self._core.wait_call(notify)
        while not call.done:
            yield Wait(call)
            call.take()


class AsyncSandbox(SandboxBase):
    """`Sandbox` for async code: the same options, the same results, callbacks that may be coroutines.

    Cancelling a call interrupts the code; its context keeps its state. Use ``async with``, or await `aclose`.
    """

    _API = "async"

    @classmethod
    def get(cls, id: str, **options: Unpack[SandboxSettings]) -> AsyncSandbox:
        """The live sandbox with this id, or a new one; the async `get_sandbox`."""
        return cls._find(id, options) or cls(id, **options)

    # ---- contexts -----------------------------------------------------------------------------------

    async def create_code_context(
        self,
        *,
        language: str = "python",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        snapshot: Snapshot | None = None,
        share_files: bool = True,
    ) -> AsyncContext:
        """A new context with a booted interpreter; as `Sandbox.create_code_context`."""
        core = self._core
        check_snapshot_arguments(snapshot, language, cwd, env, share_files)
        if snapshot is not None:
            taken = snapshot
            return AsyncContext(
                core, await _drive(lambda notify: core.create_from_snapshot(taken, share_files, notify))
            )
        return AsyncContext(
            core, await _drive(lambda notify: core.create_context(language, cwd, env, notify))
        )

    async def snapshot(self) -> Snapshot:
        """As `Sandbox.snapshot`."""
        return await _drive(self._core.snapshot)

    async def list_code_contexts(self) -> list[AsyncContext]:
        """All contexts, oldest first, the default one included once it was used."""
        return [AsyncContext(self._core, context) for context in self._core.contexts()]

    async def get_code_context(self, context: AsyncContext | str) -> AsyncContext:
        """The context with this id. Raises `ContextNotFoundError`."""
        return AsyncContext(self._core, self._core.context(context_id(context) or ""))

    async def delete_code_context(self, context: AsyncContext | str) -> None:
        """End a context, the code it runs included. Raises `ContextNotFoundError`."""
        await _in_thread(self._core.delete_context, context_id(context) or "")

    async def restart_code_context(self, context: AsyncContext | str) -> AsyncContext:
        """Give a context a fresh interpreter."""
        core, name = self._core, context_id(context) or ""
        return AsyncContext(core, await _drive(lambda notify: core.restart_context(name, notify)))

    async def interrupt_code_context(self, context: AsyncContext | str) -> bool:
        """Interrupt the code that a context runs; as `Context.interrupt`."""
        return self._core.interrupt_context(context_id(context) or "")

    async def run_code(
        self,
        code: str,
        *,
        context: AsyncContext | str | None = None,
        language: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float | Unset | None = UNSET,
        on_stdout: Callable[[str], MaybeAsync] | None = None,
        on_stderr: Callable[[str], MaybeAsync] | None = None,
        on_result: Callable[[Result], MaybeAsync] | None = None,
        on_error: Callable[[ExecutionError], MaybeAsync] | None = None,
        on_input: Callable[[str], MaybeAsync] | None = None,
    ) -> Execution:
        """As `Sandbox.run_code`; callbacks are called in this task and may be coroutine functions."""
        core = self._core
        return await _drive(
            lambda notify: core.run_code(
                code,
                context_id=context_id(context),
                language=language,
                env=env,
                cwd=cwd,
                timeout=timeout,
                callbacks=Callbacks(on_stdout, on_stderr, on_result, on_error, on_input),
                notify=notify,
            )
        )

    # ---- commands -----------------------------------------------------------------------------------

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        cwd: StrPath | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | Unset | None = UNSET,
        stdin: str | bytes | None = None,
        on_stdout: Callable[[str], MaybeAsync] | None = None,
        on_stderr: Callable[[str], MaybeAsync] | None = None,
    ) -> CommandResult:
        """As `Sandbox.exec`; callbacks are called in this task and may be coroutine functions."""
        core = self._core
        request = core.command_request(command, cwd=cwd, env=env, timeout=timeout, stdin=stdin)
        return await _drive(
            lambda notify: core.exec_steps(request, on_stdout, on_stderr, notify),
        )

    async def install_packages(self, packages: Sequence[str], *, language: str = "python") -> list[str]:
        """As `Sandbox.install_packages`."""
        return await _in_thread(self._core.install_packages, packages, language)

    async def start_process(
        self,
        command: str | Sequence[str],
        *,
        cwd: StrPath | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        stdin: str | bytes | bool | None = None,
    ) -> AsyncProcess:
        """Start a command and go on; it runs until it ends, is killed, or the sandbox is closed.

        With ``stdin=True`` its stdin stays open for `write_stdin`, until `close_stdin`.
        """
        request = self._core.command_request(command, cwd=cwd, env=env, timeout=timeout, stdin=stdin)
        shown = command if isinstance(command, str) else shlex.join(command)
        return AsyncProcess(self._core.commands.start(shown, request))

    async def list_processes(self) -> list[AsyncProcess]:
        """What `start_process` started, oldest first, also what is over."""
        return [AsyncProcess(core) for core in self._core.commands.list()]

    async def get_process(self, pid: int) -> AsyncProcess:
        """One of these. Raises `SandboxError`."""
        return AsyncProcess(self._core.commands.get(pid))

    async def kill_process(self, pid: int, signal: int = SIGTERM) -> None:
        """End one of these and what it started. Raises `SandboxError`."""
        self._core.commands.get(pid).kill(signal)

    # ---- files --------------------------------------------------------------------------------------

    async def read_file(self, path: StrPath, *, encoding: Encoding = "utf-8") -> FileContent:
        """Read a file; ``encoding`` is a text encoding, "base64", or None for bytes."""
        return await _in_thread(self._core.files.read, path, encoding=encoding)

    async def write_file(
        self,
        path: StrPath,
        content: str | bytes | bytearray | memoryview,
        *,
        encoding: Encoding = "utf-8",
        mode: int | None = None,
        append: bool = False,
    ) -> FileInfo:
        """Write text or bytes; directories above are made. ``mode`` sets the permission bits."""
        return await _in_thread(
            self._core.files.write, path, content, encoding=encoding, mode=mode, append=append
        )

    async def read_file_chunks(self, path: StrPath, chunk_bytes: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
        """Read a large file piece by piece: ``async for``."""
        chunks = await _in_thread(self._core.files.read_chunks, path, chunk_bytes)
        while (chunk := await _in_thread(next, chunks, None)) is not None:
            yield chunk

    async def write_file_chunks(self, path: StrPath, chunks: Iterable[bytes]) -> FileInfo:
        """Write a large file from pieces."""
        return await _in_thread(self._core.files.write_chunks, path, chunks)

    async def list_files(
        self, path: StrPath = ".", *, recursive: bool = False, hidden: bool = False
    ) -> list[FileInfo]:
        """What a directory holds, sorted by path."""
        return await _in_thread(self._core.files.list, path, recursive=recursive, hidden=hidden)

    async def exists(self, path: StrPath) -> bool:
        """Whether there is something at ``path``."""
        return await _in_thread(self._core.files.exists, path)

    async def stat(self, path: StrPath, *, follow_symlinks: bool = True) -> FileInfo:
        """What is at ``path``."""
        return await _in_thread(self._core.files.stat, path, follow_symlinks=follow_symlinks)

    async def mkdir(self, path: StrPath, *, parents: bool = True, exist_ok: bool = True) -> FileInfo:
        """Make a directory."""
        return await _in_thread(self._core.files.mkdir, path, parents=parents, exist_ok=exist_ok)

    async def rename(self, path: StrPath, new_path: StrPath) -> FileInfo:
        """Rename within one mount, replacing a file that is there."""
        return await _in_thread(self._core.files.rename, path, new_path)

    async def move(self, path: StrPath, new_path: StrPath) -> FileInfo:
        """Move a file or directory anywhere, into a directory if ``new_path`` is one."""
        return await _in_thread(self._core.files.move, path, new_path)

    async def copy(self, path: StrPath, new_path: StrPath) -> FileInfo:
        """Copy a file or directory, into a directory if ``new_path`` is one."""
        return await _in_thread(self._core.files.copy, path, new_path)

    async def symlink(self, target: str, path: StrPath) -> FileInfo:
        """Make a symbolic link at ``path``."""
        return await _in_thread(self._core.files.symlink, target, path)

    async def delete_file(self, path: StrPath, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Remove a file or a directory; a directory that is not empty needs ``recursive``."""
        await _in_thread(self._core.files.delete, path, recursive=recursive, missing_ok=missing_ok)

    async def upload(self, host_path: str | Path, path: StrPath) -> FileInfo:
        """Copy a file or folder of the host into the sandbox."""
        return await _in_thread(self._core.files.upload, host_path, path)

    async def download(self, path: StrPath, host_path: str | Path) -> Path:
        """Copy a file or directory of the sandbox to the host."""
        return await _in_thread(self._core.files.download, path, host_path)

    async def disk_usage(self) -> dict[str, int | None]:
        """``bytes_used``, ``bytes_limit``, ``files_used``, ``files_limit`` of the filesystem in memory."""
        return self._core.files.usage()

    # ---- ending -------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """End all contexts and drop the files. Idempotent."""
        with anyio.CancelScope(shield=True):
            await _in_thread(self._core.close)

    async def __aenter__(self) -> AsyncSandbox:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
