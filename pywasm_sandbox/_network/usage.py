"""How much network a sandbox has used, against its policy's limits."""

from __future__ import annotations

import heapq
import itertools
import socket
import threading
import time
import weakref
from collections import deque
from typing import Protocol

from .policy import NetworkPolicy

__all__ = ["LimitReached", "Reaper", "Usage"]


class LimitReached(Exception):
    """A limit of the policy; the message names it."""


class Usage:
    """Counters of a sandbox; thread-safe."""

    def __init__(self, policy: NetworkPolicy) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._open = 0
        self._recent: deque[float] = deque()
        self.sent_bytes = 0
        self.received_bytes = 0

    def open(self) -> None:
        """A connection is about to be made. Raises `LimitReached`."""
        policy = self._policy
        now = time.monotonic()
        with self._lock:
            while self._recent and self._recent[0] < now - 60:
                self._recent.popleft()
            if self._open >= policy.max_connections:
                raise LimitReached(f"max_connections of {policy.max_connections} are open")
            if len(self._recent) >= policy.max_connections_per_minute:
                raise LimitReached(f"max_connections_per_minute of {policy.max_connections_per_minute}")
            self._recent.append(now)
            self._open += 1

    def close(self) -> None:
        """A connection was closed."""
        with self._lock:
            self._open -= 1

    def left_to_send(self) -> int:
        """How many bytes may still be sent. Raises `LimitReached` for none."""
        left = self._policy.max_sent_bytes - self.sent_bytes
        if left <= 0:
            raise LimitReached(f"max_sent_bytes of {self._policy.max_sent_bytes}")
        return left

    def left_to_receive(self) -> int:
        """How many bytes may still be received. Raises `LimitReached` for none."""
        left = self._policy.max_received_bytes - self.received_bytes
        if left <= 0:
            raise LimitReached(f"max_received_bytes of {self._policy.max_received_bytes}")
        return left

    def sent(self, count: int) -> None:
        with self._lock:
            self.sent_bytes += count

    def received(self, count: int) -> None:
        with self._lock:
            self.received_bytes += count


class Expiring(Protocol):
    """What has a socket of the host that must not be used for ever."""

    @property
    def socket(self) -> socket.socket | None: ...


class Reaper:
    """Ends connections at a certain age, also while their guests wait for them."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._entries: list[tuple[float, int, weakref.ref[Expiring]]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, connection: Expiring, seconds: float) -> None:
        """Shut the connection down when so much time went by."""
        entry = (time.monotonic() + seconds, next(self._numbers), weakref.ref(connection))
        with self._condition:
            if self._closed:
                return
            heapq.heappush(self._entries, entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pywasm-network", daemon=True)
                self._thread.start()
            self._condition.notify()

    def close(self) -> None:
        """End the thread. Idempotent."""
        with self._condition:
            self._closed = True
            self._entries.clear()
            thread, self._thread = self._thread, None
            self._condition.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        with self._condition:
            while not self._closed:
                if not self._entries:
                    self._condition.wait()
                    continue
                left = self._entries[0][0] - time.monotonic()
                if left > 0:
                    self._condition.wait(left)
                    continue
                connection = heapq.heappop(self._entries)[2]()
                if connection is not None:
                    _shut_down(connection)


def _shut_down(connection: Expiring) -> None:
    handle = connection.socket
    if handle is not None:
        try:
            handle.shutdown(socket.SHUT_RDWR)
        except OSError:  # it ended by itself
            pass
