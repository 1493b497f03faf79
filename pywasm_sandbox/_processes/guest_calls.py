"""Host calls of interpreters that start processes: ``process.spawn``, ``process.wait`` and others."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._guests.hostcalls import Handler, HostCall, HostCallError, HostCallInterrupted
from pywasm_sandbox._vfs.api import Errno
from pywasm_sandbox._wasi import Fd, FdTable, errnos
from pywasm_sandbox._wasi.errnos import WasiError
from pywasm_sandbox._wasi.pipes import BytesReader, OutputEnd, make_pair, make_pipe, pipe_fd

from .executables import search
from .job import Job
from .table import SIGKILL, Launch, Process

if TYPE_CHECKING:
    from .launcher import Launcher

__all__ = ["ContextProcesses", "GuestProcesses"]

_MAX_WAITING_BYTES: Final = 1 << 20
_POLL_SECONDS: Final = 0.02
_NAMES: Final = {
    getattr(errnos, name): f"E{name}"
    for name in ("AGAIN", "BADF", "CHILD", "MFILE", "NFILE", "NOEXEC", "SRCH")
} | {getattr(errnos, error.name[1:], -1): error.name for error in Errno if hasattr(errnos, error.name[1:])}


def _failure(error: WasiError, what: str) -> HostCallError:
    name = _NAMES.get(error.errno, "EIO")
    return HostCallError("OSError", what or name, errno=name)


class GuestProcesses:
    """The children of one interpreter. ``standard`` are the descriptors that they inherit as 0, 1 and 2."""

    def __init__(self, launcher: Launcher, job: Job, pid: int, standard: FdTable) -> None:
        self._launcher = launcher
        self._job = job
        self._pid = pid
        self._standard = standard

    def handlers(self) -> Mapping[str, Handler]:
        """By the names of the calls."""
        return {
            "process.spawn": self._spawn,
            "process.wait": self._wait,
            "process.poll": self._poll,
            "process.kill": self._kill,
            "process.pipe": self._pipe,
            "process.pair": self._pair,
        }

    def _spawn(self, call: HostCall) -> int:
        words = call.get("words", list)
        env = call.get("env", dict)
        cwd = call.get("cwd", str)
        fds = call.get("fds", list)
        if not words or not all(isinstance(word, str) and "\0" not in word for word in words):
            call.reject("process.spawn: words is a list of str without NUL, and not empty")
        if not all(isinstance(item, str) for pair in env.items() for item in pair):
            call.reject("process.spawn: env has text only")
        if len(fds) != 3 or not all(type(fd) is int for fd in fds):
            call.reject("process.spawn: fds has three numbers")
        name = call.get("path", str, None) or words[0]
        path = search(self._launcher.namespace, name, env.get("PATH", ""), cwd)
        if path is None:
            raise HostCallError("FileNotFoundError", "No such file or directory", errno="ENOENT")
        call.on_block()
        table = self._child_table(call, fds)
        launch = Launch(path, tuple(words), dict(env), cwd, name if "/" in name else path)
        try:
            return self._launcher.start(self._job, launch, table, self._pid).pid
        except WasiError as error:
            if error.errno == errnos.AGAIN:
                limit = self._launcher.table.limit
                raise HostCallError(
                    "BlockingIOError", f"{limit} processes run already (max_processes)", errno="EAGAIN"
                ) from error
            raise _failure(error, "can't be executed") from error

    def _child_table(self, call: HostCall, fds: list[int]) -> FdTable:
        table = FdTable(self._standard.limit)
        for number, fd in enumerate(fds):
            own = call.wasi.fds.entries.get(fd)
            if own is not None and own.stream < 0:
                table.insert(own.hold())
                continue
            source = self._standard.entries.get(number if fd < 0 else fd)
            if source is None:
                table.close()
                raise HostCallError("OSError", f"descriptor {fd} is not open", errno="EBADF")
            table.insert(source.hold())
        return table

    def _wait(self, call: HostCall) -> list[int] | None:
        pid = call.get("pid", int)
        block = call.get("block", bool, True)

        def check() -> None:
            self._deliver(call)
            if call.interrupted():
                self._interrupted()
                raise HostCallInterrupted

        try:
            child = self._launcher.table.wait(self._pid, pid, block=block, reap=True, check=check)
        except WasiError as error:
            raise HostCallError("ChildProcessError", "No child processes", errno="ECHILD") from error
        self._deliver(call)
        return None if child is None else [child.pid, child.status or 0]

    def _poll(self, call: HostCall) -> dict[str, list[int]]:
        """Wait until a descriptor is ready or a child is over: which are, ``ready`` by their place in
        ``fds``, whose items are a number and whether it is to be written to."""
        watched = [self._watched(call, item) for item in call.get("fds", list)]
        pids, milliseconds = call.get("pids", list), call.get("milliseconds", int)
        table, wake = self._launcher.table, call.wasi.waiter.wake
        end = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
        while True:
            over = [pid for pid in pids if table.tell_when_over(self._pid, pid, wake)]
            ready = [place for place, (entry, write) in enumerate(watched) if _is_ready(entry, write)]
            self._deliver(call)
            left = None if end is None else end - time.monotonic()
            if over or ready or (left is not None and left <= 0):
                return {"ready": ready, "over": over}
            sources = [
                source
                for entry, write in watched
                if entry is not None and entry.endpoint is not None
                for source in entry.endpoint.watch(write, wake)
            ]
            try:
                call.wait(self._slice(left), sources)
            except HostCallInterrupted:
                self._interrupted()
                raise

    def _watched(self, call: HostCall, item: object) -> tuple[Fd | None, bool]:
        if not (isinstance(item, list) and len(item) == 2 and type(item[0]) is int):
            call.reject("process.poll: fds has pairs of a number and whether to write")
        entry = call.wasi.fds.entries.get(item[0])
        if entry is not None and entry.stream >= 0:
            entry = self._standard.entries.get(item[0])
        return entry, bool(item[1])

    @staticmethod
    def _slice(seconds: float | None) -> float | None:
        """How long to wait at once."""
        return seconds

    def _kill(self, call: HostCall) -> None:
        pid, number = call.get("pid", int), call.get("signal", int)
        if pid not in {process.pid for process in list(self._job.processes)}:
            raise HostCallError("ProcessLookupError", "No such process", errno="ESRCH")
        if number:
            self._launcher.table.kill(pid, number)

    def _pipe(self, call: HostCall) -> list[int]:
        try:
            reader, writer = make_pipe()
        except OSError as error:
            raise HostCallError("OSError", str(error), errno="ENFILE") from error
        return self._insert(call, [pipe_fd(reader, writable=False), pipe_fd(writer, writable=True)])

    def _pair(self, call: HostCall) -> list[int]:
        try:
            pair = make_pair()
        except OSError as error:
            raise HostCallError("OSError", str(error), errno="ENFILE") from error
        return self._insert(call, [Fd.of_endpoint(end) for end in pair])

    @staticmethod
    def _insert(call: HostCall, ends: list[Fd]) -> list[int]:
        numbers: list[int] = []
        try:
            for end in ends:
                numbers.append(call.wasi.fds.insert(end))
        except WasiError as error:
            for number in numbers:
                call.wasi.fds.remove(number)
            for end in ends[len(numbers) :]:
                end.close()
            raise _failure(error, "Too many open files") from error
        return numbers

    def _deliver(self, call: HostCall) -> None:
        """Hand on what children wrote to what they inherited."""

    def _interrupted(self) -> None:
        """The interpreter was interrupted while it waited for a child."""


def _is_ready(entry: Fd | None, write: bool) -> bool:
    if entry is None or entry.endpoint is None:
        return True  # a file; or it isn't open, which using it says
    try:
        return entry.endpoint.poll(write) is not None
    except WasiError:
        return True


class _Nobody:
    def output(self, output: object) -> None:
        pass

    def ended(self, status: int, failed: object, failure: BaseException | None) -> None:
        pass


class ContextProcesses(GuestProcesses):
    """The children of a context. What they write to the descriptors they inherit becomes the output of the
    cell that waits for them, or else of the next one that waits for any."""

    def __init__(self, launcher: Launcher, max_open_files: int) -> None:
        job = Job(_Nobody(), timeout=None, max_output_bytes=1 << 62, end_process=launcher.table.end)
        standard = FdTable(max_open_files)
        standard.insert(pipe_fd(BytesReader(b""), writable=False))
        for number in (1, 2):
            standard.insert(pipe_fd(OutputEnd(self._collect, number), writable=True))
        pid = launcher.table.reserve_pid()
        job.root = Process(pid, 0, job, standard, Launch("", (), {}, "/"))
        super().__init__(launcher, job, pid, standard)
        self._space = threading.Condition()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._size = 0

    def _collect(self, number: int, data: bytes) -> None:
        with self._space:
            while self._size > _MAX_WAITING_BYTES and not self._job.ending:
                self._space.wait(_POLL_SECONDS)
                if not self._launcher.table.children(self._pid):
                    break
            self._waiting.append((number, data))
            self._size += len(data)

    def _deliver(self, call: HostCall) -> None:
        with self._space:
            waiting, self._waiting, self._size = self._waiting, deque(), 0
            self._space.notify_all()
        for number, data in waiting:
            call.wasi.stdout.write(number, data)
        if waiting:
            call.on_block()

    @staticmethod
    def _slice(seconds: float | None) -> float:
        # What children write to what they inherited wakes nobody up.
        return _POLL_SECONDS if seconds is None else min(seconds, _POLL_SECONDS)

    def _interrupted(self) -> None:
        for child in self._launcher.table.children(self._pid):
            self._launcher.table.end(child, SIGKILL)

    def close(self) -> None:
        """The context is gone."""
        self._job.end()
