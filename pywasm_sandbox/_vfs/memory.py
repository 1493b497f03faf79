"""`MemoryFS`: a filesystem in memory with a quota and copy-on-write clones."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from pywasm_sandbox._vfs.api import (
    FIRST_COOKIE,
    BytesLike,
    DirEntry,
    Errno,
    File,
    FileSystem,
    FileType,
    Stat,
    Usage,
    VfsError,
)
from pywasm_sandbox._vfs.content import Content
from pywasm_sandbox._vfs.paths import byte_length, check_name, check_target

_ROOT = 1
_SIZE_MAX = (1 << 63) - 1
_DIRECTORY = FileType.DIRECTORY
_REGULAR = FileType.REGULAR
_SYMLINK = FileType.SYMLINK
_cookie_of = attrgetter("cookie")


class Quota(NamedTuple):
    """The most that a `MemoryFS` holds; None is no limit.

    `bytes` is charged with the size of every regular file, holes included, so that a file can never be read
    into more memory than was granted, and with the length of every symlink's target. A file with several
    names is charged once. `files` is charged with one for every name of every file, symlink and directory
    (not the root), and for every file that is open but has no name any more. Names and attributes are not
    charged in bytes: they take about 1 KiB of the host's memory for each of the `files`, 2 KiB at most.
    Clones are charged each in full, though they share what neither has changed.

    `file_bytes` is the size of the largest file (`EFBIG` beyond), `directory_entries` the names in one
    directory (`ENOSPC`), `depth` how many directories lie inside each other (`ENAMETOOLONG`).
    """

    bytes: int | None = 1 << 30
    files: int | None = 100_000
    file_bytes: int | None = None
    directory_entries: int | None = None
    depth: int | None = None


class _Inode:
    """What all kinds of nodes have. `epoch` tells whose it is: see `MemoryFS.clone`."""

    __slots__ = ("atime_ns", "ctime_ns", "epoch", "mode", "mtime_ns", "nlink")

    def __init__(self, epoch: object, mode: int, now: int) -> None:
        self.epoch = epoch
        self.mode = mode & 0o777
        self.nlink = 1
        self.atime_ns = self.mtime_ns = self.ctime_ns = now

    def _like(self, other: _Inode) -> None:
        self.nlink = other.nlink
        self.atime_ns = other.atime_ns
        self.mtime_ns = other.mtime_ns


class _Regular(_Inode):
    __slots__ = ("content",)

    def __init__(self, epoch: object, mode: int, now: int, content: Content) -> None:
        super().__init__(epoch, mode, now)
        self.content = content

    def copy(self, epoch: object) -> _Regular:
        twin = _Regular(epoch, self.mode, self.ctime_ns, self.content.copy())
        twin._like(self)
        return twin


class _Directory(_Inode):
    """`entries` is in the order of the cookies; `listing` is its values, while nothing has changed."""

    __slots__ = ("entries", "listing", "next_cookie", "parent")

    def __init__(self, epoch: object, mode: int, now: int, parent: int) -> None:
        super().__init__(epoch, mode, now)
        self.nlink = 2
        self.parent = parent
        self.entries: dict[str, DirEntry[int]] = {}
        self.next_cookie = FIRST_COOKIE
        self.listing: list[DirEntry[int]] | None = None

    def copy(self, epoch: object) -> _Directory:
        twin = _Directory(epoch, self.mode, self.ctime_ns, self.parent)
        twin._like(self)
        twin.entries = self.entries.copy()
        twin.next_cookie = self.next_cookie
        return twin

    def add(self, name: str, number: int, kind: FileType, now: int) -> None:
        self.entries[name] = DirEntry(name, number, kind, number, self.next_cookie)
        self.next_cookie += 1
        self.listing = None
        self.mtime_ns = self.ctime_ns = now

    def remove(self, name: str, now: int) -> None:
        del self.entries[name]
        self.listing = None
        self.mtime_ns = self.ctime_ns = now


class _Symlink(_Inode):
    __slots__ = ("target",)

    def __init__(self, epoch: object, now: int, target: str) -> None:
        super().__init__(epoch, 0o777, now)
        self.target = target

    def copy(self, epoch: object) -> _Symlink:
        twin = _Symlink(epoch, self.ctime_ns, self.target)
        twin._like(self)
        return twin


_AnyInode: TypeAlias = _Regular | _Directory | _Symlink


class MemoryFS(FileSystem[int]):
    """A writable filesystem in memory. A node is an inode number; the root is 1.

    Reading does not change access times. `clock` gives the present time in nanoseconds since the epoch.

    Clones share inodes. Every inode carries the `epoch` of the filesystem that made it, and only that
    filesystem may change it in place; `clone` gives both sides new epochs, so whoever writes first to an
    inode copies it. The inode holds the table of a directory's entries or a file's chunks, so a copy of one
    costs a few words for each entry or chunk, never the content.
    """

    read_only = False

    def __init__(self, quota: Quota | None = None, clock: Callable[[], int] = time.time_ns) -> None:
        self.quota = Quota() if quota is None else quota
        """The limits; they may be changed at any time. Below what is used, nothing more can be added."""
        self._clock = clock
        self._lock = threading.RLock()
        self._epoch = object()
        self._files: dict[int, _Regular] = {}
        self._directories: dict[int, _Directory] = {}
        self._symlinks: dict[int, _Symlink] = {}
        self._open: dict[int, int] = {}
        self._orphans: set[int] = set()
        self._next_number = _ROOT + 1
        self._bytes_used = 0
        self._files_used = 0
        self._directories[_ROOT] = _Directory(self._epoch, 0o755, clock(), _ROOT)

    # -- reading -------------------------------------------------------------------------------------------

    @property
    def root(self) -> int:
        return _ROOT

    def lookup(self, directory: int, name: str) -> DirEntry[int] | None:
        try:
            return self._directories[directory].entries.get(name)
        except KeyError:
            raise self._not_a_directory(directory) from None

    def parent(self, directory: int) -> int:
        return self._directory(directory).parent

    def readdir(self, directory: int, cookie: int = 0) -> list[DirEntry[int]]:
        with self._lock:
            inode = self._directory(directory)
            if inode.listing is None:
                inode.listing = list(inode.entries.values())
            listing = inode.listing
        return listing[bisect_right(listing, cookie, key=_cookie_of) :]

    def stat(self, node: int) -> Stat:
        inode: _AnyInode
        with self._lock:
            if node in self._files:
                inode = self._files[node]
                kind, size = _REGULAR, inode.content.size
            elif node in self._directories:
                inode = self._directories[node]
                kind, size = _DIRECTORY, len(inode.entries)
            else:
                inode = self._symlink(node)
                kind, size = _SYMLINK, byte_length(inode.target)
            return Stat(
                0, node, kind, size, inode.nlink, inode.mode, inode.atime_ns, inode.mtime_ns, inode.ctime_ns
            )

    def readlink(self, node: int) -> str:
        if node in self._files or node in self._directories:
            raise VfsError(Errno.EINVAL, detail="not a symlink")
        return self._symlink(node).target

    def open(self, node: int, write: bool = False) -> File:
        with self._lock:
            if node not in self._files:
                if node in self._directories:
                    raise VfsError(Errno.EISDIR)
                raise VfsError(Errno.ELOOP if node in self._symlinks else Errno.ENOENT)
            self._open[node] = self._open.get(node, 0) + 1
            return _MemoryFile(self, node, write)

    def usage(self) -> Usage:
        with self._lock:
            return Usage(self._bytes_used, self.quota.bytes, self._files_used, self.quota.files)

    # -- making --------------------------------------------------------------------------------------------

    def create(self, directory: int, name: str, mode: int = 0o666) -> int:
        with self._lock:
            where, now = self._place_for_new(directory, name), self._clock()
            number = self._take_number()
            self._files[number] = _Regular(self._epoch, mode, now, Content())
            where.add(name, number, _REGULAR, now)
            return number

    def mkdir(self, directory: int, name: str, mode: int = 0o777) -> int:
        with self._lock:
            self._check_depth(directory, 1)
            where, now = self._place_for_new(directory, name), self._clock()
            number = self._take_number()
            self._directories[number] = _Directory(self._epoch, mode, now, directory)
            where.add(name, number, _DIRECTORY, now)
            where.nlink += 1
            return number

    def symlink(self, directory: int, name: str, target: str) -> int:
        check_target(target)
        with self._lock:
            where, now = self._place_for_new(directory, name), self._clock()
            self._charge_bytes(byte_length(target))
            number = self._take_number()
            self._symlinks[number] = _Symlink(self._epoch, now, target)
            where.add(name, number, _SYMLINK, now)
            return number

    def link(self, node: int, directory: int, name: str) -> None:
        with self._lock:
            if node in self._directories:
                raise VfsError(Errno.EPERM, name, "a directory has one name")
            if node in self._orphans or (node not in self._files and node not in self._symlinks):
                raise VfsError(Errno.ENOENT, name)
            where, now = self._place_for_new(directory, name), self._clock()
            inode = self._own(node)
            self._files_used += 1
            inode.nlink += 1
            inode.ctime_ns = now
            where.add(name, node, _REGULAR if node in self._files else _SYMLINK, now)

    def _place_for_new(self, directory: int, name: str) -> _Directory:
        """The directory, ready to be changed, once `name` is found to be good, new and within the quota."""
        check_name(name)
        if name in self._directory(directory).entries:
            raise VfsError(Errno.EEXIST, name)
        if self.quota.files is not None and self._files_used >= self.quota.files:
            raise VfsError(Errno.ENOSPC, name, f"the limit of {self.quota.files} files is reached")
        self._check_entries(directory, name)
        return self._own_directory(directory)

    def _check_entries(self, directory: int, name: str) -> None:
        most = self.quota.directory_entries
        if most is not None and len(self._directory(directory).entries) >= most:
            raise VfsError(Errno.ENOSPC, name, f"a directory has at most {most} entries")

    def _check_depth(self, directory: int, levels: int) -> None:
        """Raise `ENAMETOOLONG` if `levels` of directories below `directory` were too deep."""
        most = self.quota.depth
        if most is None:
            return
        while levels <= most:
            if directory == _ROOT:
                return
            directory = self._directory(directory).parent
            levels += 1
        raise VfsError(Errno.ENAMETOOLONG, detail=f"at most {most} directories lie inside each other")

    def _height(self, top: int) -> int:
        """How many levels of directories there are from `top` on, itself included."""
        height, level = 0, [top]
        while level:
            height += 1
            level = [
                entry.node
                for number in level
                for entry in self._directories[number].entries.values()
                if entry.type is _DIRECTORY
            ]
        return height

    def _take_number(self) -> int:
        number = self._next_number
        self._next_number += 1
        self._files_used += 1
        return number

    # -- removing and moving -------------------------------------------------------------------------------

    def unlink(self, directory: int, name: str) -> None:
        with self._lock:
            entry = self._entry(directory, name)
            if entry.type is _DIRECTORY:
                raise VfsError(Errno.EISDIR, name)
            now = self._clock()
            self._own_directory(directory).remove(name, now)
            self._drop_name(entry.node, now)

    def rmdir(self, directory: int, name: str) -> None:
        with self._lock:
            entry = self._entry(directory, name)
            if entry.type is not _DIRECTORY:
                raise VfsError(Errno.ENOTDIR, name)
            if self._directories[entry.node].entries:
                raise VfsError(Errno.ENOTEMPTY, name)
            self._own_directory(directory).remove(name, self._clock())
            self._drop_directory(directory, entry.node)

    def rename(self, directory: int, name: str, new_directory: int, new_name: str) -> None:
        with self._lock:
            source = self._entry(directory, name)
            check_name(new_name)
            target = self._directory(new_directory).entries.get(new_name)
            if source.type is _DIRECTORY and self._is_inside(new_directory, source.node):
                raise VfsError(Errno.EINVAL, new_name, "a directory cannot be moved into itself")
            if target is not None:
                if target.node == source.node:
                    return
                self._check_replaceable(source, target, directory)
            if new_directory != directory:
                if target is None:
                    self._check_entries(new_directory, new_name)
                if source.type is _DIRECTORY and self.quota.depth is not None:
                    self._check_depth(new_directory, self._height(source.node))
            now = self._clock()
            old, new = self._own_directory(directory), self._own_directory(new_directory)
            if target is not None:
                new.remove(new_name, now)
                if target.type is _DIRECTORY:
                    self._drop_directory(new_directory, target.node)
                else:
                    self._drop_name(target.node, now)
            old.remove(name, now)
            new.add(new_name, source.node, source.type, now)
            moved = self._own(source.node)
            moved.ctime_ns = now
            if isinstance(moved, _Directory):
                moved.parent = new_directory
                old.nlink -= 1
                new.nlink += 1

    def _check_replaceable(self, source: DirEntry[int], target: DirEntry[int], directory: int) -> None:
        if target.type is _DIRECTORY:
            # Linux tells of a directory on the way to the source before it looks at what the source is.
            if self._is_inside(directory, target.node):
                raise VfsError(Errno.ENOTEMPTY, target.name)
            if source.type is not _DIRECTORY:
                raise VfsError(Errno.EISDIR, target.name)
            if self._directories[target.node].entries:
                raise VfsError(Errno.ENOTEMPTY, target.name)
        elif source.type is _DIRECTORY:
            raise VfsError(Errno.ENOTDIR, target.name)

    def _is_inside(self, directory: int, top: int) -> bool:
        """Whether `directory` is `top` or below it."""
        while directory != top:
            if directory == _ROOT:
                return False
            directory = self._directory(directory).parent
        return True

    def _drop_name(self, number: int, now: int) -> None:
        """One name of a file or symlink is gone; without names it lives on as long as it is open."""
        inode = self._own(number)
        inode.nlink -= 1
        inode.ctime_ns = now
        self._files_used -= 1
        if inode.nlink:
            return
        if number in self._open:
            self._orphans.add(number)
            self._files_used += 1
        elif isinstance(inode, _Symlink):
            del self._symlinks[number]
            self._bytes_used -= byte_length(inode.target)
        else:
            self._free(number)

    def _drop_directory(self, parent: int, number: int) -> None:
        del self._directories[number]
        self._directories[parent].nlink -= 1
        self._files_used -= 1

    def _free(self, number: int) -> None:
        self._bytes_used -= self._files.pop(number).content.size

    # -- attributes ----------------------------------------------------------------------------------------

    def set_times(self, node: int, atime_ns: int | None, mtime_ns: int | None) -> None:
        with self._lock:
            inode = self._own(node)
            if atime_ns is not None:
                inode.atime_ns = atime_ns
            if mtime_ns is not None:
                inode.mtime_ns = mtime_ns
            inode.ctime_ns = self._clock()

    def set_mode(self, node: int, mode: int) -> None:
        with self._lock:
            inode = self._own(node)
            inode.mode = mode & 0o777
            inode.ctime_ns = self._clock()

    # -- clones --------------------------------------------------------------------------------------------

    def clone(self, keep_unlinked: bool = False) -> MemoryFS:
        """An independent filesystem with the same content, quota, inode numbers and clock.

        What neither side changes is shared. The cost is a table copy: some ten nanoseconds for each node.
        `keep_unlinked` carries over files without a name that are open here: they can be opened in the clone
        by their node, and go when that `File` is closed.
        """
        with self._lock:
            twin = MemoryFS(self.quota, self._clock)
            twin._files = self._files.copy()
            twin._directories = self._directories.copy()
            twin._symlinks = self._symlinks.copy()
            twin._next_number = self._next_number
            twin._bytes_used = self._bytes_used
            twin._files_used = self._files_used
            twin._orphans = self._orphans.copy()
            self._epoch = object()
        if not keep_unlinked:
            for number in twin._orphans:
                twin._free(number)
            twin._files_used -= len(twin._orphans)
            twin._orphans.clear()
        return twin

    def fork(self, keep_unlinked: bool = False) -> MemoryFS:
        return self.clone(keep_unlinked)

    # -- inodes --------------------------------------------------------------------------------------------

    def _directory(self, number: int) -> _Directory:
        inode = self._directories.get(number)
        if inode is None:
            raise self._not_a_directory(number)
        return inode

    def _not_a_directory(self, number: int) -> VfsError:
        known = number in self._files or number in self._symlinks
        return VfsError(Errno.ENOTDIR if known else Errno.ENOENT)

    def _symlink(self, number: int) -> _Symlink:
        inode = self._symlinks.get(number)
        if inode is None:
            raise VfsError(Errno.ENOENT, detail="it has been removed")
        return inode

    def _entry(self, directory: int, name: str) -> DirEntry[int]:
        entry = self._directory(directory).entries.get(name)
        if entry is None:
            raise VfsError(Errno.ENOENT, name)
        return entry

    def _own(self, number: int) -> _AnyInode:
        """The inode, copied first if a clone may share it. All changes go through these methods."""
        if number in self._files:
            return self._own_file(number)
        if number in self._directories:
            return self._own_directory(number)
        inode = self._symlink(number)
        if inode.epoch is not self._epoch:
            inode = self._symlinks[number] = inode.copy(self._epoch)
        return inode

    def _own_file(self, number: int) -> _Regular:
        inode = self._files[number]
        if inode.epoch is not self._epoch:
            inode = self._files[number] = inode.copy(self._epoch)
        return inode

    def _own_directory(self, number: int) -> _Directory:
        inode = self._directory(number)
        if inode.epoch is not self._epoch:
            inode = self._directories[number] = inode.copy(self._epoch)
        return inode

    # -- content -------------------------------------------------------------------------------------------

    def _charge_bytes(self, count: int) -> None:
        """Add `count` bytes to what is used. Errors: `ENOSPC`, and nothing is charged."""
        room = self._room()
        if room is not None and count > room:
            raise VfsError(Errno.ENOSPC, detail=f"the limit of {self.quota.bytes} bytes is reached")
        self._bytes_used += count

    def _room(self) -> int | None:
        return None if self.quota.bytes is None else max(0, self.quota.bytes - self._bytes_used)

    def _write(self, number: int, data: memoryview, offset: int) -> int:
        """Write as much of `data` as the quota allows; the lock is held."""
        length = len(data)
        if not length:
            return 0
        if offset + length > _SIZE_MAX:
            raise VfsError(Errno.EFBIG)
        inode = self._own_file(number)
        most = self.quota.file_bytes
        if most is not None and offset + length > max(most, inode.content.size):
            # As much as fits is written, as by Linux under RLIMIT_FSIZE.
            length = max(most, inode.content.size) - offset
            if length <= 0:
                raise VfsError(Errno.EFBIG, detail=f"a file has at most {most} bytes")
            data = data[:length]
        growth = offset + length - inode.content.size
        if growth > 0:
            room = self._room()
            if room is not None and growth > room:
                length -= growth - room
                if length <= 0:
                    raise VfsError(Errno.ENOSPC, detail=f"the limit of {self.quota.bytes} bytes is reached")
                data = data[:length]
                growth = room
            self._bytes_used += growth
        inode.content.write(data, offset)
        inode.mtime_ns = inode.ctime_ns = self._clock()
        return length

    def _resize(self, number: int, size: int) -> None:
        if size < 0:
            raise VfsError(Errno.EINVAL, detail="a size cannot be negative")
        if size > _SIZE_MAX:
            raise VfsError(Errno.EFBIG)
        content = self._files[number].content
        most = self.quota.file_bytes
        if most is not None and size > max(most, content.size):
            raise VfsError(Errno.EFBIG, detail=f"a file has at most {most} bytes")
        self._charge_bytes(max(0, size - content.size))
        inode = self._own_file(number)
        self._bytes_used -= max(0, inode.content.size - size)
        inode.content.resize(size)
        inode.mtime_ns = inode.ctime_ns = self._clock()

    def _close(self, number: int) -> None:
        count = self._open[number] - 1
        if count:
            self._open[number] = count
            return
        del self._open[number]
        if number in self._orphans:
            self._orphans.remove(number)
            self._files_used -= 1
            self._free(number)


class _MemoryFile(File):
    """An open file of a `MemoryFS`: a number, counted there so that it outlives its names."""

    __slots__ = ("_closed", "_files", "_fs", "_lock", "_number", "writable")

    def __init__(self, fs: MemoryFS, number: int, writable: bool) -> None:
        self.writable = writable
        self._fs = fs
        self._files = fs._files
        self._lock = fs._lock
        self._number = number
        self._closed = False

    def _content(self) -> Content:
        if self._closed:
            raise VfsError(Errno.EBADF, detail="the file is closed")
        return self._files[self._number].content

    def _check_writable(self) -> None:
        if self._closed or not self.writable:
            raise VfsError(Errno.EBADF, detail="the file is closed, or open for reading only")

    @property
    def size(self) -> int:
        return self._content().size

    def pread(self, length: int, offset: int) -> bytes:
        if length < 0 or offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset or a length cannot be negative")
        with self._lock:
            return self._content().read(length, offset)

    def pread_into(self, buffer: memoryview, offset: int) -> int:
        if offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset cannot be negative")
        with self._lock:
            return self._content().read_into(buffer, offset)

    def pwrite(self, data: BytesLike, offset: int) -> int:
        if offset < 0:
            raise VfsError(Errno.EINVAL, detail="an offset cannot be negative")
        view = as_bytes_view(data)
        with self._lock:
            self._check_writable()
            return self._fs._write(self._number, view, offset)

    def append(self, data: BytesLike) -> tuple[int, int]:
        view = as_bytes_view(data)
        with self._lock:
            self._check_writable()
            offset = self._content().size
            return offset, self._fs._write(self._number, view, offset)

    def truncate(self, size: int) -> None:
        with self._lock:
            self._check_writable()
            self._fs._resize(self._number, size)

    def allocate(self, offset: int, length: int) -> None:
        if offset < 0 or length <= 0:
            raise VfsError(Errno.EINVAL, detail="the length must be positive and the offset not negative")
        with self._lock:
            self._check_writable()
            if offset + length > self._content().size:
                self._fs._resize(self._number, offset + length)

    def sync(self) -> None:
        self._content()

    def stat(self) -> Stat:
        self._content()
        return self._fs.stat(self._number)

    def set_times(self, atime_ns: int | None, mtime_ns: int | None) -> None:
        self._content()
        self._fs.set_times(self._number, atime_ns, mtime_ns)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._fs._close(self._number)


def as_bytes_view(data: BytesLike) -> memoryview:
    """`data` as a one-dimensional view of bytes. Errors: `TypeError` if it is not contiguous."""
    view = data if isinstance(data, memoryview) else memoryview(data)
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")
