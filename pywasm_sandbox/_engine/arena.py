"""One sparse memory file of the process, from which linear memories grow so that they can be shared later.

Pages of ordinary memory can't be shared after they were written; pages of a file can. So the part of a linear
memory that lies behind its image is mapped from a range of this file (MAP_SHARED: the guest writes the file's
own pages). To fork or snapshot the guest, its range is *frozen*: from then on nobody writes it, parent, twins
and snapshots map it MAP_PRIVATE and copy only the pages that they change. Nothing is copied at that moment.

A range belongs to the objects that refer to it and goes back, its pages freed, with the last of them. The
file has no name, no other process has it open but forked children, which never touch it. Linux only;
elsewhere, and where the file can't be made, there is no arena and pages are copied.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
from collections import deque
from typing import Any, Final

__all__ = [
    "CAN_MAP",
    "PROT_NONE",
    "PROT_READ_WRITE",
    "Arena",
    "Range",
    "allow_access",
    "discard_pages",
    "map_file",
    "map_nothing",
    "map_whole",
    "reserve",
    "unmap",
]

logger = logging.getLogger("pywasm_sandbox")

PROT_NONE: Final = 0
PROT_READ_WRITE: Final = 3
MAP_SHARED_FIXED: Final = 0x11
MAP_PRIVATE_FIXED: Final = 0x12
MAP_RESERVE: Final = 0x4022
"""MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE."""
_MAP_PRIVATE: Final = 2
_MAP_FIXED: Final = 0x10
_PROT_READ: Final = 1
_MAP_FAILED: Final = ctypes.c_void_p(-1).value
_MADV_DONTNEED: Final = 4
_PUNCH_HOLE_KEEP_SIZE: Final = 3
_FILE_BYTES: Final = 1 << 56
"""A sparse file costs nothing; a mapping past a file's end would be a SIGBUS when touched."""


def _libc() -> Any:
    # The numbers above are Linux', and only there is mapping over a linear memory known to be sound.
    if not sys.platform.startswith("linux"):
        return None
    libc: Any = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
    )
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    if hasattr(libc, "fallocate64"):
        libc.fallocate64.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return libc


_LIBC: Final = _libc()
CAN_MAP: Final = _LIBC is not None


def map_file(
    address: int, length: int, descriptor: int, offset: int, *, shared: bool = False, protection: int = 3
) -> None:
    """Map a part of a file over `address`, which is inside a mapping of the caller's. Raises `OSError`."""
    flags = MAP_SHARED_FIXED if shared else MAP_PRIVATE_FIXED
    if _LIBC.mmap(address, length, protection, flags, descriptor, offset) != address:
        raise _failure("memory can't be mapped")


def map_nothing(address: int, length: int, protection: int = PROT_NONE) -> None:
    """Map zeros over `address`, which is inside a mapping of the caller's. Raises `OSError`."""
    if _LIBC.mmap(address, length, protection, MAP_RESERVE | _MAP_FIXED, -1, 0) != address:
        raise _failure("memory can't be mapped")


def map_whole(descriptor: int, length: int) -> int:
    """A file to be read, from its beginning; where it is. Raises `OSError`."""
    address = _LIBC.mmap(None, length, _PROT_READ, _MAP_PRIVATE, descriptor, 0)
    if address is None or address == _MAP_FAILED:
        raise _failure("a file can't be mapped")
    return int(address)


def reserve(length: int) -> int:
    """Address space that can't be accessed; where it is. Raises `OSError`."""
    address = _LIBC.mmap(None, length, PROT_NONE, MAP_RESERVE, -1, 0)
    if address is None or address == _MAP_FAILED:
        raise _failure(f"there are no {length >> 20} MiB of address space")
    return int(address)


def allow_access(address: int, length: int) -> None:
    """Let a part of a mapping be read and written. Raises `OSError`."""
    if _LIBC.mprotect(address, length, PROT_READ_WRITE) != 0:
        raise _failure("there is no more memory")


def discard_pages(address: int, length: int) -> None:
    """Forget what was written to a private mapping of a file. Raises `OSError`."""
    if _LIBC.madvise(address, length, _MADV_DONTNEED) != 0:
        raise _failure("memory can't be discarded")


def unmap(address: int, length: int) -> None:
    """End a mapping."""
    _LIBC.munmap(address, length)


def _failure(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


class Range:
    """A part of the arena's file, in bytes. Its pages are freed with it."""

    __slots__ = ("__weakref__", "arena", "length", "offset")

    def __init__(self, arena: Arena, offset: int, length: int) -> None:
        self.arena = arena
        self.offset = offset
        self.length = length

    def read(self, start: int, length: int) -> bytes:
        """Its content; holes are zeros and stay holes."""
        return os.pread(self.arena.descriptor, length, self.offset + start)

    def write(self, start: int, data: memoryview) -> None:
        """Fill it, while nobody has it mapped. Raises `OSError`."""
        done = 0
        while done < len(data):
            done += os.pwrite(self.arena.descriptor, data[done:], self.offset + start + done)

    def map(self, address: int, start: int, length: int, *, shared: bool, protection: int) -> None:
        """Map a part of it over `address`."""
        map_file(
            address,
            length,
            self.arena.descriptor,
            self.offset + start,
            shared=shared,
            protection=protection,
        )

    def __del__(self) -> None:
        if sys is not None and not sys.is_finalizing():  # at the process's end it all goes anyway
            self.arena.release(self.offset, self.length)


class Arena:
    """The file, and which ranges of it are free. Thread-safe."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._end = 0
        # Ranges come back whenever the last reference goes, on any thread, also inside `take`: no lock there.
        self._free: dict[int, deque[int]] = {}
        self.descriptor = os.memfd_create("pywasm-sandbox", os.MFD_CLOEXEC)
        try:
            os.ftruncate(self.descriptor, _FILE_BYTES)
        except OSError:
            os.close(self.descriptor)
            raise

    @classmethod
    def make(cls) -> Arena | None:
        """An arena, or None where there can't be one."""
        if _LIBC is None or not hasattr(os, "memfd_create") or not hasattr(_LIBC, "fallocate64"):
            return None
        try:
            return cls()
        except OSError as error:  # RLIMIT_FSIZE, a kernel that forbids it
            logger.info("memory of contexts is copied and not shared when they are forked: %s", error)
            return None

    def take(self, length: int) -> Range | None:
        """A range of zeros, or None if there is no room (which takes millions of ranges)."""
        free = self._free.get(length)
        if free is not None:
            try:
                return Range(self, free.pop(), length)
            except IndexError:
                pass
        with self._lock:
            if self._end + length > _FILE_BYTES:
                return None
            offset = self._end
            self._end += length
        return Range(self, offset, length)

    def release(self, offset: int, length: int) -> None:
        """Free a range's pages. Called by `Range`."""
        if os.getpid() != self._pid:  # a forked child: the pages are its parent's
            return
        if _LIBC.fallocate64(self.descriptor, _PUNCH_HOLE_KEEP_SIZE, offset, length) == 0:
            self._free.setdefault(length, deque()).append(offset)

    @property
    def stored_bytes(self) -> int:
        """Memory that the file takes."""
        return os.fstat(self.descriptor).st_blocks * 512

    def __del__(self) -> None:
        descriptor = getattr(self, "descriptor", None)
        if descriptor is not None and sys is not None:
            os.close(descriptor)
