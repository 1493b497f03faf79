"""Processes: `subprocess`, `os.system` and `os.popen` over the sandbox's commands."""

from __future__ import annotations

__all__ = ["become_program"]


def become_program() -> None:
    """This interpreter is a process of its own."""
