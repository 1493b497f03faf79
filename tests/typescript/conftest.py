"""The compiler of this installation, called as the guests call it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from pywasm_sandbox._engine import Engine
from pywasm_sandbox._guests.assets import Assets
from pywasm_sandbox._guests.typescript import Transpiled, TypeScript

Transpile = Callable[..., Transpiled]


@pytest.fixture(scope="session")
def typescript() -> TypeScript:
    return TypeScript(Engine.shared(), Assets.installed())


@pytest.fixture(scope="session")
def transpile(typescript: TypeScript) -> Transpile:
    """`TypeScript.transpile` on a guest thread."""

    def call(source: str, filename: str = "cell.ts", **options: Any) -> Transpiled:
        work = functools.partial(typescript.transpile, source, filename, **options)
        return Engine.shared().threads.run(work)

    return call
