"""A job: one command line, the processes that it started, its deadline and its output."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pywasm_sandbox._engine import Deadline, EngineFailure, GuestTrap, TrapKind
from pywasm_sandbox._guests.protocol import Failed, Output
from pywasm_sandbox._guests.stdio import OutputAssembler

if TYPE_CHECKING:
    from .table import Process

__all__ = ["Job", "JobListener"]

logger = logging.getLogger("pywasm_sandbox")


class JobListener(Protocol):
    """Who hears a job; called on the processes' threads, one at a time."""

    def output(self, output: Output) -> None:
        """Text that a process wrote. May block to slow it down."""

    def ended(self, status: int, failed: Failed | None, failure: BaseException | None) -> None:
        """All processes are over: the first one's status, a limit that ended it, the host's failure."""


class Job:
    """Made with its first process; `end` stops all."""

    def __init__(
        self,
        listener: JobListener,
        *,
        timeout: float | None,
        max_output_bytes: int,
        end_process: Callable[[Process, int], None],
    ) -> None:
        self.timeout = timeout
        self.deadline = Deadline.after(timeout, 0.0)
        self.processes: set[Process] = set()
        self.root: Process | None = None
        self.signal = 0
        """The signal that ends all its processes, also those that were not told yet."""
        self.was_refused = False
        self.on_end: Callable[[], None] | None = None
        self._listener = listener
        self._end_process = end_process
        self._lock = threading.Lock()
        self._assembler = OutputAssembler(self._deliver, max_bytes=max_output_bytes)
        self._assembler.start()
        self._failed: Failed | None = None
        self._failure: BaseException | None = None
        self._status: int | None = None
        self._over = False
        self._max_output_bytes = max_output_bytes

    # ---- output -------------------------------------------------------------------------------------

    def write(self, stream: int, data: bytes) -> None:
        """Output of one of its processes to the caller. Over the limit the job is ended."""
        with self._lock:
            self._assembler.feed(stream, data)
            self._assembler.flush()
            truncated = self._assembler.truncated
        if truncated and self._failed is None:
            self.limit("OutputLimitExceeded", f"the output went over {self._max_output_bytes} bytes")

    def _deliver(self, output: Output) -> None:
        self._listener.output(output)

    @property
    def truncated(self) -> bool:
        """Whether output was dropped."""
        return self._assembler.truncated

    @property
    def ending(self) -> bool:
        """Whether no process may begin any more."""
        return bool(self.signal)

    # ---- ends ---------------------------------------------------------------------------------------

    def limit(self, name: str, message: str) -> None:
        """A limit ends the job."""
        if self._failed is None:
            self._failed = Failed(name, message)
        self.end()

    def time_is_over(self) -> None:
        """The deadline has passed."""
        self.limit("ExecutionTimeout", f"the command ran longer than its timeout of {self.timeout:g} s")

    def crashed(self, process: Process, failure: EngineFailure) -> None:
        """The engine ended one of its processes."""
        if process.signal:
            return
        if isinstance(failure, GuestTrap) and failure.kind in (TrapKind.INTERRUPTED, TrapKind.KILLED):
            try:
                process.check()
            except Exception:
                return
        try:
            self.write(2, f"{process.launch.words[0]}: crashed: {failure}\n".encode())
        except Exception:
            logger.exception("a process crashed, and its message was lost")

    def failed(self, failure: BaseException) -> None:
        """The library failed."""
        if self._failure is None:
            self._failure = failure
        self.end()

    def end(self, number: int = 9) -> None:
        """End all its processes."""
        self.signal = self.signal or number
        # Parents first, so that they don't see their children end and go on.
        for process in sorted(self.processes, key=lambda each: each.pid):
            self._end_process(process, number)

    def process_ended(self, process: Process) -> None:
        """The table says so. With the first process the others end, and with the last one the job."""
        with self._lock:
            if process is self.root:
                self._status = process.status
            finished = self._status is not None and not self.processes and not self._over
            self._over = self._over or finished
        if finished:
            self._assembler.finish()
            if self.on_end is not None:
                self.on_end()
            self._listener.ended(self._status or 0, self._failed, self._failure)
        elif process is self.root:
            self.end()
