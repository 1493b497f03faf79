"""The command: run a package's suite, compare, report. Exits 0 only if the results are what is expected."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pywasm_sandbox import Sandbox
from tests.conformance.cpython.expectations import Comparison, Expectations
from tests.conformance.cpython.journal import ModuleResult, Outcome
from tests.conformance.cpython.pool import Job, run_jobs
from tests.conformance.cpython.report import as_json, count, one_line, reasons, row

from .suites import SUITES, built, copy_as_package, find_files

FOLDER = Path(__file__).resolve().parent.parent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.packages", description=__doc__)
    parser.add_argument("package", choices=sorted(SUITES))
    parser.add_argument("files", nargs="*", metavar="PART", help="run the files with this in their path")
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="run N of the files, and one of each subpackage; always the same",
    )
    parser.add_argument("--tests", type=Path, help="folder with the package's tests (default: the build's)")
    parser.add_argument("--tools", type=Path, help="folder with hypothesis (default: the build's)")
    parser.add_argument("--workers", type=int, default=2, help="files that run at once")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds that a file may take")
    parser.add_argument("--details", type=Path, help="write tracebacks, output and seconds to this JSON file")
    parser.add_argument(
        "--resume",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="take the results in this file of details instead of running those files again",
    )
    parser.add_argument("--write", action="store_true", help="write the package's table of results")
    return parser.parse_args()


def _version(package: str) -> str:
    with Sandbox(preload=[package]) as sandbox:
        execution = sandbox.run_code(f"import {package}; {package}.__version__")
    return execution.text or ""


def as_markdown(
    package: str,
    version: str,
    results: Sequence[ModuleResult],
    expectations: Expectations,
    total: int,
    options: str = "",
    note: str = "",
) -> str:
    """The committed table: nothing in it differs between two runs with the same outcome.

    ``total`` is how many files the suite has, ``options`` what chose those that ran, ``note`` the suite's.
    """
    ran = [result for result in results if result.ran]
    not_run = [result for result in results if not result.ran]
    return "\n".join(
        [
            f"# The test suite of {package} {version} in the guest",
            "",
            f"Written by `nox -s package_tests -- {package} {options}--write`: every file in a fork "
            f"of a context that has imported {package} and pytest. What upstream marks as failing and "
            f"fails counts as skipped. {note}".rstrip(),
            "",
            f"{len(results)} of its {total} files: "
            + count(results, expectations).sentence.replace("modules", "files")
            + ".",
            "",
            "## What does not pass, and why",
            "",
            *reasons(results, expectations),
            "",
            "## Files",
            "",
            "| file | passed | failed | skipped | crashed |",
            "|---|--:|--:|--:|--:|",
            *(row(result) for result in ran),
            "",
            "## Files that skip themselves",
            "",
            *(f"- {result.module}: {' '.join(result.why_not.split())[:80]}" for result in not_run),
            "",
        ]
    )


def sample(files: Sequence[str], size: int) -> list[str]:
    """That many of the files and one of every subpackage, in their order; larger ones have smaller ones."""
    drawn = sorted(files, key=lambda path: hashlib.sha256(path.encode()).digest())
    first = {path.split("/")[1]: path for path in reversed(drawn)}
    return sorted({*drawn[:size], *first.values()})


def earlier_results(files: Sequence[Path]) -> dict[str, ModuleResult]:
    """By file of tests, from files that ``--details`` wrote."""
    entries = [entry for file in files for entry in json.loads(file.read_text("utf-8"))]
    return {
        entry["module"]: ModuleResult(**{**entry, "outcome": Outcome(entry["outcome"])}) for entry in entries
    }


def _print_differences(comparison: Comparison) -> None:
    for title, lines in (
        ("Unexpected failures", comparison.unexpected_failures),
        ("Unexpected passes", comparison.unexpected_passes),
        ("Expectations that nothing corresponds to", comparison.stale),
    ):
        if lines:
            print(f"\n{title} ({len(lines)}):")
            print(*(f"  {line}" for line in lines), sep="\n")


def main() -> int:
    """Run the command; the exit code."""
    arguments = _arguments()
    package = arguments.package
    file = FOLDER / f"{package}_expectations.toml"
    expectations = Expectations.load(file) if file.exists() else Expectations(())
    suite = SUITES[package]
    root = arguments.tests or built(suite.stage or package, "tests")
    tools = arguments.tools or built("package-test-tools", "tools")
    catalog = find_files(suite, root)
    left_out = expectations.modules_not_run()
    chosen = [
        path
        for path in catalog
        if path not in left_out and (not arguments.files or any(part in path for part in arguments.files))
    ]
    if arguments.sample is not None:
        chosen = sample(chosen, arguments.sample)
    known = earlier_results(arguments.resume)
    to_run = [path for path in chosen if path not in known]
    fresh: list[ModuleResult] = []

    def on_result(result: ModuleResult) -> None:
        fresh.append(result)
        print(f"[{len(fresh)}/{len(to_run)}] {one_line(result)}", flush=True)
        if arguments.details:
            arguments.details.write_text(as_json(fresh), "utf-8")

    with tempfile.TemporaryDirectory(prefix="package-tests-") as temporary:
        copy = Path(temporary) / "tests"
        copy_as_package(root, copy)
        run_jobs(
            copy,
            [Job(path, expectations.excluded(path)) for path in to_run],
            workers=arguments.workers,
            timeout=arguments.timeout,
            on_result=on_result,
            command=(f"{__package__}.worker", package, str(tools)),
        )
    known |= {result.module: result for result in fresh}
    results = [known[path] for path in chosen]
    comparison = expectations.compare(results)
    comparison.stale += expectations.unknown_modules(catalog)
    _print_differences(comparison)
    if arguments.write:
        options = "" if arguments.sample is None else f"--sample {arguments.sample} "
        table = as_markdown(
            package, _version(package), results, expectations, len(catalog), options, suite.note
        )
        (FOLDER / f"{package}_results.md").write_text(table, "utf-8")
    print(f"\n{count(results, expectations).sentence}")
    return 0 if comparison.matches else 1


if __name__ == "__main__":
    sys.exit(main())
