"""What guests tried to do on the network."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

__all__ = ["NetworkAttempt", "NetworkLog"]

logger = logging.getLogger("pywasm_sandbox")


@dataclass(frozen=True, slots=True)
class NetworkAttempt:
    """One attempt of a guest.

    ``kind``: a name was looked up, a connection made, an HTTP request sent (seen where rules or secrets need
    that), a port opened, or a limit reached. ``host`` is the name that was asked for, if there was one, and
    ``address`` the address in use. ``method`` and ``target`` are the request's.
    """

    time: datetime
    kind: Literal["resolve", "connect", "request", "listen", "limit"]
    allowed: bool
    reason: str
    host: str | None = None
    address: str | None = None
    port: int | None = None
    method: str | None = None
    target: str | None = None


class NetworkLog:
    """The last attempts of a sandbox; thread-safe."""

    def __init__(self, max_entries: int, callback: Callable[[NetworkAttempt], Any] | None) -> None:
        self._entries: deque[NetworkAttempt] = deque(maxlen=max_entries)
        self._lock = threading.Lock()
        self._callback = callback

    def add(
        self,
        kind: Literal["resolve", "connect", "request", "listen", "limit"],
        allowed: bool,
        reason: str,
        **details: Any,
    ) -> None:
        """Keep an attempt, and tell the callback; its failure is nobody's but the log's."""
        attempt = NetworkAttempt(datetime.now(UTC), kind, allowed, reason, **details)
        with self._lock:
            self._entries.append(attempt)
        if self._callback is not None:
            try:
                self._callback(attempt)
            except Exception:
                logger.exception("on_attempt failed")

    def entries(self) -> list[NetworkAttempt]:
        """All that are kept, oldest first."""
        with self._lock:
            return list(self._entries)
