"""matplotlib's backend: Agg's images, shown where others open a window. Imported by matplotlib only."""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg

from .mpl_manager import FigureManager

__all__ = ["FigureCanvas", "FigureManager"]


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas with that manager."""

    manager_class: Any = FigureManager
