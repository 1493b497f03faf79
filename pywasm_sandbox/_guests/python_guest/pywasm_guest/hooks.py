"""Places where other modules of the guest take part without being imported at boot."""

from __future__ import annotations

import sys
from _frozen_importlib_external import spec_from_file_location  # importlib.util imports more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["ImportHooks", "post_cell"]

post_cell: list[Callable[[], object]] = []
"""Called after each cell, failed ones included, as part of the cell: what they raise is the cell's error."""


class _Loader:
    """Stands in for a module's loader until the module ran, then gives the place back."""

    def __init__(
        self,
        spec: ModuleSpec,
        callbacks: list[Callable[[ModuleType], object]],
        prepare: Callable[[], Callable[[], object]] | None,
    ) -> None:
        self._loader = spec.loader
        self._callbacks = callbacks
        self._prepare = prepare
        spec.loader = self  # type: ignore[assignment]  # importlib asks for these two methods only

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[union-attr]

    def exec_module(self, module: ModuleType) -> None:
        loader = self._loader
        spec = module.__spec__
        if spec is not None:
            spec.loader = loader
        module.__loader__ = loader
        undo = None if self._prepare is None else self._prepare()
        try:
            loader.exec_module(module)  # type: ignore[union-attr]
        finally:
            if undo is not None:
                undo()
        for callback in self._callbacks:
            callback(module)


class ImportHooks:
    """A finder, first on ``sys.meta_path``, that calls back when a named module has just been imported."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callable[[ModuleType], object]]] = {}
        self._preparations: dict[str, Callable[[], Callable[[], object]]] = {}
        self._replacements: dict[str, str] = {}

    def install(self) -> None:
        sys.meta_path.insert(0, self)

    def replace(self, name: str, path: str) -> None:
        """Import ``name`` from this file, although it is built in."""
        self._replacements[name] = path

    def on_import(self, name: str, callback: Callable[[ModuleType], object]) -> None:
        """Call ``callback(module)`` once ``name`` is imported; now if it is already."""
        module = sys.modules.get(name)
        if module is None:
            self._callbacks.setdefault(name, []).append(callback)
        else:
            callback(module)

    def around_import(self, name: str, prepare: Callable[[], Callable[[], object]]) -> None:
        """Call ``prepare()`` just before ``name`` is imported, and what it returns just after."""
        self._callbacks.setdefault(name, [])
        self._preparations[name] = prepare

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in self._replacements:
            return spec_from_file_location(name, self._replacements[name])
        callbacks = self._callbacks.get(name)
        if callbacks is None:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    _Loader(spec, callbacks, self._preparations.get(name))
                return spec
        return None
