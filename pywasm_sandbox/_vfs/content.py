"""The bytes of one file in memory: chunks that are shared between copies until one side writes."""

from __future__ import annotations

_SHIFT = 16
CHUNK_BYTES = 1 << _SHIFT
_MASK = CHUNK_BYTES - 1
_ZEROS = memoryview(bytes(CHUNK_BYTES))


class Content:
    """A sparse array of bytes. Not thread-safe and without limits: `MemoryFS` locks and charges.

    `chunks` maps the index of a 64 KiB range to its bytes. A range without a chunk is zeros, and so is what
    lies past the end of a chunk: holes and shared content cost nothing. A chunk is `bytes`, or a `bytearray`
    once a part of it was written; only those in `own` may be changed in place, all others may belong to a
    copy as well. What is stored is never more than `size`, but for the spare room of one growing `bytearray`
    (an eighth of a chunk at most): a chunk that fills up is stored as exact `bytes`.
    """

    __slots__ = ("chunks", "own", "size")

    def __init__(self) -> None:
        self.size = 0
        self.chunks: dict[int, bytes | bytearray] = {}
        self.own: set[int] = set()

    def copy(self) -> Content:
        """A copy that shares all chunks. This object must not be written to any more, it owns them still."""
        twin = Content()
        twin.size = self.size
        twin.chunks = self.chunks.copy()
        return twin

    def read(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`, shorter at the end. Both are ≥ 0."""
        end = min(offset + length, self.size)
        if end <= offset:
            return b""
        first = offset >> _SHIFT
        start = offset & _MASK
        if (end - 1) >> _SHIFT == first:
            return _piece(self.chunks.get(first), start, end - (first << _SHIFT))
        pieces: list[bytes | memoryview] = []
        for index in range(first, ((end - 1) >> _SHIFT) + 1):
            stop = min(CHUNK_BYTES, end - (index << _SHIFT))
            chunk = self.chunks.get(index)
            if chunk is None:
                pieces.append(_ZEROS[start:stop])
            elif type(chunk) is bytes and start == 0 and len(chunk) == stop:
                pieces.append(chunk)
            else:
                pieces.append(memoryview(chunk)[start:stop])
                pieces.append(_ZEROS[max(start, len(chunk)) : stop])
            start = 0
        return b"".join(pieces)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """As `read`, into `buffer`; the number of bytes that were there to read."""
        end = min(offset + len(buffer), self.size)
        if end <= offset:
            return 0
        position = 0
        for index in range(offset >> _SHIFT, ((end - 1) >> _SHIFT) + 1):
            start = offset + position - (index << _SHIFT)
            stop = min(CHUNK_BYTES, end - (index << _SHIFT))
            chunk = self.chunks.get(index, b"")
            if start == 0 and stop == len(chunk):
                buffer[position : position + stop] = chunk
                position += stop
                continue
            stored = min(len(chunk), stop) - start
            if stored > 0:
                buffer[position : position + stored] = memoryview(chunk)[start : start + stored]
                position += stored
                start += stored
            buffer[position : position + stop - start] = _ZEROS[start:stop]
            position += stop - start
        return position

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of `data`, which is not empty and has format "B", at `offset`."""
        length = len(data)
        self.size = max(self.size, offset + length)
        position = 0
        while position < length:
            index = (offset + position) >> _SHIFT
            start = (offset + position) & _MASK
            take = min(CHUNK_BYTES - start, length - position)
            self._write_chunk(index, start, data if take == length else data[position : position + take])
            position += take

    def _write_chunk(self, index: int, start: int, piece: memoryview) -> None:
        chunk = self.chunks.get(index, b"")
        stop = start + len(piece)
        if start == 0 and stop >= len(chunk):
            self.chunks[index] = bytes(piece)
            self.own.discard(index)
            return
        if type(chunk) is bytes or index not in self.own:
            chunk = self.chunks[index] = bytearray(chunk)
            self.own.add(index)
        assert isinstance(chunk, bytearray)
        if start > len(chunk):
            chunk += _ZEROS[: start - len(chunk)]
        inside = len(chunk) - start
        if stop <= len(chunk):
            memoryview(chunk)[start:stop] = piece
            return
        if inside:
            memoryview(chunk)[start:] = piece[:inside]
            piece = piece[inside:]
        chunk += piece
        if stop == CHUNK_BYTES:
            self.chunks[index] = bytes(chunk)
            self.own.discard(index)

    def resize(self, size: int) -> None:
        """Cut off at `size`, or grow with zeros."""
        if size < self.size:
            keep, rest = size >> _SHIFT, size & _MASK
            gone = [index for index in self.chunks if index > keep or (index == keep and not rest)]
            for index in gone:
                del self.chunks[index]
                self.own.discard(index)
            chunk = self.chunks.get(keep)
            if chunk is not None and len(chunk) > rest:
                self.chunks[keep] = bytes(memoryview(chunk)[:rest])
                self.own.discard(keep)
        self.size = size


def _piece(chunk: bytes | bytearray | None, start: int, stop: int) -> bytes:
    """Bytes `start` to `stop` of a chunk that may be shorter or missing."""
    if chunk is None:
        return bytes(stop - start)
    piece = chunk[start:stop] if type(chunk) is bytes else bytes(memoryview(chunk)[start:stop])
    return piece if len(piece) == stop - start else piece.ljust(stop - start, b"\0")
