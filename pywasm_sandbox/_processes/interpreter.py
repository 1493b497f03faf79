"""Processes that are interpreters: Python, and JavaScript with TypeScript."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pywasm_sandbox._engine import GuestTrap, HostFailure, InstanceClosed, Ticket
from pywasm_sandbox._guests.base import Cell
from pywasm_sandbox._wasi.errnos import WasiError

from .table import SIGPIPE, Process, Signalled

if TYPE_CHECKING:
    from .launcher import Launcher

__all__ = ["InterpreterProcess"]


class InterpreterProcess:
    """``python …`` or ``node …`` in a fresh interpreter over the sandbox's files."""

    def __init__(self, launcher: Launcher, process: Process, program: str, words: tuple[str, ...]) -> None:
        """``program`` is one that the launcher has an interpreter for."""
        self._launcher = launcher
        self._program = program
        self._process = process
        self._words = words

    def run(self) -> int:
        """From the start to the exit code."""
        process = self._process
        guest = self._launcher.interpreter(
            self._program, process, {**process.launch.env, "PWD": process.launch.cwd}
        )
        ticket = Ticket()
        process.stop = ticket.kill
        try:
            process.check()
            guest.boot()
            end_at = process.deadline.soft_at
            seconds = None if end_at is None else max(end_at - time.monotonic(), 0.0)
            end = guest.run_program(
                self._words,
                Cell("", 0, timeout=seconds, grace_seconds=0.0),
                ticket,
                pids=(process.pid, process.parent),
                check=process.check,
                broken_pipe=_end_by_pipe,
            )
        except InstanceClosed:
            process.check()
            raise
        except HostFailure as failure:
            if isinstance(failure.original, Signalled):
                raise failure.original from None
            raise
        except GuestTrap as trap:
            process.check()
            raise Signalled(9) from trap
        finally:
            process.stop = None
            guest.close()
        if ticket.fired is not None:
            process.check()  # it may have come to an end between being asked to and being ended
        if end.finished is not None and end.finished.exit_code is not None:
            return end.finished.exit_code
        if end.lost is not None or end.finished is None:
            process.check()
            text = "the interpreter ended" if end.lost is None else f"{end.lost.name}: {end.lost.message}"
            process.job.write(2, f"{self._program}: {text}\n".encode())
            return 134
        return end.finished.exit_code or 0


def _end_by_pipe(error: WasiError) -> None:
    raise Signalled(SIGPIPE)
