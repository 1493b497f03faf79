"""One suite for both APIs: each test runs on `Sandbox`, and on `AsyncSandbox` under asyncio and trio.

Tests are written against the async shape; `SyncFace` gives a `Sandbox` that shape. `sandbox` is the test's
own; `shared` is one sandbox a module, for tests that leave nothing behind that another one would see.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox import AsyncSandbox, Context, Sandbox, get_sandbox

FLAVOURS = {"sync": "asyncio", "asyncio": "asyncio", "trio": "trio"}
PROCESS = "process"
"""The synchronous API with ``isolation="process"``."""


class SyncFace:
    """A synchronous object whose methods can be awaited."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not callable(value):
            return value

        if name == "expose":
            return value

        if name == "read_file_chunks":
            return lambda *args, **kwargs: _chunks(value(*args, **kwargs))

        async def call(*args: Any, **kwargs: Any) -> Any:
            return _face(value(*(_target(arg) for arg in args), **{k: _target(v) for k, v in kwargs.items()}))

        return call

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SyncFace) and self._target == other._target

    def __hash__(self) -> int:
        return hash(self._target)

    def __repr__(self) -> str:
        return repr(self._target)

    async def aclose(self) -> None:
        self._target.close()


async def _chunks(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _face(value: Any) -> Any:
    if isinstance(value, Context):
        return SyncFace(value)
    if isinstance(value, list):
        return [_face(item) for item in value]
    return value


def _target(value: Any) -> Any:
    return value._target if isinstance(value, SyncFace) else value


@pytest.fixture(params=[*FLAVOURS, PROCESS])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def flavour(mode: str) -> str:
    """The API."""
    return "sync" if mode == PROCESS else mode


@pytest.fixture
def anyio_backend(flavour: str) -> str:
    return FLAVOURS[flavour]


@pytest.fixture
async def open_sandbox(
    mode: str, flavour: str, anyio_backend: str
) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Open a sandbox with these options; it is closed at the end of the test."""
    opened: list[Any] = []

    async def open_one(*args: Any, **options: Any) -> Any:
        if mode == PROCESS:
            options = {"isolation": "process", **options}
        sandbox = SyncFace(Sandbox(*args, **options)) if flavour == "sync" else AsyncSandbox(*args, **options)
        opened.append(sandbox)
        return sandbox

    yield open_one
    for sandbox in opened:
        await sandbox.aclose()


@pytest.fixture
async def sandbox(open_sandbox: Callable[..., Awaitable[Any]]) -> Any:
    """A sandbox with the default options."""
    return await open_sandbox()


@pytest.fixture(scope="module")
def shared_core() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def shared_process() -> Iterator[Sandbox]:
    with Sandbox(isolation="process") as sandbox:
        yield sandbox


@pytest.fixture
def shared(mode: str, flavour: str, request: pytest.FixtureRequest) -> Any:
    """The module's sandbox in this flavour."""
    if mode == PROCESS:
        return SyncFace(request.getfixturevalue("shared_process"))
    shared_core: Sandbox = request.getfixturevalue("shared_core")
    if flavour == "sync":
        return SyncFace(get_sandbox(shared_core.id))
    return AsyncSandbox.get(shared_core.id)
