"""Names of packages, which become paths and are checked, and what a requirement asks for."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pywasm_sandbox.errors import PackageInstallError

__all__ = ["Request", "check_name", "parse_request", "versions_of"]

_PART: Final = r"[A-Za-z0-9~_-][A-Za-z0-9._~-]*"
_NAME: Final = re.compile(rf"(?:@{_PART}/)?{_PART}")
_MAX_NAME: Final = 214
_MAX_RANGE: Final = 1024
_RESERVED: Final = frozenset({"node_modules", "favicon.ico"})
_PATH: Final = re.compile(r"^(?:file:|\.{0,2}/|\.{1,2}$|~/)|\.(?:tgz|tar\.gz|tar)$")
_REMOTE: Final = re.compile(r"^[a-z+]+:|^[^@/]+/[^/]+$|\.git$", re.IGNORECASE)


class Request(NamedTuple):
    """``name`` is that of the folder in ``node_modules``, ``package`` that of the registry; ``range`` has
    versions or a tag. A ``path`` is one in the sandbox's files, and then the names are the package's own."""

    name: str
    package: str
    range: str
    path: str | None = None


def check_name(name: str) -> str:
    """The name, if a package can have it. Raises `PackageInstallError`."""
    last = name.rpartition("/")[2]
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _MAX_NAME or last in _RESERVED:
        raise PackageInstallError(f"{name!r:.250} is not a name that a package can have")
    return name


def parse_request(text: str) -> Request:
    """A word of a command line: ``name``, ``name@range``, ``name@npm:other@range``, or a path.

    Raises `PackageInstallError`.
    """
    if _PATH.search(text) and not text.startswith("@"):
        return Request("", "", "", text.removeprefix("file:"))
    at = text.find("@", 1)
    name, asked = (text, "") if at < 0 else (text[:at], text[at + 1 :])
    if at < 0 and not text.startswith("@") and _REMOTE.search(text):
        raise _unsupported(text)
    return versions_of(check_name(name), asked)


def versions_of(name: str, asked: str) -> Request:
    """What ``"name": "asked"`` means in a manifest. Raises `PackageInstallError`."""
    if not isinstance(asked, str) or len(asked) > _MAX_RANGE:
        raise PackageInstallError(f"{name}: {asked!r:.100} is no range of versions")
    text = " ".join(asked.split())
    package = name
    if text.startswith("npm:"):
        target = text.removeprefix("npm:")
        at = target.find("@", 1)
        package, text = (target, "") if at < 0 else (target[:at], target[at + 1 :])
        check_name(package)
    elif _PATH.search(text):
        return Request(name, name, text, text.removeprefix("file:"))
    elif _REMOTE.search(text):
        raise _unsupported(f"{name}@{text}")
    return Request(name, package, text)


def _unsupported(text: str) -> PackageInstallError:
    return PackageInstallError(
        f"{text} is not a package of the registry: repositories, URLs and workspaces are not taken"
    )
