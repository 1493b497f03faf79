"""SIGINT: how the host stops a cell and keeps the context.

The host trips SIGINT in the interpreter's memory and leaves a reason. What the handler does depends on where
the interrupt arrives: in the user's code it raises; while an error is being reported it is held back for a
moment, so that the report survives; in our own code between the two it only leaves a note.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import itertools
from sys import setprofile, settrace
from time import monotonic

import _pywasm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = [
    "CpuLimitExceeded",
    "ExecutionTimeout",
    "Gate",
    "LifetimeExceeded",
    "OutputLimitExceeded",
    "Reason",
    "tell_iterators",
]

_LOOKED = 5
"""The event that tells the host that an interrupt arrived; `wire` is not needed to say so."""

_ITERATORS = 6
"""The event that tells the host where types of iterators are."""

HOLD_SECONDS = 0.5
"""How long a report may go on after an interrupt: well below the host's grace before it kills the context."""


class Reason:
    """The numbers that the host leaves."""

    UNKNOWN = 0
    TIMEOUT = 1
    CANCELLED = 2
    OUTPUT_LIMIT = 3
    CALLBACK_FAILED = 4
    CPU_LIMIT = 5
    LIFETIME = 6
    DEADLOCK = 100
    """From the guest itself: all of its threads wait."""


class ExecutionTimeout(KeyboardInterrupt):
    """The cell's deadline passed.

    A KeyboardInterrupt because that is what asyncio, unittest and other libraries let through where they
    would put any other BaseException aside and go on.
    """

    __module__ = "builtins"


class OutputLimitExceeded(KeyboardInterrupt):
    """The cell wrote or displayed more than its limit."""

    __module__ = "builtins"


class CpuLimitExceeded(KeyboardInterrupt):
    """The sandbox used up its CPU time."""

    __module__ = "builtins"


class LifetimeExceeded(KeyboardInterrupt):
    """The sandbox's lifetime is over."""

    __module__ = "builtins"


_LIMITS = {
    Reason.TIMEOUT: (ExecutionTimeout, "the cell ran longer than its timeout"),
    Reason.OUTPUT_LIMIT: (OutputLimitExceeded, "the cell's output went over its limit"),
    Reason.CPU_LIMIT: (CpuLimitExceeded, "the sandbox used up its CPU time"),
    Reason.LIFETIME: (LifetimeExceeded, "the sandbox's lifetime is over"),
}


def tell_iterators() -> None:
    """Tell the host, while it boots the interpreter, of iterators that may go on for ever and whose types are
    on the heap: a loop in C over one of them looks at no interrupt."""
    kinds = [each for each in vars(itertools).values() if isinstance(each, type)]
    _pywasm.emit(_ITERATORS, b"".join(id(each).to_bytes(8, "little") for each in kinds))


def _exception(reason: int) -> KeyboardInterrupt:
    if reason in _LIMITS:
        kind, message = _LIMITS[reason]
        return kind(message)
    if reason == Reason.CALLBACK_FAILED:
        return KeyboardInterrupt("a callback of the caller failed")
    return KeyboardInterrupt("interrupted")


class Gate:
    """Where an interrupt may raise.

    ``limit`` is the first exception of this run that stands for a limit (a deadline, the output's size): a
    cell that swallows it has still run into the limit.
    """

    _CLOSED, _HELD, _OPEN = 0, 1, 2

    def __init__(self) -> None:
        self._state = self._CLOSED
        self._pending = Reason.UNKNOWN
        self._hold_until = 0.0
        self.limit: KeyboardInterrupt | None = None
        self._handler = self._handle

    def arm(self) -> None:
        """A new run begins. A handler of SIGINT that a cell set ended with it."""
        self._state = self._CLOSED
        self._pending = Reason.UNKNOWN
        self.limit = None
        if _signal.getsignal(_signal.SIGINT) is not self._handler:
            _signal.signal(_signal.SIGINT, self._handler)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        """The handler of SIGINT."""
        _pywasm.emit(_LOOKED, b"")
        reason = _pywasm.interrupt_reason()
        if reason == Reason.DEADLOCK:
            if self._state == self._OPEN:
                from .threads import deadlock

                raise deadlock(frame)
            return
        if self._state == self._OPEN or (self._state == self._HELD and monotonic() > self._hold_until):
            raise self._interrupt(reason)
        self._pending = reason or self._pending

    def _interrupt(self, reason: int) -> KeyboardInterrupt:
        exception = _exception(reason)
        if self.limit is None and reason in _LIMITS:
            self.limit = exception
        return exception

    def reached_limit(self) -> KeyboardInterrupt | None:
        """`limit`, also if a handler that the cell set took the interrupt."""
        reason = _pywasm.interrupt_reason()
        if self.limit is None and reason in _LIMITS:
            self.limit = _exception(reason)
        return self.limit

    def cause(self, failure: BaseException | None) -> BaseException | None:
        """What a cell really failed by: a loop in C that never looks at an interrupt is made to fail by a
        TypeError, and the interrupt arrives when the cell is over."""
        if type(failure) is not TypeError or not self._pending:
            return failure
        reason, self._pending = self._pending, Reason.UNKNOWN
        return self._interrupt(reason).with_traceback(failure.__traceback__)

    def attempt(
        self, function: Callable[..., object], *args: object, held: bool = False
    ) -> BaseException | None:
        """Call the user's code, or what calls it; returns what it raised. ``held``: for our own code that may
        call the cell's, an interrupt waits for `HOLD_SECONDS` before it raises.

        Two levels, because an interrupt can arrive between the end of ``function`` and the closing of the
        gate. The host leaves a tenth of a second between two interrupts.
        """
        try:
            try:
                if held:
                    self._hold_until = monotonic() + HOLD_SECONDS
                    self._state = self._HELD
                else:
                    self._state = self._OPEN
                    if self._pending:
                        reason, self._pending = self._pending, Reason.UNKNOWN
                        raise self._interrupt(reason)
                function(*args)
            finally:
                self._state = self._CLOSED
                # A trace or profile function of the cell must not follow our own code.
                settrace(None)
                setprofile(None)
        except BaseException as exception:
            self._state = self._CLOSED
            return exception
        return None
