"""What a sandbox is opened with, checked when it is given and not when it first hurts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pywasm_sandbox._guests.python_runtime import DEFAULT_MODULES, check_modules, fitting_modules
from pywasm_sandbox._vfs.api import AnyFileSystem, MountError
from pywasm_sandbox._vfs.hostfs import HostFS
from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox.errors import HostFileError

from .tools import Tool

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS",
    "FsspecFolder",
    "HostFolder",
    "MemoryFolder",
    "Mount",
    "SandboxOptions",
    "ZipArchive",
    "check_env",
    "check_timeout",
]

DEFAULT_TIMEOUT_SECONDS: Final = 60.0
GIB: Final = 1 << 30


class Unset:
    """The type of `UNSET`: an argument that was not given, where None means something."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


@dataclass(frozen=True, slots=True)
class HostFolder:
    """Mount a folder of the host, read-only unless ``writable``. Nothing outside the folder is reachable
    through it, whatever symbolic links it holds."""

    path: str | Path
    writable: bool = False

    def open(self) -> AnyFileSystem:
        return HostFS(Path(self.path), read_only=not self.writable)


@dataclass(frozen=True, slots=True)
class ZipArchive:
    """Mount the content of a zip file, read-only."""

    path: str | Path

    def open(self) -> AnyFileSystem:
        return ZipFS(Path(self.path))


@dataclass(frozen=True, slots=True)
class MemoryFolder:
    """Mount a filesystem in memory with a quota of its own."""

    max_bytes: int = GIB
    max_files: int = 100_000

    def open(self) -> AnyFileSystem:
        return MemoryFS(Quota(bytes=self.max_bytes, files=self.max_files))


@dataclass(frozen=True, slots=True)
class FsspecFolder:
    """Mount a folder of an fsspec filesystem, read-only (needs ``pip install pywasm-sandbox[fsspec]``)."""

    filesystem: Any
    path: str = ""

    def open(self) -> AnyFileSystem:
        # fsspec is optional: only who mounts one needs it.
        from pywasm_sandbox._vfs.fsspecfs import FsspecFS

        return FsspecFS(self.filesystem, self.path)


Mount = HostFolder | ZipArchive | MemoryFolder | FsspecFolder


def open_mount(path: str, mount: Mount | str | Path) -> AnyFileSystem:
    """The filesystem of a mount. A plain path is a `HostFolder`. Raises `HostFileError`."""
    spec = HostFolder(mount) if isinstance(mount, str | Path) else mount
    if not isinstance(spec, HostFolder | ZipArchive | MemoryFolder | FsspecFolder):
        raise TypeError(
            f"mount {path!r} is a {type(mount).__name__}; use HostFolder, ZipArchive or another mount"
        )
    try:
        return spec.open()
    except (MountError, OSError) as error:
        raise HostFileError(f"mount {path!r}: {error}") from error


def check_timeout(timeout: float | None) -> float | None:
    """Seconds, more than 0, or None for no deadline."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout is a number of seconds or None, not {timeout!r}")
    if not timeout > 0 or math.isnan(timeout):
        raise ValueError(f"timeout is {timeout!r}; it must be more than 0 seconds (None for no deadline)")
    return None if math.isinf(timeout) else float(timeout)


def check_env(env: Mapping[str, str] | None) -> dict[str, str]:
    """Environment variables: names without ``=`` or NUL, values without NUL."""
    checked = dict(env or {})
    for name, value in checked.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"environment variable {name!r} must be text, not {type(value).__name__}")
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise ValueError(f"environment variable {name!r} has an empty name, or '=' or NUL in it")
    return checked


def _check_count(name: str, value: int, minimum: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if value < minimum:
        raise ValueError(f"{name} is {value}; it must be at least {minimum}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """The options of a sandbox; `Sandbox` documents them."""

    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/workspace"
    timeout: float | None = DEFAULT_TIMEOUT_SECONDS
    grace_seconds: float = 1.0
    memory_bytes: int = GIB
    disk_bytes: int = GIB
    max_files: int = 100_000
    max_open_files: int = 1024
    max_output_bytes: int = 64 << 20
    max_contexts: int = 1000
    mounts: Mapping[str, Mount | str | Path] = field(default_factory=dict)
    max_live_contexts: int | None = None
    on_crash: Literal["restart", "error", "restore"] = "restart"
    preload: Sequence[str] | None = DEFAULT_MODULES
    tools: Sequence[Callable[..., Any] | Tool] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", check_env(self.env))
        object.__setattr__(self, "timeout", check_timeout(self.timeout))
        if not isinstance(self.cwd, str) or not self.cwd.startswith("/") or "\0" in self.cwd:
            raise ValueError(f"cwd is {self.cwd!r}; it must be an absolute path in the sandbox")
        if not 0 <= self.grace_seconds < math.inf:
            raise ValueError(f"grace_seconds is {self.grace_seconds!r}; it must be 0 or more")
        # The interpreter alone needs this much.
        _check_count("memory_bytes", self.memory_bytes, 32 << 20)
        if self.memory_bytes > 4 * GIB:
            raise ValueError(f"memory_bytes is {self.memory_bytes}; a 32-bit guest has at most {4 * GIB}")
        _check_count("disk_bytes", self.disk_bytes, 0)
        _check_count("max_files", self.max_files, 16)
        _check_count("max_open_files", self.max_open_files, 16)
        _check_count("max_output_bytes", self.max_output_bytes)
        _check_count("max_contexts", self.max_contexts)
        if self.max_live_contexts is not None:
            _check_count("max_live_contexts", self.max_live_contexts)
        if self.on_crash not in ("restart", "error", "restore"):
            raise ValueError(f"on_crash is {self.on_crash!r}; it must be 'restart', 'error' or 'restore'")
        if self.preload is not None:
            modules = fitting_modules(self.preload, self.memory_bytes)
            object.__setattr__(self, "preload", check_modules(modules))
        for path in self.mounts:
            if not path.startswith("/") or path == "/":
                raise ValueError(f"mount path {path!r} must be absolute and below /")
