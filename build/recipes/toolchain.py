"""The cross toolchain: wasi-libc, builtins, compiler wrappers, and the C++ runtimes with exceptions."""

from __future__ import annotations

import shutil
from pathlib import Path

from driver.registry import stage
from driver.stages import Context

TARGET = "wasm32-wasip1"
BASE_FLAGS = "-O2 -msimd128 -fPIC -fwasm-exceptions -mllvm -wasm-use-legacy-eh=false"

RUNTIME_OPTIONS = {
    "LLVM_ENABLE_RUNTIMES": "libunwind;libcxxabi;libcxx",
    "LLVM_DEFAULT_TARGET_TRIPLE": TARGET,
    "LLVM_COMPILER_CHECKED": "ON",
    "CMAKE_C_COMPILER_WORKS": "ON",
    "CMAKE_CXX_COMPILER_WORKS": "ON",
    "LIBCXX_ENABLE_SHARED": "OFF",
    "LIBCXX_ENABLE_EXPERIMENTAL_LIBRARY": "OFF",
    "LIBCXX_ENABLE_EXCEPTIONS": "ON",
    "LIBCXX_ENABLE_FILESYSTEM": "ON",
    # wasi-libc has pthread stubs: mutexes work, creating a thread fails. pybind11 and others need <mutex>.
    "LIBCXX_ENABLE_THREADS": "ON",
    "LIBCXX_HAS_PTHREAD_API": "ON",
    "LIBCXX_HAS_EXTERNAL_THREAD_API": "OFF",
    "LIBCXX_CXX_ABI": "libcxxabi",
    "LIBCXX_HAS_MUSL_LIBC": "OFF",
    "LIBCXX_ABI_VERSION": "2",
    "LIBCXX_INCLUDE_TESTS": "OFF",
    "LIBCXX_INCLUDE_BENCHMARKS": "OFF",
    "LIBCXX_USE_COMPILER_RT": "ON",
    "LIBCXXABI_ENABLE_EXCEPTIONS": "ON",
    "LIBCXXABI_ENABLE_SHARED": "OFF",
    "LIBCXXABI_SILENT_TERMINATE": "ON",
    "LIBCXXABI_ENABLE_THREADS": "ON",
    "LIBCXXABI_HAS_PTHREAD_API": "ON",
    "LIBCXXABI_USE_LLVM_UNWINDER": "ON",
    "LIBCXXABI_INCLUDE_TESTS": "OFF",
    "LIBCXXABI_USE_COMPILER_RT": "ON",
    "LIBUNWIND_HIDE_SYMBOLS": "ON",
    "LIBUNWIND_ENABLE_SHARED": "OFF",
    "LIBUNWIND_ENABLE_THREADS": "OFF",
    "LIBUNWIND_USE_COMPILER_RT": "ON",
    "LIBUNWIND_INCLUDE_TESTS": "OFF",
}


def toolchain_environment(toolchain: Path) -> dict[str, str]:
    """PATH with the wrappers first, and the names of the binary utilities."""
    import os

    return {
        "PATH": f"{toolchain / 'bin'}:{os.environ['PATH']}",
        "CC": f"{TARGET}-clang",
        "CXX": f"{TARGET}-clang++",
        "CPP": f"{TARGET}-clang -E",
        "AR": "llvm-ar-22",
        "RANLIB": "llvm-ranlib-22",
        "NM": "llvm-nm-22",
    }


@stage(
    "toolchain-base",
    archives=["wasi-libc", "compiler-rt-wasm32"],
    files=["toolchain/wasm32-wasip1-clang", "toolchain/eh_tags.S"],
)
def build_base(context: Context) -> None:
    """Sysroot, resource directory and wrappers, enough for C."""
    libc = context.unpack("wasi-libc")
    runtime = context.unpack("compiler-rt-wasm32")
    sysroot = context.out / "sysroot"
    shutil.copytree(libc / "usr/include/wasm32-wasi", sysroot / "include" / TARGET)
    shutil.copytree(libc / "usr/lib/wasm32-wasi", sysroot / "lib" / TARGET)
    licences = context.out / "licences"
    licences.mkdir()
    shutil.copy(libc / "usr/share/doc/wasi-libc/copyright", licences / "wasi-libc.txt")
    shutil.copy(runtime / "usr/share/doc/libclang-rt-22-dev-wasm32/copyright", licences / "llvm-runtimes.txt")

    resource = context.out / "resource"
    installed = Path(context.capture("clang-22", "-print-resource-dir").strip())
    shutil.copytree(installed / "include", resource / "include")
    builtins = resource / "lib" / "wasm32-unknown-wasip1" / "libclang_rt.builtins.a"
    builtins.parent.mkdir(parents=True)
    shutil.copy(next(runtime.rglob("libclang_rt.builtins-wasm32.a")), builtins)
    tags = context.work / "eh_tags.o"
    context.run(
        "clang-22",
        f"--target={TARGET}",
        "-mexception-handling",
        "-c",
        context.recipes / "toolchain/eh_tags.S",
        "-o",
        tags,
    )
    context.run("llvm-ar-22", "rcsD", builtins, tags)

    binaries = context.out / "bin"
    binaries.mkdir()
    wrapper = context.recipes / "toolchain/wasm32-wasip1-clang"
    for name in ("clang", "clang++"):
        shutil.copy(wrapper, binaries / f"{TARGET}-{name}")


@stage(
    "toolchain",
    needs=["toolchain-base"],
    archives=["llvm-runtimes"],
    files=["toolchain/cmake/Platform/WASI.cmake"],
)
def build_toolchain(context: Context) -> None:
    """The base plus libc++, libc++abi and libunwind, rebuilt with exceptions in the exnref form."""
    base = context.dep("toolchain-base")
    source = context.unpack("llvm-runtimes")
    for absent in ("libunwind/docs", "libcxx/docs", "libcxxabi/docs", "llvm/utils/llvm-lit"):
        # The archive is a subset; the runtimes' CMake files enter these folders unconditionally.
        (source / absent).mkdir(parents=True, exist_ok=True)
        (source / absent / "CMakeLists.txt").touch()
    flags = f"{BASE_FLAGS} -ffile-prefix-map={source}=/llvm -ffile-prefix-map={base}=/toolchain"
    compiler = base / "bin" / f"{TARGET}-clang"
    lines = [
        "set(CMAKE_SYSTEM_NAME WASI)",
        "set(CMAKE_SYSTEM_VERSION 1)",
        "set(CMAKE_SYSTEM_PROCESSOR wasm32)",
        f"set(CMAKE_C_COMPILER {compiler})",
        f"set(CMAKE_CXX_COMPILER {compiler}++)",
        f"set(CMAKE_ASM_COMPILER {compiler})",
        *(f"set(CMAKE_{language}_COMPILER_TARGET {TARGET})" for language in ("C", "CXX", "ASM")),
        "set(CMAKE_AR /usr/bin/llvm-ar-22)",
        "set(CMAKE_RANLIB /usr/bin/llvm-ranlib-22)",
        "set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)",
        "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)",
        f'list(APPEND CMAKE_MODULE_PATH "{context.recipes / "toolchain/cmake"}")',
    ]
    toolchain_file = context.work / "toolchain.cmake"
    toolchain_file.write_text("\n".join(lines) + "\n")
    options = {
        **RUNTIME_OPTIONS,
        "CMAKE_TOOLCHAIN_FILE": str(toolchain_file),
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_INSTALL_PREFIX": str(context.work / "installed"),
        **{f"CMAKE_{language}_FLAGS": flags for language in ("C", "CXX", "ASM")},
        **{f"CMAKE_{language}_FLAGS_RELEASE": "-DNDEBUG" for language in ("C", "CXX")},
    }
    build = context.work / "build"
    context.run(
        "cmake",
        "-G",
        "Ninja",
        "-S",
        source / "runtimes",
        "-B",
        build,
        *(f"-D{key}={value}" for key, value in options.items()),
    )
    context.run("ninja", "-C", build, f"-j{context.jobs}", "install")

    shutil.copytree(base, context.out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".done"))
    sysroot = context.out / "sysroot"
    installed = context.work / "installed"
    shutil.copytree(
        installed / "include/c++/v1", sysroot / "include" / TARGET / "c++" / "v1", dirs_exist_ok=True
    )
    for library in sorted((installed / "lib").rglob("*.a")):
        shutil.copy(library, sysroot / "lib" / TARGET / library.name)
    for name in ("libcxx", "libcxxabi", "libunwind"):
        shutil.copy(source / name / "LICENSE.TXT", context.out / "licences" / f"{name}.txt")
