"""Packages of Python files only, from their sdists or from the wheels on PyPI.

What comes out are wheels for `wasm_assets/`: byte code is inside; tests, stubs and what cannot work in the
guest are not. Byte code takes more room than the sources: of large packages only the modules have it that an
import of the package loads (`compiled`). The others are compiled whenever they are imported. The largest go
without the sources of what is compiled; `inspect.getsource` does not find these.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.python_packages import FILES, LEFT_OUT, PURE_TAG, SITE_PACKAGES, make_wheel, record
from recipes.stdlib import write_zip

SDISTS = {
    # stage: what of the sdist goes into site-packages
    "python-dateutil": ("src/dateutil",),
    "six": ("six.py",),
}


@dataclass(frozen=True)
class Wheel:
    """How a wheel of PyPI is shipped."""

    left_out: tuple[str, ...] = ()
    """Patterns of paths that are not shipped, besides those that no package ships."""
    compiled: tuple[str, ...] = ()
    """Modules whose import says which files get byte code; none: all files."""
    needs: tuple[str, ...] = ()
    """Stages of the packages that importing these modules takes."""
    sources: bool = True
    """Whether modules with byte code have their sources beside it."""
    patched: bool = False
    """Whether there are `patches/<name>/*.patch`."""


WHEELS = {
    "beautifulsoup4": Wheel(),
    "certifi": Wheel(),
    "charset-normalizer": Wheel(),
    "cloudpickle": Wheel(),
    "cycler": Wheel(),
    "e2b-charts": Wheel(patched=True),
    "et-xmlfile": Wheel(),
    "fonttools": Wheel(compiled=("fontTools.ttLib.ttFont", "fontTools.subset"), sources=False),
    "idna": Wheel(),
    "iniconfig": Wheel(),
    "jinja2": Wheel(),
    "joblib": Wheel(),
    "mpmath": Wheel(),
    "narwhals": Wheel(compiled=("narwhals.stable.v1",), sources=False),
    "networkx": Wheel(compiled=("networkx",), sources=False),
    "openpyxl": Wheel(),
    "packaging": Wheel(),
    # widgetbundle.js and labextension are for notebooks' own front ends.
    "plotly": Wheel(
        left_out=("plotly/labextension", "plotly/package_data/widgetbundle.js"),
        compiled=("plotly.graph_objects", "plotly.io", "plotly.subplots"),
        needs=("narwhals", "packaging"),
        sources=False,
    ),
    "pluggy": Wheel(),
    "pygments": Wheel(compiled=("pygments.lexers.python", "pygments.formatters.terminal"), sources=False),
    "pyparsing": Wheel(),
    "pytest": Wheel(),
    "requests": Wheel(),
    "seaborn": Wheel(),
    "soupsieve": Wheel(),
    # The parsers of other languages want the runtime of ANTLR.
    "sympy": Wheel(
        left_out=("benchmarks", "sympy/parsing/autolev", "sympy/parsing/latex/_antlr"),
        compiled=("sympy",),
        needs=("mpmath",),
        sources=False,
    ),
    "tabulate": Wheel(),
    "threadpoolctl": Wheel(),
    "tqdm": Wheel(left_out=("completion.sh", "tqdm.1")),
    "typing-extensions": Wheel(),
    "urllib3": Wheel(left_out=("urllib3/contrib/emscripten/emscripten_fetch_worker.js",)),
    "xlsxwriter": Wheel(),
}


def build_from_sdist(context: Context, name: str, members: Sequence[str]) -> None:
    source = context.unpack(name)
    tree = context.work / "tree"
    tree.mkdir()
    for member in members:
        path = source / member
        if path.is_dir():
            shutil.copytree(path, tree / path.name)
        else:
            shutil.copy(path, tree / path.name)
    make_wheel(context, tree, source, pure=True)


def build_from_wheel(context: Context, name: str, package: Wheel) -> None:
    tree = context.work / "tree"
    with zipfile.ZipFile(context.locate(name)) as archive:
        archive.extractall(tree)
    if package.patched:
        context.patch(tree, name)
    info = next(tree.glob("*.dist-info"))
    # Scripts, manual pages and what else an installer puts outside of site-packages.
    for folder in tree.glob("*.data"):
        shutil.rmtree(folder)
    leave_out(tree, (*LEFT_OUT, *package.left_out))
    if not any(path.is_file() for path in (*info.glob("licenses/**/*"), *info.glob("[LC][IO][CP]*"))):
        raise SystemExit(f"{info}: no licence text was found")
    compile_modules(context, tree, package)
    (info / "RECORD").unlink()
    metadata = info / "METADATA"
    metadata.write_text(metadata.read_text().split("\n\n")[0] + "\n")
    (info / "WHEEL").write_text(
        f"Wheel-Version: 1.0\nGenerator: pywasm-build\nRoot-Is-Purelib: true\nTag: {PURE_TAG}\n"
    )
    (info / "RECORD").write_text(record(tree, info))
    write_zip(tree, context.out / f"{info.name.removesuffix('.dist-info')}-{PURE_TAG}.whl")


def leave_out(tree: Path, patterns: Sequence[str]) -> None:
    """Delete what matches; a pattern with a slash is a path from the top."""
    for pattern in patterns:
        for path in list(tree.glob(pattern) if "/" in pattern else tree.rglob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def compile_modules(context: Context, tree: Path, package: Wheel) -> None:
    """Byte-compile for the folder where wheels are mounted.

    Without the columns that tracebacks underline: byte code is a quarter smaller.
    """
    python = context.dep("build-python") / "bin/python3.14"
    listing = context.work / "compiled.txt"
    if package.compiled:
        wheels = [next(context.dep(need).glob("*.whl")) for need in package.needs]
        context.run(
            *(python, "-S", "-E", "-B", "-c", LIST_MODULES, listing, tree),
            *(json.dumps(package.compiled), *wheels),
        )
    else:
        listing.write_text("".join(f"{path}\n" for path in sorted(tree.rglob("*.py"))))
    context.run(
        *(python, "-S", "-E", "-X", "no_debug_ranges", "-W", "ignore", "-m", "compileall", "-q", "-j", "1"),
        *("--invalidation-mode", "unchecked-hash", "-s", tree, "-p", SITE_PACKAGES, "-i", listing),
        *(() if package.sources else ("-b",)),
        env={"PYTHONHASHSEED": "0"},
    )
    if not package.sources:
        for line in listing.read_text().splitlines():
            Path(line).unlink()


LIST_MODULES = """
import importlib, json, sys
listing, tree, modules, *wheels = sys.argv[1:]
sys.path[:0] = [tree, *wheels]
for module in json.loads(modules):
    importlib.import_module(module)
files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
with open(listing, "w") as output:
    output.writelines(f"{file}\\n" for file in sorted(files) if file.startswith(tree))
"""


def sdist_recipe(name: str, members: tuple[str, ...]) -> Callable[[Context], None]:
    def build(context: Context) -> None:
        build_from_sdist(context, name, members)

    return build


def wheel_recipe(name: str, package: Wheel) -> Callable[[Context], None]:
    def build(context: Context) -> None:
        build_from_wheel(context, name, package)

    return build


for _name, _members in SDISTS.items():
    stage(_name, needs=["build-python"], archives=[_name], files=FILES)(sdist_recipe(_name, _members))
for _name, _package in WHEELS.items():
    stage(
        _name,
        needs=["build-python", *_package.needs],
        archives=[_name],
        files=(*FILES, f"patches/{_name}/*.patch") if _package.patched else FILES,
    )(wheel_recipe(_name, _package))
