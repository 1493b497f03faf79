"""The network of one sandbox: a door to `broker`, which is imported when somebody goes through."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pywasm_sandbox._guests.hostcalls import Handler, HostCall

    from .broker import GuestNetwork, Shared
    from .log import NetworkAttempt
    from .policy import NetworkPolicy

__all__ = ["Network"]

_CALLS: Final = {
    "net.socket": "open",
    "net.connect": "connect",
    "net.resolve": "resolve",
    "net.names": "names",
    "net.get_option": "get_option",
    "net.set_option": "set_option",
    "net.bind": "bind",
    "net.listen": "listen",
    "net.tls": "start_tls",
    "net.tls_token": "make_tls_token",
    "net.tls_end": "end_tls",
}
"""Host calls and the methods of `GuestNetwork` that carry them out."""


class Network:
    """Thread-safe. Without a policy everything is denied."""

    def __init__(self, policy: NetworkPolicy | None) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._made: Shared | None = None

    def _shared(self) -> Shared:
        # Imported here: most sandboxes use no network, and sockets, TLS and addresses take as long to
        # import as the rest of a sandbox (docs/RATIONALE.md, "Why is pydantic imported late?").
        from .broker import Shared

        with self._lock:
            if self._made is None:
                self._made = Shared(self._policy)
            return self._made

    def environment(self) -> dict[str, str]:
        """Environment variables of the guests: what stands for the secrets."""
        if self._policy is None or not self._policy.secrets:
            return {}
        secrets = self._shared().secrets
        return {each.secret.env: each.stand_in for each in secrets if each.secret.env is not None}

    def handlers(self) -> dict[str, Handler]:
        """The host calls of one guest."""
        made: list[GuestNetwork] = []

        def handler(method: str) -> Handler:
            def handle(call: HostCall) -> Any:
                if not made:
                    from .broker import GuestNetwork

                    made.append(GuestNetwork(self._shared()))
                return getattr(made[0], method)(call)

            return handle

        return {name: handler(method) for name, method in _CALLS.items()}

    def attempts(self) -> list[NetworkAttempt]:
        """What guests tried, oldest first."""
        with self._lock:
            made = self._made
        return [] if made is None else made.log.entries()

    def close(self) -> None:
        """Connections are their guests' to close. Idempotent."""
        with self._lock:
            made = self._made
        if made is not None:
            made.reaper.close()
