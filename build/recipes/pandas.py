"""pandas."""

from __future__ import annotations

import shutil
from pathlib import Path

from driver.registry import stage
from driver.stages import Context
from recipes.extension_objects import keep_objects
from recipes.numpy import MESON
from recipes.python_packages import FILES, NEEDS, CrossPython, make_wheel, meson_install

PATCHED = (*FILES, "recipes/extension_objects.py", "patches/pandas/*.patch")


@stage("pandas", needs=(*NEEDS, "numpy"), archives=["pandas", "cython"], files=PATCHED)
def build_pandas(context: Context) -> None:
    """The wheel; in `tests/` the package's tests, in `objects/` what its extensions are linked from."""
    source = context.unpack("pandas")
    context.patch(source, "pandas")
    # generate_version.py imports it before it finds the version in the sdist.
    (source / "versioneer.py").write_text("")
    numpy = context.dep("numpy")
    python = CrossPython(context, [context.work / "cython", numpy / "python"])
    installed = meson_install(
        context,
        numpy / MESON,
        source,
        smaller(python.cross_file({}, pkg_config=[])),
        {},
        {"runtime": ""},
    )
    keep_objects(context, context.work / "build", context.out / "objects")
    tests = context.out / "tests/pandas"
    shutil.copytree(installed["runtime"] / "pandas/tests", tests / "tests")
    shutil.copy(installed["runtime"] / "pandas/conftest.py", tests)
    make_wheel(context, installed["runtime"], source)


def smaller(cross_file: Path) -> Path:
    """Compile at -O2: of what Cython generates -O3 makes much more code, and not faster one."""
    cross_file.write_text(cross_file.read_text().replace("'-O3'", "'-O2'"))
    return cross_file
