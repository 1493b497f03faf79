"""Linear memory of a guest: the only code of the project that turns a guest's pointer into host bytes.

A pointer is an unsigned 32-bit number that the guest made up. Every access here checks it against the
memory's size as it is now, and raises `Fault` when one byte lies outside; nothing is written then. A negative
number is a pointer that somebody read as signed, and is masked. One of 2**32 or more came from adding to a
pointer: it is a fault, since masking would turn the end of memory into its start.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from . import errnos
from .abi import IOVECS_MAX

U32_MASK: Final = 0xFFFF_FFFF

_U16 = Struct("<H")
_U32 = Struct("<I")
_U64 = Struct("<Q")
# One precompiled format for each short list of iovecs: nearly all calls pass one or two.
_IOVECS: Final = tuple(Struct(f"<{2 * count}I") for count in range(17))


class Fault(errnos.WasiError):
    """A pointer of the guest, or the range behind it, lies outside its memory."""

    def __init__(self, message: str) -> None:
        super().__init__(errnos.FAULT, message)


class Memory:
    """The guest's linear memory.

    `acquire` returns a writable one-dimensional memoryview of bytes over the whole memory as it is now. The
    view is kept while accesses fit in it; one that does not fit asks `acquire` once more, because a guest's
    memory grows, and faults only then.
    """

    __slots__ = ("_acquire", "_size", "_view")

    def __init__(self, acquire: Callable[[], memoryview] | None = None) -> None:
        self._acquire = acquire
        self._view: memoryview = memoryview(b"")
        self._size = 0

    def attach(self, acquire: Callable[[], memoryview]) -> None:
        """Use another memory from now on."""
        self._acquire = acquire
        self.refresh()

    def detach(self) -> None:
        """Let go of the memory: every access is a fault from now on."""
        self._acquire = None
        self.refresh()

    def refresh(self) -> None:
        """Forget the cached view: the memory may lie elsewhere now."""
        self._view = memoryview(b"")
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes of memory right now."""
        self._reacquire()
        return self._size

    def _reacquire(self) -> None:
        if self._acquire is None:
            self.refresh()
            return
        self._view = self._acquire()
        self._size = len(self._view)

    def _at(self, ptr: int, length: int) -> int:
        """The pointer as unsigned, once `length` bytes from there are known to exist."""
        if ptr < 0:
            ptr &= U32_MASK
        if length < 0 or ptr + length > self._size:
            self._reacquire()
            if length < 0 or ptr + length > self._size:
                raise Fault(f"{length} bytes at {ptr:#x} do not lie in a memory of {self._size} bytes")
        return ptr

    def check(self, ptr: int, length: int) -> None:
        """Fault unless `length` bytes from `ptr` exist."""
        self._at(ptr, length)

    def read(self, ptr: int, length: int) -> bytes:
        """A copy of `length` bytes. The caller bounds `length`, which decides what the host allocates."""
        ptr = self._at(ptr, length)
        return bytes(self._view[ptr : ptr + length])

    def view(self, ptr: int, length: int) -> memoryview:
        """The bytes themselves. Use it before the guest runs again, never keep it."""
        ptr = self._at(ptr, length)
        return self._view[ptr : ptr + length]

    def write(self, ptr: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` to `ptr`."""
        length = len(data)
        ptr = self._at(ptr, length)
        self._view[ptr : ptr + length] = data

    def get_u8(self, ptr: int) -> int:
        ptr = self._at(ptr, 1)  # first: it may replace the view
        return self._view[ptr]

    def get_u16(self, ptr: int) -> int:
        ptr = self._at(ptr, 2)
        value: int = _U16.unpack_from(self._view, ptr)[0]
        return value

    def get_u32(self, ptr: int) -> int:
        ptr = self._at(ptr, 4)
        value: int = _U32.unpack_from(self._view, ptr)[0]
        return value

    def get_u64(self, ptr: int) -> int:
        ptr = self._at(ptr, 8)
        value: int = _U64.unpack_from(self._view, ptr)[0]
        return value

    def set_u8(self, ptr: int, value: int) -> None:
        ptr = self._at(ptr, 1)
        self._view[ptr] = value

    def set_u16(self, ptr: int, value: int) -> None:
        ptr = self._at(ptr, 2)
        _U16.pack_into(self._view, ptr, value)

    def set_u32(self, ptr: int, value: int) -> None:
        ptr = self._at(ptr, 4)
        _U32.pack_into(self._view, ptr, value)

    def set_u64(self, ptr: int, value: int) -> None:
        ptr = self._at(ptr, 8)
        _U64.pack_into(self._view, ptr, value)

    def unpack(self, layout: Struct, ptr: int) -> tuple[int, ...]:
        """The fields of a structure at `ptr`."""
        ptr = self._at(ptr, layout.size)
        return layout.unpack_from(self._view, ptr)

    def pack(self, layout: Struct, ptr: int, *values: int) -> None:
        """Write a structure to `ptr`, padding as zeros."""
        ptr = self._at(ptr, layout.size)
        layout.pack_into(self._view, ptr, *values)

    def iovecs(self, ptr: int, count: int) -> list[memoryview]:
        """The buffers of an `iovec_array`, all of them checked, in order; empty ones are left out.

        Fails with `inval`, before anything is read, when `count` is more than `IOVECS_MAX`.
        """
        if count == 1:
            ptr = self._at(ptr, 8)
            start, length = _IOVECS[1].unpack_from(self._view, ptr)
            if not length:
                return []
            if start + length > self._size:
                start = self._at(start, length)
            return [self._view[start : start + length]]
        if count > IOVECS_MAX:
            raise errnos.WasiError(errnos.INVAL, f"{count} iovecs in one call; {IOVECS_MAX} is the most")
        ptr = self._at(ptr, 8 * count)
        layout = _IOVECS[count] if count < len(_IOVECS) else Struct(f"<{2 * count}I")
        fields = layout.unpack_from(self._view, ptr)
        buffers = []
        for start, length in zip(fields[::2], fields[1::2], strict=True):
            if length:
                start = self._at(start, length)
                buffers.append(self._view[start : start + length])
        return buffers
