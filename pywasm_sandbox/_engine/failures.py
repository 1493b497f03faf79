"""What can go wrong in a guest call, as exceptions that stay inside the library.

`_sandbox` translates them into the public tree. A guest that trapped, exited or met a failing host
function has an unusable stack pointer: its instance is broken for good and its store is gone.
"""

from __future__ import annotations

import enum
import re

__all__ = [
    "DlError",
    "EngineFailure",
    "EngineUnavailable",
    "GuestTrap",
    "HostFailure",
    "InstanceBroken",
    "InstanceClosed",
    "ModuleRejected",
    "TrapKind",
    "one_line",
]


class EngineFailure(Exception):
    """Base of every failure that the engine raises."""


class DlError(Exception):
    """What dlerror() will say: no failure of the engine's."""


class EngineUnavailable(EngineFailure):
    """This process cannot run WebAssembly: wasmtime is missing or of another version, or no thread."""


class ModuleRejected(EngineFailure):
    """A module is not what it should be (checksum, validation, imports). Nothing of it was run."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"module {name!r} was rejected: {why}")
        self.name = name
        self.why = why


class InstanceClosed(EngineFailure):
    """The instance was closed, before the call or while it ran."""


class InstanceBroken(EngineFailure):
    """An earlier call trapped, exited or failed in the host; make a new instance."""

    def __init__(self, why: BaseException) -> None:
        super().__init__(f"the guest cannot be called again: {why}")
        self.why = why


class HostFailure(EngineFailure):
    """A host function or a tick hook raised; `original` is what it raised."""

    def __init__(self, original: BaseException) -> None:
        super().__init__(f"a host function failed: {type(original).__name__}: {original}")
        self.original = original


class TrapKind(enum.Enum):
    """Why WebAssembly code stopped."""

    UNREACHABLE = "unreachable"
    MEMORY_OUT_OF_BOUNDS = "memory out of bounds"
    TABLE_OUT_OF_BOUNDS = "table out of bounds"
    INDIRECT_CALL = "indirect call to nothing or to a function of another type"
    INTEGER_OVERFLOW = "integer overflow"
    DIVIDE_BY_ZERO = "integer divide by zero"
    BAD_CONVERSION = "invalid conversion to integer"
    STACK_OVERFLOW = "stack overflow"
    UNCAUGHT_EXCEPTION = "uncaught exception"
    INTERRUPTED = "stopped: it did not react to an interrupt in time"
    KILLED = "killed"
    OTHER = "other"


# wasmtime_trap_code_enum of wasmtime's trap.h
TRAP_CODES: dict[int, TrapKind] = {
    0: TrapKind.STACK_OVERFLOW,
    1: TrapKind.MEMORY_OUT_OF_BOUNDS,
    3: TrapKind.TABLE_OUT_OF_BOUNDS,
    4: TrapKind.INDIRECT_CALL,
    5: TrapKind.INDIRECT_CALL,
    6: TrapKind.INTEGER_OVERFLOW,
    7: TrapKind.DIVIDE_BY_ZERO,
    8: TrapKind.BAD_CONVERSION,
    9: TrapKind.UNREACHABLE,
    10: TrapKind.INTERRUPTED,
}

_NUMBER = re.compile(r"^\d+: ")
_FRAME = re.compile(r"^ +\d+: +0x[0-9a-f]+ - (.+)$", re.MULTILINE)


def one_line(report: str) -> str:
    """wasmtime's message and its causes, which it writes below each other, behind each other."""
    lines = (_NUMBER.sub("", line.strip()) for line in report.splitlines())
    return ": ".join(line for line in lines if line and line != "Caused by:")


class GuestTrap(EngineFailure):
    """WebAssembly code stopped for good. `frames` are its functions, innermost first."""

    def __init__(
        self,
        kind: TrapKind,
        message: str,
        *,
        reason: int | None = None,
        frames: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.reason = reason
        self.frames = frames

    @classmethod
    def from_report(cls, code: int | None, report: str) -> GuestTrap:
        """A trap from wasmtime's code (None: it has none) and its text with the backtrace."""
        cause = report.rpartition("Caused by:")[2].strip() or report.strip()
        if code is None and "thrown Wasm exception" in report:
            kind = TrapKind.UNCAUGHT_EXCEPTION
        else:
            kind = TrapKind.OTHER if code is None else TRAP_CODES.get(code, TrapKind.OTHER)
        return cls(kind, cause, frames=tuple(_FRAME.findall(report)))
