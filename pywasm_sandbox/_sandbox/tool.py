"""What is said of a host tool; `tools` carries its calls out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Tool", "ToolCall"]

MAX_ARGUMENT_BYTES: Final = 1 << 20
MAX_RESULT_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a gate decides on: the tool's name, its arguments as validated, and whose call it is."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    context_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function of the host for guest code, with its limits.

    - ``function``: any callable with a signature, plain or ``async``. Annotations are what pydantic validates
      the arguments against.
    - ``name``: what the guest imports from ``host`` (the function's own name).
    - ``gate``: called with a `ToolCall` before each call, in the caller's thread or task; False, or a
      PermissionError that it raises, is a PermissionError in the guest. Any other exception stops the run.
    - ``max_calls_per_second``: a guest that calls more often waits (None: no limit).
    - ``max_calls_per_run``: one run's calls over this fail (None: no limit).
    - ``max_argument_bytes``, ``max_result_bytes``: of their JSON (1 MiB, 16 MiB).
    - ``inline``: the function and its gate run on the sandbox's own thread, which saves two hand-overs a
    call;
      they must not be ``async`` nor mind on which thread they are, several calls may run at once, and a
      failing gate refuses (False).
    """

    function: Callable[..., Any]
    name: str | None = None
    gate: Callable[[ToolCall], Any] | None = None
    max_calls_per_second: float | None = None
    max_calls_per_run: int | None = None
    max_argument_bytes: int = MAX_ARGUMENT_BYTES
    max_result_bytes: int = MAX_RESULT_BYTES
    inline: bool = False

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"a tool is a function, not {self.function!r}")
        if self.gate is not None and not callable(self.gate):
            raise TypeError(f"gate is a function, not {self.gate!r}")
        if self.max_calls_per_second is not None and not self.max_calls_per_second > 0:
            raise ValueError(f"max_calls_per_second is {self.max_calls_per_second!r}; it must be more than 0")
        if self.max_calls_per_run is not None and self.max_calls_per_run < 0:
            raise ValueError(f"max_calls_per_run is {self.max_calls_per_run}; it must be at least 0")
        if self.inline and any(map(inspect.iscoroutinefunction, (self.function, self.gate))):
            raise TypeError("an inline tool or its gate can't be async")
        for limit in ("max_argument_bytes", "max_result_bytes"):
            if getattr(self, limit) < 1:
                raise ValueError(f"{limit} is {getattr(self, limit)}; it must be at least 1")
