"""`quickjs.wasm`: quickjs-ng with the guest's own C code, as one reactor."""

from __future__ import annotations

from pathlib import Path

from driver import wasm
from driver.registry import stage
from driver.stages import Context
from recipes.toolchain import TARGET, toolchain_environment

STACK_SIZE = 8 << 20
ENGINE_SOURCES = ("quickjs", "libregexp", "libunicode", "dtoa")
RUNTIME_SOURCES = ("memory", "sleep", "stdio", "strings")
GUEST_SOURCES = ("main", "native", "modules", "files", "hashes", "sockets")
HASH_SOURCES = ("Hacl_Hash_MD5", "Hacl_Hash_SHA1", "Hacl_Hash_SHA2")
"""Of HACL*, which comes with CPython."""
WRAPPED = ("__wasi_fd_write", "__wasi_fd_close", "__wasi_fd_renumber", "clock_nanosleep")
FLAGS = (
    "-O2",
    "-msimd128",
    "-mbulk-memory",
    "-mnontrapping-fptoint",
    "-msign-ext",
    "-fno-strict-aliasing",
    "-fwrapv",
    "-DNDEBUG",
    "-D_WASI_EMULATED_SIGNAL",
)
EXPORTS = (
    "memory",
    "_initialize",
    "__stack_pointer",
    "pywasm_boot",
    "pywasm_handle",
    "pywasm_alloc",
    "pywasm_free",
    "pywasm_interrupt_words",
    "pywasm_stdio_ring",
)


def compile_sources(context: Context, source: Path, hacl: Path) -> list[Path]:
    environment = toolchain_environment(context.dep("toolchain-base"))
    recipes = context.recipes
    files = [
        *((source / f"{name}.c", ("-w", "-D_GNU_SOURCE")) for name in ENGINE_SOURCES),
        *((hacl / f"{name}.c", ("-w", "-D_BSD_SOURCE", "-D_DEFAULT_SOURCE")) for name in HASH_SOURCES),
        *((recipes / "runtime" / f"{name}.c", ("-Wall", "-Werror")) for name in RUNTIME_SOURCES),
        *(
            (recipes / "javascript" / f"{name}.c", ("-Wall", "-Werror", "-D_GNU_SOURCE"))
            for name in GUEST_SOURCES
        ),
    ]
    objects: list[Path] = []
    for file, warnings in files:
        objects.append(context.work / f"{file.parent.name}-{file.stem}.o")
        context.run(
            f"{TARGET}-clang",
            *FLAGS,
            *warnings,
            "-std=gnu11",
            f"-ffile-prefix-map={source}=/quickjs",
            f"-ffile-prefix-map={recipes}=/build",
            f"-ffile-prefix-map={hacl}=/hacl",
            f"-I{source}",
            f"-I{hacl}",
            f"-I{hacl / 'include'}",
            f"-I{recipes / 'runtime'}",
            "-c",
            file,
            "-o",
            objects[-1],
            env=environment,
        )
    return objects


def check(path: Path, forbidden: tuple[Path, ...]) -> None:
    """Fail if the module is not what hosts rely on, or names a folder of the build."""
    data = path.read_bytes()
    for folder in forbidden:
        if str(folder).encode() in data:
            raise SystemExit(f"{path.name} contains the build's path {folder}")
    exported = {entity.name: entity for entity in wasm.exports(data)}
    if missing := set(EXPORTS) - set(exported):
        raise SystemExit(f"{path.name} does not export {', '.join(sorted(missing))}")
    reachable = {entity.index for entity in exported.values() if entity.kind == "global"}
    if hidden := [index for index in wasm.mutable_globals(data) if index not in reachable]:
        raise SystemExit(f"{path.name} has mutable globals that a snapshot cannot reach: {hidden}")
    if foreign := {entity.module for entity in wasm.imports(data)} - {"wasi_snapshot_preview1", "pywasm"}:
        raise SystemExit(f"{path.name} imports from {sorted(map(str, foreign))}")


@stage(
    "quickjs",
    needs=["toolchain-base"],
    archives=["quickjs-ng", "cpython"],
    files=[
        "patches/quickjs-ng/*.patch",
        "javascript/*.c",
        "javascript/*.h",
        *(f"runtime/{name}.c" for name in RUNTIME_SOURCES),
        "runtime/pywasm.h",
        "driver/wasm.py",
    ],
)
def build_quickjs(context: Context) -> None:
    """The engine and the guest's C code."""
    archive = context.unpack("quickjs-ng")
    source = archive / "upstream-quickjs"
    context.patch(source, "quickjs-ng")
    hacl = context.unpack("cpython") / "Modules" / "_hacl"
    output = context.out / "quickjs.wasm"
    context.run(
        f"{TARGET}-clang",
        "-mexec-model=reactor",
        "-z",
        f"stack-size={STACK_SIZE}",
        "-Wl,--stack-first",
        "-Wl,--gc-sections",
        "-Wl,--strip-all",
        "-Wl,--export=__stack_pointer",
        *(f"-Wl,--wrap={name}" for name in WRAPPED),
        *compile_sources(context, source, hacl),
        "-lwasi-emulated-signal",
        "-o",
        output,
        env=toolchain_environment(context.dep("toolchain-base")),
    )
    check(output, forbidden=(context.work.parents[1], context.recipes))
    licences = context.out / "licences"
    licences.mkdir()
    # The archive's own licence is that of its Python binding; the engine's is at the top of its sources.
    text = (source / "quickjs.c").read_text()
    (licences / "quickjs-ng.txt").write_text(text[text.index("/*") : text.index("*/") + 3])
