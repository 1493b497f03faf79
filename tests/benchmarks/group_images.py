"""Images, forks and snapshots."""

from __future__ import annotations

from . import bench_images
from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample

__all__ = ["run"]

TARGETS = {
    "new context and its first cell": Target(1.5),
    "first fork of a context with a 100 MB array": Target(10),
    "snapshot and restore of a small context": Target(10),
    "idle memory of a context": Target(0.3),
}


def run(settings: Settings) -> Group:
    rows = [
        Row(name, unit, Sample.of([value]), target=TARGETS.get(name))
        for name, value, unit in bench_images.run()
    ]
    return Group("Images, forks and snapshots (medians)", rows)
