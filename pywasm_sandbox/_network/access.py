"""What one connection is allowed: by its address, the names that were resolved to it, and what is said on
it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .addresses import Address, as_address, host_name
from .http import Denied, HttpFilter, RequestHead, StandIn
from .log import NetworkLog
from .policy import NetworkPolicy, Secret, Verdict, judge

__all__ = ["Access", "SecretInHand", "TlsDenied"]


class TlsDenied(Exception):
    """TLS to a host of this name is not allowed on the connection."""


@dataclass(frozen=True, slots=True)
class SecretInHand:
    """A secret, and what stands for it in a guest."""

    secret: Secret
    stand_in: str

    def replacement(self) -> StandIn:
        value = self.secret.value.encode("ascii")
        if self.secret.header is not None:
            return StandIn(value, header=self.secret.header.encode("ascii"))
        return StandIn(value, stand_in=self.stand_in.encode("ascii"))


class Access:
    """The allowed reasons of a connection to be there: names (None: the address itself), each with its
    verdict.

    An address may be that of several hosts. Which one is meant is known when TLS or a request names it; until
    then the connection is as free as the strictest of them.
    """

    def __init__(
        self,
        policy: NetworkPolicy,
        secrets: Sequence[SecretInHand],
        log: NetworkLog,
        address: Address,
        port: int,
        names: Iterable[str],
    ) -> None:
        self._policy = policy
        self._secrets = secrets
        self._log = log
        self.address = address
        self.port = port
        verdicts = {name: judge(policy, name, address, port) for name in (None, *names)}
        self._allowed = {name: verdict for name, verdict in verdicts.items() if verdict.allowed}
        denied = [verdict for verdict in verdicts.values() if not verdict.allowed]
        explicit = [verdict for verdict in denied if verdict.reason.startswith("denied")]
        # Who denies a host by name doesn't want it reached by another one.
        self.verdict: Verdict = [*explicit, *self._allowed.values(), *reversed(denied)][0]

    @property
    def name(self) -> str | None:
        """The name that stands for the connection in the log."""
        return next((name for name in self._allowed if name is not None), None)

    def plain_filter(self) -> HttpFilter | None:
        """What looks at the requests of a connection without TLS, if that is needed."""
        if self._policy.http_only or any(verdict.needs_http for verdict in self._allowed.values()):
            return HttpFilter(lambda head: self._check(head, None, ()))
        return None

    def enter_tls(self, server_name: str | None) -> tuple[HttpFilter | None, bool]:
        """TLS begins for a server of this name: what looks at its requests, and whether nothing but the
        host's own trust will do. Raises `TlsDenied`."""
        name = None if server_name is None or as_address(server_name) is not None else host_name(server_name)
        verdict = self._verdict(name)
        if verdict is None:
            reason = f"the connection is not allowed for a server of the name {server_name!r:.100}"
            self._log.add(
                "connect", False, reason, host=server_name, address=str(self.address), port=self.port
            )
            raise TlsDenied(reason)
        secrets = [
            each for each in self._secrets if name in self._allowed and name and each.secret.is_for(name)
        ]
        if not (verdict.needs_http or secrets or self._policy.http_only):
            return None, False
        replacements = [each.replacement() for each in secrets]
        return HttpFilter(lambda head: self._check(head, name, replacements)), bool(secrets)

    def _verdict(self, name: str | None) -> Verdict | None:
        return self._allowed.get(name) or self._allowed.get(None)

    def _check(
        self, head: RequestHead, server_name: str | None, replacements: Sequence[StandIn]
    ) -> Sequence[StandIn]:
        address = as_address(head.host)
        name = None if address is not None else host_name(head.host)
        verdict = None
        if (server_name is None or name == server_name) and (name is not None or address == self.address):
            verdict = self._verdict(name)
        if verdict is None:
            reason = f"the connection is not one to the host {head.host!r:.100}"
        elif not verdict.allows_method(head.method):
            verdict, reason = None, f"the rules don't allow {head.method} requests to {head.host}"
        else:
            reason = verdict.reason
        self._log.add(
            "request",
            verdict is not None,
            reason,
            host=head.host,
            address=str(self.address),
            port=self.port,
            method=head.method,
            target=head.target,
        )
        if verdict is None:
            raise Denied(reason)
        return replacements
