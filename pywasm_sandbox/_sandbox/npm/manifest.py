"""What is read of a package.json, or of a version in a registry's document: of whatever shape these are."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["PLATFORM", "Manifest"]

PLATFORM: Final = ("linux", "wasm32")
"""`process.platform` and `process.arch` of the guest."""
_BIN_NAME: Final = re.compile(r"[A-Za-z0-9_.@+-]*[A-Za-z0-9_+-][A-Za-z0-9_.@+-]*")
_INSTALL_SCRIPTS: Final = ("preinstall", "install", "postinstall")


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {name: text for name, text in value.items() if isinstance(name, str) and isinstance(text, str)}


def _list(value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [each for each in values if isinstance(each, str)]


def _suits(wanted: Any, own: str) -> bool:
    """Whether ``os`` or ``cpu`` of a package has this one: names, or names with ``!`` that are excluded."""
    words = _list(wanted)
    if f"!{own}" in words:
        return False
    positive = [word for word in words if not word.startswith("!")]
    return not positive or own in positive or "any" in positive


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of a package. ``tarball``, ``integrity`` and ``shasum`` are the registry's."""

    name: str
    version: str
    dependencies: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    peers: Mapping[str, str] = field(default_factory=dict)
    optional_peers: frozenset[str] = frozenset()
    bundled: frozenset[str] = frozenset()
    bins: Mapping[str, str] = field(default_factory=dict)
    suits: bool = True
    """Whether it is for the guest's platform."""
    has_scripts: bool = False
    deprecated: str | None = None
    tarball: str | None = None
    integrity: str | None = None
    shasum: str | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Manifest:
        """From JSON."""
        optional = _texts(raw.get("optionalDependencies"))
        meta = raw.get("peerDependenciesMeta")
        dist = raw.get("dist") if isinstance(raw.get("dist"), Mapping) else {}
        bundled = raw.get("bundleDependencies", raw.get("bundledDependencies"))
        dependencies = _texts(raw.get("dependencies"))
        deprecated = raw.get("deprecated")
        return cls(
            name=str(raw.get("name", "")),
            version=str(raw.get("version", "")),
            dependencies={name: text for name, text in dependencies.items() if name not in optional},
            optional=optional,
            peers=_texts(raw.get("peerDependencies")),
            optional_peers=frozenset(
                name
                for name, value in (meta.items() if isinstance(meta, Mapping) else ())
                if isinstance(value, Mapping) and value.get("optional") is True
            ),
            bundled=frozenset([*dependencies, *optional] if bundled is True else _list(bundled)),
            bins=_bins(raw),
            suits=_suits(raw.get("os"), PLATFORM[0]) and _suits(raw.get("cpu"), PLATFORM[1]),
            has_scripts=bool(raw.get("hasInstallScript"))
            or any(name in _texts(raw.get("scripts")) for name in _INSTALL_SCRIPTS),
            deprecated=deprecated if isinstance(deprecated, str) and deprecated else None,
            tarball=_text(dist, "tarball"),
            integrity=_text(dist, "integrity"),
            shasum=_text(dist, "shasum"),
        )


def _text(raw: Any, name: str) -> str | None:
    value = raw.get(name)
    return value if isinstance(value, str) else None


def _bins(raw: Mapping[str, Any]) -> dict[str, str]:
    """Commands by name, with their files; those that lead out of the package are left out."""
    given = raw.get("bin")
    name = str(raw.get("name", "")).rpartition("/")[2]
    named = {name: given} if isinstance(given, str) else _texts(given)
    bins = {}
    for command, path in named.items():
        command = command.rpartition("/")[2]
        target = posixpath.normpath(path.lstrip("/"))
        if (
            _BIN_NAME.fullmatch(command)
            and not target.startswith("..")
            and target != "."
            and "\0" not in path
        ):
            bins[command] = target
    return bins
