"""What one instance may use."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Limits"]


class Limits(NamedTuple):
    """Resources of the engine. `memory.grow` and `table.grow` beyond them return -1 to the guest.

    Side modules are compiled on the host, uninterruptibly and at some seconds per 10 MB, hence the limits on
    their size: `side_module_bytes` for those that come with a read-only mount or are trusted by their sha256
    (`Engine.trust`), `foreign_side_module_bytes` for those that the guest itself may have written.
    """

    memory_bytes: int = 4 << 30
    table_elements: int = 1_000_000
    side_modules: int = 512
    side_module_bytes: int = 256 << 20
    foreign_side_module_bytes: int = 16 << 20
    threads: int = 64
    """Stacks besides the first one that exist at once."""
    host_calls_per_second: int | None = None
    """On average over a tick. A guest that makes more sleeps until it is within the rate again."""
