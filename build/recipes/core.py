"""`python-core.wasm`: CPython, its libraries, libc and libc++ as one reactor with a broad export list."""

from __future__ import annotations

import re
from pathlib import Path

from driver import wasm
from driver.registry import stage
from driver.stages import Context
from recipes.cpython import LIBRARIES, LIBRARY_STAGES
from recipes.toolchain import TARGET, toolchain_environment

STACK_SIZE = 8 << 20
RUNTIME_SOURCES = (
    "boot",
    "clocks",
    "dynamic",
    "interrupt",
    "memory",
    "module",
    "settle",
    "sleep",
    "stdio",
    "strings",
    "threads",
)
WRAPPED = (
    "__wasi_fd_write",
    "__wasi_fd_close",
    "__wasi_fd_renumber",
    "__wasi_fd_read",
    "__wasi_sock_recv",
    "__wasi_sock_accept",
    "__wasi_poll_oneoff",
    "clock_nanosleep",
)
WHOLE_ARCHIVES = (
    "libwasi-emulated-signal",
    "libwasi-emulated-getpid",
    "libwasi-emulated-mman",
    "libsetjmp",
    "libunwind",
    "libc-printscan-long-double",
    "libc",
)
# What the runtime defines in the place of libraries that are not linked.
RUNTIME_SYMBOLS = ("clock", "dlclose", "dlerror", "dlopen", "dlsym", "getrusage", "times")
LINKER_SYMBOLS = (
    "__stack_pointer",
    "__heap_base",
    "__heap_end",
    "__data_end",
    "__cpp_exception",
    "__c_longjmp",
)

NOT_EXPORTED = re.compile(
    r"""^(
      _start | _initialize | main | __main_\w+ | __original_main | __wasm_call_(ctors|dtors) | __dso_handle
    | __wasilibc_populate_preopens_\w+ | __imported_\w+
    | PyInit__?test\w+
    | dl(open|sym|error|close)                  # the runtime's own are exported, wasi-libc's stubs are not
    | __wasi_(fd_(write|close|renumber|read)|sock_(recv|accept)|poll_oneoff)        # wrapped
    )$""",
    re.VERBOSE,
)


def defined_symbols(context: Context, archive: Path, *, hidden: bool) -> set[str]:
    """Names of the global functions, objects and tags that an archive defines; `hidden` ones too if asked."""
    names: set[str] = set()
    for line in context.capture("llvm-objdump-22", "-t", archive).splitlines():
        # "00000047 g     F CODE\t00000024 .hidden __wasm_longjmp"; a weak symbol has w for g.
        match = re.match(r"^[0-9a-f]{8} (.{7}) \S+\s+(?:[0-9a-f]{8} )?(.*)$", line)
        if match is None or "*UND*" in line or not set(match[1][:2]) & {"g", "w"}:
            continue
        is_hidden = match[2].startswith(".hidden ")
        if hidden or not is_hidden:
            names.add(match[2].removeprefix(".hidden ").strip())
    return names


def export_list(context: Context, public: list[Path], whole: list[Path]) -> list[str]:
    """What side modules may import: all that `whole` archives define, of `public` ones what is not hidden.

    wasi-libc and compiler-rt are compiled with hidden visibility throughout, which says nothing there.
    """
    names = {*LINKER_SYMBOLS, *RUNTIME_SYMBOLS}
    for archive in (*public, *whole):
        found = defined_symbols(context, archive, hidden=archive in whole)
        names |= {name for name in found if not NOT_EXPORTED.match(name)}
    return sorted(names)


def compile_runtime(context: Context, cpython: Path) -> list[Path]:
    environment = toolchain_environment(context.dep("toolchain"))
    include = cpython / "include" / "python3.14"
    objects: list[Path] = []
    for name in RUNTIME_SOURCES:
        objects.append(context.work / f"{name}.o")
        context.run(
            f"{TARGET}-clang",
            "-O2",
            "-msimd128",
            "-std=gnu11",
            "-Wall",
            "-Werror",
            "-D_WASI_EMULATED_SIGNAL",
            "-D_WASI_EMULATED_PROCESS_CLOCKS",
            "-DNDEBUG",
            f"-ffile-prefix-map={context.recipes}=/build",
            f"-ffile-prefix-map={cpython}=/cpython",
            f"-I{include}",
            "-c",
            context.recipes / "runtime" / f"{name}.c",
            "-o",
            objects[-1],
            env=environment,
        )
    return objects


def link_core(context: Context, cpython: Path, output: Path) -> None:
    """Link the reactor; `exports.txt` beside it lists what it exports."""
    toolchain = context.dep("toolchain")
    sysroot = toolchain / "sysroot" / "lib" / TARGET
    builtins = toolchain / "resource/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a"
    python = sorted(
        (cpython / "lib").glob("*.a"), key=lambda path: (path.name != "libpython3.14.a", path.name)
    )
    libraries = [context.dep(name) / "lib" / f"lib{library}.a" for name, library in LIBRARIES.values()]
    runtime = compile_runtime(context, cpython)
    exported = export_list(
        context,
        public=[python[0], context.dep("zlib") / "lib/libz.a", sysroot / "libc++.a", sysroot / "libc++abi.a"],
        whole=[builtins, *(sysroot / f"{name}.a" for name in WHOLE_ARCHIVES)],
    )
    (context.out / "exports.txt").write_text("".join(f"{name}\n" for name in exported))
    response = context.work / "exports.rsp"
    response.write_text("".join(f"-Wl,--export={name}\n" for name in exported))
    context.run(
        f"{TARGET}-clang++",
        "-fwasm-exceptions",
        "-mexec-model=reactor",
        "-z",
        f"stack-size={STACK_SIZE}",
        "-Wl,--stack-first",
        "-Wl,--strip-debug",
        "-Wl,--growable-table",
        "-Wl,--export-table",
        *(f"-Wl,--wrap={name}" for name in WRAPPED),
        f"@{response}",
        *runtime,
        *python,
        *libraries,
        "-lwasi-emulated-signal",
        "-lwasi-emulated-getpid",
        "-lwasi-emulated-mman",
        "-lc++",
        "-lc++abi",
        "-lunwind",
        "-lsetjmp",
        "-lc-printscan-long-double",
        "-o",
        output,
        env=toolchain_environment(toolchain),
    )
    check_core(output, forbidden=(context.work.parents[1], context.recipes))


def check_core(path: Path, forbidden: tuple[Path, ...]) -> None:
    """Fail if the module is not what hosts rely on, or names a folder of the build."""
    data = path.read_bytes()
    for folder in forbidden:
        if str(folder).encode() in data:
            raise SystemExit(f"{path.name} contains the build's path {folder}")
    exported = {entity.name: entity for entity in wasm.exports(data)}
    for name in (
        "memory",
        "__indirect_function_table",
        "_initialize",
        "pywasm_boot",
        "pywasm_handle",
        "pywasm_alloc",
        "pywasm_free",
        "pywasm_memalign",
        "pywasm_interrupt_words",
        "pywasm_stdio_ring",
        "pywasm_thread",
    ):
        if name not in exported:
            raise SystemExit(f"{path.name} does not export {name}")
    reachable = {entity.index for entity in exported.values() if entity.kind == "global"}
    hidden = [index for index in wasm.mutable_globals(data) if index not in reachable]
    if hidden:
        raise SystemExit(f"{path.name} has mutable globals that a snapshot cannot reach: {hidden}")
    foreign = {entity.module for entity in wasm.imports(data)} - {"wasi_snapshot_preview1", "pywasm"}
    if foreign:
        raise SystemExit(f"{path.name} imports from {sorted(map(str, foreign))}")


NEEDS = ("toolchain", *LIBRARY_STAGES)
FILES = ("runtime/*.c", "runtime/*.h", "driver/wasm.py", "recipes/cpython.py")


@stage("core-plain", needs=(*NEEDS, "cpython-plain"), files=FILES)
def build_core_plain(context: Context) -> None:
    """The core without a profile."""
    link_core(context, context.dep("cpython-plain"), context.out / "python-core.wasm")


@stage("core", needs=(*NEEDS, "cpython"), files=FILES)
def build_core(context: Context) -> None:
    """The core that is shipped."""
    link_core(context, context.dep("cpython"), context.out / "python-core.wasm")
