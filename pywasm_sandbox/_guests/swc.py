"""The TypeScript compiler `@swc/wasm-typescript`: one fresh instance for each compilation.

What it compiles was written by strangers. An instance made for one compilation and dropped after it keeps
nothing from one tenant to the next, runs beside others, gives its memory back, and may trap without harm.
Making one takes 0.1 ms, and the first use of its memory 0.4 ms, so one is ready for the next compilation.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pywasm_sandbox._engine import (
    Deadline,
    Engine,
    EngineFailure,
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

__all__ = ["Compiled", "CompilerFailure", "Refused", "Swc"]

_SAMPLE: Final = "interface A<T> { a: T }\nconst f = async <T,>(x: A<T>): Promise<T> => { return x.a as T }\n"
_OUTSIDE_ASCII: Final = re.compile(r"[^\x20-\x7e\n\r]")
_TOO_DEEP: Final = (TrapKind.STACK_OVERFLOW, TrapKind.MEMORY_OUT_OF_BOUNDS)


@dataclass(frozen=True, slots=True)
class Compiled:
    """JavaScript, and the source map as JSON if one was asked for."""

    code: str
    source_map: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
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
    """One instance, for one compilation."""

    def __init__(self, program: Program, nothing: Namespace, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        bindgen = Bindgen()
        self.instance: Instance = program.instantiate(
            # The module imports nothing of WASI; an instance has a host all the same.
            lambda instance: WasiHost(nothing, instance.memory),
            owner=bindgen,
            limits=Limits(memory_bytes=memory_bytes, side_modules=0),
        )
        bindgen.instance = self.instance
        self.session = Session(bindgen)

    def warm_up(self) -> None:
        """Touch the memory that a compilation takes."""
        self.instance.exclusively(lambda: self.session.strip(_SAMPLE, "sample.ts"))

    def run(
        self,
        work: Callable[[Session], Compiled | Refused],
        deadline: Deadline,
        cancelled: Callable[[], bool],
    ) -> Compiled | Refused:
        def stop_if_cancelled() -> None:
            if cancelled():
                self.instance.kill()

        self.instance.on_tick = stop_if_cancelled
        return self.instance.exclusively(lambda: work(self.session), deadline=deadline)

    def close(self) -> None:
        self.instance.on_tick = None
        self.instance.close()


class Swc:
    """Makes sessions of the compiler. Thread-safe."""

    def __init__(self, engine: Engine, source: ModuleSource) -> None:
        self._engine = engine
        self._source = source
        self._nothing = Namespace(MemoryFS())
        self._lock = threading.Lock()
        self._spare: _Compiler | None = None
        self._making_spare = False

    def program(self) -> Program:
        """The compiler, compiled now if the cache doesn't have it."""
        return self._engine.program(self._source, IMPORTS)

    def session(
        self,
        work: Callable[[Session], Compiled | Refused],
        *,
        memory_bytes: int,
        deadline: Deadline,
        cancelled: Callable[[], bool],
    ) -> Compiled | Refused:
        """Do ``work`` with an instance of its own. On a guest thread.

        ``cancelled`` is asked each tick; True ends the compilation. Raises `CompilerFailure`.
        """
        compiler = self._take_spare(memory_bytes)
        if compiler is None:
            compiler = _Compiler(self.program(), self._nothing, memory_bytes)
        try:
            return compiler.run(work, deadline, cancelled)
        except GuestTrap as trap:
            raise _explain(trap) from trap
        except HostFailure as failure:
            raise CompilerFailure("crash", str(failure.original)) from failure
        except BindgenError as failure:
            raise CompilerFailure("crash", str(failure)) from failure
        finally:
            compiler.close()
            self._make_spare(memory_bytes)

    def _take_spare(self, memory_bytes: int) -> _Compiler | None:
        with self._lock:
            spare = self._spare
            if spare is None or spare.memory_bytes != memory_bytes:
                return None
            self._spare = None
            return spare

    def _make_spare(self, memory_bytes: int) -> None:
        """On another thread, an instance for the next compilation: half of a short one is touching memory."""
        with self._lock:
            if self._making_spare or self._spare is not None:
                return
            self._making_spare = True
        try:
            self._engine.threads.submit(lambda: self._keep_spare(memory_bytes))
        except EngineUnavailable:
            self._making_spare = False

    def _keep_spare(self, memory_bytes: int) -> None:
        try:
            spare = _Compiler(self.program(), self._nothing, memory_bytes)
            spare.warm_up()
            with self._lock:
                self._spare = spare
        except (EngineFailure, BindgenError):
            pass  # such as at exit; a compilation then makes its own, and says what is wrong
        finally:
            self._making_spare = False


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
