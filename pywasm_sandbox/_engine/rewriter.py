"""The code of side modules with new numbers, by `linker.wasm` (its C source is build/linker/rewrite.c).

Tens of megabytes of instructions are read one by one, which is no work for Python; and they are read in an
instance of their own, so that a hostile module finds nothing to break.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from .instance import Instance
from .interrupts import Deadline
from .joining import Numbers, UnusualModule
from .limits import Limits

if TYPE_CHECKING:
    from pywasm_sandbox._wasi import WasiHost

    from .program import Program

__all__ = ["rewriter"]

MEMORY_BYTES: Final = 1 << 30
SECONDS: Final = 60.0
_GROWTH: Final = 3
"""No instruction becomes longer than this many times its length."""

_ERRORS: Final = {
    1: "its code ends too early",
    2: "an instruction that linkers of C don't write",
    3: "a number of something that isn't there",
    4: "a write to an address of the dynamic linker's",
    5: "code that grows too much",
    6: "a number that is too long",
}


def rewriter(program: Program, wasi: Callable[[Instance], WasiHost]) -> Callable[[bytes, Numbers], bytes]:
    """What `prelink` needs, from the compiled `linker.wasm`. To be called on a guest thread."""

    def rewrite(code: bytes, numbers: Numbers) -> bytes:
        instance = program.instantiate(wasi, limits=Limits(memory_bytes=MEMORY_BYTES))
        try:
            return _rewrite(instance, code, numbers)
        finally:
            instance.close()

    return rewrite


def _rewrite(instance: Instance, code: bytes, numbers: Numbers) -> bytes:
    spaces: list[Sequence[int]] = [
        numbers.functions,
        numbers.types,
        list(itertools.chain.from_iterable((int(known), value) for known, value in numbers.globals)),
        numbers.tags,
        numbers.data,
        [int(dropped) for dropped in numbers.dropped],
    ]
    counts = [len(each) for each in spaces]
    counts[2] //= 2
    for number, (space, count) in enumerate(zip(spaces, counts, strict=True)):
        instance.call("set_space", number, _put(instance, array("I", space).tobytes()), count)
    source = _put(instance, code)
    capacity = _GROWTH * len(code) + 64
    target = _reserve(instance, capacity)
    size = instance.call(
        "rewrite", source, len(code), target, capacity, deadline=Deadline.after(SECONDS, 0.0)
    )
    if not size and numbers.dropped:
        raise UnusualModule(_ERRORS.get(instance.call("error_code"), "its code can't be read"))
    return instance.memory.read(target, size)


def _put(instance: Instance, data: bytes) -> int:
    pointer = _reserve(instance, len(data))
    instance.memory.write(pointer, data)
    return pointer


def _reserve(instance: Instance, size: int) -> int:
    pointer = instance.call("reserve", size)
    if not pointer:
        raise UnusualModule("its code is too large")
    return pointer
