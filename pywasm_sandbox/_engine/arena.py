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

__all__ = ["PROT_NONE", "PROT_READ_WRITE", "Arena", "Range", "map_file"]

logger = logging.getLogger("pywasm_sandbox")

PROT_NONE: Final = 0
PROT_READ_WRITE: Final = 3
MAP_SHARED_FIXED: Final = 0x11
MAP_PRIVATE_FIXED: Final = 0x12
_PUNCH_HOLE_KEEP_SIZE: Final = 3
_FILE_BYTES: Final = 1 << 56
"""A sparse file costs nothing; a mapping past a file's end would be a SIGBUS when touched."""


def _libc() -> Any:
    # Linear memory is a mapping of wasmtime's own, and only on Linux is mapping over it known to be sound.
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
        number = ctypes.get_errno()
        raise OSError(number, f"memory can't be mapped: {os.strerror(number)}")


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
