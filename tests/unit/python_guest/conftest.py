from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.python_guest.harness import NativeGuest, Template, guest_version


@pytest.fixture(scope="session")
def template() -> Iterator[Template]:
    """The process that guests are forked from."""
    template = Template()
    yield template
    template.close()


@pytest.fixture
def make_guest(template: Template, tmp_path: Path) -> Iterator[Callable[..., NativeGuest]]:
    """Makes guests with options of `NativeGuest`."""
    guests: list[NativeGuest] = []

    def make(**options: Any) -> NativeGuest:
        guests.append(NativeGuest(template, tmp_path, **options))
        return guests[-1]

    yield make
    for guest in guests:
        guest.close()


@pytest.fixture
def guest(make_guest: Callable[..., NativeGuest]) -> NativeGuest:
    """A fresh guest whose working directory is ``tmp_path``."""
    return make_guest()


@pytest.fixture(scope="session")
def version() -> tuple[int, int]:
    """The Python version that runs the guest's code."""
    return guest_version()
