"""Bases for filesystems and files that cannot be written: everything that changes something is `EROFS`."""

from __future__ import annotations

from typing import NoReturn

from pywasm_sandbox._vfs.api import BytesLike, Errno, File, FileSystem, NodeT, Usage, VfsError


def refuse(name: str = "") -> NoReturn:
    """Raise `EROFS`."""
    raise VfsError(Errno.EROFS, name)


class ReadOnlyFS(FileSystem[NodeT]):
    """The half of `FileSystem` that changes something, refused."""

    read_only = True

    def create(self, directory: NodeT, name: str, mode: int = 0o666) -> NodeT:
        refuse(name)

    def mkdir(self, directory: NodeT, name: str, mode: int = 0o777) -> NodeT:
        refuse(name)

    def symlink(self, directory: NodeT, name: str, target: str) -> NodeT:
        refuse(name)

    def link(self, node: NodeT, directory: NodeT, name: str) -> None:
        refuse(name)

    def unlink(self, directory: NodeT, name: str) -> None:
        refuse(name)

    def rmdir(self, directory: NodeT, name: str) -> None:
        refuse(name)

    def rename(self, directory: NodeT, name: str, new_directory: NodeT, new_name: str) -> None:
        refuse(name)

    def set_times(self, node: NodeT, atime_ns: int | None, mtime_ns: int | None) -> None:
        refuse()

    def set_mode(self, node: NodeT, mode: int) -> None:
        refuse()

    def truncate(self, node: NodeT, size: int) -> None:
        refuse()

    def usage(self) -> Usage:
        return Usage(0, None, 0, None)


class ReadOnlyFile(File):
    """The half of `File` that changes something, refused: `EBADF`, as for any file open for reading."""

    writable = False

    def pwrite(self, data: BytesLike, offset: int) -> int:
        raise VfsError(Errno.EBADF, detail="the file is open for reading only")

    def append(self, data: BytesLike) -> tuple[int, int]:
        raise VfsError(Errno.EBADF, detail="the file is open for reading only")

    def truncate(self, size: int) -> None:
        raise VfsError(Errno.EBADF, detail="the file is open for reading only")

    def allocate(self, offset: int, length: int) -> None:
        raise VfsError(Errno.EBADF, detail="the file is open for reading only")

    def sync(self) -> None:
        self.stat()

    def set_times(self, atime_ns: int | None, mtime_ns: int | None) -> None:
        self.stat()
        refuse()
