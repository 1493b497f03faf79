"""What stands behind a guest's stdin, stdout and stderr."""

from __future__ import annotations

from typing import Final, Protocol

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2

CHUNK_BYTES: Final = 1 << 20  # the most that one `write` of a sink, or `read` of a source, is about


class StdioSink(Protocol):
    """Takes what the guest writes to stdout or stderr."""

    def write(self, fd: int, data: bytes) -> None:
        """`fd` is the stream (1 or 2), also after the guest renumbered it. `data` is 1 byte to 1 MiB."""
        ...


class StdioSource(Protocol):
    """Gives what the guest reads from stdin."""

    def read(self, length: int) -> bytes:
        """At most `length` bytes; `b""` is the end of the file."""
        ...

    def available(self) -> int | None:
        """How many bytes `read` gives at once; 0 at the end of the file; None if it would block."""
        ...


class NullSink:
    """Drops what it gets."""

    def write(self, fd: int, data: bytes) -> None:
        pass


class BytesSource:
    """A stdin that holds `data`, then ends."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data
        self._offset = 0

    def read(self, length: int) -> bytes:
        chunk = self._data[self._offset : self._offset + length]
        self._offset += len(chunk)
        return chunk

    def available(self) -> int | None:
        return len(self._data) - self._offset
