"""scikit-learn, without OpenMP."""

from __future__ import annotations

from driver.registry import stage
from driver.stages import Context
from recipes.numpy import MESON
from recipes.python_packages import FILES, NEEDS, CrossPython, make_wheel, meson_install
from recipes.scipy import adapt

LEFT_OUT = ("meson.build", "*.tp", "*.pxi", "*.c", "*.cpp", "*.h", "*.in", "*.md", "_build_utils")


@stage(
    "scikit-learn",
    needs=(*NEEDS, "numpy", "scipy"),
    archives=["scikit-learn", "cython"],
    files=FILES,
)
def build_scikit_learn(context: Context) -> None:
    source = context.unpack("scikit-learn")
    numpy = context.dep("numpy")
    package = numpy / "python/numpy"
    python = CrossPython(context, [context.work / "cython", package.parent, context.dep("scipy") / "python"])
    cross_file = python.cross_file({"numpy-include-dir": f"'{package / '_core/include'}'"}, pkg_config=[])
    adapt(cross_file)
    installed = meson_install(context, numpy / MESON, source, cross_file, {}, {"runtime": ""})
    make_wheel(context, installed["runtime"], source, left_out=LEFT_OUT)
