"""`get_ipython`."""

__all__ = ["get_ipython"]


def get_ipython() -> None:
    """None: there is no interactive shell object, as in plain Python."""
