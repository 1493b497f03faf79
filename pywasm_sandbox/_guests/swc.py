"""The TypeScript compiler `@swc/wasm-typescript`: one instance a context.

What it compiles was written by strangers. An instance of its own for each context keeps nothing from one
tenant to the next, runs beside others, and may trap without harm to them. Making one takes 0.1 ms and the
first use of its memory 0.5 ms, so the contexts that compiled lately keep theirs.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pywasm_sandbox._engine import (
    Deadline,
    Engine,
    EngineUnavailable,
    GuestTrap,
    HostFailure,
    Instance,
    Limits,
    ModuleSource,
    Program,
    TrapKind,
)
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost

from .wasm_bindgen import IMPORTS, Bindgen, BindgenError

__all__ = ["Compiled", "CompilerFailure", "Keeper", "Refused", "Swc"]

MAX_KEPT: Final = 16
"""So many instances wait for their contexts' next compilations, in a process."""
KEPT_BYTES: Final = 16 << 20
"""An instance whose memory has grown beyond this is not kept."""

_OUTSIDE_ASCII: Final = re.compile(r"[^\x20-\x7e\n\r]")
_TOO_DEEP: Final = (TrapKind.STACK_OVERFLOW, TrapKind.MEMORY_OUT_OF_BOUNDS)


class Compiled(NamedTuple):
    """JavaScript, and the source map as JSON if one was asked for."""

    code: str
    source_map: str | None = None


class Refused(NamedTuple):
    """The compiler's diagnostic; ``line`` and ``column`` count from 1."""

    kind: str
    """`InvalidSyntax`, or `UnsupportedSyntax` for what stripping types alone can't do."""
    message: str
    line: int
    column: int


class CompilerFailure(Exception):
    """The compiler ended without an answer: `reason` is "depth", "time", "cancelled" or "crash"."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Session:
    """One instance. Within `Swc.session`."""

    def __init__(self, bindgen: Bindgen) -> None:
        self._bindgen = bindgen

    def strip(self, source: str, filename: str) -> Compiled | Refused:
        """Types become spaces, so that everything stays where it is."""
        return self._run(source, {"mode": "strip-only", "filename": filename})

    def transform(self, source: str, filename: str, *, elide_imports: bool) -> Compiled | Refused:
        """Also what isn't types alone: enums, namespaces, parameter properties. With a source map.

        Enums stay objects whose members are read, `const` ones too: code elsewhere may use them.
        """
        transform = {
            "noEmptyExport": True,
            "verbatimModuleSyntax": not elide_imports,
            "tsEnumIsMutable": True,
        }
        options = {"mode": "transform", "filename": filename, "sourceMap": True, "transform": transform}
        return self._run(source, options)

    def _run(self, source: str, options: dict[str, Any]) -> Compiled | Refused:
        returned, value = self._call(source, options)
        if returned:
            return Compiled(value["code"], value["map"] if isinstance(value.get("map"), str) else None)
        return self._refused(source, options, value)

    def _call(self, source: str, options: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        returned, value = self._bindgen.call("transformSync", source, options)
        if not isinstance(value, dict) or not isinstance(value.get("code"), str):
            raise BindgenError(f"the compiler answered {value!r:.200}")
        return returned, value

    def _refused(self, source: str, options: dict[str, Any], value: dict[str, Any]) -> Refused:
        refused = _decode(value)
        if _OUTSIDE_ASCII.search(source):
            # Columns are those of a terminal, in which a tab or an emoji is wider than others.
            plain = _OUTSIDE_ASCII.sub(lambda match: " " if match[0].isspace() else "x", source)
            returned, again = self._call(plain, options)
            if not returned and again["code"] == refused.kind and again.get("message") == refused.message:
                return _decode(again)
        return refused


def _decode(value: dict[str, Any]) -> Refused:
    line, column = value.get("startLine"), value.get("startColumn")
    return Refused(
        str(value["code"]),
        str(value.get("message")),
        int(line) if isinstance(line, float) else 1,
        int(column) + 1 if isinstance(column, float) else 1,
    )


class _Compiler:
    """One instance."""

    def __init__(self, program: Program, nothing: Namespace, memory_bytes: int) -> None:
        bindgen = Bindgen()
        self.instance: Instance = program.instantiate(
            # The module imports nothing of WASI; an instance has a host all the same.
            lambda instance: WasiHost(nothing, instance.memory),
            owner=bindgen,
            limits=Limits(memory_bytes=memory_bytes, side_modules=0),
        )
        bindgen.instance = self.instance
        self.session = Session(bindgen)

    def run(
        self, work: Callable[[Session], Compiled | Refused], deadline: Deadline, cancelled: Callable[[], bool]
    ) -> Compiled | Refused:
        def stop_if_cancelled() -> None:
            if cancelled():
                self.instance.kill()

        self.instance.on_tick = stop_if_cancelled
        try:
            return self.instance.exclusively(lambda: work(self.session), deadline=deadline)
        finally:
            self.instance.on_tick = None


class Keeper:
    """The compiler of one context: its instance is kept from one compilation to the next.

    No other context's source is ever compiled by it. It is dropped when it failed or has grown, and when many
    other contexts compiled since. One compilation at a time.
    """

    def __init__(self, swc: Swc, memory_bytes: int) -> None:
        self._swc = swc
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._compiler: _Compiler | None = None

    def session(
        self,
        work: Callable[[Session], Compiled | Refused],
        *,
        deadline: Deadline,
        cancelled: Callable[[], bool],
    ) -> Compiled | Refused:
        """Do ``work`` with an instance. On a guest thread.

        ``cancelled`` is asked each tick; True ends the compilation. Raises `CompilerFailure`.
        """
        with self._lock:
            compiler, self._compiler = self._compiler, None
            if compiler is None:
                compiler = self._swc.make(self._memory_bytes)
            try:
                result = compiler.run(work, deadline, cancelled)
                if compiler.instance.memory_bytes <= KEPT_BYTES:
                    self._compiler = compiler
            except GuestTrap as trap:
                raise _explain(trap) from trap
            except HostFailure as failure:
                raise CompilerFailure("crash", str(failure.original)) from failure
            except BindgenError as failure:
                raise CompilerFailure("crash", str(failure)) from failure
            finally:
                if self._compiler is None:
                    compiler.instance.close()
        self._swc.used(self)
        return result

    def close(self, wait: bool = True) -> None:
        """Drop the instance; without ``wait`` not if it is compiling."""
        if self._lock.acquire(wait):
            try:
                if self._compiler is not None:
                    self._compiler.instance.close()
                    self._compiler = None
            finally:
                self._lock.release()


class Swc:
    """Makes instances of the compiler. Thread-safe."""

    def __init__(self, engine: Engine, source: ModuleSource) -> None:
        self._engine = engine
        self._source = source
        self._nothing = Namespace(MemoryFS())
        self._lock = threading.Lock()
        self._keepers: OrderedDict[Keeper, None] = OrderedDict()

    def program(self) -> Program:
        """The compiler, compiled now if the cache doesn't have it."""
        return self._engine.program(self._source, IMPORTS)

    def begin(self) -> None:
        """Let another thread compile the compiler, unless its code is in memory."""
        if self._engine.compiled(self._source.sha256) is None:
            with contextlib.suppress(EngineUnavailable):
                # What is wrong with it, whoever needs it will be told.
                self._engine.threads.submit(self.program)

    def make(self, memory_bytes: int) -> _Compiler:
        """A new instance. On a guest thread."""
        return _Compiler(self.program(), self._nothing, memory_bytes)

    def used(self, keeper: Keeper) -> None:
        """It may have an instance; of the others only the last ones keep theirs."""
        with self._lock:
            self._keepers[keeper] = None
            self._keepers.move_to_end(keeper)
            oldest = self._keepers.popitem(last=False)[0] if len(self._keepers) > MAX_KEPT else None
        if oldest is not None:
            oldest.close(wait=False)

    def forget(self, keeper: Keeper) -> None:
        """It has none any more."""
        with self._lock:
            self._keepers.pop(keeper, None)


def _explain(trap: GuestTrap) -> CompilerFailure:
    if trap.kind in _TOO_DEEP:
        return CompilerFailure("depth", "the source is nested too deeply for the TypeScript compiler")
    if trap.kind is TrapKind.INTERRUPTED:
        return CompilerFailure("time", "compiling the TypeScript took too long")
    if trap.kind is TrapKind.KILLED:
        return CompilerFailure("cancelled", "compiling the TypeScript was interrupted")
    return CompilerFailure(
        "crash", "the TypeScript compiler crashed, or has too little memory for this source"
    )
