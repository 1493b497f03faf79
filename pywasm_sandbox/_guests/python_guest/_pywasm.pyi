"""The C module built into the guest's interpreter: the only way out of the sandbox's Python to its host."""

from collections.abc import Callable

from typing_extensions import Buffer

def emit(kind: int, data: Buffer, /) -> None:
    """Hand an event to the host, which copies the bytes before this returns."""

def request(data: Buffer, /) -> bytes:
    """Ask the host a question and wait for the answer. Raises OSError when the host refuses."""

def set_handler(handler: Callable[[bytes], None] | None, /) -> None:
    """The callable that gets each request of the host."""

def interrupt_reason() -> int:
    """Why SIGINT was raised (see `pywasm_guest.interrupts.Reason`); reading clears it, 0: nobody said."""

def settle(objects: list[object], /) -> None:
    """Make these objects, and all that they refer to, immortal, and fill the holes of the heap."""

def run_threads(seconds: float, /) -> int:
    """Let other threads go on until all of them wait, for so long at most; how many still could go on."""

def forget_threads() -> int:
    """Drop the threads that this interpreter, a copy, doesn't have; how many there were."""

def interrupt_thread(ident: int, exception: type[BaseException], /) -> bool:
    """Raise an exception in a thread as soon as it runs; whether there is one of that ident."""
