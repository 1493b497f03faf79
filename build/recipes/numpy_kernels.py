"""What makes numpy's wheel faster than the one that numpy's own stage makes, and that wheel.

Its linear algebra is on LAPACK instead of the few routines that come with its sources; its core uses vectors
where numpy has code for those of other processors, and sorts numbers by radix instead of comparisons; its
random generators multiply 128-bit numbers by instructions for that; and its BLAS fuses multiplications and
additions. All only take the place of objects, and being apart they can change without what is compiled
against numpy being built again.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from driver.registry import stage
from driver.stages import Context
from recipes.extension_objects import LINKER, link_inputs
from recipes.numpy import MESON, OPTIONS
from recipes.openblas_fused import LIBRARY as BLAS
from recipes.python_packages import FILES, NEEDS, CrossPython
from recipes.relinking import RELINK_FILES, relink
from recipes.toolchain import toolchain_environment

SUFFIX = ".cpython-314-wasm32-wasi"
LATER = "libopenblas.a"
LINALG, CORE = "numpy/linalg/_umath_linalg", "numpy/_core/_multiarray_umath"
SIMD_TESTS = "numpy/_core/_simd"
"""What numpy's tests of the universal intrinsics call."""
RANDOM = tuple(
    f"numpy/random/{name}" for name in ("_bounded_integers", "_generator", "_pcg64", "_philox", "mtrand")
)
"""What multiplies 128-bit numbers."""
SIMD = "'-msimd128'"
"""Among the flags of the cross file."""
ARCHIVES = ("numpy", "cython")
SOURCES = (*FILES, "recipes/extension_objects.py", "recipes/numpy.py", "patches/numpy/*.patch")
WHEEL = "numpy-kernels"
OBJECTS = {"numpy-linalg": ("xerbla_",), "numpy-core": (), "numpy-random": (), "numpy": ()}
"""Stages with objects, the first that has one counts, and what the libraries see of theirs."""
LIBRARIES = ("lapack", BLAS)


@stage(
    "numpy-linalg",
    needs=(*NEEDS, "openblas"),
    archives=ARCHIVES,
    files=(*SOURCES, "patches/numpy-linalg/*.patch"),
)
def build_linalg(context: Context) -> None:
    """In `objects/` the one of `numpy.linalg`, which wants LAPACK and BLAS of whoever links it."""
    build_objects(context, [LINALG], ["numpy", "numpy-linalg"])


@stage(
    "numpy-core",
    needs=(*NEEDS, "openblas"),
    archives=(*ARCHIVES, "simde"),
    files=(*SOURCES, "patches/numpy-core/*.patch"),
)
def build_core(context: Context) -> None:
    """In `objects/` the one of numpy's core, for BLAS of whoever links it, in `tests/` `SIMD_TESTS`."""
    simde = context.unpack("simde") / "usr"
    flags = ["-mrelaxed-simd", f"-isystem{simde / 'include'}"]
    build_objects(context, [CORE], ["numpy", "numpy-core"], flags)
    target = f"{SIMD_TESTS}{SUFFIX}.so"
    context.run("ninja", target, cwd=context.work / "build", env=build_environment(context))
    (context.out / "tests" / target).parent.mkdir(parents=True)
    shutil.copy(context.work / "build" / target, context.out / "tests" / target)
    (context.out / "licences").mkdir()
    shutil.copy(simde / "share/doc/libsimde-dev/copyright", context.out / "licences/simde.txt")


@stage("numpy-random", needs=(*NEEDS, "openblas"), archives=ARCHIVES, files=SOURCES)
def build_random(context: Context) -> None:
    """In `objects/` those of `numpy.random` that multiply 128-bit numbers."""
    build_objects(context, RANDOM, ["numpy"], ["-mwide-arithmetic"])


def build_objects(
    context: Context, modules: Sequence[str], patches: Sequence[str], flags: Sequence[str] = ()
) -> None:
    """Extension modules as relocatable objects, of numpy's sources patched, with more flags."""
    source = context.unpack("numpy")
    for name in patches:
        context.patch(source, name)
    python = CrossPython(context, [context.work / "cython"])
    cross_file = python.cross_file(
        {"longdouble_format": "'IEEE_QUAD_LE'"}, pkg_config=[context.dep("openblas")]
    )
    text = cross_file.read_text()
    cross_file.write_text(text.replace(SIMD, ", ".join((SIMD, *(f"'{flag}'" for flag in flags)))))
    build = context.work / "build"
    environment = build_environment(context)
    options = {"buildtype": "plain", "python.bytecompile": "-1", **OPTIONS}
    context.run(
        *(context.dep("build-python") / "bin/python3.14", source / MESON, "setup", build, source),
        *("--cross-file", cross_file, *(f"-D{name}={value}" for name, value in options.items())),
        env=environment,
    )
    targets = [f"{module}{SUFFIX}.so" for module in modules]
    context.run("ninja", "-C", build, f"-j{context.jobs}", *targets, env=environment)
    for target in targets:
        commands = context.capture("ninja", "-C", build, "-t", "commands", "-s", target)
        inputs = [path for path in link_inputs(commands.strip().splitlines()[-1]) if not path.endswith(LATER)]
        output = (context.out / "objects" / target).with_suffix(".o")
        output.parent.mkdir(parents=True, exist_ok=True)
        context.run(LINKER, "-r", "-o", output, *inputs, cwd=build)


def build_environment(context: Context) -> dict[str, str]:
    """With the commands of `CrossPython` and the toolchain."""
    return {"PATH": f"{context.work / 'bin'}:{toolchain_environment(context.dep('toolchain'))['PATH']}"}


@stage("numpy-tests", needs=("numpy", "numpy-core"))
def collect_tests(context: Context) -> None:
    """numpy's tests, those of the universal intrinsics with the ones that numpy's core has."""
    for name in ("numpy", "numpy-core"):
        shutil.copytree(context.dep(name) / "tests", context.out / "tests", dirs_exist_ok=True)


@stage(WHEEL, needs=("toolchain", *OBJECTS, *LIBRARIES), files=RELINK_FILES)
def build_wheel(context: Context) -> None:
    """numpy's own wheel, its extensions linked as one library from these objects."""
    relink(context, "numpy", OBJECTS, LIBRARIES)
