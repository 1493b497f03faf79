"""What is known not to work, with the reason: read from TOML, compared with results.

The file is a list of groups, one a reason::

    [[group]]
    name = "no-threads"
    reason = "A context has one thread."
    modules = ["test.test_queue"]           # not run at all
    [group.skip]                            # tests left out: they would trap or never end
    "test.test_io" = ["CIOTest.test_x"]
    [group.fail]                            # tests that fail
    "test.test_os" = ["ForkTests.*"]

Test ids are relative to their module. A ``*`` stands for any characters; whatever it matches has to fail. The
name `WHOLE_MODULE` stands for the module itself, if it can't be imported.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .journal import ModuleResult

__all__ = ["WHOLE_MODULE", "Comparison", "Expectations", "Group", "relative_id"]

WHOLE_MODULE = "(module)"
_GROUP_KEYS = {"name", "reason", "modules", "skip", "fail"}


@dataclass(frozen=True, slots=True)
class Group:
    """What does not work for one reason."""

    name: str
    reason: str
    modules: tuple[str, ...] = ()
    skip: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fail: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Comparison:
    """Where results and expectations differ; lines for a reader."""

    unexpected_failures: list[str] = field(default_factory=list)
    unexpected_passes: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Expectations that nothing in the results corresponds to."""

    @property
    def matches(self) -> bool:
        return not (self.unexpected_failures or self.unexpected_passes or self.stale)


def relative_id(module: str, test: str) -> str:
    """A test id as the expectations write it."""
    if test == module:
        return WHOLE_MODULE
    # unittest names the fixtures of classes and modules "setUpClass (test.test_x.Class)".
    return re.sub(rf"(^|\(){re.escape(module)}\.", r"\1", test)


class Expectations:
    """All groups."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = tuple(groups)

    @classmethod
    def load(cls, path: Path) -> Expectations:
        """Read the file. Raises ValueError naming what is wrong in it."""
        with path.open("rb") as file:
            document = tomllib.load(file)
        return cls.parse(document)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Expectations:
        """Groups from a decoded TOML document."""
        groups = [_parse_group(table) for table in document.get("group", [])]
        owners: dict[tuple[str, str], str] = {}
        for group in groups:
            entries = [(module, "") for module in group.modules]
            entries += [
                (module, test)
                for module, tests in (*group.skip.items(), *group.fail.items())
                for test in tests
            ]
            for entry in entries:
                if entry in owners:
                    where = " ".join(entry).strip()
                    raise ValueError(f"{where} is in group {owners[entry]!r} and again in {group.name!r}")
                owners[entry] = group.name
        return cls(groups)

    def modules_not_run(self) -> dict[str, Group]:
        """Modules that are left out."""
        return {module: group for group in self.groups for module in group.modules}

    def excluded(self, module: str) -> tuple[str, ...]:
        """Relative ids of a module's tests that are left out."""
        return tuple(test for group in self.groups for test in group.skip.get(module, ()))

    def group_of(self, module: str, test: str) -> Group | None:
        """The group that expects this relative id to fail."""
        for group in self.groups:
            if any(_matches(test, pattern) for pattern in group.fail.get(module, ())):
                return group
        return None

    def compare(self, results: Iterable[ModuleResult]) -> Comparison:
        """Hold the results against the expectations of the modules that ran."""
        comparison = Comparison()
        for result in results:
            self._compare_module(result, comparison)
        return comparison

    def unknown_modules(self, catalog: Iterable[str]) -> list[str]:
        """Modules that the expectations name and the suite does not have."""
        named = {module for group in self.groups for module in (*group.modules, *group.skip, *group.fail)}
        return sorted(named - set(catalog))

    def _compare_module(self, result: ModuleResult, comparison: Comparison) -> None:
        module = result.module
        failed = {relative_id(module, test): detail for test, detail in result.failures.items()}
        passed = [relative_id(module, test) for test in result.passed]
        for test, detail in failed.items():
            if self.group_of(module, test) is None:
                last_line = detail.strip().rpartition("\n")[2]
                comparison.unexpected_failures.append(f"{module} {test}: {last_line}")
        for group in self.groups:
            for pattern in group.fail.get(module, ()):
                right = [test for test in failed if _matches(test, pattern)]
                wrong = [test for test in passed if _matches(test, pattern)]
                comparison.unexpected_passes += [f"{module} {test} ({group.name})" for test in wrong]
                if not right and not wrong:
                    comparison.stale.append(f"{module} {pattern} ({group.name})")


def _matches(test: str, pattern: str) -> bool:
    return test == pattern or ("*" in pattern and fnmatchcase(test, pattern))


def _parse_group(table: Mapping[str, Any]) -> Group:
    name = table.get("name")
    unknown = set(table) - _GROUP_KEYS
    if not isinstance(name, str) or not name:
        raise ValueError(f"a group of the expectations has no name: {dict(table)!r}")
    if unknown:
        raise ValueError(f"group {name!r} has unknown keys {sorted(unknown)}")
    if not isinstance(table.get("reason"), str) or not table["reason"].strip():
        raise ValueError(f"group {name!r} gives no reason")
    return Group(
        name,
        " ".join(table["reason"].split()),
        modules=tuple(table.get("modules", ())),
        skip={module: tuple(tests) for module, tests in table.get("skip", {}).items()},
        fail={module: tuple(tests) for module, tests in table.get("fail", {}).items()},
    )
