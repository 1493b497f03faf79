"""A sandbox in a process of its own, as both APIs see it: the methods and parts of `SandboxCore`."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING, Any, Final

from pywasm_sandbox._guests.hostcalls import HostCallError
from pywasm_sandbox._guests.protocol import ToolQuestion
from pywasm_sandbox._sandbox.commands import CommandOutcome, CommandRequest
from pywasm_sandbox._sandbox.common import CoreBase
from pywasm_sandbox._sandbox.contexts import RunRequest
from pywasm_sandbox._sandbox.files import absolute_path
from pywasm_sandbox._sandbox.options import SandboxOptions, check_env
from pywasm_sandbox._sandbox.runs import refuse_inside_callback
from pywasm_sandbox._sandbox.runtime import check_language
from pywasm_sandbox._sandbox.snapshots import Snapshot
from pywasm_sandbox._sandbox.steps import Steps, Wait
from pywasm_sandbox._sandbox.tool import Tool
from pywasm_sandbox._sandbox.tools import ToolBox, answer_inline
from pywasm_sandbox.errors import SandboxError

from .confine import Confinement
from .connection import Answer, Connection, RemoteCall
from .opening import Opening, ToolDeclaration, altered

if TYPE_CHECKING:
    from pywasm_sandbox._network.policy import NetworkPolicy
    from pywasm_sandbox._sandbox.calls import Call
    from pywasm_sandbox.models import FileInfo

__all__ = ["RemoteCore"]

logger = logging.getLogger("pywasm_sandbox")

_TOOL_LIMITS: Final = (
    "max_calls_per_second",
    "max_calls_per_run",
    "max_argument_bytes",
    "max_result_bytes",
)


class RemoteContext:
    """A context in the process."""

    def __init__(self, core: RemoteCore, about: Mapping[str, Any]) -> None:
        self._core = core
        self.id: str = about["id"]
        self.language: str = about["language"]
        self.cwd: str = about["cwd"]
        self.created_at: datetime = about["created_at"]
        self.tools: ToolBox = core.tools
        self._last = about

    def _about(self) -> Mapping[str, Any]:
        try:
            self._last = self._core.connection.ask("context", self.id)
        except Exception:  # deleted, or the sandbox is closed
            self._last = {**self._last, "status": "closed", "memory_bytes": 0}
        return self._last

    @property
    def last_used_at(self) -> datetime:
        found: datetime = self._about()["last_used_at"]
        return found

    @property
    def execution_count(self) -> int:
        return int(self._about()["execution_count"])

    @property
    def status(self) -> str:
        return str(self._about()["status"])

    @property
    def memory_bytes(self) -> int:
        return int(self._about()["memory_bytes"])

    # ---- for `run_steps`

    def run(self, request: RunRequest, notify: Callable[[], None] | None = None) -> RemoteCall:
        return self._core.connection.call("run", self.id, request, notify=notify)

    def withdraw(self, call: Call) -> None:
        assert isinstance(call, RemoteCall)
        self._core.connection.tell("withdraw", call.number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteContext) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


class RemoteFiles:
    """The files API; the methods are those of `Files`."""

    def __init__(self, core: RemoteCore) -> None:
        self._core = core

    def absolute(self, path: str | os.PathLike[str]) -> str:
        return absolute_path(path, self._core.options.cwd)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def ask(*args: Any, **kwargs: Any) -> Any:
            return self._core.ask("files", name, *args, **kwargs)

        return ask

    def write(
        self, path: str | os.PathLike[str], content: str | bytes | bytearray | memoryview, **options: Any
    ) -> FileInfo:
        # What else it may be, is said there.
        data = bytes(content) if isinstance(content, bytearray | memoryview) else content
        info: FileInfo = self._core.ask("files", "write", path, data, **options)
        return info

    def read_chunks(self, path: str | os.PathLike[str], chunk_bytes: int) -> Iterator[bytes]:
        number = self._core.ask("open_chunks", path, chunk_bytes)
        while (chunk := self._core.ask("next_chunk", number)) is not None:
            yield chunk

    def write_chunks(self, path: str | os.PathLike[str], chunks: Iterable[bytes]) -> FileInfo:
        info = self.write(path, b"")
        for chunk in chunks:
            info = self.write(path, chunk, append=True)
        return info

    def upload(self, host_path: str | Path, path: str | os.PathLike[str]) -> FileInfo:
        info: FileInfo = self._core.ask("upload", os.path.abspath(host_path), path)
        return info

    def download(self, path: str | os.PathLike[str], host_path: str | Path) -> Path:
        return Path(self._core.ask("download", path, os.path.abspath(host_path)))


class RemoteTools(ToolBox):
    """The functions are here, and what guests need to know of them is told to the process."""

    def __init__(self, core: RemoteCore, tools: Iterable[Callable[..., Any] | Tool]) -> None:
        # The connection's thread refers to this, and must not keep the sandbox alive.
        self._core: weakref.ref[RemoteCore] | None = None
        super().__init__(tools)
        self._core = weakref.ref(core)

    def add(self, tool: Tool, *, description: Mapping[str, Any] | None = None) -> str:
        name = super().add(tool, description=description)
        core = None if self._core is None else self._core()
        if core is not None:
            core.ask("declare", self.declaration(name))
        return name

    def is_inline(self, name: str) -> bool:
        """Whether it may be called on any thread."""
        try:
            return self._find(name).tool.inline
        except HostCallError:
            return False

    def answer_inline(self, question: ToolQuestion, context_id: str) -> bytes:
        """The reply to a call of such a tool, carried out here."""
        return answer_inline(self._find(question.name), question.args, question.kwargs, context_id)

    def declaration(self, name: str) -> ToolDeclaration:
        """What the process needs to know of a tool."""
        tool = self._find(name).tool
        limits = {limit: getattr(tool, limit) for limit in _TOOL_LIMITS}
        return ToolDeclaration(name, self.description(name), limits)


class RemoteProcess:
    """A background process there."""

    def __init__(self, core: RemoteCore, about: Mapping[str, Any]) -> None:
        self._core = core
        self._last = about
        self.pid: int = about["pid"]
        self.command: str = about["command"]
        self.started_at: datetime = about["started_at"]

    def _about(self) -> Mapping[str, Any]:
        if self._last["ended_at"] is None:
            try:
                self._last = self._core.ask("process", self.pid)
            except SandboxError:
                if not self._core.closed:
                    raise
                self._last = {
                    **self._last,
                    "ended_at": datetime.now(UTC),
                    "status": "killed",
                    "exit_code": 128 + SIGKILL,
                }
        return self._last

    @property
    def ended_at(self) -> datetime | None:
        ended: datetime | None = self._about()["ended_at"]
        return ended

    @property
    def status(self) -> str:
        return str(self._about()["status"])

    @property
    def exit_code(self) -> int | None:
        code: int | None = self._about()["exit_code"]
        return code

    def logs(self, stream: str) -> str:
        return str(self._core.ask("process_logs", self.pid, stream))

    def kill(self, number: int) -> None:
        self._core.ask("kill_process", self.pid, int(number))

    def write_stdin(self, data: str | bytes) -> None:
        self._core.ask("write_stdin", self.pid, data)

    def close_stdin(self) -> None:
        self._core.ask("close_stdin", self.pid)

    def wait_call(self, notify: Callable[[], None] | None) -> Answer:
        return self._core.connection.begin("request", "wait_process", (self.pid,), {}, notify=notify)


class _RemoteCommand:
    """For `command_steps`."""

    def __init__(self, connection: Connection, call: RemoteCall) -> None:
        self._connection = connection
        self.call: Call = call

    def end(self) -> None:
        assert isinstance(self.call, RemoteCall)
        self._connection.tell("end_command", self.call.number)

    def outcome(self) -> CommandOutcome:
        assert isinstance(self.call, RemoteCall)
        self.call.end()
        assert self.call.outcome is not None
        return self.call.outcome


class RemoteCommands:
    """As `Commands`."""

    def __init__(self, core: RemoteCore) -> None:
        self._core = core

    def begin(self, request: CommandRequest, notify: Callable[[], None] | None) -> _RemoteCommand:
        connection = self._core.connection
        return _RemoteCommand(connection, connection.call("exec", request, notify=notify))

    def start(self, command: str, request: CommandRequest) -> RemoteProcess:
        return RemoteProcess(self._core, self._core.ask("start_process", command, request))

    def list(self) -> list[RemoteProcess]:
        return [RemoteProcess(self._core, each) for each in self._core.ask("processes")]

    def get(self, pid: int) -> RemoteProcess:
        return RemoteProcess(self._core, self._core.ask("process", pid))


class _Attempts:
    def __init__(self, core: RemoteCore) -> None:
        self._core = core

    def attempts(self) -> Any:
        return self._core.ask("attempts")


class _BudgetLeft:
    def __init__(self, core: RemoteCore) -> None:
        self._core = core

    @property
    def cpu_seconds_left(self) -> float | None:
        left: float | None = self._core.ask("cpu_seconds_left")
        return left


class RemoteCore(CoreBase):
    """State and rules of a sandbox are in its process; callbacks, tools and the places for runs are here."""

    def __init__(
        self, sandbox_id: str | None, options: SandboxOptions, snapshot: Snapshot | None = None
    ) -> None:
        super().__init__(sandbox_id, options)
        self.tools = tools = RemoteTools(self, options.tools)
        self.files = RemoteFiles(self)
        self._commands = RemoteCommands(self)
        self.network = _Attempts(self)
        self.budget = _BudgetLeft(self)
        self.confined_by: tuple[str, ...] = ()
        """What the process gave up: "rlimits", "no_new_privs", "seccomp"."""
        self._taken_here: weakref.WeakKeyDictionary[Snapshot, int] = weakref.WeakKeyDictionary()
        self._known: dict[str, RemoteContext] = {}
        self._defaults: dict[str, RemoteContext] = {}
        self._folder = tempfile.mkdtemp(prefix="pywasm-sandbox-process-")
        network = options.network
        resolver = None if network is None else network.resolver
        self.connection = Connection(_hearer(options.network), resolver, tools)
        self._end = weakref.finalize(self, _clean_up, self.connection, self._folder)
        try:
            self._open(snapshot)
            self._begin()
        except BaseException:
            self._end()
            raise

    def install_packages(self, packages: Sequence[str], language: str) -> list[str]:
        installed: list[str] = self.ask("install", list(packages), language)
        return installed

    def _open(self, snapshot: Snapshot | None) -> None:
        network = self.options.network
        plain = None if network is None else altered(network, on_attempt=None, resolver=None)
        options = altered(self.options, tools=(), isolation="thread", network=plain)
        opening = Opening(
            self.id,
            options,
            tuple(self.tools.declaration(name) for name in self.tools.names()),
            Confinement(
                network=any(each is not None for each in (network, options.packages, options.npm)),
                programs=options.packages is not None,
            ),
            None if snapshot is None else self._saved(snapshot),
            tells_attempts=network is not None and network.on_attempt is not None,
            resolves=network is not None and network.resolver is not None,
        )
        answer = self.connection.begin("open", opening)
        answer.wait_at_most(None)
        self.confined_by = tuple(answer.result())

    def ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """A request of the process, waited for."""
        self._check_open()
        return self.connection.ask(operation, *args, **kwargs)

    def _steps(self, operation: str, *args: Any, notify: Callable[[], None] | None) -> Steps[Any]:
        self._check_open()
        answer = self.connection.begin("request", operation, args, {}, notify=notify)
        while not answer.done:
            yield Wait(answer)
            answer.take()
        return answer.result()

    # ---- contexts -----------------------------------------------------------------------------------

    def create_context(
        self,
        language: str,
        cwd: str | None,
        env: Mapping[str, str] | None,
        notify: Callable[[], None] | None = None,
    ) -> Steps[RemoteContext]:
        name, variables = check_language(language), check_env(env)
        return self._met((yield from self._steps("create_context", name, cwd, variables, notify=notify)))

    def _met(self, about: Mapping[str, Any]) -> RemoteContext:
        context = self._known[about["id"]] = RemoteContext(self, about)
        return context

    def default_context(self, language: str) -> RemoteContext:
        name = check_language(language)
        context = self._defaults.get(name)
        if context is None:
            context = self._defaults[name] = self._met(self.ask("default_context", name))
        self._check_open()
        return context

    def context(self, context_id: str) -> RemoteContext:
        return self._met(self.ask("context", context_id))

    def known_context(self, context_id: str) -> RemoteContext:
        """As `context`, but of one that was there before nobody asks whether it still is."""
        self._check_open()
        return self._known.get(context_id) or self.context(context_id)

    def contexts(self) -> list[RemoteContext]:
        return [self._met(each) for each in self.ask("contexts")]

    def delete_context(self, context_id: str) -> None:
        self.ask("delete_context", context_id)
        self._known.pop(context_id, None)
        self._defaults = {name: each for name, each in self._defaults.items() if each.id != context_id}

    def interrupt_context(self, context_id: str) -> bool:
        return bool(self.ask("interrupt_context", context_id))

    def restart_context(
        self, context_id: str, notify: Callable[[], None] | None = None
    ) -> Steps[RemoteContext]:
        return self._met((yield from self._steps("restart_context", context_id, notify=notify)))

    def fork_context(
        self, context_id: str, share_files: bool, notify: Callable[[], None] | None = None
    ) -> Steps[RemoteContext]:
        refuse_inside_callback(self.context(context_id), "fork it")
        about = yield from self._steps("fork_context", context_id, share_files, notify=notify)
        return self._met(about)

    # ---- snapshots ----------------------------------------------------------------------------------

    def _saved(self, snapshot: Snapshot) -> str:
        path = os.path.join(self._folder, os.urandom(8).hex())
        snapshot.save(path)
        return path

    def _taken(self, operation: str, *args: Any, notify: Callable[[], None] | None) -> Steps[Snapshot]:
        path = os.path.join(self._folder, os.urandom(8).hex())
        try:
            number = yield from self._steps(operation, *args, path, notify=notify)
            snapshot = Snapshot.load(path)
        finally:
            Path(path).unlink(missing_ok=True)
        self._taken_here[snapshot] = number
        weakref.finalize(snapshot, self.connection.tell, "forget_snapshot", number).atexit = False
        return snapshot

    @contextmanager
    def _given(self, snapshot: Snapshot) -> Iterator[int | str]:
        """A snapshot for the process: the number of one that was taken there, or a file."""
        number = self._taken_here.get(snapshot)
        if number is not None:
            yield number
            return
        path = self._saved(snapshot)
        try:
            yield path
        finally:
            os.unlink(path)

    def snapshot(self, notify: Callable[[], None] | None = None) -> Steps[Snapshot]:
        for context in self.contexts():
            refuse_inside_callback(context, "snapshot its sandbox")
        return (yield from self._taken("snapshot", notify=notify))

    def snapshot_context(self, context_id: str, notify: Callable[[], None] | None = None) -> Steps[Snapshot]:
        refuse_inside_callback(self.context(context_id), "snapshot it")
        return (yield from self._taken("snapshot_context", context_id, notify=notify))

    def create_from_snapshot(
        self, snapshot: Snapshot, share_files: bool, notify: Callable[[], None] | None = None
    ) -> Steps[RemoteContext]:
        with self._given(snapshot) as given:
            about = yield from self._steps("create_from_snapshot", given, share_files, notify=notify)
        return self._met(about)

    def restore_context(
        self, context_id: str, snapshot: Snapshot, notify: Callable[[], None] | None = None
    ) -> Steps[RemoteContext]:
        refuse_inside_callback(self.context(context_id), "restore it")
        with self._given(snapshot) as given:
            about = yield from self._steps("restore_context", context_id, given, notify=notify)
        return self._met(about)

    @property
    def commands(self) -> RemoteCommands:
        return self._commands

    # ---- ending -------------------------------------------------------------------------------------

    def expire(self) -> None:
        """The lifetime is over, there as well as here; what runs has its grace."""
        self._expired = True
        end = time.monotonic() + self.options.limits.grace_seconds + 0.4
        while self.connection.is_busy and time.monotonic() < end:
            time.sleep(0.01)
        self.close()

    def close(self) -> None:
        """End the process. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._end()
        self.tools.close()
        self._runtime.unregister(self)

    @property
    def closed(self) -> bool:
        return self._closed or self.connection.failure is not None


def _hearer(network: NetworkPolicy | None) -> Callable[[str, Any], None]:
    """What hears the events that no call has."""

    def hear(name: str, value: Any) -> None:
        if name == "attempt" and network is not None and network.on_attempt is not None:
            try:
                network.on_attempt(value)
            except Exception:
                logger.exception("on_attempt failed")

    return hear


def _clean_up(connection: Connection, folder: str) -> None:
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)
