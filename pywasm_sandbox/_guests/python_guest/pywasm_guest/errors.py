"""What the user is told about an exception that ended a cell.

Imported when the first cell fails.
"""

from __future__ import annotations

import sys
import traceback

from .bundle import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from .source import Sources

__all__ = ["Failure", "fallback", "keep_as_last", "report", "user_traceback"]

EDGE_FRAMES = 30
"""How many frames a long traceback keeps at each end."""

MAX_FRAMES = 5000
"""Of a deeper stack only the innermost frames are looked at."""

_GUEST_FOLDER = __file__.rpartition("/")[0] + "/"
_REPEATS = 3  # traceback's own _RECURSIVE_CUTOFF: more of the same line are counted, not shown


class Failure:
    """The fields of an ERROR event."""

    __slots__ = ("line_number", "message", "name", "traceback")

    def __init__(self, name: str, message: str, traceback: list[str], line_number: int | None) -> None:
        self.name, self.message = name, message
        self.traceback, self.line_number = traceback, line_number


class _Stack(traceback.StackSummary):
    """A stack that leaves out the middle when it is long."""

    def __init__(self, frames: Any = (), cut: bool = False) -> None:
        super().__init__(frames)
        self._cut = cut

    def _edges(self) -> tuple[int, int]:
        """Where the middle that is left out begins and ends, counted in what would be shown."""
        shown = []
        run, previous = 0, None
        for index, frame in enumerate(self):
            place = (frame.filename, frame.lineno, frame.name)
            run = run + 1 if place == previous else 1
            previous = place
            if run <= _REPEATS:
                shown.append(index)
        if len(shown) <= 2 * EDGE_FRAMES:
            return len(self), len(self)
        return shown[EDGE_FRAMES], shown[-EDGE_FRAMES]

    def format(self, **kwargs: Any) -> list[str]:
        begin, end = self._edges()
        head = traceback.StackSummary.from_list(self[:begin]).format(**kwargs)
        if self._cut:
            head.insert(0, "  ... outer frames hidden\n")
        if begin == end:
            return head
        tail = traceback.StackSummary.from_list(self[end:]).format(**kwargs)
        return [*head, f"  ... {end - begin} frames hidden\n", *tail]


def user_traceback(exception: BaseException, sources: Sources) -> TracebackType | None:
    """The traceback from the first frame of a cell on: what is outside of it is how we run cells."""
    tb = _traceback_of(exception)
    while tb is not None and tb.tb_frame.f_code.co_filename not in sources:
        tb = tb.tb_next
    return tb


# As the base class has it: a subclass may have a property of that name, or refuse to answer.
_traceback_of: Callable[[BaseException], TracebackType | None] = BaseException.__dict__[
    "__traceback__"
].__get__


def _line_number(exception: BaseException, tb: TracebackType | None, filename: str) -> int | None:
    """The line of this cell where it went wrong: of the innermost of its frames."""
    line = None
    while tb is not None:
        if tb.tb_frame.f_code.co_filename == filename:
            line = tb.tb_lineno
        tb = tb.tb_next
    if line is None and type(exception) in (SyntaxError, IndentationError, TabError):
        assert isinstance(exception, SyntaxError)
        if exception.filename == filename:
            line = exception.lineno
    return line


def _depth(tb: TracebackType | None) -> int:
    depth = 0
    while tb is not None:
        depth += 1
        tb = tb.tb_next
    return depth


def _clean(described: traceback.TracebackException, cut: bool) -> None:
    """Take our own frames out of a description and of all that it is chained to."""
    todo, seen = [described], set()
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        frames = [frame for frame in item.stack if not frame.filename.startswith(_GUEST_FOLDER)]
        item.stack = _Stack(frames, cut)
        todo += [other for other in (item.__cause__, item.__context__) if other is not None]
        todo += getattr(item, "exceptions", None) or []


def _lines(exception: BaseException, tb: TracebackType | None) -> list[str]:
    deep = _depth(tb) > MAX_FRAMES
    described = traceback.TracebackException(
        type(exception), exception, tb, limit=-2 * EDGE_FRAMES if deep else None, compact=True
    )
    _clean(described, deep)
    return "".join(described.format()).splitlines()


def _message(exception: BaseException) -> str:
    try:
        return str(exception)
    except BaseException:
        return "<exception str() failed>"


def report(
    exception: BaseException, sources: Sources, filename: str, limit: BaseException | None = None
) -> Failure:
    """Describe ``exception``; ``limit`` is that of a limit that the cell ran into before that."""
    sources.refresh()
    tb = user_traceback(exception, sources)
    named = exception if limit is None else limit
    return Failure(
        type_name(named),
        _message(named),
        _lines(exception, tb),
        _line_number(exception, tb, filename),
    )


def fallback(
    exception: BaseException, sources: Sources, filename: str, limit: BaseException | None = None
) -> Failure:
    """Describe an exception that `report` failed on: a hostile class, or no memory for `traceback`."""
    tb = user_traceback(exception, sources)
    named = exception if limit is None else limit
    message = _message(named)
    lines = ["Traceback (most recent call last):"] if tb is not None else []
    at = tb
    while at is not None and len(lines) <= 2 * EDGE_FRAMES:
        code = at.tb_frame.f_code
        lines.append(f'  File "{code.co_filename}", line {at.tb_lineno}, in {code.co_name}')
        at = at.tb_next
    name = type_name(exception)
    last = message if named is exception else _message(exception)
    lines += f"{name}: {last}".splitlines() if last else [name]
    return Failure(type_name(named), message, lines, _line_number(exception, tb, filename))


def keep_as_last(exception: BaseException, sources: Sources) -> None:
    """What the interactive interpreter leaves for `pdb.pm` and `traceback.print_last`."""
    tb = user_traceback(exception, sources)
    BaseException.with_traceback(exception, tb)
    for name, value in (
        ("last_exc", exception),
        ("last_value", exception),
        ("last_type", type(exception)),
        ("last_traceback", tb),
    ):
        setattr(sys, name, value)
