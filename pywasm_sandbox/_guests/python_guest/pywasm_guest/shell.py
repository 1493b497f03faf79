"""What `get_ipython()` returns: magics, commands and history for cells that are not plain Python.

Imported when a cell does not parse as Python, or asks for it.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from . import hooks
from .magics import CELL_MAGICS, LINE_MAGICS, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .handler import Session

__all__ = ["Shell", "transform"]


_PIP = re.compile(r"\A\s*(pip )(?=(?:install|uninstall|list|show|freeze)(?:[ \t]+[^=\s]|[ \t]*(?:\n|\Z)))")
"""A notebook takes this at the start of a cell without its ``%``."""


def transform(source: str) -> str:
    """The cell as Python: IPython's own rules for ``%magic``, ``%%magic``, ``!command`` and ``name?``."""
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(_PIP.sub(r"%\1", source)))


class Events:
    """``post_execute`` functions, which run at the end of every cell."""

    def register(self, event: str, function: Callable[[], object]) -> None:
        """Call the function from now on."""
        self._check(event)
        if function not in hooks.post_cell:
            hooks.post_cell.append(function)

    def unregister(self, event: str, function: Callable[[], object]) -> None:
        """No longer. Raises ValueError if it was not registered."""
        self._check(event)
        hooks.post_cell.remove(function)

    def _check(self, event: str) -> None:
        if event != "post_execute":
            raise KeyError(f"{event!r} does not happen here; post_execute does")


class Shell:
    """The one of the context."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.user_ns: dict[str, Any] = sys.modules["__main__"].__dict__
        self.events = Events()
        self.config: dict[str, Any] = {}
        self.extensions: set[str] = set()

    def __repr__(self) -> str:
        return "<the shell of this sandbox's context>"

    @property
    def execution_count(self) -> int:
        """The number of the running cell."""
        return len(self.user_ns.get("In", [""])) - 1

    def push(self, variables: dict[str, Any]) -> None:
        """Add variables to the cells' namespace."""
        self.user_ns.update(variables)

    def ev(self, expression: str) -> Any:
        """The value of an expression in that namespace."""
        return eval(expression, self.user_ns)

    def run_line_magic(self, name: str, line: str) -> Any:
        """``%name line``. Raises `UsageError` for a magic that there is none of."""
        function = LINE_MAGICS.get(name)
        if function is None:
            known = ", ".join(f"%{other}" for other in sorted(LINE_MAGICS))
            raise UsageError(f"Line magic function `%{name}` not found. There are: {known}")
        return function(self, self.expand(line))

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """``%%name line`` and the rest of the cell."""
        function = CELL_MAGICS.get(name)
        if function is None:
            known = ", ".join(f"%%{other}" for other in sorted(CELL_MAGICS))
            raise UsageError(f"Cell magic `%%{name}` not found. There are: {known}")
        return function(self, self.expand(line), cell)

    def run_cell(self, source: str) -> None:
        """Run code as a cell does: its last expression is shown."""
        self._session.run_within(source)

    def expand(self, line: str) -> str:
        """Put the values of variables in for ``{expression}`` and ``$name``, where they exist."""

        def value(match: re.Match[str]) -> str:
            try:
                return str(eval(match[1] or match[2], self.user_ns))
            except Exception:
                return match[0]

        return re.sub(r"\{([^{}]+)\}|\$([A-Za-z_]\w*)", value, line)

    def system(self, command: str) -> None:
        """``!command``: its output is printed."""
        from . import processes, wire

        wire.flush()
        status = processes.run_line(self.expand(command))
        self.user_ns["_exit_code"] = processes.waitstatus_to_exitcode(status)

    def getoutput(self, command: str) -> list[str]:
        """``x = !command``: its output as lines."""
        from . import processes

        return processes.output_of(self.expand(command)).splitlines()
