"""A module with its imports resolved: what remains for each instance is to instantiate it."""

from __future__ import annotations

import ctypes
import functools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from pywasm_sandbox._wasi import FUNCTIONS

from .dylink import function_slots
from .failures import ModuleRejected
from .instance import Instance
from .limits import Limits
from .loader import FUNCTIONS as LOADER_FUNCTIONS
from .trampoline import HostImport, Import, host_import

if TYPE_CHECKING:
    from pywasm_sandbox._wasi import WasiHost

    from .image import Image
    from .prelinked import Prelinked
    from .runtime import CompiledModule, Engine

__all__ = ["Program"]

WASI_MODULE = "wasi_snapshot_preview1"
HOST_MODULE = "pywasm"


class Program:
    """One linker and one prepared instance for all instances of a module."""

    def __init__(
        self,
        engine: Engine,
        module: CompiledModule,
        imports: tuple[HostImport, ...],
        read: Callable[[], bytes],
        prelinked: Prelinked,
    ) -> None:
        self._read = read
        self.prelinked = prelinked
        """The side modules that are part of it already."""
        self.engine = engine
        self.module = module
        c = engine.c
        self._imports: list[Import] = [
            *(host_import(c, engine.slot, WASI_MODULE, function, "wasi") for function in FUNCTIONS),
            *(host_import(c, engine.slot, function.module, function, "owner") for function in imports),
            *(host_import(c, engine.slot, HOST_MODULE, function, "loader") for function in LOADER_FUNCTIONS),
        ]
        self.linker: int = c.linker_new(engine.pointer)
        for each in self._imports:
            names = (each.module.encode(), each.name.encode())
            error = c.linker_define_func_unchecked(
                self.linker,
                names[0],
                len(names[0]),
                names[1],
                len(names[1]),
                each.functype,
                each.callback,
                None,
                None,
            )
            if error:
                raise ModuleRejected(module.name, f"import {each.name!r}: {c.take_error(error)}")
        pre = ctypes.c_void_p()
        error = c.linker_instantiate_pre(self.linker, module.pointer, ctypes.byref(pre))
        if error:
            raise ModuleRejected(module.name, c.take_error(error))
        assert pre.value is not None
        self.pre: int = pre.value
        self.writes_memory = True
        """Whether instantiation puts anything into memory, for all that is known."""
        self.signatures: dict[str, tuple[str, str]] = {}
        """Of the exported functions that were called: letters of parameters and results."""
        # Instances keep their program, and with it the callbacks, alive.
        for delete, pointer in ((c.linker_delete, self.linker), (c.instance_pre_delete, self.pre)):
            weakref.finalize(self, delete, pointer).atexit = False
        for each in self._imports:
            weakref.finalize(self, c.wasm_functype_delete, each.functype).atexit = False

    @functools.cached_property
    def function_slots(self) -> dict[str, int]:
        """Table indices of the module's exported functions. Read from the wasm when first asked for."""
        return {**function_slots(self._read()), **self.prelinked.main_slots}

    def instantiate(
        self,
        wasi: Callable[[Instance], WasiHost],
        owner: object = None,
        limits: Limits | None = None,
        image: Image | None = None,
    ) -> Instance:
        """A new instance. On a guest thread, because its start function may run. `image` is what will be
        mapped into it first, if anything will.

        `wasi` makes the instance's WASI host from `instance.memory` and `instance.waiter`; `owner` is the
        first argument of the functions in `imports`. Raises as `Instance.call` does.
        """
        return Instance(self, wasi, owner, Limits() if limits is None else limits, image)
