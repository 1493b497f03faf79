"""What a sandbox is opened with, checked when it is given and not when it first hurts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from pywasm_sandbox._guests.python_runtime import DEFAULT_MODULES, check_modules, fitting_modules
from pywasm_sandbox._limits import LIMIT_NAMES, LimitValues, checked
from pywasm_sandbox._vfs.memory import Quota

if TYPE_CHECKING:
    from pathlib import Path

    from pywasm_sandbox._network.policy import NetworkPolicy
    from pywasm_sandbox.models import Limits

    from .deterministic import Deterministic
    from .mounts import Mount
    from .package_policy import NpmPolicy, PackagePolicy
    from .tool import Tool

__all__ = ["UNSET", "SandboxOptions", "Unset", "check_env", "check_timeout"]

DEFAULT_LIMITS: Final = LimitValues()


class Unset:
    """The type of `UNSET`: an argument that was not given, where None means something."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


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


def _check_deterministic(deterministic: object) -> None:
    from .deterministic import Deterministic

    if not isinstance(deterministic, Deterministic):
        raise TypeError(f"deterministic is a Deterministic, not {type(deterministic).__name__}")


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
        known = [each.name for each in dataclasses.fields(cls)]
        unknown = sorted(others.keys() - set(known))
        if unknown:
            options = ", ".join([*known, *sorted(LIMIT_NAMES)])
            raise TypeError(f"a sandbox has no option {unknown[0]!r}; there are: {options}")
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
        if self.deterministic is not None:
            _check_deterministic(self.deterministic)
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
