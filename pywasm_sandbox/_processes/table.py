"""The processes of a sandbox: their numbers, parents and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._engine import Deadline, EngineFailure, GuestThreads, HostFailure, InstanceClosed
from pywasm_sandbox._wasi import errnos
from pywasm_sandbox._wasi.fds import FdTable
from pywasm_sandbox.errors import SandboxError

if TYPE_CHECKING:
    from .job import Job

__all__ = ["SIGKILL", "SIGPIPE", "SIGTERM", "Launch", "Process", "ProcessTable", "Replaced", "Signalled"]

SIGKILL: Final = 9
SIGPIPE: Final = 13
SIGTERM: Final = 15
_ENDING_SIGNALS: Final = frozenset({1, 2, 3, 6, 9, 13, 14, 15})
"""Those whose default is to end a process; all others are ignored."""

_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run: an absolute path, the words (the name first), the environment, the directory; the path as
    it was given, which a script sees as its own."""

    path: str
    words: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    given: str = ""


class Replaced(Exception):
    """The process goes on as another program (`execve`)."""

    def __init__(self, launch: Launch) -> None:
        super().__init__(launch.path)
        self.launch = launch


class Signalled(Exception):
    """The process is ended by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(eq=False)
class Process:
    """One process. ``status`` is that of `waitpid` once it is over."""

    pid: int
    parent: int
    job: Job
    fds: FdTable
    launch: Launch
    status: int | None = None
    signal: int = 0
    """The signal that shall end it."""
    stop: Callable[[], object] | None = None
    """Ends what it runs now; called on other threads."""
    awaited: set[Callable[[], None]] = field(default_factory=set)

    def check(self) -> None:
        """Raise `Signalled` if the process has to end."""
        number = self.signal or self.job.signal
        if number:
            raise Signalled(number)
        deadline = self.job.deadline
        if deadline.soft_at is not None and time.monotonic() >= deadline.soft_at:
            self.job.time_is_over()
            raise Signalled(SIGKILL)

    @property
    def deadline(self) -> Deadline:
        """When its job has to be over."""
        return self.job.deadline


class ProcessTable:
    """All processes of a sandbox, at most ``limit`` at once. Thread-safe."""

    def __init__(self, threads: GuestThreads, limit: int) -> None:
        self._threads = threads
        self.limit = limit
        self._changed = threading.Condition()
        self._processes: dict[int, Process] = {}
        self._running = 0
        self._last_pid = 1
        self._closed = False

    # ---- beginning and end --------------------------------------------------------------------------

    def reserve_pid(self) -> int:
        """A number that no process has or will have."""
        with self._changed:
            self._last_pid += 1
            return self._last_pid

    def add(self, parent: int, job: Job, fds: FdTable, launch: Launch) -> Process:
        """A new process, which does not run yet. Its table of descriptors is now its own to close.

        Raises `WasiError` (`AGAIN`) when there are too many, or the job is over.
        """
        with self._changed:
            if self._running >= self.limit or self._closed or job.ending:
                if self._running >= self.limit:
                    job.was_refused = True
                raise errnos.WasiError(errnos.AGAIN)
            self._last_pid += 1
            process = Process(self._last_pid, parent, job, fds, launch)
            self._processes[process.pid] = process
            self._running += 1
            job.processes.add(process)
        return process

    def abandon(self, process: Process) -> None:
        """Take back `add`."""
        process.fds.close()
        self._finish(process, 127 << 8)

    def start(self, process: Process, run: Callable[[], int]) -> None:
        """Run it on a thread of its own; ``run`` gives the exit code."""
        self._threads.submit(lambda: self._carry_out(process, run))

    def _carry_out(self, process: Process, run: Callable[[], int]) -> None:
        status = 127 << 8
        try:
            status = (run() & 0xFF) << 8
        except Signalled as end:
            status = end.number
        except InstanceClosed:
            status = SIGKILL
        except HostFailure as failure:
            process.job.failed(failure)
        except EngineFailure as failure:
            process.job.crashed(process, failure)
            status = process.signal or 11
        except SandboxError as failure:
            process.job.failed(failure)
        except BaseException as failure:
            process.job.failed(failure)
        finally:
            process.fds.close()
            self._finish(process, status)

    def _finish(self, process: Process, status: int) -> None:
        with self._changed:
            process.status = status
            process.stop = None
            self._running -= 1
            process.job.processes.discard(process)
            for child in [each for each in self._processes.values() if each.parent == process.pid]:
                child.parent = 1
                if child.status is not None:
                    del self._processes[child.pid]
            if process.parent == 1:
                self._processes.pop(process.pid, None)
            callbacks = list(process.awaited)
            self._changed.notify_all()
        for callback in callbacks:
            callback()
        process.job.process_ended(process)

    # ---- waiting --------------------------------------------------------------------------------------

    def wait(
        self, parent: int, pid: int, *, block: bool, reap: bool, check: Callable[[], None]
    ) -> Process | None:
        """A child that is over, by number or (-1) any; None if there is none yet and not ``block``.

        Raises `WasiError` (`CHILD`) without such a child, and what ``check`` raises while it waits.
        """
        with self._changed:
            while True:
                check()
                children = [
                    each
                    for each in self._processes.values()
                    if each.parent == parent and pid in (-1, 0, each.pid)
                ]
                if not children:
                    raise errnos.WasiError(errnos.CHILD)
                for child in children:
                    if child.status is not None:
                        if reap:
                            del self._processes[child.pid]
                        return child
                if not block:
                    return None
                self._changed.wait(_POLL_SECONDS)

    def tell_when_over(self, parent: int, pid: int, callback: Callable[[], None]) -> bool:
        """Whether this child is over (or is none); else ``callback`` is called, on any thread, when it is."""
        with self._changed:
            process = self._processes.get(pid)
            if process is None or process.parent != parent or process.status is not None:
                return True
            process.awaited.add(callback)
            return False

    def kill(self, pid: int, number: int) -> None:
        """Send a signal. Raises `WasiError` (`SRCH`)."""
        with self._changed:
            process = self._processes.get(pid)
        if process is None:
            raise errnos.WasiError(errnos.SRCH)
        if number in _ENDING_SIGNALS:
            self.end(process, number)

    @staticmethod
    def end(process: Process, number: int) -> None:
        """End a process by a signal."""
        if process.status is None and not process.signal:
            process.signal = number
            stop = process.stop
            if stop is not None:
                stop()

    def children(self, parent: int) -> list[Process]:
        """The children that are not over."""
        with self._changed:
            return [
                each for each in self._processes.values() if each.parent == parent and each.status is None
            ]

    def close(self) -> None:
        """End all, and let none begin."""
        with self._changed:
            self._closed = True
            processes = list(self._processes.values())
        for process in processes:
            self.end(process, SIGKILL)
