"""Interpreters that run one program, as ``python script.py`` does, with descriptors of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pywasm_sandbox._engine import Instance, Ticket
from pywasm_sandbox._wasi import WasiHost, WasiLimits, wait_for_fds
from pywasm_sandbox._wasi.endpoints import Endpoint
from pywasm_sandbox._wasi.errnos import AGAIN, WasiError
from pywasm_sandbox._wasi.fds import Fd, FdTable
from pywasm_sandbox._wasi.pipes import CHUNK_BYTES

from .base import Cell, RunEnd
from .interpreter import InterpreterGuest
from .protocol import Event, Question, program_request

__all__ = ["ProgramGuest"]

_CHECK_SECONDS: Final = 0.05


class _Nobody:
    """A program's output goes to its descriptors, and it has no results."""

    def post(self, event: Event) -> None:
        pass

    def publish(self, interrupted: Callable[[], bool]) -> None:
        pass

    def ask(self, question: Question, interrupted: Callable[[], bool]) -> Any:
        return None

    def put(self, question: Question) -> None:
        return None


class ProgramGuest(InterpreterGuest):
    """For a guest's class to begin with. ``fds`` are the process's descriptors 0, 1 and 2; whoever gives them
    closes them."""

    def __init__(self, *arguments: Any, fds: FdTable) -> None:
        """``arguments`` are those of the guest."""
        super().__init__(*arguments)
        self._process_fds = fds
        self._check: Callable[[], None] = lambda: None
        self._broken_pipe: Callable[[WasiError], None] = lambda error: None

    def make_wasi(self, instance: Instance) -> WasiHost:
        return WasiHost(
            self._namespace,
            instance.memory,
            args=(self.program_name,),
            env=self._options.env,
            stdin=self,
            stdout=self,
            stderr=self,
            waiter=instance.waiter,
            on_block=self._on_block,
            on_stdio=self.drain,
            limits=WasiLimits(open_files=self._options.max_open_files),
        )

    def run_program(
        self,
        words: Sequence[str],
        cell: Cell,
        ticket: Ticket,
        *,
        pids: tuple[int, int],
        check: Callable[[], None],
        broken_pipe: Callable[[WasiError], None],
    ) -> RunEnd:
        """Run what the words of a command line ask for, in the process whose number and parent's number are
        ``pids``. ``check`` raises to end the program where it waits
        for its descriptors, ``broken_pipe`` where nobody reads what it writes."""
        self._check, self._broken_pipe = check, broken_pipe
        return self._carry_out(program_request(words, *pids), cell, _Nobody(), ticket)

    # ---- descriptors ----------------------------------------------------------------------------------

    def _feed(self, fd: int, data: bytes) -> None:
        entry = self._process_fds.entries.get(fd)
        if entry is None or not entry.writable:
            return
        if entry.file is not None:
            _write_file(entry, data)
        elif entry.endpoint is not None:
            view = memoryview(data)
            while view:
                try:
                    view = view[entry.endpoint.send(view) :]
                except WasiError as error:
                    if error.errno != AGAIN:
                        self._broken_pipe(error)
                        return
                    self._wait(entry.endpoint, write=True)

    def _wait(self, endpoint: Endpoint, write: bool) -> None:
        self._check()
        watched = endpoint.watch(write, lambda: None)
        if watched:
            wait_for_fds(watched, _CHECK_SECONDS)
        self._check()

    def read(self, length: int) -> bytes:
        """`StdioSource`: what descriptor 0 gives."""
        entry = self._process_fds.entries.get(0)
        if entry is None or not entry.readable:
            return b""
        if entry.file is not None:
            data = entry.file.pread(length, entry.offset)
            entry.offset += len(data)
            return data
        if entry.endpoint is None:
            return b""
        buffer = bytearray(min(length, CHUNK_BYTES))
        while True:
            try:
                return bytes(buffer[: entry.endpoint.receive(memoryview(buffer), peek=False)])
            except WasiError as error:
                if error.errno != AGAIN:
                    return b""
            self._wait(entry.endpoint, write=False)

    def available(self) -> int | None:
        """`StdioSource`: whether `read` would wait."""
        entry = self._process_fds.entries.get(0)
        if entry is None or entry.endpoint is None:
            return 1
        ready = entry.endpoint.poll(write=False)
        return None if ready is None else ready.size


def _write_file(entry: Fd, data: bytes) -> None:
    from pywasm_sandbox._wasi.abi import FDFLAGS_APPEND

    assert entry.file is not None
    while data:
        if entry.flags & FDFLAGS_APPEND:
            offset, count = entry.file.append(data)
            entry.offset = offset + count
        else:
            count = entry.file.pwrite(data, entry.offset)
            entry.offset += count
        data = data[count:]
