"""The profile that the shipped interpreter is compiled with.

`training/python.profdata` is committed, so a build needs neither a host for WebAssembly nor a training run.
The stage `profile` makes a new one: an instrumented interpreter runs `training/workload.py`.
"""

from __future__ import annotations

import shutil
import sys

from driver.registry import stage
from driver.stages import Context
from recipes.cpython import NEEDS, compile_cpython
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
    files=["patches/cpython/*.patch", "recipes/cpython.py"],
)
def build_instrumented(context: Context) -> None:
    build = compile_cpython(context, "-fprofile-generate", "-fprofile-generate", toolchain="profile-runtime")
    shutil.copy(build / "python.wasm", context.out)
    shutil.copytree(context.work / "cpython" / "Lib", context.out / "Lib")


@stage("profile", needs=["cpython-instrumented"], files=["training/*.py"])
def train(context: Context) -> None:
    """Train in a host whose clock and random source are fixed (needs the package wasmtime)."""
    root = context.work / "root"
    instrumented = context.dep("cpython-instrumented")
    shutil.copytree(
        instrumented / "Lib", root / "lib/python3.14", ignore=shutil.ignore_patterns("__pycache__", "test")
    )
    for name in ("workload", "language_tasks", "library_tasks"):
        shutil.copy(context.recipes / f"training/{name}.py", root)
    (root / "tmp").mkdir()
    context.run(
        sys.executable,
        context.recipes / "training/host.py",
        instrumented / "python.wasm",
        "--root",
        root,
        "--env",
        "PYTHONHOME=/",
        "--env",
        "PYTHONHASHSEED=0",
        "--env",
        "PYTHONDONTWRITEBYTECODE=1",
        "--env",
        "LLVM_PROFILE_FILE=/python.profraw",
        "--env",
        "TMPDIR=/tmp",
        "--",
        "/workload.py",
    )
    context.run(
        "llvm-profdata-22",
        "merge",
        "--sparse",
        "-o",
        context.out / "python.profdata",
        root / "python.profraw",
    )
