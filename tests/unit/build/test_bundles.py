"""The bundles of JavaScript in `wasm_assets/` are of the sources: a stage's hash covers what goes in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"

MANIFEST = ROOT / "wasm_assets" / "manifest.json"


@pytest.mark.skipif(not (BUILD / "build.py").exists(), reason="the recipes are not installed")
@pytest.mark.parametrize("stage", ["js-prelude", "js-node-packages", "typescript-compiler", "swc-typescript"])
def test_an_asset_is_of_its_sources(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BUILD))
    from driver.archives import ArchiveStore  # type: ignore[import-not-found]
    from driver.manifest import load_manifest  # type: ignore[import-not-found]
    from driver.registry import load_recipes  # type: ignore[import-not-found]
    from driver.stages import Builder  # type: ignore[import-not-found]

    archives = load_manifest(BUILD / "manifest.toml")
    builder = Builder(load_recipes(), archives, ArchiveStore([], BUILD), BUILD, 1)
    published = {entry["name"]: entry for entry in json.loads(MANIFEST.read_text())["assets"]}
    assert published[stage]["recipe"] == builder.hash_of(stage), (
        f"{stage} was built from other sources: run `python build/build.py js-assets` and commit wasm_assets/"
    )


@pytest.mark.parametrize("name", ["js-prelude.js", "js-packages.js", "typescript-compiler.js"])
def test_a_bundle_names_no_folder_of_the_build(name: str) -> None:
    text = (ROOT / "wasm_assets" / name).read_text()
    assert '{"../' not in text
    assert "stages/js-packages" not in text


def teardown_module() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in ("driver", "recipes")]:
        del sys.modules[name]
