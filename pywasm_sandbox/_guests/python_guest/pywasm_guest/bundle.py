"""From an object to a MIME bundle, by the protocol of Jupyter's display system.

Data is kept as JSON text per MIME type: it goes into an event as it is, and what has no JSON form is found
here and not when the event is built.
"""

from __future__ import annotations

import sys
from binascii import b2a_base64
from math import isfinite

from . import wire
from .wire import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

__all__ = ["Bundle", "describe", "from_mapping", "warn"]

MAX_JSON_TEXT = 1 << 20
"""A dict or list whose repr is longer than this many characters gets no application/json beside it."""

MAX_REPR_METADATA = 1 << 16
"""A str result longer than this many characters goes without its repr in the metadata."""

_SIMPLE = frozenset(
    {int, float, bool, complex, str, bytes, bytearray, type(None), range, dict, list, tuple, set, frozenset}
)
_CANARY = "_ipython_canary_method_should_not_exist_"
_REPR_METHODS = (
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"),
    ("application/pdf", "_repr_pdf_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("text/latex", "_repr_latex_"),
    ("application/json", "_repr_json_"),
    ("application/javascript", "_repr_javascript_"),
)


class Bundle:
    """``data``: MIME type → JSON text of the value; ``metadata``: MIME type → notes on it."""

    __slots__ = ("data", "metadata")

    def __init__(self) -> None:
        self.data: dict[str, str] = {}
        self.metadata: dict[str, Any] = {}

    def add(self, mime: str, value: object, metadata: object = None) -> None:
        """Raises TypeError or ValueError when ``value`` is nothing that this MIME type can hold."""
        own: dict[str, Any] = {}
        if metadata is not None:
            if not isinstance(metadata, dict):
                raise TypeError(f"the metadata is a {type(metadata).__name__}, not a dict")
            wire.encode(metadata)
            own = metadata
        note = {**own, **self._encode(mime, value)}
        if note:
            self.metadata[mime] = note

    def _encode(self, mime: str, value: object) -> dict[str, Any]:
        text_type = mime.startswith("text/") or mime == "image/svg+xml"
        if isinstance(value, str):
            self.data[mime] = quote(value)
            return {}
        if isinstance(value, bytes | bytearray | memoryview):
            raw = bytes(value)
            self.data[mime] = quote(raw.decode("utf-8", "replace") if text_type else encode_binary(raw))
            return {}
        if text_type or mime.startswith(("image/png", "image/jpeg", "application/pdf")):
            raise TypeError(f"{type(value).__name__} is neither str nor bytes")
        self.data[mime], note = encode_json(value)
        return note


def encode_binary(data: bytes) -> str:
    """Base64 without line breaks."""
    return b2a_base64(data, newline=False).decode("ascii")


def encode_json(value: object) -> tuple[str, dict[str, Any]]:
    """JSON text and a note for the metadata; NaN and infinities, which JSON lacks, become null."""
    try:
        return wire.encode(value), {}
    except ValueError:
        # Cycles fail here too, before `_finite` would follow them.
        wire.encode(value, allow_nan=True)
    return wire.encode(_finite(value)), {"non_finite_as_null": True}


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {_finite_key(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _finite_key(key: Any) -> Any:
    if isinstance(key, float) and not isfinite(key):
        return {"nan": "NaN", "inf": "Infinity"}.get(repr(key), "-Infinity")
    return key


def type_name(value: object) -> str:
    """The class' name, whatever its metaclass says."""
    return str(_name_of(type(value)))


_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__


def explain(exception: BaseException) -> str:
    """ "ValueError: why", also for exceptions whose str() fails."""
    name = type_name(exception)
    try:
        message = str(exception)
    except Exception:
        message = "<exception str() failed>"
    return f"{name}: {message}" if message else name


def warn(message: str) -> None:
    """A line on the cell's stderr."""
    try:
        sys.stderr.write(f"{message}\n")
    except Exception:
        pass


def _method(value: object, name: str) -> Callable[..., Any] | None:
    try:
        method = getattr(value, name, None)
    except Exception:
        return None
    return method if callable(method) else None


def _call(value: object, name: str, *args: object, **kwargs: object) -> Any:
    """What the method returns; None when there is none, or it declines, or it fails (with a warning)."""
    method = _method(value, name)
    if method is None:
        return None
    try:
        return method(*args, **kwargs)
    except NotImplementedError:
        return None
    except Exception as exception:
        warn(f"{type_name(value)}.{name} failed: {explain(exception)}")
        return None


def _add(bundle: Bundle, value: object, source: str, mime: str, data: object, metadata: object) -> None:
    try:
        bundle.add(mime, data, metadata)
    except Exception as exception:
        warn(f"{type_name(value)}.{source} gave no {mime}: {explain(exception)}")


def _answers_everything(value: object) -> bool:
    """Mocks and proxies answer every name: such an object has no display methods of its own."""
    try:
        return getattr(value, _CANARY, None) is not None
    except Exception:
        return True


class _Filter:
    __slots__ = ("exclude", "include")

    def __init__(self, include: Collection[str] | None, exclude: Collection[str] | None) -> None:
        self.include, self.exclude = include, exclude

    def __contains__(self, mime: object) -> bool:
        return (not self.include or mime in self.include) and not (self.exclude and mime in self.exclude)


def from_mapping(
    data: dict[str, Any],
    metadata: dict[str, Any] | None = None,
    include: Collection[str] | None = None,
    exclude: Collection[str] | None = None,
) -> Bundle:
    """A bundle from a ready dict of MIME type to data. Raises TypeError or ValueError."""
    bundle = Bundle()
    wanted = _Filter(include, exclude)
    for mime, value in data.items():
        if value is not None and mime in wanted:
            bundle.add(mime, value)
    for mime, note in (metadata or {}).items():
        wire.encode(note)
        own = bundle.metadata.get(mime)
        bundle.metadata[mime] = {**own, **note} if own and isinstance(note, dict) else note
    return bundle


def describe(
    value: object, include: Collection[str] | None = None, exclude: Collection[str] | None = None
) -> Bundle | None:
    """Everything that ``value`` says about itself; None when its ``_ipython_display_`` showed it already.

    A method that raises costs its own MIME type and a line on stderr, never the cell. A class has only a
    text: its methods are there for its instances.
    """
    kind = type(value)
    wanted = _Filter(include, exclude)
    bundle = Bundle()
    if kind not in _SIMPLE and not issubclass(kind, type) and not _answers_everything(value):
        if _display_itself(value):
            return None
        _add_own(bundle, value, wanted)
    if "text/plain" in wanted and "text/plain" not in bundle.data:
        _add_text(bundle, value)
    if issubclass(kind, dict | list | tuple) and "application/json" in wanted:
        _add_json(bundle, value)
    return bundle


def _display_itself(value: object) -> bool:
    method = _method(value, "_ipython_display_")
    if method is None:
        return False
    try:
        method()
    except NotImplementedError:
        return False
    except Exception as exception:
        warn(f"{type_name(value)}._ipython_display_ failed: {explain(exception)}")
        return False
    return True


def _add_own(bundle: Bundle, value: object, wanted: _Filter) -> None:
    answer = _call(value, "_repr_mimebundle_", include=wanted.include, exclude=wanted.exclude)
    if answer is not None:
        data, notes = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
        if isinstance(data, dict):
            for mime, item in data.items():
                if item is not None and mime in wanted:
                    note = notes.get(mime) if isinstance(notes, dict) else None
                    _add(bundle, value, "_repr_mimebundle_", mime, item, note)
        else:
            warn(f"{type_name(value)}._repr_mimebundle_ gave a {type_name(data)}, not a dict")
    for mime, name in _REPR_METHODS:
        if mime in bundle.data or mime not in wanted:
            continue
        answer = _call(value, name)
        if answer is None:
            continue
        data, note = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
        if mime == "application/json" and isinstance(data, str):
            data = _loads(data)
        _add(bundle, value, name, mime, data, note)


def _loads(text: str) -> object:
    """A ``_repr_json_`` that returns JSON text means what the text says."""
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def _add_text(bundle: Bundle, value: object) -> None:
    try:
        if issubclass(type(value), str):
            # The very string, so that a program can use it; how Python writes it goes beside it.
            text = str.__str__(value)
            bundle.data["text/plain"] = quote(text)
            if len(text) <= MAX_REPR_METADATA:
                bundle.metadata["text/plain"] = {"repr": repr(value)}
        else:
            bundle.data["text/plain"] = quote(repr(value))
    except Exception as exception:
        problem = f"repr of {type_name(value)} failed: {explain(exception)}"
        bundle.data["text/plain"] = quote(f"<{problem}>")
        warn(problem)


def _add_json(bundle: Bundle, value: object) -> None:
    """JSON beside the repr of a dict, list or tuple, when all of it has a JSON form and it isn't huge."""
    if "application/json" in bundle.data or len(bundle.data.get("text/plain", "")) > MAX_JSON_TEXT:
        return
    try:
        bundle.data["application/json"], note = encode_json(value)
    except Exception:
        return
    if note:
        bundle.metadata["application/json"] = note
