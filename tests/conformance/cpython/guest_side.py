"""Runs inside the guest: one module of CPython's suite, as `test.libregrtest` would run it.

Every event is appended to a journal file at once, so that it tells what happened even if the guest traps.
Each line is a JSON array:

- ``["start", id]``: a test begins
- ``["end", id, "passed" | "failed" | "skipped", detail]``: it ended; a test that fails in several ways has
  several such lines, a failing one counts
- ``["module", "skipped" | "failed" | "done", detail]``: the module as a whole
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
import importlib.util  # regrtest imports it, some modules count on that
import json
import os
import random
import sys
import traceback
import unittest
from typing import Any

__all__ = ["run"]

_DETAIL_CHARACTERS = 4000

_NOT_TRUE_HERE = frozenset(
    {
        "Cannot create invalid FD on WASI.",
        "Incompatible with WASI mapdir and OOT builds",
        "No dynamic linking on WASI",
        "WASI does not have /dev/null.",
        "WASI has limited C stack",
        "WASI has no /dev/null",
        "WASI resolution of '..' parts doesn't match POSIX",
        "WASI: Skip symlink test for now",
        "_sysconfig-vars JSON file currently isn't available on WASI",
        "exhausts limited stack on WASI",
        "tempdir is not encodable on WASI",
    }
)
"""Reasons for skipping that hold for CPython's command-line build in wasmtime and not for this guest."""


class Journal:
    """Appends lines to a file. Holds no descriptor and uses no function that a test could have replaced."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open, self._write, self._close = os.open, os.write, os.close
        self._flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._encode = json.JSONEncoder().encode

    def add(self, *fields: str) -> None:
        line = self._encode([field[-_DETAIL_CHARACTERS:] for field in fields]) + "\n"
        descriptor = self._open(self._path, self._flags, 0o600)
        try:
            self._write(descriptor, line.encode("ascii"))
        finally:
            self._close(descriptor)


class JournalResult(unittest.TestResult):
    """Writes each outcome to the journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal
        self._failed = False

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._failed = False
        self._journal.add("start", test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        # A test whose subtests all passed, or were skipped one by one, has had no call of its own.
        if not self._failed:
            self._journal.add("end", test.id(), "passed", "")

    def _fail(self, test: Any, detail: str) -> None:
        self._failed = True
        self._journal.add("end", test.id(), "failed", detail)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._fail(test, self.errors[-1][1])

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._fail(test, self.failures[-1][1])

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            broken = self.failures if issubclass(err[0], test.failureException) else self.errors
            self._fail(test, f"{subtest}\n{broken[-1][1]}")

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self._fail(test, "unexpected success")

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self._journal.add("end", test.id(), "skipped", reason)


def _without(suite: Any, module: str, excluded: list[str]) -> list[Any]:
    """The tests of a suite but for the excluded ones, whose ids are relative to the module."""
    kept: list[Any] = []
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            test._tests = _without(test, module, excluded)
        elif any(fnmatch.fnmatchcase(test.id().removeprefix(f"{module}."), pattern) for pattern in excluded):
            continue
        kept.append(test)
    return kept


class _NoInterpreters:
    """In place of an executor that the suite expects to find, and the guest hasn't."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise unittest.SkipTest("no subinterpreters")


def _prepare(capabilities: list[str]) -> None:
    """Settings of regrtest, and what `test.support` would otherwise take for granted of WASI.

    It is set before the module is imported, which is when decorators read it.
    """
    from test import support
    from test.support import os_helper, threading_helper

    support.use_resources = {}
    support.verbose = 0
    support.TEST_MODULES_ENABLED = True  # they are no part of the guest, but of the suite
    sys.dont_write_bytecode = False  # what regrtest finds
    support.record_original_stdout(sys.stdout)
    random.seed(20)
    sys.modules["__main__"].__file__ = __file__  # regrtest is a script
    support.skip_wasi_stack_overflow = lambda: lambda test: test
    os_helper._can_symlink = True
    threading_helper.can_start_thread = True
    _believe_less()
    if "sockets" in capabilities:
        support.has_socket_support = True
    if "processes" in capabilities:
        support.has_subprocess_support = True
    if "interpreters" in capabilities:
        import concurrent.futures

        concurrent.futures.InterpreterPoolExecutor = _NoInterpreters  # type: ignore[attr-defined,misc]
    if "no-ctypes" in capabilities:
        sys.modules["ctypes"] = None  # type: ignore[assignment]


def _believe_less() -> None:
    """Let `unittest.skip` and `skipIf` ignore the reasons that are not true here."""
    skip, skip_if = unittest.skip, unittest.skipIf

    @functools.wraps(skip)
    def skip_for_cause(reason: Any) -> Any:
        truthful = not isinstance(reason, str) or reason not in _NOT_TRUE_HERE
        return skip(reason) if truthful else lambda test: test

    @functools.wraps(skip_if)
    def skip_if_for_cause(condition: object, reason: str) -> Any:
        return skip_if(condition and reason not in _NOT_TRUE_HERE, reason)

    unittest.skip = skip_for_cause
    unittest.skipIf = skip_if_for_cause


def run(module: str, journal_path: str, excluded: list[str], capabilities: list[str]) -> None:
    """Run the tests of a module but for the excluded ones."""
    journal = Journal(journal_path)
    try:
        _prepare(capabilities)
        loaded = importlib.import_module(module)
        loader = unittest.TestLoader()
        suite = loader.loadTestsFromModule(loaded)
        if loader.errors:
            journal.add("module", "failed", "\n".join(loader.errors))
            return
        suite._tests = _without(suite, module, excluded)
        suite.run(JournalResult(journal))
    except unittest.SkipTest as reason:
        journal.add("module", "skipped", str(reason))
    except BaseException:
        journal.add("module", "failed", traceback.format_exc())
        raise
    else:
        journal.add("module", "done", "")
