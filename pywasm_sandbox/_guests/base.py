"""What every language's guest offers to the layers above: boot, run a cell, be interrupted, end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol

from pywasm_sandbox._engine import (
    GuestExit,
    GuestTrap,
    HostFailure,
    InstanceClosed,
    InterruptReason,
    Limits,
    Ticket,
    TrapKind,
)

from .protocol import Event, Failed, Finished, ProtocolError, Question

if TYPE_CHECKING:
    from .hostcalls import Handler
    from .reproducible import World
    from .state import GuestState

__all__ = ["Cell", "Guest", "GuestOptions", "Listener", "RunEnd", "explain_loss"]

DEFAULT_MEMORY_BYTES: Final = 1 << 30
DEFAULT_MAX_OUTPUT_BYTES: Final = 64 << 20


class GuestOptions(NamedTuple):
    """How a context's guest is set up. ``memory_bytes`` bounds its linear memory, ``max_output_bytes`` what
    one run may write to stdout and stderr and display, together; ``max_results`` and ``max_result_bytes``
    bound what it displays. ``max_foreign_module_bytes`` is the size of a library that it may bring, or 0.
    ``host_calls`` are the functions of the host that it can call, by name (`hostcalls`)."""

    env: Mapping[str, str] = MappingProxyType({})
    cwd: str = "/workspace"
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    max_output_bytes: int = DEFAULT_MAX_OUTPUT_BYTES
    max_open_files: int = 1024
    host_calls: Mapping[str, Handler] = MappingProxyType({})
    max_results: int = 10_000
    max_result_bytes: int = DEFAULT_MAX_OUTPUT_BYTES
    max_threads: int = 64
    max_foreign_module_bytes: int = 0
    max_host_calls_per_second: int | None = None
    clock_step_ns: int = 1
    """Guests see their clocks in steps of this size."""
    world: World | None = None
    """Clocks and randomness that are the same each time; each line of output is an entry then."""

    @property
    def engine_limits(self) -> Limits:
        """What its instance may use."""
        return Limits(
            memory_bytes=self.memory_bytes,
            foreign_side_module_bytes=self.max_foreign_module_bytes,
            threads=self.max_threads,
            host_calls_per_second=self.max_host_calls_per_second,
        )


class Cell(NamedTuple):
    """One piece of code to run. ``timeout`` is in seconds from when it starts, None for no deadline."""

    code: str
    execution_count: int
    env: Mapping[str, str] | None = None
    cwd: str | None = None
    timeout: float | None = None
    grace_seconds: float = 1.0
    allow_input: bool = False


class Listener(Protocol):
    """Who hears a run; everything is called on the guest's thread."""

    def post(self, event: Event) -> None:
        """Keep the event; it need not go out at once."""

    def publish(self, interrupted: Callable[[], bool]) -> None:
        """What was posted goes out now. Blocks while too much isn't taken, unless ``interrupted()``."""

    def ask(self, question: Question, interrupted: Callable[[], bool]) -> Any:
        """Wait for the answer of the run's caller: an `InputAnswer` or `BlockedInput` to an `InputQuestion`,
        the reply's fields to a `ToolQuestion`. None: ``interrupted()``, or nobody will answer."""

    def put(self, question: Question) -> Waiting | None:
        """Ask without waiting. None: nobody will answer."""


class Waiting(Protocol):
    """A question that was put; called on the guest's thread."""

    @property
    def answered(self) -> bool:
        """Whether `take` may be called."""

    def take(self) -> Any:
        """The answer; None if there won't be one."""

    def withdraw(self) -> None:
        """It isn't waited for any more."""


class RunEnd(NamedTuple):
    """How a run ended: the guest's last word, or why there is no guest any more."""

    finished: Finished | None = None
    lost: Failed | None = None
    truncated: bool = False
    closed: bool = False
    """The context was closed while the code ran."""
    refused: Exception | None = None
    """What was asked can't be done, and the context is as it was."""


class Guest(ABC):
    """One interpreter in one instance. `boot` and `run` must be called on a guest thread, one at a time."""

    language: ClassVar[str]

    @abstractmethod
    def boot(self) -> None:
        """Make the interpreter ready. Raises an `EngineFailure` or `SandboxInternalError`."""

    @abstractmethod
    def run(self, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        """Run one cell to its end."""

    @abstractmethod
    def state(self) -> GuestState:
        """The guest as it is now, for others to go on from. On a guest thread, between two runs.

        Raises `SandboxError` if it holds what can't be made again.
        """

    @abstractmethod
    def close(self) -> None:
        """End the guest, running or not; idempotent, from any thread."""

    @property
    @abstractmethod
    def memory_bytes(self) -> int:
        """The linear memory's current size."""


_CRASHES: Final[dict[TrapKind, tuple[str, str]]] = {
    TrapKind.STACK_OVERFLOW: ("RecursionError", "the interpreter's stack overflowed"),
    TrapKind.UNREACHABLE: ("GuestCrash", "the interpreter aborted"),
    TrapKind.MEMORY_OUT_OF_BOUNDS: ("GuestCrash", "the interpreter accessed memory out of bounds"),
    TrapKind.INDIRECT_CALL: ("GuestCrash", "the interpreter called a function pointer of another type"),
}


def _explain_interruption(reason: int | None, cell: Cell) -> tuple[str, str]:
    grace = f"and did not stop within {cell.grace_seconds:g} s of being asked to"
    match reason:
        case InterruptReason.TIMEOUT:
            return "ExecutionTimeout", f"the code ran longer than its timeout of {cell.timeout:g} s {grace}"
        case InterruptReason.OUTPUT_LIMIT:
            return "OutputLimitExceeded", f"the code wrote more output than allowed {grace}"
        case InterruptReason.CPU_LIMIT:
            return "CpuLimitExceeded", f"the sandbox used up its CPU time {grace}"
        case InterruptReason.LIFETIME:
            return "LifetimeExceeded", f"the sandbox's lifetime is over; the code was interrupted {grace}"
        case _:
            return "KeyboardInterrupt", f"the run was interrupted {grace}"


def explain_loss(failure: BaseException, cell: Cell) -> RunEnd:
    """Say what an engine failure means to the user of the context, whose guest it ended.

    Failures that are the library's own, not the guest's, are raised again.
    """
    match failure:
        case InstanceClosed() | GuestTrap(kind=TrapKind.KILLED):
            return RunEnd(closed=True)
        case GuestTrap(kind=TrapKind.INTERRUPTED):
            name, message = _explain_interruption(failure.reason, cell)
        case GuestTrap():
            name, text = _CRASHES.get(
                failure.kind, ("GuestCrash", f"the interpreter crashed: {failure.kind.name}")
            )
            message = text
        case GuestExit():
            return RunEnd(
                finished=Finished("exit", failure.code),
                lost=Failed("GuestExit", f"the code ended the interpreter with exit code {failure.code}"),
            )
        case HostFailure(original=ProtocolError()):
            name, message = "GuestCrash", f"the guest broke the protocol: {failure.original}"
        case _:
            raise failure
    return RunEnd(lost=Failed(name, f"{message}; the context's state is lost"))
