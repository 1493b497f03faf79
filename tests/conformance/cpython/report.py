"""Counts the results and writes them as Markdown and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from .expectations import Expectations, relative_id
from .journal import ModuleResult, Outcome

__all__ = ["Totals", "as_json", "as_markdown", "count", "one_line", "reasons", "row"]

REASON_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all modules."""

    modules_run: int
    modules_clean: int
    """Of those, without a failure."""
    modules_skipped: int
    """They, or all of their tests, say of themselves that they can't run here."""
    modules_not_run: int
    """Left out by the expectations."""
    modules_crashed: int
    passed: int
    failed: int
    skipped: int
    excluded: int
    """Tests left out by the expectations: they would trap or never end."""

    @property
    def pass_rate(self) -> float:
        """Share of passed tests; what failed, crashed or was left out counts against it."""
        total = self.passed + self.failed + self.excluded
        return self.passed / total if total else 0.0

    @property
    def sentence(self) -> str:
        return (
            f"{self.modules_run} modules run, {self.modules_clean} of them without a failure, "
            f"{self.modules_crashed} crashed; {self.passed:,} tests passed, {self.failed:,} failed, "
            f"{self.excluded:,} left out, {self.skipped:,} skipped by themselves: "
            f"{self.pass_rate:.2%} pass"
        )


def count(results: Sequence[ModuleResult], expectations: Expectations) -> Totals:
    """The sums."""
    ran = [result for result in results if result.ran]
    return Totals(
        modules_run=len(ran),
        modules_clean=sum(not result.failures for result in ran),
        modules_skipped=len(results) - len(ran),
        modules_not_run=len(expectations.modules_not_run()),
        modules_crashed=sum(_crashed(result) for result in results),
        passed=sum(len(result.passed) for result in results),
        failed=sum(len(result.failures) for result in results),
        skipped=sum(len(result.skipped) for result in results),
        excluded=sum(len(expectations.excluded(result.module)) for result in results),
    )


def one_line(result: ModuleResult) -> str:
    """A module's result for the terminal."""
    line = (
        f"{result.module}: {result.outcome.value}, {len(result.passed)} passed, "
        f"{len(result.failures)} failed, {len(result.skipped)} skipped, {result.seconds:.1f} s"
    )
    return f"{line} ({result.detail.splitlines()[-1]})" if result.detail else line


def as_markdown(version: str, results: Sequence[ModuleResult], expectations: Expectations) -> str:
    """The committed table: nothing in it differs between two runs with the same outcome."""
    totals = count(results, expectations)
    return "\n".join(
        [
            f"# The test suite of CPython {version} in the guest",
            "",
            "Written by `nox -s cpython_tests -- --write`: every module in a fresh context of its own.",
            "",
            f"{totals.sentence}. Besides, {totals.modules_skipped} modules skip themselves and "
            f"{totals.modules_not_run} are left out.",
            "",
            "## What does not pass, and why",
            "",
            *reasons(results, expectations),
            "",
            "## Modules",
            "",
            "| module | passed | failed | skipped | crashed |",
            "|---|--:|--:|--:|--:|",
            *(row(result) for result in results if result.ran),
            "",
            "## Modules that skip themselves",
            "",
            *(
                f"- {_short(result.module)}: {_shorten(result.why_not)}"
                for result in results
                if not result.ran
            ),
            "",
            "## Modules left out",
            "",
            *(
                f"- {_short(module)}: {group.name}"
                for module, group in sorted(expectations.modules_not_run().items())
            ),
            "",
        ]
    )


def as_json(results: Iterable[ModuleResult]) -> str:
    """Everything: tracebacks, output, seconds."""
    return json.dumps([asdict(result) for result in results], indent=1)


def reasons(results: Iterable[ModuleResult], expectations: Expectations) -> list[str]:
    failing: Counter[str] = Counter()
    for result in results:
        for test in result.failures:
            group = expectations.group_of(result.module, relative_id(result.module, test))
            failing["" if group is None else group.name] += 1
    rows = ["| reason | failing | left out | modules left out | |", "|---|--:|--:|--:|---|"]
    for group in expectations.groups:
        left_out = sum(len(tests) for tests in group.skip.values())
        rows.append(
            f"| {group.name} | {failing[group.name]} | {left_out} | {len(group.modules)} | {group.reason} |"
        )
    if failing[""]:
        rows.append(f"| (unexpected) | {failing['']} | 0 | 0 | Not accounted for. |")
    return rows


def row(result: ModuleResult) -> str:
    return (
        f"| {_short(result.module)} | {len(result.passed)} | {len(result.failures)} "
        f"| {len(result.skipped)} | {int(_crashed(result))} |"
    )


def _crashed(result: ModuleResult) -> bool:
    return result.outcome in (Outcome.CRASHED, Outcome.TIMEOUT)


def _short(module: str) -> str:
    return module.removeprefix("test.")


def _shorten(reason: str) -> str:
    text = " ".join(reason.split())
    return text if len(text) <= REASON_CHARACTERS else text[: REASON_CHARACTERS - 1] + "…"
