"""One engine for these tests, and guests made from a few lines of wat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pywasm_sandbox._engine import (
    Deadline,
    Engine,
    HostImport,
    Instance,
    Limits,
    ModuleSource,
    Program,
    Ticket,
)
from pywasm_sandbox._engine.cache import CompileCache
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost
from tests.engine.wasm import wasm


class Guest:
    """An instance with its calls sent to a guest thread."""

    def __init__(self, engine: Engine, program: Program, owner: object, limits: Limits | None) -> None:
        self.engine = engine
        self.namespace = Namespace(MemoryFS())

        def make_wasi(instance: Instance) -> WasiHost:
            return WasiHost(self.namespace, instance.memory, waiter=instance.waiter)

        self.instance: Instance = engine.threads.run(lambda: program.instantiate(make_wasi, owner, limits))

    def call(
        self, export: str, *arguments: int, deadline: Deadline | None = None, ticket: Ticket | None = None
    ) -> int:
        return self.engine.threads.run(
            lambda: self.instance.call(export, *arguments, deadline=deadline, ticket=ticket)
        )


MakeGuest = Callable[..., Guest]


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine(CompileCache(None))


@pytest.fixture
def make_guest(engine: Engine) -> Iterator[MakeGuest]:
    guests: list[Guest] = []

    def make(
        text: str,
        imports: tuple[HostImport, ...] = (),
        owner: object = None,
        limits: Limits | None = None,
    ) -> Guest:
        program = engine.program(ModuleSource.from_bytes("test", wasm(text)), imports)
        guest = Guest(engine, program, owner, limits)
        guests.append(guest)
        return guest

    yield make
    for guest in guests:
        guest.instance.close()
