"""Keeps workers busy and replaces those that die."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .journal import ModuleResult, Outcome

__all__ = ["Job", "run_jobs"]

WORKER_GRACE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """One module to run."""

    module: str
    excluded: tuple[str, ...] = ()
    """Tests that are left out, by their ids relative to the module."""
    capabilities: tuple[str, ...] = ()
    """What the module is told that the guest has."""


class Worker:
    """A worker process and the pipe to it."""

    def __init__(self, root: Path, timeout: float, command: Sequence[str]) -> None:
        self._root = root
        self._timeout = timeout
        self._command = command
        self._process: subprocess.Popen[str] | None = None

    def run(self, job: Job) -> ModuleResult:
        """Run a module; a worker that dies or hangs is a crash of the module."""
        process = self._process or self._start()
        request = {
            "root": str(self._root),
            "module": job.module,
            "excluded": job.excluded,
            "capabilities": job.capabilities,
            "timeout": self._timeout,
        }
        # The sandbox has the deadline; this one is for when it does not keep it.
        watchdog = threading.Timer(self._timeout + WORKER_GRACE_SECONDS, process.kill)
        watchdog.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        if line.endswith("\n"):
            answer = json.loads(line)
            return ModuleResult(**{**answer, "outcome": Outcome(answer["outcome"])})
        self._process = None
        return ModuleResult(job.module, Outcome.CRASHED, f"the worker died with status {process.wait()}")

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        return self._process

    def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()
            self._process = None


def run_jobs(
    root: Path,
    jobs: Iterable[Job],
    *,
    workers: int,
    timeout: float,
    on_result: Callable[[ModuleResult], None],
    command: Sequence[str] = (f"{__package__}.worker",),
) -> list[ModuleResult]:
    """Run every job, ``timeout`` seconds each at most; the results in the order of the jobs.

    ``on_result`` is called as each ends, in the thread that called `run_jobs`. ``command`` is the worker's
    module and its arguments.
    """
    todo: queue.SimpleQueue[Job] = queue.SimpleQueue()
    order = list(jobs)
    for job in order:
        todo.put(job)
    done: queue.SimpleQueue[ModuleResult | BaseException] = queue.SimpleQueue()

    def serve() -> None:
        worker = Worker(root, timeout, command)
        try:
            while True:
                done.put(worker.run(todo.get_nowait()))
        except queue.Empty:
            pass
        except BaseException as failure:
            done.put(failure)
        finally:
            worker.close()

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(workers, len(order)))]
    for thread in threads:
        thread.start()
    results: dict[str, ModuleResult] = {}
    for _ in order:
        result = done.get()
        if isinstance(result, BaseException):
            raise result
        results[result.module] = result
        on_result(result)
    for thread in threads:
        thread.join()
    return [results[job.module] for job in order]
