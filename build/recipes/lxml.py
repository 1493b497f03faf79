"""lxml with libxml2, libxslt and libexslt as Debian patches them: one side module for both extensions."""

from __future__ import annotations

import shutil
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from driver.wasm_objects import library_of
from recipes.extension_packages import SHARED, SUFFIX
from recipes.graphics_libraries import FILES, compile_objects, fill_in, make_library, sources
from recipes.python_packages import LINK_FLAGS, NEEDS, make_wheel
from recipes.toolchain import TARGET, toolchain_environment

XML_SOURCES = (
    "HTMLparser HTMLtree SAX SAX2 buf c14n catalog chvalid dict encoding entities error globals hash list "
    "parser parserInternals pattern relaxng schematron threads tree uri valid xinclude xlink xmlIO xmlmemory "
    "xmlreader xmlregexp xmlsave xmlschemas xmlschemastypes xmlstring xmlunicode xmlwriter xpath xpointer"
)
XML_FEATURES = (
    "C14N CATALOG HTML ICONV ISO8859X OUTPUT PATTERN PUSH READER REGEXPS SAX1 SCHEMAS SCHEMATRON TREE VALID "
    "WRITER XINCLUDE XPATH XPTR"
)
"""What is on; files are read by the guest's own functions, the network by nothing."""
XSLT_SOURCES = (
    "attributes attrvt documents extensions extra functions imports keys namespaces numbers pattern preproc "
    "security templates transform variables xslt xsltlocale xsltutils"
)
EXSLT_SOURCES = "common crypto date dynamic exslt functions math saxon sets strings"
XML_HEADERS = (
    "ctype errno fcntl float inttypes limits malloc math stdarg stdint stdlib string strings time unistd"
)
XML_CONFIGURATION = (
    "FPRINTF GETTIMEOFDAY ISASCII LOCALTIME PRINTF PUTENV RAND RAND_R SNPRINTF SPRINTF SRAND SSCANF STAT "
    "STRFTIME SYS_STAT_H SYS_TIME_H SYS_TYPES_H TIME VA_COPY VFPRINTF VSNPRINTF VSPRINTF "
    "CLOCK_GETTIME GMTIME GMTIME_R LOCALTIME_R LOCALE_H"
)
LIBRARY = "_extensions.so"
LEFT_OUT = ("*.c", "*.h", "*.pxi")


def configuration(**more: str) -> str:
    """A `config.h` for both libraries."""
    names = [*(f"{name.upper()}_H" for name in XML_HEADERS.split()), *XML_CONFIGURATION.split()]
    lines = [f"#define HAVE_{name} 1" for name in names]
    return "\n".join([*lines, *(f"#define {name} {value}" for name, value in more.items()), ""])


def number_of(version: str) -> str:
    """Of 2.9.14, 20914."""
    major, minor, patch = version.split(".")
    return f"{int(major):d}{int(minor):02d}{int(patch):02d}"


def patched(context: Context, name: str) -> Path:
    """The library's sources with the patches of its Debian package, which close its known holes."""
    source = context.unpack(name)
    patches = context.unpack(f"{name}-debian") / "patches"
    for line in (patches / "series").read_text().split("\n"):
        if line and not line.startswith("#"):
            context.run("patch", "-p1", "--forward", "-i", patches / line.strip(), cwd=source)
    return source


@stage(
    "libxml",
    needs=["toolchain"],
    archives=["libxml2", "libxml2-debian", "libxslt", "libxslt-debian"],
    files=FILES,
)
def build_libxml(context: Context) -> None:
    """libxml2, libxslt and libexslt in one archive."""
    xml, xslt = patched(context, "libxml2"), patched(context, "libxslt")
    version = context.archive("libxml2").version.partition("+")[0]
    template = (xml / "include/libxml/xmlversion.h.in").read_text()
    features = XML_FEATURES.split()
    wanted = {part.partition("@")[0]: "0" for part in template.split("@WITH_")[1:]}
    assert set(features) <= set(wanted), set(features) - set(wanted)
    values = {f"WITH_{name}": value for name, value in (wanted | dict.fromkeys(features, "1")).items()}
    values |= {"VERSION": version, "LIBXML_VERSION_NUMBER": number_of(version), "LIBXML_VERSION_EXTRA": ""}
    values["MODULE_EXTENSION"] = ".so"
    (xml / "include/libxml/xmlversion.h").write_text(fill_in(template, values))
    (xml / "config.h").write_text(configuration(ICONV_CONST=""))
    flags = ["-I.", "-Iinclude", '-DSYSCONFDIR="/etc"']
    objects = compile_objects(context, xml, sources(XML_SOURCES), flags, optimisation="-Os")

    version = context.archive("libxslt").version.partition("-")[0]
    values = {"VERSION": version, "LIBXSLT_VERSION_NUMBER": number_of(version), "LIBXSLT_VERSION_EXTRA": ""}
    off = ("TRIO", "MODULES", "DEBUGGER", "MEM_DEBUG", "CRYPTO")
    values |= {f"WITH_{name}": "0" for name in off} | {"WITH_XSLT_DEBUG": "0", "WITH_PROFILER": "1"}
    values["LIBXSLT_DEFAULT_PLUGINS_PATH"] = ""
    text = (xslt / "configure.ac").read_text()
    major, minor, patch = (
        text.split(f"LIBEXSLT_{part}_VERSION=")[1].split("\n")[0].strip()
        for part in ("MAJOR", "MINOR", "MICRO")
    )
    number = f"{int(major) * 10000 + int(minor) * 100 + int(patch)}"
    values |= {
        "LIBEXSLT_VERSION": f"{major}.{minor}.{patch}",
        "LIBEXSLT_VERSION_NUMBER": number,
        "LIBEXSLT_VERSION_EXTRA": "",
    }
    for name in ("libxslt/xsltconfig.h", "libexslt/exsltconfig.h"):
        (xslt / name).write_text(fill_in((xslt / f"{name}.in").read_text(), values))
    (xslt / "config.h").write_text(configuration(PACKAGE='"libxslt"', VERSION=f'"{version}"'))
    flags = ["-I.", f"-I{xml / 'include'}"]
    names = [*sources(XSLT_SOURCES, "libxslt/"), *sources(EXSLT_SOURCES, "libexslt/")]
    objects += compile_objects(context, xslt, names, flags, optimisation="-Os")
    make_library(context, "xml", objects)
    shutil.copytree(xml / "include/libxml", context.out / "include/libxml")
    for folder in ("libxslt", "libexslt"):
        (context.out / "include" / folder).mkdir()
        for header in (xslt / folder).glob("*.h"):
            shutil.copy(header, context.out / "include" / folder)
    for source in (xml, xslt):
        shutil.copy(source / "Copyright", context.out / f"licences/{source.name}.txt")


@stage("lxml", needs=(*NEEDS, "libxml"), archives=["lxml"], files=(*SHARED, "driver/wasm_objects.py"))
def build_lxml(context: Context) -> None:
    """The wheel. What lxml can compile to be faster, but also has in Python, stays Python."""
    source = context.unpack("lxml")
    library = context.dep("libxml")
    tree = context.work / "tree"
    shutil.copytree(source / "src/lxml", tree / "lxml")
    flags = [
        f"-ffile-prefix-map={context.dep('cpython')}=/cpython",
        f"-I{context.dep('cpython')}/include/python3.14",
        f"-I{library}/include",
        *("-I.", "-Ilxml/includes"),
    ]
    modules = ("etree", "objectify")
    files = [f"lxml/{name}.c" for name in modules]
    objects = compile_objects(context, source / "src", files, flags, optimisation="-Os")
    context.run(
        f"{TARGET}-clang",
        *("-shared", *LINK_FLAGS, *objects, library / "lib/libxml.a", "-o", tree / "lxml" / LIBRARY),
        env=toolchain_environment(context.dep("toolchain")),
    )
    for name in modules:
        (tree / "lxml" / f"{name}{SUFFIX}").write_bytes(library_of(LIBRARY, "$ORIGIN"))
    make_wheel(context, tree, source, left_out=LEFT_OUT, linked=["libxml"])
