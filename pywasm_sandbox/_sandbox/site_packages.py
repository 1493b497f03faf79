"""The packages that were installed into a sandbox's files: which there are, and their replacement."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence, Set
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._guests.hostcalls import HostCallInterrupted
from pywasm_sandbox._guests.tree import USER_BASE, USER_SITE
from pywasm_sandbox._vfs.api import FileType, VfsError
from pywasm_sandbox.errors import PackageInstallError

from .replacement import Replacement

if TYPE_CHECKING:
    from pywasm_sandbox._vfs.namespace import Namespace

    from .wheel_files import Wheel

__all__ = ["SitePackages", "normal"]

_CACHE_TAG: Final = "cpython-314"
_LEVELS: Final = ("", ".opt-1", ".opt-2")
_REMOVABLE: Final = (f"{USER_SITE}/", f"{USER_BASE}/bin/", f"{USER_BASE}/share/", f"{USER_BASE}/include/")
_FOLDERS: Final = (USER_BASE, *(path.rstrip("/") for path in _REMOVABLE))


def normal(name: str) -> str:
    """A package's name as comparisons need it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class SitePackages:
    """Those of one sandbox. They are replaced as a whole: whoever looks sees the old ones or the new ones."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def installed(self) -> dict[str, str]:
        """Name → version of what was installed, without what is bundled."""
        return {name: version for name, version, _ in self._records()}

    def _records(self) -> Iterator[tuple[str, str, str]]:
        """Name, version and ``.dist-info`` folder of each."""
        if self._namespace.exists(USER_SITE):
            for entry in self._namespace.list_directory(USER_SITE):
                match = re.fullmatch(r"(.+?)-([^-]+)\.dist-info", entry.name)
                if match:
                    yield normal(match[1]), match[2], f"{USER_SITE}/{entry.name}"

    def install(self, names: Set[str], wheels: Sequence[Wheel], check: Callable[[], None]) -> None:
        """Write wheels, in place of packages of these names; ``check`` raises to end it.

        Raises `PackageInstallError`; whatever is raised, what was there stays.
        """
        try:
            with Replacement(self._namespace, _FOLDERS) as files:
                for wheel in wheels:
                    check()
                    wheel.write(files)
                files.apply(lambda: self._files_of(names))
        except (PackageInstallError, HostCallInterrupted):
            raise
        except VfsError as error:
            raise PackageInstallError(
                f"the packages don't fit into the sandbox's files: {error}{self._what_stays(names)}"
            ) from error
        except Exception as error:  # of installer, at what only it looks at
            raise PackageInstallError(f"the packages can't be installed: {error}") from error

    def uninstall(self, name: str) -> bool:
        """Remove a package's files as its RECORD lists them; whether it was there.

        Raises `PackageInstallError` if one can't be removed: then all of them stay.
        """
        if normal(name) not in self.installed():
            return False
        try:
            with Replacement(self._namespace, _FOLDERS) as files:
                files.apply(lambda: self._files_of({normal(name)}))
        except VfsError as error:
            raise PackageInstallError(f"{name} can't be removed, and stays: {error}") from error
        return True

    def _files_of(self, names: Set[str]) -> Iterator[str]:
        """The files of installed packages, and their ``.dist-info`` folders."""
        for found, _, folder in list(self._records()):
            if found in names:
                yield from self._recorded(folder)
                yield folder

    def _recorded(self, folder: str) -> Iterator[str]:
        record = f"{folder}/RECORD"
        if not self._namespace.exists(record):
            return
        for line in self._namespace.read_bytes(record).decode("utf-8", "replace").splitlines():
            name = line.split(",")[0].strip('"')
            # A RECORD may lie: nothing outside of the folders of packages is touched, and files only.
            path = posixpath.normpath(f"{USER_SITE}/{name}")
            if name and path.startswith(_REMOVABLE) and not path.startswith(f"{folder}/"):
                yield from filter(self._is_file, (path, *_compiled(path)))

    def _is_file(self, path: str) -> bool:
        namespace = self._namespace
        return (
            namespace.exists(path, follow=False)
            and namespace.resolve(namespace.root, path, False).type is not FileType.DIRECTORY
        )

    def _what_stays(self, names: Set[str]) -> str:
        stays = [f"{name} {version}" for name, version in self.installed().items() if name in names]
        return f"; what was installed stays: {', '.join(stays)}" if stays else ""


def _compiled(path: str) -> list[str]:
    """Where Python code's byte code is."""
    if not path.endswith(".py"):
        return []
    folder, name = posixpath.split(path)
    return [f"{folder}/__pycache__/{name.removesuffix('.py')}.{_CACHE_TAG}{level}.pyc" for level in _LEVELS]
