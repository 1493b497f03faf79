"""wasmtime's C API, as much of it as we call: declared once, here, and nowhere else.

The shared library is the one inside the `wasmtime` distribution, but the Python classes of that package
are not used (nor imported: that alone costs 30 ms): they look functions and imports up one at a time and
route every host exception through one process-wide variable. Struct layouts below belong to one minor
version of wasmtime, which is therefore checked.

Calls that can run guest code or take long go through `ctypes.CDLL`, which releases the GIL. Those that
only read or set a field go through `ctypes.PyDLL`: giving the GIL away for them would cost more than the
call, and could wait milliseconds for it to come back.

Layouts (all little-endian, `wasmtime/{val,extern,func,...}.h`):

- `wasmtime_val_raw_t`: 16 bytes, the number in its first 4 or 8. What unchecked calls exchange.
- `wasmtime_val_t`: 32 bytes, kind in byte 0, value at 8.
- `wasmtime_extern_t`: 32 bytes, kind in byte 0, and at 8 the `func` (16 bytes), `global`, `table`,
  `memory` or `tag` (24 bytes). We keep externs as immutable `bytes` and join them into import arrays.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .failures import EngineUnavailable

__all__ = ["EXTERN_SIZE", "RAW_SIZE", "CApi", "ExternKind", "Pointer", "ValKind", "load"]

SUPPORTED_MINOR = (50, 0)
RAW_SIZE = 16
EXTERN_SIZE = 32
VAL_SIZE = 32

Pointer = int | None
"""An address as ctypes gives it: None is NULL."""


class ExternKind:
    """`wasmtime_extern_kind_t`."""

    FUNC, GLOBAL, TABLE, MEMORY, SHARED_MEMORY, TAG = range(6)


class ValKind:
    """`wasmtime_valkind_t`, as far as functions of ours use them."""

    I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = range(7)


class ByteVector(ctypes.Structure):
    """`wasm_byte_vec_t`."""

    _fields_ = (("size", ctypes.c_size_t), ("data", ctypes.c_void_p))


class PointerVector(ctypes.Structure):
    """`wasm_valtype_vec_t` and its likes: a length and an array of pointers."""

    _fields_ = (("size", ctypes.c_size_t), ("data", ctypes.POINTER(ctypes.c_void_p)))


_P = ctypes.c_void_p
_N = ctypes.c_size_t
_S = ctypes.c_char_p
_BOOL = ctypes.c_bool
_U64 = ctypes.c_uint64
_I64 = ctypes.c_int64
_U32 = ctypes.c_uint32
_U8 = ctypes.c_uint8
_I32 = ctypes.c_int32

HOST_CALLBACK: Any = ctypes.CFUNCTYPE(_P, _P, _P, _P, _N)
"""`wasmtime_func_unchecked_callback_t`: (env, caller, args_and_results, count) -> trap or NULL."""

EPOCH_CALLBACK: Any = ctypes.CFUNCTYPE(_P, _P, _P, _P, _P)
"""(context, data, update_delta: u64*, update_kind: u8*) -> error or NULL."""

GET_MEMORY: Any = ctypes.CFUNCTYPE(_P, _N, ctypes.POINTER(_N), ctypes.POINTER(_N))
"""`wasmtime_memory_get_callback_t`: (env, byte_size, byte_capacity) -> where it begins."""

GROW_MEMORY: Any = ctypes.CFUNCTYPE(_P, _N, _N)
"""`wasmtime_memory_grow_callback_t`: (env, new size in bytes) -> error or NULL."""

FINALIZER: Any = ctypes.CFUNCTYPE(None, _N)


class LinearMemory(ctypes.Structure):
    """`wasmtime_linear_memory_t`, whose `env` is a number here."""

    _fields_ = (
        ("env", _N),
        ("get_memory", GET_MEMORY),
        ("grow_memory", GROW_MEMORY),
        ("finalizer", FINALIZER),
    )


NEW_MEMORY: Any = ctypes.CFUNCTYPE(_P, _P, _P, _N, _N, _N, _N, ctypes.POINTER(LinearMemory))
"""`wasmtime_new_memory_callback_t`: (env, type, minimum, maximum, reserved, guard, memory) -> error or
NULL."""


class MemoryCreator(ctypes.Structure):
    """`wasmtime_memory_creator_t`."""

    _fields_ = (("env", _P), ("new_memory", NEW_MEMORY), ("finalizer", FINALIZER))


# name: (result, parameters). Those that may run guest code or compile.
_RELEASING_GIL: dict[str, tuple[Any, list[Any]]] = {
    "wasmtime_module_new": (_P, [_P, _S, _N, _P]),
    "wasmtime_module_validate": (_P, [_P, _S, _N]),
    "wasmtime_module_serialize": (_P, [_P, _P]),
    "wasmtime_module_deserialize_file": (_P, [_P, _S, _P]),
    "wasmtime_module_delete": (None, [_P]),
    "wasmtime_store_delete": (None, [_P]),
    "wasmtime_linker_delete": (None, [_P]),
    "wasmtime_instance_pre_instantiate": (_P, [_P, _P, _P, _P]),
    "wasmtime_instance_new": (_P, [_P, _P, _P, _N, _P, _P]),
    "wasmtime_func_call_unchecked": (_P, [_P, _P, _P, _N, _P]),
    "wasmtime_table_grow": (_P, [_P, _P, _U64, _P, _P]),
    "wasmtime_memory_grow": (_P, [_P, _P, _U64, _P]),
}
_HOLDING_GIL: dict[str, tuple[Any, list[Any]]] = {
    "wasm_config_new": (_P, []),
    "wasm_engine_new_with_config": (_P, [_P]),
    "wasmtime_config_async_stack_size_set": (None, [_P, _N]),
    "wasmtime_config_max_wasm_stack_set": (None, [_P, _N]),
    "wasmtime_config_cranelift_opt_level_set": (None, [_P, _U8]),
    "wasmtime_config_strategy_set": (None, [_P, _U8]),
    "wasmtime_config_parallel_compilation_set": (None, [_P, _BOOL]),
    "wasmtime_config_epoch_interruption_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_exceptions_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_simd_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_relaxed_simd_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_relaxed_simd_deterministic_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_wide_arithmetic_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_bulk_memory_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_threads_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_memory64_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_multi_memory_set": (None, [_P, _BOOL]),
    "wasmtime_config_wasm_component_model_set": (None, [_P, _BOOL]),
    "wasmtime_config_native_unwind_info_set": (None, [_P, _BOOL]),
    "wasmtime_config_memory_init_cow_set": (None, [_P, _BOOL]),
    "wasmtime_config_host_memory_creator_set": (None, [_P, ctypes.POINTER(MemoryCreator)]),
    "wasmtime_engine_increment_epoch": (None, [_P]),
    "wasmtime_store_new": (_P, [_P, _P, _P]),
    "wasmtime_store_context": (_P, [_P]),
    "wasmtime_store_limiter": (None, [_P, _I64, _I64, _I64, _I64, _I64]),
    "wasmtime_store_epoch_deadline_callback": (None, [_P, EPOCH_CALLBACK, _P, _P]),
    "wasmtime_context_set_epoch_deadline": (None, [_P, _U64]),
    "wasmtime_linker_new": (_P, [_P]),
    "wasmtime_linker_define_func_unchecked": (_P, [_P, _S, _N, _S, _N, _P, HOST_CALLBACK, _P, _P]),
    "wasmtime_linker_instantiate_pre": (_P, [_P, _P, _P]),
    "wasmtime_linker_get": (_BOOL, [_P, _P, _S, _N, _S, _N, _P]),
    "wasmtime_instance_pre_delete": (None, [_P]),
    "wasmtime_instance_export_get": (_BOOL, [_P, _P, _S, _N, _P]),
    "wasmtime_func_new_unchecked": (None, [_P, _P, HOST_CALLBACK, _P, _P, _P]),
    "wasmtime_func_type": (_P, [_P, _P]),
    "wasm_functype_new": (_P, [_P, _P]),
    "wasm_functype_delete": (None, [_P]),
    "wasm_functype_params": (_P, [_P]),
    "wasm_functype_results": (_P, [_P]),
    "wasm_valtype_new": (_P, [_U8]),
    "wasm_valtype_kind": (_U8, [_P]),
    "wasm_valtype_vec_new": (None, [_P, _N, _P]),
    "wasm_byte_vec_delete": (None, [_P]),
    "wasm_globaltype_new": (_P, [_P, _U8]),
    "wasm_globaltype_delete": (None, [_P]),
    "wasmtime_global_new": (_P, [_P, _P, _P, _P]),
    "wasmtime_global_get": (None, [_P, _P, _P]),
    "wasmtime_global_set": (_P, [_P, _P, _P]),
    "wasmtime_memory_data": (_P, [_P, _P]),
    "wasmtime_memory_data_size": (_N, [_P, _P]),
    "wasmtime_table_size": (_U64, [_P, _P]),
    "wasmtime_table_set": (_P, [_P, _P, _U64, _P]),
    "wasmtime_table_get": (_BOOL, [_P, _P, _U64, _P]),
    "wasmtime_trap_new": (_P, [_S, _N]),
    "wasmtime_trap_code": (_BOOL, [_P, _P]),
    "wasm_trap_message": (None, [_P, _P]),
    "wasm_trap_delete": (None, [_P]),
    "wasmtime_error_new": (_P, [_S]),
    "wasmtime_error_message": (None, [_P, _P]),
    "wasmtime_error_delete": (None, [_P]),
    "wasmtime_wat2wasm": (_P, [_S, _N, _P]),
}


class CApi:
    """The library, loaded: every function of the two tables above without its `wasmtime_` prefix."""

    def __init__(self, path: Path, version: str) -> None:
        try:
            releasing = ctypes.CDLL(str(path))
            holding = ctypes.PyDLL(str(path))
            for library, table in ((releasing, _RELEASING_GIL), (holding, _HOLDING_GIL)):
                for name, (result, parameters) in table.items():
                    function = getattr(library, name)
                    function.restype = result
                    function.argtypes = parameters
                    setattr(self, name.removeprefix("wasmtime_"), function)
        except (OSError, AttributeError) as error:
            raise EngineUnavailable(
                f"wasmtime {version}'s library {path} cannot be used: {error}. Reinstall wasmtime."
            ) from error
        self.version = version
        view = ctypes.pythonapi.PyMemoryView_FromMemory
        view.restype = ctypes.py_object
        view.argtypes = [_P, ctypes.c_ssize_t, ctypes.c_int]
        self._view_from_memory = view

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(f"{name} is not declared in {__name__}")

    def view(self, address: int, size: int) -> memoryview:
        """Writable bytes of this process's memory; the caller vouches for their lifetime."""
        view: memoryview = self._view_from_memory(address, size, 0x200)
        return view

    def take_bytes(self, vector: ByteVector) -> bytes:
        """A copy of a vector that C handed over, which is freed."""
        data = ctypes.string_at(vector.data, vector.size) if vector.size else b""
        self.wasm_byte_vec_delete(ctypes.byref(vector))
        return data

    def take_error(self, error: int) -> str:
        """The text of a `wasmtime_error_t`, which is freed."""
        message = ByteVector()
        self.error_message(error, ctypes.byref(message))
        self.error_delete(error)
        return self.take_bytes(message).decode("utf-8", "replace").rstrip("\0")

    def take_trap(self, trap: int) -> tuple[int | None, str]:
        """Code (None: it has none) and text of a `wasm_trap_t`, which is freed."""
        message = ByteVector()
        self.wasm_trap_message(trap, ctypes.byref(message))
        code = _U8()
        has_code = self.trap_code(trap, ctypes.byref(code))
        self.wasm_trap_delete(trap)
        text = self.take_bytes(message).decode("utf-8", "replace").rstrip("\0")
        return (code.value if has_code else None), text

    def new_trap(self, message: bytes) -> int:
        """A `wasm_trap_t` to return from a host callback, which then belongs to wasmtime."""
        trap: int = self.trap_new(message, len(message))
        return trap

    def new_functype(self, params: str, results: str) -> int:
        """A `wasm_functype_t` from type letters: "i" i32, "I" i64, "f" f32, "F" f64."""
        vectors = []
        for letters in (params, results):
            kinds = ["iIfF".index(letter) for letter in letters]
            types = (ctypes.c_void_p * len(kinds))(*[self.wasm_valtype_new(kind) for kind in kinds])
            vector = PointerVector()
            self.wasm_valtype_vec_new(ctypes.byref(vector), len(letters), types)
            vectors.append(vector)
        functype: int = self.wasm_functype_new(ctypes.byref(vectors[0]), ctypes.byref(vectors[1]))
        return functype

    def func_signature(self, context: int, func: bytes) -> tuple[str, str]:
        """Type letters of a function's parameters and results ("?" for what has no letter)."""
        functype = self.func_type(context, func)
        try:
            letters = []
            for read in (self.wasm_functype_params, self.wasm_functype_results):
                vector = PointerVector.from_address(read(functype))
                kinds = [self.wasm_valtype_kind(vector.data[i]) for i in range(vector.size)]
                letters.append("".join("iIfF"[kind] if kind < 4 else "?" for kind in kinds))
            return letters[0], letters[1]
        finally:
            self.wasm_functype_delete(functype)


@functools.cache
def load() -> CApi:
    """The library of the installed `wasmtime` distribution. Raises `EngineUnavailable`."""
    spec = importlib.util.find_spec("wasmtime")
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailable("the package wasmtime is not installed: pip install 'wasmtime>=50.0,<50.1'")
    folder = Path(spec.submodule_search_locations[0])
    version = _distribution_version(folder)
    check_version(version)
    return CApi(_library_path(folder), version)


def check_version(version: str) -> None:
    """Raise `EngineUnavailable` unless this is the minor version whose layouts are declared here."""
    match = re.match(r"(\d+)\.(\d+)\.", version + ".")
    if match is None or (int(match[1]), int(match[2])) != SUPPORTED_MINOR:
        wanted = ".".join(map(str, SUPPORTED_MINOR))
        raise EngineUnavailable(
            f"wasmtime {version} is installed, but its C interface is bound to a minor version and this "
            f"release needs {wanted}.x: pip install 'wasmtime=={wanted}.*'"
        )


def _distribution_version(folder: Path) -> str:
    """From the name of the dist-info folder; reading metadata properly takes 20 ms of imports."""
    names = [entry.name for entry in folder.parent.glob("wasmtime-*.dist-info")]
    if len(names) == 1:
        return names[0].removeprefix("wasmtime-").removesuffix(".dist-info")
    import importlib.metadata

    try:
        return importlib.metadata.version("wasmtime")
    except importlib.metadata.PackageNotFoundError:
        raise EngineUnavailable(f"the wasmtime in {folder} has no metadata that names a version") from None


def _library_path(folder: Path) -> Path:
    names = {"linux": "_libwasmtime.so", "darwin": "_libwasmtime.dylib", "win32": "_wasmtime.dll"}
    machine = platform.machine()
    machine = {"AMD64": "x86_64", "arm64": "aarch64", "ARM64": "aarch64"}.get(machine, machine)
    if sys.platform not in names or machine not in ("x86_64", "aarch64"):
        raise EngineUnavailable(f"wasmtime has no library for {sys.platform} on {machine}")
    return folder / f"{sys.platform}-{machine}" / names[sys.platform]
