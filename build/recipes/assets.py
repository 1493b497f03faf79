"""What lands in `wasm_assets/`: the built files, the licence texts and the manifest."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from driver import wasm
from driver.archives import sha256_of
from driver.registry import stage
from driver.stages import Context
from recipes.cpython import LIBRARY_STAGES

ASSETS = (
    # (name, kind, stage, file)
    ("python-core", "core", "core", "python-core.wasm"),
    ("python-stdlib", "stdlib", "stdlib", "python-stdlib.zip"),
    ("linker", "linker", "linker", "linker.wasm"),
    ("sample-extension", "sample", "samples", "_sample.cpython-314-wasm32-wasi.so"),
    ("sample-cxx-extension", "sample", "samples", "_samplecxx.cpython-314-wasm32-wasi.so"),
)


def put(source: Path, destination: Path) -> None:
    """Copy so that a reader sees the old file or the new one, never a part."""
    temporary = destination.with_name(f".{destination.name}.{os.getpid()}")
    shutil.copyfile(source, temporary)
    temporary.chmod(0o644)
    temporary.replace(destination)


def check_side_module(core: Path, module: Path, libraries: Sequence[Path] = ()) -> None:
    """Fail if a side module wants a name that the core, the module and the libraries beside it lack."""
    known = {entity.name for path in (core, module, *libraries) for entity in wasm.exports(path.read_bytes())}
    known |= {"memory", "__indirect_function_table", "__memory_base", "__table_base"}
    wanted = {entity.name for entity in wasm.imports(module.read_bytes())}
    # What a C++ thread-local variable would be initialised by, a weak name: there is none if it need not be.
    missing = sorted(name for name in wanted - known if not name.startswith("_ZTH"))
    if missing:
        raise SystemExit(f"{module.name} wants what the core does not export: {', '.join(missing)}")


def publish(
    context: Context, assets: tuple[tuple[str, str, str, str], ...], licence_stages: tuple[str, ...]
) -> None:
    """Write `wasm_assets/`; the manifest last, so that it never names a file that is not there."""
    target = context.repository / "wasm_assets"
    (target / "licences").mkdir(parents=True, exist_ok=True)
    entries = []
    for name, kind, stage_name, file in assets:
        source = context.dep(stage_name) / file
        if kind == "sample":
            check_side_module(context.dep("core") / "python-core.wasm", source)
        put(source, target / file)
        entries.append(
            {
                "name": name,
                "file": file,
                "sha256": sha256_of(source),
                "size": source.stat().st_size,
                "recipe": context.stage_hash(stage_name),
                "kind": kind,
            }
        )
    licences = published(target, "licences")
    for stage_name in licence_stages:
        for path in sorted((context.dep(stage_name) / "licences").glob("*.txt")):
            put(path, target / "licences" / path.name)
            licences[path.stem] = {"name": path.stem, "file": f"licences/{path.name}"}
    names = {entry["name"] for entry in entries}
    others = [entry for name, entry in published(target, "assets").items() if name not in names]
    manifest = {
        "format": 1,
        # Wheels, which are many, come last.
        "assets": sorted([*entries, *others], key=lambda entry: entry["kind"] == "wheel"),
        "licences": [licences[name] for name in sorted(licences)],
    }
    made = context.work / "manifest.json"
    made.write_text(json.dumps(manifest, indent=2) + "\n")
    put(made, target / "manifest.json")


def published(target: Path, section: str) -> dict[str, dict[str, Any]]:
    """What a section of the manifest names now, by name: other stages wrote some of it."""
    manifest = target / "manifest.json"
    if not manifest.exists():
        return {}
    return {entry["name"]: entry for entry in json.loads(manifest.read_text())[section]}


@stage(
    "all", needs=("core", "stdlib", "linker", "samples", "cpython", "toolchain", *LIBRARY_STAGES), always=True
)
def publish_all(context: Context) -> None:
    """Everything, into `wasm_assets/`."""
    publish(context, ASSETS, ("cpython", "stdlib", "toolchain", *LIBRARY_STAGES))
