"""What a guest and its host say to each other.

Requests go in through the guest's ``pywasm_handle`` export and events come out through ``pywasm.emit``; each
is one JSON object in UTF-8. Output is not an event: it is what the guest writes to file descriptors 1 and 2.
What the guest asks of its host and waits for goes through ``pywasm.request`` (`hostcalls`).

Everything that arrives is the word of untrusted code: a payload of another shape is a `ProtocolError`,
never an exception of another kind, and what is handed on can be written as JSON again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, Literal, NamedTuple

__all__ = [
    "BlockedInput",
    "Cleared",
    "Displayed",
    "Event",
    "EventKind",
    "Failed",
    "Finished",
    "InputAnswer",
    "InputQuestion",
    "Output",
    "ProtocolError",
    "Question",
    "ToolQuestion",
    "configure_request",
    "decode_event",
    "execute_request",
    "is_shallow",
    "preload_request",
    "program_request",
    "renew_request",
    "settle_request",
    "without_surrogates",
]

MAX_EVENT_BYTES: Final = 256 * 1024 * 1024
"""An event larger than this is refused: the guest's memory may be larger than what the host wants to hold."""


MAX_JSON_DEPTH: Final = 200
"""JSON data of a result that is nested deeper is left out: few JSON writers would take it."""

# Made once: `json.dumps` and `json.loads` make new ones for each message.
# Surrogates (from undecodable bytes in paths or code) must reach the guest and not fail here.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
# NaN and the infinities are not JSON, though Python's parser takes them.
_DECODER: Final = json.JSONDecoder(parse_constant=lambda name: None)

_TEXT_TYPES: Final = frozenset({"application/pdf", "application/javascript"})


class ProtocolError(Exception):
    """The guest sent something that is not of the protocol."""


class EventKind(IntEnum):
    """The first argument of ``pywasm.emit``."""

    DISPLAY = 1
    ERROR = 2
    CLEAR = 3
    DONE = 4
    LOOKED = 5
    """The guest looks at an interrupt; no payload, and no `Event` comes of it."""
    ITERATORS = 6
    """While it boots: the addresses, u64 each, of further types whose loops in C look at no interrupt. No
    `Event` comes of it."""


class Output(NamedTuple):
    """Text that the guest wrote, one entry of the logs."""

    stream: Literal["stdout", "stderr"]
    text: str


class Displayed(NamedTuple):
    """A MIME bundle: a result, a `display()` call or, with ``update``, the new content of an earlier one."""

    data: dict[str, Any]
    metadata: dict[str, Any]
    is_main: bool = False
    display_id: str | None = None
    update: bool = False


class Failed(NamedTuple):
    """The user's code raised."""

    name: str
    message: str
    traceback: Sequence[str] = ()
    line_number: int | None = None


class Cleared(NamedTuple):
    """`clear_output()`: drop the results so far; with ``wait`` only when the next one comes."""

    wait: bool = False


class Finished(NamedTuple):
    """The last event of a run."""

    status: Literal["ok", "error", "exit"]
    exit_code: int | None = None


Event = Output | Displayed | Failed | Cleared | Finished


class InputQuestion(NamedTuple):
    """The guest asks for a line of input."""

    prompt: str
    is_password: bool


class ToolQuestion(NamedTuple):
    """The guest calls a function of the host. The answer is the call's reply, as JSON."""

    name: str
    args: list[Any]
    kwargs: dict[str, Any]


Question = InputQuestion | ToolQuestion


class InputAnswer(NamedTuple):
    """The line, without its newline."""

    value: str


class BlockedInput(NamedTuple):
    """No line: the exception class that the guest raises and its message."""

    error: str
    message: str


def _encode(message: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(message).encode("ascii")


def configure_request(
    env: Mapping[str, str],
    cwd: str,
    argv: list[str],
    *,
    is_clone: bool = False,
    heap_bytes: int | None = None,
) -> bytes:
    """The first request after boot: replaces ``os.environ``, changes directory, sets ``sys.argv``.

    A clone of an image also renews what must differ between clones, such as the state of `random`.
    ``heap_bytes`` is for guests that bound their heap themselves.
    """
    message = {"op": "configure", "env": dict(env), "cwd": cwd, "argv": argv, "clone": is_clone}
    return _encode(message if heap_bytes is None else {**message, "heap_bytes": heap_bytes})


def renew_request() -> bytes:
    """After a fork or restore: renew what must differ; environment and directory stay as they are."""
    return _encode({"op": "renew"})


def settle_request() -> bytes:
    """Make the heap fit for an image."""
    return _encode({"op": "settle"})


def preload_request(modules: Sequence[str]) -> bytes:
    """Import modules without leaving a trace in the namespace of the cells."""
    return _encode({"op": "preload", "modules": list(modules)})


def program_request(words: Sequence[str], pid: int, parent: int) -> bytes:
    """Run a program as ``python words…`` does. The last word of this guest is its exit code."""
    return _encode({"op": "program", "argv": list(words), "pid": pid, "ppid": parent})


_PLAIN_REQUEST: Final = (
    b'{"op":"execute","code":%b,"execution_count":%d,"env":null,"cwd":null,"filename":null,"allow_input":%b,'
    b'"store":true}'
)


def execute_request(
    code: str,
    *,
    execution_count: int,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    allow_input: bool = False,
    source: str | None = None,
    source_map: str | None = None,
) -> bytes:
    """Run one cell. ``env`` holds for this run alone. ``source`` is what the code was compiled from;
    positions in it are found by its ``source_map`` (JSON), without one they are the code's."""
    if source is None and not env and cwd is None:
        # Most are like this one, which takes a third of the time to write.
        return _PLAIN_REQUEST % (
            _ENCODER.encode(code).encode("ascii"),
            execution_count,
            b"true" if allow_input else b"false",
        )
    compiled = {} if source is None else {"source": source, "source_map": source_map}
    return _encode(
        {
            **compiled,
            "op": "execute",
            "code": code,
            "execution_count": execution_count,
            "env": dict(env) if env else None,
            "cwd": cwd,
            "filename": None,
            "allow_input": allow_input,
            "store": True,
        }
    )


def _object(payload: bytes, what: str) -> dict[str, Any]:
    if len(payload) > MAX_EVENT_BYTES:
        raise ProtocolError(f"{what} of {len(payload)} bytes is over the limit of {MAX_EVENT_BYTES}")
    try:
        message = _DECODER.decode(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{what} is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"{what} is a JSON {type(message).__name__}, not an object")
    if payload.count(b"{") + payload.count(b"[") > MAX_JSON_DEPTH:
        message = {key: _shallow_parts(value) for key, value in message.items()}
    if b"\\ud" in payload or b"\\uD" in payload:
        return without_surrogates(message)  # type: ignore[no-any-return]
    return message


def _shallow_parts(value: Any) -> Any:
    """``value`` without the members of its first level that are nested too deep."""
    if is_shallow(value, MAX_JSON_DEPTH):
        return value
    if not isinstance(value, dict):
        return None
    return {key: item for key, item in value.items() if is_shallow(item, MAX_JSON_DEPTH)}


def is_shallow(value: Any, depth: int) -> bool:
    """Whether ``value`` has at most ``depth`` levels of containers. Never recurses."""
    level = [value] if type(value) in (dict, list) else []
    while level and depth:
        depth -= 1
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) in (dict, list)
        ]
    return not level


def without_surrogates(value: Any) -> Any:
    """Lone surrogates, which no encoding can write, become "?"."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value


def _get(message: dict[str, Any], key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    value = message.get(key, default)
    if value is default:
        return value
    # bool is an int in Python but not in JSON.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise ProtocolError(f"field {key!r} is a {type(value).__name__}")
    return value


def _decode_display(message: dict[str, Any]) -> Displayed:
    data = _get(message, "data", dict, {})
    for mime, value in data.items():
        text_type = mime.startswith(("text/", "image/")) or mime in _TEXT_TYPES
        if text_type and not isinstance(value, str):
            raise ProtocolError(f"data of the type {mime!r} is a {type(value).__name__}, not text")
    return Displayed(
        data=data,
        metadata=_get(message, "metadata", dict, {}),
        is_main=_get(message, "main", bool, False),
        display_id=_get(message, "display_id", str),
        update=_get(message, "update", bool, False),
    )


def _decode_error(message: dict[str, Any]) -> Failed:
    traceback = _get(message, "traceback", list, [])
    if not all(isinstance(line, str) for line in traceback):
        raise ProtocolError("field 'traceback' holds something other than text")
    return Failed(
        name=_get(message, "name", str, "Exception"),
        message=_get(message, "message", str, ""),
        traceback=traceback,
        line_number=_get(message, "line_number", int),
    )


# What most cells say, recognised without a decoder: a short value, and that all went well.
_PLAIN_VALUE: Final = re.compile(
    rb'\{"data":\{"text/plain":"([ !#-\[\]-~]*)"\},"metadata":\{\},"main":true'
    rb'(?:,"display_id":null,"update":false)?\}'
)
_PLAIN_END: Final = re.compile(rb'\{"status":"ok","exit_code":null(?:,"execution_count":[0-9]{1,9})?\}')
_ENDED_WELL: Final = Finished("ok", None)


def decode_event(kind: int, payload: bytes) -> Event:
    """Turn the arguments of ``pywasm.emit`` into an event. Raises `ProtocolError`."""
    match kind:
        case EventKind.DISPLAY:
            plain = _PLAIN_VALUE.fullmatch(payload)
            if plain is not None and len(payload) <= MAX_EVENT_BYTES:
                return Displayed({"text/plain": plain[1].decode("ascii")}, {}, True)
            return _decode_display(_object(payload, "a display event"))
        case EventKind.ERROR:
            return _decode_error(_object(payload, "an error event"))
        case EventKind.CLEAR:
            return Cleared(_get(_object(payload, "a clear event"), "wait", bool, False))
        case EventKind.DONE:
            if _PLAIN_END.fullmatch(payload) is not None:
                return _ENDED_WELL
            message = _object(payload, "a done event")
            status = message.get("status")
            if status not in ("ok", "error", "exit"):
                raise ProtocolError(f"a done event has the status {status!r}")
            exit_code = _get(message, "exit_code", int)
            if exit_code is not None and not -(1 << 63) <= exit_code < 1 << 63:
                raise ProtocolError("field 'exit_code' is out of range")
            return Finished(status, exit_code)
        case _:
            raise ProtocolError(f"event kind {kind} is unknown")
