"""The logic of the runner of CPython's test suite: journals, expectations, counts, the table."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cpython.catalog import capabilities, find_modules, unpack
from tests.conformance.cpython.expectations import WHOLE_MODULE, Expectations, relative_id
from tests.conformance.cpython.journal import ModuleResult, Outcome, read_journal
from tests.conformance.cpython.report import as_markdown, count

FOLDER = Path(__file__).parent
MODULE = "test.test_x"


def journal(*lines: list[str]) -> list[str]:
    return [json.dumps(line) for line in lines]


def expectations(toml: str) -> Expectations:
    import tomllib

    return Expectations.parse(tomllib.loads(textwrap.dedent(toml)))


def result(
    passed: tuple[str, ...] = (), failed: tuple[str, ...] = (), outcome: Outcome = Outcome.RAN
) -> ModuleResult:
    return ModuleResult(
        MODULE,
        outcome,
        passed=[f"{MODULE}.{test}" for test in passed],
        failed={f"{MODULE}.{test}": "Traceback\nValueError: no" for test in failed},
    )


# ---- journals ----------------------------------------------------------------------------------------


def test_a_journal_is_counted() -> None:
    read = read_journal(
        MODULE,
        journal(
            ["start", "a"],
            ["end", "a", "passed", ""],
            ["start", "b"],
            ["end", "b", "failed", "one"],
            ["end", "b", "failed", "two"],
            ["start", "c"],
            ["end", "c", "skipped", "no disk"],
            ["end", "c", "passed", ""],
            ["module", "done", ""],
        ),
    )
    assert (read.outcome, read.passed, read.failed, read.skipped) == (
        Outcome.RAN,
        ["a"],
        {"b": "one\ntwo"},
        {"c": "no disk"},
    )
    assert read.failures == read.failed


def test_a_test_that_skips_a_part_and_fails_in_another_failed() -> None:
    lines = journal(["end", "a", "skipped", "x"], ["end", "a", "failed", "y"], ["module", "done", ""])
    read = read_journal(MODULE, lines)
    assert (read.failed, read.skipped, read.passed) == ({"a": "y"}, {}, [])


@pytest.mark.parametrize(
    ("state", "outcome", "fails"),
    [("skipped", Outcome.SKIPPED, False), ("failed", Outcome.BROKEN, True), ("done", Outcome.RAN, False)],
)
def test_the_modules_own_outcome(state: str, outcome: Outcome, fails: bool) -> None:
    read = read_journal(MODULE, journal(["module", state, "why"]))
    assert (read.outcome, read.detail, MODULE in read.failures) == (outcome, "why", fails)


def test_a_journal_without_an_end_is_broken() -> None:
    assert read_journal(MODULE, []).outcome is Outcome.BROKEN


def test_a_lost_guest_names_the_test_it_was_in() -> None:
    lines = journal(["start", "a"], ["end", "a", "passed", ""], ["start", "b"])
    read = read_journal(MODULE, lines, (Outcome.CRASHED, "unreachable"))
    assert (read.outcome, read.passed, read.last_started) == (Outcome.CRASHED, ["a"], "b")
    assert read.failures == {MODULE: "crashed: b\nunreachable"}


def test_a_line_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"test\.test_x has a line"):
        read_journal(MODULE, journal(["what"]))


# ---- expectations ------------------------------------------------------------------------------------


EXPECTED = """
    [[group]]
    name = "one"
    reason = "It is so."
    modules = ["test.test_none"]
    [group.skip]
    "test.test_x" = ["A.test_hangs"]
    [group.fail]
    "test.test_x" = ["A.test_fails", "B.*"]
    """


def test_results_as_expected_match() -> None:
    comparison = expectations(EXPECTED).compare([result(("A.test_ok",), ("A.test_fails", "B.test_1"))])
    assert comparison.matches


def test_an_unexpected_failure_is_reported() -> None:
    comparison = expectations(EXPECTED).compare([result((), ("A.test_fails", "B.test_1", "C.test_new"))])
    assert not comparison.matches
    assert comparison.unexpected_failures == ["test.test_x C.test_new: ValueError: no"]


def test_an_unexpected_pass_is_reported_even_within_a_pattern() -> None:
    comparison = expectations(EXPECTED).compare([result(("B.test_2",), ("A.test_fails", "B.test_1"))])
    assert comparison.unexpected_passes == ["test.test_x B.test_2 (one)"]
    assert not comparison.matches


def test_an_expectation_that_nothing_corresponds_to_is_reported() -> None:
    comparison = expectations(EXPECTED).compare([result((), ("B.test_1",))])
    assert comparison.stale == ["test.test_x A.test_fails (one)"]
    assert not comparison.matches


def test_expectations_of_modules_that_did_not_run_are_left_alone() -> None:
    assert expectations(EXPECTED).compare([]).matches


def test_a_broken_module_is_expected_by_its_own_name() -> None:
    broken = result(outcome=Outcome.BROKEN)
    text = f"""
        [[group]]
        name = "one"
        reason = "It is so."
        [group.fail]
        "test.test_x" = ["{WHOLE_MODULE}"]
        """
    assert expectations(text).compare([broken]).matches
    assert not expectations("").compare([broken]).matches
    assert expectations(text).compare([result(("A.test_ok",))]).stale == [f"test.test_x {WHOLE_MODULE} (one)"]


def test_what_is_left_out() -> None:
    known = expectations(EXPECTED)
    assert known.excluded(MODULE) == ("A.test_hangs",)
    assert list(known.modules_not_run()) == ["test.test_none"]
    assert known.unknown_modules(["test.test_x"]) == ["test.test_none"]


@pytest.mark.parametrize(
    ("test", "relative"),
    [
        ("test.test_x.A.test_1", "A.test_1"),
        ("setUpClass (test.test_x.A)", "setUpClass (A)"),
        ("test.test_xy.A.test_1", "test.test_xy.A.test_1"),
        ("test.test_x", WHOLE_MODULE),
    ],
)
def test_relative_ids(test: str, relative: str) -> None:
    assert relative_id(MODULE, test) == relative


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[[group]]\nreason = 'r'", "has no name"),
        ("[[group]]\nname = 'n'", "'n' gives no reason"),
        ("[[group]]\nname = 'n'\nreason = ' '", "'n' gives no reason"),
        ("[[group]]\nname = 'n'\nreason = 'r'\nfails = []", r"'n' has unknown keys \['fails'\]"),
        (
            "[[group]]\nname = 'n'\nreason = 'r'\n[group.fail]\n'm' = ['t']\n"
            "[[group]]\nname = 'o'\nreason = 'r'\n[group.skip]\n'm' = ['t']",
            "m t is in group 'n' and again in 'o'",
        ),
    ],
)
def test_a_bad_file_is_refused(toml: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expectations(toml)


def test_the_committed_expectations_can_be_read() -> None:
    known = Expectations.load(FOLDER / "cpython_expectations.toml")
    assert all(group.modules or group.skip or group.fail for group in known.groups)


# ---- counts and the table ----------------------------------------------------------------------------


def test_the_pass_rate_counts_what_is_left_out_and_what_crashed() -> None:
    crashed = ModuleResult("test.test_y", Outcome.CRASHED, "trap", passed=["test.test_y.A.test_1"])
    skipped = ModuleResult("test.test_z", Outcome.SKIPPED, "no sockets")
    empty = ModuleResult("test.test_w", Outcome.RAN, skipped={"test.test_w.A.a": "no disk"})
    ran = result(("A.a", "A.b"), ("A.test_fails",))
    totals = count([ran, crashed, skipped, empty], expectations(EXPECTED))
    assert (totals.modules_run, totals.modules_clean, totals.modules_skipped, totals.modules_crashed) == (
        2,
        0,
        2,
        1,
    )
    assert (totals.passed, totals.failed, totals.excluded) == (3, 2, 1)
    assert totals.pass_rate == 3 / 6


def test_the_table_holds_no_times() -> None:
    quick, slow = result(("A.a",), ("A.test_fails",)), result(("A.a",), ("A.test_fails",))
    quick.seconds, slow.seconds = 0.1, 99.9
    known = expectations(EXPECTED)
    table = as_markdown("3.14.7", [quick], known)
    assert table == as_markdown("3.14.7", [slow], known)
    assert "| test_x | 1 | 1 | 0 | 0 |" in table.splitlines()
    assert "| one | 1 | 1 | 1 | It is so. |" in table.splitlines()
    assert "- test_none: one" in table.splitlines()


def test_modules_that_did_not_run_say_why() -> None:
    skipped = ModuleResult("test.test_z", Outcome.SKIPPED, "no sockets\n at all")
    empty = ModuleResult("test.test_w", Outcome.RAN, skipped={"test.test_w.A.a": "no disk"})
    lines = as_markdown("3.14.7", [empty, skipped], expectations(EXPECTED)).splitlines()
    assert "- test_z: no sockets at all" in lines
    assert "- test_w: all of its 1 tests skip themselves" in lines
    assert not any(line.startswith("| test_") for line in lines)


def test_the_committed_table_is_the_runners() -> None:
    lines = (FOLDER / "cpython_results.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| test_")]
    assert len(rows) >= 300
    assert sum(int(row.split("|")[5]) for row in rows) == 0
    passed = sum(int(row.split("|")[2]) for row in rows)
    assert f"{passed:,} tests passed" in "\n".join(lines)


# ---- the suite's folder ------------------------------------------------------------------------------


def make_suite(root: Path) -> Path:
    for name in (
        "__init__.py",
        "test_b.py",
        "test_a.py",
        "helper.py",
        "test_data.txt",
        "test_package/__init__.py",
        "test_package/test_inner.py",
        "test_asyncio/__init__.py",
        "test_asyncio/test_tasks.py",
        "test_folder/data.bin",
    ):
        path = root / "test" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_modules_are_found(tmp_path: Path) -> None:
    assert find_modules(make_suite(tmp_path)) == [
        "test.test_a",
        "test.test_asyncio.test_tasks",
        "test.test_b",
        "test.test_package",
    ]


def test_a_zip_and_a_folder_are_the_same_suite(tmp_path: Path) -> None:
    folder = make_suite(tmp_path / "folder")
    packed = tmp_path / "tests.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.rglob("*.py"):
            archive.write(path, path.relative_to(folder))
    assert unpack(folder, tmp_path / "unused") == folder
    assert find_modules(unpack(packed, tmp_path / "out")) == find_modules(folder)


@pytest.mark.parametrize(
    ("make", "message"), [(Path.mkdir, "no package 'test'"), (Path.touch, "neither a zip nor a folder")]
)
def test_what_is_no_suite_is_refused(tmp_path: Path, make: Any, message: str) -> None:
    source = tmp_path / "source"
    make(source)
    with pytest.raises(SystemExit, match=message):
        unpack(source, tmp_path)


def test_capabilities() -> None:
    assert capabilities("test.test_asyncio.test_tasks") == ("sockets",)
    assert capabilities("test.test_int") == ()


# ---- what runs in the guest ----------------------------------------------------------------------------

SAMPLE = """
import unittest

class Sample(unittest.TestCase):
    def test_fails(self):
        self.assertEqual(1, 2)

    def test_hangs(self):
        while True:
            pass

    def test_passes(self):
        with self.subTest(part=1):
            pass

    def test_skips(self):
        self.skipTest("no disk")

    def test_subtests(self):
        for part in range(3):
            with self.subTest(part=part):
                self.assertEqual(part, 1)

    @unittest.skipIf(True, "exhausts limited stack on WASI")
    def test_skips_without_cause(self):
        pass

    @unittest.expectedFailure
    def test_succeeds_unexpectedly(self):
        pass

class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no class")

    def test_never(self):
        pass
"""
SUPPORT = "def record_original_stdout(stream):\n    pass\n"


def run_guest_side(root: Path, module: str) -> ModuleResult:
    """Run the guest's half in an interpreter of the host."""
    path = root / "journal"
    script = (
        f"import sys; sys.path[:0] = [{str(root)!r}, {str(FOLDER / 'cpython')!r}]\n"
        f"import guest_side; guest_side.run({module!r}, {str(path)!r}, ['Sample.test_hang*'], [])"
    )
    subprocess.run([sys.executable, "-I", "-B", "-c", script], check=True, timeout=60)
    return read_journal(module, path.read_text().splitlines())


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A package ``test`` with as much of `test.support` as the runner touches."""
    for name, text in (
        ("__init__.py", ""),
        ("support/__init__.py", SUPPORT),
        ("support/os_helper.py", ""),
        ("support/threading_helper.py", ""),
        ("test_x.py", SAMPLE),
        ("test_skipped.py", "import unittest\nraise unittest.SkipTest('not here')"),
    ):
        path = tmp_path / "test" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_guests_half_reports_every_outcome(suite: Path) -> None:
    read = run_guest_side(suite, MODULE)
    assert read.outcome is Outcome.RAN
    assert {relative_id(MODULE, test) for test in read.passed} == {
        "Sample.test_passes",
        "Sample.test_skips_without_cause",
    }
    assert {relative_id(MODULE, test) for test in read.failed} == {
        "Sample.test_fails",
        "Sample.test_subtests",
        "Sample.test_succeeds_unexpectedly",
        "setUpClass (Broken)",
    }
    assert read.failed[f"{MODULE}.Sample.test_subtests"].count("AssertionError") == 2
    assert read.skipped == {f"{MODULE}.Sample.test_skips": "no disk"}


def test_a_module_that_skips_itself(suite: Path) -> None:
    read = run_guest_side(suite, "test.test_skipped")
    assert (read.outcome, read.detail) == (Outcome.SKIPPED, "not here")
