"""Functions of the host as functions of the guest: what module ``host`` hands out."""

from __future__ import annotations

import binascii
import builtins

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

__all__ = ["ToolError", "find", "names"]

_BYTES_KEY = "__pywasm_bytes__"


class ToolError(Exception):
    """A function of the host failed with an exception that the guest has no class for; ``type`` is its
    name."""

    __module__ = "host"

    def __init__(self, message: str, type: str = "") -> None:
        super().__init__(message)
        self.type = type

    def __str__(self) -> str:
        message = super().__str__()
        return f"{self.type}: {message}" if self.type else message


class _Text:
    """Shown as it is, in a signature."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _plain(value: object) -> object:
    """What JSON doesn't have, one level of it, as something that it has."""
    if isinstance(value, bytes | bytearray | memoryview):
        return {_BYTES_KEY: binascii.b2a_base64(value, newline=False).decode("ascii")}
    if isinstance(value, set | frozenset):
        return list(value)
    for name in ("model_dump", "isoformat", "tolist"):  # pydantic and attrs, dates and times, numpy
        method = getattr(type(value), name, None)
        if method is not None:
            return method(value)
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        return {field: getattr(value, field) for field in fields}
    import enum

    if isinstance(value, enum.Enum):
        return value.value
    if type(value).__module__.partition(".")[0] in ("decimal", "uuid", "pathlib", "fractions"):
        return str(value)
    raise TypeError(f"an object of type {type(value).__name__!r} can't be sent to the host")


_encode = wire.encoder(_plain)


def _bytes_or_dict(value: dict[str, Any]) -> object:
    if len(value) == 1 and _BYTES_KEY in value:
        return binascii.a2b_base64(value[_BYTES_KEY])
    return value


_decode_bytes = wire.decoder(_bytes_or_dict)


def _call(name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    wire.flush()
    message = {"op": "tool", "name": name, "args": args, "kwargs": kwargs, **wire.patience()}
    data = wire.later(wire.exchange("".join(_encode(message, 0)).encode("utf-8", "replace")))
    reply = _decode_bytes(data) if b"__pywasm_bytes__" in data else wire.decode(data)
    if "error" in reply:
        _fail(reply)
    return reply["value"]


def _fail(reply: dict[str, Any]) -> NoReturn:
    kind = getattr(builtins, reply["error"], None)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        raise ToolError(reply["message"], reply["error"])
    if "args" not in reply:
        raise wire.failure(reply)
    try:
        exception = kind(*reply["args"])
    except Exception:  # some take other arguments than they keep
        exception = ToolError(reply["message"], reply["error"])
    raise exception


def _descriptions() -> dict[str, dict[str, Any]]:
    return {description["name"]: description for description in wire.request("tools")}


def names() -> list[str]:
    """The names of the functions that the host exposes now."""
    return list(_descriptions())


def find(name: str) -> Callable[..., object]:
    """The function of this name. Raises AttributeError."""
    description = _descriptions().get(name)
    if description is None:
        exposed = ", ".join(_descriptions()) or "none"
        raise AttributeError(f"the host exposes no function {name!r} to this sandbox (it exposes: {exposed})")
    return _make(description)


def _make(description: dict[str, Any]) -> Callable[..., object]:
    name = description["name"]

    def tool(*args: object, **kwargs: object) -> object:
        return _call(name, args, kwargs)

    tool.__name__ = tool.__qualname__ = name
    tool.__module__ = "host"
    tool.__doc__ = description["doc"]
    _describe(tool, description)
    return tool


def _describe(tool: Any, description: dict[str, Any]) -> None:
    import inspect

    parameters = []
    annotations = {}
    for entry in description["parameters"]:
        kind = getattr(inspect.Parameter, entry["kind"])
        annotation: Any = inspect.Parameter.empty
        default: Any = inspect.Parameter.empty
        if entry["type"] is not None:
            annotation = annotations[entry["name"]] = _annotation(entry["type"])
        if "default" in entry:
            default = entry["default"]
        elif "default_text" in entry:
            default = _Text(entry["default_text"])
        parameters.append(inspect.Parameter(entry["name"], kind, default=default, annotation=annotation))
    returns: Any = inspect.Signature.empty
    if description["returns"] is not None:
        returns = annotations["return"] = _annotation(description["returns"])
    tool.__annotations__ = annotations
    tool.__signature__ = inspect.Signature(parameters, return_annotation=returns)


def _annotation(text: str) -> Any:
    if text == "None":
        return None
    known = getattr(builtins, text, None)
    return known if isinstance(known, type) else _Text(text)
