"""Displaying an object as one MIME type, and ready bundles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pywasm_guest.display import display

__all__ = [
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
]


def publish_display_data(
    data: dict[str, Any],
    metadata: dict[str, Any] | None = None,
    *,
    transient: dict[str, Any] | None = None,
    **kwargs: Any,
) -> None:
    """Show a ready MIME bundle."""
    kwargs.pop("source", None)
    display(data, metadata=metadata, transient=transient, raw=True, **kwargs)


def _single(mime: str) -> Callable[..., None]:
    def show(*objs: Any, raw: bool = False, metadata: dict[str, Any] | None = None) -> None:
        note = None if metadata is None else {mime: metadata}
        for obj in objs:
            if raw:
                display({mime: obj}, metadata=note, raw=True)
            else:
                display(obj, include=[mime, "text/plain"], metadata=note)

    show.__doc__ = f"Show objects as {mime}; ``raw``: they are {mime} data already."
    return show


display_pretty = _single("text/plain")
display_html = _single("text/html")
display_markdown = _single("text/markdown")
display_svg = _single("image/svg+xml")
display_png = _single("image/png")
display_jpeg = _single("image/jpeg")
display_latex = _single("text/latex")
display_json = _single("application/json")
display_javascript = _single("application/javascript")
display_pdf = _single("application/pdf")
