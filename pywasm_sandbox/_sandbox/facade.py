"""The synchronous API: `Sandbox`, `Context`, `get_sandbox`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypedDict, TypeVar, Unpack, cast, overload

from pywasm_sandbox._guests.python_runtime import DEFAULT_MODULES, check_modules
from pywasm_sandbox.errors import SandboxError

from .common import CoreBase
from .contexts import ContextCore, ContextStatus
from .core import SandboxCore
from .files import CHUNK_BYTES, Encoding
from .options import UNSET, SandboxOptions, Unset
from .runs import Callbacks
from .runtime import Runtime, check_language
from .steps import drive

if TYPE_CHECKING:
    from pywasm_sandbox._network.log import NetworkAttempt
    from pywasm_sandbox._network.policy import NetworkPolicy
    from pywasm_sandbox.models import (
        CommandResult,
        Execution,
        ExecutionError,
        FileContent,
        FileInfo,
        Limits,
        Result,
    )

    from .commands import BackgroundProcess, ProcessStatus
    from .deterministic import Deterministic
    from .mounts import Mount
    from .package_policy import NpmPolicy, PackagePolicy
    from .snapshots import Snapshot
    from .tool import Tool, ToolCall

__all__ = [
    "Context",
    "ContextBase",
    "Process",
    "ProcessBase",
    "Sandbox",
    "SandboxSettings",
    "get_sandbox",
    "prepare",
    "set_process_limits",
]

StrPath = str | os.PathLike[str]
F = TypeVar("F", bound=Callable[..., Any])


class ToolLimits(TypedDict, total=False):
    """The limits of a `Tool`, as keyword arguments."""

    max_calls_per_second: float | None
    max_calls_per_run: int | None
    max_argument_bytes: int
    max_result_bytes: int
    inline: bool


class SandboxSettings(TypedDict, total=False):
    """The keyword arguments of `Sandbox`."""

    env: Mapping[str, str]
    cwd: str
    limits: Limits | Mapping[str, Any]
    timeout: float | None
    grace_seconds: float
    cpu_seconds: float | None
    lifetime_seconds: float | None
    memory_bytes: int
    disk_bytes: int
    max_files: int
    max_file_bytes: int | None
    max_directory_entries: int
    max_directory_depth: int
    max_open_files: int
    max_output_bytes: int
    max_results: int
    max_result_bytes: int
    max_code_bytes: int
    max_contexts: int
    max_processes: int
    max_concurrent_runs: int
    max_threads: int
    max_foreign_module_bytes: int
    max_host_calls_per_second: int | None
    mounts: Mapping[str, Mount | str | Path]
    max_live_contexts: int | None
    on_crash: Literal["restart", "error", "restore"]
    preload: Sequence[str] | None
    deterministic: Deterministic | None
    clock_resolution_seconds: float
    tools: Sequence[Callable[..., Any] | Tool]
    packages: PackagePolicy | None
    npm: NpmPolicy | None
    network: NetworkPolicy | None
    isolation: Literal["thread", "process"]


def _open(id: str | None, options: SandboxOptions, snapshot: Snapshot | None) -> CoreBase:
    if options.isolation == "thread":
        return SandboxCore(id, options, snapshot)
    from .isolation.remote import RemoteCore

    return RemoteCore(id, options, snapshot)


class ContextBase:
    """What a context of either API tells about itself."""

    def __init__(self, sandbox: SandboxCore, core: ContextCore) -> None:
        self._sandbox = sandbox
        self._core = core

    @property
    def id(self) -> str:
        """Unique; what `run_code(context=…)` takes as well as the context itself."""
        return self._core.id

    @property
    def language(self) -> str:
        return self._core.language

    @property
    def cwd(self) -> str:
        """The directory that the context started in."""
        return self._core.cwd

    @property
    def created_at(self) -> datetime:
        return self._core.created_at

    @property
    def last_used_at(self) -> datetime:
        return self._core.last_used_at

    @property
    def execution_count(self) -> int:
        """How many runs it has started."""
        return self._core.execution_count

    @property
    def status(self) -> ContextStatus:
        """``new`` (not booted), ``idle``, ``running``, ``hibernated`` (its state is kept, its interpreter
        comes back with the next run), ``broken`` (lost its interpreter) or ``closed``."""
        return self._core.status

    @property
    def memory_bytes(self) -> int:
        """The size of the interpreter's linear memory; it grows and never shrinks."""
        return self._core.memory_bytes

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.language} {self.id} {self.status}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContextBase) and other._core == self._core

    def __hash__(self) -> int:
        return hash(self._core.id)


class Context(ContextBase):
    """One interpreter with its variables; runs in it come one after the other."""

    def run_code(
        self,
        code: str,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float | Unset | None = UNSET,
        on_stdout: Callable[[str], Any] | None = None,
        on_stderr: Callable[[str], Any] | None = None,
        on_result: Callable[[Result], Any] | None = None,
        on_error: Callable[[ExecutionError], Any] | None = None,
        on_input: Callable[[str], str | None] | None = None,
    ) -> Execution:
        """As `Sandbox.run_code`, in this context."""
        return drive(
            self._sandbox.run_code(
                code,
                context_id=self.id,
                language=None,
                env=env,
                cwd=cwd,
                timeout=timeout,
                callbacks=Callbacks(on_stdout, on_stderr, on_result, on_error, on_input),
            )
        )

    def fork(self, *, share_files: bool = True) -> Context:
        """An independent twin that goes on from where this context is: variables, imports, open files.

        It sees the sandbox's files as this one does; with ``share_files=False`` it has a copy of them of its
        own, which the sandbox's files API doesn't show. A run that is under way is waited for. Costs no copy
        of the memory: what neither side changes is shared.
        """
        return Context(self._sandbox, drive(self._sandbox.fork_context(self.id, share_files)))

    def snapshot(self) -> Snapshot:
        """The context as it is now, with a copy of the files; a run that is under way is waited for."""
        return drive(self._sandbox.snapshot_context(self.id))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to where the snapshot is. Files of the sandbox stay as they are.

        Raises `SnapshotMismatchError`, and the context is as it was.
        """
        drive(self._sandbox.restore_context(self.id, snapshot))

    def restart(self) -> None:
        """A fresh interpreter: variables and imports are gone, running code is ended, files stay."""
        drive(self._sandbox.restart_context(self.id))

    def interrupt(self) -> bool:
        """Interrupt the code that runs, from any thread: it gets a `KeyboardInterrupt`, as by Ctrl-C, and the
        context keeps its state; if it has not stopped after ``grace_seconds`` it is stopped hard. False, and
        nothing happens, if none runs. Doesn't wait for the end."""
        return self._sandbox.interrupt_context(self.id)

    def delete(self) -> None:
        """End the context."""
        self._sandbox.delete_context(self.id)


def check_snapshot_arguments(
    snapshot: Snapshot | None,
    language: str,
    cwd: str | None,
    env: Mapping[str, str] | None,
    share_files: bool,
) -> None:
    """Arguments of `create_code_context` that exclude each other."""
    if snapshot is None:
        if not share_files:
            raise ValueError("share_files=False needs a snapshot, whose files the context then has")
        return
    from .snapshots import Snapshot

    if not isinstance(snapshot, Snapshot):
        raise TypeError(f"snapshot is a Snapshot, not {type(snapshot).__name__}")
    if cwd is not None or env is not None or language != "python":
        raise ValueError("a context from a snapshot has the language, cwd and env of the snapshot")


def context_id(context: ContextBase | str | None) -> str | None:
    """The id behind what the user passed as ``context``."""
    if context is None or isinstance(context, str):
        return context
    if isinstance(context, ContextBase):
        return context.id
    raise TypeError(f"context is a context or its id, not {type(context).__name__}")


class ProcessBase:
    """What a process of either API tells about itself."""

    def __init__(self, core: BackgroundProcess) -> None:
        self._core = core

    @property
    def pid(self) -> int:
        """Its number in the sandbox."""
        return self._core.pid

    @property
    def command(self) -> str:
        """As it was given."""
        return self._core.command

    @property
    def status(self) -> ProcessStatus:
        """ "running", "completed" (exit code 0), "failed" (another one) or "killed"."""
        return self._core.status

    @property
    def exit_code(self) -> int | None:
        """As in `CommandResult`; None while it runs."""
        return self._core.exit_code

    @property
    def started_at(self) -> datetime:
        return self._core.started_at

    @property
    def ended_at(self) -> datetime | None:
        return self._core.ended_at

    @property
    def stdout(self) -> str:
        """What it wrote so far; of more than ``max_output_bytes`` the end."""
        return self._core.logs("stdout")

    @property
    def stderr(self) -> str:
        return self._core.logs("stderr")

    def write_stdin(self, data: str | bytes) -> None:
        """Give it more to read, if it was started with ``stdin=True``. Doesn't wait until it is read.

        Raises `SandboxError` if its stdin is closed, or too much waits already.
        """
        self._core.write_stdin(data)

    def close_stdin(self) -> None:
        """It reads the end of the file after what was written. Idempotent."""
        self._core.close_stdin()

    def kill(self, signal: int = SIGTERM) -> None:
        """End it and what it started. Without effect if it is over."""
        self._core.kill(signal)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pid} {self.status} {self.command!r}>"


class Process(ProcessBase):
    """A command in the background."""

    def wait(self, timeout: float | None = None) -> int:
        """Until it is over, at most ``timeout`` seconds (`TimeoutError` then): its exit code."""
        call = self._core.wait_call(None)
        if not call.wait_at_most(timeout):
            raise TimeoutError(f"process {self.pid} still runs after {timeout:g} s")
        assert self.exit_code is not None
        return self.exit_code


class SandboxBase:
    """What a sandbox of either API tells about itself."""

    _API: ClassVar[str]
    _core: SandboxCore

    def __init__(
        self, id: str | None = None, *, snapshot: Snapshot | None = None, **options: Unpack[SandboxSettings]
    ) -> None:
        self._is_face_of(_open(id, SandboxOptions.of(options), snapshot))

    def _is_face_of(self, core: CoreBase) -> None:
        # Any core has the methods and attributes that the APIs use, which the tests show: they are the same.
        self._core = cast("SandboxCore", core)
        core.faces[self._API] = self

    @classmethod
    def _find(cls, id: str, options: SandboxSettings) -> Self | None:
        """The live sandbox with this id in this API; the same object each time. None if there is none."""
        core = Runtime.shared().find(id)
        if core is None:
            return None
        if options:
            given = ", ".join(options)
            raise SandboxError(f"sandbox {id!r} is open already; options can't be changed ({given})")
        face = core.faces.get(cls._API)
        if isinstance(face, cls):
            return face
        sandbox = cls.__new__(cls)
        sandbox._is_face_of(core)
        return sandbox

    @overload
    def expose(
        self,
        function: F,
        *,
        name: str | None = None,
        gate: Callable[[ToolCall], Any] | None = None,
        **limits: Unpack[ToolLimits],
    ) -> F: ...

    @overload
    def expose(
        self,
        *,
        name: str | None = None,
        gate: Callable[[ToolCall], Any] | None = None,
        **limits: Unpack[ToolLimits],
    ) -> Callable[[F], F]: ...

    def expose(
        self,
        function: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        gate: Callable[[ToolCall], Any] | None = None,
        **limits: Unpack[ToolLimits],
    ) -> Any:
        """Make a function of the host callable from guest code: ``from host import lookup``.

        Also a decorator, with or without arguments. Arguments are validated against the annotations; the
        function, plain or ``async``, runs in the thread or task that waits for the run. Contexts that run
        already see it too. The options are `Tool`'s.
        """
        if function is None:
            return lambda decorated: self.expose(decorated, name=name, gate=gate, **limits)
        from .tool import Tool

        self._core.tools.add(Tool(function=function, name=name, gate=gate, **limits))
        return function

    @property
    def network_log(self) -> list[NetworkAttempt]:
        """What code tried to do on the network, allowed or not, oldest first."""
        return self._core.network.attempts()

    @property
    def id(self) -> str:
        """What `get_sandbox` finds it by."""
        return self._core.id

    @property
    def closed(self) -> bool:
        return self._core.closed

    @property
    def created_at(self) -> datetime:
        return self._core.created_at

    @property
    def cpu_seconds_left(self) -> float | None:
        """What is left of the CPU time; None without a limit. A run that is under way counts up to its last
        10 ms."""
        return self._core.budget.cpu_seconds_left

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id!r}{' closed' if self.closed else ''}>"


class Sandbox(SandboxBase):
    """A place to run untrusted code: a virtual filesystem and contexts in which code runs.

    Options, all keywords:

    - ``env``: environment variables of all contexts.
    - ``cwd``: where contexts start and relative paths of the files API begin ("/workspace").
    - ``limits``: a `Limits`, or a mapping with its fields: time, memory, files, output and more. Each limit
      is a keyword of its own too, which counts more: ``timeout`` (30 seconds a run; None for no deadline),
      ``memory_bytes`` (1 GiB a context), ``disk_bytes`` (1 GiB), ``max_output_bytes`` (64 MiB a run), …
    - ``mounts``: path → `HostFolder`, `ZipArchive`, `MemoryFolder`, `FsspecFolder`; a plain path of the host
      is a read-only `HostFolder`.
    - ``max_live_contexts``: interpreters that are kept in memory; the state of those that were not used for
      longest is put on disk, and comes back with the next run. None: all of them (None).
    - ``on_crash``: after the interpreter was lost, "restart" boots a fresh one for the next run, "restore"
      goes on from the context's last snapshot (a fresh one if there is none), "error" raises
      `ContextBrokenError` until the context is restarted ("restart").
    - ``preload``: modules that are imported already in every context, from an image that is made once and
      kept in the cache; None boots each interpreter from scratch (the usual ones of the standard library,
      numpy, pandas and matplotlib.pyplot; with less than 128 MiB of ``memory_bytes`` the standard library's).
    - ``network``: a `NetworkPolicy`, what code may reach; None: nothing (None).
    - ``tools``: functions of the host, or `Tool`s, that guest code imports from ``host`` (none); see
    `expose`.
    - ``deterministic``: a `Deterministic`: randomness from a seed and clocks of its own, so that the same
      code does the same each time (None).
    - ``clock_resolution_seconds``: the steps in which code sees its clocks (a microsecond).

    - ``isolation``: "process" gives the sandbox a process of its own ("thread").
    - ``packages``: a `PackagePolicy`: what ``pip install`` may install, from where (None: nothing).
    - ``npm``: an `NpmPolicy`: the same for ``npm install``.

    With ``snapshot`` the sandbox has the files and contexts of a `Snapshot`, with the same context ids; the
    options are those given here, and mounts of the host have to be given again.

    Close it, or use it in a ``with`` statement. All methods may be called from any thread.
    """

    _API = "sync"

    # ---- contexts -----------------------------------------------------------------------------------

    def create_code_context(
        self,
        *,
        language: str = "python",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        snapshot: Snapshot | None = None,
        share_files: bool = True,
    ) -> Context:
        """A new context with a booted interpreter.

        With ``snapshot`` (of one context) it goes on from there, so ``language``, ``cwd`` and ``env`` are the
        snapshot's. It sees the sandbox's files; with ``share_files=False`` it has the snapshot's, as a copy
        of its own. Files that are open in the snapshot are found by what they are in the sandbox that it was
        taken from, by their path in others; those that aren't there are closed.
        """
        check_snapshot_arguments(snapshot, language, cwd, env, share_files)
        if snapshot is not None:
            return Context(self._core, drive(self._core.create_from_snapshot(snapshot, share_files)))
        return Context(self._core, drive(self._core.create_context(language, cwd, env)))

    def snapshot(self) -> Snapshot:
        """All contexts and the files at one moment; runs that are under way are waited for."""
        return drive(self._core.snapshot())

    def list_code_contexts(self) -> list[Context]:
        """All contexts, oldest first, the default one included once it was used."""
        return [Context(self._core, context) for context in self._core.contexts()]

    def get_code_context(self, context: Context | str) -> Context:
        """The context with this id. Raises `ContextNotFoundError`."""
        return Context(self._core, self._core.context(context_id(context) or ""))

    def delete_code_context(self, context: Context | str) -> None:
        """End a context, the code it runs included. Raises `ContextNotFoundError`."""
        self._core.delete_context(context_id(context) or "")

    def interrupt_code_context(self, context: Context | str) -> bool:
        """Interrupt the code that a context runs; as `Context.interrupt`."""
        return self._core.interrupt_context(context_id(context) or "")

    def restart_code_context(self, context: Context | str) -> Context:
        """Give a context a fresh interpreter."""
        return Context(self._core, drive(self._core.restart_context(context_id(context) or "")))

    def run_code(
        self,
        code: str,
        *,
        context: Context | str | None = None,
        language: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float | Unset | None = UNSET,
        on_stdout: Callable[[str], Any] | None = None,
        on_stderr: Callable[[str], Any] | None = None,
        on_result: Callable[[Result], Any] | None = None,
        on_error: Callable[[ExecutionError], Any] | None = None,
        on_input: Callable[[str], str | None] | None = None,
    ) -> Execution:
        """Run code and return what came of it; the code's own failure is in ``Execution.error``.

        Without ``context`` it runs in the default context of ``language`` (Python). ``env`` and ``cwd`` hold
        for this run alone; ``timeout`` is in seconds. The callbacks are called in this thread, live: an entry
        of stdout or stderr (a `str`), a `Result`, an `ExecutionError`. ``on_input`` gets the prompt of
        `input()` and returns the line; without it `input()` raises in the guest. When a callback raises, the
        code is interrupted, its context keeps its state, and the exception comes out of `run_code`; Ctrl-C
        does the same.
        """
        return drive(
            self._core.run_code(
                code,
                context_id=context_id(context),
                language=language,
                env=env,
                cwd=cwd,
                timeout=timeout,
                callbacks=Callbacks(on_stdout, on_stderr, on_result, on_error, on_input),
            )
        )

    # ---- commands -----------------------------------------------------------------------------------

    def exec(
        self,
        command: str | Sequence[str],
        *,
        cwd: StrPath | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | Unset | None = UNSET,
        stdin: str | bytes | None = None,
        on_stdout: Callable[[str], Any] | None = None,
        on_stderr: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        """Run a command line in the sandbox's shell and wait for its end; a list of words is run as it is.

        The shell is dash, with Python and the usual utilities; nothing of the host is reached. ``env`` adds
        to the sandbox's variables, ``stdin`` is what the command reads. ``timeout`` is in seconds, by default
        the sandbox's. The callbacks are called in this thread with output as it comes. When the shell ends,
        what it left in the background is ended too; `start_process` is for what goes on. Raises `PolicyError`
        over ``max_processes``.
        """
        request = self._core.command_request(command, cwd=cwd, env=env, timeout=timeout, stdin=stdin)
        return drive(self._core.exec_steps(request, on_stdout, on_stderr, None))

    def install_packages(self, packages: Sequence[str], *, language: str = "python") -> list[str]:
        """Install packages as ``pip install`` does: "name==version" of each that was not there already.

        With ``language="javascript"`` (or "typescript") as ``npm install`` does, into the project of the
        sandbox's ``cwd``: "name@version" of each. An empty list means what its package.json asks for.
        Raises `PolicyError` unless the sandbox's ``packages``, or ``npm``, allow it, `PackageInstallError`.
        """
        return self._core.install_packages(packages, language)

    def start_process(
        self,
        command: str | Sequence[str],
        *,
        cwd: StrPath | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        stdin: str | bytes | bool | None = None,
    ) -> Process:
        """Start a command and go on; it runs until it ends, is killed, or the sandbox is closed.

        With ``stdin=True`` its stdin stays open for `write_stdin`, until `close_stdin`.
        """
        request = self._core.command_request(command, cwd=cwd, env=env, timeout=timeout, stdin=stdin)
        if isinstance(command, str):
            shown = command
        else:
            import shlex

            shown = shlex.join(command)
        return Process(self._core.commands.start(shown, request))

    def list_processes(self) -> list[Process]:
        """What `start_process` started, oldest first, also what is over."""
        return [Process(core) for core in self._core.commands.list()]

    def get_process(self, pid: int) -> Process:
        """One of these. Raises `SandboxError`."""
        return Process(self._core.commands.get(pid))

    def kill_process(self, pid: int, signal: int = SIGTERM) -> None:
        """End one of these and what it started. Raises `SandboxError`."""
        self._core.commands.get(pid).kill(signal)

    # ---- files --------------------------------------------------------------------------------------

    def read_file(self, path: StrPath, *, encoding: Encoding = "utf-8") -> FileContent:
        """Read a file; ``encoding`` is a text encoding, "base64", or None for bytes."""
        return self._core.files.read(path, encoding=encoding)

    def write_file(
        self,
        path: StrPath,
        content: str | bytes | bytearray | memoryview,
        *,
        encoding: Encoding = "utf-8",
        mode: int | None = None,
        append: bool = False,
    ) -> FileInfo:
        """Write text or bytes; directories above are made. ``mode`` sets the permission bits."""
        return self._core.files.write(path, content, encoding=encoding, mode=mode, append=append)

    def read_file_chunks(self, path: StrPath, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Read a large file piece by piece."""
        return self._core.files.read_chunks(path, chunk_bytes)

    def write_file_chunks(self, path: StrPath, chunks: Iterable[bytes]) -> FileInfo:
        """Write a large file from pieces."""
        return self._core.files.write_chunks(path, chunks)

    def list_files(
        self, path: StrPath = ".", *, recursive: bool = False, hidden: bool = False
    ) -> list[FileInfo]:
        """What a directory holds, sorted by path."""
        return self._core.files.list(path, recursive=recursive, hidden=hidden)

    def exists(self, path: StrPath) -> bool:
        """Whether there is something at ``path``."""
        return self._core.files.exists(path)

    def stat(self, path: StrPath, *, follow_symlinks: bool = True) -> FileInfo:
        """What is at ``path``."""
        return self._core.files.stat(path, follow_symlinks=follow_symlinks)

    def mkdir(self, path: StrPath, *, parents: bool = True, exist_ok: bool = True) -> FileInfo:
        """Make a directory."""
        return self._core.files.mkdir(path, parents=parents, exist_ok=exist_ok)

    def rename(self, path: StrPath, new_path: StrPath) -> FileInfo:
        """Rename within one mount, replacing a file that is there."""
        return self._core.files.rename(path, new_path)

    def move(self, path: StrPath, new_path: StrPath) -> FileInfo:
        """Move a file or directory anywhere, into a directory if ``new_path`` is one."""
        return self._core.files.move(path, new_path)

    def copy(self, path: StrPath, new_path: StrPath) -> FileInfo:
        """Copy a file or directory, into a directory if ``new_path`` is one."""
        return self._core.files.copy(path, new_path)

    def symlink(self, target: str, path: StrPath) -> FileInfo:
        """Make a symbolic link at ``path``."""
        return self._core.files.symlink(target, path)

    def delete_file(self, path: StrPath, *, recursive: bool = False, missing_ok: bool = False) -> None:
        """Remove a file or a directory; a directory that is not empty needs ``recursive``."""
        self._core.files.delete(path, recursive=recursive, missing_ok=missing_ok)

    def upload(self, host_path: str | Path, path: StrPath) -> FileInfo:
        """Copy a file or folder of the host into the sandbox."""
        return self._core.files.upload(host_path, path)

    def download(self, path: StrPath, host_path: str | Path) -> Path:
        """Copy a file or directory of the sandbox to the host."""
        return self._core.files.download(path, host_path)

    def disk_usage(self) -> dict[str, int | None]:
        """``bytes_used``, ``bytes_limit``, ``files_used``, ``files_limit`` of the filesystem in memory."""
        return self._core.files.usage()

    # ---- ending -------------------------------------------------------------------------------------

    def close(self) -> None:
        """End all contexts and drop the files. Idempotent."""
        self._core.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def get_sandbox(id: str, **options: Unpack[SandboxSettings]) -> Sandbox:
    """The live sandbox with this id, or a new one with these options.

    Raises `SandboxError` when options are given for a sandbox that is open already.
    """
    return Sandbox._find(id, options) or Sandbox(id, **options)


def prepare(
    preload: Sequence[str] | None = DEFAULT_MODULES, *, languages: Sequence[str] = ("python",)
) -> None:
    """Compile the guests of these languages and make the images that their contexts start from, or find both
    in the cache: ahead of the first sandbox, for a container's layer or CI. ``preload`` is Python's.

    Raises `LanguageNotAvailableError`.
    """
    runtime = Runtime.shared()
    run = runtime.engine.threads.run
    for language in {check_language(each): None for each in languages}:
        if language == "python" and preload is None:
            run(runtime.python.program)
        elif language == "python":
            modules = check_modules(preload or ())
            run(lambda modules=modules: runtime.python.image(modules))  # type: ignore[misc]
        else:
            run(runtime.javascript.image)
            if language == "typescript":
                run(runtime.javascript.typescript.prepare)


def set_process_limits(*, max_sandboxes: int | None = None, max_concurrent_runs: int | None = None) -> None:
    """Change the limits of all sandboxes of this process together: sandboxes that are open at once (10,000),
    and runs that are under way at once (1,024). None leaves one as it is. Who would go over one gets a
    `PolicyError`."""
    runtime = Runtime.shared()
    given = {"max_sandboxes": max_sandboxes, "max_concurrent_runs": max_concurrent_runs}
    changes = {name: value for name, value in given.items() if value is not None}
    runtime.set_limits(dataclasses.replace(runtime.limits, **changes))
