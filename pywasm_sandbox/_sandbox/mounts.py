"""What can be mounted in a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pywasm_sandbox._vfs.api import AnyFileSystem, MountError
from pywasm_sandbox._vfs.hostfs import HostFS
from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox._vfs.zipindex import ZipIndex
from pywasm_sandbox.errors import HostFileError

__all__ = ["FsspecFolder", "HostFolder", "MemoryFolder", "Mount", "ZipArchive", "open_mount"]

GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class HostFolder:
    """Mount a folder of the host, read-only unless ``writable``. Nothing outside the folder is reachable
    through it, whatever symbolic links it holds."""

    path: str | Path
    writable: bool = False

    def open(self) -> AnyFileSystem:
        return HostFS(Path(self.path), read_only=not self.writable)


@dataclass(frozen=True, slots=True)
class ZipArchive:
    """Mount the content of a zip file, read-only. The archive need not be trusted: one with more than
    ``max_entries``, or whose entries overlap or claim to inflate to more than is possible, is refused
    (`HostFileError`); opening files that take more than ``max_inflated_bytes`` of memory, each or together,
    fails inside (EFBIG, ENOMEM)."""

    path: str | Path
    max_entries: int = 100_000
    max_inflated_bytes: int = 256 << 20

    def open(self) -> AnyFileSystem:
        index = ZipIndex(Path(self.path), entries_limit=self.max_entries)
        return ZipFS(index, inflate_limit_bytes=self.max_inflated_bytes)


@dataclass(frozen=True, slots=True)
class MemoryFolder:
    """Mount a filesystem in memory with a quota of its own."""

    max_bytes: int = GIB
    max_files: int = 100_000

    def open(self) -> AnyFileSystem:
        return MemoryFS(Quota(bytes=self.max_bytes, files=self.max_files))


@dataclass(frozen=True, slots=True)
class FsspecFolder:
    """Mount a folder of an fsspec filesystem, read-only (needs ``pip install pywasm-sandbox[fsspec]``)."""

    filesystem: Any
    path: str = ""

    def open(self) -> AnyFileSystem:
        # fsspec is optional: only who mounts one needs it.
        from pywasm_sandbox._vfs.fsspecfs import FsspecFS

        return FsspecFS(self.filesystem, self.path)


Mount = HostFolder | ZipArchive | MemoryFolder | FsspecFolder


def open_mount(path: str, mount: Mount | str | Path) -> AnyFileSystem:
    """The filesystem of a mount. A plain path is a `HostFolder`. Raises `HostFileError`."""
    spec = HostFolder(mount) if isinstance(mount, str | Path) else mount
    if not isinstance(spec, HostFolder | ZipArchive | MemoryFolder | FsspecFolder):
        raise TypeError(
            f"mount {path!r} is a {type(mount).__name__}; use HostFolder, ZipArchive or another mount"
        )
    try:
        return spec.open()
    except (MountError, OSError) as error:
        raise HostFileError(f"mount {path!r}: {error}") from error
