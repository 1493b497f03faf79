"""Two threads that take turns, on one processor.

A caller's thread hands a run over and sleeps until it is over. The kernel wakes a sleeping thread on an idle
processor, which sleeps as well: that takes 30 to 50 µs each way, ten times what it takes on the processor
that is awake. There is no way to ask for that one but to allow no other, so a thread is kept to it until it
has woken up, and then has its own mask of processors again (`sched_setaffinity(2)` of Linux; nothing is done
elsewhere).
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["Processors", "mask_of", "processor", "set_mask", "wait_on"]

_MASK_BYTES: Final = 1024
"""8,192 processors, as many as Linux can have."""

Processors = ctypes.Array[ctypes.c_char]
"""Some of them: a mask with a bit for each."""

_Mask = ctypes.c_char * _MASK_BYTES


def _load() -> ctypes.PyDLL | None:
    """The C library. Its calls here are so short that they keep the interpreter's lock."""
    if sys.platform != "linux" or sys.byteorder != "little" or len(os.sched_getaffinity(0)) < 2:
        return None
    library = ctypes.PyDLL(None)
    try:
        library.sched_getcpu.argtypes = ()
        for function in (library.sched_getaffinity, library.sched_setaffinity):
            function.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_char_p)
    except AttributeError:
        return None
    return library


T = TypeVar("T")

_LIBRARY: Final = _load()
_single: dict[int, Processors] = {}
_kept = threading.local()


def processor() -> Processors | None:
    """The mask with nothing but the processor that this thread is on; None where threads can't be placed."""
    if _LIBRARY is None:
        return None
    number: int = _LIBRARY.sched_getcpu()
    mask = _single.get(number)
    if mask is None and 0 <= number < 8 * _MASK_BYTES:
        mask = _single[number] = _Mask.from_buffer_copy((1 << number).to_bytes(_MASK_BYTES, "little"))
    return mask


def mask_of(thread: int) -> Processors | None:
    """The processors of a thread, which its native id names, 0 this one; None if they can't be told."""
    mask = _Mask()
    if _LIBRARY is None or _LIBRARY.sched_getaffinity(thread, _MASK_BYTES, mask) < 0:
        return None
    return mask


def set_mask(thread: int, mask: Processors) -> bool:
    """Let a thread be on these processors only. False: the system refuses."""
    return _LIBRARY is not None and _LIBRARY.sched_setaffinity(thread, _MASK_BYTES, mask) == 0


def wait_on(where: Processors | None, wait: Callable[[], T]) -> T:
    """What ``wait`` returns, which blocks; this thread wakes up on the processors ``where``, None: on any."""
    # What an exception in the wrong moment kept from being restored is, the next time.
    mask = None if where is None else getattr(_kept, "mask", None) or mask_of(0)
    if where is None or mask is None:
        return wait()
    _kept.mask = mask
    try:
        set_mask(0, where)
        return wait()
    finally:
        set_mask(0, mask)
        _kept.mask = None
