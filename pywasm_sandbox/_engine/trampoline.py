"""From WebAssembly into Python: the raw callbacks behind every imported function.

One callback serves all instances of all programs. It finds the instance that is calling in a slot of the
current thread (a guest call stays on its thread), decodes the arguments with one precompiled struct, and
writes the result over them. About 1 µs a call, most of it ctypes; a callback made with wasmtime-py's
`define_func` takes 11 µs and more.

Nothing is ever raised out of here. ctypes would print and drop the exception and the guest would go on
with a garbage result. What a host function raises is kept on the instance instead, and the guest is
trapped; `Instance.call` finds it there.
"""

from __future__ import annotations

import ctypes
import operator
import struct
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .capi import EPOCH_CALLBACK, HOST_CALLBACK, CApi, Pointer

if TYPE_CHECKING:
    from pywasm_sandbox._wasi import HostFunction

    from .instance import Instance

__all__ = ["CallSlot", "HostImport", "Import", "epoch_callback", "host_import", "raw_struct"]

_CODES = {"i": "I12x", "I": "Q8x", "F": "d8x"}


class HostImport(NamedTuple):
    """A function that guests import from `module`.

    `params` and `results` have one letter a value: "i" an i32, "I" an i64, "F" (a parameter only) an f64.
    `call(owner, *numbers)` takes every integer as unsigned; `owner` is what the instance was made with. It
    returns the result (None if `results` is ""). What it raises traps the guest and comes out of
    `Instance.call` as a `HostFailure`.
    """

    name: str
    params: str
    results: str
    call: Callable[..., int | None]
    module: str = "pywasm"


class CallSlot(threading.local):
    """Which instance runs on this thread."""

    instance: Instance | None = None


class Import:
    """One importable function: its callback, which must outlive all linkers, and its type."""

    __slots__ = ("callback", "functype", "module", "name")

    def __init__(self, module: str, name: str, callback: Any, functype: int) -> None:
        self.module = module
        self.name = name
        self.callback = callback
        self.functype = functype


def raw_struct(letters: str) -> struct.Struct:
    """Decodes and encodes `wasmtime_val_raw_t[]` for "i" (u32), "I" (u64) and "F" (f64)."""
    return struct.Struct("<" + "".join(_CODES[letter] for letter in letters))


def host_import(
    c: CApi, slot: CallSlot, module: str, function: HostFunction | HostImport, subject: str
) -> Import:
    """`function` as an import of `module`; called with the instance's attribute `subject` first."""
    callback = _callback(c, slot, function, operator.attrgetter(subject))
    return Import(
        module, function.name, HOST_CALLBACK(callback), c.new_functype(function.params, function.results)
    )


def _callback(
    c: CApi, slot: CallSlot, function: HostFunction | HostImport, subject_of: Callable[[Any], Any]
) -> Callable[[Pointer, Pointer, int, int], Pointer]:
    call: Callable[..., Any] = function.call
    decoder = raw_struct(function.params)
    unpack, size, string_at = decoder.unpack, decoder.size, ctypes.string_at
    result_type = {"": None, "i": ctypes.c_uint32, "I": ctypes.c_uint64}[function.results]
    result_at = None if result_type is None else result_type.from_address
    message = f"{function.name} failed".encode()

    def callback(env: Pointer, caller: Pointer, arguments: int, count: int) -> Pointer:
        instance = slot.instance
        try:
            instance.host_calls += 1  # type: ignore[union-attr]
            result = call(subject_of(instance), *unpack(string_at(arguments, size)))
            if result_at is not None:
                result_at(arguments).value = result
            if instance.failure is None:  # type: ignore[union-attr]
                return None
        except BaseException as error:
            if instance is not None:
                instance.fail(error)
        return c.new_trap(message)

    return callback


def epoch_callback(c: CApi, slot: CallSlot) -> Any:
    """The callback that all stores get: `Instance.tick` each 10 ms on the guest's thread."""
    set_delta = ctypes.c_uint64.from_address

    def callback(context: Pointer, data: Pointer, delta: int, kind: Pointer) -> Pointer:
        instance = slot.instance
        try:
            set_delta(delta).value = 1
            if instance is None or instance.tick():
                return None
        except BaseException as error:
            if instance is not None:
                instance.fail(error)
        stop: int = c.error_new(b"stopped by the host")
        return stop

    return EPOCH_CALLBACK(callback)
