"""`poll_oneoff`: the one function that waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import abi, errnos
from .endpoints import Endpoint
from .errnos import INTR, INVAL, SUCCESS
from .stdio import STDIN

if TYPE_CHECKING:
    from .host import WasiHost

# Long waits are cut: a `float` of seconds that no clock reaches is of no use to a lock or an event.
_LONGEST_WAIT_NS = 24 * 3600 * 1_000_000_000
# How soon a stdin that has nothing is asked again.
_STDIN_RETRY_NS = 10_000_000

_Event = tuple[int, int, int, int, int]  # userdata, error, type, nbytes, flags: the fields of abi.EVENT


class _Timer(NamedTuple):
    userdata: int
    clock_id: int
    deadline_ns: int  # on that clock


class _Pending(NamedTuple):
    timers: list[_Timer]
    stdin_readers: list[int]  # userdata
    endpoints: list[tuple[int, Endpoint, bool]]  # userdata, the endpoint, whether it is to be written to
    events: list[_Event]  # those that have occurred already


def poll_oneoff(host: WasiHost, subscriptions: int, events: int, nsubscriptions: int, nevents: int) -> int:
    if not nsubscriptions or nsubscriptions > abi.SUBSCRIPTIONS_MAX:
        return INVAL
    memory = host.memory
    memory.check(nevents, 4)
    memory.check(events, nsubscriptions * abi.EVENT.size)
    pending = _subscribe(host, memory.read(subscriptions, nsubscriptions * abi.SUBSCRIPTION.size))
    occurred = pending.events
    waited = False
    while True:
        occurred += _stdin_events(host, pending.stdin_readers)
        _collect_endpoints(pending.endpoints, occurred)
        wait_ns = _collect_timers(host, pending.timers, occurred)
        if occurred:
            break
        if not waited:
            host.on_block()
            waited = True
        if pending.stdin_readers:
            wait_ns = _STDIN_RETRY_NS if wait_ns is None else min(wait_ns, _STDIN_RETRY_NS)
        if _wait(host, pending.endpoints, wait_ns):
            return INTR
    if not waited and host.waiter.wait(0.0):
        return INTR
    memory.write(events, b"".join(abi.EVENT.pack(*event) for event in occurred))
    memory.set_u32(nevents, len(occurred))
    return SUCCESS


def _wait(host: WasiHost, endpoints: list[tuple[int, Endpoint, bool]], wait_ns: int | None) -> bool:
    seconds = None if wait_ns is None else min(wait_ns, _LONGEST_WAIT_NS) / 1e9
    if not endpoints:
        assert seconds is not None, "every subscription is a timer, a stdin reader or has occurred"
        return host.waiter.wait(seconds)
    wake = host.waiter.wake
    fds = [fd for _, endpoint, write in endpoints for fd in endpoint.watch(write, wake)]
    return host.waiter.wait_for(fds, seconds)


def _collect_endpoints(endpoints: list[tuple[int, Endpoint, bool]], occurred: list[_Event]) -> None:
    for userdata, endpoint, write in endpoints:
        tag = abi.EVENTTYPE_FD_WRITE if write else abi.EVENTTYPE_FD_READ
        try:
            ready = endpoint.poll(write)
        except errnos.WasiError as error:
            occurred.append((userdata, error.errno, tag, 0, 0))
            continue
        if ready is not None:
            hangup = abi.EVENTRWFLAGS_FD_READWRITE_HANGUP if ready.hangup else 0
            occurred.append((userdata, SUCCESS, tag, ready.size, hangup))


def _subscribe(host: WasiHost, data: bytes) -> _Pending:
    pending = _Pending([], [], [], [])
    for userdata, tag, union in abi.SUBSCRIPTION.iter_unpack(data):
        if tag == abi.EVENTTYPE_CLOCK:
            _subscribe_clock(host, pending, userdata, union)
        elif tag in (abi.EVENTTYPE_FD_READ, abi.EVENTTYPE_FD_WRITE):
            (fd,) = abi.SUBSCRIPTION_FD_READWRITE.unpack(union)
            _subscribe_fd(host, pending, userdata, tag, fd)
        else:
            raise errnos.WasiError(INVAL, f"no event type {tag}")
    return pending


def _subscribe_clock(host: WasiHost, pending: _Pending, userdata: int, union: bytes) -> None:
    clock_id, timeout, _, flags = abi.SUBSCRIPTION_CLOCK.unpack(union)
    if clock_id > abi.ClockId.MONOTONIC or flags & ~abi.SUBCLOCKFLAGS_ALL:
        raise errnos.WasiError(INVAL, "a clock that cannot be waited for")
    if flags & abi.SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME:
        pending.timers.append(_Timer(userdata, clock_id, timeout))
    else:
        # A span of time is not shortened by somebody setting the wall clock.
        deadline_ns = host.clocks.monotonic_ns() + timeout
        pending.timers.append(_Timer(userdata, abi.ClockId.MONOTONIC, deadline_ns))


def _subscribe_fd(host: WasiHost, pending: _Pending, userdata: int, tag: int, fd: int) -> None:
    """Files are always ready, and so is output. Failures are the event's own, not the call's."""
    entry = host.open_fds.get(fd)
    reads = tag == abi.EVENTTYPE_FD_READ
    if entry is not None and entry.endpoint is not None:
        pending.endpoints.append((userdata, entry.endpoint, not reads))
    elif entry is None or (entry.file is None and entry.stream < 0):
        pending.events.append((userdata, errnos.BADF, tag, 0, 0))
    elif not entry.rights_base & abi.RIGHTS_POLL_FD_READWRITE:
        pending.events.append((userdata, errnos.NOTCAPABLE, tag, 0, 0))
    elif entry.file is not None:
        sized = reads and entry.filetype == abi.FILETYPE_REGULAR_FILE
        left = max(entry.file.size - entry.offset, 0) if sized else 1
        hangup = 0 if left else abi.EVENTRWFLAGS_FD_READWRITE_HANGUP
        pending.events.append((userdata, SUCCESS, tag, left, hangup))
    elif reads != (entry.stream == STDIN):
        pending.events.append((userdata, errnos.BADF, tag, 0, 0))
    elif reads:
        pending.stdin_readers.append(userdata)
    else:
        pending.events.append((userdata, SUCCESS, tag, 1, 0))


def _stdin_events(host: WasiHost, readers: list[int]) -> list[_Event]:
    if not readers:
        return []
    available = host.stdin.available()
    if available is None:
        return []
    hangup = 0 if available else abi.EVENTRWFLAGS_FD_READWRITE_HANGUP
    return [(userdata, SUCCESS, abi.EVENTTYPE_FD_READ, available, hangup) for userdata in readers]


def _collect_timers(host: WasiHost, timers: list[_Timer], occurred: list[_Event]) -> int | None:
    """Append the timers that have run out; how long until the next one does, None without timers."""
    shortest: int | None = None
    for userdata, clock_id, deadline_ns in timers:
        left = deadline_ns - host.clocks.now_ns(clock_id)
        if left <= 0:
            occurred.append((userdata, SUCCESS, abi.EVENTTYPE_CLOCK, 0, 0))
        elif shortest is None or left < shortest:
            shortest = left
    return shortest
