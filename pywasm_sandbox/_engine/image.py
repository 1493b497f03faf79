"""Images: an instance's memory and globals at one moment, from which any number of instances start.

Booting an interpreter takes tens of milliseconds, importing libraries seconds. An image is made once: its
file holds the pages of linear memory that are not zero, and a clone maps them copy-on-write over its own
memory (`mmap` with MAP_PRIVATE and MAP_FIXED), so that it costs one system call a run of pages and shares
with all others what it never writes. Where that isn't possible the pages are copied.

The file holds what a guest wrote, nothing that the host trusts: pages are as hostile as any guest's memory.
It is pages, then a footer of JSON that says where they go, then the footer's length and a magic number.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .arena import CAN_MAP, map_file
from .failures import EngineFailure
from .memories import Spares
from .prelinked import Prelinked
from .replay import LoaderState

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["Image", "ImageMismatch", "PageRun"]

WASM_PAGE: Final = 65536
MAX_GAP_PAGES: Final = 8
"""Zero pages between two runs that are kept in the file, so that a clone needs fewer mappings."""

MAX_MEMORY_BYTES: Final = 4 << 30
GLOBALS: Final = ("__stack_pointer",)
"""The mutable globals that are a guest's state."""

_TRAILER: Final = struct.Struct("<I12s")
_MAGIC: Final = b"pywasm-img-4"
_MAX_FOOTER_BYTES: Final = 16 << 20
_BAD_FOOTER: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


class ImageMismatch(EngineFailure):
    """The image does not fit the instance: another module, or more memory than its limits allow."""


_NOT_AN_IMAGE: Final = (*_BAD_FOOTER, struct.error, ImageMismatch)


class PageRun(NamedTuple):
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


def exported_globals(instance: Instance) -> dict[str, int]:
    """The values of the mutable globals that the module exports."""
    return {name: instance.global_get(name) for name in GLOBALS if instance.has_export(name)}


def grow_to(instance: Instance, memory_bytes: int) -> None:
    """Grow a fresh instance's memory. Raises `ImageMismatch` if it has more, or may not have as much."""
    grow = memory_bytes - instance.memory.size
    if grow < 0:
        raise ImageMismatch("the image is of another module: it has less memory than a fresh instance")
    if grow and not instance.grow_memory(grow // WASM_PAGE):
        raise ImageMismatch(
            f"the image needs {memory_bytes} bytes of memory, the limit is {instance.limits.memory_bytes}"
        )


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
        digest: str = "",
    ) -> None:
        self._descriptor = descriptor
        self.runs = tuple(runs)
        self.memory_bytes = memory_bytes
        self.globals = dict(globals)
        self.notes = dict(notes)
        self.libraries: LoaderState | None = None
        self.prelinked = Prelinked()
        """The side modules that are part of its program (`Engine.program`)."""
        self._described: list[Any] | None = None
        self._plan: Any = None
        self._digest = digest
        self._lock = threading.Lock()
        self._closed = True  # nothing to close for who could not be made: the file stays the caller's
        self._check()
        self.spares = Spares(self.runs, memory_bytes, descriptor)
        """Memories that hold it already."""
        self._closed = False

    def _check(self) -> None:
        """Runs must lie inside memory and file: a page past the file's end would be a SIGBUS when touched."""
        size = os.fstat(self._descriptor).st_size
        end = offset = 0
        for run in self.runs:
            aligned = not (run.address | run.length) % WASM_PAGE
            if not aligned or run.length <= 0 or run.address < end or run.offset != offset:
                raise ImageMismatch("the image's list of pages is damaged")
            end, offset = run.address + run.length, offset + run.length
            if end > self.memory_bytes or offset > size:
                raise ImageMismatch("the image's pages lie outside of its memory or its file")

    # ---- making one

    @classmethod
    def capture(cls, instance: Instance, fresh: Instance, descriptor: int, notes: Mapping[str, Any]) -> Image:
        """Write an idle instance's memory to an open, empty file, which the image owns from then on.

        ``fresh`` is an instance of the same module in which nothing ran: what it holds is in every clone
        before the image is applied, so those pages are kept even where they are zero by now.
        """
        view = instance.memory.view(0, instance.memory.size)
        initial = _used_pages(fresh.memory.view(0, fresh.memory.size))
        runs = _runs(sorted(_used_pages(view) | initial))
        os.ftruncate(descriptor, sum(run.length for run in runs))
        digest = hashlib.sha256()
        for run in runs:
            digest.update(f"{run.address} {run.length}\n".encode())
            for offset, data in _pieces(view[run.address : run.address + run.length]):
                digest.update(data)
                _write_all(descriptor, data, run.offset + offset)
        globals = exported_globals(instance)
        image = cls(descriptor, runs, instance.memory.size, globals, notes, digest.hexdigest())
        image.prelinked = instance.program.prelinked
        libraries = image.libraries = LoaderState.capture(instance)
        footer = json.dumps(
            {
                "runs": [[run.address, run.offset, run.length] for run in runs],
                "memory_bytes": image.memory_bytes,
                "globals": globals,
                "notes": image.notes,
                "sha256": image.digest,
                "libraries": None if libraries is None else libraries.describe(),
                "plan": None if libraries is None else libraries.plan(instance).description,
                "prelinked": image.prelinked.describe(),
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
            if sum(run.length for run in runs) + length + _TRAILER.size != size:
                raise ValueError("it has another length than it was written with")
            memory_bytes, globals = int(footer["memory_bytes"]), footer["globals"]
            if memory_bytes % WASM_PAGE or not 0 < memory_bytes <= MAX_MEMORY_BYTES:
                raise ValueError("its memory has an impossible size")
            if set(globals) - set(GLOBALS) or not all(type(value) is int for value in globals.values()):
                raise ValueError("its globals are not those of a guest")
            image = cls(descriptor, runs, memory_bytes, globals, dict(footer["notes"]), str(footer["sha256"]))
            image._described, image._plan = footer["libraries"], footer["plan"]
            image.prelinked = Prelinked.from_description(footer["prelinked"])
        except _NOT_AN_IMAGE as error:
            os.close(descriptor)
            raise ImageMismatch(f"the file is not an image: {error}") from error
        return image

    # ---- using one

    def loader_state(self, instance: Instance) -> LoaderState | None:
        """The side modules of the captured instance, found in this one's filesystem the first time."""
        if self.libraries is None and self._described is not None:
            self.libraries = LoaderState.find(self._described, instance, self._plan)
        return self.libraries

    def map(self, instance: Instance) -> None:
        """Put the pages in place, in an instance whose memory is large enough."""
        with self._lock:
            if self._closed:
                raise ImageMismatch("the image was closed")
            region = instance.region
            if region is not None and region.origin is not None:
                if region.origin is not self.spares:
                    raise ImageMismatch("the memory holds another image")
                return
            base = instance.memory_address
            for run in self.runs:
                if not CAN_MAP:
                    instance.memory.write(run.address, os.pread(self._descriptor, run.length, run.offset))
                    continue
                try:
                    map_file(base + run.address, run.length, self._descriptor, run.offset)
                except OSError as error:
                    raise ImageMismatch(f"the image: {error.strerror}") from error
            if region is not None:
                region.origin = self.spares

    def content(self, address: int, length: int) -> bytes:
        """What a part of linear memory holds in the image."""
        parts: list[bytes] = []
        at, end = address, address + length
        for run in self.runs:
            start, stop = max(at, run.address), min(end, run.address + run.length)
            if start < stop:
                parts.append(bytes(start - at))
                with self._lock:
                    if self._closed:
                        raise ImageMismatch("the image was closed")
                    parts.append(os.pread(self._descriptor, stop - start, run.offset + start - run.address))
                at = stop
        return b"".join([*parts, bytes(end - at)])

    @property
    def digest(self) -> str:
        """sha256 (hex) of the pages: two images with the same one are the same."""
        return self._digest

    def close(self) -> None:
        """Let go of the file. Clones keep what they mapped. Idempotent."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self.spares.close()
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
