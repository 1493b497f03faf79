"""Which pages of a mapped memory are its own: copied on write, and so different from what is mapped there."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import mmap
import os
import re
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Final

if sys.platform.startswith("linux"):
    import fcntl

__all__ = ["PAGE", "differing", "own_runs", "private_runs"]

PAGE: Final = 4096
"""The unit of deltas, in bytes, whatever the host's pages are."""

MAX_PIECE: Final = 1 << 20

_PRESENT_OR_SWAPPED: Final = 0xC0
_FILE: Final = 0x20
# Of each 64-bit entry the top byte matters: bit 63 present, bit 62 swapped, bit 61 a page of a file.
_OWN: Final = bytes(1 if top & _PRESENT_OR_SWAPPED and not top & _FILE else 0 for top in range(256))
_ONES: Final = re.compile(rb"\x01+")

# `struct pm_scan_arg`, `struct page_region` and PAGE_IS_… of linux/fs.h.
_PAGEMAP_SCAN: Final = 0xC0606610
_SCAN: Final = struct.Struct("12Q")
_REGION: Final = struct.Struct("3Q")
_REGIONS: Final = 512
_IS_FILE: Final = 4
_IS_PRESENT: Final = 8
_IS_SWAPPED: Final = 16


def private_runs(address: int, length: int) -> list[tuple[int, int]]:
    """Runs (offset, length) of pages from `address` on that may differ from the file mapped there privately.

    As the kernel says; all of it where it doesn't.
    """
    runs = own_runs(address, length)
    if runs is not None:
        return runs
    return [(0, length)] if length else []


def own_runs(address: int, length: int) -> list[tuple[int, int]] | None:
    """Runs (offset, length) of pages that are their mapping's own, None where the kernel doesn't tell.

    By Linux' PAGEMAP_SCAN, or /proc/self/pagemap of kernels before 6.7.
    """
    finder = _finder()
    return None if finder is None else finder(address, length)


_Finder = Callable[[int, int], list[tuple[int, int]]]


@functools.cache
def _finder() -> _Finder | None:
    """What works here: containers and other kernels may have nothing that does."""
    if not sys.platform.startswith("linux"):
        return None
    for finder in (_scan, _read_pagemap):
        with contextlib.suppress(OSError):
            if _tells_the_truth(finder):
                return finder
    return None


def _tells_the_truth(finder: _Finder) -> bool:
    """Whether it tells a page that was written from those that were read, or never touched."""
    import tempfile

    page = mmap.PAGESIZE
    with tempfile.TemporaryFile() as file:
        file.truncate(4 * page)
        with mmap.mmap(file.fileno(), 4 * page, mmap.MAP_PRIVATE) as probe:
            assert probe[0] == 0
            probe[2 * page] = 1
            with memoryview(probe) as view:
                byte = ctypes.c_char.from_buffer(view)
                found = finder(ctypes.addressof(byte), 4 * page)
                del byte
    return found == [(2 * page, page)]


def _read_pagemap(address: int, length: int) -> list[tuple[int, int]]:
    """By an entry of 8 bytes for each page. Raises `OSError`."""
    page = mmap.PAGESIZE
    count = length // page
    with _pagemap() as descriptor:
        entries = os.pread(descriptor, count * 8, address // page * 8)
    if len(entries) != count * 8:
        raise OSError(errno.EIO, "/proc/self/pagemap ends early")
    own = entries[7::8].translate(_OWN)
    return [(match.start() * page, (match.end() - match.start()) * page) for match in _ONES.finditer(own)]


def _scan(address: int, length: int) -> list[tuple[int, int]]:
    """By the ioctl, which passes over what isn't there. Raises `OSError`."""
    found: list[tuple[int, int]] = []
    regions = bytearray(_REGION.size * _REGIONS)
    buffer = ctypes.c_char.from_buffer(regions)
    start, end = address, address + length
    with _pagemap() as descriptor:
        while start < end:
            request = bytearray(
                _SCAN.pack(
                    _SCAN.size,
                    0,
                    start,
                    end,
                    0,
                    ctypes.addressof(buffer),
                    _REGIONS,
                    0,
                    _IS_FILE,  # the condition that is meant inverted
                    _IS_FILE,
                    _IS_PRESENT | _IS_SWAPPED,
                    _IS_PRESENT,
                )
            )
            count = fcntl.ioctl(descriptor, _PAGEMAP_SCAN, request)
            for first, last, _ in _REGION.iter_unpack(memoryview(regions)[: count * _REGION.size]):
                found.append((first - address, last - first))
            walked = _SCAN.unpack(request)[4]
            if walked <= start:
                raise OSError(errno.EIO, "PAGEMAP_SCAN does not get on")
            start = walked
    return found


@contextlib.contextmanager
def _pagemap() -> Iterator[int]:
    # Each time: one that was opened before a fork is the parent's.
    descriptor = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
