"""numpy, with OpenBLAS for what BLAS does; its own lapack_lite for linear algebra."""

from __future__ import annotations

import shutil
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.extension_objects import keep_objects
from recipes.python_packages import FILES, NEEDS, CrossPython, make_wheel, meson_install

OPTIONS = {
    "blas": "openblas",
    "lapack": "none",
    # The compiler vectorises for the one instruction set there is; nothing is dispatched at run time.
    "cpu-baseline": "none",
    "cpu-dispatch": "none",
}
MESON = "vendored-meson/meson/meson.py"
STUB = """import os


def get_include():
    return os.path.join(os.path.dirname(__file__), "_core", "include")
"""
PATCHED = (*FILES, "recipes/extension_objects.py", "patches/numpy/*.patch")
TEST_MODULES = (
    "_multiarray_tests.*",
    "_operand_flag_tests.*",
    "_rational_tests.*",
    "_simd.*",
    "_struct_ufunc_tests.*",
    "_umath_tests.*",
)


@stage("numpy", needs=(*NEEDS, "openblas"), archives=["numpy", "cython"], files=PATCHED)
def build_numpy(context: Context) -> None:
    """The wheel; in `python/` the headers and declarations that other packages are compiled with.

    In `tests/` the package's tests with the extension modules that only they use, in `objects/` what its
    extensions are linked from.
    """
    source = context.unpack("numpy")
    context.patch(source, "numpy")
    python = CrossPython(context, [context.work / "cython"])
    cross_file = python.cross_file(
        {"longdouble_format": "'IEEE_QUAD_LE'"}, pkg_config=[context.dep("openblas")]
    )
    installed = meson_install(
        context,
        source / MESON,
        source,
        cross_file,
        OPTIONS,
        {
            "runtime": "runtime,python-runtime",
            "devel": "runtime,python-runtime,devel",
            "tests": "python-runtime,tests",
        },
    )
    keep_objects(context, context.work / "build", context.out / "objects")
    collect_tests(installed["tests"] / "numpy", context.out / "tests/numpy")
    collect_headers(installed["devel"] / "numpy", context.out / "python/numpy")
    shutil.copytree(source / "vendored-meson", context.out / "vendored-meson")
    make_wheel(context, installed["runtime"], source, left_out=TEST_MODULES, linked=["openblas"])


def collect_headers(installed: Path, destination: Path) -> None:
    """A package `numpy` that only tells where its headers are, with what Cython needs to know of it."""
    for pattern in ("_core/include/**/*.h", "**/*.pxd", "random/lib/*.a", "_core/lib/*.a"):
        for path in installed.glob(pattern):
            target = destination / path.relative_to(installed)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    (destination / "__init__.py").write_text(STUB)


def collect_tests(installed: Path, destination: Path) -> None:
    """What lies in folders named `tests`, the modules for it, and the helpers beside them."""
    modules = [path for pattern in TEST_MODULES for path in installed.rglob(pattern)]
    files = [path for path in installed.rglob("*") if path.is_file() and "tests" in path.parts]
    for path in (*files, *modules, *installed.rglob("conftest.py")):
        target = destination / path.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
