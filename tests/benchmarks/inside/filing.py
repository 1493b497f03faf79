"""Programs that use files below the current directory, and leave none there."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["LARGE_BYTES", "PROGRAMS", "SMALL_FILES"]

LARGE_BYTES = 32 << 20
SMALL_FILES = 500
_CHUNK = b"\xa5" * (1 << 20)


def write_large() -> int:
    """Overwrite 32 MiB in pieces of 1 MiB."""
    with open("large.bin", "wb", buffering=0) as file:
        for _ in range(LARGE_BYTES // len(_CHUNK)):
            file.write(_CHUNK)
        return file.tell()


def read_large() -> int:
    """Read 32 MiB in pieces of 1 MiB."""
    if not os.path.exists("large.bin"):
        write_large()
    total = 0
    with open("large.bin", "rb", buffering=0) as file:
        while piece := file.read(len(_CHUNK)):
            total += len(piece)
    return total


def small_files() -> int:
    """500 files of 1 KB: created, written, read, removed."""
    total = 0
    for i in range(SMALL_FILES):
        with open(f"small-{i}", "wb") as file:
            file.write(_CHUNK[:1024])
    for i in range(SMALL_FILES):
        with open(f"small-{i}", "rb") as file:
            total += len(file.read())
    for i in range(SMALL_FILES):
        os.unlink(f"small-{i}")
    return total


def stats() -> int:
    """Attributes of one file, 500 times."""
    with open("stats", "wb"):
        pass
    total = 0
    for _ in range(SMALL_FILES):
        total += os.stat("stats").st_nlink
    os.unlink("stats")
    return total


def lines() -> int:
    """100,000 lines written and read through the text layer."""
    with open("lines.txt", "w") as file:
        for i in range(100_000):
            file.write(f"line {i}\n")
    with open("lines.txt") as file:
        total = sum(len(line) for line in file)
    os.unlink("lines.txt")
    return total


PROGRAMS: dict[str, Callable[[], object]] = {
    program.__name__: program for program in (write_large, read_large, small_files, stats, lines)
}
