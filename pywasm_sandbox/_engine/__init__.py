"""The only place that knows wasmtime: engine, compiled modules, instances, interrupts, side modules.

`Engine.shared()` compiles a `ModuleSource` and links it into a `Program`; a program makes `Instance`s, which
are called on guest threads (`engine.threads`). A `Ticket` or a `Deadline` stops one call.

Tested on Linux. macOS and Windows take the same paths where they can, and are untested.
"""

from pywasm_sandbox._wasi import GuestExit

from .failures import (
    EngineFailure,
    EngineUnavailable,
    GuestTrap,
    HostFailure,
    InstanceBroken,
    InstanceClosed,
    ModuleRejected,
    TrapKind,
)
from .image import Image, ImageMismatch
from .instance import Instance, InstanceWaiter
from .interrupts import Deadline, InterruptReason, InterruptWords, Ticket, TurnWords
from .limits import Limits
from .loader import LoadedModule, Loader
from .passive import FILL, with_passive_data
from .placement import Processors, wait_on
from .prelinked import LINKING, Prelinked
from .program import Program
from .replay import LibraryMismatch, LoaderState
from .runtime import CompiledModule, Engine, ModuleSource
from .snapshots import Delta, MemoryState
from .threads import GuestThreads, Handle
from .trampoline import HostImport

__all__ = [
    "FILL",
    "LINKING",
    "CompiledModule",
    "Deadline",
    "Delta",
    "Engine",
    "EngineFailure",
    "EngineUnavailable",
    "GuestExit",
    "GuestThreads",
    "GuestTrap",
    "Handle",
    "HostFailure",
    "HostImport",
    "Image",
    "ImageMismatch",
    "Instance",
    "InstanceBroken",
    "InstanceClosed",
    "InstanceWaiter",
    "InterruptReason",
    "InterruptWords",
    "LibraryMismatch",
    "Limits",
    "LoadedModule",
    "Loader",
    "LoaderState",
    "MemoryState",
    "ModuleRejected",
    "ModuleSource",
    "Prelinked",
    "Processors",
    "Program",
    "Ticket",
    "TrapKind",
    "TurnWords",
    "wait_on",
    "with_passive_data",
]
