"""Images, forks and snapshots."""

from __future__ import annotations

import statistics

from . import bench_images
from .interpreters import Peer
from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample

__all__ = ["run"]

TARGETS = {
    "new context and its first cell, standard library": Target(1.5),
    "new context and its first cell, with pandas and pyplot": Target(3),
    "process start to first result": Target(200),
    "first fork of a context with a 100 MB array": Target(10),
    "snapshot and restore of a small context": Target(10),
    "idle memory of a context": Target(0.3),
}


PEER_ROUNDS = 50


def run(settings: Settings) -> Group:
    peers = (
        {}
        if settings.peer is None
        else {"new context and its first cell, standard library": _peer_session_ms(settings.peer)}
    )
    rows = [
        Row(name, unit, Sample.of([value]), peer=peers.get(name), target=TARGETS.get(name))
        for name, value, unit in bench_images.run()
    ]
    return Group("Images, forks and snapshots (medians)", rows)


def _peer_session_ms(python: str) -> float:
    """A new session of the peer's and its first turn."""
    with Peer(python) as peer:
        return statistics.median(peer.run("session")[0] for _ in range(PEER_ROUNDS)) * 1e3
