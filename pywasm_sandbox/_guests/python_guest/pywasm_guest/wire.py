"""JSON and events.

Uses the accelerators of the json package directly: the package itself imports `re`, which costs more than the
rest of the boot.
"""

from __future__ import annotations

import sys
from _json import encode_basestring as quote
from _json import make_encoder, make_scanner
from _thread import _count
from time import sleep

import _pywasm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = [
    "CLEAR",
    "DISPLAY",
    "DONE",
    "ERROR",
    "call",
    "decode",
    "decoder",
    "emit",
    "encode",
    "encoder",
    "exchange",
    "failure",
    "flush",
    "later",
    "patience",
    "quote",
    "request",
]

_FIRST_PAUSE_SECONDS = 0.0001
_LONGEST_PAUSE_SECONDS = 0.005

DISPLAY, ERROR, CLEAR, DONE = 1, 2, 3, 4


class _ScannerOptions:
    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


_scan = make_scanner(_ScannerOptions)  # type: ignore[arg-type]  # it reads attributes, of anything


def _refuse(value: object) -> None:
    raise TypeError(f"{type(value).__name__} is not JSON")


def decode(data: bytes) -> Any:
    """The value of a JSON text in UTF-8 without surrounding whitespace."""
    return _scan(data.decode(), 0)[0]


def encode(value: object, *, allow_nan: bool = False) -> str:
    """The JSON text of ``value``, with `json.dumps`' rules for keys.

    Raises:
        TypeError: something in it has no JSON form.
        ValueError: it holds itself, or a NaN or infinity (which JSON does not have) without ``allow_nan``.
    """
    chunks: tuple[str, ...] = make_encoder({}, _refuse, quote, None, ":", ",", False, False, allow_nan)(
        value, 0
    )
    return "".join(chunks)


def encoder(plain: Callable[[object], object]) -> Callable[[object, int], tuple[str, ...]]:
    """The C encoder: called with a value and 0 it gives the pieces of its JSON. ``plain`` gives, for what
    JSON does not have, something that stands for it."""
    return make_encoder({}, plain, quote, None, ":", ",", False, False, True)


def decoder(object_hook: Callable[[dict[str, Any]], object]) -> Callable[[bytes], Any]:
    """As `decode`, and each object goes through ``object_hook``."""
    options = type("Options", (_ScannerOptions,), {"object_hook": staticmethod(object_hook)})
    scan = make_scanner(options)  # type: ignore[arg-type]
    return lambda data: scan(data.decode(), 0)[0]


def flush() -> None:
    """Pass on what the interpreter's own streams hold back; what the user put in their place is theirs."""
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]  # None ends in the except clause too
        except Exception:
            pass


def emit(kind: int, payload: str) -> None:
    """Send an event after everything that was written before it. Lone surrogates become "?"."""
    flush()
    _pywasm.emit(kind, payload.encode("utf-8", "replace"))


def request(op: str, /, **arguments: object) -> Any:
    """Call the host (docs/ARCHITECTURE.md, "Host calls") and return the value.

    Raises:
        Exception: what the host says: a built-in exception, an OSError with its number.
        TypeError, ValueError: the arguments are not JSON.
    """
    flush()
    reply = call({"op": op, **arguments})
    if "error" in reply:
        raise failure(reply)
    return reply["value"]


def call(message: dict[str, object]) -> dict[str, Any]:
    """Call the host and return its reply, `{"value": …}` or `{"error": …}`, without flushing output first."""
    return decode(exchange(encode(message, allow_nan=True).encode("utf-8", "replace")))  # type: ignore[no-any-return]


def exchange(data: bytes) -> bytes:
    """As `call`, of what is encoded already."""
    while True:
        try:
            return _pywasm.request(data)  # type: ignore[no-any-return]
        except InterruptedError:  # and the handler of the signal did not raise
            pass


def patience() -> dict[str, bool]:
    """What to add to a question for the host's caller, so that other threads go on until it is answered."""
    return {"later": True} if _count() else {}


def later(reply: bytes) -> bytes:
    """The reply to a call with `patience`: if there is none yet, this thread sleeps until there is."""
    if not reply.startswith(b'{"pending"'):
        return reply
    state = decode(reply)
    number = state["pending"]
    pause = _FIRST_PAUSE_SECONDS
    try:
        while True:
            sleep(state.get("after", pause))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            reply = exchange(encode({"op": "answer", "number": number}).encode())
            if not reply.startswith(b'{"pending"'):
                return reply
            state = decode(reply)
    except BaseException:
        exchange(encode({"op": "withdraw", "number": number}).encode())
        raise


def failure(reply: dict[str, Any]) -> Exception:
    """The exception that an error of the host stands for."""
    import builtins
    import errno

    kind = getattr(builtins, reply["error"], None)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return RuntimeError(f"{reply['error']}: {reply['message']}")
    number = getattr(errno, reply.get("errno") or "", None)
    return kind(reply["message"]) if number is None else kind(number, reply["message"])
