"""The assets of JavaScript and TypeScript. Not part of `all`."""

from __future__ import annotations

from driver.registry import stage
from driver.stages import Context
from recipes.assets import publish

ASSETS = (
    # (name, kind, stage, file)
    ("quickjs", "javascript", "quickjs", "quickjs.wasm"),
    ("swc-typescript", "typescript", "swc-typescript", "swc-typescript.wasm"),
    ("typescript-compiler", "typescript", "typescript-compiler", "typescript-compiler.js"),
    ("js-node-packages", "packages", "js-node-packages", "js-packages.js"),
    ("js-prelude", "prelude", "js-prelude", "js-prelude.js"),
)
STAGES = tuple(dict.fromkeys(stage_name for _, _, stage_name, _ in ASSETS))


@stage("js-assets", needs=STAGES, always=True)
def publish_js(context: Context) -> None:
    """Write them to `wasm_assets/` and name them in the manifest."""
    publish(context, ASSETS, STAGES)
