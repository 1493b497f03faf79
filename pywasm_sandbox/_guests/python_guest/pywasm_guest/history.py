"""``In``, ``Out``, ``_``, ``__``, ``___`` and ``_3``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["History"]

MAX_RESULTS = 1000
"""How many results ``Out`` keeps alive; the oldest go first."""

_UNSET = object()


class History:
    """Keeps what earlier cells were and showed, in the namespace of the cells."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._inputs = [""]
        self._outputs: dict[int, object] = {}
        self._recent: list[object] = ["", "", ""]
        self._count = 0
        self._store = False
        namespace.update({"In": self._inputs, "Out": self._outputs, "_": "", "__": "", "___": ""})

    def begin(self, count: int, source: str, store: bool) -> None:
        """A cell starts. ``store`` False: it leaves no trace here."""
        self._count, self._store = count, store
        if store:
            inputs = self._inputs
            if len(inputs) < count:
                inputs.extend([""] * (count - len(inputs)))
            inputs[count:] = [source]

    def remember(self, value: object) -> None:
        """The cell's result was ``value``."""
        if not self._store or value is self._outputs:
            return
        namespace, outputs, count = self._namespace, self._outputs, self._count
        outputs[count] = namespace[f"_{count}"] = value
        if len(outputs) > MAX_RESULTS:
            oldest = next(iter(outputs))
            namespace.pop(f"_{oldest}", None)
            del outputs[oldest]
        recent = self._recent
        # A cell that uses `_` as a variable of its own keeps it.
        if all(
            namespace.get(name, last) is last for name, last in zip(("_", "__", "___"), recent, strict=True)
        ):
            recent[:] = [value, recent[0], recent[1]]
            namespace["_"], namespace["__"], namespace["___"] = recent
