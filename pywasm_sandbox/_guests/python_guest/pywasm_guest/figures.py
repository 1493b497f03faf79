"""matplotlib's figures as results: at `show`, as a cell's value, and those left open when a cell ends.

Nothing here imports matplotlib: it is told when the user's code has imported it.
"""

from __future__ import annotations

import os
import sys

from . import display, hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .hooks import ImportHooks

__all__ = ["close_figures", "install", "select_formats", "show", "show_all"]

CHART = "application/vnd.pywasm.chart+json"
BACKEND = "module://pywasm_guest.mpl_backend"
_MIME_TYPES = {
    "png": "image/png",
    "png2x": "image/png",
    "retina": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
}


class _Settings:
    formats: tuple[str, ...] = ()
    options: dict[str, Any] = {"bbox_inches": "tight"}  # noqa: RUF012  # replaced, never changed
    close = True
    shown: list[object] = []  # noqa: RUF012  # the figures that this cell has shown, in the one interpreter


def select_formats(*formats: str, **options: Any) -> None:
    """Show figures in these formats from now on; ``options`` are passed to `Figure.savefig`.

    Raises ValueError for a format that cannot be shown.
    """
    names = tuple(str(name).lower() for name in formats)
    unknown = [name for name in names if name not in _MIME_TYPES]
    if unknown:
        raise ValueError(f"supported formats are: {', '.join(_MIME_TYPES)}, not {', '.join(unknown)}")
    _Settings.formats = names
    _Settings.options = {**_Settings.options, **options}


def set_options(options: dict[str, Any]) -> None:
    """What is passed to `Figure.savefig` besides a figure's own size, resolution and colours."""
    _Settings.options = dict(options)


def close_figures(close: bool) -> None:
    """Whether figures are closed when they have been shown at the end of a cell."""
    _Settings.close = bool(close)


def print_figure(figure: Any, name: str) -> bytes:
    """The figure as an image of its own size, resolution and colours."""
    from io import BytesIO

    options = {
        "format": {"retina": "png", "png2x": "png", "jpeg": "jpg"}.get(name, name),
        "facecolor": figure.get_facecolor(),
        "edgecolor": figure.get_edgecolor(),
        "dpi": figure.dpi * 2 if name in ("retina", "png2x") else figure.dpi,
        **_Settings.options,
    }
    if figure.canvas is None:
        from matplotlib.backend_bases import FigureCanvasBase

        FigureCanvasBase(figure)
    image = BytesIO()
    figure.canvas.print_figure(image, **options)
    return image.getvalue()


def _mimebundle(figure: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    """`Figure._repr_mimebundle_`: images, and what the chart is about. An empty figure has its text only."""
    data: dict[str, Any] = {}
    if not figure.axes and not figure.lines:
        return data
    for name in _formats():
        mime = _MIME_TYPES[name]
        if (not include or mime in include) and not (exclude and mime in exclude):
            data[mime] = print_figure(figure, name)
    _Settings.shown.append(figure)
    if (not include or CHART in include) and not (exclude and CHART in exclude):
        chart = _chart(figure)
        if chart:
            data[CHART] = chart
    return data


def _formats() -> tuple[str, ...]:
    """What was selected; else SVG if that is what figures are saved as, else PNG."""
    if _Settings.formats:
        return _Settings.formats
    from matplotlib import rcParams

    return ("svg",) if rcParams["savefig.format"] == "svg" else ("png",)


def _chart(figure: Any) -> dict[str, Any] | None:
    """E2B's description of the chart; None where there is none (kinds of plot that it does not know)."""
    import warnings

    try:
        from e2b_charts import chart_figure_to_dict
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _plain(chart_figure_to_dict(figure))  # type: ignore[no-any-return]
    except Exception:  # it reads a figure's insides, and knows the usual ones
        return None


def _plain(value: Any) -> Any:
    """Built-in types only: numpy's numbers and enumerations are none."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(getattr(value, "value", value))
    if value is None or isinstance(value, bool | int):
        return value
    number = float(value)
    return number if number - number == 0 else None


def show(figure: Any) -> None:
    """Show one figure now."""
    if figure.axes or figure.lines:
        display.display(figure)


def show_all(managers: Any) -> None:
    """Show the open figures, in the order of their numbers, and close them."""
    try:
        for manager in managers.get_all_fig_managers():
            show(manager.canvas.figure)
    finally:
        if _Settings.close:
            managers.destroy_all()


def _end_cell() -> None:
    """Show the figures left open that the cell has not shown already, and close them."""
    shown, _Settings.shown = _Settings.shown, []
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is None:
        return
    managers = helpers.Gcf
    try:
        for manager in managers.get_all_fig_managers():
            figure = manager.canvas.figure
            if not any(figure is other for other in shown):
                show(figure)
    finally:
        _Settings.shown = []
        if _Settings.close:
            managers.destroy_all()


def _on_matplotlib(module: ModuleType) -> None:
    if not os.environ.get("MPLBACKEND"):
        module.rcParams["backend"] = BACKEND
    if _end_cell not in hooks.post_cell:
        hooks.post_cell.append(_end_cell)


def _on_figure(module: ModuleType) -> None:
    module.Figure._repr_mimebundle_ = _mimebundle
    _one_at_a_time(
        module.Figure, "draw", "draw_without_rendering", "get_tightbbox", "savefig", "tight_layout"
    )


_drawing: Any = None
"""A lock, once matplotlib is there."""


def _one_at_a_time(kind: Any, *names: str) -> None:
    """Only one thread draws. What matplotlib has in C++ keeps where it is in a `thread_local`, of which the
    threads of a guest have one together: two that are in it at once end the interpreter."""
    global _drawing
    from functools import wraps
    from threading import RLock

    if _drawing is None:
        _drawing = RLock()

    def serial(method: Any) -> Any:
        @wraps(method)
        def locked(*args: Any, **kwargs: Any) -> Any:
            with _drawing:
                return method(*args, **kwargs)

        return locked

    for name in names:
        setattr(kind, name, serial(getattr(kind, name)))


def _on_agg(module: ModuleType) -> None:
    """`matplotlib.use("Agg")`, which programs without a display say, is no reason not to show figures."""
    from .mpl_manager import FigureManager

    _one_at_a_time(module.FigureCanvasAgg, "draw", "get_renderer", "print_figure")
    module.FigureCanvasAgg.manager_class = FigureManager
    module._BackendAgg.FigureManager = FigureManager


def install(hooks: ImportHooks) -> None:
    """Take part when matplotlib is imported."""
    hooks.on_import("matplotlib", _on_matplotlib)
    hooks.on_import("matplotlib.figure", _on_figure)
    hooks.on_import("matplotlib.backends.backend_agg", _on_agg)
