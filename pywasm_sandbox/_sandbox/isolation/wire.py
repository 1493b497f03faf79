"""Messages between a sandbox's process and its parent.

The parent is trusted and the other side is not: what goes to it is pickled, what comes back is JSON with
bytes beside it, of which each value is one of a few types and is validated. A frame is three lengths
(text, number of byte strings, each of them), the text, the byte strings.
"""

from __future__ import annotations

import builtins
import functools
import json
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Final

from pywasm_sandbox import errors
from pywasm_sandbox._guests.protocol import (
    BlockedInput,
    Cleared,
    Displayed,
    Failed,
    Finished,
    InputAnswer,
    InputQuestion,
    Output,
    ToolQuestion,
)

__all__ = ["Channel", "ChannelClosed", "WireError", "decode", "describe_error", "encode", "made_error"]

MAX_FRAME_BYTES: Final = 1 << 30
MAX_BLOBS: Final = 10_000
MAX_DEPTH: Final = 400
_HEAD: Final = struct.Struct("<II")
_MARK: Final = "$"

_EVENTS: Final = (
    Output,
    Displayed,
    Failed,
    Cleared,
    Finished,
    InputQuestion,
    ToolQuestion,
    InputAnswer,
    BlockedInput,
)
_MODELS: Final = ("FileInfo", "FileContent", "CommandResult")
_BUILTIN_ERRORS: Final = (
    "LookupError",
    "KeyError",
    "MemoryError",
    "NotImplementedError",
    "OSError",
    "RuntimeError",
    "TimeoutError",
    "TypeError",
    "UnicodeDecodeError",
    "ValueError",
)


class ChannelClosed(Exception):
    """The other side is gone."""


class WireError(Exception):
    """The other side sent something that is no message."""


@functools.cache
def _classes() -> dict[str, Any]:
    """What may be in a message, by name, with what validates it. Needs pydantic, as results do."""
    from pydantic import TypeAdapter

    from pywasm_sandbox import models
    from pywasm_sandbox._network.log import NetworkAttempt

    known: list[Any] = [*_EVENTS, NetworkAttempt, *(getattr(models, name) for name in _MODELS)]
    return {each.__name__: TypeAdapter(each) for each in known}


# ---- values


def encode(value: Any) -> tuple[bytes, list[bytes]]:
    """A value as text, and its byte strings. Raises `TypeError` for what can't be in a message."""
    blobs: list[bytes] = []
    text = json.dumps(_plain(value, blobs), separators=(",", ":"))
    return text.encode("ascii"), blobs


def _plain(value: Any, blobs: list[bytes]) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        blobs.append(bytes(value))
        return {f"{_MARK}bytes": len(blobs) - 1}
    if isinstance(value, list | tuple) and not isinstance(value, _EVENTS):
        return [_plain(item, blobs) for item in value]
    if isinstance(value, datetime):
        return {f"{_MARK}time": value.isoformat()}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith(_MARK) for key in value):
            return {key: _plain(item, blobs) for key, item in value.items()}
        return {f"{_MARK}items": [[str(key), _plain(item, blobs)] for key, item in value.items()]}
    name = type(value).__name__
    if isinstance(value, _EVENTS):
        content = value._asdict()
    elif is_dataclass(value):
        content = {each.name: getattr(value, each.name) for each in fields(value)}
    elif name in _MODELS:
        content = dict(value)
    else:
        raise TypeError(f"{name} can't be sent to another process")
    return {f"{_MARK}{name}": {key: _plain(item, blobs) for key, item in content.items()}}


def decode(text: bytes, blobs: list[bytes]) -> Any:
    """What `encode` wrote. Raises `WireError` for anything else."""
    try:
        return _value(json.loads(text), blobs, MAX_DEPTH)
    except WireError:
        raise
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise WireError(f"a message makes no sense: {error}") from error


def _value(plain: Any, blobs: list[bytes], depth: int) -> Any:
    if depth == 0:
        raise WireError("a message is nested too deeply")
    if isinstance(plain, list):
        return [_value(item, blobs, depth - 1) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if len(plain) == 1:
        ((key, item),) = plain.items()
        if key.startswith(_MARK):
            return _marked(key[len(_MARK) :], item, blobs, depth - 1)
    return {key: _value(item, blobs, depth - 1) for key, item in plain.items()}


def _marked(name: str, item: Any, blobs: list[bytes], depth: int) -> Any:
    if name == "bytes":
        if type(item) is not int or item < 0:
            raise WireError("bytes are not there")
        return blobs[item]
    if name == "time":
        return datetime.fromisoformat(item)
    if name == "items":
        return {str(key): _value(each, blobs, depth) for key, each in item}
    adapter = _classes().get(name)
    if adapter is None or not isinstance(item, dict):
        raise WireError(f"there is no {name!r:.50} in messages")
    return adapter.validate_python({key: _value(each, blobs, depth) for key, each in item.items()})


# ---- errors


def describe_error(error: BaseException) -> dict[str, Any]:
    """An exception as a value."""
    known = next(
        (each for each in type(error).__mro__ if _error_class(each.__name__) is each),
        errors.SandboxInternalError,
    )
    described: dict[str, Any] = {"name": known.__name__, "message": str(error)}
    if isinstance(error, OSError):
        described |= {"errno": error.errno, "strerror": error.strerror, "filename": error.filename}
    if isinstance(error, UnicodeDecodeError):
        described["arguments"] = [error.encoding, error.object, error.start, error.end, error.reason]
    if known is errors.SandboxInternalError and type(error) is not known:
        described["message"] = f"{type(error).__name__}: {error}"
    return described


def _error_class(name: str) -> type[Exception] | None:
    if name in errors.__all__:
        found: type[Exception] = getattr(errors, name)
        return found
    return getattr(builtins, name) if name in _BUILTIN_ERRORS else None


def made_error(described: Any) -> Exception:
    """The exception that was described."""
    if not isinstance(described, dict) or not isinstance(described.get("message"), str):
        raise WireError("an error is not described as one")
    found = _error_class(str(described.get("name")))
    if found is None:
        raise WireError(f"there is no error {described.get('name')!r:.50}")
    message, number = described["message"], described.get("errno")
    if found is UnicodeDecodeError:
        encoding, data, start, end, reason = described["arguments"]
        return UnicodeDecodeError(str(encoding), bytes(data), int(start), int(end), str(reason))
    if issubclass(found, OSError) and type(number) is int:
        filename = described.get("filename")
        return found(number, str(described.get("strerror")), filename if isinstance(filename, str) else None)
    return found(message)


# ---- frames


class Channel:
    """One end of a connection. Frames may be sent from any thread; one thread receives."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._sending = threading.Lock()

    def send(self, text: bytes, blobs: list[bytes] | tuple[bytes, ...] = ()) -> None:
        """Raises `ChannelClosed`."""
        head = _HEAD.pack(len(text), len(blobs)) + b"".join(len(blob).to_bytes(8, "little") for blob in blobs)
        try:
            with self._sending:
                self.connection.sendall(head + text)
                for blob in blobs:
                    self.connection.sendall(blob)
        except OSError as error:
            raise ChannelClosed(str(error)) from error

    def receive(self) -> tuple[bytes, list[bytes]]:
        """The next frame. Raises `ChannelClosed`, `WireError`."""
        size, count = _HEAD.unpack(self._read(_HEAD.size))
        if count > MAX_BLOBS:
            raise WireError(f"a message has {count} byte strings")
        sizes = struct.unpack(f"<{count}Q", self._read(8 * count)) if count else ()
        if size + sum(sizes) > MAX_FRAME_BYTES:
            raise WireError(f"a message has {size + sum(sizes)} bytes")
        return self._read(size), [self._read(each) for each in sizes]

    def _read(self, size: int) -> bytes:
        data = bytearray(size)
        view, done = memoryview(data), 0
        while done < size:
            try:
                count = self.connection.recv_into(view[done:])
            except OSError as error:
                raise ChannelClosed(str(error)) from error
            if count == 0:
                raise ChannelClosed("the other side closed the connection")
            done += count
        return bytes(data)

    def close(self) -> None:
        """Both directions. Idempotent."""
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.connection.close()
