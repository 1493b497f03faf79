"""Wheels whose extension modules are one side module.

A package's stage makes a wheel with a side module for every extension, and keeps their objects
(`extension_objects`). Here each object's symbols become its own, all are linked into one library in the
package's folder, and every extension is replaced by a library without code that needs this one: `dlsym`
finds the extension's `PyInit_…` there.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from driver.wasm_objects import defined_symbols, library_of, make_local
from recipes.python_packages import FILES, record
from recipes.stdlib import write_zip
from recipes.toolchain import TARGET, toolchain_environment

PACKAGES = ("numpy", "pandas")
WHEELS = {name: f"{name}-wheel" for name in PACKAGES}
"""Package → the stage that makes the wheel to ship."""
LIBRARY = "_extensions.so"
INIT = "PyInit_"
SUFFIX = ".cpython-314-wasm32-wasi.so"
OPTIONS = (
    "-shared",
    "-fwasm-exceptions",
    "-Wl,--strip-all",
    "-Wl,--gc-sections",
    "-Wl,--fatal-warnings",
)


def recipe(name: str) -> Callable[[Context], None]:
    def build(context: Context) -> None:
        wheel = next(context.dep(name).glob("*.whl"))
        tree = context.work / "tree"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tree)
        merge(context, tree, context.dep(name) / "objects")
        info = next(tree.glob("*.dist-info"))
        (info / "RECORD").unlink()
        (info / "RECORD").write_text(record(tree, info))
        write_zip(tree, context.out / wheel.name)

    return build


def merge(context: Context, tree: Path, objects: Path) -> None:
    """Link one library for the extensions in each top folder of `tree`, and put it there."""
    for folder in sorted(path for path in tree.iterdir() if path.is_dir()):
        modules = sorted(folder.rglob(f"*{SUFFIX}"))
        if not modules:
            continue
        made = [local_object(context, objects, module.relative_to(tree)) for module in modules]
        library = folder / LIBRARY
        compiler = context.dep("toolchain") / "bin" / f"{TARGET}-clang++"
        environment = toolchain_environment(context.dep("toolchain"))
        context.run(compiler, *OPTIONS, "-o", library, *made, env=environment)
        for module in modules:
            way = "/".join(["$ORIGIN", *[".."] * (len(module.relative_to(folder).parts) - 1)])
            module.write_bytes(library_of(LIBRARY, way))


def local_object(context: Context, objects: Path, module: Path) -> Path:
    """An extension's object in which nothing but the function that makes the module is visible."""
    data = find_object(objects, module).read_bytes()
    init = INIT + module.name.removesuffix(SUFFIX)
    if init not in defined_symbols(data):
        raise SystemExit(f"{module}: the object does not define {init}")
    path = context.work / "local" / module.with_suffix(".o")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_local(data, lambda name: name == init))
    return path


def find_object(objects: Path, module: Path) -> Path:
    """Where it was built: at the path where it is installed as a rule, else the one of that name."""
    path = objects / module.with_suffix(".o")
    if path.is_file():
        return path
    found = list(objects.rglob(path.name))
    if len(found) != 1:
        raise SystemExit(f"{module}: {len(found)} objects are called {path.name}")
    return found[0]


for _name, _stage in WHEELS.items():
    stage(
        _stage,
        needs=("toolchain", _name),
        files=(*FILES, "driver/wasm_objects.py"),
    )(recipe(_name))
