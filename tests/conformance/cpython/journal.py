"""What a module's journal says: the outcome of each test and of the module."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["ModuleResult", "Outcome", "read_journal"]


class Outcome(StrEnum):
    """What became of a module as a whole; its tests may still have failed when it is ``ran``."""

    RAN = "ran"
    SKIPPED = "skipped"
    """It says of itself that it can't run here."""
    BROKEN = "broken"
    """It could not be imported, or ended in an exception outside of any test."""
    CRASHED = "crashed"
    """The guest trapped or exited."""
    TIMEOUT = "timeout"


@dataclass(slots=True)
class ModuleResult:
    """One module's run."""

    module: str
    outcome: Outcome
    detail: str = ""
    """Why it was skipped, is broken or crashed; empty for one that ran."""
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Test id → what was raised."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Test id → the reason that the test gives."""
    last_started: str = ""
    """The test during which the guest was lost."""
    seconds: float = 0.0
    output: str = ""

    @property
    def ran(self) -> bool:
        """Whether anything of it was put to the test."""
        return self.outcome is not Outcome.SKIPPED and bool(self.passed or self.failures)

    @property
    def why_not(self) -> str:
        """What kept a module that did not run from it."""
        return self.detail or f"all of its {len(self.skipped)} tests skip themselves"

    @property
    def failures(self) -> dict[str, str]:
        """What the expectations account for: failed tests, and the module itself if it did not run."""
        if self.outcome in (Outcome.RAN, Outcome.SKIPPED):
            return self.failed
        whole = f"{self.outcome.value}: {self.last_started or 'outside of a test'}\n{self.detail}"
        return {**self.failed, self.module: whole}


def read_journal(module: str, lines: Iterable[str], lost: tuple[Outcome, str] | None = None) -> ModuleResult:
    """The result of a module from its journal.

    ``lost`` says how the run was cut short, if it was: that outcome and its explanation win over what the
    journal says of the module.
    """
    failed: dict[str, str] = {}
    skipped: dict[str, str] = {}
    passed: dict[str, None] = {}
    ended: tuple[str, str] | None = None
    last_started = ""
    for line in lines:
        match json.loads(line):
            case ["start", str(test)]:
                last_started = test
            case ["end", str(test), "failed", str(detail)]:
                failed[test] = f"{failed[test]}\n{detail}" if test in failed else detail
            case ["end", str(test), "skipped", str(reason)]:
                skipped[test] = reason
            case ["end", str(test), "passed", _]:
                passed[test] = None
            case ["module", str(state), str(detail)]:
                ended = (state, detail)
            case other:
                raise ValueError(f"the journal of {module} has a line that says nothing: {other!r}")
    outcome, detail = lost or _module_outcome(ended)
    return ModuleResult(
        module,
        outcome,
        detail,
        passed=[test for test in passed if test not in failed and test not in skipped],
        failed=failed,
        skipped={test: reason for test, reason in skipped.items() if test not in failed},
        last_started=last_started if lost else "",
    )


def _module_outcome(ended: tuple[str, str] | None) -> tuple[Outcome, str]:
    match ended:
        case ("done", detail):
            return Outcome.RAN, detail
        case ("skipped", detail):
            return Outcome.SKIPPED, detail
        case (_, detail):
            return Outcome.BROKEN, detail
        case _:
            return Outcome.BROKEN, "the journal has no end"
