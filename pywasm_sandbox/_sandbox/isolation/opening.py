"""What a sandbox's process is told first."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pywasm_sandbox._sandbox.options import SandboxOptions

from .confine import Confinement

__all__ = ["Opening", "ToolDeclaration", "altered"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ToolDeclaration:
    """A host tool as guests see it; the function is the parent's."""

    name: str
    description: dict[str, Any]
    limits: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opening:
    """The first message."""

    id: str
    options: SandboxOptions
    tools: tuple[ToolDeclaration, ...]
    confinement: Confinement
    snapshot: str | None = None
    tells_attempts: bool = False
    resolves: bool = False


def altered(value: T, **changes: Any) -> T:
    """A copy of a frozen object with other attributes. Unlike by `dataclasses.replace`, what was checked and
    brought into its form when it was made isn't again."""
    changed = copy.copy(value)
    for name, each in changes.items():
        object.__setattr__(changed, name, each)
    return changed
