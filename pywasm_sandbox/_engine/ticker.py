"""The clock that lets guests be interrupted: one thread that advances wasmtime's epoch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["TICK_S", "Ticker"]

TICK_S = 0.01
IDLE_TICKS = 100
"""Without a call for so many ticks the thread goes to sleep. It isn't stopped with each call, because
waking it up takes longer than a short call."""


class Ticker:
    """Calls `tick` every `TICK_S` while at least one call is active, and for about a second after it."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._active = 0
        self._asleep = True
        self._thread: threading.Thread | None = None

    def enter(self) -> None:
        """A guest call begins."""
        with self._lock:
            if self._asleep:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="pywasm-sandbox-ticker", daemon=True)
                    thread.start()
                    self._thread = thread
                else:
                    self._wake.notify()
                self._asleep = False
            self._active += 1

    def leave(self) -> None:
        """A guest call is over."""
        with self._lock:
            self._active -= 1

    @property
    def asleep(self) -> bool:
        """Whether no ticks are given now."""
        return self._asleep

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(TICK_S)
            self._tick()
            if self._active:
                idle = 0
                continue
            idle += 1
            if idle < IDLE_TICKS:
                continue
            with self._lock:
                while not self._active:
                    self._asleep = True
                    self._wake.wait()
                self._asleep = False
            idle = 0
