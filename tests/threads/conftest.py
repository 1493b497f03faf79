from __future__ import annotations

from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox
