"""plotly's figures as results: their JSON, and HTML that loads plotly.js from its public address.

plotly itself would ask for nbformat, and show through the renderers of the programs that it knows.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .hooks import ImportHooks

__all__ = ["install"]

JSON = "application/vnd.plotly.v1+json"


def _mimebundle(figure: Any, include: Any = None, exclude: Any = None, **kwargs: Any) -> dict[str, Any]:
    """`BaseFigure._repr_mimebundle_`."""
    import json

    return {
        JSON: json.loads(figure.to_json()),
        "text/html": figure.to_html(full_html=False, include_plotlyjs="cdn"),
    }


def _on_figures(module: ModuleType) -> None:
    figure_class = module.BaseFigure
    show_elsewhere = figure_class.show

    def show(self: Any, renderer: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Show the figure as a result of the cell; with a ``renderer``, as that does."""
        if renderer is not None:
            return show_elsewhere(self, renderer, *args, **kwargs)
        from . import display

        return display.display(self)

    figure_class.show = show
    figure_class._repr_mimebundle_ = _mimebundle
    for name in ("_ipython_display_", "_repr_html_"):
        if name in figure_class.__dict__:
            delattr(figure_class, name)


def install(hooks: ImportHooks) -> None:
    """Take part when plotly is imported."""
    hooks.on_import("plotly.basedatatypes", _on_figures)
