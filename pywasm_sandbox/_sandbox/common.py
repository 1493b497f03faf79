"""What a sandbox is wherever its guests run: in this process (`core`) or in one of its own (`isolation`)."""

from __future__ import annotations

import errno
import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pywasm_sandbox._guests.tree import BASE_ENV
from pywasm_sandbox.errors import SandboxClosedError, SandboxNotADirectoryError

from .budget import Seated, Seats
from .contexts import RunRequest
from .options import SandboxOptions, Unset, check_env, check_timeout
from .runs import Callbacks, RunsCode, run_steps
from .runtime import Runtime, check_language

if TYPE_CHECKING:
    from pywasm_sandbox.models import CommandResult, Execution

    from .commands import CommandRequest, Commands
    from .files import Files
    from .isolation.remote import RemoteCommands, RemoteFiles
    from .steps import Steps

__all__ = ["CoreBase"]


class CoreBase(ABC):
    """Name, options and lifetime of a sandbox, and what its runs and commands are asked for with."""

    files: Files | RemoteFiles

    def __init__(self, sandbox_id: str | None, options: SandboxOptions) -> None:
        self.id = os.urandom(16).hex() if sandbox_id is None else sandbox_id
        if not isinstance(self.id, str) or not self.id:
            raise ValueError("a sandbox id is a text that is not empty")
        self.options = options
        self.created_at = datetime.now(UTC)
        self.faces: dict[str, object] = {}
        """The API objects that stand for this sandbox, so that finding it gives the same one."""
        self._runtime = Runtime.shared()
        self._seats = Seats(options.limits.max_concurrent_runs, f"sandbox {self.id!r}")
        self._lock = threading.Lock()
        self._closed = False
        self._expired = False
        self._expiry: threading.Timer | None = None

    # ---- life ---------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """It is complete: others may find it, and its lifetime begins. Raises `SandboxExistsError`,
        `PolicyError`."""
        self._runtime.register(self)
        if self.options.limits.lifetime_seconds is not None:
            self._expiry = _expire_later(self, self.options.limits.lifetime_seconds)

    def _check_open(self) -> None:
        if self._expired:
            seconds = self.options.limits.lifetime_seconds
            raise SandboxClosedError(f"sandbox {self.id!r} is closed: its lifetime of {seconds:g} s is over")
        if self._closed:
            raise SandboxClosedError(f"sandbox {self.id!r} is closed")

    @abstractmethod
    def expire(self) -> None:
        """The lifetime is over. Runs were asked to stop, and have their grace; nothing new begins."""

    # ---- running ------------------------------------------------------------------------------------

    @abstractmethod
    def default_context(self, language: str) -> RunsCode:
        """The context for runs that name none; made on first use."""

    @abstractmethod
    def known_context(self, context_id: str) -> RunsCode:
        """The context with this id, for a run in it. Raises `ContextNotFoundError`, here or in the run."""

    def run_code(
        self,
        code: str,
        *,
        context_id: str | None,
        language: str | None,
        env: Mapping[str, str] | None,
        cwd: str | None,
        timeout: float | Unset | None,
        callbacks: Callbacks,
        notify: Callable[[], None] | None = None,
    ) -> Steps[Execution]:
        """Run code in a context, by default the language's default one, for the sandbox's ``timeout``."""
        if not isinstance(code, str):
            raise TypeError(f"code is a str, not {type(code).__name__}")
        if context_id is None:
            context = self.default_context(language or "python")
        else:
            context = self.known_context(context_id)
            if language is not None and check_language(language) != context.language:
                raise ValueError(f"context {context_id} runs {context.language}, not {language}")
        request = RunRequest(
            code,
            env=check_env(env) or None,
            cwd=None if cwd is None else self.files.absolute(cwd),
            timeout=self._seconds(timeout),
            grace_seconds=self.options.limits.grace_seconds,
            allow_input=callbacks.on_input is not None,
        )
        with Seated(self._seats, self._runtime.seats):
            return (yield from run_steps(context, request, callbacks, notify))

    def _seconds(self, timeout: float | Unset | None) -> float | None:
        return self.options.limits.timeout if isinstance(timeout, Unset) else check_timeout(timeout)

    @abstractmethod
    def install_packages(self, packages: Sequence[str], language: str) -> list[str]:
        """See `Sandbox.install_packages`."""

    # ---- commands -------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def commands(self) -> Commands | RemoteCommands:
        """The processes of this sandbox."""

    def command_request(
        self,
        command: str | Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
        timeout: float | Unset | None,
        stdin: str | bytes | bool | None = None,
    ) -> CommandRequest:
        """A command line for the shell, or words that are run as they are. Checks what was given."""
        if isinstance(command, str):
            line = command
        elif all(isinstance(word, str) for word in command) and command:
            import shlex

            line = shlex.join(command)
        else:
            raise TypeError("command is a str, or a list of str that is not empty")
        if "\0" in line:
            raise ValueError("a command can't contain a NUL")
        from .commands import CommandRequest, stdin_bytes

        folder = self.files.stat(self.options.cwd if cwd is None else cwd)
        if not folder.is_directory:
            raise SandboxNotADirectoryError(errno.ENOTDIR, "the cwd is no directory", folder.path)
        return CommandRequest(
            ("sh", "-c", line),
            env={**BASE_ENV, **self.options.env, **check_env(env), "PWD": folder.path},
            cwd=folder.path,
            timeout=self._seconds(timeout),
            stdin=stdin_bytes(stdin),
            keep_stdin=stdin is True,
        )

    def exec_steps(
        self,
        request: CommandRequest,
        on_stdout: Callable[[str], Any] | None,
        on_stderr: Callable[[str], Any] | None,
        notify: Callable[[], None] | None,
    ) -> Steps[CommandResult]:
        """Run a command to its end. What ends the wait early ends the command."""
        from .commands import command_steps

        return command_steps(self.commands.begin(request, notify), on_stdout, on_stderr)


def _expire_later(core: CoreBase, seconds: float) -> threading.Timer:
    """The timer of a sandbox's lifetime; a sandbox that nobody has any more is not kept for it."""
    reference = weakref.ref(core)

    def expire() -> None:
        sandbox = reference()
        if sandbox is not None:
            sandbox.expire()

    # A thread can't wait for longer than this, nor does any process live for 292 years.
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), expire)
    timer.name, timer.daemon = f"pywasm-sandbox-lifetime-{core.id[:8]}", True
    timer.start()
    return timer
