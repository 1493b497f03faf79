"""The C libraries that CPython's extension modules want, as static archives in one prefix each."""

from __future__ import annotations

import shutil
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.toolchain import toolchain_environment

CFLAGS = ("-O2", "-g0", "-DNDEBUG", "-msimd128")

SQLITE_OPTIONS = (
    "-DSQLITE_THREADSAFE=0",
    "-DSQLITE_OMIT_LOAD_EXTENSION",
    "-DSQLITE_ENABLE_FTS5",
    "-DSQLITE_ENABLE_FTS3",
    "-DSQLITE_ENABLE_FTS3_PARENTHESIS",
    "-DSQLITE_ENABLE_RTREE",
    "-DSQLITE_ENABLE_MATH_FUNCTIONS",
    "-DSQLITE_ENABLE_COLUMN_METADATA",
    "-DSQLITE_ENABLE_DBSTAT_VTAB",
    "-DSQLITE_DEFAULT_MEMSTATUS=0",
    "-DSQLITE_TEMP_STORE=2",
    "-DSQLITE_OMIT_SHARED_CACHE",
)


def compile_archive(
    context: Context,
    source: Path,
    library: str,
    files: list[str],
    headers: list[str],
    licence: str,
    flags: tuple[str, ...] = (),
) -> None:
    """Compile `files` to `lib<library>.a` in the stage's prefix, with `headers` and the licence text."""
    environment = toolchain_environment(context.dep("toolchain-base"))
    objects = context.work / "objects"
    objects.mkdir(exist_ok=True)
    made: list[Path] = []
    for name in files:
        made.append(objects / (name.replace("/", "_") + ".o"))
        context.run(
            "wasm32-wasip1-clang",
            *CFLAGS,
            f"-ffile-prefix-map={source}=/{library}",
            *flags,
            "-c",
            name,
            "-o",
            made[-1],
            cwd=source,
            env=environment,
        )
    for folder in ("lib", "include", "licences"):
        (context.out / folder).mkdir(exist_ok=True)
    context.run("llvm-ar-22", "rcsD", context.out / "lib" / f"lib{library}.a", *made)
    for header in headers:
        shutil.copy(source / header, context.out / "include")
    shutil.copy(source / licence, context.out / "licences" / f"{context.work.name}.txt")


@stage("zlib", needs=["toolchain-base"], archives=["zlib"])
def build_zlib(context: Context) -> None:
    names = [
        "adler32",
        "compress",
        "crc32",
        "deflate",
        "infback",
        "inffast",
        "inflate",
        "inftrees",
        "trees",
        "uncompr",
        "zutil",
    ]
    compile_archive(
        context,
        context.unpack("zlib"),
        "z",
        [f"{name}.c" for name in names],
        ["zlib.h", "zconf.h"],
        "LICENSE",
    )


@stage("bzip2", needs=["toolchain-base"], archives=["bzip2"])
def build_bzip2(context: Context) -> None:
    names = ["blocksort", "huffman", "crctable", "randtable", "compress", "decompress", "bzlib"]
    compile_archive(
        context, context.unpack("bzip2"), "bz2", [f"{name}.c" for name in names], ["bzlib.h"], "LICENSE"
    )


@stage("sqlite", needs=["toolchain-base"], archives=["sqlite"], files=["toolchain/sqlite_locks.h"])
def build_sqlite(context: Context) -> None:
    source = context.unpack("sqlite")
    # The archive has SQLite's many files; its own tools (autosetup's jimsh) write the one sqlite3.c.
    context.run("./configure", cwd=source, env={"CC": "cc"})
    context.run("make", "sqlite3.c", cwd=source)
    (source / "LICENCE").write_text(
        "SQLite is in the public domain: its authors disclaim copyright to the source code. In place of a\n"
        "legal notice, they give a blessing: May you do good and not evil. May you find forgiveness for\n"
        "yourself and forgive others. May you share freely, never taking more than you give.\n"
    )
    options = (*SQLITE_OPTIONS, "-include", str(context.recipes / "toolchain/sqlite_locks.h"))
    compile_archive(
        context, source, "sqlite3", ["sqlite3.c"], ["sqlite3.h", "sqlite3ext.h"], "LICENCE", options
    )


@stage("zstd", needs=["toolchain-base"], archives=["zstd"])
def build_zstd(context: Context) -> None:
    source = context.unpack("zstd")
    files = sorted(
        str(path.relative_to(source))
        for folder in ("common", "compress", "decompress", "dictBuilder")
        for path in (source / "lib" / folder).glob("*.c")
    )
    compile_archive(
        context,
        source,
        "zstd",
        files,
        ["lib/zstd.h", "lib/zdict.h", "lib/zstd_errors.h"],
        "LICENSE",
        ("-DZSTD_DISABLE_ASM=1", "-DZSTD_LEGACY_SUPPORT=0", "-Ilib", "-Ilib/common"),
    )


@stage("xz", needs=["toolchain-base"], archives=["xz"])
def build_xz(context: Context) -> None:
    source = context.unpack("xz")
    environment = toolchain_environment(context.dep("toolchain-base"))
    environment["CFLAGS"] = " ".join((*CFLAGS, f"-ffile-prefix-map={source}=/xz"))
    without = [
        "threads",
        "shared",
        "xz",
        "xzdec",
        "lzmadec",
        "lzmainfo",
        "lzma-links",
        "scripts",
        "doc",
        "nls",
        "assembler",
    ]
    context.run(
        "./configure",
        "--host=wasm32-wasi",
        f"--prefix={context.out}",
        "--enable-static",
        "--enable-sandbox=no",
        *(f"--disable-{name}" for name in without),
        cwd=source,
        env=environment,
    )
    context.run("make", f"-j{context.jobs}", "-C", "src/liblzma", "install", cwd=source, env=environment)
    licences = context.out / "licences"
    licences.mkdir()
    shutil.copy(source / "COPYING.0BSD", licences / "xz.txt")
