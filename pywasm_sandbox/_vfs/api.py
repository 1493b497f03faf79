"""The contract between filesystems and their users: errors, types, `FileSystem` and `File`.

A `FileSystem` is a tree of *nodes*. A node is an opaque, hashable handle whose form each filesystem
chooses (an inode number, a path); only the filesystem that gave it out may interpret it. Paths, mounts,
symbolic links and `..` are not known here: `Namespace` resolves those, one name at a time, over this
interface. Names are `str`; bytes that are not UTF-8 are carried with the `surrogateescape` handler.

Offsets, open flags and append mode belong to the caller's file-descriptor table. Every method may be
called from any thread. Failures are `VfsError`s with an `Errno`; the meaning of each number is that of
POSIX.1-2017 unless a docstring says more.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

NodeT = TypeVar("NodeT")

BytesLike: TypeAlias = bytes | bytearray | memoryview
"""What `File.pwrite` takes. A memoryview must be contiguous; it is read as bytes."""


class Errno(enum.Enum):
    """Error numbers by their POSIX names (`ENOTCAPABLE` is WASI's). The value is the text for people."""

    E2BIG = "Argument list too long"
    EACCES = "Permission denied"
    EAGAIN = "Resource temporarily unavailable"
    EBADF = "Bad file descriptor"
    EBUSY = "Device or resource busy"
    EEXIST = "File exists"
    EFBIG = "File too large"
    EILSEQ = "Name or path is not valid text"
    EINTR = "Interrupted system call"
    EINVAL = "Invalid argument"
    EIO = "Input/output error"
    EISDIR = "Is a directory"
    ELOOP = "Too many levels of symbolic links"
    EMFILE = "Too many open files"
    EMLINK = "Too many links"
    ENAMETOOLONG = "File name too long"
    ENFILE = "Too many open files in system"
    ENODEV = "No such device"
    ENOENT = "No such file or directory"
    ENOMEM = "Cannot allocate memory"
    ENOSPC = "No space left on device"
    ENOSYS = "Function not implemented"
    ENOTCAPABLE = "Capabilities insufficient"
    ENOTDIR = "Not a directory"
    ENOTEMPTY = "Directory not empty"
    ENOTSUP = "Operation not supported"
    ENXIO = "No such device or address"
    EOVERFLOW = "Value too large for defined data type"
    EPERM = "Operation not permitted"
    EROFS = "Read-only file system"
    ESPIPE = "Illegal seek"
    ESTALE = "Stale file handle"
    ETXTBSY = "Text file busy"
    EXDEV = "Invalid cross-device link"


class VfsError(Exception):
    """A filesystem operation failed as its guest or caller may expect: `.errno` says how, `.path` where.

    Deliberately not an `OSError`: an `OSError` out of this package is the host's own and a bug.
    """

    def __init__(self, errno: Errno, path: str = "", detail: str = "") -> None:
        super().__init__(errno, path, detail)
        self.errno = errno
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        text = f"[{self.errno.name}] {self.errno.value}"
        if self.path:
            text += f": {self.path!r}"
        return f"{text} ({self.detail})" if self.detail else text


class MountError(ValueError):
    """A filesystem could not be made from what the caller gave (a broken zip, a folder that is missing)."""


class FileType(enum.Enum):
    """What a node is. `UNKNOWN` is a host's fifo, socket or device: listed, never opened."""

    REGULAR = "regular"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    CHARACTER_DEVICE = "character device"
    UNKNOWN = "unknown"


class Stat(NamedTuple):
    """The attributes of a node. Times are nanoseconds since the Unix epoch; `size` is in bytes.

    `device` is 0 from a `FileSystem` or `File`: only the `Namespace` knows the mount's number and fills
    it in. `mode` holds the permission bits alone (`0o777` and the like); the kind is `type`. A symlink's
    size is the length of its target in bytes.
    """

    device: int
    inode: int
    type: FileType
    size: int
    nlink: int
    mode: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int


class DirEntry(NamedTuple, Generic[NodeT]):
    """A name in a directory.

    `cookie` is unique within the directory as long as the entry exists, never below `FIRST_COOKIE`, and
    entries are listed in the order of their cookies: to go on after an entry, ask for what follows its
    cookie. Entries made or removed meanwhile never make another one appear twice or not at all.
    """

    name: str
    node: NodeT
    type: FileType
    inode: int
    cookie: int


FIRST_COOKIE = 3
"""The lowest cookie of an entry: 0 is the start; 1 and 2 are left for `.` and `..`, which are not listed."""


class Usage(NamedTuple):
    """What is charged against a filesystem's quota, and the quota; None where there is no limit."""

    bytes_used: int
    bytes_limit: int | None
    files_used: int
    files_limit: int | None


class File(ABC):
    """An open regular file. It stays readable and writable after its name is removed, until `close`.

    After `close` every method but `close` raises `EBADF`.
    """

    writable: bool

    @property
    @abstractmethod
    def size(self) -> int:
        """The present size in bytes."""

    @abstractmethod
    def pread(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`; shorter only at the end of the file, empty past it."""

    @abstractmethod
    def pread_into(self, buffer: memoryview, offset: int) -> int:
        """Fill `buffer` (writable, contiguous, format "B") from `offset`; the number of bytes filled.

        Less than `len(buffer)` only at the end of the file. Nothing past the filled part is touched.
        """

    @abstractmethod
    def pwrite(self, data: BytesLike, offset: int) -> int:
        """Write at `offset`, with zeros in any gap before it; the number of bytes written.

        The number is smaller than `len(data)` when a quota leaves room for a part only.
        Errors: `EBADF` not opened for writing, `ENOSPC` no room for a single byte, `EFBIG` past the
        largest file the filesystem can hold.
        """

    def append(self, data: BytesLike) -> tuple[int, int]:
        """Write at the end of the file as one step: (the offset it was written at, the bytes written)."""
        offset = self.size
        return offset, self.pwrite(data, offset)

    @abstractmethod
    def truncate(self, size: int) -> None:
        """Set the size; new bytes are zero. Errors: as `pwrite`, and `EINVAL` for a negative size."""

    @abstractmethod
    def allocate(self, offset: int, length: int) -> None:
        """Make sure that `offset + length` bytes fit: grows the file with zeros, never shrinks it.

        Errors: as `truncate`; `EINVAL` if `length` is not positive (POSIX `posix_fallocate`).
        """

    @abstractmethod
    def sync(self) -> None:
        """Bring data and metadata to stable storage, where there is one."""

    @abstractmethod
    def stat(self) -> Stat:
        """The attributes; `device` is 0."""

    @abstractmethod
    def set_times(self, atime_ns: int | None, mtime_ns: int | None) -> None:
        """Set the times that are not None. Errors: `EROFS`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file. Idempotent."""


class FileSystem(ABC, Generic[NodeT]):
    """A tree of files. See the module's docstring for nodes and errors.

    A `directory` argument must be a node of a directory, else `ENOTDIR`. A node that has been removed
    meanwhile is `ENOENT`. Names given to the methods that create are checked (`EINVAL`: empty, `.`,
    `..`, with `/` or NUL; `ENAMETOOLONG`: more than 255 bytes). The methods that change something raise
    `EROFS` on a read-only filesystem.
    """

    read_only: bool
    """True if nothing in it can ever be changed through this interface."""
    immutable: bool = False
    """True if nothing in it ever changes, and a node is the same file for good: what was found out about one
    can be kept."""

    @property
    @abstractmethod
    def root(self) -> NodeT:
        """The node of the topmost directory."""

    @abstractmethod
    def lookup(self, directory: NodeT, name: str) -> DirEntry[NodeT] | None:
        """The entry called `name`, or None if there is none. Does not know `.` and `..`."""

    @abstractmethod
    def parent(self, directory: NodeT) -> NodeT:
        """The directory that holds `directory`; the root is its own parent."""

    @abstractmethod
    def readdir(self, directory: NodeT, cookie: int = 0) -> list[DirEntry[NodeT]]:
        """All entries whose cookie is greater than `cookie`, in that order, without `.` and `..`.

        The list is the caller's to keep: going through one list is cheaper than asking again and as
        good, since POSIX leaves open whether entries made after `opendir` are seen.
        """

    @abstractmethod
    def stat(self, node: NodeT) -> Stat:
        """The attributes of `node` itself (a symlink is not followed); `device` is 0."""

    @abstractmethod
    def readlink(self, node: NodeT) -> str:
        """The target of a symlink. Errors: `EINVAL` if it is something else."""

    @abstractmethod
    def open(self, node: NodeT, write: bool = False) -> File:
        """Open a regular file for reading and, if `write`, for writing.

        Errors: `EISDIR` a directory (whatever `write` says), `ELOOP` a symlink, `EACCES` a special file.
        """

    @abstractmethod
    def create(self, directory: NodeT, name: str, mode: int = 0o666) -> NodeT:
        """Make an empty regular file. Errors: `EEXIST`, `ENOSPC`."""

    @abstractmethod
    def mkdir(self, directory: NodeT, name: str, mode: int = 0o777) -> NodeT:
        """Make an empty directory. Errors: `EEXIST`, `ENOSPC`."""

    @abstractmethod
    def symlink(self, directory: NodeT, name: str, target: str) -> NodeT:
        """Make a symlink to `target`, which is not looked at. Errors: `EEXIST`, `ENOSPC`, `ENOENT` empty."""

    @abstractmethod
    def link(self, node: NodeT, directory: NodeT, name: str) -> None:
        """Give `node` one more name. Errors: `EPERM` for a directory, `EEXIST`, `ENOSPC`, `EMLINK`."""

    @abstractmethod
    def unlink(self, directory: NodeT, name: str) -> None:
        """Remove the name of anything but a directory. Errors: `ENOENT`, `EISDIR`."""

    @abstractmethod
    def rmdir(self, directory: NodeT, name: str) -> None:
        """Remove an empty directory. Errors: `ENOENT`, `ENOTDIR`, `ENOTEMPTY`."""

    @abstractmethod
    def rename(self, directory: NodeT, name: str, new_directory: NodeT, new_name: str) -> None:
        """Move an entry, replacing what is at the new name.

        Errors: `ENOENT`; `EISDIR` a non-directory over a directory; `ENOTDIR` a directory over something
        else; `ENOTEMPTY` over a directory with entries; `EINVAL` a directory into its own subtree. Two
        names of one file: nothing happens and both stay.
        """

    @abstractmethod
    def set_times(self, node: NodeT, atime_ns: int | None, mtime_ns: int | None) -> None:
        """Set the times that are not None; the change time becomes now."""

    @abstractmethod
    def set_mode(self, node: NodeT, mode: int) -> None:
        """Set the permission bits (`mode & 0o777`). They are stored, never enforced. `ENOTSUP` on symlinks
        where the host cannot."""

    def truncate(self, node: NodeT, size: int) -> None:
        """Set the size of a regular file. Errors: as `open` and `File.truncate`."""
        file = self.open(node, write=True)
        try:
            file.truncate(size)
        finally:
            file.close()

    def sync(self) -> None:
        """Bring everything to stable storage, where there is one."""
        return

    @abstractmethod
    def usage(self) -> Usage:
        """What is charged and what the limits are; zeros and None where nothing is counted."""

    def fork(self, keep_unlinked: bool = False) -> FileSystem[NodeT]:
        """An independent copy of everything as it is now, whose nodes have the same handles.

        `keep_unlinked`: files that have no name any more but are open here can be opened there, by their
        node. A filesystem that cannot be copied (read-only, or the host's) gives itself.
        """
        return self

    def close(self) -> None:
        """Give back host resources (a mapped file, descriptors). Idempotent; open `File`s stay usable."""
        return


AnyFileSystem: TypeAlias = FileSystem[Any]
"""A filesystem whose nodes are nobody else's business."""
