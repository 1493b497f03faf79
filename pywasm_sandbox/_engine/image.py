"""Images: an instance's memory and globals at one moment, from which any number of instances start.

Booting an interpreter takes tens of milliseconds, importing libraries seconds. An image is made once: its
file holds the pages of linear memory that are not zero, and a clone maps them copy-on-write over its own
memory (`mmap` with MAP_PRIVATE and MAP_FIXED), so that it costs one system call a run of pages and shares
with all others what it never writes. Where that isn't possible the pages are copied.

The file holds what a guest wrote, nothing that the host trusts: pages are as hostile as any guest's memory.
It is pages, then a footer of JSON that says where they go, then the footer's length and a magic number.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .failures import EngineFailure

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["Image", "ImageMismatch", "PageRun"]

WASM_PAGE: Final = 65536
MAX_GAP_PAGES: Final = 8
"""Zero pages between two runs that are kept in the file, so that a clone needs fewer mappings."""

_PROT_READ_WRITE: Final = 3
_MAP_PRIVATE_FIXED: Final = 0x12
_GLOBALS: Final = ("__stack_pointer",)
_TRAILER: Final = struct.Struct("<I12s")
_MAGIC: Final = b"pywasm-img-1"
_MAX_FOOTER_BYTES: Final = 1 << 20


class ImageMismatch(EngineFailure):
    """The image does not fit the instance: another module, or more memory than its limits allow."""


@dataclass(frozen=True, slots=True)
class PageRun:
    """Neighbouring pages: where they lie in linear memory and in the file; all in bytes."""

    address: int
    offset: int
    length: int


def _used_pages(view: memoryview) -> set[int]:
    zero = bytes(WASM_PAGE)
    return {
        page
        for page in range(len(view) // WASM_PAGE)
        if view[page * WASM_PAGE : (page + 1) * WASM_PAGE] != zero
    }


def _runs(used: list[int]) -> list[PageRun]:
    """Neighbouring pages put together, in order."""
    runs: list[PageRun] = []
    offset = 0
    start = end = -1
    for page in [*used, None]:
        if page is not None and start >= 0 and page - end <= MAX_GAP_PAGES:
            end = page + 1
            continue
        if start >= 0:
            length = (end - start) * WASM_PAGE
            runs.append(PageRun(start * WASM_PAGE, offset, length))
            offset += length
        if page is not None:
            start, end = page, page + 1
    return runs


def _libc_mmap() -> Callable[..., int | None] | None:
    # Linear memory is a mapping of wasmtime's own, and only on Linux is mapping over it known to be sound.
    if not sys.platform.startswith("linux"):
        return None
    function: Any = ctypes.CDLL(None, use_errno=True).mmap
    function.restype = ctypes.c_void_p
    function.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    )
    return function  # type: ignore[no-any-return]


class Image:
    """Pages in a file, and the values of mutable globals. Thread-safe; close it when no clone will be made.

    ``globals`` are the exported mutable globals by name, ``memory_bytes`` is the size of linear memory;
    ``notes`` are whatever JSON the layer above needs to know of the captured guest.
    """

    def __init__(
        self,
        descriptor: int,
        runs: Sequence[PageRun],
        memory_bytes: int,
        globals: Mapping[str, int],
        notes: Mapping[str, Any],
    ) -> None:
        self._descriptor = descriptor
        self.runs = tuple(runs)
        self.memory_bytes = memory_bytes
        self.globals = dict(globals)
        self.notes = dict(notes)
        self._mmap = _libc_mmap()
        self._lock = threading.Lock()
        self._closed = False
        self._check()

    def _check(self) -> None:
        """Runs must lie inside memory and file: a page past the file's end would be a SIGBUS when touched."""
        size = os.fstat(self._descriptor).st_size
        end = 0
        for run in self.runs:
            aligned = not (run.address | run.offset | run.length) % WASM_PAGE
            if not aligned or run.length <= 0 or run.address < end or run.offset < 0:
                raise ImageMismatch("the image's list of pages is damaged")
            end = run.address + run.length
            if end > self.memory_bytes or run.offset + run.length > size:
                raise ImageMismatch("the image's pages lie outside of its memory or its file")

    # ---- making one

    @classmethod
    def capture(cls, instance: Instance, fresh: Instance, descriptor: int, notes: Mapping[str, Any]) -> Image:
        """Write an idle instance's memory to an open, empty file, which the image owns from then on.

        ``fresh`` is an instance of the same module in which nothing ran: what it holds is in every clone
        before the image is applied, so those pages are kept even where they are zero by now.
        """
        if not instance.loader.pristine:
            raise ImageMismatch("the guest has loaded libraries, which an image does not hold")
        view = instance.memory.view(0, instance.memory.size)
        initial = _used_pages(fresh.memory.view(0, fresh.memory.size))
        runs = _runs(sorted(_used_pages(view) | initial))
        os.ftruncate(descriptor, sum(run.length for run in runs))
        for run in runs:
            for offset, data in _pieces(view[run.address : run.address + run.length]):
                _write_all(descriptor, data, run.offset + offset)
        globals = {name: instance.global_get(name) for name in _GLOBALS if instance.has_export(name)}
        image = cls(descriptor, runs, instance.memory.size, globals, notes)
        footer = json.dumps(
            {
                "runs": [[run.address, run.offset, run.length] for run in runs],
                "memory_bytes": image.memory_bytes,
                "globals": globals,
                "notes": image.notes,
            }
        ).encode()
        end = os.fstat(descriptor).st_size
        _write_all(descriptor, memoryview(footer + _TRAILER.pack(len(footer), _MAGIC)), end)
        return image

    @classmethod
    def open(cls, descriptor: int) -> Image:
        """The image in a file, which it owns from then on. Raises `ImageMismatch` for any other file."""
        try:
            size = os.fstat(descriptor).st_size
            trailer = os.pread(descriptor, _TRAILER.size, max(size - _TRAILER.size, 0))
            length, magic = _TRAILER.unpack(trailer)
            if magic != _MAGIC or length > min(_MAX_FOOTER_BYTES, size - _TRAILER.size):
                raise ValueError("it has no footer")
            footer = json.loads(os.pread(descriptor, length, size - _TRAILER.size - length))
            runs = [PageRun(*map(int, run)) for run in footer["runs"]]
            image = cls(
                descriptor, runs, int(footer["memory_bytes"]), dict(footer["globals"]), dict(footer["notes"])
            )
        except (ValueError, TypeError, KeyError, struct.error, ImageMismatch) as error:
            os.close(descriptor)
            raise ImageMismatch(f"the file is not an image: {error}") from error
        return image

    # ---- using one

    def apply(self, instance: Instance) -> None:
        """Make a fresh instance of the same module what the captured one was.

        On its guest thread, within no call. Raises `ImageMismatch` if the instance's limits are too small.
        """
        grow = self.memory_bytes - instance.memory.size
        if grow < 0:
            raise ImageMismatch("the image is of another module: it has less memory than a fresh instance")
        if grow and not instance.grow_memory(grow // WASM_PAGE):
            raise ImageMismatch(
                f"the image needs {self.memory_bytes} bytes of memory, "
                f"the limit is {instance.limits.memory_bytes}"
            )
        with self._lock:
            if self._closed:
                raise ImageMismatch("the image was closed")
            self._map(instance)
        for name, value in self.globals.items():
            instance.global_set(name, value)

    def _map(self, instance: Instance) -> None:
        base = instance.memory_address
        for run in self.runs:
            if self._mmap is None:
                instance.memory.write(run.address, os.pread(self._descriptor, run.length, run.offset))
                continue
            target = base + run.address
            found = self._mmap(
                target, run.length, _PROT_READ_WRITE, _MAP_PRIVATE_FIXED, self._descriptor, run.offset
            )
            if found != target:
                number = ctypes.get_errno()
                raise ImageMismatch(f"the image can't be mapped: {os.strerror(number)}")

    def warm(self) -> None:
        """Read the file once, so that the first clone does not wait for the disk."""
        if self.runs:
            last = self.runs[-1]
            with mmap.mmap(self._descriptor, last.offset + last.length, prot=mmap.PROT_READ) as pages:
                sum(pages[:: mmap.PAGESIZE])

    def close(self) -> None:
        """Let go of the file. Clones keep what they mapped. Idempotent."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._descriptor)

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self._closed = True
            os.close(self._descriptor)


def _pieces(view: memoryview, size: int = 1 << 24) -> Iterator[tuple[int, memoryview]]:
    for offset in range(0, len(view), size):
        yield offset, view[offset : offset + size]


def _write_all(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
