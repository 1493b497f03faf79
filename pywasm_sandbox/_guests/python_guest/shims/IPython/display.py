"""`IPython.display`: what code written for notebooks uses to show things."""

from typing import Any

from pywasm_guest import figures
from pywasm_guest.display import DisplayHandle, clear_output, display, update_display

from ._media import Audio, FileLink, FileLinks, IFrame, Image, Video, YouTubeVideo
from ._objects import (
    HTML,
    JSON,
    SVG,
    Code,
    DisplayObject,
    GeoJSON,
    Javascript,
    Latex,
    Markdown,
    Math,
    Pretty,
    ProgressBar,
    TextDisplayObject,
)
from ._publish import (
    display_html,
    display_javascript,
    display_jpeg,
    display_json,
    display_latex,
    display_markdown,
    display_pdf,
    display_png,
    display_pretty,
    display_svg,
    publish_display_data,
)

__all__ = [
    "HTML",
    "JSON",
    "SVG",
    "Audio",
    "Code",
    "DisplayHandle",
    "DisplayObject",
    "FileLink",
    "FileLinks",
    "GeoJSON",
    "IFrame",
    "Image",
    "Javascript",
    "Latex",
    "Markdown",
    "Math",
    "Pretty",
    "ProgressBar",
    "TextDisplayObject",
    "Video",
    "YouTubeVideo",
    "clear_output",
    "display",
    "display_html",
    "display_javascript",
    "display_jpeg",
    "display_json",
    "display_latex",
    "display_markdown",
    "display_pdf",
    "display_png",
    "display_pretty",
    "display_svg",
    "publish_display_data",
    "set_matplotlib_close",
    "set_matplotlib_formats",
    "update_display",
]


def set_matplotlib_formats(*formats: str, **kwargs: Any) -> None:
    """Show figures in these formats: png, svg, jpeg, pdf, retina. ``kwargs`` go to `Figure.savefig`."""
    figures.select_formats(*formats, **kwargs)


def set_matplotlib_close(close: bool = True) -> None:
    """Whether figures are closed when they have been shown at the end of a cell."""
    figures.close_figures(close)


for _name in __all__:
    _object = globals()[_name]
    if isinstance(_object, type) and _object.__module__.startswith("IPython."):
        _object.__module__ = "IPython.core.display"  # where users see that they come from
