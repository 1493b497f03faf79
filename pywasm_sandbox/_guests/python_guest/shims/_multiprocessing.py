"""What `multiprocessing` needs to be imported; its locks can't be made, since there are no processes."""

from __future__ import annotations

import errno


class SemLock:
    """A lock between processes."""

    SEM_VALUE_MAX = 0x7FFFFFFF

    def __new__(cls, *args: object, **kwargs: object) -> SemLock:
        raise OSError(errno.ENOTSUP, "the sandbox runs one process; use asyncio's or threading's own locks")


def sem_unlink(name: str) -> None:
    """There is none to remove."""
    raise FileNotFoundError(errno.ENOENT, "no such semaphore", name)
