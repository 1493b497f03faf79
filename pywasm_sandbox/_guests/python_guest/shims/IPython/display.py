"""`IPython.display`: what code written for notebooks uses to show things."""

from typing import Any

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
    """Figures are shown as PNG; asking for other formats has no effect."""


def set_matplotlib_close(close: bool = True) -> None:
    """Figures are closed after they were shown; asking for something else has no effect."""


for _name in __all__:
    _object = globals()[_name]
    if isinstance(_object, type) and _object.__module__.startswith("IPython."):
        _object.__module__ = "IPython.core.display"  # where users see that they come from
