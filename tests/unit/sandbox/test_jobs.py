"""What a job tells its processes."""

from __future__ import annotations

import pytest

from pywasm_sandbox._guests.protocol import Failed, Output
from pywasm_sandbox._processes.job import Job
from pywasm_sandbox._processes.table import SIGTERM, Launch, Process, Signalled
from pywasm_sandbox._wasi.fds import FdTable


class _Nobody:
    def output(self, output: Output) -> None:
        pass

    def ended(self, status: int, failed: Failed | None, failure: BaseException | None) -> None:
        pass


def test_a_process_that_was_not_told_yet_ends_with_its_job() -> None:
    told: list[tuple[int, int]] = []
    job = Job(
        _Nobody(),
        timeout=None,
        max_output_bytes=1000,
        end_process=lambda process, number: told.append((process.pid, number)),
    )
    processes = [Process(pid, 1, job, FdTable(16), Launch("/bin/sh", ("sh",), {}, "/")) for pid in (9, 8, 10)]
    job.processes.update(processes)
    processes[0].check()
    assert not job.ending
    job.end(SIGTERM)
    assert told == [(8, SIGTERM), (9, SIGTERM), (10, SIGTERM)]
    job.end()
    assert job.ending
    for process in processes:
        with pytest.raises(Signalled) as ended:
            process.check()
        assert ended.value.number == SIGTERM
