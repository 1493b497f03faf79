"""OpenBLAS as shipped wheels have it; what is only compiled and tested against it takes `openblas`."""

from __future__ import annotations

from driver.registry import stage
from driver.stages import Context
from recipes.openblas import OPTIONS, collect
from recipes.toolchain import toolchain_environment

LIBRARY = "openblas-fused"


@stage(
    LIBRARY,
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
    options = [f"{name}={value}" for name, value in {**OPTIONS, "COMMON_OPT": flags}.items()]
    environment = toolchain_environment(context.dep("toolchain"))
    # make's environment must not win over the options: HOSTCC builds its own tools with gcc.
    for name in ("CC", "CXX", "CPP", "NM"):
        del environment[name]
    context.run("make", f"-j{context.jobs}", "libs", *options, cwd=source, env=environment)
    installed = context.work / "installed"
    context.run("make", "install", f"PREFIX={installed}", *options, cwd=source, env=environment)
    collect(context, installed)
