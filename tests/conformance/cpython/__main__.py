"""The command: run, compare, report. Exits 0 only when the results are exactly what is expected."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from pywasm_sandbox import Sandbox

from .catalog import capabilities, default_archive, find_modules, unpack
from .expectations import Comparison, Expectations
from .journal import ModuleResult
from .pool import Job, run_jobs
from .report import as_json, as_markdown, count, one_line

FOLDER = Path(__file__).resolve().parent.parent
EXPECTATIONS = FOLDER / "cpython_expectations.toml"
RESULTS = FOLDER / "cpython_results.md"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.cpython", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as test_json (default: all)")
    parser.add_argument(
        "--tests", type=Path, help="zip or folder with the package test (default: the build's)"
    )
    parser.add_argument("--workers", type=int, default=2, help="modules that run at once")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds that a module may take")
    parser.add_argument("--details", type=Path, help="write tracebacks, output and seconds to this JSON file")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    if arguments.write and arguments.modules:
        parser.error("--write takes a run of all modules")
    return arguments


def _guest_version() -> str:
    with Sandbox() as sandbox:
        execution = sandbox.run_code("import sys; sys.version.split()[0]")
    return execution.results[0].text or ""


def _choose(names: list[str], catalog: list[str], expectations: Expectations) -> list[str]:
    """The modules to run: what was named, otherwise all that are not left out."""
    if not names:
        left_out = expectations.modules_not_run()
        return [module for module in catalog if module not in left_out]
    chosen = [name if name.startswith("test.") else f"test.{name}" for name in names]
    for module in chosen:
        if module not in catalog:
            raise SystemExit(f"the suite has no module {module!r}")
    return chosen


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
    expectations = Expectations.load(EXPECTATIONS)
    with tempfile.TemporaryDirectory(prefix="cpython-tests-") as temporary:
        root = unpack(arguments.tests or default_archive(), Path(temporary))
        catalog = find_modules(root)
        version = _guest_version()
        jobs = [
            Job(module, expectations.excluded(module), capabilities(module))
            for module in _choose(arguments.modules, catalog, expectations)
        ]
        done = 0

        def on_result(result: ModuleResult) -> None:
            nonlocal done
            done += 1
            print(f"[{done}/{len(jobs)}] {one_line(result)}", flush=True)

        results = run_jobs(
            root, jobs, workers=arguments.workers, timeout=arguments.timeout, on_result=on_result
        )
    comparison = expectations.compare(results)
    comparison.stale += expectations.unknown_modules(catalog)
    _print_differences(comparison)
    if arguments.details:
        arguments.details.write_text(as_json(results), "utf-8")
    if arguments.write:
        RESULTS.write_text(as_markdown(version, results, expectations), "utf-8")
    print(f"\n{count(results, expectations).sentence}")
    return 0 if comparison.matches else 1


if __name__ == "__main__":
    sys.exit(main())
