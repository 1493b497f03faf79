"""Stands in for IPython where the real package is not installed, so that code written for notebooks imports.

`IPython.display` works as it does in a notebook, `get_ipython()` returns the sandbox's own shell. The modules
`core.inputtransformer2` and `utils.tokenutil` are IPython 9.18.1's (LICENSE). A real IPython in site-packages
is found first.
"""

from . import display
from .core.getipython import get_ipython

__all__ = ["display", "get_ipython", "version_info"]

version_info = (9, 0, 0, "")
"""Of the interface that is imitated: libraries compare it."""

__version__ = "9.0.0"
