"""What shows matplotlib's figures instead of a window. Imported by matplotlib only."""

from __future__ import annotations

from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase

from . import figures

__all__ = ["FigureManager"]


class FigureManager(FigureManagerBase):
    """Shows its figure as a result of the cell."""

    def show(self) -> None:
        """What `Figure.show` calls."""
        figures.show(self.canvas.figure)

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        """What `pyplot.show` calls: every open figure is shown, then closed."""
        figures.show_all(Gcf)
