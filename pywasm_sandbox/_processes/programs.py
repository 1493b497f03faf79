"""Programs of this installation that are WebAssembly modules of their own: the shell and the utilities."""

from __future__ import annotations

import threading
from typing import Final

from pywasm_sandbox._engine import Engine, Program
from pywasm_sandbox._guests.assets import Assets

from .calls import IMPORTS

__all__ = ["Programs"]

_KIND: Final = "program"


class Programs:
    """By name; compiled when first used. Thread-safe."""

    def __init__(self, engine: Engine, assets: Assets) -> None:
        self.engine = engine
        self._assets = {asset.name: asset for asset in assets.of_kind(_KIND)}
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._assets

    def __getitem__(self, name: str) -> Program:
        asset = self._assets[name]
        with self._lock:
            return self.engine.program(asset.source(), IMPORTS)
