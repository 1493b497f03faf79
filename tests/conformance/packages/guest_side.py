"""Runs inside the guest: one file of a package's tests, with pytest.

Every event is appended to a journal file at once, so that it tells what happened even if the guest traps;
the lines are those of `tests.conformance.cpython.guest_side`. A test that upstream expects to fail, and does,
counts as skipped.
"""

from __future__ import annotations

import fnmatch
import importlib
import json
import os
import sys
import tempfile
from typing import Any

__all__ = ["prepare", "run"]

_DETAIL_CHARACTERS = 4000
_OPTIONS = (
    "-q",
    "--no-header",
    "--tb=short",
    "--capture=sys",  # the other way needs dup(), which WASI lacks
    "-pno:cacheprovider",
    "-pno:faulthandler",
)


class Journal:
    """Appends lines to a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def add(self, *fields: str) -> None:
        line = json.dumps([field[-_DETAIL_CHARACTERS:] for field in fields]) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode("ascii"))
        finally:
            os.close(descriptor)


class JournalPlugin:
    """Leaves the excluded tests out and writes each outcome to the journal."""

    def __init__(self, journal: Journal, file: str, excluded: list[str]) -> None:
        self._journal = journal
        self._file = file
        self._excluded = excluded
        self.collection_errors: list[str] = []
        self.collection_skips: list[str] = []

    def _id(self, nodeid: str) -> str:
        return f"{self._file}.{nodeid.partition('::')[2]}"

    def _is_excluded(self, nodeid: str) -> bool:
        test = nodeid.partition("::")[2]
        return any(
            test == pattern or ("*" in pattern and fnmatch.fnmatchcase(test, pattern))
            for pattern in self._excluded
        )

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if not self._is_excluded(item.nodeid)]

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.collection_errors.append(str(report.longrepr))
        elif report.skipped:
            self.collection_skips.append(_reason(report))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._journal.add("start", self._id(nodeid))

    def pytest_runtest_logreport(self, report: Any) -> None:
        test = self._id(report.nodeid)
        if report.failed:
            self._journal.add("end", test, "failed", str(report.longrepr))
        elif report.skipped:
            self._journal.add("end", test, "skipped", getattr(report, "wasxfail", "") or _reason(report))
        elif report.when == "call":
            self._journal.add("end", test, "passed", "")


def _reason(report: Any) -> str:
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)


def prepare(package: str, root: str) -> None:
    """Import the package, and let it find its tests, which are no part of the wheel, in `root`.

    Done once; contexts that run tests are forks.
    """
    importlib.import_module(package)
    for folder, _, _ in os.walk(os.path.join(root, package)):
        parts = os.path.relpath(folder, root).split(os.sep)
        if "tests" in parts or "__pycache__" in parts:
            continue
        importlib.import_module(".".join(parts)).__path__.append(folder)
    sys.path.append(root)
    for module in ("pytest", "hypothesis", "_pytest.assertion.rewrite", "_pytest.terminal", "unittest.mock"):
        importlib.import_module(module)


def run(root: str, file: str, journal_path: str, excluded: list[str], options: list[str]) -> None:
    """Run a file's tests but for the excluded ones."""
    import pytest

    journal = Journal(journal_path)
    plugin = JournalPlugin(journal, file, excluded)
    os.chdir(tempfile.mkdtemp())  # tests write into it: matplotlib's, the images that they compare
    try:
        code = pytest.main([*_OPTIONS, *options, f"--rootdir={root}", f"{root}/{file}"], plugins=[plugin])
    except pytest.skip.Exception as skipped:  # a conftest's importorskip
        journal.add("module", "skipped", str(skipped))
        return
    if plugin.collection_errors:
        journal.add("module", "failed", "\n".join(plugin.collection_errors))
    elif plugin.collection_skips:
        journal.add("module", "skipped", "; ".join(plugin.collection_skips))
    elif code == pytest.ExitCode.NO_TESTS_COLLECTED:
        journal.add("module", "skipped", "it has no tests")
    elif code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        journal.add("module", "done", "")
    else:
        journal.add("module", "failed", f"pytest ended with {code!r}")
