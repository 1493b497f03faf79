"""scikit-learn, without OpenMP."""

from __future__ import annotations

from driver.registry import stage
from driver.stages import Context
from recipes.extension_objects import keep_objects
from recipes.numpy import MESON
from recipes.python_packages import FILES, NEEDS, CrossPython, make_wheel, meson_install
from recipes.scipy import adapt, collect_tests

LEFT_OUT = ("meson.build", "*.tp", "*.pxi", "*.c", "*.cpp", "*.h", "*.in", "*.md", "_build_utils")


@stage(
    "scikit-learn",
    needs=(*NEEDS, "numpy", "scipy"),
    archives=["scikit-learn", "cython"],
    files=(*FILES, "recipes/extension_objects.py"),
)
def build_scikit_learn(context: Context) -> None:
    """The wheel; in `tests/` the package's tests, in `objects/` what its extensions are linked from."""
    source = context.unpack("scikit-learn")
    # meson runs it with the build's Python, which has no Cython installed.
    tempita = source / "sklearn/_build_utils/tempita.py"
    wanted = "from Cython import Tempita"
    found = f"import sys; sys.path.insert(0, {str(context.work / 'cython')!r})"
    tempita.write_text(tempita.read_text().replace(wanted, f"{found}\n{wanted}"))
    numpy = context.dep("numpy")
    package = numpy / "python/numpy"
    python = CrossPython(context, [context.work / "cython", package.parent, context.dep("scipy") / "python"])
    cross_file = python.cross_file({"numpy-include-dir": f"'{package / '_core/include'}'"}, pkg_config=[])
    adapt(cross_file)
    installed = meson_install(context, numpy / MESON, source, cross_file, {}, {"runtime": ""})
    keep_objects(context, context.work / "build", context.out / "objects")
    collect_tests(installed["runtime"] / "sklearn", context.out / "tests/sklearn")
    make_wheel(context, installed["runtime"], source, left_out=LEFT_OUT)
