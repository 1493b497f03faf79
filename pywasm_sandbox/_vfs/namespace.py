"""`Namespace`: one tree out of several filesystems, as a guest and the files API see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pywasm_sandbox._vfs.api import AnyFileSystem, BytesLike, DirEntry, Errno, FileType, Stat, VfsError
from pywasm_sandbox._vfs.operations import Opened, Operations
from pywasm_sandbox._vfs.paths import PATH_MAX, byte_length
from pywasm_sandbox._vfs.resolver import Location, Mount, Parent

__all__ = ["Location", "Mount", "Namespace", "Opened", "Parent"]

_COPY_BYTES = 1 << 20


class Namespace(Operations):
    """A root filesystem and what is mounted on it. Thread-safe.

    Two kinds of methods: the operations of POSIX with a start `Location` and a path (`resolve`, `open`,
    `stat`, `rename`, …), which descriptors are built from, and conveniences on whole paths, which start at
    the root: `exists`, `read_bytes`, `write_bytes`, `make_directories`, `list_directory`, `walk`, `copy`,
    `remove_tree`. Both follow symlinks inside the namespace only.
    """

    # -- whole paths ---------------------------------------------------------------------------------------

    def exists(self, path: str | bytes, follow: bool = True) -> bool:
        """Whether `path` names something; a dangling symlink counts only if not `follow`."""
        try:
            self.resolve(self.root, path, follow)
        except VfsError as error:
            if error.errno in (Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENAMETOOLONG):
                return False
            raise
        return True

    def read_bytes(self, path: str | bytes, offset: int = 0, length: int | None = None) -> bytes:
        """The content of a file from `offset`, at most `length` bytes of it. Errors: as `open`; `EISDIR`."""
        opened = self.open(self.root, path)
        if opened.file is None:
            raise VfsError(Errno.EISDIR, _text(path))
        with_file = opened.file
        try:
            return with_file.pread(with_file.size if length is None else length, offset)
        finally:
            with_file.close()

    def write_bytes(
        self,
        path: str | bytes,
        data: BytesLike,
        *,
        mode: int = 0o666,
        append: bool = False,
        exclusive: bool = False,
        parents: bool = False,
    ) -> None:
        """Make `data` the content of the file at `path`, or add it at the end.

        `parents` makes the directories above it. `mode` is for a new file. On `ENOSPC` what fitted has been
        written. Errors: as `open`; `EEXIST` with `exclusive`.
        """
        if parents:
            self.make_directories(_directory_of(_text(path)))
        opened = self.open(
            self.root, path, write=True, create=True, exclusive=exclusive, truncate=not append, mode=mode
        )
        file = opened.file
        if file is None:
            raise VfsError(Errno.EISDIR, _text(path))
        try:
            rest = memoryview(data).cast("B")
            offset = 0
            while rest:
                if append:
                    _, count = file.append(rest)
                else:
                    count = file.pwrite(rest, offset)
                rest = rest[count:]
                offset += count
        except VfsError as error:
            error.path = _text(path)
            raise
        finally:
            file.close()

    def make_directories(self, path: str | bytes, mode: int = 0o777) -> Location:
        """Make `path` and what is missing above it; what exists stays.

        Errors: `ENOTDIR`, `EROFS`, `ENOSPC`.
        """
        text = _text(path)
        with self.lock:
            here = self.root
            for name in text.split("/"):
                if name in ("", "."):
                    continue
                try:
                    here = self.resolve(here, name)
                    missing = False
                except VfsError as error:
                    if error.errno is not Errno.ENOENT:
                        raise VfsError(error.errno, text) from None
                    missing = True
                if missing:
                    try:
                        here = self.mkdir(here, name, mode)
                    except VfsError as error:
                        raise VfsError(error.errno, text, error.detail) from None
                elif here.type is not FileType.DIRECTORY:
                    raise VfsError(Errno.ENOTDIR, text)
            return here

    def list_directory(self, path: str | bytes) -> list[DirEntry[Any]]:
        """The entries of a directory, in cookie order. Errors: as `resolve`, `ENOTDIR`."""
        location = self.resolve(self.root, path)
        if location.type is not FileType.DIRECTORY:
            raise VfsError(Errno.ENOTDIR, _text(path))
        return self.readdir(location)

    def walk(self, path: str | bytes) -> Iterator[tuple[str, Stat]]:
        """Everything below a directory: (path, attributes), each directory before what it holds.

        Paths begin with `path`. Symlinks are listed, not followed. What vanishes meanwhile is left out, and
        so is what has a path of more than `PATH_MAX` bytes, which nothing could be done with.
        Errors: as `resolve`, `ENOTDIR`, at the first step.
        """
        top = _text(path)
        start = self.resolve(self.root, path)
        if start.type is not FileType.DIRECTORY:
            raise VfsError(Errno.ENOTDIR, top)
        pending: list[tuple[str, Location, Iterator[DirEntry[Any]]]] = []
        pending.append((top.rstrip("/") + "/", start, iter(self.readdir(start))))
        while pending:
            prefix, here, entries = pending[-1]
            entry = next(entries, None)
            if entry is None:
                pending.pop()
                continue
            try:
                inner = prefix + entry.name
                if len(inner) * 4 > PATH_MAX and byte_length(inner) > PATH_MAX:
                    continue
                with self.lock:
                    child = self._child(here, entry.name)
                    if child is None:
                        continue
                    attributes = self.stat_of(child)
                    inside = self.readdir(child) if child.type is FileType.DIRECTORY else None
            except VfsError as error:
                if error.errno is not Errno.ENOENT:
                    raise
                continue
            yield inner, attributes
            if inside is not None:
                pending.append((inner + "/", child, iter(inside)))

    def copy(self, source: str | bytes, target: str | bytes, parents: bool = False) -> int:
        """Copy the content of a file over the file `target`, made if missing; the number of bytes copied.

        Errors: as `open`; `EISDIR`; `EINVAL` if both are one file.
        """
        opened = self.open(self.root, source)
        if opened.file is None:
            raise VfsError(Errno.EISDIR, _text(source))
        reader = opened.file
        try:
            if parents:
                self.make_directories(_directory_of(_text(target)))
            if self.exists(target) and self.resolve(self.root, target)[:2] == opened.location[:2]:
                raise VfsError(Errno.EINVAL, _text(target), "a file cannot be copied over itself")
            self.write_bytes(target, b"", mode=self.stat_of(opened.location, reader).mode)
            # No further than the size at the start: a file may grow while it is copied, a device has no end.
            offset, size = 0, reader.size
            while data := reader.pread(min(_COPY_BYTES, size - offset), offset):
                self.write_bytes(target, data, append=True)
                offset += len(data)
            return offset
        finally:
            reader.close()

    def remove_tree(self, path: str | bytes) -> None:
        """Remove a file, a symlink, or a directory with everything in it, as one step for other users.

        Errors: `ENOENT`; `EBUSY` the root, or a mount point is inside (checked before anything is removed);
        `EROFS`.
        """
        with self.lock:
            top = self.resolve(self.root, path, False)
            if top.type is not FileType.DIRECTORY:
                self.unlink(self.root, path)
                return
            if top.node == top.mount.root_node or top.node in top.mount.pinned:
                raise VfsError(Errno.EBUSY, _text(path), "a mount point, or one is inside")
            if top.mount.read_only:
                raise VfsError(Errno.EROFS, _text(path))
            try:
                self._empty(top)
                self.rmdir(self.root, path)
            except VfsError as error:
                error.path = _text(path)
                raise

    @staticmethod
    def _empty(top: Location) -> None:
        """Remove all that is in a directory without mounts inside. Works on nodes: no path is too long."""
        fs = top.mount.fs
        pending: list[tuple[Any, str, Any, Iterator[DirEntry[Any]]]] = []
        pending.append((None, "", top.node, iter(fs.readdir(top.node))))
        while pending:
            above, name, here, entries = pending[-1]
            entry = next(entries, None)
            if entry is None:
                pending.pop()
                if pending:
                    fs.rmdir(above, name)
            elif entry.type is FileType.DIRECTORY:
                pending.append((here, entry.name, entry.node, iter(fs.readdir(entry.node))))
            else:
                fs.unlink(here, entry.name)

    # -- copies --------------------------------------------------------------------------------------------

    def clone(self, keep_unlinked: bool = False) -> Namespace:
        """An independent namespace with the same content: each filesystem's `fork`, at the same places.

        Filesystems that cannot be copied (read-only ones, host folders) are shared. Use `translate` to carry
        locations over, and `keep_unlinked` if open files shall be opened in the clone again (see
        `FileSystem.fork`).
        """
        with self.lock:
            return _cloned(self, keep_unlinked)

    def translate(self, location: Location) -> Location:
        """The same place as `location`, which belongs to the namespace that this one was cloned from.

        Errors: `ESTALE` if its mount had been taken away before the clone was made.
        """
        with self.lock:
            mount = self._mounts.get(location.mount.id)
        if mount is None:
            raise VfsError(Errno.ESTALE, location.mount.path, "the mount is not part of this namespace")
        return Location(mount, location.node, location.type)


def _cloned(source: Namespace, keep_unlinked: bool) -> Namespace:
    forks: dict[int, AnyFileSystem] = {}
    for mount in source.mounts:
        if id(mount.fs) not in forks:
            forks[id(mount.fs)] = mount.fs.fork(keep_unlinked)
    result = Namespace(forks[id(source.root.mount.fs)])
    # A mount comes after the one it is mounted on, so `above` can always be translated.
    for mount in source.mounts[1:]:
        assert mount.above is not None
        above = result.translate(mount.above)
        twin = Mount(mount.id, mount.path, forks[id(mount.fs)], mount.read_only, above, mount.name)
        result._mounts[mount.id] = twin
        above.mount.covered[above.node, mount.name] = twin
        above.mount.pinned = set(mount.above.mount.pinned)
    result._next_mount_id = source._next_mount_id
    return result


def _text(path: str | bytes) -> str:
    return path if isinstance(path, str) else path.decode("utf-8", "surrogateescape")


def _directory_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[0] or "/"
