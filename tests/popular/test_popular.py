"""`nox -s packages`: popular packages are installed from the real index. Skipped where there is none."""

from __future__ import annotations

import functools
import os

import pytest

from tests.popular import rates

PURE, COMPILED = rates.packages()


@functools.cache
def reason() -> str | None:
    """Why they are skipped."""
    if not os.environ.get("PYWASM_TEST_INDEX"):
        return "installs from the real package index: nox -s packages"
    return rates.why_not()


@pytest.fixture(autouse=True)
def reachable() -> None:
    """The real index is asked for, and there."""
    why = reason()
    if why is not None:
        pytest.skip(why)


@pytest.mark.parametrize("name", sorted(PURE))
def test_it_can_be_installed_and_used(name: str) -> None:
    outcome = rates.attempt(name, PURE[name])
    assert outcome.failure == ""
    assert outcome.version


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_what_is_compiled_is_refused_by_name(name: str) -> None:
    outcome = rates.attempt(name, "1")
    assert COMPILED[name] in outcome.failure
    assert "compiled for another platform" in outcome.failure
