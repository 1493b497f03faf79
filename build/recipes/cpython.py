"""CPython for wasm32-wasip1: configured once, compiled plain, instrumented or with a profile."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.toolchain import toolchain_environment

LIBRARIES = {
    "ZLIB": ("zlib", "z"),
    "BZIP2": ("bzip2", "bz2"),
    "LIBLZMA": ("xz", "lzma"),
    "LIBSQLITE3": ("sqlite", "sqlite3"),
    "LIBZSTD": ("zstd", "zstd"),
}
LIBRARY_STAGES = tuple(stage_name for stage_name, _ in LIBRARIES.values())
NEEDS = ("toolchain", "build-python", *LIBRARY_STAGES)
CFLAGS = "-O2 -msimd128"
CONFIG_SITE = "toolchain/config.site"
# See "Why the interpreter is compiled as it is" in README.md.
INTERPRETER_LOOP = "Python/ceval.o"
LOOP_FLAGS = "-fno-profile-use -mllvm -inline-threshold=20"
# Static functions are called "file.c;name" in a profile, not by the file's whole path, which differs between
# the stage that trains and the one that uses the profile.
PROFILE_NAMES = "-mllvm -static-func-full-module-prefix=false"
PATCHES = ("patches/cpython/*.patch", CONFIG_SITE)


def compile_cpython(
    context: Context, flags: str = "", link_flags: str = "", toolchain: str = "toolchain"
) -> Path:
    """Configure and make CPython in the work folder; the build folder, with `python.wasm` in it."""
    source = context.unpack("cpython")
    context.patch(source, "cpython")
    build = context.work / "build"
    (build / "Modules").mkdir(parents=True)
    (build / "Modules/Setup.local").write_text("*static*\n")
    environment = {
        **toolchain_environment(context.dep(toolchain)),
        "READELF": "true",
        "CONFIG_SITE": f"{source}/Tools/wasm/wasi/config.site-wasm32-wasi {context.recipes / CONFIG_SITE}",
        "PKG_CONFIG_PATH": "",
        "PKG_CONFIG_LIBDIR": str(context.work / "no-pkg-config"),
        "CFLAGS": f"{CFLAGS} -ffile-prefix-map={context.work}=/build "
        f"-ffile-prefix-map={context.dep(toolchain)}=/toolchain {flags}".strip(),
        "LDFLAGS": link_flags,
        "OPT": "-DNDEBUG -g0",
    }
    for variable, (stage_name, library) in LIBRARIES.items():
        prefix = context.dep(stage_name)
        environment[f"{variable}_CFLAGS"] = f"-I{prefix / 'include'}"
        environment[f"{variable}_LIBS"] = f"-L{prefix / 'lib'} -l{library}"
    context.run(
        source / "configure",
        "-q",
        "--host=wasm32-wasip1",
        "--build=x86_64-pc-linux-gnu",
        f"--with-build-python={context.dep('build-python') / 'bin/python3.14'}",
        "--prefix=/usr",
        "--disable-test-modules",
        "--without-ensurepip",
        "--with-pymalloc",
        cwd=build,
        env=environment,
    )
    if "-fprofile-use" in flags:
        context.run("make", INTERPRETER_LOOP, f"EXTRA_CFLAGS={LOOP_FLAGS}", cwd=build, env=environment)
    context.run("make", f"-j{context.jobs}", cwd=build, env=environment)
    return build


def collect(context: Context, build: Path) -> None:
    """Copy what later stages need: libraries, headers, the configuration and the library's Python files."""
    source = context.work / "cpython"
    libraries = context.out / "lib"
    libraries.mkdir()
    archives = [
        build / "libpython3.14.a",
        build / "Modules/_decimal/libmpdec/libmpdec.a",
        build / "Modules/expat/libexpat.a",
        *sorted((build / "Modules/_hacl").glob("*.a")),
    ]
    for archive in archives:
        flatten_archive(context, archive, libraries / archive.name)
    headers = context.out / "include" / "python3.14"
    shutil.copytree(source / "Include", headers)
    shutil.copy(build / "pyconfig.h", headers)
    shutil.copytree(source / "Lib", context.out / "Lib", ignore=shutil.ignore_patterns("__pycache__"))
    sysconfigdata = next(build.glob("build/lib.*/_sysconfigdata_*.py"))
    shutil.copy(sysconfigdata, context.out)
    for extra in sysconfigdata.parent.glob("*.json"):
        shutil.copy(extra, context.out)
    licences = context.out / "licences"
    licences.mkdir()
    shutil.copy(source / "LICENSE", licences / "cpython.txt")
    shutil.copy(source / "Modules/expat/COPYING", licences / "expat.txt")
    shutil.copy(source / "Modules/_decimal/libmpdec/mpdecimal.h", context.work / "mpdecimal.h")
    header = (context.work / "mpdecimal.h").read_text()
    (licences / "mpdecimal.txt").write_text(header[: header.index("*/") + 2] + "\n")
    hacl = (source / "Modules/_hacl/Hacl_Hash_MD5.c").read_text()
    (licences / "hacl.txt").write_text(hacl[: hacl.index("*/") + 2] + "\n")


def flatten_archive(context: Context, archive: Path, destination: Path) -> None:
    """Copy an archive; a thin one becomes a regular one. Members keep their order, times are zero."""
    script = f"CREATE {destination}\nADDLIB {archive}\nSAVE\nEND\n"
    path = context.work / "archive.mri"
    path.write_text(script)
    context.run("bash", "-c", f"llvm-ar-22 -M < {path}")


@stage("cpython-plain", needs=NEEDS, archives=["cpython"], files=PATCHES)
def build_plain(context: Context) -> None:
    """Without a profile: the quick variant, and the reference the profile is measured against."""
    collect(context, compile_cpython(context))


@stage(
    "cpython",
    needs=NEEDS,
    archives=["cpython"],
    files=(*PATCHES, "training/python.profdata.xz"),
)
def build_with_profile(context: Context) -> None:
    """With the committed profile: what is shipped."""
    profile = context.work / "python.profdata"
    profile.write_bytes(lzma.decompress((context.recipes / "training/python.profdata.xz").read_bytes()))
    collect(
        context,
        compile_cpython(
            context,
            f"-fprofile-use={profile} {PROFILE_NAMES} "
            "-Wno-profile-instr-unprofiled -Wno-profile-instr-out-of-date",
        ),
    )
