"""The POSIX operations on names, over path resolution: what the descriptors of a guest are built from."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

from pywasm_sandbox._vfs.api import DirEntry, Errno, File, FileType, Stat, VfsError
from pywasm_sandbox._vfs.paths import SYMLINK_HOPS_MAX, check_target, normalise_text, shorten
from pywasm_sandbox._vfs.resolver import Location, Mount, Parent, Resolver

_DIRECTORY = FileType.DIRECTORY
_REGULAR = FileType.REGULAR
_SYMLINK = FileType.SYMLINK
_MOUNT_COOKIE = 1 << 62
"""Cookies of mount points in listings start here; those of filesystems stay below."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Opened(NamedTuple):
    """What `open` gives: `file` is None for a directory; `created` says that the file is new."""

    location: Location
    file: File | None
    created: bool


def _names_path(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let errors name the path that the caller gave, not the last name that a filesystem saw.

    For methods whose arguments begin with (self, start, path).
    """

    @wraps(method)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(*args, **kwargs)
        except VfsError as error:
            path = args[2] if len(args) > 2 else kwargs["path"]
            assert isinstance(path, str | bytes)
            error.path = _shown(path)
            raise

    return call


class Operations(Resolver):
    """Each operation takes a start and a path relative to it (or absolute), and is one step for others."""

    # -- reading -------------------------------------------------------------------------------------------

    def stat(self, start: Location, path: str | bytes, follow: bool = True) -> Stat:
        """The attributes of what `path` names; of a symlink itself if not `follow`."""
        mount, node, _ = self.resolve(start, path, follow)
        return Stat(mount.id, *mount.fs.stat(node)[1:])

    def stat_of(self, location: Location, file: File | None = None) -> Stat:
        """The attributes of an open descriptor: pass the `File` if there is one, its name may be gone."""
        attributes = location.mount.fs.stat(location.node) if file is None else file.stat()
        return Stat(location.mount.id, *attributes[1:])

    def readlink(self, start: Location, path: str | bytes) -> str:
        """The target of the symlink at `path`. Errors: `EINVAL` if it is something else."""
        mount, node, kind = self.resolve(start, path, False)
        if kind is not _SYMLINK:
            raise VfsError(Errno.EINVAL, _shown(path), "not a symlink")
        return normalise_text(mount.fs.readlink(node))

    def readdir(self, directory: Location, cookie: int = 0) -> list[DirEntry[Any]]:
        """The entries after `cookie` in cookie order, mount points included, `.` and `..` not.

        The list is the caller's to keep; see `FileSystem.readdir`. Errors: `ENOTDIR`, `ENOENT` (removed).
        """
        mount, node, kind = directory
        if kind is not _DIRECTORY:
            raise VfsError(Errno.ENOTDIR)
        entries = mount.fs.readdir(node, cookie)
        if not mount.covered:
            return entries
        with self.lock:
            inside = {name: child for (where, name), child in mount.covered.items() if where == node}
        if not inside:
            return entries
        entries = [entry for entry in entries if entry.name not in inside]
        for name, child in inside.items():
            if _MOUNT_COOKIE + child.id > cookie:
                inode = child.fs.stat(child.root_node).inode
                entries.append(DirEntry(name, child.root_node, _DIRECTORY, inode, _MOUNT_COOKIE + child.id))
        return entries

    # -- opening -------------------------------------------------------------------------------------------

    def open(
        self,
        start: Location,
        path: str | bytes,
        *,
        write: bool = False,
        create: bool = False,
        exclusive: bool = False,
        truncate: bool = False,
        directory: bool = False,
        follow: bool = True,
        mode: int = 0o666,
    ) -> Opened:
        """Open a file, or find a directory, as POSIX `open` does; the flags are `O_CREAT`, `O_EXCL`, ….

        `truncate` needs `write` (`EINVAL`). `create` follows a dangling symlink and makes its target, unless
        `exclusive` (`EEXIST`) or not `follow` (`ELOOP`). Reading is always allowed.
        Errors: as `resolve`; `EISDIR` a directory with `write` or `create`; `ENOTDIR` with `directory`;
        `ELOOP` a symlink and not `follow`; `EROFS`; `ENOSPC`; `EACCES` a special file of a host.
        """
        if (truncate and not write) or (create and directory):
            raise VfsError(Errno.EINVAL, _shown(path), "flags of open that exclude each other")
        if create:
            with self.lock:
                return self._open_creating(start, path, write, exclusive, truncate, follow, mode)
        location = self.resolve(start, path, follow)
        return self._open_existing(location, path, write, truncate, directory)

    @staticmethod
    def _open_existing(
        location: Location, path: str | bytes, write: bool, truncate: bool, directory: bool
    ) -> Opened:
        mount, node, kind = location
        if kind is _DIRECTORY:
            if write:
                raise VfsError(Errno.EISDIR, _shown(path))
            return Opened(location, None, False)
        if directory:
            raise VfsError(Errno.ENOTDIR, _shown(path))
        if kind is _SYMLINK:
            raise VfsError(Errno.ELOOP, _shown(path), "a symlink, and following was not asked for")
        if write and mount.read_only:
            raise VfsError(Errno.EROFS, _shown(path))
        try:
            file = mount.fs.open(node, write)
        except VfsError as error:
            error.path = _shown(path)
            raise
        if truncate:
            try:
                file.truncate(0)
            except VfsError:
                file.close()
                raise
        return Opened(location, file, False)

    @_names_path
    def _open_creating(
        self,
        start: Location,
        path: str | bytes,
        write: bool,
        exclusive: bool,
        truncate: bool,
        follow: bool,
        mode: int,
    ) -> Opened:
        for _ in range(SYMLINK_HOPS_MAX + 1):
            parent = self.resolve_parent(start, path)
            if parent.name in ("", ".", ".."):
                raise VfsError(Errno.EEXIST if exclusive else Errno.EISDIR)
            found = self._child(parent.directory, parent.name)
            if parent.slash:
                raise VfsError(Errno.EISDIR)
            if found is not None and exclusive:
                raise VfsError(Errno.EEXIST)
            if found is not None and found.type is _DIRECTORY:
                raise VfsError(Errno.EISDIR)
            if found is None:
                mount = _writable(parent.directory.mount)
                node = mount.fs.create(parent.directory.node, parent.name, mode)
                location = Location(mount, node, _REGULAR)
                return Opened(location, mount.fs.open(node, write), True)
            if found.type is not _SYMLINK or not follow:
                return self._open_existing(found, path, write, truncate, False)
            start, path = parent.directory, found.mount.fs.readlink(found.node)
        raise VfsError(Errno.ELOOP)

    # -- changing ------------------------------------------------------------------------------------------

    @_names_path
    def mkdir(self, start: Location, path: str | bytes, mode: int = 0o777) -> Location:
        """Make a directory. Errors: `EEXIST` (a dangling symlink too), `ENOENT` above, `EROFS`, `ENOSPC`."""
        with self.lock:
            parent = self.resolve_parent(start, path)
            mount = self._place_for_new(parent, directory=True)
            node = mount.fs.mkdir(parent.directory.node, parent.name, mode)
            return Location(mount, node, _DIRECTORY)

    @_names_path
    def symlink(self, start: Location, path: str | bytes, target: str | bytes) -> None:
        """Make a symlink at `path` to `target`. Errors: as `mkdir`; `ENOENT` an empty target or `path` with a
        trailing slash; `ENAMETOOLONG` a target of 4096 bytes or more."""
        text = normalise_text(target)
        check_target(text)
        with self.lock:
            parent = self.resolve_parent(start, path)
            mount = self._place_for_new(parent)
            mount.fs.symlink(parent.directory.node, parent.name, text)

    @_names_path
    def link(
        self,
        start: Location,
        path: str | bytes,
        new_start: Location,
        new_path: str | bytes,
        follow: bool = False,
    ) -> None:
        """Give the file at `path` the name `new_path` too.

        Errors: `EPERM` a directory, `EXDEV` another mount, `EEXIST`, `ENOENT`, `EROFS`.
        """
        with self.lock:
            source = self.resolve(start, path, follow)
            parent = self.resolve_parent(new_start, new_path)
            mount = self._place_for_new(parent)
            if source.mount is not mount:
                raise VfsError(Errno.EXDEV)
            if source.type is _DIRECTORY:
                raise VfsError(Errno.EPERM, detail="a directory has one name")
            mount.fs.link(source.node, parent.directory.node, parent.name)

    @_names_path
    def unlink(self, start: Location, path: str | bytes) -> None:
        """Remove a name. Errors: `EISDIR`, `ENOENT`, `ENOTDIR` (`file/`), `EROFS`."""
        with self.lock:
            parent = self.resolve_parent(start, path)
            if parent.name in ("", ".", ".."):
                raise VfsError(Errno.EISDIR)
            found = self._present(parent)
            if found.type is _DIRECTORY:
                raise VfsError(Errno.EISDIR)
            if parent.slash:
                raise VfsError(Errno.ENOTDIR)
            _writable(found.mount).fs.unlink(parent.directory.node, parent.name)

    @_names_path
    def rmdir(self, start: Location, path: str | bytes) -> None:
        """Remove an empty directory.

        Errors: `ENOTEMPTY`, `ENOTDIR`, `ENOENT`, `EINVAL` (`.`), `EROFS`, `EBUSY` a mount point or a
        directory with one inside.
        """
        with self.lock:
            parent = self.resolve_parent(start, path)
            if parent.name in ("", ".", ".."):
                raise VfsError({"": Errno.EBUSY, ".": Errno.EINVAL, "..": Errno.ENOTEMPTY}[parent.name])
            found = self._present(parent)
            if found.type is not _DIRECTORY:
                raise VfsError(Errno.ENOTDIR)
            self._check_not_busy(found, parent)
            _writable(found.mount).fs.rmdir(parent.directory.node, parent.name)

    @_names_path
    def rename(self, start: Location, path: str | bytes, new_start: Location, new_path: str | bytes) -> None:
        """Move, replacing a file by a file or an empty directory by a directory.

        Errors: those of `FileSystem.rename`; `EXDEV` between mounts; `EBUSY` mount points, directories with
        one inside, `.` and `..`; `ENOTDIR` a trailing slash on what is not a directory; `EROFS`.
        """
        with self.lock:
            old = self.resolve_parent(start, path)
            new = self.resolve_parent(new_start, new_path)
            if old.directory.mount is not new.directory.mount:
                raise VfsError(Errno.EXDEV)
            if old.name in ("", ".", "..") or new.name in ("", ".", ".."):
                raise VfsError(Errno.EBUSY)
            source = self._present(old)
            if source.type is not _DIRECTORY and (old.slash or new.slash):
                raise VfsError(Errno.ENOTDIR)
            self._check_not_busy(source, old)
            target = self._child(new.directory, new.name)
            if target is not None:
                self._check_not_busy(target, new)
            fs = _writable(old.directory.mount).fs
            fs.rename(old.directory.node, old.name, new.directory.node, new.name)

    @_names_path
    def set_times(
        self,
        start: Location,
        path: str | bytes,
        atime_ns: int | None,
        mtime_ns: int | None,
        follow: bool = True,
    ) -> None:
        """Set the times that are not None. Errors: `EROFS`, as `resolve`."""
        self.set_times_of(self.resolve(start, path, follow), atime_ns, mtime_ns)

    def set_times_of(
        self, location: Location, atime_ns: int | None, mtime_ns: int | None, file: File | None = None
    ) -> None:
        """As `set_times`, of an open descriptor."""
        _writable(location.mount)
        if file is None:
            location.mount.fs.set_times(location.node, atime_ns, mtime_ns)
        else:
            file.set_times(atime_ns, mtime_ns)

    @_names_path
    def set_mode(self, start: Location, path: str | bytes, mode: int, follow: bool = True) -> None:
        """Set the permission bits. Errors: `EROFS`, as `resolve`."""
        location = self.resolve(start, path, follow)
        _writable(location.mount).fs.set_mode(location.node, mode)

    @_names_path
    def truncate(self, start: Location, path: str | bytes, size: int) -> None:
        """Set the size of the file at `path`. Errors: `EISDIR`, `EROFS`, `ENOSPC`, `EFBIG`, `EINVAL`."""
        location = self.resolve(start, path)
        if location.type is _DIRECTORY:
            raise VfsError(Errno.EISDIR)
        _writable(location.mount).fs.truncate(location.node, size)

    # -- checks --------------------------------------------------------------------------------------------

    def _present(self, parent: Parent) -> Location:
        found = self._child(parent.directory, parent.name)
        if found is None:
            raise VfsError(Errno.ENOENT)
        return found

    def _place_for_new(self, parent: Parent, directory: bool = False) -> Mount:
        """The mount in which `parent.name` can be made."""
        if parent.name in ("", ".", "..") or self._child(parent.directory, parent.name) is not None:
            raise VfsError(Errno.EEXIST)
        if parent.slash and not directory:
            raise VfsError(Errno.ENOENT, detail="only a directory's name can end in a slash")
        return _writable(parent.directory.mount)

    @staticmethod
    def _check_not_busy(found: Location, parent: Parent) -> None:
        if found.mount is not parent.directory.mount or found.node in found.mount.pinned:
            raise VfsError(Errno.EBUSY, detail="a mount point, or one is inside")


def _writable(mount: Mount) -> Mount:
    if mount.read_only:
        raise VfsError(Errno.EROFS)
    return mount


def _shown(path: str | bytes) -> str:
    return shorten(path if isinstance(path, str) else path.decode("utf-8", "backslashreplace"))
