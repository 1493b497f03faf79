"""The one registry that recipes declare their stages in."""

from __future__ import annotations

import importlib

from driver.stages import BUILD_DIRECTORY, Registry

REGISTRY = Registry()
stage = REGISTRY.stage


def load_recipes() -> Registry:
    """Import every file of `recipes/`, so that its stages are declared."""
    for path in sorted((BUILD_DIRECTORY / "recipes").glob("*.py")):
        importlib.import_module(f"recipes.{path.stem}")
    return REGISTRY
