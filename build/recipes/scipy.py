"""scipy, without Fortran, on LAPACK and OpenBLAS in one library that its modules share."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.numpy import MESON
from recipes.python_packages import FILES, NEEDS, CrossPython, make_wheel, meson_install
from recipes.toolchain import TARGET, toolchain_environment

LIBRARY = "libscipy_lapack.so"
FOLDER = "scipy/linalg"
"""Where the library lies in the wheel."""
OPTIONS = {
    "_without-fortran": "true",
    "use-pythran": "false",
    # A name that meson has no own ideas about.
    "blas": "scipy-lapack",
    "lapack": "scipy-lapack",
    "cpp_std": "c++17",
}
F2PY_WANTS = """

class intp:
    itemsize = 4  # of the guest
"""
F2PY_NEEDS = ("f2py", "_utils", "exceptions.py", "version.py")
LEFT_OUT = ("_test_*.so", "_*test.cpython-*.so")
"""Modules that only scipy's own tests import."""
PATCHES = "patches/scipy/*.patch"


@stage(
    "scipy",
    needs=(*NEEDS, "numpy", "openblas", "lapack"),
    archives=["scipy", "numpy", "pybind11", "cython"],
    files=(*FILES, PATCHES),
)
def build_scipy(context: Context) -> None:
    """The wheel, and in `python/` the declarations that other packages' Cython code wants."""
    source = context.unpack("scipy")
    context.patch(source, "scipy")
    numpy = context.dep("numpy")
    package = context.work / "python/numpy"
    python = CrossPython(context, [context.work / "cython", package.parent])
    numpy_with_f2py(context, numpy / "python/numpy", package)
    f2py_command(context, python)
    describe_headers(context, package)
    library = lapack_library(context, source)
    cross_file = python.cross_file(
        {"numpy-include-dir": f"'{package / '_core/include'}'"},
        pkg_config=[context.work / "native"],
    )
    adapt(cross_file)
    installed = meson_install(
        context, numpy / MESON, source, cross_file, OPTIONS, {"runtime": "runtime,python-runtime", "all": ""}
    )
    tree = installed["runtime"]
    shutil.copy(library, tree / FOLDER / LIBRARY)
    collect_declarations(installed["all"] / "scipy", context.out / "python/scipy")
    make_wheel(context, tree, source, left_out=LEFT_OUT, linked=["openblas", "lapack"])


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


# ---- the shared library


def lapack_library(context: Context, source: Path) -> Path:
    """BLAS and LAPACK as a side module, which exports what scipy's sources name."""
    archives = [context.dep("lapack") / "lib/liblapack.a", context.dep("openblas") / "lib/libopenblas.a"]
    defined = {
        line.split()[-1]
        for archive in archives
        for line in context.capture("llvm-nm-22", "--defined-only", "--quiet", archive).splitlines()
        if " T " in line
    }
    exported = sorted(set(routines(source)) & defined)
    response = context.work / "exports.rsp"
    response.write_text("\n".join(f"-Wl,--export={name}" for name in exported))
    library = context.work / "native/lib" / LIBRARY
    library.parent.mkdir(parents=True, exist_ok=True)
    context.run(
        f"{TARGET}-clang",
        *("-shared", "-Wl,--strip-all", "-Wl,--gc-sections", "-Wl,--fatal-warnings"),
        f"-Wl,--soname={LIBRARY}",
        f"@{response}",
        *archives,
        *("-o", library),
        env=toolchain_environment(context.dep("toolchain")),
    )
    # Modules lie up to four folders away from it.
    paths = " ".join(f"-Wl,--rpath=$ORIGIN/{'../' * depth}linalg" for depth in range(5))
    pkg_config(
        context,
        "scipy-lapack",
        "Version: 1",
        f"Libs: -L{library.parent} -lscipy_lapack {paths} -Wl,--fatal-warnings",
    )
    return library


def routines(source: Path) -> Iterator[str]:
    """The symbols that scipy could call: the routines that it exports to Cython, and names in macros."""
    for name in ("blas", "lapack"):
        signatures = (source / f"scipy/linalg/cython_{name}_signatures.txt").read_text()
        for match in re.finditer(r"^\w+ (\w+)\(", signatures, re.MULTILINE):
            yield f"{match[1]}_"
    for path in (source / "scipy").rglob("*"):
        if path.suffix in (".c", ".h", ".hh", ".cc", ".cpp", ".src"):
            text = path.read_text(errors="replace")
            for match in re.finditer(r"\b(?:BLAS_FUNC|F_FUNC)\( *(\w+)", text):
                yield f"{match[1]}_"


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
