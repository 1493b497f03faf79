"""Processes that are WebAssembly programs: the shell, the utilities.

A program that forks is compiled so that it can unwind its stack into its memory and rewind it from there
(Binaryen's Asyncify). `fork` unwinds; the host copies the memory into a second instance; both rewind, one
with the child's number as the result, the other with 0.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._engine import GuestExit, GuestTrap, HostFailure, Instance, Limits, Ticket, TrapKind
from pywasm_sandbox._wasi import Memory, WasiHost, WasiLimits, abi, errnos
from pywasm_sandbox._wasi.errnos import WasiError
from pywasm_sandbox._wasi.fds import Fd, FdTable

from .table import SIGPIPE, Launch, Process, Replaced, Signalled

if TYPE_CHECKING:
    from pywasm_sandbox._engine import Program
    from pywasm_sandbox._vfs.namespace import Namespace

    from .launcher import Launcher

__all__ = ["ROOT_DESCRIPTOR", "WasmProcess"]

ROOT_DESCRIPTOR: Final = 1 << 20
"""The descriptor of the root directory, out of the way of those that a shell gives numbers."""

_CWD_VARIABLE: Final = "PYWASM_CWD"


class _State(enum.Enum):
    RUNNING = 0
    UNWINDING = 1
    REWINDING = 2


class WasmProcess:
    """One program in a process, from its start or from a fork to its exit or to the next program."""

    def __init__(
        self, launcher: Launcher, process: Process, program: Program, words: tuple[str, ...]
    ) -> None:
        self._launcher = launcher
        self.process = process
        self._program = program
        self._words = words
        self.namespace: Namespace = launcher.namespace
        self._state = _State.RUNNING
        self._fork_result = 0
        self._instance: Instance | None = None

    @property
    def fds(self) -> FdTable:
        """The process's descriptors."""
        return self.process.fds

    @property
    def memory(self) -> Memory:
        """The linear memory."""
        assert self._instance is not None
        return self._instance.memory

    # ---- life ---------------------------------------------------------------------------------------

    def _make_wasi(self, instance: Instance) -> WasiHost:
        launch = self.process.launch
        return WasiHost(
            self.namespace,
            instance.memory,
            args=self._words,
            env={**launch.env, _CWD_VARIABLE: launch.cwd},
            waiter=instance.waiter,
            limits=WasiLimits(open_files=self._launcher.max_open_files),
            fds=self._with_root(self.process.fds),
            on_broken_pipe=self._end_by_pipe,
        )

    @staticmethod
    def _end_by_pipe() -> None:
        raise Signalled(SIGPIPE)

    def _with_root(self, fds: FdTable) -> FdTable:
        fds.entries[ROOT_DESCRIPTOR] = Fd(
            filetype=abi.FILETYPE_DIRECTORY,
            rights_base=abi.RIGHTS_PREOPEN_BASE,
            rights_inheriting=abi.RIGHTS_PREOPEN_INHERITING,
            location=self.namespace.root,
            preopen=b"/",
        )
        return fds

    def _instantiate(self) -> Instance:
        return self._program.instantiate(
            self._make_wasi, owner=self, limits=Limits(memory_bytes=self._launcher.memory_bytes)
        )

    def run(self) -> int:
        """From the start to the exit code."""
        self._instance = self._instantiate()
        return self._go_on()

    def _go_on(self) -> int:
        instance = self._instance
        assert instance is not None
        ticket = Ticket()
        self.process.stop = ticket.kill
        try:
            self.process.check()
            instance.exclusively(lambda: self._call(instance), self.process.deadline, ticket)
        except GuestExit as end:
            return end.code
        except GuestTrap as trap:
            self.process.check()
            if trap.kind in (TrapKind.INTERRUPTED, TrapKind.KILLED):
                raise Signalled(9) from trap
            raise
        except HostFailure as failure:
            if isinstance(failure.original, Signalled | Replaced):
                raise failure.original from None
            raise
        finally:
            self.process.stop = None
            instance.close()
        return 0

    def _call(self, instance: Instance) -> None:
        if self._state is _State.REWINDING:
            self._rewind(instance)
        while True:
            instance.call("_start")
            if self._state is not _State.UNWINDING:
                return
            instance.call("asyncify_stop_unwind")
            self._fork_result = self._fork_here(instance)
            self._rewind(instance)

    def _rewind(self, instance: Instance) -> None:
        self._state = _State.REWINDING
        instance.call("asyncify_start_rewind", instance.call("pywasm_fork_buffer", 0))

    # ---- fork ---------------------------------------------------------------------------------------

    def fork(self) -> int:
        """The import: called once to unwind and once more, by both sides, at the end of rewinding."""
        instance = self._instance
        assert instance is not None
        if self._state is _State.REWINDING:
            self._state = _State.RUNNING
            instance.call("asyncify_stop_rewind")
            if self._fork_result < 0:
                raise WasiError(-self._fork_result)
            return self._fork_result
        self._state = _State.UNWINDING
        instance.call("asyncify_start_unwind", instance.call("pywasm_fork_buffer", 1))
        return 0

    def _fork_here(self, instance: Instance) -> int:
        parent = self.process
        table = self._launcher.table
        fds = parent.fds.copy()
        try:
            child = table.add(parent.pid, parent.job, fds, parent.launch)
        except WasiError as error:
            fds.close()
            parent.check()  # refused because the job is being ended: so is this process
            return -error.errno
        twin = WasmProcess(self._launcher, child, self._program, self._words)
        try:
            twin._take_over(instance)
        except BaseException:
            table.abandon(child)
            raise
        table.start(child, lambda: self._launcher.run(child, twin._go_on))
        return child.pid

    def _take_over(self, instance: Instance) -> None:
        """Become a copy of the instance, whose stack is unwound."""
        self._instance = own = self._instantiate()
        size = instance.memory.size
        missing = size - own.memory.size
        if missing > 0 and not own.grow_memory(missing >> 16):
            raise WasiError(errnos.NOMEM)
        own.memory.write(0, instance.memory.view(0, size))
        own.global_set("__stack_pointer", instance.global_get("__stack_pointer"))
        self._state = _State.REWINDING
        self._fork_result = 0

    # ---- what the imports need ------------------------------------------------------------------------

    def wait(self, pid: int, *, block: bool, reap: bool) -> Process | None:
        """See `ProcessTable.wait`."""
        process = self.process
        return self._launcher.table.wait(process.pid, pid, block=block, reap=reap, check=process.check)

    def spawn(self, launch: Launch, standard: tuple[int, int]) -> int:
        """Start another program with these descriptors as its 0 and 1; the child's number."""
        fds = self.fds.copy(for_exec=True)
        try:
            sources = [self.fds.entries[number].hold() for number in standard]
        except KeyError:
            fds.close()
            raise WasiError(errnos.BADF) from None
        for number, entry in enumerate(sources):
            if number in fds.entries:
                fds.remove(number)
            fds.entries[number] = entry
        return self._launcher.start(self.process.job, launch, fds, self.process.pid).pid

    def kill(self, pid: int, number: int) -> None:
        """Send a signal to a process of the same job."""
        self._launcher.kill(self.process, pid, number)
        self.process.check()

    def ids(self) -> tuple[int, int, int]:
        """Its number, its parent's, its group's."""
        root = self.process.job.root
        return self.process.pid, self.process.parent, self.process.pid if root is None else root.pid
