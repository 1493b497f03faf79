"""The memory of one instance at one moment, from which others start: an image, and what differs from it.

Three kinds of content, from the oldest to the newest:

- the image's pages, in its file;
- *frozen* ranges of the arena: memory that the guest grew and filled, shared and not copied (`arena`);
- *deltas*: copies of the pages that were written since, found by the kernel's page map where it tells, and
  by comparing where it doesn't.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .arena import PROT_NONE, PROT_READ_WRITE, Arena, Range
from .failures import InstanceClosed
from .image import WASM_PAGE, Image, ImageMismatch, exported_globals, grow_to
from .interrupts import Deadline
from .pages import MAX_PIECE, PAGE, differing, private_runs
from .replay import LoaderState

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["Delta", "MemoryState", "Segment"]

APPLY_SECONDS: Final = 10.0
FREEZE_BYTES: Final = 2 << 20
"""What has grown by less than this is copied: a frozen range costs a mapping in each twin."""


class Segment(NamedTuple):
    """Frozen memory: where it begins, its length in bytes (whole pages of 64 KiB), and its pages."""

    address: int
    length: int
    range: Range


class Delta(NamedTuple):
    """Bytes at an address."""

    address: int
    data: bytes


@dataclass(slots=True, eq=False)
class Backing:
    """What is mapped where in an instance's memory. From `growth_start` on it is the instance's own range."""

    image: Image
    segments: tuple[Segment, ...]
    growth_start: int
    growth: Range | None

    @classmethod
    def of(cls, instance: Instance) -> Backing | None:
        """An instance's backing, if it was made from an image or a state."""
        return next((each for each in instance.holdings if isinstance(each, Backing)), None)


@dataclass(frozen=True, slots=True)
class MemoryState:
    """Memory, globals and side modules of an instance. Any number of instances can start from it."""

    image: Image
    memory_bytes: int
    globals: Mapping[str, int]
    deltas: tuple[Delta, ...]
    segments: tuple[Segment, ...] = ()
    libraries: LoaderState | None = field(default=None, compare=False)
    described: list[Any] | None = field(default=None, compare=False)
    """`LoaderState.describe` of the side modules, of a state from a file."""

    @property
    def delta_bytes(self) -> int:
        """How much was copied."""
        return sum(len(each.data) for each in self.deltas)

    # ---- from an instance

    @classmethod
    def of_image(cls, image: Image) -> MemoryState:
        """The image itself."""
        return cls(image, image.memory_bytes, image.globals, ())

    @classmethod
    def capture(cls, instance: Instance, base: Callable[[], Image]) -> MemoryState:
        """The present state of an idle instance. On a guest thread; `base` gives an image for an instance
        that was not made from any, to store only what differs from it."""
        found = Backing.of(instance)
        if found is None and instance.closed:  # and so has none any more
            raise InstanceClosed("the guest was closed")
        image = base() if found is None else found.image
        return instance.exclusively(lambda: cls._capture(instance, image))

    @classmethod
    def _capture(cls, instance: Instance, image: Image) -> MemoryState:
        libraries = LoaderState.capture(instance)
        if libraries is not None and image.libraries is not None and libraries.same_as(image.libraries):
            libraries = image.libraries  # which has a plan already
        backing = Backing.of(instance)
        size, address = instance.memory.size, instance.memory_address
        if backing is None:
            deltas = _compare(address, size, image)
            return cls(image, size, exported_globals(instance), tuple(deltas), (), libraries)
        deltas = list(_image_deltas(address, backing, size))
        for segment in backing.segments:
            deltas += _segment_deltas(address, segment)
        if size > backing.growth_start:
            if backing.growth is not None and size - backing.growth_start >= FREEZE_BYTES:
                _freeze(instance, backing, size)
            else:
                deltas += _growth_deltas(address, backing, size)
        return cls(
            backing.image, size, exported_globals(instance), tuple(deltas), backing.segments, libraries
        )

    # ---- to an instance

    def apply(self, instance: Instance) -> None:
        """Make a fresh instance of the same module what the captured one was.

        On its guest thread, within no call. Raises `ImageMismatch` if the instance's limits are too small,
        `LibraryMismatch` if a side module isn't in its filesystem any more.
        """
        # First, because code that isn't in the cache is compiled, which may take longer than the rest may.
        libraries = self._find_libraries(instance)
        # Only a side module's initialiser could ever need so long.
        instance.exclusively(lambda: self._apply(instance, libraries), Deadline.after(APPLY_SECONDS, 0.0))

    def _find_libraries(self, instance: Instance) -> LoaderState | None:
        if self.libraries is not None:
            return self.libraries
        if self.described is not None:
            return LoaderState.find(self.described, instance)
        return self.image.loader_state(instance)

    def _apply(self, instance: Instance, libraries: LoaderState | None) -> None:
        grow_to(instance, self.memory_bytes)
        if libraries is not None:
            libraries.restore(instance)
        self.image.map(instance)
        address = instance.memory_address
        growth_start = self.image.memory_bytes
        try:
            for segment in self.segments:
                segment.range.map(
                    address + segment.address, 0, segment.length, shared=False, protection=PROT_READ_WRITE
                )
                growth_start = segment.address + segment.length
            instance.holdings.append(_back(instance, self.image, self.segments, growth_start))
        except OSError as error:
            raise ImageMismatch(error.strerror) from error
        for delta in self.deltas:
            instance.memory.write(delta.address, delta.data)
        for name, value in self.globals.items():
            instance.global_set(name, value)

    # ---- to and from files

    def shared(self, arena: Arena | None) -> MemoryState:
        """The same with what lies behind the image in a frozen range, if it is much: then it is copied here,
        once, and not to each instance."""
        start = self.image.memory_bytes
        inside, behind = _split(self.deltas, start)
        if arena is None or self.segments or sum(len(each.data) for each in behind) < FREEZE_BYTES:
            return self
        length = self.memory_bytes - start
        pages = arena.take(length)
        if pages is None:
            return self
        for each in behind:
            pages.write(each.address - start, memoryview(each.data))
        return replace(self, deltas=tuple(inside), segments=(Segment(start, length, pages),))

    def content(self) -> Iterator[Delta]:
        """All that differs from the image, in pieces of about 1 MiB, each byte once, in order of address."""
        changed = {
            delta.address + offset: delta.data[offset : offset + PAGE]
            for delta in self.deltas
            for offset in range(0, len(delta.data), PAGE)
        }
        for segment in self.segments:
            for start in range(0, segment.length, PAGE):
                changed.setdefault(segment.address + start, b"")
        pending: list[bytes] = []
        begin = end = 0
        for address in sorted(changed):
            data = changed[address] or self._frozen(address)
            if not data.strip(b"\0") and address >= self.image.memory_bytes:
                continue
            if pending and (address != end or end - begin >= MAX_PIECE):
                yield Delta(begin, b"".join(pending))
                pending = []
            if not pending:
                begin = address
            pending.append(data)
            end = address + len(data)
        if pending:
            yield Delta(begin, b"".join(pending))

    def _frozen(self, address: int) -> bytes:
        for segment in self.segments:
            if segment.address <= address < segment.address + segment.length:
                return segment.range.read(address - segment.address, PAGE)
        raise LookupError(address)


def _split(deltas: Sequence[Delta], at: int) -> tuple[list[Delta], list[Delta]]:
    """What lies below an address, and what does not."""
    below: list[Delta] = []
    above: list[Delta] = []
    for each in deltas:
        cut = min(max(at - each.address, 0), len(each.data))
        if cut:
            below.append(Delta(each.address, each.data[:cut]))
        if cut < len(each.data):
            above.append(Delta(each.address + cut, each.data[cut:]))
    return below, above


def _compare(address: int, size: int, image: Image) -> list[Delta]:
    return [Delta(offset, data) for offset, data in differing(address, [(0, size)], image.content)]


def _image_deltas(address: int, backing: Backing, size: int) -> Iterator[Delta]:
    image = backing.image
    runs = private_runs(address, min(size, image.memory_bytes))
    for offset, data in differing(address, runs, image.content):
        yield Delta(offset, data)


def _segment_deltas(address: int, segment: Segment) -> Iterator[Delta]:
    start = address + segment.address
    for offset, data in differing(start, private_runs(start, segment.length), segment.range.read):
        yield Delta(segment.address + offset, data)


def _growth_deltas(address: int, backing: Backing, size: int) -> Iterator[Delta]:
    """What a guest wrote to the memory that it grew. Read from the file, where holes are not filled by it."""
    start = backing.growth_start
    for at in range(start, size, MAX_PIECE):
        length = min(MAX_PIECE, size - at)
        if backing.growth is None:
            data = ctypes.string_at(address + at, length)
        else:
            data = backing.growth.read(at - start, length)
        begin = -1
        for offset in range(0, length + PAGE, PAGE):
            used = bool(data[offset : offset + PAGE].strip(b"\0"))
            if used and begin < 0:
                begin = offset
            elif not used and begin >= 0:
                yield Delta(at + begin, data[begin:offset])
                begin = -1


def _freeze(instance: Instance, backing: Backing, size: int) -> None:
    """From here on the instance has its own range mapped privately, and grows into another one."""
    assert backing.growth is not None
    start, address = backing.growth_start, instance.memory_address
    segment = Segment(start, size - start, backing.growth)
    backing.growth.map(address + start, 0, segment.length, shared=False, protection=PROT_READ_WRITE)
    # The range is still mapped shared behind `size`, where nothing was ever written, until the next one is.
    twin = _back(instance, backing.image, (*backing.segments, segment), size)
    instance.holdings[:] = [each for each in instance.holdings if each is not backing] + [twin]
    backing.segments, backing.growth_start, backing.growth = twin.segments, size, twin.growth


def _back(instance: Instance, image: Image, segments: tuple[Segment, ...], start: int) -> Backing:
    """Map a range of the arena over the memory from `start` to the limit: what is there now is zeros."""
    arena = instance.engine.arena
    limit = instance.limits.memory_bytes // WASM_PAGE * WASM_PAGE
    size = instance.memory.size
    growth = arena.take(limit - start) if arena is not None and limit > start else None
    if growth is not None:
        address = instance.memory_address
        if size > start:
            growth.map(address + start, 0, size - start, shared=True, protection=PROT_READ_WRITE)
        if limit > size:
            growth.map(address + size, size - start, limit - size, shared=True, protection=PROT_NONE)
    return Backing(image, segments, start, growth)
