"""OpenBLAS for WebAssembly's 128-bit SIMD: BLAS only, one thread, to be linked into side modules."""

from __future__ import annotations

import shutil
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.toolchain import TARGET, toolchain_environment

OPTIONS = {
    "TARGET": "WASM128_GENERIC",
    "BINARY": "32",
    "CC": f"{TARGET}-clang",
    "AR": "llvm-ar-22",
    "RANLIB": "llvm-ranlib-22",
    "HOSTCC": "gcc",
    "NOFORTRAN": "1",
    # Debian's archive comes without LAPACK's sources.
    "NO_LAPACK": "1",
    "NO_LAPACKE": "1",
    "USE_THREAD": "0",
    "USE_OPENMP": "0",
    "NO_SHARED": "1",
    # Kernels are chosen by the compiler's flags; there is no affinity, no environment to listen to.
    "NO_AFFINITY": "1",
    "NO_WARMUP": "1",
}


@stage("openblas", needs=["toolchain"], archives=["openblas"], files=["patches/openblas/*.patch"])
def build_openblas(context: Context) -> None:
    source = context.unpack("openblas")
    context.patch(source, "openblas")
    flags = (
        "-O3 -msimd128 -fPIC -DNDEBUG -fvisibility=hidden -D_WASI_EMULATED_MMAN -D_WASI_EMULATED_GETPID "
        f"-DNO_SYSV_IPC -ffile-prefix-map={source}=/openblas"
    )
    options = [f"{name}={value}" for name, value in {**OPTIONS, "COMMON_OPT": flags}.items()]
    environment = toolchain_environment(context.dep("toolchain"))
    # make's environment must not win over the options: HOSTCC builds its own tools with gcc.
    for name in ("CC", "CXX", "CPP", "NM"):
        del environment[name]
    context.run("make", f"-j{context.jobs}", "libs", *options, cwd=source, env=environment)
    installed = context.work / "installed"
    context.run("make", "install", f"PREFIX={installed}", *options, cwd=source, env=environment)
    collect(context, installed)
    shutil.copy(source / "LICENSE", context.out / "licences/openblas.txt")


def collect(context: Context, installed: Path) -> None:
    """The library, its headers and a description for pkg-config that holds wherever the folder is."""
    for folder in ("lib/pkgconfig", "include", "licences"):
        (context.out / folder).mkdir(parents=True)
    shutil.copy(installed / "lib/libopenblas.a", context.out / "lib/libopenblas.a")
    for header in ("cblas.h", "openblas_config.h"):
        shutil.copy(installed / "include" / header, context.out / "include" / header)
    (context.out / "lib/pkgconfig/openblas.pc").write_text(
        "prefix=${pcfiledir}/../..\n"
        "Name: openblas\n"
        "Description: BLAS\n"
        f"Version: {context.archive('openblas').version}\n"
        "Cflags: -I${prefix}/include\n"
        "Libs: -L${prefix}/lib -lopenblas\n"
    )
