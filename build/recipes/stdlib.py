"""`python-stdlib.zip`: the standard library as sources and byte code, ready to be mounted."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from driver.registry import stage
from driver.stages import Context

MOUNT_POINT = "/usr/lib/python3.14"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
CACHE_TAG = "cpython-314"

# Not shipped: they cannot work here (no display, no package index, no native libraries) or are tests.
LEFT_OUT = (
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "turtle.py",
    "ensurepip",
    "curses",
    "ctypes",
)


def write_zip(source: Path, destination: Path) -> None:
    """Zip a tree: sorted entries, fixed times; byte code is stored, everything else deflated."""
    with zipfile.ZipFile(destination, "w") as archive:
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source).as_posix()
            if path.is_dir():
                info = zipfile.ZipInfo(name + "/", ZIP_TIME)
                info.external_attr = 0o40755 << 16 | 0x10
                archive.writestr(info, b"")
                continue
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.external_attr = 0o100644 << 16
            info.create_system = 3
            stored = path.suffix == ".pyc"
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes(), compresslevel=None if stored else 9)


def without_build_paths(text: str) -> str:
    """Replace this machine's paths of works and outputs by `/build/…`."""
    text = re.sub(r"/[^\s'\":=]*/work/[^/\s'\"]+", "/build", text)
    return re.sub(r"/[^\s'\":=]*/stages/([^/\s'\"]+)/[0-9a-f]{16}", r"/build/\1", text)


def compile_tree(context: Context, tree: Path) -> None:
    """Byte-compile in one process, in sorted order: marshal's output depends on what was interned before."""
    context.run(
        context.dep("build-python") / "bin/python3.14",
        "-S",
        "-E",
        "-m",
        "compileall",
        "-q",
        "-j",
        "1",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        tree,
        "-p",
        MOUNT_POINT,
        tree,
        env={"PYTHONHASHSEED": "0"},
    )


def add_time_zones(context: Context, tree: Path) -> None:
    """The package tzdata, which zoneinfo falls back to where the system has no time zones.

    Not in site-packages: hosts mount the bundled packages there.
    """
    source = context.unpack("tzdata")
    shutil.copytree(source / "src/tzdata", tree / "tzdata")
    licences = context.out / "licences"
    licences.mkdir()
    texts = [source / name for name in ("LICENSE", "licenses/LICENSE_APACHE")]
    (licences / "tzdata.txt").write_text("\n".join(path.read_text() for path in texts))


@stage("stdlib", needs=["cpython", "build-python"], archives=["tzdata"], files=["shims/**/*.py"])
def build_stdlib(context: Context) -> None:
    cpython = context.dep("cpython")
    tree = context.work / "tree"
    shutil.copytree(
        cpython / "Lib",
        tree,
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "test", "tests", "idle_test"),
    )
    for name in LEFT_OUT:
        path = tree / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    shutil.copytree(
        context.recipes / "shims", tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    for pattern in ("_sysconfigdata_*.py", "_sysconfig_vars_*.json", "build-details.json"):
        for path in sorted(cpython.glob(pattern)):
            (tree / path.name).write_text(without_build_paths(path.read_text()))
    shutil.copy(cpython / "licences/cpython.txt", tree / "LICENSE.txt")
    add_time_zones(context, tree)
    compile_tree(context, tree)
    write_zip(tree, context.out / "python-stdlib.zip")
