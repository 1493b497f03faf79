"""`display` and its companions, as `IPython.display` has them, and what shows a cell's last expression."""

from __future__ import annotations

from . import wire
from .bundle import Bundle, describe, from_mapping
from .wire import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

__all__ = ["DisplayHandle", "clear_output", "display", "publish", "show_result", "update_display"]


def publish(
    bundle: Bundle, *, main: bool = False, display_id: str | None = None, update: bool = False
) -> None:
    """Send a bundle to the host; an empty one is nothing to send."""
    if not bundle.data and not update:
        return
    data = ",".join([f"{quote(mime)}:{text}" for mime, text in bundle.data.items()])
    metadata = wire.encode(bundle.metadata) if bundle.metadata else "{}"
    identity = "null" if display_id is None else quote(display_id)
    wire.emit(
        wire.DISPLAY,
        f'{{"data":{{{data}}},"metadata":{metadata},"main":{"true" if main else "false"},'
        f'"display_id":{identity},"update":{"true" if update else "false"}}}',
    )


def show_result(value: object) -> None:
    """Show a cell's last expression."""
    bundle = describe(value)
    if bundle is not None:
        publish(bundle, main=True)


def _bundle(
    value: Any, include: Collection[str] | None, exclude: Collection[str] | None, metadata: Any, raw: bool
) -> Bundle | None:
    if metadata is not None and not isinstance(metadata, dict):
        raise TypeError(f"metadata must be a dict of MIME type to dict, not {type(metadata).__name__}")
    if raw:
        if not isinstance(value, dict):
            raise TypeError(f"display(raw=True) takes dicts of MIME type to data, not {type(value).__name__}")
        return from_mapping(value, metadata, include, exclude)
    bundle = describe(value, include, exclude)
    if bundle is not None and metadata:
        wire.encode(metadata)
        for mime, note in metadata.items():
            own = bundle.metadata.get(mime)
            bundle.metadata[mime] = (
                {**own, **note} if isinstance(own, dict) and isinstance(note, dict) else note
            )
    return bundle


def display(
    *objs: Any,
    include: Collection[str] | None = None,
    exclude: Collection[str] | None = None,
    metadata: dict[str, Any] | None = None,
    transient: dict[str, Any] | None = None,
    display_id: str | bool | None = None,
    raw: bool = False,
    clear: bool = False,
    update: bool = False,
    **kwargs: Any,
) -> DisplayHandle | None:
    """Show objects, each in every form that it offers.

    Args:
        objs: What to show.
        include: MIME types to show, and no others.
        exclude: MIME types to leave out.
        metadata: MIME type → dict, added to what the objects say.
        transient: May hold a ``display_id``.
        display_id: A name for this display, to update it later; True makes one up.
        raw: The objects are ready MIME bundles: dicts of MIME type to data.
        clear: Clear the output first.
        update: Replace the display of that ``display_id``.
        kwargs: Further arguments of Jupyter's protocol; they have no meaning here.

    Returns:
        A handle when there is a ``display_id``, else None.
    """
    if transient and display_id is None:
        display_id = transient.get("display_id")
    if display_id is True:
        import os

        display_id = os.urandom(16).hex()
    elif display_id is False:
        display_id = None
    elif display_id is not None:
        display_id = str(display_id)
    if display_id is None and update:
        raise TypeError("display_id required for update_display")
    if clear:
        clear_output(wait=True)
    for obj in objs:
        bundle = _bundle(obj, include, exclude, metadata, raw)
        if bundle is not None:
            publish(bundle, display_id=display_id, update=update)
    return None if display_id is None else DisplayHandle(display_id)


def update_display(obj: Any, *, display_id: str, **kwargs: Any) -> None:
    """Replace what an earlier ``display(…, display_id=…)`` shows."""
    kwargs["update"] = True
    display(obj, display_id=display_id, **kwargs)


def clear_output(wait: bool = False) -> None:
    """Take back what this cell has shown so far; with ``wait`` only when it shows something new."""
    wire.emit(wire.CLEAR, '{"wait":true}' if wait else '{"wait":false}')


class DisplayHandle:
    """A display that can be updated."""

    def __init__(self, display_id: str | None = None) -> None:
        if display_id is None:
            import os

            display_id = os.urandom(16).hex()
        self.display_id = display_id

    def __repr__(self) -> str:
        return f"<DisplayHandle display_id={self.display_id}>"

    def display(self, obj: Any, **kwargs: Any) -> None:
        """Show ``obj`` anew under this handle's name."""
        display(obj, display_id=self.display_id, **kwargs)

    def update(self, obj: Any, **kwargs: Any) -> None:
        """Replace what this handle shows."""
        update_display(obj, display_id=self.display_id, **kwargs)
