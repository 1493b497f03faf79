"""Commands of a sandbox: `exec`, and processes that go on in the background."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pywasm_sandbox._guests.base import RunEnd
from pywasm_sandbox._guests.protocol import Failed, Output
from pywasm_sandbox._processes.guest_calls import ContextProcesses
from pywasm_sandbox._processes.job import Job
from pywasm_sandbox._processes.launcher import Launcher
from pywasm_sandbox._processes.table import SIGKILL, Launch, Process
from pywasm_sandbox._wasi import FdTable
from pywasm_sandbox._wasi.errnos import WasiError
from pywasm_sandbox._wasi.pipes import BytesReader, FedReader, OutputEnd, pipe_fd
from pywasm_sandbox.errors import PolicyError, SandboxError

from .calls import Call
from .steps import Invoke, Steps, Wait

if TYPE_CHECKING:
    from pywasm_sandbox._guests.hostcalls import Handler
    from pywasm_sandbox._vfs.namespace import Namespace
    from pywasm_sandbox.models import CommandResult

__all__ = [
    "BackgroundProcess",
    "CommandOutcome",
    "CommandRequest",
    "Commands",
    "ProcessStatus",
    "RunningCommand",
    "command_steps",
    "exit_code_of",
    "stdin_bytes",
]

ProcessStatus = Literal["running", "completed", "failed", "killed"]
SHELL: Final = "/usr/bin/sh"
MAX_STDIN_BYTES: Final = 16 << 20
"""What may wait to be read by a process in the background."""
TIMEOUT_EXIT_CODE: Final = 124
"""Of a command that its timeout ended, as coreutils' ``timeout`` has it."""


def exit_code_of(status: int) -> int:
    """The exit code that a shell gives to a status of `waitpid`."""
    return 128 + (status & 0x7F) if status & 0x7F else status >> 8 & 0xFF


def stdin_bytes(stdin: str | bytes | bool | None) -> bytes:
    """What a command reads, text as UTF-8."""
    if isinstance(stdin, str):
        return stdin.encode("utf-8", "surrogateescape")
    return b"" if stdin is None or isinstance(stdin, bool) else stdin


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """What `exec` asks for."""

    words: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    timeout: float | None
    stdin: bytes = b""
    keep_stdin: bool = False
    """More may come, until it is closed."""


class _ToCall:
    """A job's output and end become events of a call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.job: Job | None = None
        self.status = 0
        self.failed: Failed | None = None

    def output(self, output: Output) -> None:
        self._call.post(output)
        self._call.publish(lambda: self.job is None or self.job.ending)

    def ended(self, status: int, failed: Failed | None, failure: BaseException | None) -> None:
        self.status, self.failed = status, failed
        self._call.finish(None if failure is not None else RunEnd(), failure)


class BackgroundProcess:
    """A command that goes on while the caller does something else, with the last of its output."""

    def __init__(self, command: str, max_log_bytes: int) -> None:
        self.command = command
        self.started_at = datetime.now(UTC)
        self.ended_at: datetime | None = None
        self.pid = 0
        self.job: Job | None = None
        self.stdin: FedReader | None = None
        self._max_log_bytes = max_log_bytes
        self._lock = threading.Condition()
        self._logs: deque[Output] = deque()
        self._size = 0
        self.truncated = False
        self._status: int | None = None
        self._failed: Failed | None = None
        self._waiting: list[Call] = []

    def output(self, output: Output) -> None:
        with self._lock:
            self._logs.append(output)
            self._size += len(output.text)
            while self._size > self._max_log_bytes and len(self._logs) > 1:
                self._size -= len(self._logs.popleft().text)
                self.truncated = True

    def ended(self, status: int, failed: Failed | None, failure: BaseException | None) -> None:
        with self._lock:
            self._status, self._failed = status, failed
            if failure is not None and failed is None:
                self._failed = Failed(type(failure).__name__, str(failure))
            self.ended_at = datetime.now(UTC)
            waiting, self._waiting = self._waiting, []
        for call in waiting:
            call.finish(RunEnd())

    def logs(self, stream: str) -> str:
        """What it wrote to a stream, as far as it is kept."""
        with self._lock:
            return "".join(each.text for each in self._logs if each.stream == stream)

    @property
    def failed(self) -> Failed | None:
        """The limit that ended it."""
        return self._failed

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        if self._status is None:
            return None
        if self._failed is not None and self._failed.name == "ExecutionTimeout":
            return TIMEOUT_EXIT_CODE
        return exit_code_of(self._status)

    @property
    def status(self) -> ProcessStatus:
        if self._status is None:
            return "running"
        if self._status & 0x7F:
            return "killed"
        return "completed" if self._status == 0 else "failed"

    def kill(self, number: int) -> None:
        """End it and what it started."""
        if self.job is not None:
            self.job.end(number)

    def write_stdin(self, data: str | bytes) -> None:
        """Give it more to read. Raises `SandboxError`."""
        if self.stdin is None:
            raise SandboxError("its stdin is closed: start_process(…, stdin=True) keeps it open")
        if not self.stdin.feed(stdin_bytes(data)):
            if self._status is not None or self.stdin.ended:
                raise SandboxError(f"process {self.pid} doesn't read any more, or its stdin was closed")
            raise SandboxError(f"{MAX_STDIN_BYTES} bytes wait to be read by process {self.pid} already")

    def close_stdin(self) -> None:
        """It reads the end of the file after what was written. Idempotent."""
        if self.stdin is not None:
            self.stdin.end()

    def wait_call(self, notify: Callable[[], None] | None) -> Call:
        """A call that ends with the process."""
        call = Call(notify)
        with self._lock:
            if self._status is None:
                self._waiting.append(call)
                return call
        call.finish(RunEnd())
        return call


class Commands:
    """The commands of one sandbox."""

    def __init__(self, launcher: Launcher, *, max_output_bytes: int, max_open_files: int) -> None:
        self.launcher = launcher
        self._max_output_bytes = max_output_bytes
        self._max_open_files = max_open_files
        self._lock = threading.Lock()
        self._background: dict[int, BackgroundProcess] = {}
        self._of_contexts: dict[str, ContextProcesses] = {}

    # ---- running ------------------------------------------------------------------------------------

    def _start(
        self, request: CommandRequest, listener: Any, stdin: FedReader | None = None
    ) -> tuple[Job, Process]:
        job = Job(
            listener,
            timeout=request.timeout,
            max_output_bytes=self._max_output_bytes,
            end_process=self.launcher.table.end,
        )
        listener.job = job
        fds = FdTable(self._max_open_files)
        reader = BytesReader(request.stdin) if stdin is None else stdin
        fds.insert(pipe_fd(reader, writable=False))
        for number in (1, 2):
            fds.insert(pipe_fd(OutputEnd(job.write, number), writable=True))
        launch = Launch(SHELL, request.words, dict(request.env), request.cwd)
        try:
            return job, self.launcher.start(job, launch, fds)
        except WasiError as error:
            limit = self.launcher.table.limit
            if job.was_refused:
                raise PolicyError(
                    f"{limit} processes run already, as many as max_processes allows"
                ) from error
            raise SandboxError(f"the command can't be started (errno {error.errno})") from error

    def begin(self, request: CommandRequest, notify: Callable[[], None] | None) -> RunningCommand:
        """Start a command whose output is taken from its call."""
        call = Call(notify)
        listener = _ToCall(call)
        job, _ = self._start(request, listener)
        return RunningCommand(call, listener, job)

    # ---- in the background --------------------------------------------------------------------------

    def start(self, command: str, request: CommandRequest) -> BackgroundProcess:
        """Start a command and go on."""
        background = BackgroundProcess(command, self._max_output_bytes)
        if request.keep_stdin:
            background.stdin = FedReader(MAX_STDIN_BYTES)
        _, process = self._start(request, background, background.stdin)
        background.pid = process.pid
        with self._lock:
            self._background[process.pid] = background
        return background

    def list(self) -> list[BackgroundProcess]:
        """Those that were started, oldest first, also those that are over."""
        with self._lock:
            return list(self._background.values())

    def get(self, pid: int) -> BackgroundProcess:
        """By number. Raises `SandboxError`."""
        with self._lock:
            found = self._background.get(pid)
        if found is None:
            raise SandboxError(f"no process {pid} was started here")
        return found

    # ---- contexts -----------------------------------------------------------------------------------

    def handlers(self, context_id: str, namespace: Namespace) -> Mapping[str, Handler]:
        """The host calls by which a context's code starts processes."""
        made = ContextProcesses(self.launcher.over(namespace), self._max_open_files)
        with self._lock:
            before = self._of_contexts.get(context_id)
            self._of_contexts[context_id] = made
        if before is not None:
            before.close()
        return made.handlers()

    def end_context(self, context_id: str) -> None:
        """A context is gone, and so are its processes."""
        with self._lock:
            made = self._of_contexts.pop(context_id, None)
        if made is not None:
            made.close()

    def close(self) -> None:
        """End all processes."""
        self.launcher.table.close()


class RunningCommand:
    """A command that somebody waits for: `call` has its output and its end."""

    def __init__(self, call: Call, listener: _ToCall, job: Job) -> None:
        self.call = call
        self._listener = listener
        self._job = job

    def end(self) -> None:
        """Stop it at once."""
        self._job.end(SIGKILL)

    def outcome(self) -> CommandOutcome:
        """How it ended, once its call is over. Raises what kept it from ending by itself."""
        self.call.end()
        return CommandOutcome(self._listener.status, self._listener.failed, self._job.truncated)


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """The status of `waitpid`, the limit that ended the command, and whether output was dropped."""

    status: int
    failed: Failed | None
    truncated: bool


class Command(Protocol):
    """What `command_steps` needs of a running command."""

    call: Call

    def end(self) -> None: ...

    def outcome(self) -> CommandOutcome: ...


def command_steps(
    command: Command, on_stdout: Callable[[str], Any] | None, on_stderr: Callable[[str], Any] | None
) -> Steps[CommandResult]:
    """Take a command's output until it is over."""
    started, call = time.monotonic(), command.call
    texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
    callbacks = {"stdout": on_stdout, "stderr": on_stderr}
    try:
        done = False
        while not done:
            yield Wait(call)
            events, done = call.take()
            for event in events:
                assert isinstance(event, Output)
                texts[event.stream].append(event.text)
                callback = callbacks[event.stream]
                if callback is not None:
                    yield Invoke(callback, event.text)
    except GeneratorExit:
        call.abandon()
        command.end()
        raise
    except BaseException:
        call.abandon()
        command.end()
        while not call.done:
            yield Wait(call, shielded=True)
        raise
    return _result(texts, command.outcome(), time.monotonic() - started)


def _result(texts: dict[str, list[str]], outcome: CommandOutcome, seconds: float) -> CommandResult:
    from pywasm_sandbox import models

    error, code = None, exit_code_of(outcome.status)
    if outcome.failed is not None:
        name, message = outcome.failed.name, outcome.failed.message
        error = models.ExecutionError(name=name, message=message)
        if name == "ExecutionTimeout":
            code = TIMEOUT_EXIT_CODE
    return models.CommandResult(
        stdout="".join(texts["stdout"]),
        stderr="".join(texts["stderr"]),
        exit_code=code,
        duration_seconds=seconds,
        error=error,
        truncated=outcome.truncated,
    )
