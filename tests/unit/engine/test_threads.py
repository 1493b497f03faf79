"""Guest threads: reuse, results, stack size, end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pywasm_sandbox._engine.failures import EngineUnavailable
from pywasm_sandbox._engine.threads import GuestThreads, Handle

STACK = 1 << 20


@pytest.fixture
def threads() -> Iterator[GuestThreads]:
    pool = GuestThreads(stack_bytes=STACK)
    yield pool
    assert pool.close(10) is True


def test_result_and_exception_come_back(threads: GuestThreads) -> None:
    assert threads.submit(lambda: 6 * 7).result() == 42
    error = KeyError("mine")

    def fail() -> None:
        raise error

    handle = threads.submit(fail)
    for _ in range(2):
        with pytest.raises(KeyError) as caught:
            handle.result()
        assert caught.value is error


def test_even_a_system_exit_is_only_a_result(threads: GuestThreads) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        threads.submit(leave).result()
    assert threads.submit(lambda: 1).result() == 1


def test_one_after_the_other_run_on_the_same_thread(threads: GuestThreads) -> None:
    idents = {threads.submit(threading.get_ident).result() for _ in range(50)}
    assert len(idents) == 1
    assert threading.get_ident() not in idents


def test_a_thread_is_free_before_its_result_is_out(threads: GuestThreads) -> None:
    """Or a caller that submits at once would be given another thread now and then."""
    release, called = threading.Event(), threading.Event()
    idle: list[int] = []

    def look(handle: Handle[bool]) -> None:
        idle.append(len(threads._idle))
        called.set()

    handle = threads.submit(lambda: release.wait(10))
    handle.add_done_callback(look)
    release.set()
    assert called.wait(10)
    assert idle == [1]


def test_at_the_same_time_run_on_different_threads(threads: GuestThreads) -> None:
    barrier = threading.Barrier(5)
    handles = [threads.submit(lambda: (barrier.wait(10), threading.get_ident())[1]) for _ in range(5)]
    assert len({handle.result(10) for handle in handles}) == 5


def test_run_on_a_guest_thread_stays_there(threads: GuestThreads) -> None:
    def outer() -> tuple[int, int]:
        return threading.get_ident(), threads.run(threading.get_ident)

    ident, inner = threads.run(outer)
    assert ident == inner != threading.get_ident()
    assert threads.run(threads.on_guest_thread) is True
    assert threads.on_guest_thread() is False


def test_wait_and_result_time_out_while_it_runs(threads: GuestThreads) -> None:
    release = threading.Event()
    handle = threads.submit(lambda: release.wait(10))
    assert handle.wait(0.001) is False
    assert handle.done is False
    with pytest.raises(TimeoutError, match="still busy"):
        handle.result(0.001)
    release.set()
    assert handle.result(10) is True
    assert handle.done is True


def test_done_callback_runs_on_the_guest_thread_or_at_once(threads: GuestThreads) -> None:
    release, called = threading.Event(), threading.Event()
    seen: list[tuple[object, int]] = []

    def callback(handle: Handle[int]) -> None:
        seen.append((handle.result(), threading.get_ident()))
        called.set()

    def work() -> int:
        release.wait(10)
        return threading.get_ident()

    handle = threads.submit(work)
    handle.add_done_callback(callback)
    release.set()
    assert called.wait(10)
    handle.add_done_callback(callback)
    guest = handle.result()
    assert seen == [(guest, guest), (guest, threading.get_ident())]


def test_stack_size_of_other_threads_is_left_alone(threads: GuestThreads) -> None:
    before = threading.stack_size()
    threads.run(lambda: None)
    assert threading.stack_size() == before


def test_deep_recursion_fits_the_guests_stack() -> None:
    pool = GuestThreads()

    def depth(levels: int) -> int:
        return 0 if levels == 0 else 1 + depth(levels - 1)

    assert pool.run(lambda: depth(500)) == 500
    assert pool.close(10) is True


def test_idle_threads_are_limited() -> None:
    pool = GuestThreads(stack_bytes=STACK, max_idle=2)
    barrier = threading.Barrier(6)
    for handle in [pool.submit(lambda: barrier.wait(10)) for _ in range(6)]:
        handle.result(10)
    assert len(pool._idle) == 2
    assert pool.close(10) is True
    assert pool._threads == set()


def test_closed_pool_takes_no_more(threads: GuestThreads) -> None:
    threads.run(lambda: None)
    assert threads.close(10) is True
    with pytest.raises(EngineUnavailable, match="shutting down"):
        threads.submit(lambda: None)


def test_close_says_when_a_thread_does_not_end() -> None:
    pool = GuestThreads(stack_bytes=STACK)
    release = threading.Event()
    handle = pool.submit(lambda: release.wait(10))
    assert pool.close(0.001) is False
    release.set()
    assert handle.result(10) is True
    assert pool.close(10) is True


def test_a_thread_that_cannot_start_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = GuestThreads(stack_bytes=STACK)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    before = threading.stack_size()
    with pytest.raises(EngineUnavailable, match=r"no thread with 1 MiB of stack.*ulimit"):
        pool.submit(lambda: None)
    assert threading.stack_size() == before
