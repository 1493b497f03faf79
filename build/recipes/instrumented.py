"""An interpreter that counts its branches: compiler-rt's profile runtime, and CPython compiled with it."""

from __future__ import annotations

import shutil

from driver.registry import stage
from driver.stages import Context
from recipes.cpython import NEEDS, PATCHES, PROFILE_NAMES, compile_cpython
from recipes.toolchain import TARGET, toolchain_environment

PROFILE_FLAGS = (
    "-O2",
    "-msimd128",
    "-D_WASI_EMULATED_MMAN",
    "-D_WASI_EMULATED_GETPID",
    "-Wno-everything",
    *(f"-D{name}=__profile_{name}" for name in ("mmap", "munmap", "madvise", "getpid")),
)
FOREIGN = ("Fuchsia", "Darwin", "AIX", "Windows", "WindowsMMap", "GCDAProfiling")


@stage("profile-runtime", needs=["toolchain"], archives=["llvm"], files=["training/profile_stubs.c"])
def build_profile_runtime(context: Context) -> None:
    """compiler-rt's profile runtime for WASI, in a resource directory that has everything else too."""
    toolchain = context.dep("toolchain")
    source = context.work / "llvm"
    source.mkdir()
    context.run(
        "tar",
        "xf",
        context.locate("llvm"),
        "-C",
        source,
        "--strip-components=1",
        "--wildcards",
        "*/compiler-rt/lib/profile/*",
        "*/compiler-rt/include/profile/*",
    )
    folder = source / "compiler-rt/lib/profile"
    objects = []
    stubs = context.recipes / "training/profile_stubs.c"
    for file in [stubs, *sorted([*folder.glob("*.c"), *folder.glob("*.cpp")])]:
        if file.stem.removeprefix("InstrProfilingPlatform") in FOREIGN:
            continue
        objects.append(context.work / f"{file.stem}.o")
        compiler = f"{TARGET}-clang++" if file.suffix == ".cpp" else f"{TARGET}-clang"
        context.run(
            compiler,
            *PROFILE_FLAGS,
            f"-I{source / 'compiler-rt/include'}",
            "-c",
            file,
            "-o",
            objects[-1],
            env=toolchain_environment(toolchain),
        )
    shutil.copytree(toolchain, context.out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".done"))
    library = context.out / "resource/lib/wasm32-unknown-wasip1/libclang_rt.profile.a"
    context.run("llvm-ar-22", "rcsD", library, *objects)


@stage(
    "cpython-instrumented",
    needs=(*NEEDS, "profile-runtime"),
    archives=["cpython"],
    files=[*PATCHES, "recipes/cpython.py"],
)
def build_instrumented(context: Context) -> None:
    build = compile_cpython(
        context, f"-fprofile-generate {PROFILE_NAMES}", "-fprofile-generate", toolchain="profile-runtime"
    )
    shutil.copy(build / "python.wasm", context.out)
    shutil.copytree(context.work / "cpython" / "Lib", context.out / "Lib")
