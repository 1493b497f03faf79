"""TypeScript to JavaScript, for cells and for modules of the virtual filesystem.

Types are stripped to spaces where that is enough, which keeps every position; else the code is transformed
and comes with a source map. Types are not checked. Two compilers share the work: swc has nearly all of it,
TypeScript's own what swc's WebAssembly build can't do (decorators, JSX).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from pywasm_sandbox._engine import Deadline, Engine

from .assets import Assets
from .decorators import has_decorators
from .swc import Compiled, CompilerFailure, Keeper, Refused, Session, Swc
from .tsc import Tsc

__all__ = [
    "COMPILE_TIMEOUT_SECONDS",
    "MAX_COMPILER_MEMORY_BYTES",
    "MAX_SOURCE_BYTES",
    "Kind",
    "TranspileError",
    "Transpiled",
    "TypeScript",
]

Kind = Literal["cell", "module"]

MAX_SOURCE_BYTES: Final = 8 << 20
"""TypeScript that is longer (in UTF-8) is refused."""
MAX_COMPILER_MEMORY_BYTES: Final = 512 << 20
"""What one compilation may use; a context's ``memory_bytes`` if that is less."""
COMPILE_TIMEOUT_SECONDS: Final = 10.0
"""How long one compilation may take; the time that is left to the run if that is less."""

_FRAME_WIDTH: Final = 100

_IMPORTS: Final = re.compile(r"^[ \t]*import\b[ \t]*[\w$*{]", re.MULTILINE)
_JSX_FILE: Final = re.compile(r"\.[jt]sx$")
_JSX: Final = re.compile(r"<(?:[A-Za-z][\w.:-]*|>)")
_OBJECT_LIKE: Final = re.compile(r"\s*\{")
_FRESH_ENUM: Final = re.compile(r"^var ([\w$]+) = (?:/\*#__PURE__\*/ )?function\(\1\) \{$", re.MULTILINE)
_NAMESPACE_LAST: Final = re.compile(
    r"^\}\)\(([\w$]+) \|\| \(\1 = \{\}\)\);\n(?:var [\w$, ]+;\n)*\Z", re.MULTILINE
)


class Transpiled(NamedTuple):
    """JavaScript. Without a ``source_map`` (JSON, version 3) its positions are the source's."""

    code: str
    source_map: str | None = None


class TranspileError(Exception):
    """The source can't be compiled: ``name`` is what JavaScript would call the error.

    ``line`` and ``column`` count from 1, None if the error has no place. ``frame`` are lines that show it.
    """

    def __init__(
        self,
        name: str,
        message: str,
        *,
        filename: str = "",
        line: int | None = None,
        column: int | None = None,
        frame: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.filename = filename
        self.line = line
        self.column = column
        self.frame = frame


class _Job(NamedTuple):
    """One source to compile, and what it may use."""

    source: str
    filename: str
    kind: Kind
    keeper: Keeper
    deadline: Deadline
    cancelled: Callable[[], bool]


class TypeScript:
    """What turns TypeScript into JavaScript in this process. Thread-safe."""

    def __init__(self, engine: Engine, assets: Assets) -> None:
        asset = assets["swc-typescript"]
        self._swc = Swc(engine, asset.source())
        self._tsc = Tsc(engine, assets)

    def begin(self) -> None:
        """It will be needed: compile the compiler meanwhile, on another thread, if that was not done."""
        self._swc.begin()

    def prepare(self) -> None:
        """Compile the compilers, or find them in the cache. On a guest thread."""
        self._swc.program()
        self._tsc.image()

    def keeper(self, memory_bytes: int = MAX_COMPILER_MEMORY_BYTES) -> Keeper:
        """The compiler of one context, whose compilations may use so much memory each."""
        return Keeper(self._swc, min(memory_bytes, MAX_COMPILER_MEMORY_BYTES))

    def forget(self, keeper: Keeper) -> None:
        """The context ends."""
        self._swc.forget(keeper)
        keeper.close()

    def transpile(
        self,
        source: str,
        filename: str,
        *,
        kind: Kind = "module",
        keeper: Keeper | None = None,
        deadline: Deadline | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Transpiled:
        """Compile one source. On a guest thread.

        A cell keeps all its imports and replaces an enum of an earlier cell; a module drops imports that are
        used as types only. There may be JSX in cells and in files whose names end in "x". ``keeper`` is the
        context's, None for an instance of this source alone; ``cancelled`` is asked each tick. Raises
        `TranspileError`.
        """
        size = len(source) if source.isascii() else len(source.encode("utf-8", "replace"))
        if size > MAX_SOURCE_BYTES:
            raise TranspileError(
                "RangeError", f"TypeScript of {size} bytes is over the limit of {MAX_SOURCE_BYTES}"
            )
        own = self.keeper() if keeper is None else keeper
        job = _Job(source, filename, kind, own, _sooner(deadline), cancelled)
        try:
            result = self._choose(job)
        except CompilerFailure as failure:
            raise TranspileError(_NAMES[failure.reason], str(failure), filename=filename) from failure
        finally:
            if keeper is None:
                self.forget(own)
        if isinstance(result, Refused):
            raise syntax_error(source, filename, result)
        if result.source_map is not None and kind == "cell":
            return Transpiled(_as_cell(result.code), result.source_map)
        return Transpiled(result.code, result.source_map)

    def _choose(self, job: _Job) -> Compiled | Refused:
        """By swc what it can do, else by TypeScript's compiler."""
        if job.kind == "module" and (extension := _JSX_FILE.search(job.filename)):
            return self._slowly(job, extension[0])
        compile_ = self._compile_cell if job.kind == "cell" else self._compile_module
        result = job.keeper.session(
            lambda session: compile_(session, job.source, job.filename),
            deadline=job.deadline,
            cancelled=job.cancelled,
        )
        if isinstance(result, Compiled):
            return self._slowly(job, ".ts") if has_decorators(job.source) else result
        if job.kind == "cell" and _JSX.search(job.source):
            as_jsx = self._slowly(job, ".tsx")
            # What neither takes is more likely TypeScript with a mistake than JSX with one.
            return as_jsx if isinstance(as_jsx, Compiled) else result
        return result

    def _slowly(self, job: _Job, extension: str) -> Compiled | Refused:
        return self._tsc.compile(
            job.source,
            f"source{extension}",
            elide_imports=job.kind == "module",
            deadline=job.deadline,
            cancelled=job.cancelled,
        )

    @staticmethod
    def _compile_cell(session: Session, source: str, filename: str) -> Compiled | Refused:
        result = session.strip(source, filename)
        if isinstance(result, Compiled):
            return result
        if result.kind == "UnsupportedSyntax":
            return session.transform(source, filename, elide_imports=False)
        if _OBJECT_LIKE.match(source):
            # As a program it is a block; as in other REPLs it is an object if that makes sense.
            wrapped = session.strip(f"({source}\n)", filename)
            if isinstance(wrapped, Compiled):
                return wrapped
        return result

    @staticmethod
    def _compile_module(session: Session, source: str, filename: str) -> Compiled | Refused:
        result = session.strip(source, filename)
        needs_more = (
            _IMPORTS.search(result.code)
            if isinstance(result, Compiled)
            else result.kind == "UnsupportedSyntax"
        )
        return session.transform(source, filename, elide_imports=True) if needs_more else result


_NAMES: Final = {
    "depth": "RangeError",
    "time": "ExecutionTimeout",
    "cancelled": "KeyboardInterrupt",
    "crash": "RangeError",
}


def _sooner(deadline: Deadline | None) -> Deadline:
    """No grace: there is nothing in a compilation to save."""
    own = Deadline.after(COMPILE_TIMEOUT_SECONDS, 0.0)
    if deadline is None or deadline.soft_at is None or own.soft_at is None:
        return own
    return Deadline(min(own.soft_at, deadline.soft_at), 0.0, own.reason)


def _as_cell(code: str) -> str:
    """Transformed code as a cell: an enum replaces one of an earlier cell, as any other declaration does, and
    a namespace that comes last is no result. What has a position in the source keeps it."""
    for match in _FRESH_ENUM.finditer(code):
        end = re.compile(rf"^\}}\({re.escape(match[1])} \|\| \{{\}}\);$", re.MULTILINE).search(
            code, match.end()
        )
        if end is not None:
            code = f"{code[: end.start()]}}}({{}});{' ' * (len(end[0]) - 6)}{code[end.end() :]}"
    return f"{code}void 0;\n" if _NAMESPACE_LAST.search(code) else code


def syntax_error(source: str, filename: str, refused: Refused) -> TranspileError:
    """What is wrong and where, shown as Node shows it."""
    return TranspileError(
        "SyntaxError",
        refused.message,
        filename=filename,
        line=refused.line,
        column=refused.column,
        frame=code_frame(source, filename, refused.line, refused.column),
    )


def code_frame(source: str, filename: str, line: int, column: int) -> tuple[str, ...]:
    """The place, the line and a caret below the column (both from 1). Of a long line, the part around it."""
    lines = re.split(r"\r\n|[\n\r\u2028\u2029]", source)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    start = max(0, column - 1 - _FRAME_WIDTH // 2) if len(text) > _FRAME_WIDTH else 0
    shown = text[start : start + _FRAME_WIDTH]
    indent = "".join("\t" if character == "\t" else " " for character in shown[: column - 1 - start])
    return f"{filename}:{line}", shown, f"{indent}^"
