"""The C and C++ libraries that are linked into side modules: fonts and text layout, qhull, JPEG, zlib, YAML.

Static archives of position-independent code that exports nothing, one prefix a stage.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.python_packages import COMPILE_FLAGS
from recipes.toolchain import TARGET, toolchain_environment

FILES = ("recipes/python_packages.py",)

FREETYPE_MODULES = {
    "base": "base bbox bdf bitmap cid debug fstype gasp glyph gxval init mm otval patent pfr stroke synth "
    "system type1 winfnt",
    "autofit": "autofit",
    "bdf": "bdf",
    "bzip2": "ftbzip2",
    "cache": "ftcache",
    "cff": "cff",
    "cid": "type1cid",
    "gzip": "ftgzip",
    "lzw": "ftlzw",
    "pcf": "pcf",
    "pfr": "pfr",
    "psaux": "psaux",
    "pshinter": "pshinter",
    "psnames": "psnames",
    "raster": "raster",
    "sdf": "sdf",
    "sfnt": "sfnt",
    "smooth": "smooth",
    "svg": "svg",
    "truetype": "truetype",
    "type1": "type1",
    "type42": "type42",
    "winfonts": "winfnt",
}
"""What CMakeLists.txt compiles: src/<folder>/<name>.c, in `base` src/base/ft<name>.c."""

FREETYPE_FLAGS = (
    "-DFT2_BUILD_LIBRARY",
    "-DFT_CONFIG_OPTION_ERROR_STRINGS",
    # As in matplotlib's own wheels: the automatic hinter asks HarfBuzz which glyphs there are.
    "-DFT_CONFIG_OPTION_USE_HARFBUZZ",
)

JPEG_SOURCES = (
    "jaricom jcapimin jcapistd jcarith jccoefct jccolor jcdctmgr jchuff jcicc jcinit jcmainct jcmarker "
    "jcmaster jcomapi jcparam jcphuff jcprepct jcsample jctrans jdapimin jdapistd jdarith jdatadst jdatasrc "
    "jdcoefct jdcolor jddctmgr jdhuff jdicc jdinput jdmainct jdmarker jdmaster jdmerge jdphuff jdpostct "
    "jdsample jdtrans "
    "jerror jfdctflt jfdctfst jfdctint jidctflt jidctfst jidctint jidctred jmemmgr jmemnobs jquant1 jquant2 "
    "jsimd_none jutils"
)
JPEG_CONFIGURATION = {
    "jconfig.h": """\
#define JPEG_LIB_VERSION 62
#define LIBJPEG_TURBO_VERSION {version}
#define LIBJPEG_TURBO_VERSION_NUMBER {number}
#define C_ARITH_CODING_SUPPORTED 1
#define D_ARITH_CODING_SUPPORTED 1
#define MEM_SRCDST_SUPPORTED 1
#define BITS_IN_JSAMPLE 8
""",
    "jconfigint.h": """\
#define BUILD ""
#undef inline
#define INLINE inline __attribute__((always_inline))
#define THREAD_LOCAL
#define PACKAGE_NAME "libjpeg-turbo"
#define VERSION "{version}"
#define SIZEOF_SIZE_T 4
#define HAVE_BUILTIN_CTZL
#define FALLTHROUGH __attribute__((fallthrough));
""",
}

QHULL_SOURCES = (
    "geom2_r geom_r global_r io_r libqhull_r mem_r merge_r poly2_r poly_r qset_r random_r rboxlib_r stat_r "
    "user_r usermem_r userprintf_r userprintf_rbox_r"
)
YAML_SOURCES = "api dumper emitter loader parser reader scanner writer"
ZLIB_SOURCES = "adler32 compress crc32 deflate infback inffast inflate inftrees trees uncompr zutil"


def compile_objects(
    context: Context,
    source: Path,
    files: Iterable[str],
    flags: Sequence[str],
    *,
    optimisation: str = "-O2",
) -> list[Path]:
    """Compile `files` (relative to `source`) for side modules; the object files, in the same order."""
    environment = toolchain_environment(context.dep("toolchain"))
    folder = context.work / "objects" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    prefix_map = (
        f"-ffile-prefix-map={context.work}=/build",
        f"-ffile-prefix-map={context.dep('toolchain')}=/toolchain",
    )

    def compile_one(name: str) -> Path:
        made = folder / (name.replace("/", "_") + ".o")
        compiler = "clang" if name.endswith(".c") else "clang++"
        context.run(
            f"{TARGET}-{compiler}",
            *COMPILE_FLAGS,
            *prefix_map,
            optimisation,
            *flags,
            *("-c", name, "-o", made),
            cwd=source,
            env=environment,
        )
        return made

    with ThreadPoolExecutor(context.jobs) as pool:
        return list(pool.map(compile_one, files))


def make_library(context: Context, name: str, objects: Sequence[Path]) -> None:
    """`lib/lib<name>.a` in the stage's prefix."""
    for folder in ("lib/pkgconfig", "include", "licences"):
        (context.out / folder).mkdir(parents=True, exist_ok=True)
    context.run("llvm-ar-22", "rcsD", context.out / "lib" / f"lib{name}.a", *objects)


def describe(context: Context, name: str, version: str, libraries: str, include: str = "") -> None:
    """A description for pkg-config that holds wherever the prefix is."""
    (context.out / f"lib/pkgconfig/{name}.pc").write_text(
        "prefix=${pcfiledir}/../..\n"
        f"Name: {name}\n"
        f"Description: {name}\n"
        f"Version: {version}\n"
        f"Cflags: -I${{prefix}}/include{include}\n"
        f"Libs: -L${{prefix}}/lib {libraries}\n"
    )


def sources(names: str, folder: str = "") -> list[str]:
    return [f"{folder}{name}.c" for name in names.split()]


def fill_in(template: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template


@stage(
    "text-layout",
    needs=["toolchain"],
    archives=["freetype", "harfbuzz", "sheenbidi", "raqm"],
    files=FILES,
)
def build_text_layout(context: Context) -> None:
    """FreeType, HarfBuzz, SheenBidi and Raqm; in one stage, as FreeType and HarfBuzz use each other."""
    freetype, harfbuzz = context.unpack("freetype"), context.unpack("harfbuzz")
    sheenbidi, raqm = context.unpack("sheenbidi"), context.unpack("raqm")
    include = context.out / "include"
    shutil.copytree(freetype / "include", include / "freetype2")
    (include / "harfbuzz").mkdir()
    for header in harfbuzz.glob("src/hb*.h"):
        shutil.copy(header, include / "harfbuzz")
    shutil.copytree(sheenbidi / "Headers/SheenBidi", include / "SheenBidi")
    shutil.copy(raqm / "src/raqm.h", include)
    version = context.archive("raqm").version
    parts = dict(zip(("MAJOR", "MINOR", "MICRO"), version.split("."), strict=True))
    values = {f"RAQM_VERSION_{name}": value for name, value in parts.items()} | {"RAQM_VERSION": version}
    template = (raqm / "src/raqm-version.h.in").read_text()
    (include / "raqm-version.h").write_text(fill_in(template, values))
    headers = (f"-I{include}", f"-I{include}/freetype2", f"-I{include}/harfbuzz")

    names = [
        f"src/{folder}/{'ft' if folder == 'base' else ''}{name}.c"
        for folder, members in FREETYPE_MODULES.items()
        for name in members.split()
    ]
    make_library(context, "freetype", compile_objects(context, freetype, names, [*FREETYPE_FLAGS, *headers]))
    flags = ["-std=c++17", "-DHAVE_FREETYPE", "-DHB_NO_MT", "-fno-exceptions", "-fno-rtti"]
    flags += ["-fno-threadsafe-statics", *headers]
    objects = compile_objects(context, harfbuzz, ["src/harfbuzz.cc"], flags, optimisation="-Os")
    make_library(context, "harfbuzz", objects)
    flags = ["-DSB_CONFIG_UNITY", "-IHeaders", "-ISource"]
    objects = compile_objects(context, sheenbidi, ["Source/SheenBidi.c"], flags)
    make_library(context, "sheenbidi", objects)
    flags = ["-DRAQM_SHEENBIDI", "-DRAQM_SHEENBIDI_GT_2_9", *headers]
    make_library(context, "raqm", compile_objects(context, raqm, ["src/raqm.c"], flags))

    # FreeType's descriptions name the version of its interface as libtool counts it.
    describe(context, "freetype2", "26.6.20", "-lfreetype -lharfbuzz", "/freetype2")
    describe(context, "raqm", version, "-lraqm -lharfbuzz -lsheenbidi -lfreetype")
    for library, licence in (
        (freetype, "docs/FTL.TXT"),
        (harfbuzz, "COPYING"),
        (sheenbidi, "LICENSE"),
        (raqm, "COPYING"),
    ):
        shutil.copy(library / licence, context.out / f"licences/{library.name}.txt")


@stage("qhull", needs=["toolchain"], archives=["qhull"], files=FILES)
def build_qhull(context: Context) -> None:
    source = context.unpack("qhull")
    objects = compile_objects(context, source, sources(QHULL_SOURCES, "src/libqhull_r/"), ["-Isrc"])
    make_library(context, "qhull_r", objects)
    (context.out / "include/libqhull_r").mkdir()
    for header in source.glob("src/libqhull_r/*.h"):
        shutil.copy(header, context.out / "include/libqhull_r")
    describe(context, "qhull_r", "8.0.2", "-lqhull_r")
    shutil.copy(source / "COPYING.txt", context.out / "licences/qhull.txt")


@stage("libjpeg", needs=["toolchain"], archives=["libjpeg-turbo"], files=FILES)
def build_libjpeg(context: Context) -> None:
    source = context.unpack("libjpeg-turbo")
    version = context.archive("libjpeg-turbo").version.removeprefix("1:").partition("-")[0]
    major, minor, patch = version.split(".")
    number = f"{int(major):d}{int(minor):03d}{int(patch):03d}"
    for name, template in JPEG_CONFIGURATION.items():
        (source / name).write_text(template.format(version=version, number=number))
    years = (source / "CMakeLists.txt").read_text().split("set(COPYRIGHT_YEAR")[1].split(")")[0]
    template = (source / "jversion.h.in").read_text()
    (source / "jversion.h").write_text(fill_in(template, {"COPYRIGHT_YEAR": years.strip().strip('"')}))
    make_library(context, "jpeg", compile_objects(context, source, sources(JPEG_SOURCES), ["-I."]))
    for header in ("jconfig.h", "jerror.h", "jmorecfg.h", "jpeglib.h"):
        shutil.copy(source / header, context.out / "include")
    texts = ((source / name).read_text() for name in ("LICENSE.md", "README.ijg"))
    (context.out / "licences/libjpeg-turbo.txt").write_text("\n\n".join(texts))


@stage("zlib-pic", needs=["toolchain"], archives=["zlib"], files=FILES)
def build_zlib(context: Context) -> None:
    """zlib once more: the core's own is not position-independent and not exported."""
    source = context.unpack("zlib")
    make_library(context, "z", compile_objects(context, source, sources(ZLIB_SOURCES), []))
    for header in ("zlib.h", "zconf.h"):
        shutil.copy(source / header, context.out / "include")
    shutil.copy(source / "LICENSE", context.out / "licences/zlib.txt")


@stage("libyaml", needs=["toolchain"], archives=["libyaml"], files=FILES)
def build_libyaml(context: Context) -> None:
    source = context.unpack("libyaml")
    version = context.archive("libyaml").version.partition("-")[0]
    parts = zip(("MAJOR", "MINOR", "PATCH"), version.split("."), strict=True)
    flags = ["-Iinclude", f'-DYAML_VERSION_STRING="{version}"', "-DYAML_DECLARE_STATIC"]
    flags += [f"-DYAML_VERSION_{name}={value}" for name, value in parts]
    make_library(context, "yaml", compile_objects(context, source, sources(YAML_SOURCES, "src/"), flags))
    shutil.copy(source / "include/yaml.h", context.out / "include")
    shutil.copy(source / "License", context.out / "licences/libyaml.txt")
