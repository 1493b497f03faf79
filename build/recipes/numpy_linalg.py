"""`numpy.linalg` on LAPACK: the object that takes the place of the one that numpy's own stage made of it.

numpy's stage uses the few routines that come with its sources. To have this apart keeps what is compiled
against numpy from being built again.
"""

from __future__ import annotations

from driver.registry import stage
from driver.stages import Context
from recipes.extension_objects import LINKER, link_inputs
from recipes.numpy import MESON, OPTIONS
from recipes.python_packages import FILES, NEEDS, CrossPython
from recipes.toolchain import toolchain_environment

SUFFIX = ".cpython-314-wasm32-wasi"
MODULE = "numpy/linalg/_umath_linalg"
LATER = "libopenblas.a"


@stage(
    "numpy-linalg",
    needs=(*NEEDS, "openblas"),
    archives=["numpy", "cython"],
    files=(
        *FILES,
        "recipes/extension_objects.py",
        "recipes/numpy.py",
        "patches/numpy/*.patch",
        "patches/numpy-linalg/*.patch",
    ),
)
def build_numpy_linalg(context: Context) -> None:
    """In `objects/` the one of `MODULE`, which wants LAPACK and BLAS of whoever links it."""
    source = context.unpack("numpy")
    context.patch(source, "numpy")
    context.patch(source, "numpy-linalg")
    python = CrossPython(context, [context.work / "cython"])
    cross_file = python.cross_file(
        {"longdouble_format": "'IEEE_QUAD_LE'"}, pkg_config=[context.dep("openblas")]
    )
    build = context.work / "build"
    environment = {"PATH": f"{python.bin}:{toolchain_environment(context.dep('toolchain'))['PATH']}"}
    options = {"buildtype": "plain", "python.bytecompile": "-1", **OPTIONS}
    context.run(
        *(context.dep("build-python") / "bin/python3.14", source / MESON, "setup", build, source),
        *("--cross-file", cross_file, *(f"-D{name}={value}" for name, value in options.items())),
        env=environment,
    )
    target = f"{MODULE}{SUFFIX}.so"
    context.run("ninja", "-C", build, f"-j{context.jobs}", target, env=environment)
    commands = context.capture("ninja", "-C", build, "-t", "commands", "-s", target)
    inputs = [path for path in link_inputs(commands.strip().splitlines()[-1]) if not path.endswith(LATER)]
    output = context.out / "objects" / f"{MODULE}{SUFFIX}.o"
    output.parent.mkdir(parents=True)
    context.run(LINKER, "-r", "-o", output, *inputs, cwd=build)
