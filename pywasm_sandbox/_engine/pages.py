"""Which pages of a mapped memory are its own: copied on write, and so different from what is mapped there."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import mmap
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["PAGE", "differing", "private_runs"]

PAGE: Final = 4096
"""The unit of deltas, in bytes, whatever the host's pages are."""

MAX_PIECE: Final = 1 << 20

_PRESENT_OR_SWAPPED: Final = 0xC0
_FILE: Final = 0x20
# Of each 64-bit entry the top byte matters: bit 63 present, bit 62 swapped, bit 61 a page of a file.
_OWN: Final = bytes(1 if top & _PRESENT_OR_SWAPPED and not top & _FILE else 0 for top in range(256))
_ONES: Final = re.compile(rb"\x01+")


def private_runs(address: int, length: int) -> list[tuple[int, int]]:
    """Runs (offset, length) of pages from `address` on that may differ from the file mapped there privately.

    From Linux' /proc/self/pagemap; all of it where that can't be read.
    """
    if not _pagemap_works():
        return [(0, length)] if length else []
    page = mmap.PAGESIZE
    own = _own_pages(address, length)
    return [(match.start() * page, (match.end() - match.start()) * page) for match in _ONES.finditer(own)]


def _own_pages(address: int, length: int) -> bytes:
    """1 for each host page that is its mapping's own, else 0. Raises `OSError`."""
    count = length // mmap.PAGESIZE
    descriptor = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    try:
        entries = os.pread(descriptor, count * 8, address // mmap.PAGESIZE * 8)
    finally:
        os.close(descriptor)
    if len(entries) != count * 8:
        raise OSError(errno.EIO, "/proc/self/pagemap ends early")
    return entries[7::8].translate(_OWN)


@functools.cache
def _pagemap_works() -> bool:
    """Whether the kernel tells which pages are whose: containers and other kernels may hide it."""
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError), mmap.mmap(-1, 2 * mmap.PAGESIZE, mmap.MAP_PRIVATE) as probe:
        probe[0] = 1
        with memoryview(probe) as view:
            byte = ctypes.c_char.from_buffer(view)
            found = _own_pages(ctypes.addressof(byte), 2 * mmap.PAGESIZE)
            del byte
        return found[0] == 1
    return False


def differing(
    address: int, runs: list[tuple[int, int]], base: Callable[[int, int], bytes]
) -> Iterator[tuple[int, bytes]]:
    """(offset, content) of runs of pages from `address` on that differ from `base(offset, length)`."""
    for start, length in runs:
        for offset in range(start, start + length, MAX_PIECE):
            size = min(MAX_PIECE, start + length - offset)
            now, before = ctypes.string_at(address + offset, size), base(offset, size)
            if now != before:
                yield from _changed(offset, now, before)


def _changed(offset: int, now: bytes, before: bytes) -> Iterator[tuple[int, bytes]]:
    begin = -1
    for at in range(0, len(now) + PAGE, PAGE):
        differs = now[at : at + PAGE] != before[at : at + PAGE]
        if differs and begin < 0:
            begin = at
        elif not differs and begin >= 0:
            yield offset + begin, now[begin:at]
            begin = -1
