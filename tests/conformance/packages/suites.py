"""The suites: one entry a package."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GUEST_TESTS", "GUEST_TOOLS", "SUITES", "Suite", "built", "copy_as_package", "find_files"]

GUEST_TESTS = "/opt/package-tests"
"""Where the folder with the package's tests is in the guest."""

GUEST_TOOLS = "/opt/test-tools"
"""Where hypothesis is in the guest; pytest is a bundled package."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A package's tests, which a stage of the build keeps in ``tests/``."""

    name: str
    """What is imported, and the folder of the tests."""
    stage: str = ""
    """The stage of the build; that of the same name if empty."""
    folders: tuple[str, ...] = ()
    """Run what is below these folders; empty for all."""
    options: tuple[str, ...] = ()
    """For pytest."""
    loopback: bool = False
    """Tests may listen on ports of the loopback interface and connect to them."""
    note: str = ""
    """What a reader of the results has to know of how the tests were run."""


SUITES = {
    suite.name: suite
    for suite in (
        Suite("numpy", stage="numpy-tests"),
        Suite("pandas", options=("--no-strict-data-files",)),
        Suite(
            "scipy",
            options=("-m", "not slow"),
            note="Without the tests that scipy marks as slow, as `scipy.test()` runs it.",
        ),
        Suite(
            "sklearn",
            stage="scikit-learn",
            loopback=True,
            note="The sandbox has a network policy that allows ports of the loopback interface.",
        ),
        Suite(
            "matplotlib",
            stage="matplotlib-tests",
            note="PNG images are compared with upstream's, at upstream's tolerances: each test's own "
            "(mostly 0), and the 0.06 RMS that matplotlib adds on 32-bit platforms.",
        ),
    )
}


def built(stage: str, folder: str) -> Path:
    """A folder of the newest output of a stage of the build."""
    cache = Path(os.environ.get("PYWASM_BUILD_CACHE", "~/.cache/pywasm-build")).expanduser()
    done = sorted((cache / "stages" / stage).glob("*/.done"), key=lambda path: path.stat().st_mtime)
    folders = [path.parent / folder for path in done if (path.parent / folder).is_dir()]
    if not folders:
        raise SystemExit(f"there is no {folder} of {stage}; make it with: python build/build.py {stage}")
    return folders[-1]


def copy_as_package(source: Path, destination: Path) -> None:
    """Copy a folder of tests; folders above those named ``tests`` become packages, as they are in the wheel.

    pytest names a module after the packages that it lies in.
    """
    shutil.copytree(source, destination)
    for folder, _, _ in os.walk(destination):
        path = Path(folder)
        if path != destination and "tests" not in path.relative_to(destination).parts:
            (path / "__init__.py").touch()


def find_files(suite: Suite, root: Path) -> list[str]:
    """The suite's files with tests, as paths below ``root``, sorted."""
    found = [path.relative_to(root).as_posix() for path in root.rglob("test_*.py")]
    wanted = suite.folders or (suite.name,)
    return sorted(path for path in found if path.startswith(tuple(f"{folder}/" for folder in wanted)))
