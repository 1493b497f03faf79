from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.vfs.support import KINDS, Capability, Subject


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "subject" in metafunc.fixturenames:
        needed: set[Capability] = getattr(metafunc.function, "needs", set())
        kinds = [kind for kind, (_, capabilities) in KINDS.items() if needed <= capabilities]
        metafunc.parametrize("subject", kinds, indirect=True)


@pytest.fixture
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    make, _ = KINDS[request.param]
    fs = make(tmp_path)
    yield Subject(fs)
    fs.close()
