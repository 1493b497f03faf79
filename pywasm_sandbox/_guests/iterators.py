"""How loops in C are interrupted that never look for a signal, such as that of ``sum(range(10**12))``.

Such a loop calls its iterator's `tp_iternext` at each step, through the table of functions. While an
interrupt waits to be looked at, those functions of the iterator types are replaced in the table by one of the
same signature that raises a `TypeError`: the loop ends with that, and the interpreter comes to look at the
interrupt (docs/RATIONALE.md, "Why do iterators fail in a loop that can't be interrupted?").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from pywasm_sandbox._engine import Instance
from pywasm_sandbox._wasi import Fault

__all__ = ["iterator_traps"]

TYPES: Final = (
    "PyBytesIter_Type",
    "PyCallIter_Type",
    "PyDictIterItem_Type",
    "PyDictIterKey_Type",
    "PyDictIterValue_Type",
    "PyEnum_Type",
    "PyFilter_Type",
    "PyListIter_Type",
    "PyLongRangeIter_Type",
    "PyMap_Type",
    "PyRangeIter_Type",
    "PyReversed_Type",
    "PySeqIter_Type",
    "PySetIter_Type",
    "PyTupleIter_Type",
    "PyUnicodeIter_Type",
    "PyZip_Type",
)
"""Static types of CPython that are iterators. Where those of `itertools` are the guest says."""

TP_ITER: Final = 108
TP_ITERNEXT: Final = 112
"""Offsets in CPython 3.14's PyTypeObject where pointers have 32 bits (Include/cpython/object.h)."""

RAISES: Final = "PyNumber_Index"
"""PyObject *(*)(PyObject *), as `iternextfunc`; an iterator is no index: TypeError, NULL."""
RETURNS_ITSELF: Final = "PyObject_SelfIter"
"""What iterators have as their `tp_iter`."""


def iterator_traps(instance: Instance, heap_types: Iterable[int] = ()) -> Mapping[int, int]:
    """Table indices: of the functions to replace, and of what is called in their place. ``heap_types`` are
    addresses of further types. Within a call of the instance."""
    raises = instance.loader.function_slot(RAISES)
    returns_itself = instance.loader.function_slot(RETURNS_ITSELF)
    traps = {}
    for address in (*map(instance.global_get, TYPES), *heap_types):
        # A type's memory is the guest's, and a snapshot's file names addresses: there may be anything.
        with suppress(Fault):
            if instance.memory.get_u32(address + TP_ITER) == returns_itself:
                traps[instance.memory.get_u32(address + TP_ITERNEXT)] = raises
    return traps
