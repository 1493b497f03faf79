"""The functions that the host exposes to this sandbox: ``from host import name``.

They are called like any function; ``help(name)`` shows how. What goes in and comes out is data: text,
numbers, lists, dicts, bytes.
"""

from __future__ import annotations

from pywasm_guest import tools as _tools
from pywasm_guest.tools import ToolError as ToolError


def __getattr__(name: str) -> object:
    # A function may be exposed at any time, so each is looked up when it is first asked for.
    if name == "__all__":
        return _tools.names()
    if name.startswith("__"):
        raise AttributeError(f"module 'host' has no attribute {name!r}")
    return _tools.find(name)


def __dir__() -> list[str]:
    return ["ToolError", *_tools.names()]
