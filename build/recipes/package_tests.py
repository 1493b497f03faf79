"""What the bundled packages' own tests import besides the bundled packages, for tests/conformance/packages.

The tests themselves are kept by the packages' stages; matplotlib's, which are large, by one of their own.
"""

from __future__ import annotations

import shutil

from driver.registry import stage
from driver.stages import Context

GUEST_FOLDER = "/opt/test-tools"
TOOLS = {
    # archive: what of the sdist goes onto the path
    "attrs": ("src/attr", "src/attrs"),
    "hypothesis": (
        "src/_hypothesis_ftz_detector.py",
        "src/_hypothesis_globals.py",
        "src/_hypothesis_pytestplugin.py",
        "src/hypothesis",
    ),
    "sortedcontainers": ("src/sortedcontainers", "sortedcontainers"),
}


@stage("package-test-tools", needs=["build-python"], archives=TOOLS)
def build_tools(context: Context) -> None:
    """hypothesis and what it needs, with byte code."""
    tools = context.out / "tools"
    tools.mkdir()
    for archive, members in TOOLS.items():
        source = context.unpack(archive)
        for path in (source / member for member in members):
            if path.is_dir():
                shutil.copytree(path, tools / path.name)
            elif path.is_file():
                shutil.copy(path, tools)
    context.run(
        context.dep("build-python") / "bin/python3.14",
        *("-S", "-E", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"),
        *("-s", tools, "-p", GUEST_FOLDER, tools),
    )


@stage("matplotlib-tests", archives=["matplotlib"])
def collect_matplotlib_tests(context: Context) -> None:
    """matplotlib's tests with their images, of the PNG kind: other formats are compared by programs."""
    library = context.unpack("matplotlib") / "lib"
    left_out = shutil.ignore_patterns("*.svg", "*.pdf", "*.eps", "*.pgf", "meson.build")
    shutil.copytree(library / "matplotlib/tests", context.out / "tests/matplotlib/tests", ignore=left_out)
    fixtures = context.out / "tests/matplotlib/testing"
    fixtures.mkdir()
    shutil.copy(library / "matplotlib/testing/conftest.py", fixtures)
