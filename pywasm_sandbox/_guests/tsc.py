"""TypeScript's own compiler, for decorators and JSX: a script in QuickJS, each time in a clone of an image.

It is forty times slower than swc, of which no WebAssembly build of tolerable size does these two.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

from pywasm_sandbox._engine import (
    Deadline,
    Engine,
    EngineFailure,
    GuestExit,
    GuestTrap,
    Image,
    Program,
    TrapKind,
)
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace

from .assets import Assets
from .base import GuestOptions
from .guest_code import files_of
from .interpreter import IMPORTS
from .javascript import JavaScriptGuest
from .protocol import settle_request
from .reproducible import CountingBytes, SteppingClocks
from .swc import Compiled, CompilerFailure, Refused
from .tree import BASE_ENV, SCRIPT_CODE, lay_out

__all__ = ["MEMORY_BYTES", "Tsc"]

MEMORY_BYTES: Final = 512 << 20
FORMAT: Final = "3"
_MAIN: Final = "compiler_main.js"
_SCRIPT: Final = "typescript.js"
MAX_ANSWER_BYTES: Final = 256 << 20


class _CompilerGuest(JavaScriptGuest):
    """One QuickJS runtime with the compiler in it."""

    language: ClassVar[str] = "typescript compiler"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._answer = b""
        self._cancelled: Callable[[], bool] = lambda: False

    def _boot_data(self) -> bytes:
        return f"{SCRIPT_CODE}/{_MAIN}".encode()

    def on_emit(self, kind: int, pointer: int, length: int) -> None:
        """``pywasm.emit``: the answer."""
        if length <= MAX_ANSWER_BYTES:
            self._answer = self._live().memory.read(pointer, length)

    def _on_tick(self) -> None:
        if self._cancelled():
            self._live().kill()

    def settle_for_image(self) -> None:
        """Compile a sample, and make the heap fit for an image."""
        self._call_with("pywasm_handle", settle_request())

    def compile(self, request: bytes, deadline: Deadline, cancelled: Callable[[], bool]) -> bytes:
        """The answer to a request; empty if there is none."""
        self._renew()
        self._cancelled = cancelled
        self._call_with("pywasm_handle", request, deadline=deadline)
        return self._answer


class Tsc:
    """Makes instances of the compiler. Thread-safe."""

    def __init__(self, engine: Engine, assets: Assets) -> None:
        self._engine = engine
        quickjs, self._script = assets["quickjs"], assets["typescript-compiler"]
        self._source = quickjs.filled_source()
        self._main = (Path(__file__).parent / "js_guest" / "typescript" / _MAIN).read_bytes()
        self._lock = threading.Lock()
        self._image: Image | None = None

    def _program(self, _image: Image | None = None) -> Program:
        return self._engine.program(self._source, IMPORTS)

    def image(self) -> Image:
        """The image that all compilations start from. On a guest thread."""
        with self._lock:
            if self._image is None:
                main = hashlib.sha256(self._main).hexdigest()
                parts = (
                    "tsc",
                    FORMAT,
                    self._engine.c.version,
                    self._source.sha256,
                    self._script.sha256,
                    main,
                )
                key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
                self._image = self._engine.image(key, "typescript compiler image", self._capture)
            return self._image

    def _capture(self, descriptor: int) -> Image:
        self._script.verify()
        clocks = SteppingClocks()
        namespace = Namespace(MemoryFS(clock=clocks.realtime_ns))
        lay_out(namespace)
        code = {_MAIN: self._main, _SCRIPT: self._script.path.read_bytes()}
        namespace.mount(SCRIPT_CODE, files_of(code, clocks))
        guest = _CompilerGuest(
            self._program,
            namespace,
            GuestOptions(env=BASE_ENV, memory_bytes=MEMORY_BYTES),
            reproducible=(clocks, CountingBytes()),
        )
        try:
            guest.boot()
            guest.settle_for_image()
            return guest.capture(descriptor, {"language": "typescript compiler"})
        finally:
            guest.close()

    def compile(
        self,
        source: str,
        filename: str,
        *,
        elide_imports: bool,
        deadline: Deadline,
        cancelled: Callable[[], bool],
    ) -> Compiled | Refused:
        """Compile one source, with JSX if the file's extension says so. On a guest thread.

        Raises `CompilerFailure`.
        """
        image = self.image()
        options = GuestOptions(env=BASE_ENV, memory_bytes=MEMORY_BYTES)
        guest = _CompilerGuest(self._program, _empty_files(), options, lambda: image)
        message = {"op": "compile", "source": source, "filename": filename, "elideImports": elide_imports}
        try:
            guest.boot()
            answer = guest.compile(json.dumps(message).encode(), deadline, cancelled)
        except GuestTrap as trap:
            raise _explain(trap) from trap
        except (EngineFailure, GuestExit) as failure:
            raise CompilerFailure("crash", f"TypeScript's compiler crashed: {failure}") from failure
        finally:
            guest.close()
        return _decode(answer)


def _empty_files() -> Namespace:
    namespace = Namespace(MemoryFS())
    namespace.make_directories("/workspace")
    return namespace


def _explain(trap: GuestTrap) -> CompilerFailure:
    if trap.kind is TrapKind.STACK_OVERFLOW:
        return CompilerFailure("depth", "the source is nested too deeply for the TypeScript compiler")
    if trap.kind is TrapKind.INTERRUPTED:
        return CompilerFailure("time", "compiling the TypeScript took too long")
    if trap.kind is TrapKind.KILLED:
        return CompilerFailure("cancelled", "compiling the TypeScript was interrupted")
    return CompilerFailure("crash", f"TypeScript's compiler crashed: {trap.message}")


def _decode(answer: bytes) -> Compiled | Refused:
    try:
        message = json.loads(answer)
    except ValueError:
        message = None
    match message:
        case {"code": str(code), "map": str(source_map)}:
            return Compiled(code, source_map)
        case {"message": str(text), "line": int(line), "column": int(column)}:
            return Refused("InvalidSyntax", text.rstrip("."), line, column)
        case {"failure": str(text)} if "stack" in text:
            raise CompilerFailure("depth", "the source is nested too deeply for the TypeScript compiler")
        case {"failure": str(text)}:
            raise CompilerFailure("crash", f"TypeScript's compiler failed: {text}")
        case _:
            raise CompilerFailure("crash", "TypeScript's compiler gave no answer")
