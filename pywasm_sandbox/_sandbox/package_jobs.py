"""Installations that code in a sandbox has begun: it fetches their messages one by one, by host calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from typing import Any, Final, NamedTuple

from pywasm_sandbox._guests.hostcalls import HostCall, HostCallError, HostCallInterrupted
from pywasm_sandbox.errors import PackageInstallError, PolicyError

__all__ = ["Jobs", "Steps", "run_steps"]

_MAX_JOBS: Final = 8

Steps = Generator[str, None, list[str]]
"""Lines for the user as the installation goes on; returns what is new."""


class _Interruption:
    """Whether the call that an installation is in was interrupted."""

    interrupted: Callable[[], bool] | None = None

    def check(self) -> None:
        if self.interrupted is not None and self.interrupted():
            raise HostCallInterrupted


class _Job(NamedTuple):
    steps: Steps
    interruption: _Interruption


class Jobs:
    """Those of one installer."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._jobs: dict[int, _Job] = {}

    def begin(self, call: HostCall, make: Callable[[Callable[[], None]], Steps]) -> dict[str, Any]:
        """Begin one, which `make` makes of the function that ends it by raising; see `go_on`."""
        if len(self._jobs) >= _MAX_JOBS:  # those that were given up
            self._jobs.pop(min(self._jobs)).steps.close()
        number = next(self._numbers)
        interruption = _Interruption()
        self._jobs[number] = _Job(make(interruption.check), interruption)
        return self.go_on(call, number)

    def go_on(self, call: HostCall, number: int) -> dict[str, Any]:
        """The next message of an installation: ``{"job", "said"}``, without "job" when it is over."""
        job = self._jobs.pop(number, None)
        if job is None:
            raise HostCallError("RuntimeError", "the installation was given up")
        call.on_block()
        job.interruption.interrupted = call.interrupted
        try:
            said = next(job.steps)
        except StopIteration:
            return {"said": ""}
        except (PolicyError, PackageInstallError) as error:
            raise HostCallError("RuntimeError", str(error)) from error
        finally:
            job.interruption.interrupted = None
        self._jobs[number] = job
        return {"job": number, "said": said}


def run_steps(steps: Steps) -> list[str]:
    """All of it at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
