"""The files of side modules, as the loader sees them.

A package's extension modules often need the same large library: it would be read and hashed for each of them.
What is in a filesystem that never changes is hashed once in a process, and read when it has to be compiled.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from pywasm_sandbox._vfs.api import AnyFileSystem, VfsError

from .failures import DlError

if TYPE_CHECKING:
    from pywasm_sandbox._vfs.namespace import Namespace

__all__ = ["LibraryFile", "find_library"]

_digests: Final[WeakKeyDictionary[AnyFileSystem, dict[Any, str]]] = WeakKeyDictionary()
"""By filesystem and node, of the filesystems that never change."""


class LibraryFile(NamedTuple):
    """A library at its absolute ``path``. ``foreign``: the guest may have written it. ``read`` gives its
    bytes and raises `DlError` if they are not those any more that have this hash."""

    path: str
    sha256: str
    size: int
    foreign: bool
    read: Callable[[], bytes]

    def expect(self, sha256: str, name: str) -> LibraryFile:
        """Itself. Raises `DlError`, in which it is called ``name``, if its hash is another one."""
        if self.sha256 != sha256:
            raise DlError(f"{name}: is another library than the one that was loaded")
        return self


def find_library(namespace: Namespace, path: str, folders: Sequence[str], limit: int) -> LibraryFile:
    """The library at ``path``, or in the first of the folders that has one of this name. Raises `DlError`,
    also for one of more than ``limit`` bytes."""
    if "/" not in path:
        candidates = [posixpath.join(folder, path) for folder in folders]
        path = next((candidate for candidate in candidates if namespace.exists(candidate)), path)
    return _look(namespace, path, limit)


def _look(namespace: Namespace, path: str, limit: int, *, afresh: bool = False) -> LibraryFile:
    """The file's content is read unless its hash is known, or at any rate ``afresh``."""
    try:
        opened = namespace.open(namespace.root, posixpath.join("/", path))
        if opened.file is None:
            raise DlError(f"{path}: is a directory")
        try:
            mount, size = opened.location.mount, opened.file.size
            if size > limit:
                raise DlError(f"{path}: has {size} bytes, more than the limit of {limit}")
            known = _digests.setdefault(mount.fs, {}) if mount.fs.immutable else {}
            sha256 = None if afresh else known.get(opened.location.node)
            if sha256 is not None:
                read = _later(namespace, path, limit, sha256)
            else:
                data = bytes(opened.file.pread(size, 0))
                sha256 = known[opened.location.node] = hashlib.sha256(data).hexdigest()
                read = lambda: data  # noqa: E731
        finally:
            opened.file.close()
    except VfsError as error:
        raise DlError(f"{path}: cannot be opened: {error.errno.value}") from error
    foreign = not (mount.read_only or mount.fs.read_only)
    return LibraryFile(posixpath.normpath(posixpath.join("/", path)), sha256, size, foreign, read)


def _later(namespace: Namespace, path: str, limit: int, sha256: str) -> Callable[[], bytes]:
    return lambda: _look(namespace, path, limit, afresh=True).expect(sha256, path).read()
