"""From the bytes that a guest writes to the entries of the logs.

The guest's C runtime gathers writes to file descriptors 1 and 2 in a ring in its own memory, so that a
`print` costs no host call; the host takes what is there at each epoch tick, before the guest blocks and at
the end of a call (docs/RATIONALE.md, "Why does output go through a ring?").
"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterator
from typing import Final, Literal

from pywasm_sandbox._wasi.memory import Memory

from .protocol import Output

__all__ = ["OutputAssembler", "StdioRing"]

_HEADER_BYTES: Final = 4
_LENGTH_MASK: Final = 0xFFFFFF
_U32: Final = 0xFFFFFFFF
_MAX_CAPACITY: Final = 1 << 24


class StdioRing:
    """The host's side of the ring: u32 data_ptr, capacity, head (the guest's), tail (the host's)."""

    def __init__(self, memory: Memory, address: int) -> None:
        self._memory = memory
        self._address = address
        self._data = memory.get_u32(address)
        self._capacity = memory.get_u32(address + 4)
        if self._capacity & (self._capacity - 1) or not 0 < self._capacity <= _MAX_CAPACITY:
            raise ValueError(f"the ring's capacity of {self._capacity} bytes is not a power of two in range")

    def _read(self, position: int, length: int) -> bytes:
        offset = position & (self._capacity - 1)
        first = min(length, self._capacity - offset)
        data = self._memory.read(self._data + offset, first)
        return data if first == length else data + self._memory.read(self._data, length - first)

    def take(self) -> list[tuple[int, bytes]]:
        """Everything written since the last call, as (fd, bytes); neighbours of one fd are joined.

        The ring lies in memory that the guest can scribble on: a record that makes no sense ends the
        reading and empties the ring, it never reads outside it.
        """
        memory, address = self._memory, self._address
        both = memory.get_u64(address + 8)
        head, tail = both & _U32, both >> 32
        pending = (head - tail) & _U32
        if pending == 0:
            return []
        memory.set_u32(address + 12, head)
        if pending > self._capacity:
            return []
        return self._join(self._read(tail, pending))

    @staticmethod
    def _join(raw: bytes) -> list[tuple[int, bytes]]:
        joined: list[tuple[int, list[bytes]]] = []
        position, end = 0, len(raw)
        while position + _HEADER_BYTES <= end:
            header = int.from_bytes(raw[position : position + _HEADER_BYTES], "little")
            position += _HEADER_BYTES
            fd, length = header >> 24, header & _LENGTH_MASK
            chunk = raw[position : position + length]
            position += length
            if joined and joined[-1][0] == fd:
                joined[-1][1].append(chunk)
            else:
                joined.append((fd, [chunk]))
        return [(fd, b"".join(chunks)) for fd, chunks in joined if fd in (1, 2)]


class _Stream:
    """One stream's decoder and its last, unfinished line."""

    __slots__ = ("decoder", "name", "partial")

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        self.name: Literal["stdout", "stderr"] = name
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.partial = ""


class OutputAssembler:
    """Cuts what arrives into `Output` entries and hands them on.

    The first ``line_entries`` lines of a run are one entry each; after that an entry is as much as arrived
    at once. An unfinished line waits for its end, for `flush` (the guest is about to block, or emits), for
    the other stream's turn, or for a second tick. Over ``max_bytes`` the rest of the run is dropped, as it is
    with more than ``max_results`` displayed results or more than ``max_result_bytes`` of them.
    ``by_line``: each line is an entry, and time has no part in it.
    """

    def __init__(
        self,
        deliver: Callable[[Output], None],
        *,
        max_bytes: int,
        max_results: int | None = None,
        max_result_bytes: int | None = None,
        line_entries: int = 1000,
        by_line: bool = False,
    ) -> None:
        self._deliver = deliver
        self._max_bytes = max_bytes
        self._max_results = sys.maxsize if max_results is None else max_results
        self._max_result_bytes = sys.maxsize if max_result_bytes is None else max_result_bytes
        self._results_left = self._max_results
        self._result_bytes_left = self._max_result_bytes
        self._line_entries = sys.maxsize if by_line else line_entries
        self._by_line = by_line
        self._streams = {1: _Stream("stdout"), 2: _Stream("stderr")}
        self._current = self._streams[1]
        self._stale_partial = False
        self._is_clean = True
        """Whether nothing arrived in this run, so that neither decoder nor line has anything left."""
        self._entries_left = line_entries
        self._bytes_left = max_bytes
        self.truncated = False

    def start(self) -> None:
        """A new run begins: counters start over, nothing of the last one is left."""
        if not self._is_clean:
            for stream in self._streams.values():
                stream.decoder.reset()
                stream.partial = ""
            self._is_clean = True
        self._entries_left = self._line_entries
        self._bytes_left = self._max_bytes
        self._results_left = self._max_results
        self._result_bytes_left = self._max_result_bytes
        self._stale_partial = False
        self.truncated = False

    def feed(self, fd: int, data: bytes) -> None:
        """Bytes that the guest wrote to fd 1 or 2."""
        if self.truncated or not data:
            return
        self._is_clean = False
        stream = self._streams[fd]
        if stream is not self._current:
            self._finish_partial(self._current)
            self._current = stream
        if len(data) > self._bytes_left:
            data = data[: self._bytes_left]
            self.truncated = True
        self._bytes_left -= len(data)
        text = stream.partial + stream.decoder.decode(data)
        cut = text.rfind("\n") + 1
        whole, stream.partial = text[:cut], text[cut:]
        self._stale_partial = False
        for entry in self._entries(whole):
            self._deliver(Output(stream.name, entry))

    def charge(self, amount: int) -> bool:
        """Count ``amount`` bytes of another kind (an error) in; False when they go over ``max_bytes``."""
        if self.truncated or amount > self._bytes_left:
            self.truncated = True
            return False
        self._bytes_left -= amount
        return True

    def charge_result(self, amount: int) -> bool:
        """Count a result of ``amount`` bytes in; False when it is one too many or goes over a limit."""
        if self._results_left <= 0 or amount > self._result_bytes_left:
            self.truncated = True
        if not self.charge(amount):
            return False
        self._results_left -= 1
        self._result_bytes_left -= amount
        return True

    def _entries(self, whole: str) -> Iterator[str]:
        start, end = 0, len(whole)
        while start < end and self._entries_left > 0:
            cut = whole.index("\n", start) + 1
            self._entries_left -= 1
            yield whole[start:cut]
            start = cut
        if start < end:
            yield whole[start:]

    def _finish_partial(self, stream: _Stream) -> None:
        if stream.partial:
            text, stream.partial = stream.partial, ""
            self._deliver(Output(stream.name, text))

    def tick(self) -> None:
        """An epoch tick passed: a line that was unfinished at the last one already goes out as it is."""
        if self._current.partial and not self._by_line:
            if self._stale_partial:
                self._finish_partial(self._current)
            self._stale_partial = not self._stale_partial

    def flush(self) -> None:
        """The guest blocks or emits an event: what is there goes out now, so that the order holds."""
        self._finish_partial(self._current)

    def finish(self) -> None:
        """The run ended: a cut multi-byte character goes out as U+FFFD, unfinished lines go out."""
        if self._is_clean:
            return
        for stream in (self._current, *self._streams.values()):
            stream.partial += stream.decoder.decode(b"", final=True)
            self._finish_partial(stream)
