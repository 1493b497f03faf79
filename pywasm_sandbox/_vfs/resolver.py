"""The mount table and the resolution of paths to `Location`s.

Everything stays below the root by construction: `..` of the root is the root, an absolute symlink starts
again at the root, and a filesystem is only ever asked for one name in one of its own directories.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from pywasm_sandbox._vfs.api import AnyFileSystem, Errno, FileType, VfsError
from pywasm_sandbox._vfs.paths import (
    SYMLINK_HOPS_MAX,
    check_name_length,
    decode_path,
    normalise_text,
    shorten,
)

_DIRECTORY = FileType.DIRECTORY
_SYMLINK = FileType.SYMLINK


class Mount:
    """A filesystem at its place in a `Namespace`. `id` is the device number of everything in it.

    `covered` maps (directory node, name) to the mount that hides whatever that name is; `pinned` holds the
    directories on the way to those mount points, which cannot be moved or removed.
    """

    __slots__ = ("above", "covered", "fs", "id", "lookup", "name", "path", "pinned", "read_only", "root_node")

    def __init__(
        self, id: int, path: str, fs: AnyFileSystem, read_only: bool, above: Location | None, name: str
    ) -> None:
        self.id = id
        self.path = path
        self.fs = fs
        self.read_only = read_only or fs.read_only
        self.lookup = fs.lookup
        self.root_node: Any = fs.root
        self.above = above
        self.name = name
        self.covered: dict[tuple[Any, str], Mount] = {}
        self.pinned: set[Any] = set()

    def __repr__(self) -> str:
        return f"<Mount {self.id} {self.path!r} {type(self.fs).__name__}{' ro' if self.read_only else ''}>"


class Location(NamedTuple):
    """A node in a mount: what a path resolved to. A plain value, cheap to keep in a table of descriptors.

    It stays valid when names change. It does not keep a removed file alive: an open `File` does that.
    """

    mount: Mount
    node: Any
    type: FileType


class Parent(NamedTuple):
    """A path resolved up to its last name. `name` is "" for the root itself; it may be `.` or `..`.

    `slash` says that the path ended in `/`.
    """

    directory: Location
    name: str
    slash: bool


class Resolver:
    """Mounts, and paths to locations. `lock` is held for every operation on names; it is reentrant."""

    def __init__(self, root: AnyFileSystem) -> None:
        self.lock = threading.RLock()
        top = Mount(1, "/", root, False, None, "")
        self._next_mount_id = 2
        self._mounts: dict[int, Mount] = {1: top}
        self.root = Location(top, top.root_node, _DIRECTORY)
        """The location of `/`."""

    # -- paths ---------------------------------------------------------------------------------------------

    def resolve(self, start: Location, path: str | bytes, follow_last: bool = True) -> Location:
        """What `path` names, from `start` (from the root if it is absolute).

        A symlink in the last place is followed if `follow_last` or if a `/` comes after it.
        Errors: `ENOENT`, `ENOTDIR`, `ELOOP` (more than 40 symlinks), `ENAMETOOLONG`, `EINVAL` (NUL),
        `EILSEQ`.
        """
        text = decode_path(path)
        if text[0] == "/":
            start = self.root
        with self.lock:
            return self._descend(start, text.split("/"), follow_last, text)

    def resolve_parent(self, start: Location, path: str | bytes) -> Parent:
        """The directory that `path`'s last name is in, and that name, which need not exist.

        Errors: as `resolve`, about the part before the last name.
        """
        text = decode_path(path)
        if text[0] == "/":
            start = self.root
        parts = text.split("/")
        slash = not parts[-1]
        while parts and not parts[-1]:
            parts.pop()
        with self.lock:
            if not parts:
                return Parent(self.root, "", slash)
            name = parts.pop()
            if len(name) > 63:
                check_name_length(name)
            directory = self._descend(start, parts, True, text)
        if directory.type is not _DIRECTORY:
            raise VfsError(Errno.ENOTDIR, shorten(text))
        return Parent(directory, name, slash)

    def _descend(self, start: Location, parts: list[str], follow_last: bool, path: str) -> Location:
        """Walk `parts` from `start`. `path` is the caller's, for error messages. The lock is held."""
        mount, node, kind = start
        hops = 0
        index = 0
        end = len(parts)
        while index < end:
            name = parts[index]
            index += 1
            if kind is not _DIRECTORY:
                raise VfsError(Errno.ENOTDIR, shorten(path))
            if not name or name == ".":
                continue
            if name == "..":
                mount, node = self._up(mount, node)
                continue
            if mount.covered:
                child = mount.covered.get((node, name))
                if child is not None:
                    mount = child
                    node = child.root_node
                    continue
            if len(name) > 63:
                check_name_length(name)
            entry = mount.lookup(node, name)
            if entry is None:
                raise VfsError(Errno.ENOENT, shorten(path))
            kind = entry[2]
            if kind is not _SYMLINK or (index == end and not follow_last):
                node = entry[1]
                continue
            hops += 1
            if hops > SYMLINK_HOPS_MAX:
                raise VfsError(Errno.ELOOP, shorten(path))
            target = normalise_text(mount.fs.readlink(entry[1]))
            if target.startswith("/"):
                mount, node, kind = self.root
            else:
                kind = _DIRECTORY
            parts = target.split("/") + parts[index:]
            index = 0
            end = len(parts)
        return Location(mount, node, kind)

    @staticmethod
    def _up(mount: Mount, node: Any) -> tuple[Mount, Any]:
        """The directory above a directory; the root is above itself."""
        if node != mount.root_node:
            return mount, mount.fs.parent(node)
        if mount.above is None:
            return mount, node
        return mount.above.mount, mount.above.node

    def _child(self, directory: Location, name: str) -> Location | None:
        """What `name` is in `directory`, a mount point or an entry, not followed; None if it is not there."""
        mount, node, _ = directory
        if mount.covered:
            child = mount.covered.get((node, name))
            if child is not None:
                return Location(child, child.root_node, _DIRECTORY)
        entry = mount.lookup(node, name)
        return None if entry is None else Location(mount, entry.node, entry.type)

    def path_of(self, directory: Location) -> str:
        """The absolute path of a directory, without symlinks. Errors: `ENOTDIR`, `ENOENT` removed."""
        if directory.type is not _DIRECTORY:
            raise VfsError(Errno.ENOTDIR)
        names: list[str] = []
        mount, node, _ = directory
        with self.lock:
            while True:
                if node == mount.root_node:
                    if mount.above is None:
                        return "/" + "/".join(reversed(names))
                    names.append(mount.name)
                    mount, node, _ = mount.above
                    continue
                holder = mount.fs.parent(node)
                for entry in mount.fs.readdir(holder):
                    if entry.node == node:
                        names.append(entry.name)
                        break
                else:
                    raise VfsError(Errno.ENOENT)
                node = holder

    # -- mounts --------------------------------------------------------------------------------------------

    @property
    def mounts(self) -> list[Mount]:
        """All mounts, the root first, in the order in which they were made."""
        with self.lock:
            return list(self._mounts.values())

    def mount(self, path: str, fs: AnyFileSystem, read_only: bool = False, *, look: bool = True) -> Mount:
        """Put `fs` at the absolute `path`, hiding what is there. `read_only` denies writes to a writable one.

        The directory above must exist; the name itself need not. Without `look` its filesystem is not asked
        what that is, for one whose first answer takes long. Errors: `EINVAL` a relative path, `EBUSY`
        already a mount point (`/` is one), `ENOTDIR` something other than a directory is there.
        """
        if not path.startswith("/"):
            raise VfsError(Errno.EINVAL, path, "a mount needs an absolute path")
        with self.lock:
            directory, name, _ = self.resolve_parent(self.root, path)
            if name in ("", ".", ".."):
                errno = Errno.EINVAL if name else Errno.EBUSY
                raise VfsError(errno, path, "not a place for a mount")
            if (directory.node, name) in directory.mount.covered:
                raise VfsError(Errno.EBUSY, path, "something is mounted there")
            present = directory.mount.lookup(directory.node, name) if look else None
            if present is not None and present.type is not _DIRECTORY:
                raise VfsError(Errno.ENOTDIR, path, "only a directory can be hidden by a mount")
            above = self.path_of(directory)
            full = (above if above != "/" else "") + "/" + name
            mount = Mount(self._next_mount_id, full, fs, read_only, directory, name)
            self._next_mount_id += 1
            self._mounts[mount.id] = mount
            directory.mount.covered[directory.node, name] = mount
            self._pin(directory.mount)
            return mount

    def unmount(self, path: str) -> AnyFileSystem:
        """Take the mount at `path` away and return its filesystem, not closed. Open files stay usable.

        Errors: `EINVAL` not a mount point, `EBUSY` the root, or something is mounted inside.
        """
        with self.lock:
            location = self.resolve(self.root, path)
            mount = location.mount
            if location.node != mount.root_node:
                raise VfsError(Errno.EINVAL, path, "nothing is mounted there")
            if mount.above is None or mount.covered:
                raise VfsError(Errno.EBUSY, path, "it is the root, or other mounts are inside")
            above = mount.above
            del above.mount.covered[above.node, mount.name]
            del self._mounts[mount.id]
            self._pin(above.mount)
            return mount.fs

    @staticmethod
    def _pin(mount: Mount) -> None:
        pinned: set[Any] = set()
        for node, _ in mount.covered:
            while node != mount.root_node:
                pinned.add(node)
                node = mount.fs.parent(node)
        mount.pinned = pinned
