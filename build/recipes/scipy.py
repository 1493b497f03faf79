"""scipy, without Fortran. LAPACK and OpenBLAS join when its modules are merged (`recipes/merging.py`)."""

from __future__ import annotations

import shutil
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.extension_objects import keep_objects
from recipes.numpy import MESON
from recipes.python_packages import FILES, NEEDS, CrossPython, make_wheel, meson_install

OPTIONS = {
    "_without-fortran": "true",
    "use-pythran": "false",
    # A name that meson has no own ideas about.
    "blas": "linked-later",
    "lapack": "linked-later",
    "cpp_std": "c++17",
}
F2PY_WANTS = """

class intp:
    itemsize = 4  # of the guest
"""
F2PY_NEEDS = ("f2py", "_utils", "exceptions.py", "version.py")
LEFT_OUT = ("_test_*.so", "_*test.cpython-*.so")
"""Modules that only scipy's own tests import."""
WHOLE_COMMANDS = """import os, runpy, sys

os.environ["MESON_RSP_THRESHOLD"] = "1000000"
sys.argv[0] = {meson!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""meson, which writes no response files: the compiler's wrapper and `keep_objects` read command lines."""
PATCHES = "patches/scipy/*.patch"


@stage(
    "scipy",
    needs=(*NEEDS, "numpy", "openblas", "lapack"),
    archives=["scipy", "numpy", "pybind11", "cython"],
    files=(*FILES, "recipes/extension_objects.py", PATCHES),
)
def build_scipy(context: Context) -> None:
    """The wheel, whose modules want BLAS and LAPACK of whoever links their objects.

    In `python/` the declarations that other packages' Cython code wants, in `tests/` the package's tests
    with the modules that only they use, in `objects/` what its extensions are linked from.
    """
    source = context.unpack("scipy")
    context.patch(source, "scipy")
    numpy = context.dep("numpy")
    package = context.work / "python/numpy"
    python = CrossPython(context, [context.work / "cython", package.parent])
    numpy_with_f2py(context, numpy / "python/numpy", package)
    f2py_command(context, python)
    describe_headers(context, package)
    pkg_config(context, "linked-later", "Version: 1", "Libs:")
    meson = context.work / "meson.py"
    meson.write_text(WHOLE_COMMANDS.format(meson=str(numpy / MESON)))
    cross_file = python.cross_file(
        {"numpy-include-dir": f"'{package / '_core/include'}'"},
        pkg_config=[context.work / "native"],
    )
    adapt(cross_file)
    tags = {"runtime": "runtime,python-runtime", "all": "", "tests": "python-runtime,tests"}
    installed = meson_install(context, meson, source, cross_file, OPTIONS, tags)
    keep_objects(context, context.work / "build", context.out / "objects")
    collect_declarations(installed["all"] / "scipy", context.out / "python/scipy")
    collect_tests(installed["tests"] / "scipy", context.out / "tests/scipy")
    make_wheel(context, installed["runtime"], source, left_out=LEFT_OUT, linked=["openblas", "lapack"])


def numpy_with_f2py(context: Context, headers: Path, package: Path) -> None:
    """numpy as far as a build wants it: headers, and f2py, which generates C code from text."""
    source = context.unpack("numpy")
    shutil.copytree(headers, package)
    with (package / "__init__.py").open("a") as file:
        file.write(F2PY_WANTS)
    for name in F2PY_NEEDS:
        path = next(source.glob(f"**/numpy/{name}"))
        if path.is_dir():
            shutil.copytree(path, package / name, dirs_exist_ok=True)
        else:
            shutil.copy(path, package / name)


def f2py_command(context: Context, python: CrossPython) -> None:
    path = python.bin / "f2py"
    interpreter = context.dep("build-python") / "bin/python3.14"
    path.write_text(
        f'#!/bin/sh\nexport PYTHONPATH={context.work / "python"}\nexec {interpreter} -P -m numpy.f2py "$@"\n'
    )
    path.chmod(0o755)


def pkg_config(context: Context, name: str, *lines: str) -> None:
    folder = context.work / "native/lib/pkgconfig"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pc").write_text("\n".join((f"Name: {name}", f"Description: {name}", *lines, "")))


def describe_headers(context: Context, package: Path) -> None:
    """Descriptions of numpy and pybind11 for meson, which would otherwise run their commands."""
    version = context.archive("numpy").version
    pkg_config(context, "numpy", f"Version: {version}", f"Cflags: -I{package / '_core/include'}")
    headers = next(context.unpack("pybind11").glob("**/include/pybind11")).parent
    version = context.archive("pybind11").version
    pkg_config(context, "pybind11", f"Version: {version}", f"Cflags: -I{headers}")


def adapt(cross_file: Path) -> None:
    """A lower level of optimisation, for size; and what `extension_packages.CXX` is for."""
    text = cross_file.read_text().replace("'-O3'", "'-O2'")
    cross_file.write_text(
        text.replace(
            "'-fwasm-exceptions']\nc_link",
            "'-fwasm-exceptions', '-D_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS']\nc_link",
        )
    )


def collect_declarations(installed: Path, destination: Path) -> None:
    """The .pxd files, in packages that do nothing."""
    for path in installed.rglob("*.pxd"):
        target = destination / path.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        for folder in (target.parent, *target.parent.parents):
            if folder == destination.parent:
                break
            (folder / "__init__.py").touch()


def collect_tests(installed: Path, destination: Path) -> None:
    """What lies in folders named `tests`, the modules for it, and the helpers beside them."""
    modules = [path for pattern in LEFT_OUT for path in installed.rglob(pattern)]
    files = [path for path in installed.rglob("*") if path.is_file() and "tests" in path.parts]
    for path in (*files, *modules, *installed.rglob("conftest.py")):
        target = destination / path.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
