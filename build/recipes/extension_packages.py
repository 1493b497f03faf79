"""Packages with few extension modules, compiled directly: what setuptools would do, without setuptools."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from driver import wasm
from driver.registry import stage
from driver.stages import Context
from recipes.graphics_libraries import compile_objects, sources
from recipes.python_packages import FILES, LINK_FLAGS, NEEDS, make_wheel
from recipes.toolchain import TARGET, toolchain_environment

SHARED = (*FILES, "recipes/graphics_libraries.py")
SUFFIX = ".cpython-314-wasm32-wasi.so"
CXX = (
    "-fwasm-exceptions",
    # libc++ declares its templates visible. What a module makes of them it would then both define and import,
    # in case that another module has it too; the loader finds imports before the module is there.
    "-D_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS",
)

PILLOW_CORE = "_imaging decode encode map display outline path"
PILLOW_GUI = ("ImageGrab.py", "ImageQt.py", "ImageTk.py", "ImageWin.py", "_tkinter_finder.py")


@dataclass(frozen=True)
class Extension:
    """One module: what it is compiled from and linked with."""

    module: str
    """Dotted name."""
    sources: Sequence[str]
    flags: Sequence[str] = ()
    libraries: Mapping[str, str] | None = None
    """Stage of the library: the linker's options."""
    optimisation: str = "-O2"


def build_extension(context: Context, source: Path, tree: Path, extension: Extension) -> None:
    """Compile and link one module into `tree`, which is laid out as site-packages."""
    libraries = extension.libraries or {}
    includes = [f"-I{context.dep('cpython')}/include/python3.14"]
    includes += [f"-I{context.dep(library)}/include" for library in libraries]
    objects = compile_objects(
        context,
        source,
        extension.sources,
        [f"-ffile-prefix-map={context.dep('cpython')}=/cpython", *includes, *extension.flags],
        optimisation=extension.optimisation,
    )
    *packages, name = extension.module.split(".")
    output = tree.joinpath(*packages) / f"{name}{SUFFIX}"
    options = []
    for library, wanted in libraries.items():
        options += [f"-L{context.dep(library)}/lib", *wanted.split()]
    compiler = "clang" if all(file.endswith(".c") for file in extension.sources) else "clang++"
    context.run(
        f"{TARGET}-{compiler}",
        *("-shared", *LINK_FLAGS, *objects, *options, "-o", output),
        env=toolchain_environment(context.dep("toolchain")),
    )
    if f"PyInit_{name}" not in {entity.name for entity in wasm.exports(output.read_bytes())}:
        raise SystemExit(f"{output.name} does not export its PyInit function")


def build_package(
    context: Context,
    source: Path,
    packages: Sequence[str],
    extensions: Sequence[Extension],
    *,
    left_out: Sequence[str] = (),
) -> None:
    """The wheel of the folders `packages` of the sdist and their `extensions`."""
    tree = context.work / "tree"
    for package in packages:
        shutil.copytree(source / package, tree / Path(package).name)
    linked: dict[str, None] = {}
    for extension in extensions:
        build_extension(context, source, tree, extension)
        linked |= dict.fromkeys(extension.libraries or {})
    make_wheel(context, tree, source, left_out=("*.c", "*.h", *left_out), linked=list(linked))


@stage("markupsafe", needs=NEEDS, archives=["markupsafe"], files=SHARED)
def build_markupsafe(context: Context) -> None:
    module = Extension("markupsafe._speedups", ["src/markupsafe/_speedups.c"])
    build_package(context, context.unpack("markupsafe"), ["src/markupsafe"], [module])


@stage("regex", needs=NEEDS, archives=["regex"], files=[*SHARED, "patches/regex/*.patch"])
def build_regex(context: Context) -> None:
    module = Extension("regex._regex", ["src/_regex.c", "src/_regex_unicode.c"])
    source = context.unpack("regex")
    context.patch(source, "regex")
    build_package(context, source, ["regex"], [module])


@stage(
    "kiwisolver", needs=NEEDS, archives=["kiwisolver", "cppy"], files=[*SHARED, "patches/kiwisolver/*.patch"]
)
def build_kiwisolver(context: Context) -> None:
    source = context.unpack("kiwisolver")
    context.patch(source, "kiwisolver")
    cppy = context.unpack("cppy")
    module = Extension(
        "kiwisolver._cext",
        sorted(path.relative_to(source).as_posix() for path in source.glob("py/src/*.cpp")),
        [*CXX, "-std=c++17", "-I.", f"-I{cppy}/cppy/include"],
    )
    build_package(context, source, ["py/kiwisolver"], [module])


@stage("contourpy", needs=NEEDS, archives=["contourpy", "pybind11"], files=SHARED)
def build_contourpy(context: Context) -> None:
    source = context.unpack("contourpy")
    pybind11 = context.unpack("pybind11")
    version = context.archive("contourpy").version
    known = {
        "python_version": "3.14",
        "contourpy_version": version,
        "pybind11_version": context.archive("pybind11").version,
        "cross_build": "True",
        "host_cpu": "wasm32",
        "host_cpu_family": "wasm32",
        "host_cpu_endian": "little",
        "host_cpu_system": "wasi",
    }
    template = source / "lib/contourpy/util/_build_config.py.in"
    text = re.sub(r"@(\w+)@", lambda match: known.get(match[1], ""), template.read_text())
    template.with_suffix("").write_text(text)
    files = sorted(path.relative_to(source).as_posix() for path in source.glob("src/*.cpp"))
    # pybind11 makes its exceptions visible where libc++ is: a module would then import what it has itself.
    visibility = "-DPYBIND11_EXPORT_EXCEPTION="
    flags = [*CXX, "-std=c++17", visibility, f"-DCONTOURPY_VERSION={version}", f"-I{pybind11}/include"]
    module = Extension("contourpy._contourpy", files, flags)
    build_package(context, source, ["lib/contourpy"], [module], left_out=("*.in", "meson.build"))


@stage("pyyaml", needs=(*NEEDS, "libyaml"), archives=["pyyaml", "cython"], files=SHARED)
def build_pyyaml(context: Context) -> None:
    source = context.unpack("pyyaml")
    cython = context.unpack("cython")
    python = context.dep("build-python") / "bin/python3.14"
    context.run(python, cython / "cython.py", "yaml/_yaml.pyx", cwd=source)
    module = Extension(
        "yaml._yaml",
        ["yaml/_yaml.c"],
        ["-Iyaml", "-DYAML_DECLARE_STATIC"],
        {"libyaml": "-lyaml"},
    )
    build_package(context, source, ["lib/yaml", "lib/_yaml"], [module])


@stage(
    "pillow",
    needs=(*NEEDS, "zlib-pic", "libjpeg", "text-layout"),
    archives=["pillow"],
    files=[*SHARED, "patches/pillow/*.patch"],
)
def build_pillow(context: Context) -> None:
    """With zlib, JPEG, FreeType and Raqm; not with TIFF's compressions, WebP, AVIF, JPEG 2000, lcms."""
    source = context.unpack("pillow")
    context.patch(source, "pillow")
    version = context.archive("pillow").version
    imaging = sorted(path.name for path in source.glob("src/libImaging/*.c"))
    text = context.dep("text-layout") / "include"
    modules = [
        Extension(
            "PIL._imaging",
            [*sources(PILLOW_CORE, "src/"), *(f"src/libImaging/{name}" for name in imaging)],
            ["-DHAVE_LIBJPEG", "-DHAVE_LIBZ", f'-DPILLOW_VERSION="{version}"'],
            {"libjpeg": "-ljpeg", "zlib-pic": "-lz"},
        ),
        Extension(
            "PIL._imagingft",
            ["src/_imagingft.c", "src/libImaging/Mode.c"],
            ["-DHAVE_RAQM", "-DHAVE_RAQM_SYSTEM", f"-I{text}/freetype2", f"-I{text}/harfbuzz"],
            {"text-layout": "-lraqm -lharfbuzz -lsheenbidi -lfreetype"},
        ),
        Extension("PIL._imagingmath", ["src/_imagingmath.c", "src/libImaging/Mode.c"]),
        Extension("PIL._imagingmorph", ["src/_imagingmorph.c", "src/libImaging/Mode.c"]),
    ]
    build_package(context, source, ["src/PIL"], modules, left_out=PILLOW_GUI)
