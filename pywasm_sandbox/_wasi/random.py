"""Where a guest's randomness comes from."""

from __future__ import annotations

import os
from typing import Final, Protocol

CHUNK_BYTES: Final = 65536  # the most that one call asks of a source


class RandomSource(Protocol):
    """Gives random bytes. A deterministic one makes a guest reproducible."""

    def random_bytes(self, length: int) -> bytes:
        """Exactly `length` bytes; `length` is 1 to 65536."""
        ...


class SystemRandom:
    """The operating system's cryptographic source."""

    def random_bytes(self, length: int) -> bytes:
        return os.urandom(length)
