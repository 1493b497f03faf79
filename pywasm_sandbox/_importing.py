"""Importing many modules at once, without looking for garbage in between."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import ModuleType

__all__ = ["import_in_one_go"]


def import_in_one_go(name: str) -> ModuleType:
    """Import a module, and what it imports, with the garbage collector paused if the user has it enabled.

    What modules are made of lives as long as the process: looking through a hundred thousand new objects
    again and again takes a tenth of the time, and the next collection would do so once more. So they count
    as old afterwards, as all other objects do that are there by then.
    """
    present = sys.modules.get(name)
    if present is not None or not gc.isenabled():
        return import_module(name)  # which waits if another thread imports it
    gc.disable()
    try:
        return import_module(name)
    finally:
        if gc.get_freeze_count() == 0:  # else somebody froze objects that should stay so
            gc.freeze()
            gc.unfreeze()
        gc.enable()
