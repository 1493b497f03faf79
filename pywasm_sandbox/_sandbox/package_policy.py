"""What may be installed in a sandbox, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NpmPolicy", "PackagePolicy"]


@dataclass(frozen=True, slots=True)
class PackagePolicy:
    """What may be installed, and from where.

    ``allow``: names of packages, dependencies included; None for any. ``index``: URL of a package index (PEP
    503); None for PyPI, unless there is a ``wheelhouse``: a folder of the host with wheels, which needs no
    network. ``code_may_use``: URLs of further indexes that code in the sandbox may name (``pip install
    --index-url``, ``--extra-index-url``). ``require_hashes``: each requirement, dependencies included, has
    ``--hash`` (in a requirements file). ``max_bytes``: what one installation may unpack (256 MiB).
    ``timeout``: its seconds (120).
    """

    allow: Sequence[str] | None = None
    index: str | None = None
    wheelhouse: str | Path | None = None
    code_may_use: Sequence[str] = ()
    require_hashes: bool = False
    max_bytes: int = 256 << 20
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class NpmPolicy:
    """What ``npm install`` may install, and from where.

    ``allow``: names of packages, dependencies included; None for any. ``registry``: URL of a registry; None
    for npm's own, unless there is a ``folder``: one of the host with tarballs (``npm pack``), which needs no
    network. ``max_bytes``: what one installation may unpack (256 MiB). ``max_packages``: how many packages a
    project may have (2,000). ``timeout``: seconds of one installation (120).
    """

    allow: Sequence[str] | None = None
    registry: str | None = None
    folder: str | Path | None = None
    max_bytes: int = 256 << 20
    max_packages: int = 2000
    timeout: float = 120.0
