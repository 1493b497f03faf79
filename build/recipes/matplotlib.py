"""matplotlib without windows."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.extension_packages import CXX
from recipes.python_packages import FILES, NEEDS, CrossPython, make_wheel, meson_install

MESON = "meson.py"
SHARED = (*FILES, "recipes/extension_packages.py")
PATCHED = (*SHARED, "patches/matplotlib/*.patch", "data/fontlist-*.json")
LIBRARIES = ("text-layout", "qhull")
OPTIONS = {
    "system-freetype": "true",
    "system-libraqm": "true",
    "system-qhull": "true",
    "b_lto": "false",
    "optimization": "plain",
}
WINDOWS = (
    # Backends that open windows or serve them to a browser, and the pictures on their buttons.
    "_backend_gtk.py",
    "_backend_tk.py",
    "_macosx*",
    "_tkagg*",
    "backend_cairo.py",
    "backend_gtk*",
    "backend_macosx.py",
    "backend_nbagg.py",
    "backend_qt*",
    "backend_tk*",
    "backend_webagg*",
    "backend_wx*",
    "qt_compat.py",
    "qt_editor",
    "web_backend",
    "images",
    # What the gallery's examples read.
    "sample_data",
)


def pybind11(context: Context) -> Path:
    """A prefix whose description tells pkg-config where pybind11's headers are."""
    source = context.unpack("pybind11")
    prefix = context.work / "pybind11-prefix"
    (prefix / "lib/pkgconfig").mkdir(parents=True)
    (prefix / "lib/pkgconfig/pybind11.pc").write_text(
        "Name: pybind11\n"
        "Description: pybind11\n"
        f"Version: {context.archive('pybind11').version}\n"
        f"Cflags: -I{source}/include\n"
    )
    return prefix


def describe_target(context: Context, properties: Mapping[str, str], prefixes: Sequence[Path]) -> Path:
    """The cross file, with what else C++ is compiled with."""
    path = CrossPython(context).cross_file(properties, pkg_config=[pybind11(context), *prefixes])
    path.write_text(path.read_text().replace("common + ['-fwasm-exceptions']", f"common + {list(CXX)!r}"))
    return path


@stage(
    "matplotlib",
    needs=(*NEEDS, *LIBRARIES),
    archives=["matplotlib", "pybind11", "meson", "cython"],
    files=PATCHED,
)
def build_matplotlib(context: Context) -> None:
    """With the list of its fonts, which matplotlib would otherwise make at its first import."""
    source = context.unpack("matplotlib")
    context.patch(source, "matplotlib")
    libraries = [context.dep(library) for library in LIBRARIES]
    cross_file = describe_target(context, {"devnull": "'/dev/null'"}, libraries)
    meson = context.unpack("meson") / MESON
    installed = meson_install(context, meson, source, cross_file, OPTIONS, {"runtime": ""})
    tree = installed["runtime"]
    for path in context.recipes.glob("data/fontlist-*.json"):
        shutil.copy(path, tree / "matplotlib/mpl-data")
    shutil.copytree(source / "LICENSE", source / "LICENSES")
    shutil.copy(source / "extern/agg24-svn/src/copying", source / "LICENSES/LICENSE_AGG")
    make_wheel(context, tree, source, left_out=WINDOWS, linked=LIBRARIES)
