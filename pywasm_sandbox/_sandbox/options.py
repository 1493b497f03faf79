"""What a sandbox is opened with, checked when it is given and not when it first hurts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pywasm_sandbox._guests.python_runtime import DEFAULT_MODULES, check_modules, fitting_modules
from pywasm_sandbox._guests.reproducible import STEP_NS, VirtualTime, World
from pywasm_sandbox._limits import LIMIT_NAMES, LimitValues, checked
from pywasm_sandbox._vfs.api import AnyFileSystem, MountError
from pywasm_sandbox._vfs.hostfs import HostFS
from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.zipfs import ZipFS, ZipIndex
from pywasm_sandbox.errors import HostFileError

from .package_policy import NpmPolicy, PackagePolicy
from .tools import Tool

if TYPE_CHECKING:
    from pywasm_sandbox._network.policy import NetworkPolicy
    from pywasm_sandbox.models import Limits

__all__ = [
    "Deterministic",
    "FsspecFolder",
    "HostFolder",
    "MemoryFolder",
    "Mount",
    "SandboxOptions",
    "ZipArchive",
    "check_env",
    "check_timeout",
]

DEFAULT_LIMITS: Final = LimitValues()
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
    """Mount the content of a zip file, read-only. The archive need not be trusted: one with more than
    ``max_entries``, or whose entries overlap or claim to inflate to more than is possible, is refused
    (`HostFileError`); opening files that take more than ``max_inflated_bytes`` of memory, each or together,
    fails inside (EFBIG, ENOMEM)."""

    path: str | Path
    max_entries: int = 100_000
    max_inflated_bytes: int = 256 << 20

    def open(self) -> AnyFileSystem:
        index = ZipIndex(Path(self.path), entries_limit=self.max_entries)
        return ZipFS(index, inflate_limit_bytes=self.max_inflated_bytes)


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


@dataclass(frozen=True, slots=True)
class Deterministic:
    """The same code does the same each time, in every process: for test suites. Not for secrets.

    ``seed`` stands for every source of randomness; contexts of a sandbox differ by the order in which they
    were made. Time begins at ``start`` and goes on when code sleeps, which takes no real time; with the clock
    "stepped" also by a microsecond at each look, with "frozen" not. Deadlines are of real time all the same.
    """

    seed: int | str = 0
    clock: Literal["stepped", "frozen"] = "stepped"
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | str):
            raise TypeError(f"seed is a whole number or a text, not {self.seed!r}")
        if self.clock not in ("stepped", "frozen"):
            raise ValueError(f"clock is {self.clock!r}; it must be 'stepped' or 'frozen'")
        if self.start.tzinfo is None:
            raise ValueError("start has no time zone; give it one, such as datetime.UTC")

    def time(self) -> VirtualTime:
        """The time of one sandbox."""
        since = self.start - datetime(1970, 1, 1, tzinfo=UTC)
        nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
        if nanoseconds < 0:
            raise ValueError("start lies before 1970")
        return VirtualTime(nanoseconds, STEP_NS if self.clock == "stepped" else 0)

    def world(self, time: VirtualTime, context: int, boot: int) -> World:
        """What a context sees."""
        return World(time, f"{type(self.seed).__name__} {self.seed} {context} {boot}".encode())


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
    value: float | None = checked("timeout", timeout)
    return value


def check_env(env: Mapping[str, str] | None) -> dict[str, str]:
    """Environment variables: names without ``=`` or NUL, values without NUL."""
    checked = dict(env or {})
    for name, value in checked.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"environment variable {name!r} must be text, not {type(value).__name__}")
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise ValueError(f"environment variable {name!r} has an empty name, or '=' or NUL in it")
    return checked


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} is {value}; it must be at least 1")


def _check_network(network: object) -> None:
    from pywasm_sandbox._network.policy import NetworkPolicy

    if not isinstance(network, NetworkPolicy):
        raise TypeError(f"network is a NetworkPolicy or None, not {type(network).__name__}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """The options of a sandbox; `Sandbox` documents them."""

    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/workspace"
    limits: LimitValues = DEFAULT_LIMITS
    mounts: Mapping[str, Mount | str | Path] = field(default_factory=dict)
    max_live_contexts: int | None = None
    on_crash: Literal["restart", "error", "restore"] = "restart"
    preload: Sequence[str] | None = DEFAULT_MODULES
    tools: Sequence[Callable[..., Any] | Tool] = ()
    packages: PackagePolicy | None = None
    npm: NpmPolicy | None = None
    network: NetworkPolicy | None = None
    deterministic: Deterministic | None = None
    clock_resolution_seconds: float = 1e-6
    isolation: Literal["thread", "process"] = "thread"

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> SandboxOptions:
        """From the keyword arguments of `Sandbox`: a limit by its own name replaces what ``limits`` says."""
        others = {name: value for name, value in settings.items() if name not in LIMIT_NAMES}
        limits = _limit_values(others.pop("limits", None))
        own = {name: value for name, value in settings.items() if name in LIMIT_NAMES}
        return cls(limits=dataclasses.replace(limits, **own), **others)

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", check_env(self.env))
        if not isinstance(self.cwd, str) or not self.cwd.startswith("/") or "\0" in self.cwd:
            raise ValueError(f"cwd is {self.cwd!r}; it must be an absolute path in the sandbox")
        if self.isolation not in ("thread", "process"):
            raise ValueError(f"isolation is {self.isolation!r}; it must be 'thread' or 'process'")
        if self.isolation == "process" and os.name != "posix":
            raise ValueError("isolation='process' needs a POSIX system")
        if self.max_live_contexts is not None:
            _check_count("max_live_contexts", self.max_live_contexts)
        if self.on_crash not in ("restart", "error", "restore"):
            raise ValueError(f"on_crash is {self.on_crash!r}; it must be 'restart', 'error' or 'restore'")
        if self.network is not None:
            _check_network(self.network)
        if self.preload is not None:
            modules = fitting_modules(self.preload, self.limits.memory_bytes)
            object.__setattr__(self, "preload", check_modules(modules))
        resolution = self.clock_resolution_seconds
        if isinstance(resolution, bool) or not isinstance(resolution, int | float):
            raise TypeError(f"clock_resolution_seconds is a number, not {resolution!r}")
        if not 1e-9 <= resolution <= 1:
            raise ValueError(f"clock_resolution_seconds is {resolution!r}; it must be from 1e-9 to 1")
        if self.deterministic is not None and not isinstance(self.deterministic, Deterministic):
            raise TypeError(f"deterministic is a Deterministic, not {type(self.deterministic).__name__}")
        for path in self.mounts:
            if not path.startswith("/") or path == "/":
                raise ValueError(f"mount path {path!r} must be absolute and below /")

    @property
    def quota(self) -> Quota:
        """Of the filesystem in memory."""
        limits = self.limits
        return Quota(
            bytes=limits.disk_bytes,
            files=limits.max_files,
            file_bytes=limits.max_file_bytes,
            directory_entries=limits.max_directory_entries,
            depth=limits.max_directory_depth,
        )


def _limit_values(limits: Limits | Mapping[str, Any] | None) -> LimitValues:
    if limits is None:
        return DEFAULT_LIMITS
    # Who has a `Limits` has imported pydantic already; a mapping is what JSON or a configuration file gives.
    from pywasm_sandbox.models import Limits

    if isinstance(limits, Mapping):
        limits = Limits.model_validate(dict(limits))
    if not isinstance(limits, Limits):
        raise TypeError(f"limits is a Limits, not {type(limits).__name__}")
    return LimitValues(**dict(limits))
