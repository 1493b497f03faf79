"""The parent's end: starting a sandbox's process, asking it, hearing what it says."""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

from pywasm_sandbox._engine.cache import ENVIRONMENT_VARIABLE, default_folder
from pywasm_sandbox._guests.base import RunEnd
from pywasm_sandbox._guests.protocol import Event, Failed, Finished, InputQuestion, ToolQuestion
from pywasm_sandbox._sandbox.calls import Asked, Call
from pywasm_sandbox._sandbox.commands import CommandOutcome
from pywasm_sandbox.errors import SandboxClosedError, SandboxError, SandboxInternalError

from .wire import Channel, ChannelClosed, WireError, decode, made_error

__all__ = ["Answer", "Connection", "RemoteCall"]

logger = logging.getLogger("pywasm_sandbox")

MAX_ASIDE: Final = 16
"""How many inline tools and resolvers of a sandbox run at once, each on a thread of its own."""
CLOSE_SECONDS: Final = 5.0
"""How long a process has to end its sandbox, before it is killed."""

_PASSED_ON: Final = ("LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "TMPDIR")
"""Variables of the environment that an interpreter may need to start; it gets no other."""

_START: Final = (
    "import sys; sys.path[:] = {path!r}; "
    "from pywasm_sandbox._sandbox.isolation.worker import main; main({descriptor})"
)


class _RemoteAsked(Asked):
    """A question that came from the process; the answer goes there."""

    __slots__ = ("_send",)

    def __init__(self, question: Any, send: Callable[[Any], None]) -> None:
        super().__init__(question)
        self._send = send

    def answer(self, answer: Any) -> None:
        self._send(answer)


class RemoteCall(Call):
    """A run or a command in the process, as its caller sees it."""

    def __init__(self, connection: Connection, number: int, notify: Callable[[], None] | None) -> None:
        super().__init__(notify)
        self._connection = connection
        self.number = number
        self.context_id = ""
        self.outcome: CommandOutcome | None = None

    def deliver(self, events: list[Event | Asked]) -> None:
        """What the process said."""
        with self._lock:
            if not self._abandoned:
                self._waiting.extend(events)
        self._tell()

    def take(self) -> tuple[list[Event | Asked], bool]:
        taken, done = super().take()
        if taken and not done:
            self._connection.tell("taken", self.number)
        return taken, done

    def interrupt(self, reason: int, grace_seconds: float) -> bool:
        self.interrupted = reason
        self._connection.tell("interrupt", self.number, int(reason), grace_seconds)
        return not self.done

    def abandon(self) -> None:
        super().abandon()
        self._connection.tell("abandon", self.number)


class Answer(Call):
    """What a request gives, once the process has answered."""

    value: Any = None

    def result(self) -> Any:
        """The value. Raises what the process raised."""
        self.end()
        return self.value


class InlineTools(Protocol):
    """Tools that run on no particular thread."""

    def is_inline(self, name: str) -> bool: ...

    def answer_inline(self, question: ToolQuestion, context_id: str) -> bytes: ...


class Connection:
    """One process and what is under way with it. Thread-safe."""

    def __init__(
        self,
        on_event: Callable[[str, Any], None],
        resolver: Callable[[str], Any] | None,
        tools: InlineTools,
    ) -> None:
        self._on_event = on_event
        self._resolver = resolver
        self._tools = tools
        self._pool = ThreadPoolExecutor(MAX_ASIDE, "pywasm-sandbox-aside")
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._answers: dict[int, Answer] = {}
        self._calls: dict[int, RemoteCall] = {}
        self._asked: dict[int, _RemoteAsked] = {}
        self._failure: Exception | None = None
        self._closing = False
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = _start(theirs)
        self._channel = Channel(ours)
        self._reader = threading.Thread(target=self._read, name="pywasm-sandbox-process", daemon=True)
        self._reader.start()

    # ---- asking --------------------------------------------------------------------------------------

    def tell(self, name: str, *arguments: Any) -> None:
        """Say something that has no answer. A process that is gone doesn't hear it."""
        try:
            self._channel.send(pickle.dumps((name, arguments)))
        except ChannelClosed:
            pass

    def begin(self, name: str, *arguments: Any, notify: Callable[[], None] | None = None) -> Answer:
        """Ask for something: "open" or "request"."""
        number = next(self._numbers)
        answer = Answer(notify)
        with self._lock:
            if self._failure is not None:
                answer.finish(None, self._failure)
                return answer
            self._answers[number] = answer
        self._send_or_fail(name, number, *arguments)
        return answer

    def ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """A request and its answer, waited for."""
        answer = self.begin("request", operation, args, kwargs)
        answer.wait_at_most(None)
        return answer.result()

    def call(self, name: str, *arguments: Any, notify: Callable[[], None] | None) -> RemoteCall:
        """Start something that has events: "run" or "exec"."""
        call = RemoteCall(self, next(self._numbers), notify)
        call.context_id = str(arguments[0]) if name == "run" else ""
        with self._lock:
            if self._failure is not None:
                call.finish(None, self._failure)
                return call
            self._calls[call.number] = call
        self._send_or_fail(name, call.number, *arguments)
        return call

    def _send_or_fail(self, name: str, *arguments: Any) -> None:
        try:
            message = pickle.dumps((name, arguments))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise TypeError(f"this can't be given to another process: {error}") from error
        try:
            self._channel.send(message)
        except ChannelClosed:
            pass  # the reader learns of it, and ends what waits

    # ---- hearing -------------------------------------------------------------------------------------

    def _read(self) -> None:
        reason = ""
        try:
            while True:
                self._hear(decode(*self._channel.receive()))
        except ChannelClosed:
            pass
        except Exception as error:  # whatever it said: those that wait for it must hear that it is over
            logger.error("the process of a sandbox said what makes no sense: %s", error)
            reason = f"; it broke the protocol: {error}"
        self._end(reason)

    def _hear(self, message: Any) -> None:
        if "run" in message:
            self._hear_run(message)
        elif "answer" in message:
            with self._lock:
                answer = self._answers.pop(message["answer"])
            if "error" in message:
                answer.finish(None, made_error(message["error"]))
                return
            answer.value = message["value"]
            answer.finish(RunEnd())
        elif "withdrawn" in message:
            asked = self._asked.pop(message["withdrawn"], None)
            if asked is not None:
                asked.withdraw()
        elif "call" in message:
            self._pool.submit(self._resolve, message["call"], str(message["argument"]))
        else:
            ((name, value),) = message.items()
            self._on_event(name, value)

    def _hear_run(self, message: Mapping[str, Any]) -> None:
        number = message["run"]
        call = self._calls[number]
        taken = [self._event(each, call) for each in message["events"]]
        events = [each for each in taken if each is not None]
        if "done" not in message:
            if events:
                call.deliver(events)
            else:
                self.tell("taken", number)
            return
        with self._lock:
            del self._calls[number]
        call.deliver(events)
        if "error" in message:
            call.finish(None, made_error(message["error"]))
            return
        if "outcome" in message:
            status, failed, truncated = message["outcome"]
            call.outcome = CommandOutcome(int(status), _optional(failed, Failed), bool(truncated))
            call.finish(RunEnd())
            return
        finished, lost, truncated, closed = message["end"]
        call.execution_count = int(message["execution_count"])
        call.restores = bool(message["restores"])
        end = RunEnd(_optional(finished, Finished), _optional(lost, Failed), bool(truncated), bool(closed))
        call.finish(end)

    def _event(self, event: Any, call: RemoteCall) -> Any:
        """None: it is none that the caller hears of."""
        if not isinstance(event, dict):
            return event
        number, question = event["ask"], event["question"]
        if not isinstance(question, InputQuestion | ToolQuestion):
            raise WireError("a question is none")
        asked = _RemoteAsked(question, lambda answer: self._reply(number, answer))
        self._asked[number] = asked
        if isinstance(question, ToolQuestion) and self._tools.is_inline(question.name):
            # Beside all else: one that takes long must not keep others from being heard.
            self._pool.submit(lambda: asked.answer(self._tools.answer_inline(question, call.context_id)))
            return None
        return asked

    def _reply(self, number: int, answer: Any) -> None:
        self._asked.pop(number, None)
        self.tell("answer", number, answer)

    def _resolve(self, number: int, name: str) -> None:
        value: Any = None
        error: Exception | None = None
        try:
            if self._resolver is not None:
                value = list(self._resolver(name))
        except Exception as raised:
            error = OSError(str(raised))
        self.tell("reply", number, value, error)

    # ---- the end -------------------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        self.process.kill()  # it may have closed the connection only
        code = self.process.wait()
        self._channel.close()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with status {code}"
        failure: SandboxError
        if self._closing:
            failure = SandboxClosedError("the sandbox was closed")
        else:
            failure = SandboxInternalError(f"the sandbox lost its process ({how}{reason}); open another")
        with self._lock:
            self._failure = failure
            waiting: list[Call] = [*self._answers.values(), *self._calls.values()]
            self._answers.clear()
            self._calls.clear()
        for call in waiting:
            call.finish(None, failure)
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def is_busy(self) -> bool:
        """Whether a run or a command is under way."""
        return bool(self._calls)

    @property
    def failure(self) -> Exception | None:
        """Why there is no process any more."""
        return self._failure

    def close(self) -> None:
        """End the process: by itself, or with SIGKILL when that takes longer than `CLOSE_SECONDS`."""
        self._closing = True
        if self._failure is None:
            self.begin("request", "close", (), {}).wait_at_most(CLOSE_SECONDS)
        self.process.kill()
        if threading.current_thread() is not self._reader:
            self._reader.join()


def _optional(value: Any, kind: type) -> Any:
    if value is not None and not isinstance(value, kind):
        raise WireError(f"a {kind.__name__} is none")
    return value


def _start(connection: socket.socket) -> subprocess.Popen[bytes]:
    """A fresh interpreter that has this connection, the path of modules, and nothing else of ours."""
    environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    folder = default_folder()
    if folder is not None:
        environ[ENVIRONMENT_VARIABLE] = str(folder.parent)
    descriptor = connection.fileno()
    path = [os.path.abspath(each) for each in sys.path]
    code = _START.format(path=path, descriptor=descriptor)
    return subprocess.Popen(
        [sys.executable, "-I", "-c", code],
        env=environ,
        pass_fds=[descriptor],
        stdin=subprocess.DEVNULL,
        close_fds=True,
        start_new_session=True,  # Ctrl-C in the terminal is the parent's
    )
