"""What a clone of an image renews, because all clones start from the same memory."""

from __future__ import annotations

import sys
from _sha3 import shake_256  # type: ignore[import-not-found]
from os import urandom

import _pywasm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["renew", "settle"]


def _renew_random(module: object) -> None:
    # As `seed()` does it, but with 256 random bits, for which the host is asked once and not ten times.
    module.seed(int.from_bytes(urandom(32)))  # type: ignore[attr-defined]


def _renew_tempfile(module: object) -> None:
    # Its generator of names is seeded once per process; it is made again when first needed.
    module._name_sequence = None  # type: ignore[attr-defined]


def _renew_uuid(module: object) -> None:
    for name in ("_last_timestamp", "_last_timestamp_v7", "_node"):
        if hasattr(module, name):
            setattr(module, name, None)
    if hasattr(module, "_last_counter_v7"):
        module._last_counter_v7 = 0


class _LegacyState:
    """The key of numpy's global Mersenne Twister, as memory.

    `numpy.random.seed()` makes a SeedSequence, arrays and much garbage, and so copies of a hundred pages; the
    key may as well be random itself, as `init_by_array` would leave it (`mt19937_state` in numpy's
    mt19937.h: 624 words, of which the first may not be all that is not zero).
    """

    WORDS = 624
    view: memoryview | None = None

    def __init__(self, address: int) -> None:
        self.__array_interface__ = {
            "version": 3,
            "data": (address, False),
            "shape": (4 * self.WORDS,),
            "typestr": "|u1",
        }


def _find_legacy_state(module: Any) -> None:
    from numpy import asarray

    module.seed()  # nothing is left of normal deviates, which are made in pairs
    generator = module._rand._bit_generator
    _LegacyState.view = None
    if type(generator).__name__ == "MT19937":
        _LegacyState.view = asarray(_LegacyState(generator.ctypes.state_address)).data


def _renew_numpy_random(module: Any) -> None:
    view = _LegacyState.view
    if view is None:
        module.seed()
    else:
        view[:] = shake_256(urandom(32)).digest(len(view))


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

    legacy = sys.modules.get("numpy.random.mtrand")
    if legacy is not None:
        _find_legacy_state(legacy)
    gc.collect()
    _pywasm.settle(gc.get_objects())
    gc.freeze()


def renew() -> None:
    """Give the modules that are imported already a state of this clone's own."""
    if "threading" in sys.modules:
        from . import threads

        threads.forget()
    for name, renewal in _RENEWALS.items():
        module = sys.modules.get(name)
        if module is not None:
            renewal(module)
