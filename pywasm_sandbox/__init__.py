"""Run untrusted Python in WebAssembly, inside your own process, offline.

Layers, each importing only those below it:

- `cli`, `aio` (AsyncSandbox): over the public API and its core
- `_sandbox`: Sandbox, Context, files, one core for sync and async
- `_guests`: what a language needs: protocol, boot, the code that runs inside
- `_engine`: wasmtime: modules and their cache, instances, interrupts, side modules
- `_wasi`: WASI preview1 over declared data
- `_vfs`: filesystems, mounts, quotas
- `models`, `errors`
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._sandbox.facade import Context, Sandbox, get_sandbox, prepare
from ._sandbox.options import FsspecFolder, HostFolder, MemoryFolder, ZipArchive
from .errors import (
    AssetError,
    ContextBrokenError,
    ContextBusyError,
    ContextClosedError,
    ContextNotFoundError,
    HostFileError,
    LanguageNotAvailableError,
    PackageInstallError,
    PolicyError,
    SandboxClosedError,
    SandboxError,
    SandboxExistsError,
    SandboxFileError,
    SandboxInternalError,
    SnapshotMismatchError,
)
from .models import Execution, ExecutionError, FileContent, FileInfo, Logs, Result

if TYPE_CHECKING:
    from .aio import AsyncContext, AsyncSandbox

__version__ = "0.1.0"

__all__ = [
    "AssetError",
    "AsyncContext",
    "AsyncSandbox",
    "Context",
    "ContextBrokenError",
    "ContextBusyError",
    "ContextClosedError",
    "ContextNotFoundError",
    "Execution",
    "ExecutionError",
    "FileContent",
    "FileInfo",
    "FsspecFolder",
    "HostFileError",
    "HostFolder",
    "LanguageNotAvailableError",
    "Logs",
    "MemoryFolder",
    "PackageInstallError",
    "PolicyError",
    "Result",
    "Sandbox",
    "SandboxClosedError",
    "SandboxError",
    "SandboxExistsError",
    "SandboxFileError",
    "SandboxInternalError",
    "SnapshotMismatchError",
    "ZipArchive",
    "__version__",
    "get_sandbox",
    "prepare",
]


def __getattr__(name: str) -> Any:
    # anyio is optional and slow to import: only who asks for the async API pays for it.
    if name in ("AsyncContext", "AsyncSandbox"):
        return getattr(import_module(".aio", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
