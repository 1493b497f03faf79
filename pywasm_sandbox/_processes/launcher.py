"""Starts processes: finds what a path runs, and runs it with the sandbox's files and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from pywasm_sandbox._guests.base import GuestOptions
from pywasm_sandbox._wasi import errnos
from pywasm_sandbox._wasi.errnos import WasiError
from pywasm_sandbox._wasi.fds import FdTable

from .executables import Executable, find
from .guest_calls import GuestProcesses
from .interpreter import InterpreterProcess
from .table import Launch, Process, ProcessTable, Replaced
from .wasm import WasmProcess

if TYPE_CHECKING:
    from pywasm_sandbox._guests.hostcalls import Handler
    from pywasm_sandbox._guests.program_guest import ProgramGuest
    from pywasm_sandbox._vfs.namespace import Namespace

    from .job import Job
    from .programs import Programs

__all__ = ["Launcher", "MakeInterpreter"]


class MakeInterpreter(Protocol):
    """Makes an interpreter for a process; not booted yet."""

    def __call__(self, namespace: Namespace, options: GuestOptions, fds: FdTable) -> ProgramGuest: ...


class Launcher:
    """Of one sandbox."""

    def __init__(
        self,
        namespace: Namespace,
        programs: Programs,
        table: ProcessTable,
        interpreters: Mapping[str, MakeInterpreter],
        *,
        memory_bytes: int,
        max_open_files: int,
        max_threads: int,
        max_foreign_module_bytes: int,
        host_calls: Mapping[str, Handler],
    ) -> None:
        self.namespace = namespace
        self.table = table
        self.memory_bytes = memory_bytes
        self.max_open_files = max_open_files
        self._max_threads = max_threads
        self._max_foreign_module_bytes = max_foreign_module_bytes
        self._programs = programs
        self._host_calls = host_calls
        self._interpreters = interpreters

    def over(self, namespace: Namespace) -> Launcher:
        """The same with other files."""
        if namespace is self.namespace:
            return self
        return Launcher(
            namespace,
            self._programs,
            self.table,
            self._interpreters,
            memory_bytes=self.memory_bytes,
            max_open_files=self.max_open_files,
            max_threads=self._max_threads,
            max_foreign_module_bytes=self._max_foreign_module_bytes,
            host_calls=self._host_calls,
        )

    def start(self, job: Job, launch: Launch, fds: FdTable, parent: int = 1) -> Process:
        """Start a process, which owns ``fds`` from now on. Raises `WasiError`."""
        try:
            find(self.namespace, launch.path, launch.words)
            process = self.table.add(parent, job, fds, launch)
        except BaseException:
            fds.close()
            raise
        if job.root is None:
            job.root = process
        self.table.start(process, lambda: self.run(process, lambda: self._begin(process)))
        return process

    def run(self, process: Process, step: Callable[[], int]) -> int:
        """Carry out a process, through all that it becomes, to its exit code."""
        while True:
            try:
                return step()
            except Replaced as next:
                before, process.fds = process.fds, process.fds.copy(for_exec=True)
                before.close()
                process.launch = next.launch
                step = lambda: self._begin(process)  # noqa: E731

    def _begin(self, process: Process) -> int:
        launch = process.launch
        executable = find(self.namespace, launch.path, launch.words, launch.given)
        if executable.program in self._interpreters:
            return InterpreterProcess(self, process, executable.program, executable.words).run()
        return self._wasm(process, executable).run()

    def _wasm(self, process: Process, executable: Executable) -> WasmProcess:
        if executable.program not in self._programs:
            raise WasiError(errnos.NOEXEC)
        return WasmProcess(self, process, self._programs[executable.program], executable.words)

    def interpreter(self, program: str, process: Process, env: Mapping[str, str]) -> ProgramGuest:
        """An interpreter for the process."""
        options = GuestOptions(
            env=env,
            cwd=process.launch.cwd,
            memory_bytes=self.memory_bytes,
            max_open_files=self.max_open_files,
            max_threads=self._max_threads,
            max_foreign_module_bytes=self._max_foreign_module_bytes,
            host_calls={
                **self._host_calls,
                **GuestProcesses(self, process.job, process.pid, process.fds).handlers(),
            },
        )
        return self._interpreters[program](self.namespace, options, process.fds)

    def kill(self, sender: Process, pid: int, number: int) -> None:
        """Send a signal to a process of the sender's job. Raises `WasiError`."""
        targets = {process.pid for process in sender.job.processes}
        if pid not in targets:
            raise WasiError(errnos.SRCH)
        self.table.kill(pid, number)
