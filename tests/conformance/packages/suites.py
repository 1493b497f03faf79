"""The suites: one entry a package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GUEST_TESTS", "GUEST_TOOLS", "SUITES", "Suite", "find_files", "tests_folder"]

GUEST_TESTS = "/opt/package-tests"
"""Where the folder with the package's tests is in the guest."""

GUEST_TOOLS = "/opt/test-tools"
"""Where pytest and hypothesis are in the guest."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A package's tests, which the build's stage of the same name keeps in ``tests/``."""

    name: str
    folders: tuple[str, ...] = ()
    """Run what is below these folders; empty for all."""
    options: tuple[str, ...] = ()
    """For pytest."""


SUITES = {suite.name: suite for suite in (Suite("numpy"), Suite("pandas"))}


def tests_folder(name: str) -> Path:
    """Where the build put a package's tests: in the newest output of its stage."""
    cache = Path(os.environ.get("PYWASM_BUILD_CACHE", "~/.cache/pywasm-build")).expanduser()
    done = sorted((cache / "stages" / name).glob("*/.done"), key=lambda path: path.stat().st_mtime)
    folders = [path.parent / "tests" for path in done if (path.parent / "tests").is_dir()]
    if not folders:
        raise SystemExit(f"there are no tests of {name}; make them with: python build/build.py {name}")
    return folders[-1]


def find_files(suite: Suite, root: Path) -> list[str]:
    """The suite's files with tests, as paths below ``root``, sorted."""
    found = [path.relative_to(root).as_posix() for path in root.rglob("test_*.py")]
    wanted = suite.folders or (suite.name,)
    return sorted(path for path in found if path.startswith(tuple(f"{folder}/" for folder in wanted)))
