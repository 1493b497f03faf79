"""Wheels whose extension modules are one side module.

A package's stage makes a wheel with a side module for every extension, and keeps their objects
(`extension_objects`). Here each object's symbols become its own, all are linked into one library in the
package's folder, and every extension is replaced by a library without code that needs this one: `dlsym`
finds the extension's `PyInit_…` there.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from driver.wasm_objects import defined_symbols, library_of, make_local
from recipes.python_packages import FILES, record
from recipes.stdlib import write_zip
from recipes.toolchain import TARGET, toolchain_environment


@dataclass(frozen=True)
class Package:
    """What is merged besides the package's own objects."""

    libraries: tuple[str, ...] = ()
    """Stages of static libraries that its extensions want."""
    replaced_by: tuple[str, ...] = ()
    """Stages whose objects take the place of the package's of the same name."""
    visible: tuple[str, ...] = ()
    """Symbols of these objects that the others and the libraries see."""


LAPACK = ("lapack", "openblas")
PACKAGES = {
    "numpy": Package(LAPACK, ("numpy-linalg",), ("xerbla_",)),
    "pandas": Package(),
    "scipy": Package(LAPACK),
    "scikit-learn": Package(),
}
WHEELS = {name: f"{name}-wheel" for name in PACKAGES}
"""Package → the stage that makes the wheel to ship."""
LIBRARY = "_extensions{}.so"
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
        package = PACKAGES[name]
        archives = [path for library in package.libraries for path in context.dep(library).glob("lib/*.a")]
        objects = {
            **dict.fromkeys(
                (context.dep(other) / "objects" for other in package.replaced_by), package.visible
            ),
            context.dep(name) / "objects": (),
        }
        merge(context, tree, objects, [one_thread(context), *archives])
        info = next(tree.glob("*.dist-info"))
        (info / "RECORD").unlink()
        (info / "RECORD").write_text(record(tree, info))
        write_zip(tree, context.out / wheel.name)

    return build


def one_thread(context: Context) -> Path:
    """An archive, of which only what is wanted is linked."""
    compiler = context.dep("toolchain") / "bin" / f"{TARGET}-clang"
    source = context.recipes / "extensions/one_thread.c"
    made, archive = context.work / "one_thread.o", context.work / "libone_thread.a"
    environment = toolchain_environment(context.dep("toolchain"))
    context.run(compiler, "-O2", "-fPIC", "-fvisibility=hidden", "-c", source, "-o", made, env=environment)
    context.run("llvm-ar-22", "rcsD", archive, made)
    return archive


def merge(
    context: Context, tree: Path, objects: Mapping[Path, Sequence[str]], archives: Sequence[Path]
) -> None:
    """Put a library of its extensions into each top folder of `tree`, and one more for namesakes.

    `objects` are the folders where an extension's object may be, each with what stays visible of those in it.
    """
    for folder in sorted(path for path in tree.iterdir() if path.is_dir()):
        modules = sorted(folder.rglob(f"*{SUFFIX}"))
        if not modules:
            continue
        for number, group in enumerate(without_namesakes(modules), start=1):
            made = [local_object(context, objects, module.relative_to(tree)) for module in group]
            library = folder / LIBRARY.format(number if number > 1 else "")
            compiler = context.dep("toolchain") / "bin" / f"{TARGET}-clang++"
            environment = toolchain_environment(context.dep("toolchain"))
            context.run(compiler, *OPTIONS, "-o", library, *made, *archives, env=environment)
            for module in group:
                way = "/".join(["$ORIGIN", *[".."] * (len(module.relative_to(folder).parts) - 1)])
                module.write_bytes(library_of(library.name, way))


def without_namesakes(modules: Sequence[Path]) -> list[list[Path]]:
    """Groups in which each name is there once: `PyInit_…` knows no packages."""
    groups: list[dict[str, Path]] = []
    for module in modules:
        for group in groups:
            if module.name not in group:
                group[module.name] = module
                break
        else:
            groups.append({module.name: module})
    return [list(group.values()) for group in groups]


def local_object(context: Context, objects: Mapping[Path, Sequence[str]], module: Path) -> Path:
    """An extension's object in which hardly anything but the function that makes the module is visible."""
    folder, found = find_object(objects, module)
    data = found.read_bytes()
    init = INIT + module.name.removesuffix(SUFFIX)
    if init not in defined_symbols(data):
        raise SystemExit(f"{module}: the object does not define {init}")
    path = context.work / "local" / module.with_suffix(".o")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_local(data, lambda name: name == init or name in objects[folder]))
    return path


def find_object(folders: Iterable[Path], module: Path) -> tuple[Path, Path]:
    """The folder with the object, and the object.

    It is at the path where it is installed as a rule, in the first folder that has it there; else it is the
    one of that name.
    """
    for folder in folders:
        path = folder / module.with_suffix(".o")
        if path.is_file():
            return folder, path
    found = [(folder, path) for folder in folders for path in folder.rglob(module.with_suffix(".o").name)]
    if len(found) != 1:
        raise SystemExit(f"{module}: {len(found)} objects are called {module.stem}.o")
    return found[0]


for _name, _stage in WHEELS.items():
    stage(
        _stage,
        needs=("toolchain", _name, *PACKAGES[_name].libraries, *PACKAGES[_name].replaced_by),
        files=(*FILES, "driver/wasm_objects.py", "extensions/*.c"),
    )(recipe(_name))
