"""`display` and its companions under the name that IPython 8 gave them."""

from pywasm_guest.display import DisplayHandle, clear_output, display, update_display

from IPython._publish import publish_display_data

__all__ = ["DisplayHandle", "clear_output", "display", "publish_display_data", "update_display"]
