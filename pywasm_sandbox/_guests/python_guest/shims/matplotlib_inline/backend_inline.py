"""The names that notebooks import from here; as a backend it is the sandbox's own."""

from IPython.display import set_matplotlib_close, set_matplotlib_formats
from pywasm_guest.mpl_backend import FigureCanvas, FigureManager

__all__ = ["FigureCanvas", "FigureManager", "set_matplotlib_close", "set_matplotlib_formats"]
