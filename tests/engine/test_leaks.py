"""Five hundred guests, one after the other, leave nothing behind."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

from pywasm_sandbox._engine import Deadline, GuestTrap

from .conftest import MakeGuest

CYCLES = 500
GUEST = """(module (memory (export "memory") 16)
  (func (export "touch") (memory.fill (i32.const 0) (i32.const 1) (i32.const 1048576)))
  (func (export "boom") (unreachable))
  (func (export "loop") (loop $l (br $l))))"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def reservations() -> int:
    """Mappings large enough to be linear memories' address space."""
    count = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split(" ", 1)[0].split("-"))
        count += end - start >= 1 << 30
    return count


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("ending", ["close", "trap", "drop"])
def test_nothing_is_left(make_guest: MakeGuest, ending: str) -> None:
    template = make_guest(GUEST)
    engine, program, make_wasi = template.engine, template.instance.program, lambda i: template.instance.wasi

    def cycle(count: int) -> None:
        for _ in range(count):
            instance = program.instantiate(make_wasi)
            instance.call("touch")
            if ending == "trap":
                with pytest.raises(GuestTrap):
                    instance.call("boom")
            elif ending == "close":
                instance.close()

    def measure() -> tuple[int, int, int]:
        gc.collect()
        return descriptors(), reservations(), resident_bytes()

    engine.threads.run(lambda: cycle(20))
    before = measure()
    engine.threads.run(lambda: cycle(CYCLES))
    after = measure()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 16 << 20  # one in thirty leaking its memory would be more


def test_interrupted_guests_leave_nothing(make_guest: MakeGuest) -> None:
    template = make_guest(GUEST)
    engine, program, make_wasi = template.engine, template.instance.program, lambda i: template.instance.wasi

    def cycle(count: int) -> None:
        for _ in range(count):
            instance = program.instantiate(make_wasi)
            with pytest.raises(GuestTrap):
                instance.call("loop", deadline=Deadline.after(0.0, 0.0))

    engine.threads.run(lambda: cycle(2))
    before = descriptors(), reservations()
    engine.threads.run(lambda: cycle(20))
    assert (descriptors(), reservations()) == before
