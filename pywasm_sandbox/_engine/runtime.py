"""The process's engine: wasmtime's configuration, compiled modules, the ticker and the guest threads."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, NamedTuple

from . import capi
from .arena import Arena
from .cache import CompileCache, cache_key, default_folder, host_fingerprint
from .capi import HOST_CALLBACK, ByteVector, CApi
from .dylink import Described
from .failures import EngineUnavailable, ModuleRejected
from .image import Image, ImageMismatch
from .memories import create_memories
from .prelinked import Prelinked
from .program import Program
from .progress import compiling
from .threads import GuestThreads
from .ticker import Ticker
from .trampoline import CallSlot, HostImport, epoch_callback

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["CompiledModule", "Engine", "ModuleSource"]

logger = logging.getLogger("pywasm_sandbox")

MAX_WASM_STACK = 16 << 20
ASYNC_STACK = 20 << 20
SHUTDOWN_S = 5.0

# Part of the cache key: change it with _configuration().
CONFIG_ID = (
    "4: speed epochs exnref deterministic-relaxed-simd wide-arithmetic stack16M, "
    "no threads memory64 multi-memory unwind-info init-cow"
)


class ModuleSource(NamedTuple):
    """Where a module comes from: a file with a known sha256 (hex), bytes, or what gives them if need be."""

    name: str
    path: Path | None
    sha256: str
    data: bytes | Callable[[], bytes] | None = None

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> ModuleSource:
        """A module that is in memory already."""
        return cls(name, None, hashlib.sha256(data).hexdigest(), data)

    def read(self) -> bytes:
        """The wasm. Raises `ModuleRejected` if it is not what `sha256` says."""
        if self.data is not None:
            return self.data if isinstance(self.data, bytes) else self.data()
        assert self.path is not None
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ModuleRejected(self.name, f"{self.path} cannot be read: {error.strerror}") from error
        if (found := hashlib.sha256(data).hexdigest()) != self.sha256:
            raise ModuleRejected(
                self.name, f"{self.path} has sha256 {found}, expected {self.sha256}; reinstall the package"
            )
        return data


class CompiledModule(Described):
    """Native code of one module, usable by any number of instances at once."""

    def __init__(self, c: CApi, source: ModuleSource, pointer: int) -> None:
        super().__init__()
        self.name = source.name
        self.sha256 = source.sha256
        self.pointer = pointer
        # Not at exit: instances of it may still be alive then, and the process ends anyway.
        weakref.finalize(self, c.module_delete, pointer).atexit = False


class Engine:
    """What all guests of a process share. Use `Engine.shared()`; tests may make their own."""

    _shared: ClassVar[Engine | None] = None
    _shared_lock: ClassVar[threading.Lock] = threading.Lock()
    _all: ClassVar[weakref.WeakSet[Engine]] = weakref.WeakSet()
    _forked: ClassVar[bool] = False

    def __init__(self, cache: CompileCache | None = None) -> None:
        self.c = c = capi.load()
        self.pointer: int = c.wasm_engine_new_with_config(_configuration(c, parallel=not Engine._forked))
        self.slot = CallSlot()
        self.threads = GuestThreads()
        self.ticker = Ticker(lambda: c.engine_increment_epoch(self.pointer))
        self.epoch_callback = epoch_callback(c, self.slot)
        self.undefined_callback = HOST_CALLBACK(
            lambda *_: c.new_trap(b"an undefined weak function was called")
        )
        self._global_types: tuple[int, int] = (
            c.wasm_globaltype_new(c.wasm_valtype_new(0), 0),
            c.wasm_globaltype_new(c.wasm_valtype_new(0), 1),
        )
        self.lost = False
        """True in a forked child of the process that made this engine: its threads are not there."""
        self.max_wasm_stack = MAX_WASM_STACK
        self.stopping = False
        """True once the interpreter shuts down: no call begins any more."""
        self.arena = Arena.make()
        """Where linear memories grow, None where they can't be shared."""
        self._cache = CompileCache(default_folder()) if cache is None else cache
        self._host = host_fingerprint()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._modules: dict[str, CompiledModule] = {}
        self._unkept: weakref.WeakValueDictionary[str, CompiledModule] = weakref.WeakValueDictionary()
        self._programs: dict[tuple[str, tuple[HostImport, ...]], Program] = {}
        self._trusted: set[str] = set()
        self._instances: weakref.WeakSet[Instance] = weakref.WeakSet()
        Engine._all.add(self)
        atexit.register(_shutdown, weakref.ref(self))

    @classmethod
    def shared(cls) -> Engine:
        """The engine of this process. Raises `EngineUnavailable`."""
        engine = cls._shared
        if engine is None:
            with cls._shared_lock:
                engine = cls._shared
                if engine is None:
                    engine = cls._shared = cls()
        return engine

    def module(self, source: ModuleSource, *, keep: bool = True) -> CompiledModule:
        """The compiled module, from memory, from the cache on disk, or compiled now (seconds).

        `keep=False` is for code that a guest brought: it is neither written to disk nor kept in memory for
        longer than an instance uses it, so that no guest can fill either. Raises `ModuleRejected`.
        """
        keep = keep or source.sha256 in self._trusted
        with self._lock:
            found = self._modules.get(source.sha256) or self._unkept.get(source.sha256)
            if found is not None:
                return found
            lock = self._locks.setdefault(source.sha256, threading.Lock())
        try:
            with lock:
                found = self._modules.get(source.sha256) or self._unkept.get(source.sha256)
                if found is not None:
                    return found
                pointer = self._load_or_compile(source) if keep else self._compile(source.name, source.read())
                module = CompiledModule(self.c, source, pointer)
                with self._lock:
                    if keep:
                        self._modules[source.sha256] = module
                    else:
                        self._unkept[source.sha256] = module
                return module
        finally:
            with self._lock:
                self._locks.pop(source.sha256, None)

    def compiled(self, sha256: str) -> CompiledModule | None:
        """The module if its code is in memory."""
        with self._lock:
            return self._modules.get(sha256) or self._unkept.get(sha256)

    def program(
        self,
        source: ModuleSource,
        imports: tuple[HostImport, ...] = (),
        joined: tuple[ModuleSource, Prelinked] | None = None,
    ) -> Program:
        """The module of `source` linked with WASI and `imports`; one for all its instances.

        `joined` is the module that `prelink` made of it and of side modules, to be used in its place.
        """
        module, prelinked = joined or (source, Prelinked())
        key = (module.sha256, imports)
        with self._lock:
            found = self._programs.get(key)
        if found is None:
            made = Program(self, self.module(module), imports, source.read, prelinked)
            with self._lock:
                found = self._programs.setdefault(key, made)
        return found

    def trust(self, sha256s: Iterable[str]) -> None:
        """These modules (sha256, hex) did not come from a guest: keep their code in memory and on disk."""
        with self._lock:
            self._trusted.update(sha256s)

    def trusts(self, sha256: str) -> bool:
        """Whether `trust` named it."""
        return sha256 in self._trusted

    def image(self, key: str, name: str, capture: Callable[[int], Image]) -> Image:
        """The image kept under `key`, or the one that `capture(descriptor)` makes now.

        Whoever makes the same one at the same time, in this process or another, gets an equal one: files are
        written aside and renamed.
        """
        file_name = f"{key}.image"
        descriptor = self._cache.open_file(file_name)
        if descriptor is not None:
            try:
                return Image.open(descriptor)
            except ImageMismatch as error:
                logger.warning("the image %s is damaged and will be rebuilt: %s", file_name, error)
        kept: list[Image] = []

        def fill(descriptor: int) -> None:
            kept.append(capture(os.dup(descriptor)))

        with compiling(name, doing="preparing"):
            if self._keep(file_name, fill):
                return kept[0]
            with _unnamed_file() as file:
                return capture(os.dup(file.fileno()))

    def kept_file(
        self, file_name: str, name: str, fits: Callable[[int], bool], fill: Callable[[int], None]
    ) -> int:
        """A descriptor, at its start, of the file kept under a name if that `fits`, or of one that `fill`
        writes now.

        The file may not be changed: others may have it mapped. What `fill` raises goes through.
        """
        descriptor = self._cache.open_file(file_name)
        if descriptor is not None:
            if fits(descriptor):
                return descriptor
            os.close(descriptor)
        with compiling(name, doing="unpacking"):
            if self._keep(file_name, fill):
                descriptor = self._cache.open_file(file_name)
                if descriptor is not None:
                    return descriptor
            with _unnamed_file() as file:
                fill(file.fileno())
                file.seek(0)
                return os.dup(file.fileno())

    def _keep(self, file_name: str, fill: Callable[[int], None]) -> bool:
        """Whether what `fill` writes could be kept: a disk may be full."""
        try:
            return self._cache.store_file(file_name, fill)
        except OSError as error:
            logger.warning("the file %s can't be kept (%s); each process makes it again", file_name, error)
            return False

    # ---- for instances

    def global_type(self, mutable: bool) -> int:
        """A `wasm_globaltype_t` of an i32."""
        return self._global_types[mutable]

    def register(self, instance: Instance) -> None:
        """It exists: stop it at exit."""
        with self._lock:
            self._instances.add(instance)

    def unregister(self, instance: Instance) -> None:
        """It is closed."""
        with self._lock:
            self._instances.discard(instance)

    def shut_down(self) -> None:
        """Kill what runs and wait for its threads: none may run into a dying interpreter."""
        self.stopping = True
        with self._lock:
            instances = list(self._instances)
        for instance in instances:
            if not instance.kill() and instance.strands.count:
                instance.close()  # threads of its guest stand still between two calls
        self.threads.close(SHUTDOWN_S)

    def _load_or_compile(self, source: ModuleSource) -> int:
        key = cache_key(source.sha256, self.c.version, CONFIG_ID, self._host)
        loaded = self._cache.load(key, self._deserialize)
        if loaded is not None:
            return loaded
        pointer = self._compile(source.name, source.read())
        vector = ByteVector()
        error = self.c.module_serialize(pointer, ctypes.byref(vector))
        if error:
            raise EngineUnavailable(f"{source.name} cannot be serialized: {self.c.take_error(error)}")
        self._cache.store(key, self.c.take_bytes(vector))
        return pointer

    def _deserialize(self, path: str) -> int:
        out = ctypes.c_void_p()
        error = self.c.module_deserialize_file(self.pointer, os.fsencode(path), ctypes.byref(out))
        if error:
            raise ValueError(self.c.take_error(error))
        assert out.value is not None
        return out.value

    def _compile(self, name: str, data: bytes) -> int:
        if data[:4] != b"\0asm":
            raise ModuleRejected(name, "it is not a WebAssembly binary")
        out = ctypes.c_void_p()
        with compiling(name):
            error = self.c.module_new(self.pointer, data, len(data), ctypes.byref(out))
            if error:
                raise ModuleRejected(name, self.c.take_error(error))
        assert out.value is not None
        return out.value

    @classmethod
    def _after_fork_in_child(cls) -> None:
        # Threads that held these locks do not exist here.
        for engine in list(cls._all):
            engine.lost = True
        cls._all = weakref.WeakSet()
        cls._shared = None
        cls._shared_lock = threading.Lock()
        cls._forked = True


def _unnamed_file() -> IO[bytes]:
    """An empty file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("pywasm-sandbox-image"), "w+b", buffering=0)
    import tempfile

    return tempfile.TemporaryFile()


def _shutdown(reference: weakref.ref[Engine]) -> None:
    engine = reference()
    if engine is not None and not engine.lost:
        engine.shut_down()


def _configuration(c: CApi, parallel: bool) -> int:
    """Our `wasm_config_t`. How much address space is reserved for a memory stays wasmtime's: none moves."""
    config: int = c.wasm_config_new()
    # The stack limit may not exceed the async stack's size, even though none is ever made; wasmtime
    # checks each setting as it comes and aborts the process, so this one is first.
    c.config_async_stack_size_set(config, ASYNC_STACK)
    c.config_max_wasm_stack_set(config, MAX_WASM_STACK)
    c.config_strategy_set(config, 1)  # Cranelift
    c.config_cranelift_opt_level_set(config, 1)  # speed
    # Compiling uses a thread pool of the process. A forked child has none, and would wait for ever.
    c.config_parallel_compilation_set(config, parallel)
    c.config_epoch_interruption_set(config, True)
    c.config_wasm_exceptions_set(config, True)
    c.config_wasm_simd_set(config, True)
    c.config_wasm_relaxed_simd_set(config, True)
    # The same results on every machine: what may be fused is, by a function where no instruction does it.
    c.config_wasm_relaxed_simd_deterministic_set(config, True)
    c.config_wasm_wide_arithmetic_set(config, True)
    c.config_wasm_bulk_memory_set(config, True)
    # What guests don't need, they can't attack.
    c.config_wasm_threads_set(config, False)
    c.config_wasm_memory64_set(config, False)
    c.config_wasm_multi_memory_set(config, False)
    c.config_wasm_component_model_set(config, False)
    if os.name != "nt":
        # For foreign unwinders only. Registering it for each module is slow, wasmtime itself doesn't use it.
        c.config_native_unwind_info_set(config, False)
    # Data that a module has mapped into its memory needs wasmtime's own memories.
    c.config_memory_init_cow_set(config, False)
    create_memories(c, config)
    return config


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Engine._after_fork_in_child)
