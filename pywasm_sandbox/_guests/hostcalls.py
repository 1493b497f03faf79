"""The host-call channel: what a guest asks its host to do, by name (docs/ARCHITECTURE.md, "Host calls").

A guest calls the import ``pywasm.request`` with a JSON object, ``{"op": name, …}``, and gets a JSON object
back: ``{"value": …}``, or ``{"error": class name, "message": …}``, with ``"errno"`` if the class is an
OSError. A handler runs on the guest's thread while the guest stands still. Whatever a guest sends, it gets
an answer or an error number; nothing that it can send raises here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from pywasm_sandbox._wasi.errnos import INTR, INVAL, TOOBIG

from . import key_derivation
from .deferred import Deferred, GivenUp
from .protocol import BlockedInput, InputAnswer, InputQuestion, Question, is_shallow, without_surrogates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pywasm_sandbox._wasi import WasiHost, WatchedFd

    from .base import Listener

__all__ = [
    "NPM_CALLS",
    "PACKAGE_CALLS",
    "PROCESS_CALLS",
    "EncodedReply",
    "Handler",
    "HostCall",
    "HostCallError",
    "HostCallInterrupted",
    "HostCalls",
    "error_reply",
]

PROCESS_CALLS: Final = (
    *("process.spawn", "process.wait", "process.poll", "process.kill"),
    *("process.pipe", "process.pair"),
)
"""What starts and ends processes (`_processes.guest_calls`)."""

PACKAGE_CALLS: Final = ("packages.install", "packages.more", "packages.uninstall")
NPM_CALLS: Final = ("npm.install", "npm.more")
"""What installs and removes packages (`_sandbox.packages`)."""

MAX_REQUEST_BYTES: Final = 16 << 20
"""A request that is larger fails with E2BIG, unread."""

MAX_JSON_DEPTH: Final = 200

# Surrogates (from undecodable bytes in names) must reach the guest and not fail here.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=True)
_DECODER: Final = json.JSONDecoder()


class HostCallError(Exception):
    """The call fails: in the guest it raises the built-in exception ``name`` (RuntimeError if there is none
    of that name) with this message. ``errno`` is the POSIX name of an OSError's number, such as
    "ECONNREFUSED"; ``fields`` are for the guest's own code."""

    def __init__(self, name: str, message: str, errno: str | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.errno = errno
        self.fields = fields

    def reply(self) -> dict[str, Any]:
        """As the guest gets it."""
        reply = {"error": self.name, "message": self.message, **self.fields}
        return reply if self.errno is None else {**reply, "errno": self.errno}


def error_reply(error: HostCallError) -> bytes:
    """The reply that says so, encoded."""
    return _ENCODER.encode(error.reply()).encode("ascii")


class EncodedReply(NamedTuple):
    """What a handler returns that has its whole reply as JSON already."""

    data: bytes


class HostCallInterrupted(Exception):
    """The guest was interrupted while its call waited: it gets EINTR, and looks at the interrupt."""


@dataclass(slots=True, eq=False)  # frozen ones take five times as long to make
class HostCall:
    """One call, for its handler: the arguments are the guest's word, whatever their shape."""

    op: str
    arguments: Mapping[str, Any]
    size: int
    """Bytes of the request."""
    wasi: WasiHost
    """The guest's files and descriptors; handlers may add to them."""
    listener: Listener | None
    allow_input: bool
    on_block: Callable[[], None]
    """To be called before a wait that `wait` and `ask` don't do: output that was written goes out."""
    interrupted: Callable[[], bool]
    """Whether the guest has to stop waiting."""
    deferred: Deferred

    def get(self, name: str, kind: type, default: Any = ...) -> Any:
        """An argument of this JSON type. Raises `HostCallError`, a TypeError in the guest."""
        value = self.arguments.get(name, default)
        if value is ...:
            self.reject(f"{self.op}: argument {name!r} is missing")
        if value is default:
            return value
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.reject(f"{self.op}: argument {name!r} is a {type(value).__name__}, not a {kind.__name__}")
        return value

    def texts(self, name: str) -> list[str]:
        """An argument that is a list of texts, by default an empty one. Raises `HostCallError`."""
        found: list[str] = self.get(name, list, [])
        if not all(isinstance(each, str) for each in found):
            self.reject(f"{self.op}: {name} has text only")
        return found

    def reject(self, message: str) -> NoReturn:
        """The arguments are wrong."""
        raise HostCallError("TypeError", message)

    def fail(self, name: str, message: str) -> NoReturn:
        """The call fails with this exception."""
        raise HostCallError(name, message)

    def wait(self, seconds: float | None, fds: Sequence[WatchedFd] = ()) -> None:
        """Sleep until one of the descriptors is ready, somebody wakes the guest, or so much time went by.

        Raises `HostCallInterrupted`, and what ends a guest for good.
        """
        self.on_block()
        if self.wasi.waiter.wait_for(fds, seconds):
            raise HostCallInterrupted

    def pause(self, seconds: float) -> None:
        """Sleep for so long. Raises as `wait` does."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.wait(left)

    def ask(self, question: Question, finish: Callable[[Any], Any], delay: float = 0.0) -> Any:
        """Hand a question to the caller of the run, after so many seconds; it is answered in the caller's
        thread or task. ``finish`` makes the call's value of the answer. A guest whose other threads go on
        meanwhile (`deferred`) gets it by a later call.

        Raises `HostCallError` if there is no run, `HostCallInterrupted`, and what ``finish`` does.
        """
        if self.listener is None:
            raise HostCallError("RuntimeError", f"{self.op}: nobody answers outside of a run")
        self.on_block()
        if self.arguments.get("later") is True:
            try:
                reply = self.deferred.begin(self.listener, question, finish, self.size, delay)
            except GivenUp:
                raise HostCallInterrupted from None
            if reply is not None:
                return EncodedReply(_ENCODER.encode(reply).encode("ascii"))
        self.pause(delay)
        answer = self.listener.ask(question, self.interrupted)
        if answer is None:
            raise HostCallInterrupted
        return finish(answer)


MakeCall = Callable[[str, Mapping[str, Any], int], HostCall]
Handler = Callable[[HostCall], Any]
"""Carries a call out; what it returns is the call's value in JSON.

Raises `HostCallError`, `HostCallInterrupted`.
"""


def _input(call: HostCall) -> Any:
    question = InputQuestion(call.get("prompt", str, ""), call.get("password", bool, False))
    if call.listener is None or not call.allow_input:
        raise HostCallError("RuntimeError", "input() needs an on_input callback: pass on_input to run_code")
    return call.ask(question, _line)


def _line(answer: Any) -> str:
    if isinstance(answer, BlockedInput):
        raise HostCallError(answer.error, answer.message)
    assert isinstance(answer, InputAnswer)
    return answer.value


def _answer(call: HostCall) -> Any:
    try:
        there, reply = call.deferred.answer(call.get("number", int))
    except GivenUp:
        raise HostCallError("RuntimeError", "nobody answers: the run in which it was asked is over") from None
    return reply if there else EncodedReply(_ENCODER.encode(reply).encode("ascii"))


def _withdraw(call: HostCall) -> None:
    call.deferred.withdraw(call.get("number", int))


class HostCalls:
    """The handlers of a guest, by name, and the answer that waits to be fetched."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = {
            "input": _input,
            "answer": _answer,
            "withdraw": _withdraw,
            **key_derivation.HANDLERS,
            **handlers,
        }
        self._reply = b""

    def request(self, payload: bytes, make_call: MakeCall) -> int:
        """``pywasm.request``: the length of the answer, which `take` gives, or a negative preview1 errno."""
        self._reply = b""
        message = _decode(payload)
        if message is None:
            return -INVAL
        try:
            self._reply = self._carry_out(message, len(payload), make_call)
        except HostCallInterrupted:
            return -INTR
        return len(self._reply)

    def _carry_out(self, message: dict[str, Any], size: int, make_call: MakeCall) -> bytes:
        op = message.pop("op", None)
        handler = self._handlers.get(op) if isinstance(op, str) else None
        if handler is None:
            return error_reply(
                HostCallError("NotImplementedError", f"the host has no call {op!r:.100}", "ENOSYS")
            )
        try:
            value = handler(make_call(op, message, size))
        except HostCallError as error:
            return error_reply(error)
        if isinstance(value, EncodedReply):
            return value.data
        return _ENCODER.encode({"value": value}).encode("ascii")

    def take(self) -> bytes:
        """``pywasm.response``: the answer; it is given once."""
        reply, self._reply = self._reply, b""
        return reply

    @staticmethod
    def too_large(length: int) -> int | None:
        """The errno for a request of so many bytes; None if it may be read."""
        return -TOOBIG if length > MAX_REQUEST_BYTES else None


def _decode(payload: bytes) -> dict[str, Any] | None:
    text = payload.decode("utf-8", "replace")
    try:
        message, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if type(message) is not dict or (end != len(text) and text[end:].strip()):
        return None
    # Counting is quicker than walking through it.
    if payload.count(b"[") + payload.count(b"{") > MAX_JSON_DEPTH and not is_shallow(message, MAX_JSON_DEPTH):
        return None
    if b"\\ud" in payload or b"\\uD" in payload:
        return without_surrogates(message)  # type: ignore[no-any-return]
    return message
