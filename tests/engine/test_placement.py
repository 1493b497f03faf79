"""Where a run's two threads wake up, and that each has its own processors again afterwards."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pywasm_sandbox import Sandbox
from pywasm_sandbox._engine import GuestThreads, placement, wait_on

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="there is one processor to be on"
)


@pytest.fixture
def processors() -> Iterator[set[int]]:
    """This thread's."""
    before = os.sched_getaffinity(0)
    yield before
    assert os.sched_getaffinity(0) == before
    os.sched_setaffinity(0, before)


@pytest.fixture
def threads() -> Iterator[GuestThreads]:
    pool = GuestThreads()
    pool.run(lambda: None)  # the first one is new, and wakes up where it was made
    yield pool
    assert pool.close(10)


def run_beside(threads: GuestThreads, work: Callable[[], object]) -> tuple[bool, set[int]]:
    """Whether the thread was brought here, and the processors that this thread had while it waited."""
    done, seen = threading.Event(), set[int]()

    def on_thread(retire: Callable[[], None]) -> None:
        work()
        retire()
        done.set()

    def wait() -> None:
        seen.update(os.sched_getaffinity(0))
        assert done.wait(10)

    where = threads.start(on_thread, beside=True)
    wait_on(where, wait)
    return where is not None, seen


def test_both_wake_up_here_and_are_free_afterwards(threads: GuestThreads, processors: set[int]) -> None:
    inside: list[set[int]] = []
    for _ in range(3):
        brought, seen = run_beside(threads, lambda: inside.append(os.sched_getaffinity(0)))
        assert brought
        assert len(seen) == 1
    assert inside == [processors] * 3  # what it starts may be anywhere, too


def test_others_at_work_may_need_the_processor(threads: GuestThreads, processors: set[int]) -> None:
    threads.run(lambda: None)
    release = threading.Event()
    other = threads.submit(lambda: release.wait(10))
    assert run_beside(threads, lambda: None) == (False, processors)
    release.set()
    other.result(10)
    assert run_beside(threads, lambda: None)[0]


def test_what_the_caller_chose_stays(threads: GuestThreads, processors: set[int]) -> None:
    chosen = {max(processors)}
    os.sched_setaffinity(0, chosen)
    try:
        run_beside(threads, lambda: None)
        assert os.sched_getaffinity(0) == chosen
    finally:
        os.sched_setaffinity(0, processors)


def test_a_wait_that_raises(processors: set[int]) -> None:
    here = placement.processor()
    assert here is not None

    def interrupted() -> None:
        assert len(os.sched_getaffinity(0)) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_on(here, interrupted)
    assert os.sched_getaffinity(0) == processors


def test_what_could_not_be_restored_is_the_next_time(
    processors: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = placement.processor()
    assert here is not None
    real, calls = placement.set_mask, iter([True])

    def set_mask(thread: int, mask: placement.Processors) -> bool:
        if next(calls, False):
            return real(thread, mask)
        raise KeyboardInterrupt  # in the worst moment

    monkeypatch.setattr(placement, "set_mask", set_mask)
    with pytest.raises(KeyboardInterrupt):
        wait_on(here, lambda: None)
    monkeypatch.undo()
    assert len(os.sched_getaffinity(0)) == 1
    wait_on(here, lambda: None)
    assert os.sched_getaffinity(0) == processors


def test_a_thread_whose_processors_were_changed(threads: GuestThreads, processors: set[int]) -> None:
    """By `taskset -p`, say: within a second it is noticed."""
    names: list[int] = []
    threads.run(lambda: names.append(threading.get_native_id()))
    run_beside(threads, lambda: None)
    chosen = {min(processors)}
    os.sched_setaffinity(names[0], chosen)
    time.sleep(1.1)
    inside: list[set[int]] = []
    run_beside(threads, lambda: inside.append(os.sched_getaffinity(0)))
    assert inside == [chosen]


def test_without_a_way_to_place_threads(
    threads: GuestThreads, processors: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "_LIBRARY", None)
    threads.run(lambda: None)
    fresh = GuestThreads()
    fresh.run(lambda: None)
    assert run_beside(fresh, lambda: None) == (False, processors)
    assert fresh.close(10)


@pytest.mark.parametrize("code", ["1 + 1", "1 / 0", "while True: pass", "import time; time.sleep(9)"])
def test_runs_leave_all_threads_as_they_were(code: str, processors: set[int]) -> None:
    with Sandbox(preload=[]) as sandbox:
        for _ in range(3):
            sandbox.run_code(code, timeout=0.2)
            sandbox.run_code("print('live')", on_stdout=lambda text: None)
        mine = [thread for thread in threading.enumerate() if thread.name.startswith("pywasm-sandbox-guest")]
        assert mine
        assert {frozenset(os.sched_getaffinity(thread.native_id or 0)) for thread in mine} == {
            frozenset(processors)
        }


def test_a_tool_and_who_calls_it_may_use_all_processors(processors: set[int]) -> None:
    seen: list[set[int]] = []

    def look() -> None:
        seen.append(os.sched_getaffinity(0))

    with Sandbox(preload=[], tools=[look]) as sandbox:
        for _ in range(3):
            assert sandbox.run_code("from host import look\nlook(); look()").error is None
        mine = [thread for thread in threading.enumerate() if thread.name.startswith("pywasm-sandbox-guest")]
        masks = [os.sched_getaffinity(thread.native_id or 0) for thread in mine]
    assert seen == [processors] * 6
    assert masks == [processors] * len(mine)


def test_a_callback_may_use_all_processors(processors: set[int]) -> None:
    seen: list[set[int]] = []
    with Sandbox(preload=[]) as sandbox:
        sandbox.run_code("1")
        for _ in range(2):
            sandbox.run_code("print(1)", on_stdout=lambda text: seen.append(os.sched_getaffinity(0)))
    assert seen == [processors] * 2
