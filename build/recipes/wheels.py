"""The bundled packages in `wasm_assets/wheels/`. Not part of `all`.

A wheel that is there and whose recipe did not change is left as it is, and nothing it needs is built.
A wheel's entries are stored and the wheel is one xz stream, made of entries that are like each other: a
third smaller than deflated entries. The library unpacks it once (`_guests/wheels.py`); `sha256` and `size` in
the manifest are those of the unpacked wheel.
"""

from __future__ import annotations

import json
import lzma
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from driver.archives import sha256_of
from driver.registry import stage
from driver.stages import Context
from recipes.assets import check_side_module, put
from recipes.merging import WHEELS as MERGED
from recipes.numpy_kernels import WHEEL as NUMPY
from recipes.scipy_kernels import WHEEL as SCIPY
from recipes.stdlib import ZIP_TIME

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
    "lxml",
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
    "scikit-learn",
    "scipy",
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


STAGES = {name: MERGED.get(name, name) for name in PACKAGES} | {"numpy": NUMPY, "scipy": SCIPY}


PRESET = 9 | lzma.PRESET_EXTREME


def stored(wheel: Path, destination: Path) -> None:
    """The wheel with its entries stored, in the order of their kinds: a window of xz then sees more alike."""
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(destination, "w") as result:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        for name in sorted(names, key=lambda name: (Path(name).suffix, name)):
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.external_attr = 0o100644 << 16
            info.create_system = 3
            result.writestr(info, archive.read(name))


def packed(context: Context, name: str) -> tuple[Path, Path]:
    """A package's wheel as it is mounted, and as it is shipped."""
    wheel = next(context.dep(STAGES[name]).glob("*.whl"))
    check_modules(context, wheel)
    unpacked = context.work / "stored" / wheel.name
    stored(wheel, unpacked)
    shipped = unpacked.with_name(f"{wheel.name}.xz")
    shipped.write_bytes(lzma.compress(unpacked.read_bytes(), preset=PRESET))
    return unpacked, shipped


@stage("wheels", needs=["core"], on_demand=STAGES.values(), files=["driver/wasm.py"], always=True)
def publish_wheels(context: Context) -> None:
    """Write the wheels and name them in the manifest, last, so that it names nothing that is not there."""
    folder = context.repository / "wasm_assets"
    (folder / "wheels").mkdir(exist_ok=True)
    (context.work / "stored").mkdir()
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    entries = {
        entry["name"]: entry
        for entry in manifest["assets"]
        if entry["kind"] == "wheel" and is_current(context, folder, entry)
    }
    stale = [name for name in STAGES if name not in entries]
    for name in stale:
        context.dep(STAGES[name])
    with ThreadPoolExecutor(context.jobs) as pool:
        made = dict(zip(stale, pool.map(lambda name: packed(context, name), stale), strict=True))
    for name, (wheel, shipped) in made.items():
        put(shipped, folder / "wheels" / shipped.name)
        entries[name] = {
            "name": name,
            "file": f"wheels/{shipped.name}",
            "sha256": sha256_of(wheel),
            "size": wheel.stat().st_size,
            "recipe": context.stage_hash(STAGES[name]),
            "kind": "wheel",
        }
    others = [entry for entry in manifest["assets"] if entry["kind"] != "wheel"]
    manifest["assets"] = [*others, *(entries[name] for name in STAGES)]
    written = context.work / "manifest.json"
    written.write_text(json.dumps(manifest, indent=2) + "\n")
    put(written, path)
    for old in (folder / "wheels").iterdir():
        if f"wheels/{old.name}" not in {entry["file"] for entry in entries.values()}:
            old.unlink()


def is_current(context: Context, folder: Path, entry: Mapping[str, str]) -> bool:
    """Whether a wheel in the manifest is what its stage would make."""
    stage_name = STAGES.get(entry["name"])
    return (
        stage_name is not None
        and entry["recipe"] == context.stage_hash(stage_name)
        and (folder / entry["file"]).is_file()
    )
