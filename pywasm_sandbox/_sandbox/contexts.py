"""A context: one interpreter, its queue of runs, and what became of it."""

from __future__ import annotations

import logging
import os
import threading
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Literal, NamedTuple

from pywasm_sandbox._engine import (
    Engine,
    EngineFailure,
    EngineUnavailable,
    InstanceClosed,
    InterruptReason,
)
from pywasm_sandbox._guests.base import Cell, Guest, RunEnd
from pywasm_sandbox._guests.protocol import Failed, Finished
from pywasm_sandbox._guests.state import GuestState, Start
from pywasm_sandbox._limits import LimitValues
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox.errors import ContextBrokenError, ContextClosedError, SandboxError, SandboxInternalError

from .budget import Budget
from .calls import Call
from .tools import ToolBox

logger = logging.getLogger("pywasm_sandbox")

__all__ = ["ContextCore", "ContextStatus", "RunRequest"]

ContextStatus = Literal["new", "idle", "running", "hibernated", "broken", "closed"]
OnCrash = Literal["restart", "error", "restore"]


class RunRequest(NamedTuple):
    """What `run_code` asks of a context."""

    code: str
    env: Mapping[str, str] | None = None
    cwd: str | None = None
    timeout: float | None = None
    grace_seconds: float = 1.0
    allow_input: bool = False


class _Job(NamedTuple):
    call: Call
    work: Callable[[Call], RunEnd]
    held: Callable[[], None] | None = None
    """Called in place of starting a thread: the context is idle, and stays so until `ContextCore.release`."""
    is_run: bool = False


class ContextCore:
    """Runs of one context are carried out one after the other, in the order they were asked for, each on a
    guest thread. The interpreter is booted by the first job.

    After a crash or a hard stop the interpreter is gone: with ``on_crash="restart"`` the next run boots
    another one, with ``"error"`` it raises `ContextBrokenError` until `restart`; with ``"restore"`` it goes
    on from the context's last snapshot, if there is one.

    ``start`` is where the first boot goes on from; ``on_use`` hears of each job that needs the interpreter.
    ``budget`` is what all runs of the sandbox share.
    """

    def __init__(
        self,
        make_guest: Callable[[ContextCore, Start | None], Guest],
        *,
        namespace: Namespace,
        engine: Engine,
        language: str,
        cwd: str,
        env: Mapping[str, str],
        on_crash: OnCrash,
        start: Start | None = None,
        id: str | None = None,
        on_use: Callable[[ContextCore], None] | None = None,
        tools: ToolBox | None = None,
        budget: Budget | None = None,
        max_code_bytes: int | None = None,
    ) -> None:
        self.id = os.urandom(16).hex() if id is None else id
        self.namespace = namespace
        """Its files: the sandbox's, or its own."""
        self.language = language
        self.cwd = cwd
        self.env = dict(env)
        self.created_at = datetime.now(UTC)
        self.last_used_at = self.created_at
        self.execution_count = 0 if start is None else start.execution_count
        self.tools = ToolBox() if tools is None else tools
        """What its code can call of the host."""
        self.checkpoint = start
        """Its last snapshot, for ``on_crash="restore"``."""
        self._start_from = start
        self._on_use = on_use
        self._budget = Budget(LimitValues()) if budget is None else budget
        self._max_code_bytes = max_code_bytes
        self._engine = engine
        self._make_guest = make_guest
        self._on_crash = on_crash
        self._lock = threading.Lock()
        self._queue: deque[_Job] = deque()
        self._running: _Job | None = None
        self._guest: Guest | None = None
        self._broken = False
        self._closed = False
        self.number = 0
        """In the order in which the contexts of its sandbox were made."""
        self.boots = 0
        """How many interpreters it has had."""

    # ---- asking ---------------------------------------------------------------------------------------

    def run(self, request: RunRequest, notify: Callable[[], None] | None = None) -> Call:
        """Queue a run."""
        return self._submit(_Job(Call(notify), lambda call: self._run(request, call), is_run=True))

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

    def with_guest(self, use: Callable[[Guest], None], notify: Callable[[], None] | None = None) -> Call:
        """Queue something that is done with the interpreter between two runs, on its thread."""

        def work(call: Call) -> RunEnd:
            guest = self._ready_guest()
            try:
                use(guest)
            except SandboxError as failure:
                return RunEnd(refused=failure)
            except InstanceClosed as failure:
                raise ContextClosedError(f"context {self.id} was closed or restarted") from failure
            return RunEnd()

        return self._submit(_Job(Call(notify), work))

    def restore(
        self,
        start: Callable[[], tuple[Namespace, Start | None]],
        notify: Callable[[], None] | None = None,
    ) -> Call:
        """Queue the replacement of the interpreter by one that goes on from elsewhere. If that fails, the
        context keeps the one that it has."""
        return self._submit(_Job(Call(notify), lambda call: self._replace(*start())))

    def hibernate(self, put_away: Callable[[GuestState], Start]) -> None:
        """Queue the end of the interpreter, which comes back from what `put_away` gives with the next job."""

        def work(call: Call) -> RunEnd:
            with self._lock:
                guest, waiting = self._guest, bool(self._queue)
            if guest is None or waiting or self._closed:
                return RunEnd()
            try:
                start = put_away(guest.state())
            except (SandboxError, OSError):  # it stays where it is
                logger.exception("context %s can't be hibernated", self.id)
                return RunEnd()
            with self._lock:
                self._start_from, self._guest = start, None
            guest.close()
            return RunEnd()

        try:
            self._submit(_Job(Call(), work))
        except ContextClosedError:
            pass

    def adopt(self, state: GuestState, execution_count: int) -> None:
        """Go on from a guest's state here and now, on a guest thread, before anybody knows the context."""
        guest = self._make_guest(self, Start(lambda: state, lambda location: location, execution_count))
        self._boot(guest)
        with self._lock:
            self._guest, self.execution_count = guest, execution_count
        if self._on_use is not None:
            self._on_use(self)

    def hold(self, held: Callable[[], None]) -> Call:
        """Queue a pause: `held` is called when the context is idle, on any thread, and must be quick."""
        return self._submit(_Job(Call(), lambda call: RunEnd(), held))

    def release(self, call: Call) -> None:
        """End the pause that `hold` began, or will begin."""
        with self._lock:
            job = self._running
            if job is None or job.call is not call:
                self._queue = deque(each for each in self._queue if each.call is not call)
                return
        following = self._next(job)
        if following is not None:
            self._start(following)

    def peek(self) -> GuestState | None:
        """The present state of the interpreter, of a context that is held; None before its first boot. On a
        guest thread."""
        with self._lock:
            guest, start = self._guest, self._start_from
        if guest is not None:
            return guest.state()
        return None if start is None else start.load()

    @property
    def is_idle(self) -> bool:
        """Whether it has an interpreter and nothing to do."""
        with self._lock:
            return self._guest is not None and self._running is None

    def _submit(self, job: _Job) -> Call:
        if self._engine.lost:  # before the lock: a thread that isn't there may hold it
            raise SandboxError(
                f"context {self.id} belongs to the process that this one was forked from; make a sandbox here"
            )
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
            self._start(job, beside=job.call.blocks)
        return job.call

    def _start(self, job: _Job, *, beside: bool = False) -> None:
        """``beside``: this thread is going to wait for it, and do nothing else."""
        if job.held is not None:
            job.held()
            return
        try:
            job.call.beside = self._engine.threads.start(partial(self._work, job), beside=beside)
        except EngineFailure as failure:
            self._next(job)
            job.call.finish(None, self._explain(failure))

    def withdraw(self, call: Call) -> None:
        """End a run that still waits for its turn; one that runs, or is over, is left alone."""
        with self._lock:
            job = next((job for job in self._queue if job.call is call), None)
            if job is None:
                return
            self._queue.remove(job)
        call.finish(RunEnd())

    # ---- on the guest's thread ------------------------------------------------------------------------

    def _work(self, job: _Job, retire: Callable[[], None]) -> None:
        end: RunEnd | None = None
        failure: BaseException | None = None
        try:
            end = job.work(job.call)
        except EngineFailure as error:
            failure = self._explain(error)
            self._drop_guest()
        except BaseException as error:
            failure = error
            self._drop_guest()
        # In this order a caller that was told "done" finds an idle context.
        following = self._next(job)
        retire()
        job.call.finish(end, failure)
        if following is not None:
            self._start(following)

    def _explain(self, failure: EngineFailure) -> SandboxError:
        """What the engine says, as who is at fault; what the code did is in a `RunEnd`."""
        explained: SandboxError
        if isinstance(failure, InstanceClosed):
            explained = ContextClosedError(f"context {self.id} was closed or restarted")
        elif isinstance(failure, EngineUnavailable):
            explained = SandboxError(f"this process can't run the context: {failure}")
        else:
            explained = SandboxInternalError(f"context {self.id} lost its interpreter to a bug: {failure}")
        explained.__cause__ = failure
        return explained

    def _next(self, job: _Job) -> _Job | None:
        with self._lock:
            self._running = self._queue.popleft() if self._queue else None
            self.last_used_at = datetime.now(UTC)
            return self._running

    def _ready_guest(self) -> Guest:
        with self._lock:
            if self._closed:
                raise ContextClosedError(f"context {self.id} was closed")
            if self._broken and self._on_crash == "error":
                raise ContextBrokenError(
                    f"context {self.id} lost its interpreter; restart it to use it again"
                )
            guest, start = self._guest, self._start_from
        if self._on_use is not None:
            self._on_use(self)
        if guest is not None:
            return guest
        guest = self._new_guest(start)
        with self._lock:
            self._guest = guest
        self._boot(guest)
        with self._lock:
            self._broken = False
            self._start_from = None
            closed = self._closed
        if start is not None:
            start.discard()
        if closed:
            guest.close()
            raise ContextClosedError(f"context {self.id} was closed")
        return guest

    def _new_guest(self, start: Start | None) -> Guest:
        try:
            return self._make_guest(self, start)
        except (OSError, zlib.error) as failure:  # of a state on disk
            if self._closed:
                raise ContextClosedError(f"context {self.id} was closed") from failure
            raise SandboxError(f"the state of context {self.id} can't be read: {failure}") from failure

    def _boot(self, guest: Guest) -> None:
        try:
            guest.boot()
        except InstanceClosed as failure:
            raise ContextClosedError(f"context {self.id} was closed or restarted") from failure

    def _replace(self, namespace: Namespace, start: Start | None) -> RunEnd:
        previous, self.namespace = self.namespace, namespace
        try:
            guest = self._new_guest(start)
            self._boot(guest)
        except SandboxError as failure:
            self.namespace = previous
            return RunEnd(refused=failure)
        with self._lock:
            old, self._guest = self._guest, guest
            unused, self._start_from = self._start_from, None
            closed, self._broken = self._closed, False
            self.execution_count = 0 if start is None else start.execution_count
            self.checkpoint = start
        for each in (old, guest if closed else None):
            if each is not None:
                each.close()
        if unused is not None:
            unused.discard()
        return RunEnd()

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
            start, self._start_from = self._start_from, None
            self._broken = False
            self.execution_count = 0
        if start is not None:
            start.discard()
        return self._boot_only(call)

    def _refusal(self, request: RunRequest) -> Failed | None:
        """Why this code can't run, which is the code's failure and not the caller's."""
        most = self._max_code_bytes
        # A character has between one and four bytes: only long code needs counting.
        if most is not None and len(request.code) * 4 > most:
            size = len(request.code.encode("utf-8", "surrogatepass"))
            if size > most:
                return Failed(
                    "CodeLimitExceeded", f"the code has {size} bytes, more than the limit of {most}"
                )
        return self._budget.refusal()

    def _run(self, request: RunRequest, call: Call) -> RunEnd:
        refusal = self._refusal(request)
        if refusal is not None:
            call.execution_count = self.execution_count
            call.post(refusal)
            return RunEnd(finished=Finished("error"))
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
        with self._budget.metered(call.ticket):
            end = guest.run(cell, call, call.ticket)
        if end.closed or end.lost is not None:
            self._drop_guest()
            self._rewind(call)
        if end.closed:
            raise ContextClosedError(f"context {self.id} was closed while its code ran")
        return end

    def _rewind(self, call: Call) -> None:
        """The interpreter was lost: go on from the last snapshot, if that is the policy."""
        with self._lock:
            if self._on_crash != "restore" or self.checkpoint is None:
                return
            self._start_from = self.checkpoint
            self._broken = False
            self.execution_count = self.checkpoint.execution_count
        call.restores = True

    def interrupt(self, grace_seconds: float) -> bool:
        """Interrupt the run that is under way; False, and nothing happens, if there is none. Runs that wait
        for their turn are not touched."""
        with self._lock:
            job = self._running
            if job is None or not job.is_run:
                return False
            return job.call.interrupt(InterruptReason.CANCEL, grace_seconds)

    # ---- ending ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the interpreter and what it runs; queued runs fail with `ContextClosedError`. Idempotent."""
        with self._lock:
            self._closed = True
            dropped = list(self._queue)
            self._queue.clear()
            guest, start, self._start_from = self._guest, self._start_from, None
        for job in dropped:
            job.call.finish(None, ContextClosedError(f"context {self.id} was closed"))
            if job.held is not None:  # it will never run again, which is as idle as one can be
                job.held()
        if guest is not None:
            guest.close()
        if start is not None:
            start.discard()
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
            if self._guest is None and self._start_from is not None:
                return "hibernated"
            return "new" if self._guest is None else "idle"

    @property
    def memory_bytes(self) -> int:
        """The interpreter's linear memory, 0 before it booted."""
        with self._lock:
            guest = self._guest
        return 0 if guest is None else guest.memory_bytes
