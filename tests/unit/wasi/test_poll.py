from __future__ import annotations

import pytest

from pywasm_sandbox._wasi import BytesSource, abi
from pywasm_sandbox._wasi.errnos import BADF, FAULT, INTR, INVAL, NOTCAPABLE
from tests.wasi.guest import (
    EVENTS,
    MEMORY_BYTES,
    READ,
    RESULT,
    ROOT_FD,
    SUBSCRIPTIONS,
    DirectGuest,
    Event,
    clock_subscription,
    fd_subscription,
)

CLOCK, FD_READ, FD_WRITE = abi.EVENTTYPE_CLOCK, abi.EVENTTYPE_FD_READ, abi.EVENTTYPE_FD_WRITE
REALTIME, MONOTONIC = abi.ClockId.REALTIME, abi.ClockId.MONOTONIC
ABSTIME = abi.SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME
HANGUP = abi.EVENTRWFLAGS_FD_READWRITE_HANGUP
SECOND = 1_000_000_000


@pytest.mark.parametrize("clock", [REALTIME, MONOTONIC])
def test_relative_timer(guest: DirectGuest, clock: int) -> None:
    start = guest.host.clocks.monotonic_ns()
    assert guest.poll(clock_subscription(77, clock, 3 * SECOND // 2)) == (0, [Event(77, 0, CLOCK, 0, 0)])
    assert guest.host.waiter.waits == [1.5]
    assert guest.host.clocks.monotonic_ns() - start == 3 * SECOND // 2


@pytest.mark.parametrize("clock", [REALTIME, MONOTONIC])
def test_absolute_timer(guest: DirectGuest, clock: int) -> None:
    now = guest.host.clocks.now_ns(clock)
    assert guest.poll(clock_subscription(1, clock, now + SECOND // 4, ABSTIME)) == (
        0,
        [Event(1, 0, CLOCK, 0, 0)],
    )
    assert guest.host.waiter.waits == [0.25]


def test_a_timer_in_the_past_does_not_wait(guest: DirectGuest) -> None:
    assert guest.poll(clock_subscription(1, MONOTONIC, 0, ABSTIME))[1] == [Event(1, 0, CLOCK, 0, 0)]
    assert guest.poll(clock_subscription(1, MONOTONIC, 0))[1] == [Event(1, 0, CLOCK, 0, 0)]
    assert guest.host.waiter.waits == []


def test_the_earliest_timer_ends_the_wait(guest: DirectGuest) -> None:
    errno, events = guest.poll(
        clock_subscription(1, MONOTONIC, 3 * SECOND),
        clock_subscription(2, MONOTONIC, SECOND),
        clock_subscription(3, REALTIME, SECOND),
        clock_subscription(4, MONOTONIC, 2 * SECOND),
    )
    assert errno == 0
    assert [event.userdata for event in events] == [2, 3]
    assert guest.host.waiter.waits == [1.0]


def test_waking_early_goes_on_waiting(guest: DirectGuest) -> None:
    class Restless:
        calls = 0

        def wait(self, seconds: float | None) -> bool:
            assert seconds is not None
            self.calls += 1
            guest.host.clocks.now_monotonic_ns += SECOND // 10
            return False

    guest.host.waiter = Restless()
    assert guest.poll(clock_subscription(1, MONOTONIC, SECOND))[0] == 0
    assert guest.host.waiter.calls == 10


@pytest.mark.parametrize("flags", [0, ABSTIME])
def test_the_longest_timer_is_waited_for_in_days(guest: DirectGuest, flags: int) -> None:
    class Patient:
        def __init__(self) -> None:
            self.waits: list[float | None] = []

        def wait(self, seconds: float | None) -> bool:
            self.waits.append(seconds)
            return len(self.waits) == 3

    guest.host.waiter = Patient()
    assert guest.poll(clock_subscription(1, MONOTONIC, (1 << 64) - 1, flags))[0] == INTR
    assert guest.host.waiter.waits == [86400.0] * 3


def test_an_interrupted_wait_intr(guest: DirectGuest) -> None:
    guest.host.waiter.interrupted = True
    with guest.only_writes((SUBSCRIPTIONS, 48)):
        assert guest.poll(clock_subscription(1, MONOTONIC, SECOND)) == (INTR, [])


def test_a_loop_of_polls_that_never_wait_can_be_interrupted(guest: DirectGuest) -> None:
    assert guest.poll(clock_subscription(1, MONOTONIC, 0))[0] == 0
    guest.host.waiter.interrupted = True
    assert guest.poll(clock_subscription(1, MONOTONIC, 0))[0] == INTR


def test_what_the_waiter_raises_is_not_swallowed(plain_guest: DirectGuest) -> None:
    class Deadly:
        def wait(self, seconds: float | None) -> bool:
            raise KeyboardInterrupt

    plain_guest.host.waiter = Deadly()
    with pytest.raises(KeyboardInterrupt):
        plain_guest.poll(clock_subscription(1, MONOTONIC, SECOND))


def test_stdio_is_drained_before_waiting_only(guest: DirectGuest) -> None:
    calls: list[bool] = []
    guest.host.on_block = lambda: calls.append(True)
    guest.poll(clock_subscription(1, MONOTONIC, 0))
    assert calls == []
    guest.poll(clock_subscription(1, MONOTONIC, 1))
    assert calls == [True]


def test_files_are_ready(guest: DirectGuest) -> None:
    guest.make(b"f", b"abcdef")
    fd = guest.opened(b"f")
    guest.fd_seek(fd, 4)
    assert guest.poll(fd_subscription(1, FD_READ, fd), fd_subscription(2, FD_WRITE, fd)) == (
        0,
        [Event(1, 0, FD_READ, 2, 0), Event(2, 0, FD_WRITE, 1, 0)],
    )
    guest.fd_seek(fd, 100)
    assert guest.poll(fd_subscription(1, FD_READ, fd))[1] == [Event(1, 0, FD_READ, 0, HANGUP)]
    assert guest.host.waiter.waits == []


def test_a_ready_file_beats_a_timer(guest: DirectGuest) -> None:
    guest.make(b"f", b"a")
    fd = guest.opened(b"f", rights=READ)
    errno, events = guest.poll(clock_subscription(1, MONOTONIC, SECOND), fd_subscription(2, FD_READ, fd))
    assert (errno, events) == (0, [Event(2, 0, FD_READ, 1, 0)])


def test_stdio_is_ready(guest: DirectGuest) -> None:
    assert guest.poll(
        fd_subscription(1, FD_WRITE, 1), fd_subscription(2, FD_WRITE, 2), fd_subscription(3, FD_READ, 0)
    ) == (0, [Event(1, 0, FD_WRITE, 1, 0), Event(2, 0, FD_WRITE, 1, 0), Event(3, 0, FD_READ, 0, HANGUP)])
    guest.host.stdin = BytesSource(b"hello")
    assert guest.poll(fd_subscription(3, FD_READ, 0))[1] == [Event(3, 0, FD_READ, 5, 0)]


class SlowSource:
    """Has nothing the first times it is asked."""

    def __init__(self, times: int) -> None:
        self.times = times

    def read(self, length: int) -> bytes:
        raise AssertionError("nobody reads here")

    def available(self) -> int | None:
        self.times -= 1
        return None if self.times >= 0 else 7


def test_stdin_that_has_nothing_yet_is_waited_for(guest: DirectGuest) -> None:
    guest.host.stdin = SlowSource(3)
    assert guest.poll(fd_subscription(1, FD_READ, 0))[1] == [Event(1, 0, FD_READ, 7, 0)]
    assert len(guest.host.waiter.waits) == 3


def test_stdin_that_has_nothing_until_the_timer(guest: DirectGuest) -> None:
    guest.host.stdin = SlowSource(1000)
    errno, events = guest.poll(fd_subscription(1, FD_READ, 0), clock_subscription(2, MONOTONIC, SECOND // 20))
    assert (errno, events) == (0, [Event(2, 0, CLOCK, 0, 0)])


def test_bad_fds_fail_their_own_event(guest: DirectGuest) -> None:
    guest.make(b"f", b"a")
    fd = guest.opened(b"f")
    assert guest.poll(
        fd_subscription(1, FD_READ, 99),
        fd_subscription(2, FD_READ, ROOT_FD),
        fd_subscription(3, FD_WRITE, 0),
        fd_subscription(4, FD_READ, 1),
        fd_subscription(5, FD_READ, fd),
        clock_subscription(6, MONOTONIC, SECOND),
    ) == (
        0,
        [
            Event(1, BADF, FD_READ, 0, 0),
            Event(2, BADF, FD_READ, 0, 0),
            Event(3, BADF, FD_WRITE, 0, 0),
            Event(4, BADF, FD_READ, 0, 0),
            Event(5, 0, FD_READ, 1, 0),
        ],
    )
    assert guest.call("fd_fdstat_set_rights", fd, READ, 0) == 0
    assert guest.poll(fd_subscription(7, FD_READ, fd))[1] == [Event(7, NOTCAPABLE, FD_READ, 0, 0)]


@pytest.mark.parametrize(
    "subscription",
    [
        clock_subscription(1, abi.ClockId.PROCESS_CPUTIME_ID, 0),
        clock_subscription(1, abi.ClockId.THREAD_CPUTIME_ID, 0, ABSTIME),
        clock_subscription(1, 4, 0),
        clock_subscription(1, 0xFFFF_FFFF, 0),
        clock_subscription(1, MONOTONIC, 0, 2),
        fd_subscription(1, 3, 0),
        fd_subscription(1, 255, 0),
    ],
)
def test_impossible_subscription_inval(guest: DirectGuest, subscription: bytes) -> None:
    good = clock_subscription(2, MONOTONIC, 0)
    assert guest.poll(good)[0] == 0
    assert guest.poll(subscription)[0] == INVAL
    assert guest.poll(good, subscription)[0] == INVAL


@pytest.mark.parametrize("count", [0, 4097, 1 << 30, 0xFFFF_FFFF])
def test_number_of_subscriptions_inval(guest: DirectGuest, count: int) -> None:
    with guest.only_writes():
        assert guest.call("poll_oneoff", SUBSCRIPTIONS, EVENTS, count, RESULT) == INVAL


def test_as_many_subscriptions_as_allowed(plain_guest: DirectGuest) -> None:
    plain_guest.bytes = bytearray(1 << 20)
    plain_guest.memory.refresh()
    count = 4096
    plain_guest.bytes[0x1000 : 0x1000 + 48 * count] = clock_subscription(5, MONOTONIC, 0) * count
    assert plain_guest.call("poll_oneoff", 0x1000, 0x80000, count, RESULT) == 0
    assert plain_guest.u32() == count


@pytest.mark.parametrize(
    ("subscriptions", "events", "result"),
    [
        (MEMORY_BYTES - 47, EVENTS, RESULT),
        (0xFFFF_FFFF, EVENTS, RESULT),
        (SUBSCRIPTIONS, MEMORY_BYTES - 31, RESULT),
        (SUBSCRIPTIONS, 0xFFFF_FFF0, RESULT),
        (SUBSCRIPTIONS, EVENTS, MEMORY_BYTES - 3),
        (SUBSCRIPTIONS, EVENTS, 0xFFFF_FFFF),
    ],
)
def test_bad_pointer_efault_without_waiting(
    guest: DirectGuest, subscriptions: int, events: int, result: int
) -> None:
    guest.write(SUBSCRIPTIONS, clock_subscription(1, MONOTONIC, SECOND))
    with guest.only_writes():
        assert guest.call("poll_oneoff", subscriptions, events, 1, result) == FAULT
    assert guest.host.waiter.waits == []
