"""The ring in guest memory and the cutting of output into entries."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from pywasm_sandbox._guests.protocol import Output
from pywasm_sandbox._guests.stdio import OutputAssembler, StdioRing
from pywasm_sandbox._wasi import Memory

ADDRESS, DATA, CAPACITY = 16, 64, 64


class FakeGuest:
    """Memory with a ring in it, written the way the C runtime writes."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.bytes = bytearray(4096)
        struct.pack_into("<4I", self.bytes, ADDRESS, DATA, capacity, 0, 0)
        self.memory = Memory(lambda: memoryview(self.bytes))

    def counters(self) -> tuple[int, int]:
        head, tail = struct.unpack_from("<2I", self.bytes, ADDRESS + 8)
        return head, tail

    def set_counters(self, head: int, tail: int) -> None:
        struct.pack_into("<2I", self.bytes, ADDRESS + 8, head & 0xFFFFFFFF, tail & 0xFFFFFFFF)

    def write(self, fd: int, data: bytes) -> None:
        head, tail = self.counters()
        for byte in struct.pack("<I", fd << 24 | len(data)) + data:
            self.bytes[DATA + head % CAPACITY] = byte
            head += 1
        self.set_counters(head, tail)


def test_take_empties_the_ring_and_joins_neighbours() -> None:
    guest = FakeGuest()
    ring = StdioRing(guest.memory, ADDRESS)
    for fd, data in ((1, b"a"), (1, b"b\n"), (2, b"err"), (1, b"c")):
        guest.write(fd, data)
    assert ring.take() == [(1, b"ab\n"), (2, b"err"), (1, b"c")]
    head, tail = guest.counters()
    assert head == tail
    assert ring.take() == []


def test_take_reads_around_the_end_of_the_ring_and_of_u32() -> None:
    guest = FakeGuest()
    ring = StdioRing(guest.memory, ADDRESS)
    guest.set_counters(2**32 - 10, 2**32 - 10)
    guest.write(1, b"0123456789abcdef")
    assert ring.take() == [(1, b"0123456789abcdef")]


@pytest.mark.parametrize("head", [CAPACITY + 1, 2**32 - 1])
def test_impossible_counters_empty_the_ring(head: int) -> None:
    guest = FakeGuest()
    ring = StdioRing(guest.memory, ADDRESS)
    guest.set_counters(head, 0)
    assert ring.take() == []
    assert guest.counters() == (head, head)


def test_a_record_longer_than_the_ring_ends_the_reading() -> None:
    guest = FakeGuest()
    ring = StdioRing(guest.memory, ADDRESS)
    guest.write(1, b"good")
    guest.write(1, b"bad")
    struct.pack_into("<I", guest.bytes, DATA + 8, 1 << 24 | 0xFFFFFF)
    assert ring.take() == [(1, b"goodbad")]


def test_records_of_other_descriptors_are_dropped() -> None:
    guest = FakeGuest()
    ring = StdioRing(guest.memory, ADDRESS)
    guest.write(7, b"x")
    guest.write(1, b"y")
    assert ring.take() == [(1, b"y")]


@pytest.mark.parametrize("capacity", [0, 3, 1 << 25])
def test_impossible_capacity_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="is not a power of two in range"):
        StdioRing(FakeGuest(capacity).memory, ADDRESS)


class Collected:
    def __init__(self, *, max_bytes: int = 10_000, line_entries: int = 1000) -> None:
        self.outputs: list[Output] = []
        self.assembler = OutputAssembler(self.outputs.append, max_bytes=max_bytes, line_entries=line_entries)
        self.assembler.start()

    def entries(self) -> Sequence[tuple[str, str]]:
        return [(output.stream, output.text) for output in self.outputs]


def test_one_entry_a_line() -> None:
    collected = Collected()
    collected.assembler.feed(1, b"one\ntwo\nthr")
    assert collected.entries() == [("stdout", "one\n"), ("stdout", "two\n")]
    collected.assembler.feed(1, b"ee\n")
    assert collected.entries()[2:] == [("stdout", "three\n")]


def test_order_across_streams_is_kept() -> None:
    collected = Collected()
    collected.assembler.feed(1, b"out")
    collected.assembler.feed(2, b"err\n")
    collected.assembler.feed(1, b"more\n")
    assert collected.entries() == [("stdout", "out"), ("stderr", "err\n"), ("stdout", "more\n")]


def test_after_the_first_lines_entries_are_batches() -> None:
    collected = Collected(line_entries=2)
    collected.assembler.feed(1, b"1\n2\n3\n4\n")
    assert collected.entries() == [("stdout", "1\n"), ("stdout", "2\n"), ("stdout", "3\n4\n")]


def test_an_unfinished_line_goes_out_at_the_second_tick() -> None:
    collected = Collected()
    collected.assembler.feed(1, b"50%")
    collected.assembler.tick()
    assert collected.entries() == []
    collected.assembler.tick()
    assert collected.entries() == [("stdout", "50%")]


def test_flush_sends_the_unfinished_line() -> None:
    collected = Collected()
    collected.assembler.feed(2, b"? ")
    collected.assembler.flush()
    assert collected.entries() == [("stderr", "? ")]


def test_a_character_cut_in_two_is_put_together() -> None:
    collected = Collected()
    encoded = "é\n".encode()
    collected.assembler.feed(1, encoded[:1])
    collected.assembler.feed(1, encoded[1:])
    assert collected.entries() == [("stdout", "é\n")]


def test_undecodable_bytes_are_replaced() -> None:
    collected = Collected()
    collected.assembler.feed(1, b"a\xffb\n\xe2\x82")
    collected.assembler.finish()
    assert collected.entries() == [("stdout", "a�b\n"), ("stdout", "�")]


def test_over_the_limit_the_rest_is_dropped_until_the_next_run() -> None:
    collected = Collected(max_bytes=5)
    collected.assembler.feed(1, b"12345678")
    collected.assembler.feed(2, b"more")
    collected.assembler.finish()
    assert collected.entries() == [("stdout", "12345")]
    assert collected.assembler.truncated
    collected.assembler.start()
    collected.assembler.feed(1, b"12345\n"[:5])
    collected.assembler.finish()
    assert collected.entries()[1:] == [("stdout", "12345")]
    assert not collected.assembler.truncated


def test_nothing_of_a_run_that_broke_off_is_left_for_later_ones() -> None:
    collected = Collected()
    collected.assembler.feed(1, b"half a line\xe2\x82")
    collected.assembler.start()
    collected.assembler.finish()  # a run without output
    collected.assembler.start()
    collected.assembler.feed(1, b"whole\n")
    collected.assembler.finish()
    assert collected.entries() == [("stdout", "whole\n")]


def test_results_count_against_the_limit() -> None:
    collected = Collected(max_bytes=10)
    assert collected.assembler.charge(6)
    assert not collected.assembler.charge(6)
    assert collected.assembler.truncated
