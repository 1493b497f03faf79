"""What ends the waits of a guest from other threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pywasm_sandbox._wasi import WatchedFd, wait_for_fds

if TYPE_CHECKING:
    import socket

__all__ = ["Wake"]


class Wake:
    """An event that one thread waits for, alone or together with descriptors of the host.

    For the latter it needs a descriptor of its own, which it makes when that is first asked for.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        # Reentrant: an instance's finalizer closes this, on whatever thread and wherever that is.
        self._lock = threading.RLock()
        self._pair: tuple[socket.socket, socket.socket] | None = None
        self._closed = False

    def set(self) -> None:
        """End the present wait, or the next one. From any thread."""
        self._event.set()
        if self._pair is not None:
            with self._lock:
                if self._pair is not None:
                    try:
                        self._pair[1].send(b"\0")
                    except BlockingIOError:  # it will wake up from what is there already
                        pass

    def clear(self) -> None:
        """Forget that `set` was called."""
        self._event.clear()

    def wait(self, seconds: float | None) -> None:
        """Until `set` is called, or was since `clear`; at most so long."""
        self._event.wait(seconds)

    def wait_with(self, fds: Sequence[WatchedFd], seconds: float | None) -> None:
        """As `wait`, but also until one of the descriptors is ready."""
        bell = self._bell()
        if self._event.is_set() or bell is None:
            return
        wait_for_fds((*fds, WatchedFd(bell.fileno(), False)), seconds)
        try:
            bell.recv(4096)
        except BlockingIOError:
            pass

    def _bell(self) -> socket.socket | None:
        with self._lock:
            if self._pair is None and not self._closed:
                import socket  # only guests with connections need it

                pair = socket.socketpair()
                for end in pair:
                    end.setblocking(False)
                self._pair = pair
            return None if self._pair is None else self._pair[0]

    def close(self) -> None:
        """Give the descriptor back; not while somebody waits. Idempotent."""
        with self._lock:
            pair, self._pair, self._closed = self._pair, None, True
        for end in pair or ():
            end.close()
