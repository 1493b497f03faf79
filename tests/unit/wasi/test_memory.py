from __future__ import annotations

from struct import Struct

import pytest

from pywasm_sandbox._wasi import Fault, Memory
from pywasm_sandbox._wasi.errnos import FAULT, INVAL, WasiError


class Growing:
    """Linear memory that grows, and counts how often it is asked for."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(range(size))
        self.acquired = 0

    def acquire(self) -> memoryview:
        self.acquired += 1
        return memoryview(self.data)

    def grow(self, size: int) -> None:
        self.data = self.data + bytearray(size)


@pytest.fixture
def linear() -> Growing:
    return Growing(64)


@pytest.fixture
def memory(linear: Growing) -> Memory:
    return Memory(linear.acquire)


@pytest.mark.parametrize(("ptr", "length"), [(0, 64), (63, 1), (64, 0), (0, 0)])
def test_read_up_to_the_last_byte(memory: Memory, ptr: int, length: int) -> None:
    assert memory.read(ptr, length) == bytes(range(ptr, ptr + length))


@pytest.mark.parametrize(
    ("ptr", "length"),
    [(0, 65), (64, 1), (65, 0), (0xFFFF_FFFF, 1), (0xFFFF_FFFF, 0), (1, 0xFFFF_FFFF), (1 << 32, 1), (0, -1)],
)
def test_access_outside_faults_and_writes_nothing(
    memory: Memory, linear: Growing, ptr: int, length: int
) -> None:
    before = bytes(linear.data)
    for access in (memory.read, memory.view, memory.check):
        with pytest.raises(Fault) as caught:
            access(ptr, length)
        assert caught.value.errno == FAULT
    if length == 1:
        with pytest.raises(Fault):
            memory.write(ptr, b"x")
        with pytest.raises(Fault):
            memory.set_u8(ptr, 1)
    assert linear.data == before


@pytest.mark.parametrize(("getter", "size"), [("get_u8", 1), ("get_u16", 2), ("get_u32", 4), ("get_u64", 8)])
def test_integers_are_little_endian_and_checked(memory: Memory, getter: str, size: int) -> None:
    get = getattr(memory, getter)
    assert get(3) == int.from_bytes(bytes(range(3, 3 + size)), "little")
    assert get(64 - size) == int.from_bytes(bytes(range(64 - size, 64)), "little")
    with pytest.raises(Fault):
        get(65 - size)


@pytest.mark.parametrize(("setter", "size"), [("set_u8", 1), ("set_u16", 2), ("set_u32", 4), ("set_u64", 8)])
def test_setting_an_integer_touches_its_bytes_only(
    memory: Memory, linear: Growing, setter: str, size: int
) -> None:
    expected = bytearray(linear.data)
    expected[10 : 10 + size] = b"\xff" * size
    getattr(memory, setter)(10, (1 << 8 * size) - 1)
    assert linear.data == expected
    with pytest.raises(Fault):
        getattr(memory, setter)(65 - size, 0)
    assert linear.data == expected


def test_a_signed_pointer_is_masked_not_used_from_the_end(memory: Memory) -> None:
    # bytes[-4:] would be the end of memory.
    with pytest.raises(Fault):
        memory.read(-4, 4)
    with pytest.raises(Fault):
        memory.set_u32(-4, 0)


def test_memory_that_grew_is_asked_for_once(memory: Memory, linear: Growing) -> None:
    assert memory.read(0, 1) == b"\x00"
    memory.read(63, 1)
    assert linear.acquired == 1
    linear.grow(64)
    assert memory.read(127, 1) == b"\x00"
    assert linear.acquired == 2
    with pytest.raises(Fault):
        memory.read(128, 1)
    assert linear.acquired == 3
    assert memory.size == 128


def test_refresh_forgets_memory_that_moved(memory: Memory, linear: Growing) -> None:
    memory.read(0, 1)
    linear.data = bytearray(b"y" * 64)
    memory.refresh()
    assert memory.read(0, 1) == b"y"


def test_detached_memory_faults(memory: Memory) -> None:
    memory.read(0, 1)
    memory.detach()
    assert memory.size == 0
    with pytest.raises(Fault):
        memory.read(0, 1)


def test_attach_serves_a_memory_made_later() -> None:
    memory = Memory()
    with pytest.raises(Fault):
        memory.read(0, 1)
    memory.attach(lambda: memoryview(bytearray(b"z")))
    assert memory.read(0, 1) == b"z"


def test_view_is_the_memory_itself(memory: Memory, linear: Growing) -> None:
    memory.view(4, 2)[:] = b"ab"
    assert linear.data[3:7] == b"\x03ab\x06"


def test_pack_writes_padding_as_zeros(memory: Memory, linear: Growing) -> None:
    memory.pack(Struct("<B3xI"), 8, 1, 2)
    assert linear.data[7:17] == b"\x07\x01\0\0\0\x02\0\0\0\x10"
    assert memory.unpack(Struct("<B3xI"), 8) == (1, 2)
    with pytest.raises(Fault):
        memory.pack(Struct("<B3xI"), 57, 1, 2)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_iovecs(linear: Growing, count: int) -> None:
    linear.grow(1024)
    memory = Memory(linear.acquire)
    memory.write(100, b"".join(Struct("<II").pack(index, 3) for index in range(count)))
    assert [bytes(view) for view in memory.iovecs(100, count)] == [
        bytes(range(index, index + 3)) for index in range(count)
    ]


def test_many_iovecs_and_empty_ones(linear: Growing) -> None:
    linear.grow(16384)
    memory = Memory(linear.acquire)
    memory.write(100, b"".join(Struct("<II").pack(index % 60, index % 2) for index in range(1024)))
    assert len(memory.iovecs(100, 1024)) == 512


def test_too_many_iovecs_are_inval_before_anything_is_read(memory: Memory) -> None:
    with pytest.raises(WasiError) as caught:
        memory.iovecs(0xFFFF_FFFF, 1025)
    assert caught.value.errno == INVAL


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(("start", "length"), [(60, 5), (0xFFFF_FFFF, 1), (1, 0xFFFF_FFFF)])
def test_iovec_to_the_outside_faults(linear: Growing, count: int, start: int, length: int) -> None:
    memory = Memory(linear.acquire)
    memory.write(0, Struct("<II").pack(8, 1) * (count - 1) + Struct("<II").pack(start, length))
    with pytest.raises(Fault):
        memory.iovecs(0, count)


def test_an_empty_iovec_may_point_anywhere(memory: Memory) -> None:
    memory.write(0, Struct("<IIII").pack(0xFFFF_FFFF, 0, 0xFFFF_FFFF, 0))
    assert memory.iovecs(0, 1) == []
    assert memory.iovecs(0, 2) == []
