"""`get_ipython`."""

import builtins
from typing import Any

__all__ = ["get_ipython"]


def get_ipython() -> Any:
    """The shell of this context: its magics, its namespace."""
    return builtins.get_ipython()  # type: ignore[attr-defined]
