"""A context: one interpreter, its queue of runs, and what became of it."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pywasm_sandbox._engine import Engine
from pywasm_sandbox._guests.base import Cell, Guest, RunEnd
from pywasm_sandbox.errors import ContextBrokenError, ContextClosedError

from .calls import Call

__all__ = ["ContextCore", "ContextStatus", "RunRequest"]

ContextStatus = Literal["new", "idle", "running", "broken", "closed"]
OnCrash = Literal["restart", "error"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What `run_code` asks of a context."""

    code: str
    env: Mapping[str, str] | None = None
    cwd: str | None = None
    timeout: float | None = None
    grace_seconds: float = 1.0
    allow_input: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    call: Call
    work: Callable[[Call], RunEnd]


class ContextCore:
    """Runs of one context are carried out one after the other, in the order they were asked for, each on a
    guest thread. The interpreter is booted by the first job.

    After a crash or a hard stop the interpreter is gone: with ``on_crash="restart"`` the next run boots
    another one, with ``"error"`` it raises `ContextBrokenError` until `restart`.
    """

    def __init__(
        self,
        make_guest: Callable[[ContextCore], Guest],
        *,
        engine: Engine,
        language: str,
        cwd: str,
        env: Mapping[str, str],
        on_crash: OnCrash,
    ) -> None:
        self.id = os.urandom(16).hex()
        self.language = language
        self.cwd = cwd
        self.env = dict(env)
        self.created_at = datetime.now(UTC)
        self.last_used_at = self.created_at
        self.execution_count = 0
        self._engine = engine
        self._make_guest = make_guest
        self._on_crash = on_crash
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._queue: deque[_Job] = deque()
        self._running: _Job | None = None
        self._guest: Guest | None = None
        self._broken = False
        self._closed = False

    # ---- asking ---------------------------------------------------------------------------------------

    def run(self, request: RunRequest, notify: Callable[[], None] | None = None) -> Call:
        """Queue a run."""
        return self._submit(_Job(Call(notify), lambda call: self._run(request, call)))

    def boot(self, notify: Callable[[], None] | None = None) -> Call:
        """Queue the boot, so that the first run finds the interpreter ready."""
        return self._submit(_Job(Call(notify), self._boot_only))

    def restart(self, notify: Callable[[], None] | None = None) -> Call:
        """End the interpreter, the running code with it, and queue the boot of a fresh one."""
        with self._lock:
            guest = self._guest
        if guest is not None:
            guest.close()
        return self._submit(_Job(Call(notify), self._start_over))

    def _submit(self, job: _Job) -> Call:
        with self._lock:
            if self._closed:
                raise ContextClosedError(f"context {self.id} is closed")
            if self._running is None:
                self._running = job
                start = True
            else:
                self._queue.append(job)
                start = False
        if start:
            self._start(job)
        return job.call

    def _start(self, job: _Job) -> None:
        try:
            self._engine.threads.submit(lambda: self._work(job))
        except BaseException as failure:
            self._next(job)
            job.call.finish(None, failure)

    def withdraw(self, call: Call) -> None:
        """End a run that still waits for its turn; one that runs, or is over, is left alone."""
        with self._lock:
            job = next((job for job in self._queue if job.call is call), None)
            if job is None:
                return
            self._queue.remove(job)
        call.finish(RunEnd())

    # ---- on the guest's thread ------------------------------------------------------------------------

    def _work(self, job: _Job) -> None:
        end: RunEnd | None = None
        failure: BaseException | None = None
        try:
            end = job.work(job.call)
        except BaseException as error:
            failure = error
            self._drop_guest()
        # In this order a caller that was told "done" finds an idle context.
        following = self._next(job)
        job.call.finish(end, failure)
        if following is not None:
            self._start(following)

    def _next(self, job: _Job) -> _Job | None:
        with self._lock:
            self._running = self._queue.popleft() if self._queue else None
            self.last_used_at = datetime.now(UTC)
            self._idle.notify_all()
            return self._running

    def _ready_guest(self) -> Guest:
        with self._lock:
            if self._closed:
                raise ContextClosedError(f"context {self.id} was closed")
            if self._broken and self._on_crash == "error":
                raise ContextBrokenError(
                    f"context {self.id} lost its interpreter; restart it to use it again"
                )
            guest = self._guest
        if guest is not None:
            return guest
        guest = self._make_guest(self)
        with self._lock:
            self._guest = guest
        guest.boot()
        with self._lock:
            self._broken = False
            closed = self._closed
        if closed:
            guest.close()
            raise ContextClosedError(f"context {self.id} was closed")
        return guest

    def _drop_guest(self) -> None:
        with self._lock:
            guest, self._guest = self._guest, None
            if guest is not None:
                self._broken = True
        if guest is not None:
            guest.close()

    def _boot_only(self, call: Call) -> RunEnd:
        self._ready_guest()
        return RunEnd()

    def _start_over(self, call: Call) -> RunEnd:
        self._drop_guest()
        with self._lock:
            self._broken = False
            self.execution_count = 0
        return self._boot_only(call)

    def _run(self, request: RunRequest, call: Call) -> RunEnd:
        guest = self._ready_guest()
        self.execution_count += 1
        call.execution_count = self.execution_count
        cell = Cell(
            request.code,
            self.execution_count,
            env=request.env,
            cwd=request.cwd,
            timeout=request.timeout,
            grace_seconds=request.grace_seconds,
            allow_input=request.allow_input,
        )
        end = guest.run(cell, call, call.ticket)
        if end.closed or end.lost is not None:
            self._drop_guest()
        if end.closed:
            raise ContextClosedError(f"context {self.id} was closed while its code ran")
        return end

    # ---- ending ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the interpreter and what it runs; queued runs fail with `ContextClosedError`. Idempotent."""
        with self._lock:
            self._closed = True
            dropped = list(self._queue)
            self._queue.clear()
            guest = self._guest
        for job in dropped:
            job.call.finish(None, ContextClosedError(f"context {self.id} was closed"))
        if guest is not None:
            guest.close()
        with self._lock:
            self._guest = None

    @property
    def status(self) -> ContextStatus:
        with self._lock:
            if self._closed:
                return "closed"
            if self._running is not None:
                return "running"
            if self._broken:
                return "broken"
            return "new" if self._guest is None else "idle"

    @property
    def memory_bytes(self) -> int:
        """The interpreter's linear memory, 0 before it booted."""
        with self._lock:
            guest = self._guest
        return 0 if guest is None else guest.memory_bytes
