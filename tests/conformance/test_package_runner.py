"""The logic of the runner of packages' test suites: files, pieces, the table."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.cpython.expectations import Expectations
from tests.conformance.cpython.journal import ModuleResult, Outcome
from tests.conformance.cpython.report import as_json
from tests.conformance.packages.__main__ import FOLDER, as_markdown, earlier_results, sample
from tests.conformance.packages.suites import SUITES, Suite, copy_as_package, find_files

FILE = "thing/core/tests/test_a.py"


def result() -> ModuleResult:
    return ModuleResult(
        FILE,
        Outcome.RAN,
        passed=[f"{FILE}.test_one[a-b]"],
        failed={f"{FILE}.TestX::test_two[1]": "Traceback\nValueError: no"},
    )


def suite(tmp_path: Path) -> Path:
    for path in (FILE, "thing/core/tests/data/test_case.txt", "thing/tests/test_b.py", "thing/conftest.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    return tmp_path


def test_files_are_found_in_order(tmp_path: Path) -> None:
    root = suite(tmp_path)
    assert find_files(Suite("thing"), root) == [FILE, "thing/tests/test_b.py"]
    assert find_files(Suite("thing", folders=("thing/tests",)), root) == ["thing/tests/test_b.py"]


def test_folders_above_tests_become_packages(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy_as_package(suite(tmp_path / "source"), copy)
    made = sorted(path.relative_to(copy).as_posix() for path in copy.rglob("__init__.py"))
    assert made == ["thing/__init__.py", "thing/core/__init__.py"]


def test_results_of_a_piece_are_taken_again(tmp_path: Path) -> None:
    details = tmp_path / "details.json"
    details.write_text(as_json([result()]))
    assert earlier_results([details]) == {FILE: result()}


def test_the_table_tells_how_much_ran() -> None:
    expectations = Expectations.parse(
        {"group": [{"name": "no", "reason": "It can't.", "fail": {FILE: ["TestX::test_two*"]}}]}
    )
    assert expectations.compare([result()]).matches
    table = as_markdown("thing", "1.0", [result()], expectations, 2)
    assert "1 of its 2 files: 1 files run" in table
    assert "| no | 1 | 0 | 0 | It can't. |" in table
    assert f"| {FILE} | 1 | 1 | 0 | 0 |" in table


def test_the_committed_expectations_can_be_read() -> None:
    for name in SUITES:
        file = FOLDER / f"{name}_expectations.toml"
        if file.exists():
            assert Expectations.load(file).groups


def test_a_sample_is_always_the_same_and_part_of_a_larger_one() -> None:
    files = [f"thing/tests/test_{number}.py" for number in range(50)]
    small, large = sample(files, 10), sample(list(reversed(files)), 30)
    assert (len(small), len(large)) == (10, 30)
    assert set(small) < set(large)
    assert small == sorted(small) != files[:10]
    assert sample(files, 99) == sorted(files)


def test_a_sample_has_a_file_of_every_subpackage() -> None:
    files = [f"thing/a/tests/test_{number}.py" for number in range(50)]
    others = [f"thing/{name}/tests/test_0.py" for name in "bcd"]
    drawn = sample([*files, *others], 5)
    assert set(others) < set(drawn)
    assert 5 <= len(drawn) <= 8
