"""Run untrusted Python in WebAssembly, inside your own process, offline.

Layers, each importing only those below it:

- `cli`, `aio` (AsyncSandbox): over the public API and its core
- `_sandbox`: Sandbox, Context, files, one core for sync and async
- `_processes`: commands: a shell, utilities and interpreters as processes over one filesystem
- `_network`: what guests may reach, and the connections made for them
- `_guests`: what a language needs: protocol, boot, the code that runs inside
- `_engine`: wasmtime: modules and their cache, instances, interrupts, side modules
- `_wasi`: WASI preview1 over declared data
- `_vfs`: filesystems, mounts, quotas
- `models`, `errors`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pywasm_sandbox._importing import import_in_one_go

if TYPE_CHECKING:
    from pywasm_sandbox._network.log import NetworkAttempt
    from pywasm_sandbox._network.policy import NetworkPolicy, NetworkRule, Secret
    from pywasm_sandbox._sandbox.deterministic import Deterministic
    from pywasm_sandbox._sandbox.facade import (
        Context,
        Process,
        Sandbox,
        get_sandbox,
        prepare,
        set_process_limits,
    )
    from pywasm_sandbox._sandbox.mounts import FsspecFolder, HostFolder, MemoryFolder, ZipArchive
    from pywasm_sandbox._sandbox.package_policy import NpmPolicy, PackagePolicy
    from pywasm_sandbox._sandbox.snapshots import Snapshot
    from pywasm_sandbox._sandbox.tool import Tool, ToolCall
    from pywasm_sandbox.aio import AsyncContext, AsyncProcess, AsyncSandbox
    from pywasm_sandbox.errors import (
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
    from pywasm_sandbox.models import (
        CommandResult,
        Execution,
        ExecutionError,
        FileContent,
        FileInfo,
        Limits,
        Logs,
        Result,
    )

__version__ = "0.1.0"

__all__ = [
    "AssetError",
    "AsyncContext",
    "AsyncProcess",
    "AsyncSandbox",
    "CommandResult",
    "Context",
    "ContextBrokenError",
    "ContextBusyError",
    "ContextClosedError",
    "ContextNotFoundError",
    "Deterministic",
    "Execution",
    "ExecutionError",
    "FileContent",
    "FileInfo",
    "FsspecFolder",
    "HostFileError",
    "HostFolder",
    "LanguageNotAvailableError",
    "Limits",
    "Logs",
    "MemoryFolder",
    "NetworkAttempt",
    "NetworkPolicy",
    "NetworkRule",
    "NpmPolicy",
    "PackageInstallError",
    "PackagePolicy",
    "PolicyError",
    "Process",
    "Result",
    "Sandbox",
    "SandboxClosedError",
    "SandboxError",
    "SandboxExistsError",
    "SandboxFileError",
    "SandboxInternalError",
    "Secret",
    "Snapshot",
    "SnapshotMismatchError",
    "Tool",
    "ToolCall",
    "ZipArchive",
    "__version__",
    "get_sandbox",
    "prepare",
    "set_process_limits",
]

_HOMES: Final = {
    "_network.log": ("NetworkAttempt",),
    "_network.policy": ("NetworkPolicy", "NetworkRule", "Secret"),
    "_sandbox.deterministic": ("Deterministic",),
    "_sandbox.facade": ("Context", "Process", "Sandbox", "get_sandbox", "prepare", "set_process_limits"),
    "_sandbox.mounts": ("FsspecFolder", "HostFolder", "MemoryFolder", "ZipArchive"),
    "_sandbox.package_policy": ("NpmPolicy", "PackagePolicy"),
    "_sandbox.snapshots": ("Snapshot",),
    "_sandbox.tool": ("Tool", "ToolCall"),
    "aio": ("AsyncContext", "AsyncProcess", "AsyncSandbox"),
    "models": (
        "CommandResult",
        "Execution",
        "ExecutionError",
        "FileContent",
        "FileInfo",
        "Limits",
        "Logs",
        "Result",
    ),
}


def __getattr__(name: str) -> Any:
    # Each name is imported when it is first asked for: the package alone costs nothing, and the async API's
    # optional dependency is needed by those alone who use it.
    if name in __all__:
        home = next((module for module, names in _HOMES.items() if name in names), "errors")
        value = getattr(import_in_one_go(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
