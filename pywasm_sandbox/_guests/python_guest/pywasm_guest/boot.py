"""Imported by the interpreter's start-up: makes the interpreter a sandbox's and installs the handler."""

from __future__ import annotations

import _thread
import builtins
import sys

import _pywasm

from . import (
    adaptations,
    derivation,
    display,
    figures,
    modes,
    plotly_figures,
    processes,
    tables,
    unsupported,
    users,
)
from .handler import Session
from .hooks import ImportHooks
from .interrupts import tell_iterators

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .shell import Shell

__all__ = ["start"]


def _add_builtins(session: Session) -> None:
    """What `site` would add (it is not imported: it searches folders), and `display` as notebooks have it."""
    import _sitebuiltins

    def get_ipython() -> Shell:  # a function and no method: that could not be copied with the built-ins
        """What stands in for IPython's shell."""
        return session.shell()

    names = {
        "exit": _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)"),
        "quit": _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)"),
        "copyright": _sitebuiltins._Printer("copyright", sys.copyright),
        "credits": _sitebuiltins._Printer("credits", "See https://www.python.org/ for more information."),
        "license": _sitebuiltins._Printer("license", "See https://docs.python.org/3/license.html"),
        "help": _sitebuiltins._Helper(),
        "input": session.console.make_input(),
        "display": display.display,
        "get_ipython": get_ipython,
    }
    for name, value in names.items():
        setattr(builtins, name, value)


def start() -> None:
    """Set everything up. Called once, by the import of this module."""
    session = Session()
    hooks = ImportHooks()
    hooks.install()
    if sys.platform == "wasi":  # and not a test of this code outside
        hooks.replace("_socket", f"{__file__.rpartition('/pywasm_guest/')[0]}/shims/_socket.py")
    hooks.on_import("asyncio", session.loops.patch_asyncio)
    hooks.on_import("inspect", session.sources.patch_inspect)
    hooks.on_import("getpass", session.console.patch_getpass)
    unsupported.install(hooks)
    processes.install(hooks)
    modes.install(hooks)
    if not hasattr(_thread, "get_native_id"):  # CPython has it where it knows the system's threads
        _thread.get_native_id = _thread.get_ident
    users.install()
    derivation.install(hooks)
    adaptations.install(hooks)
    figures.install(hooks)
    plotly_figures.install(hooks)
    tables.install(hooks)
    _add_builtins(session)
    session.gate.arm()
    tell_iterators()
    _pywasm.set_handler(session.handle)


start()
