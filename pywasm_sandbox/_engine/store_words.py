"""What wasmtime keeps of the stack that WebAssembly runs on, so that a store can have several stacks.

wasmtime has one `VMStoreContext` a store: where the stack ends, and where WebAssembly was entered and last
left, for traps and exceptions. It saves them around calls that nest. Stacks that take turns don't nest,
so whoever switches between them exchanges these words, as wasmtime does for its fibers
(`CallThreadState::swap`).

The layout is that of the one minor version that `capi` accepts (`wasmtime-environ`, `vmtypes.rs`);
`StoreWords` checks it against the running call before anything is written.
"""

from __future__ import annotations

import ctypes
import struct

from .failures import EngineUnavailable

__all__ = ["StoreWords"]

_FUNCREF_VMCTX = 24
_VMCTX_STORE_CONTEXT = 8
_STACK_LIMIT = 24
_ACTIVATION = 48
"""last_wasm_exit_trampoline_fp, last_wasm_exit_pc, last_wasm_entry_sp, last_wasm_entry_fp,
last_wasm_entry_trap_handler, stack_chain (two words)"""
_ACTIVATION_BYTES = 7 * 8
_NO_LIMIT = (1 << 64) - 1
_STACK_CHAIN_INITIAL = 1


def _u64(address: int) -> int:
    return ctypes.c_uint64.from_address(address).value


class StoreWords:
    """The words of one store."""

    IDLE = struct.pack("<Q", _NO_LIMIT) + bytes(_ACTIVATION_BYTES)
    """As they are while no WebAssembly runs."""

    def __init__(self, func: bytes) -> None:
        """`func` is a `wasmtime_func_t` of a function in WebAssembly."""
        funcref = int.from_bytes(func[8:16], "little")
        self._address = _u64(_u64(funcref + _FUNCREF_VMCTX) + _VMCTX_STORE_CONTEXT)

    def read(self) -> bytes:
        """The words as they are now."""
        return ctypes.string_at(self._address + _STACK_LIMIT, 8) + ctypes.string_at(
            self._address + _ACTIVATION, _ACTIVATION_BYTES
        )

    def write(self, words: bytes) -> None:
        """Put back what `read` gave."""
        ctypes.memmove(self._address + _STACK_LIMIT, words[:8], 8)
        ctypes.memmove(self._address + _ACTIVATION, words[8:], _ACTIVATION_BYTES)

    def check(self, max_wasm_stack: int) -> None:
        """Within a host call: raise `EngineUnavailable` unless the words are where they are thought to be."""
        limit, exit_fp, exit_pc, entry_sp, entry_fp, handler, chain, _ = struct.unpack("<8Q", self.read())
        base = limit + max_wasm_stack
        in_stack = all(limit < word <= base for word in (exit_fp, entry_sp, entry_fp))
        if not (in_stack and exit_fp < entry_fp and exit_pc and handler and chain == _STACK_CHAIN_INITIAL):
            raise EngineUnavailable("this wasmtime keeps its stacks otherwise than threads here rely on")
