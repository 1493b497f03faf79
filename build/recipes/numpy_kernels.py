"""What makes numpy's wheel faster than the one that numpy's own stage makes, and that wheel.

Its linear algebra is on LAPACK instead of the few routines that come with its sources; it sorts numbers by
radix instead of comparisons; and its BLAS fuses multiplications and additions. All three only take the place
of objects, and being apart they can change without what is compiled against numpy being built again.
"""

from __future__ import annotations

import zipfile

from driver.registry import stage
from driver.stages import Context
from recipes.extension_objects import LINKER, link_inputs
from recipes.merging import WHEELS, merge, one_thread
from recipes.numpy import MESON, OPTIONS
from recipes.openblas import OPTIONS as OPENBLAS_OPTIONS
from recipes.openblas import collect
from recipes.python_packages import FILES, NEEDS, CrossPython, record
from recipes.stdlib import write_zip
from recipes.toolchain import toolchain_environment

SUFFIX = ".cpython-314-wasm32-wasi"
LATER = "libopenblas.a"
ARCHIVES = ("numpy", "cython")
SOURCES = (*FILES, "recipes/extension_objects.py", "recipes/numpy.py", "patches/numpy/*.patch")
WHEEL = "numpy-kernels"
OBJECTS = {"numpy-linalg": ("xerbla_",), "numpy-sorting": (), "numpy": ()}
"""Stages with objects, the first that has one counts, and what the libraries see of theirs."""
LIBRARIES = ("lapack", "openblas-fused")


@stage(
    "numpy-linalg",
    needs=(*NEEDS, "openblas"),
    archives=ARCHIVES,
    files=(*SOURCES, "patches/numpy-linalg/*.patch"),
)
def build_linalg(context: Context) -> None:
    """In `objects/` the one of `numpy.linalg`, which wants LAPACK and BLAS of whoever links it."""
    build_object(context, "numpy/linalg/_umath_linalg", "numpy-linalg")


@stage(
    "numpy-sorting",
    needs=(*NEEDS, "openblas"),
    archives=ARCHIVES,
    files=(*SOURCES, "patches/numpy-sorting/*.patch"),
)
def build_sorting(context: Context) -> None:
    """In `objects/` the one of numpy's core, which wants BLAS of whoever links it."""
    build_object(context, "numpy/_core/_multiarray_umath", "numpy-sorting")


def build_object(context: Context, module: str, patches: str) -> None:
    """One extension module as a relocatable object, of numpy's sources with some more patches."""
    source = context.unpack("numpy")
    context.patch(source, "numpy")
    context.patch(source, patches)
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
    target = f"{module}{SUFFIX}.so"
    context.run("ninja", "-C", build, f"-j{context.jobs}", target, env=environment)
    commands = context.capture("ninja", "-C", build, "-t", "commands", "-s", target)
    inputs = [path for path in link_inputs(commands.strip().splitlines()[-1]) if not path.endswith(LATER)]
    output = context.out / "objects" / f"{module}{SUFFIX}.o"
    output.parent.mkdir(parents=True)
    context.run(LINKER, "-r", "-o", output, *inputs, cwd=build)


@stage(
    "openblas-fused",
    needs=["toolchain"],
    archives=["openblas"],
    files=["recipes/openblas.py", "patches/openblas/*.patch", "patches/openblas-fused/*.patch"],
)
def build_openblas(context: Context) -> None:
    """OpenBLAS with the fused operations of relaxed SIMD, which hosts make deterministic."""
    source = context.unpack("openblas")
    context.patch(source, "openblas")
    context.patch(source, "openblas-fused")
    flags = (
        "-O3 -msimd128 -mrelaxed-simd -fPIC -DNDEBUG -fvisibility=hidden -D_WASI_EMULATED_MMAN "
        f"-D_WASI_EMULATED_GETPID -DNO_SYSV_IPC -ffile-prefix-map={source}=/openblas"
    )
    options = [f"{name}={value}" for name, value in {**OPENBLAS_OPTIONS, "COMMON_OPT": flags}.items()]
    environment = toolchain_environment(context.dep("toolchain"))
    # make's environment must not win over the options: HOSTCC builds its own tools with gcc.
    for name in ("CC", "CXX", "CPP", "NM"):
        del environment[name]
    context.run("make", f"-j{context.jobs}", "libs", *options, cwd=source, env=environment)
    installed = context.work / "installed"
    context.run("make", "install", f"PREFIX={installed}", *options, cwd=source, env=environment)
    collect(context, installed)


@stage(
    WHEEL,
    needs=("toolchain", WHEELS["numpy"], *OBJECTS, *LIBRARIES),
    files=(*FILES, "recipes/merging.py", "driver/wasm_objects.py", "extensions/*.c"),
)
def build_wheel(context: Context) -> None:
    """The wheel that `merging` makes, its library linked anew."""
    wheel = next(context.dep(WHEELS["numpy"]).glob("*.whl"))
    tree = context.work / "tree"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tree)
    archives = [path for library in LIBRARIES for path in context.dep(library).glob("lib/*.a")]
    objects = {context.dep(name) / "objects": visible for name, visible in OBJECTS.items()}
    merge(context, tree, objects, [one_thread(context), *archives])
    info = next(tree.glob("*.dist-info"))
    (info / "RECORD").unlink()
    (info / "RECORD").write_text(record(tree, info))
    write_zip(tree, context.out / wheel.name)
