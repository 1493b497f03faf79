"""The shell and the utilities: programs that start others through the host. Not part of `all`."""
# ruff: noqa: SIM905 - lists of many words

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.assets import publish
from recipes.toolchain import toolchain_environment

RUNTIME = ("programs/*.c", "programs/*.h", "programs/include/*.h", "programs/include/*/*.h")
CFLAGS = (
    "-O2",
    "-w",
    "-D_GNU_SOURCE",
    "-D_WASI_EMULATED_SIGNAL",
    "-D_WASI_EMULATED_GETPID",
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
    "-D_WASI_EMULATED_MMAN",
    "-mllvm",
    "-wasm-enable-sjlj",
)
WRAPPED = (
    "fcntl", "stat", "lstat", "fstat", "fstatat", "chmod", "fchmod", "fchmodat", "open", "openat",
)  # fmt: skip
LDFLAGS = (
    *(f"-Wl,--wrap={name}" for name in WRAPPED),
    "-Wl,--strip-debug",
    "-Wl,--gc-sections",
    "-z",
    "stack-size=1048576",
    "-Wl,--stack-first",
    "-lsetjmp",
    "-lwasi-emulated-process-clocks",
    "-lwasi-emulated-mman",
)
# Asyncify knows the older form of exception handling only; what it makes is translated afterwards.
WASM_OPT_FEATURES = (
    "exception-handling", "bulk-memory", "mutable-globals", "sign-ext", "nontrapping-float-to-int",
    "multivalue", "reference-types",
)  # fmt: skip


DASH_FILES = """
    alias arith_yacc arith_yylex cd error eval exec expand histedit input jobs mail main memalloc miscbltin
    mystring options parser redir show trap output bltin/printf system bltin/test bltin/times var
""".split()
DASH_MADE = ("builtins", "init", "nodes", "signames", "syntax")
TOYBOX_LIBRARY = "args commas deflate dirtree env lib llist portability utf8 xwrap".split()
AWK_FILES = "awkgram.tab b lex lib main parse proctab run tran".split()
ZLIB_FILES = ("gzlib", "gzread", "gzwrite", "gzclose")


def compiler_flags(context: Context, source: Path, *, legacy: bool) -> list[str]:
    """Flags for all objects of a program."""
    programs = context.recipes / "programs"
    return [
        *CFLAGS,
        "-mllvm",
        f"-wasm-use-legacy-eh={'true' if legacy else 'false'}",
        f"-ffile-prefix-map={source}=/source",
        f"-ffile-prefix-map={context.recipes}=/build",
        f"-I{programs / 'include'}",
        f"-I{programs}",
        "-include",
        str(programs / "compat.h"),
    ]


def compile_all(
    context: Context, source: Path, files: Sequence[tuple[Path, Sequence[str]]], flags: Sequence[str]
) -> list[Path]:
    """Objects of these files, each with flags of its own."""
    environment = toolchain_environment(context.dep("toolchain-base"))
    objects = context.work / "objects"
    objects.mkdir(exist_ok=True)
    made = []
    for number, (path, extra) in enumerate(files):
        made.append(objects / f"{number:03}_{path.stem}.o")
        context.run(
            "wasm32-wasip1-clang", *flags, *extra, "-c", path, "-o", made[-1], cwd=source, env=environment
        )
    return made


@stage(
    "dash", needs=["toolchain-base"], archives=["dash", "binaryen"], files=[*RUNTIME, "patches/dash/*.patch"]
)
def build_dash(context: Context) -> None:
    """The shell, which forks: its stack can be unwound into its memory (Binaryen's Asyncify)."""
    source = context.unpack("dash")
    context.patch(source, "dash")
    environment = toolchain_environment(context.dep("toolchain-base"))
    context.run("./configure", "--host=wasm32-wasi", cwd=source, env={**environment, "CC_FOR_BUILD": "gcc"})
    config = source / "config.h"
    config.write_text(config.read_text() + "#define HAVE_KILLPG 1\n#define HAVE_STRSIGNAL 1\n")
    folder = source / "src"
    options = [
        "-DJOBS=0",
        "-DSMALL=1",
        "-DBSD=1",
        "-DSHELL",
        "-Dvfork=fork",
        "-include",
        "../config.h",
        "-I.",
    ]
    context.run("sh", "mktokens", cwd=folder)
    context.run(
        "wasm32-wasip1-clang", "-E", "-x", "c", *options[:3], "-include", "../config.h",
        "-o", "builtins.def", "builtins.def.in", cwd=folder, env=environment,
    )  # fmt: skip
    context.run("sh", "mkbuiltins", "builtins.def", cwd=folder)
    for helper in ("mksyntax", "mknodes", "mksignames", "mkinit"):
        context.run("gcc", "-DBSD=1", "-DSHELL", "-DSMALL=1", "-w", "-o", helper, f"{helper}.c", cwd=folder)
    context.run("./mkinit", *(f"{name}.c" for name in DASH_FILES), cwd=folder)
    context.run("./mknodes", "nodetypes", "nodes.c.pat", cwd=folder)
    context.run("./mksyntax", cwd=folder)
    context.run("./mksignames", cwd=folder)
    programs = context.recipes / "programs"
    flags = compiler_flags(context, source, legacy=True)
    objects = compile_all(
        context,
        folder,
        [
            *((folder / f"{name}.c", options) for name in (*DASH_FILES, *DASH_MADE)),
            (programs / "process.c", ()),
            (programs / "fork.c", ()),
        ],
        flags,
    )
    raw, unwinding = context.work / "raw.wasm", context.work / "unwinding.wasm"
    context.run(
        "wasm32-wasip1-clang", *flags, *LDFLAGS, "-Wl,--export=__stack_pointer", *objects, "-o", raw,
        env=environment,
    )  # fmt: skip
    optimise = ("node", context.unpack("binaryen") / "bin/wasm-opt")
    features = [f"--enable-{name}" for name in WASM_OPT_FEATURES]
    context.run(
        *optimise, *features, "--asyncify", "--pass-arg=asyncify-imports@pywasm.process_fork",
        "--pass-arg=asyncify-ignore-unwind-from-catch", "-O2", raw, "-o", unwinding,
    )  # fmt: skip
    context.run(
        *optimise, *features, "--translate-to-exnref", "--emit-exnref", unwinding,
        "-o", context.out / "dash.wasm",
    )  # fmt: skip
    keep_licence(context, source / "COPYING", "dash")


@stage(
    "toybox",
    needs=["toolchain-base", "zlib"],
    archives=["toybox", "zlib"],
    files=[*RUNTIME, "programs/toybox.config", "patches/toybox/*.patch"],
)
def build_toybox(context: Context) -> None:
    """The utilities in one program; what it runs as is its first argument."""
    source = context.unpack("toybox")
    context.patch(source, "toybox")
    context.run("make", "defconfig", cwd=source)
    config = source / ".config"
    wanted = (context.recipes / "programs/toybox.config").read_text().splitlines()
    names = [line.partition("=")[0] for line in config.read_text().splitlines() if line.endswith("=y")]
    lines = [f"# {name} is not set" for name in names if f"{name}=y" not in wanted]
    config.write_text("\n".join([*wanted, *lines]) + "\n")
    context.run("sh", "-c", "make oldconfig </dev/null", cwd=source)
    # Its own script makes headers and the list of files; the compiler is the host's for that.
    context.run("scripts/make.sh", cwd=source, env={"NOBUILD": "1", "CC": "gcc", "HOSTCC": "gcc"})
    listed = (source / "generated/build.sh").read_text().split()
    toys = sorted({word for word in listed if word.startswith("toys/") and word.endswith(".c")})
    extra = [
        "-ffunction-sections", "-fdata-sections", "-fno-strict-aliasing", "-funsigned-char",
        "-Dsiglongjmp=longjmp", f"-I{context.dep('zlib') / 'include'}", "-I.",
    ]  # fmt: skip
    zlib = context.unpack("zlib")
    programs = context.recipes / "programs"
    flags = compiler_flags(context, source, legacy=False)
    objects = compile_all(
        context,
        source,
        [
            *((source / name, extra) for name in ("main.c", *(f"lib/{x}.c" for x in TOYBOX_LIBRARY), *toys)),
            *(
                (zlib / f"{name}.c", ["-DHAVE_UNISTD_H", f"-ffile-prefix-map={zlib}=/zlib"])
                for name in ZLIB_FILES
            ),
            (programs / "process.c", ()),
        ],
        flags,
    )
    context.run(
        "wasm32-wasip1-clang", *flags, *LDFLAGS, *objects, f"-L{context.dep('zlib') / 'lib'}", "-lz",
        "-o", context.out / "toybox.wasm", env=toolchain_environment(context.dep("toolchain-base")),
    )  # fmt: skip
    keep_licence(context, source / "LICENSE", "toybox")


@stage(
    "awk",
    needs=["toolchain-base"],
    archives=["awk"],
    files=[*RUNTIME, "programs/awk/*.c"],
)
def build_awk(context: Context) -> None:
    """The one true awk. Its grammar is made by the host's bison."""
    source = context.unpack("awk")
    context.run("bison", "-d", "-Wno-conflicts-sr", "-Wno-conflicts-rr", "awkgram.y", cwd=source)
    context.run("gcc", "-w", "-o", "maketab", "maketab.c", cwd=source)
    (source / "proctab.c").write_text(context.capture("./maketab", "awkgram.tab.h", cwd=source))
    programs = context.recipes / "programs"
    flags = compiler_flags(context, source, legacy=False)
    files = [source / f"{name}.c" for name in AWK_FILES]
    files += [programs / "process.c", programs / "awk/popen.c"]
    objects = compile_all(context, source, [(file, ("-ffunction-sections",)) for file in files], flags)
    context.run(
        "wasm32-wasip1-clang", *flags, *LDFLAGS, *objects, "-o", context.out / "awk.wasm",
        env=toolchain_environment(context.dep("toolchain-base")),
    )  # fmt: skip
    keep_licence(context, source / "LICENSE", "awk")


def keep_licence(context: Context, text: Path, name: str) -> None:
    """The licence of a program, among the assets'."""
    folder = context.out / "licences"
    folder.mkdir()
    shutil.copy(text, folder / f"{name}.txt")


ASSETS = (
    # (name, kind, stage, file)
    ("sh", "program", "dash", "dash.wasm"),
    ("toybox", "program", "toybox", "toybox.wasm"),
    ("awk", "program", "awk", "awk.wasm"),
)


@stage("programs", needs=("dash", "toybox", "awk"), always=True)
def publish_programs(context: Context) -> None:
    """Write them to `wasm_assets/` and name them in the manifest."""
    publish(context, ASSETS, ("dash", "toybox", "awk"))
