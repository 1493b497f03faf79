"""The standard streams."""

from __future__ import annotations

import io
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["StandardStreams"]


def _writer(fd: int, name: str, errors: str) -> io.TextIOWrapper:
    # As `python -u` makes them: the C library below gathers the writes, so a second buffer would only keep
    # a progress bar from showing and let stdout and stderr change places.
    raw = io.FileIO(fd, "w", closefd=False)
    raw.name = name
    stream = io.TextIOWrapper(raw, "utf-8", errors, newline="\n", write_through=True)
    stream.mode = "w"  # type: ignore[misc]  # as CPython does when it makes the streams
    return stream


def _usable(stream: object, method: str) -> bool:
    """Whether ``stream`` can still be used; hostile objects count as broken."""
    try:
        return callable(getattr(stream, method, None)) and not getattr(stream, "closed", False)
    except Exception:
        return False


class StandardStreams:
    """Puts the interpreter's streams in place, and puts them back where a cell closed them.

    A stream that a cell replaced stays replaced in the next cells, as in a notebook, unless it is closed.
    """

    def __init__(self, make_stdin: Callable[[], TextIO]) -> None:
        self._make: dict[str, Callable[[], TextIO]] = {
            "stdin": make_stdin,
            "stdout": lambda: _writer(1, "<stdout>", "surrogateescape"),
            "stderr": lambda: _writer(2, "<stderr>", "backslashreplace"),
        }
        for name in self._make:
            self._install(name)

    def _install(self, name: str) -> None:
        stream = self._make[name]()
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)

    def restore(self) -> None:
        """Before a cell: every stream can be used."""
        for name in self._make:
            method = "readline" if name == "stdin" else "write"
            original = getattr(sys, f"__{name}__", None)
            current = getattr(sys, name, None)
            if not _usable(original, method):
                self._install(name)
                if current is not original and _usable(current, method):
                    setattr(sys, name, current)
            elif current is not original and not _usable(current, method):
                setattr(sys, name, original)
