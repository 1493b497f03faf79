"""The WebAssembly assets of this installation, as their manifest lists them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from pywasm_sandbox._engine import ModuleSource, with_passive_data
from pywasm_sandbox.errors import AssetError

__all__ = ["Asset", "Assets"]

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1


class Asset(NamedTuple):
    """One file of ``wasm_assets/``: its name in the manifest, where it lies and what it must hash to."""

    name: str
    path: Path
    sha256: str
    size: int
    kind: str
    recipe: str

    def source(self) -> ModuleSource:
        """The module in the file."""
        return ModuleSource(self.name, self.path, self.sha256)

    def filled_source(self) -> ModuleSource:
        """The same with its data put into memory by a call: a clone has it in its image."""
        file = self.source()
        digest = hashlib.sha256(f"filled by a call: {self.sha256}".encode()).hexdigest()
        return ModuleSource(self.name, None, digest, lambda: with_passive_data(file.read()))

    def verify(self) -> None:
        """Raise `AssetError` unless the file is the one that was shipped."""
        try:
            with self.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise AssetError(
                f"asset {self.name!r} can't be read: {error}; reinstall pywasm-sandbox"
            ) from error
        if digest != self.sha256:
            raise AssetError(
                f"asset {self.name!r} at {self.path} has sha256 {digest}, not {self.sha256} as its manifest "
                "says; reinstall pywasm-sandbox"
            )


class Assets:
    """A folder of assets with its manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        manifest = folder / MANIFEST
        try:
            content = json.loads(manifest.read_bytes())
        except OSError as error:
            raise AssetError(f"no asset manifest at {manifest}: {error}; reinstall pywasm-sandbox") from error
        except ValueError as error:
            raise AssetError(f"the asset manifest {manifest} is not JSON: {error}") from error
        if content.get("format") != FORMAT:
            raise AssetError(
                f"the asset manifest {manifest} has format {content.get('format')!r}, not {FORMAT}"
            )
        self._assets = {entry["name"]: self._asset(entry) for entry in content["assets"]}

    def _asset(self, entry: dict[str, Any]) -> Asset:
        return Asset(
            name=entry["name"],
            path=self.folder / entry["file"],
            sha256=entry["sha256"],
            size=entry["size"],
            kind=entry["kind"],
            recipe=entry.get("recipe", ""),
        )

    @classmethod
    def installed(cls) -> Assets:
        """The assets of this installation: inside the package, or beside it in a source checkout."""
        package = Path(__file__).resolve().parent.parent
        inside = package / "wasm_assets"
        return cls(inside if (inside / MANIFEST).exists() else package.parent / "wasm_assets")

    def __getitem__(self, name: str) -> Asset:
        try:
            return self._assets[name]
        except KeyError:
            raise AssetError(
                f"this installation has no asset {name!r}; it has {', '.join(self._assets)}"
            ) from None

    def of_kind(self, kind: str) -> list[Asset]:
        """The assets of one kind, in the manifest's order."""
        return [asset for asset in self._assets.values() if asset.kind == kind]

    def names(self) -> list[str]:
        """The names of all assets, in the manifest's order."""
        return list(self._assets)
