"""The bundled packages in `wasm_assets/wheels/`. Not part of `all`."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from driver.archives import sha256_of
from driver.registry import stage
from driver.stages import Context
from recipes.assets import check_side_module, put
from recipes.merging import WHEELS as MERGED

PACKAGES = (
    "beautifulsoup4",
    "certifi",
    "charset-normalizer",
    "cloudpickle",
    "contourpy",
    "cycler",
    "e2b-charts",
    "et-xmlfile",
    "fonttools",
    "idna",
    "iniconfig",
    "jinja2",
    "joblib",
    "kiwisolver",
    "markupsafe",
    "matplotlib",
    "mpmath",
    "narwhals",
    "networkx",
    "numpy",
    "openpyxl",
    "packaging",
    "pandas",
    "pillow",
    "plotly",
    "pluggy",
    "pygments",
    "pyparsing",
    "pytest",
    "python-dateutil",
    "pyyaml",
    "regex",
    "requests",
    "seaborn",
    "six",
    "soupsieve",
    "sympy",
    "tabulate",
    "threadpoolctl",
    "tqdm",
    "typing-extensions",
    "urllib3",
    "xlsxwriter",
)


def check_modules(context: Context, wheel: Path) -> None:
    """Fail if a module in the wheel wants what the core does not have."""
    core = context.dep("core") / "python-core.wasm"
    folder = context.work / wheel.stem
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if name.endswith(".so")]
        archive.extractall(folder, modules)
    libraries = [folder / name for name in modules if Path(name).name.startswith("lib")]
    for name in modules:
        check_side_module(core, folder / name, libraries)


STAGES = {name: MERGED.get(name, name) for name in PACKAGES}


@stage("wheels", needs=("core", *STAGES.values()), files=["driver/wasm.py"], always=True)
def publish_wheels(context: Context) -> None:
    """Write the wheels and name them in the manifest, last, so that it names nothing that is not there."""
    folder = context.repository / "wasm_assets"
    (folder / "wheels").mkdir(exist_ok=True)
    entries = []
    for name, stage_name in STAGES.items():
        wheel = next(context.dep(stage_name).glob("*.whl"))
        check_modules(context, wheel)
        put(wheel, folder / "wheels" / wheel.name)
        entries.append(
            {
                "name": name,
                "file": f"wheels/{wheel.name}",
                "sha256": sha256_of(wheel),
                "size": wheel.stat().st_size,
                "recipe": context.stage_hash(stage_name),
                "kind": "wheel",
            }
        )
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    others = [entry for entry in manifest["assets"] if entry["kind"] != "wheel"]
    manifest["assets"] = [*others, *entries]
    made = context.work / "manifest.json"
    made.write_text(json.dumps(manifest, indent=2) + "\n")
    put(made, path)
    for old in (folder / "wheels").glob("*.whl"):
        if f"wheels/{old.name}" not in {entry["file"] for entry in entries}:
            old.unlink()
