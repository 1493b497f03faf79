"""The process of one sandbox: it has the filesystem, the guests and nothing else, and does what it is told.

`SandboxCore` runs here as it does in the caller's own process. Requests come from the parent (pickled:
it is trusted), answers, events and questions go back (`wire`: this side is not).
"""

from __future__ import annotations

import itertools
import os
import pickle
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from pywasm_sandbox._sandbox.calls import Asked, Call
from pywasm_sandbox._sandbox.commands import BackgroundProcess, CommandRequest, RunningCommand
from pywasm_sandbox._sandbox.contexts import ContextCore, RunRequest
from pywasm_sandbox._sandbox.core import SandboxCore
from pywasm_sandbox._sandbox.options import SandboxOptions
from pywasm_sandbox._sandbox.snapshots import Snapshot
from pywasm_sandbox._sandbox.steps import drive
from pywasm_sandbox._sandbox.tool import Tool

from .opening import Opening, ToolDeclaration, altered
from .wire import Channel, ChannelClosed, describe_error, encode

__all__ = ["main"]

MAX_REQUESTS: Final = 256
"""How many requests that take time are carried out at once."""

FILE_OPERATIONS: Final = frozenset(
    (
        *("stat", "exists", "list", "read", "write", "mkdir", "rename", "move", "copy"),
        *("symlink", "delete", "usage"),
    )
)
_OF_CONTEXT: Final = (
    *("id", "language", "cwd", "created_at", "last_used_at", "execution_count", "status"),
    "memory_bytes",
)
_OF_PROCESS: Final = ("pid", "command", "started_at", "ended_at", "status", "exit_code")
"""What the parent is told of a context and of a process: the attributes of these names."""


class _Stream:
    """Events of a call on their way to the parent: the next ones go when it has taken the last."""

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker = worker
        self._number = number
        self._lock = threading.Lock()
        self._is_full = False
        self.call: Call | None = None
        self.context: ContextCore | None = None
        self.command: RunningCommand | None = None

    def flush(self) -> None:
        """Send what there is, unless the parent is still busy with the last. From any thread."""
        call = self.call
        if call is None:
            return
        with self._lock:
            if self._is_full or not call.has_news:
                return
            events, done = call.take()
            if not events and not done:
                return
            self._is_full = True
            message: dict[str, Any] = {"run": self._number, "events": [self._event(each) for each in events]}
            if done:
                self.call = None
                message |= {"done": True, **self._end(call)}
                self._worker.streams.pop(self._number, None)
            self._worker.send(message)

    def _event(self, event: Any) -> Any:
        if not isinstance(event, Asked):
            return event
        return {"ask": self._worker.remember(event), "question": event.question}

    def _end(self, call: Call) -> dict[str, Any]:
        try:
            if self.command is not None:
                outcome = self.command.outcome()
                return {"outcome": [outcome.status, outcome.failed, outcome.truncated]}
            end = call.end()
        except BaseException as error:
            return {"error": describe_error(error)}
        return {
            "end": [end.finished, end.lost, end.truncated, end.closed],
            "execution_count": call.execution_count,
            "restores": call.restores,
        }

    def taken(self) -> None:
        """The parent has taken the last events."""
        with self._lock:
            self._is_full = False
        self.flush()


class Worker:
    """Serves one sandbox over one connection."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._core: SandboxCore | None = None
        self._pool = ThreadPoolExecutor(MAX_REQUESTS, "pywasm-sandbox-request")
        self._numbers = itertools.count(1)
        self._questions: dict[int, Asked] = {}
        self._replies: dict[int, SimpleQueue[Any]] = {}
        self._reading: dict[int, Iterator[bytes]] = {}
        self._snapshots: dict[int, Snapshot] = {}
        self.streams: dict[int, _Stream] = {}

    # ---- messages ------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Until the parent closes the connection, or is gone."""
        while True:
            text, _ = self._channel.receive()
            name, arguments = pickle.loads(text)
            getattr(self, f"on_{name}")(*arguments)

    def send(self, message: dict[str, Any]) -> None:
        """To the parent. What can't be sent any more is nobody's concern."""
        text, blobs = encode(message)
        try:
            self._channel.send(text, blobs)
        except ChannelClosed:
            os._exit(0)

    def remember(self, asked: Asked) -> int:
        """A number for a question that the parent is asked."""
        number = next(self._numbers)
        self._questions[number] = asked

        def withdraw() -> None:
            self._questions.pop(number, None)
            self.send({"withdrawn": number})

        asked.on_withdraw(withdraw)
        return number

    def _ask_parent(self, what: str, argument: Any) -> Any:
        number = next(self._numbers)
        replies = self._replies[number] = SimpleQueue()
        self.send({"call": number, "what": what, "argument": argument})
        value, error = replies.get()
        if error is not None:
            raise error
        return value

    # ---- what the parent says ------------------------------------------------------------------------

    def on_open(self, number: int, opening: Opening) -> None:
        self._answer(number, lambda: self._open(opening))

    def on_request(self, number: int, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        handler = getattr(self, f"do_{operation}")
        self._pool.submit(self._answer, number, lambda: handler(*args, **kwargs))

    def on_run(self, number: int, context_id: str, request: RunRequest) -> None:
        stream = self.streams[number] = _Stream(self, number)
        try:
            stream.context = self._live().context(context_id)
            stream.call = stream.context.run(request, stream.flush)
        except Exception as error:
            self._refuse(number, error)
            return
        stream.flush()

    def on_exec(self, number: int, request: CommandRequest) -> None:
        stream = self.streams[number] = _Stream(self, number)
        try:
            stream.command = self._live().commands.begin(request, stream.flush)
        except Exception as error:
            self._refuse(number, error)
            return
        stream.call = stream.command.call
        stream.flush()

    def _refuse(self, number: int, error: Exception) -> None:
        del self.streams[number]
        self.send({"run": number, "events": [], "done": True, "error": describe_error(error)})

    def on_taken(self, number: int) -> None:
        if (stream := self.streams.get(number)) is not None:
            stream.taken()

    def on_interrupt(self, number: int, reason: int, grace_seconds: float) -> None:
        stream = self.streams.get(number)
        if stream is not None and stream.call is not None:
            stream.call.interrupt(reason, grace_seconds)

    def on_withdraw(self, number: int) -> None:
        stream = self.streams.get(number)
        if stream is not None and stream.context is not None and stream.call is not None:
            stream.context.withdraw(stream.call)

    def on_abandon(self, number: int) -> None:
        stream = self.streams.get(number)
        if stream is not None and stream.call is not None:
            stream.call.abandon()
            stream.taken()

    def on_end_command(self, number: int) -> None:
        stream = self.streams.get(number)
        if stream is not None and stream.command is not None:
            stream.command.end()

    def on_answer(self, number: int, answer: Any) -> None:
        asked = self._questions.pop(number, None)
        if asked is not None:
            asked.answer(answer)

    def on_reply(self, number: int, value: Any, error: Exception | None) -> None:
        self._replies.pop(number).put((value, error))

    def _answer(self, number: int, work: Callable[[], Any]) -> None:
        try:
            message = {"answer": number, "value": work()}
        except BaseException as error:
            message = {"answer": number, "error": describe_error(error)}
        self.send(message)

    # ---- the sandbox ---------------------------------------------------------------------------------

    def _live(self) -> SandboxCore:
        assert self._core is not None
        return self._core

    def _open(self, opening: Opening) -> list[str]:
        # First: a filter of system calls holds for this thread and those that it starts, not for older ones.
        confined_by = opening.confinement.apply()
        snapshot = None if opening.snapshot is None else _load(opening.snapshot)
        options = self._with_forwarders(opening)
        self._core = SandboxCore(opening.id, options, snapshot)
        for tool in opening.tools:
            self.do_declare(tool)
        return confined_by

    def _with_forwarders(self, opening: Opening) -> SandboxOptions:
        network = opening.options.network
        if network is None:
            return opening.options
        forwarders: dict[str, Any] = {}
        if opening.tells_attempts:
            forwarders["on_attempt"] = lambda attempt: self.send({"attempt": attempt})
        if opening.resolves:
            forwarders["resolver"] = lambda name: self._ask_parent("resolver", name)
        return altered(opening.options, network=altered(network, **forwarders))

    def do_declare(self, tool: ToolDeclaration) -> None:
        def elsewhere(*args: Any, **kwargs: Any) -> None:
            raise AssertionError("the parent answers")

        self._live().tools.add(
            Tool(function=elsewhere, name=tool.name, **tool.limits), description=tool.description
        )

    # ---- contexts ------------------------------------------------------------------------------------

    @staticmethod
    def _about(context: ContextCore) -> dict[str, Any]:
        return {name: getattr(context, name) for name in _OF_CONTEXT}

    def do_create_context(self, language: str, cwd: str | None, env: Mapping[str, str] | None) -> Any:
        return self._about(drive(self._live().create_context(language, cwd, env)))

    def do_default_context(self, language: str) -> Any:
        return self._about(self._live().default_context(language))

    def do_context(self, context_id: str) -> Any:
        return self._about(self._live().context(context_id))

    def do_contexts(self) -> Any:
        return [self._about(each) for each in self._live().contexts()]

    def do_delete_context(self, context_id: str) -> None:
        self._live().delete_context(context_id)

    def do_interrupt_context(self, context_id: str) -> bool:
        return self._live().interrupt_context(context_id)

    def do_restart_context(self, context_id: str) -> Any:
        return self._about(drive(self._live().restart_context(context_id)))

    def do_fork_context(self, context_id: str, share_files: bool) -> Any:
        return self._about(drive(self._live().fork_context(context_id, share_files)))

    # ---- snapshots -----------------------------------------------------------------------------------

    def do_snapshot(self, path: str) -> int:
        return self._taken(drive(self._live().snapshot()), path)

    def do_snapshot_context(self, context_id: str, path: str) -> int:
        return self._taken(drive(self._live().snapshot_context(context_id)), path)

    def _taken(self, snapshot: Snapshot, path: str) -> int:
        """It goes to the parent as a file, and stays here too: open files are found by what they are in the
        sandbox that it was taken from."""
        snapshot.save(path)
        number = next(self._numbers)
        self._snapshots[number] = snapshot
        return number

    def on_forget_snapshot(self, number: int) -> None:
        self._snapshots.pop(number, None)

    def _given(self, snapshot: int | str) -> Snapshot:
        """One that was taken here, or that is in a file."""
        return self._snapshots[snapshot] if isinstance(snapshot, int) else _load(snapshot)

    def do_create_from_snapshot(self, snapshot: int | str, share_files: bool) -> Any:
        return self._about(drive(self._live().create_from_snapshot(self._given(snapshot), share_files)))

    def do_restore_context(self, context_id: str, snapshot: int | str) -> Any:
        return self._about(drive(self._live().restore_context(context_id, self._given(snapshot))))

    # ---- files ---------------------------------------------------------------------------------------

    def do_files(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        if operation not in FILE_OPERATIONS:
            raise ValueError(operation)
        return getattr(self._live().files, operation)(*args, **kwargs)

    def do_open_chunks(self, path: str, chunk_bytes: int) -> int:
        number = next(self._numbers)
        self._reading[number] = self._live().files.read_chunks(path, chunk_bytes)
        return number

    def do_next_chunk(self, number: int) -> bytes | None:
        chunk = next(self._reading[number], None)
        if chunk is None:
            del self._reading[number]
        return chunk

    def do_upload(self, host_path: str, path: str) -> Any:
        return self._live().files.upload(Path(host_path), path)

    def do_download(self, path: str, host_path: str) -> str:
        return str(self._live().files.download(path, Path(host_path)))

    # ---- processes -----------------------------------------------------------------------------------

    @staticmethod
    def _about_process(process: BackgroundProcess) -> dict[str, Any]:
        return {name: getattr(process, name) for name in _OF_PROCESS}

    def do_start_process(self, command: str, request: CommandRequest) -> Any:
        return self._about_process(self._live().commands.start(command, request))

    def do_processes(self) -> Any:
        return [self._about_process(each) for each in self._live().commands.list()]

    def do_process(self, pid: int) -> Any:
        return self._about_process(self._live().commands.get(pid))

    def do_process_logs(self, pid: int, stream: str) -> str:
        return self._live().commands.get(pid).logs(stream)

    def do_kill_process(self, pid: int, number: int) -> None:
        self._live().commands.get(pid).kill(number)

    def do_write_stdin(self, pid: int, data: str | bytes) -> None:
        self._live().commands.get(pid).write_stdin(data)

    def do_close_stdin(self, pid: int) -> None:
        self._live().commands.get(pid).close_stdin()

    def do_wait_process(self, pid: int) -> None:
        self._live().commands.get(pid).wait_call(None).wait_at_most(None)

    # ---- the rest ------------------------------------------------------------------------------------

    def do_attempts(self) -> Any:
        return self._live().network.attempts()

    def do_cpu_seconds_left(self) -> float | None:
        return self._live().budget.cpu_seconds_left

    def do_install(self, packages: list[str], language: str) -> list[str]:
        return self._live().install_packages(packages, language)

    def do_close(self) -> None:
        self._live().close()


def _load(path: str) -> Snapshot:
    return Snapshot.load(path, max_bytes=1 << 40)  # the parent has it in memory already


def main(descriptor: int) -> None:
    """Serve the inherited connection `descriptor` until the parent closes it, or is gone."""
    worker = Worker(Channel(socket.socket(fileno=descriptor)))
    try:
        worker.serve()
    except ChannelClosed:
        pass
    finally:
        sys.stdout.flush()
        os._exit(0)
