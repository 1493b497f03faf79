"""Values between guest code and host tools: JSON, and bytes under a key that marks them."""

from __future__ import annotations

import base64
import binascii
import errno
import json
from typing import Any, Final

from pywasm_sandbox._guests.hostcalls import HostCallError

__all__ = ["BYTES_KEY", "decode_arguments", "describe_exception", "encode_value"]

BYTES_KEY: Final = "__pywasm_bytes__"
"""An object with this key alone stands for bytes, in base64."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


def decode_arguments(args: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """JSON values of the guest as Python's. Raises `HostCallError`."""
    return _decode(args), _decode(kwargs) if kwargs else kwargs


def _decode(value: Any) -> Any:
    # The depth is bounded by the channel.
    if type(value) is list:
        return [item if type(item) in _SCALARS else _decode(item) for item in value]
    if type(value) is dict:
        if len(value) == 1 and BYTES_KEY in value:
            return _decode_bytes(value[BYTES_KEY])
        return {key: _decode(item) for key, item in value.items()}
    return value


def _decode_bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise HostCallError("ValueError", "bytes have to be in base64") from None


def _plain(value: Any) -> Any:
    """What `json` can't write, one level of it."""
    if isinstance(value, bytes | bytearray | memoryview):
        return {BYTES_KEY: base64.b64encode(value).decode("ascii")}
    from pydantic import BaseModel
    from pydantic_core import to_jsonable_python

    if isinstance(value, BaseModel):
        return value.model_dump()
    return to_jsonable_python(value)


# Made once: `json.dumps` makes a new one each time.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), default=_plain)


def encode_value(value: Any, name: str, max_bytes: int) -> bytes:
    """The reply to the guest. Raises `HostCallError` if there is none: the value isn't data, or too large."""
    try:
        text = _ENCODER.encode(value)
    except Exception as error:
        raise HostCallError("TypeError", f"{name}() returned what can't be sent as data: {error}") from error
    if len(text) > max_bytes:
        raise HostCallError(
            "ValueError", f"{name}() returned {len(text)} bytes, over the limit of {max_bytes}"
        )
    return f'{{"value":{text}}}'.encode("ascii")


def describe_exception(error: BaseException) -> HostCallError:
    """What the guest is told of an exception of a tool: class, message and arguments, no traceback."""
    try:
        message = str(error)
    except Exception:
        message = ""
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        # Numbers differ between systems, names don't.
        number = errno.errorcode.get(error.errno)
        return HostCallError(name, error.strerror or message, number)
    args = error.args if all(type(arg) in _SCALARS for arg in error.args) else (message,)
    return HostCallError(name, message, args=list(args))
