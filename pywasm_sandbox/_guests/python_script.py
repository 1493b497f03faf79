"""A Python interpreter that runs one program, as ``python script.py`` does, with descriptors of its own."""

from __future__ import annotations

from .program_guest import ProgramGuest
from .python import PythonGuest

__all__ = ["PythonScript"]


class PythonScript(ProgramGuest, PythonGuest):
    """One CPython interpreter for one program."""
