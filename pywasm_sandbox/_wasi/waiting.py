"""How a guest waits: for time to pass, for descriptors of the host, for somebody to wake it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = ["PlainWaiter", "Waiter", "WatchedFd", "wait_for_fds"]


class WatchedFd(NamedTuple):
    """A descriptor of the host that a guest waits for, to be read from or to be written to."""

    fd: int
    write: bool


class Waiter(Protocol):
    """How a guest sleeps."""

    def wait(self, seconds: float | None) -> bool:
        """Wait that long (None: without end), or less. True: the guest is interrupted. 0: just tell."""
        ...

    def wait_for(self, fds: Sequence[WatchedFd], seconds: float | None) -> bool:
        """Wait until a descriptor is ready, `wake` was called since the last wait or the time is over; it may
        also return for no reason. True: the guest is interrupted."""
        ...

    def wake(self) -> None:
        """End the present `wait_for`, or the next one. From any thread."""
        ...


class PlainWaiter:
    """Sleeps; nothing interrupts it."""

    def wait(self, seconds: float | None) -> bool:
        if seconds is None:
            raise ValueError("nothing could ever end this wait")
        if seconds > 0:
            time.sleep(seconds)
        return False

    def wait_for(self, fds: Sequence[WatchedFd], seconds: float | None) -> bool:
        if not fds:
            return self.wait(seconds)
        wait_for_fds(fds, seconds)
        return False

    def wake(self) -> None:
        """Nobody else knows of it."""


def wait_for_fds(fds: Sequence[WatchedFd], seconds: float | None) -> bool:
    """Until one of the descriptors of the host is ready or has an error, or the time is over (False)."""
    import selectors  # only guests with connections need it

    # `poll` where there is one: `select` takes no descriptors above 1023, `epoll` costs two more calls.
    make = getattr(selectors, "PollSelector", selectors.SelectSelector)
    events: dict[int, int] = {}
    for fd, write in fds:
        events[fd] = events.get(fd, 0) | (selectors.EVENT_WRITE if write else selectors.EVENT_READ)
    with make() as selector:
        for fd, mask in events.items():
            selector.register(fd, mask)
        return bool(selector.select(seconds))
