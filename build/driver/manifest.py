"""The archives a build starts from, as `manifest.toml` declares them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """One pinned source archive."""

    name: str
    version: str
    filename: str
    origin: str
    """`debian-source:<package>`, `debian-binary:<package>`, `pypi:<project>`, `npm:<package>` or
    `part-of:<archive>`."""
    sha256: str
    licence: str
    members: tuple[str, ...] = ()
    """For `part-of`: the folders of the other archive that this one consists of."""


def load_manifest(path: Path) -> dict[str, Archive]:
    """Read `manifest.toml`: archive name → `Archive`."""
    with path.open("rb") as file:
        document = tomllib.load(file)
    archives: dict[str, Archive] = {}
    for entry in document["archive"]:
        archive = Archive(**{**entry, "members": tuple(entry.get("members", ()))})
        if archive.name in archives:
            raise SystemExit(f"{path}: the archive {archive.name!r} is declared twice")
        archives[archive.name] = archive
    return archives
