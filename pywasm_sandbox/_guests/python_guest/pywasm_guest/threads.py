"""Threads: they take turns (build/runtime/threads.c), and none may leave a cell waiting for ever.

A thread runs from its start until it waits, or another one that can go on is given a turn. When all wait for
each other the main thread gets a signal, whose handler raises what `deadlock` makes.
"""

from __future__ import annotations

import sys
from time import monotonic

import _pywasm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

__all__ = ["SETTLE_SECONDS", "deadlock", "finish", "forget", "settle", "stop"]

SETTLE_SECONDS = 1.0
"""How long a cell's threads may still compute when the cell is over."""

_SLICE_SECONDS = 0.03
_told_to_end: dict[int, object] = {}
"""Threads of interrupted cells. Those that go on nevertheless get turns, and no cell waits for them."""

_LIBRARY = "/lib/python3."
_BEGINNINGS = frozenset(("Thread._bootstrap", "Thread._bootstrap_inner", "Thread.run"))


def _is_library(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return (
        _LIBRARY in name or name.startswith("<frozen ") or frame.f_globals.get("__package__") == __package__
    )


def _place(frame: FrameType | None) -> str:
    """What a thread called to wait, and where."""
    called = ""
    while frame is not None and _is_library(frame):
        if frame.f_code.co_qualname in _BEGINNINGS:
            break
        if frame.f_globals.get("__package__") != __package__:
            called = frame.f_code.co_qualname
        frame = frame.f_back
    where = (
        ""
        if frame is None or _is_library(frame)
        else f" in {frame.f_code.co_filename}, line {frame.f_lineno}"
    )
    return f"{called or 'a lock'}{where}"


def deadlock(frame: FrameType | None) -> RuntimeError:
    """The error for a main thread that waits at ``frame`` as all others do."""
    waits = [f"the main thread for {_place(frame)}"]
    threading = sys.modules.get("threading")
    if threading is not None:
        frames = sys._current_frames()
        main = threading.main_thread().ident
        waits += [
            f"{thread.name} for {_place(frames.get(ident))}"
            for ident, thread in list(threading._active.items())
            if ident != main
        ]
    return RuntimeError(
        f"deadlock: nothing is left that could end these waits: {'; '.join(waits)}. Give a timeout, or see "
        "that what is waited for happens"
    )


def settle() -> None:
    """A cell is over: its threads go on until each waits, for `SETTLE_SECONDS` at most."""
    threading = sys.modules.get("threading")
    if threading is None:
        return
    for ident, thread in list(_told_to_end.items()):
        if threading._active.get(ident) is not thread:
            del _told_to_end[ident]
    if not _told_to_end:
        _pywasm.run_threads(SETTLE_SECONDS)
        return
    for ident in _told_to_end:
        _pywasm.interrupt_thread(ident, SystemExit)
    end = monotonic() + SETTLE_SECONDS
    while _pywasm.run_threads(_SLICE_SECONDS) > len(_told_to_end) and monotonic() < end:
        pass


def stop() -> None:
    """A cell was interrupted: its threads end, each as soon as it runs again."""
    threading = sys.modules.get("threading")
    if threading is None:
        return
    main = threading.main_thread().ident
    for ident, thread in list(threading._active.items()):
        if ident != main:
            _told_to_end[ident] = thread
            _pywasm.interrupt_thread(ident, SystemExit)


def finish() -> None:
    """A program is over: its threads that are no daemons are waited for."""
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()


def forget() -> None:
    """This is a copy of a context, whose threads stayed there: here they are over.

    As `threading._after_fork`, which wants locks as only a platform with `fork` has them.
    """
    threading: Any = sys.modules.get("threading")
    if not _pywasm.forget_threads() or threading is None:
        return
    main = threading.main_thread()
    for thread in list(threading._active.values()):
        if thread is not main:
            thread._os_thread_handle._set_done()
    threading._active_limbo_lock = threading.RLock()
    threading._limbo.clear()
    threading._active = {main.ident: main}
