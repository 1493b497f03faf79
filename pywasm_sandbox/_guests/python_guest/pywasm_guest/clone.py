"""What a clone of an image renews, because all clones start from the same memory."""

from __future__ import annotations

import sys

import _pywasm

__all__ = ["renew", "settle"]


def _renew_random(module: object) -> None:
    module.seed()  # type: ignore[attr-defined]


def _renew_tempfile(module: object) -> None:
    # Its generator of names is seeded once per process; it is made again when first needed.
    module._name_sequence = None  # type: ignore[attr-defined]


def _renew_uuid(module: object) -> None:
    for name in ("_last_timestamp", "_last_timestamp_v7", "_node"):
        if hasattr(module, name):
            setattr(module, name, None)
    if hasattr(module, "_last_counter_v7"):
        module._last_counter_v7 = 0


def _renew_numpy_random(module: object) -> None:
    module.seed()  # type: ignore[attr-defined]


def _renew_logging(module: object) -> None:
    from time import time_ns

    module._startTime = time_ns()  # type: ignore[attr-defined]


_RENEWALS = {
    "random": _renew_random,
    "tempfile": _renew_tempfile,
    "uuid": _renew_uuid,
    "numpy.random.mtrand": _renew_numpy_random,
    "logging": _renew_logging,
}


def settle() -> None:
    """Before an image is made: import what is imported late, then make what is there immortal, the heap
    compact, and all of it none of the garbage collector's business. Each page that a clone writes to, be it a
    reference count, a collector's mark or an object in a hole between others, is copied."""
    import gc

    from . import display, errors  # noqa: F401

    gc.collect()
    _pywasm.settle(gc.get_objects())
    gc.freeze()


def renew() -> None:
    """Give the modules that are imported already a state of this clone's own."""
    for name, renewal in _RENEWALS.items():
        module = sys.modules.get(name)
        if module is not None:
            renewal(module)
