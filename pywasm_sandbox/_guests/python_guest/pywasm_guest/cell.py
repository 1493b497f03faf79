"""Compiling and running one cell."""

from __future__ import annotations

import _ast
import _contextvars

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from .aio import Loops

__all__ = ["Compiler", "Runner", "clean"]

_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST
_TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_COROUTINE = 0x80  # inspect.CO_COROUTINE
_FUTURES = 0x1FE0000  # every compiler_flag of __future__


def clean(source: str) -> str:
    """The source as it is compiled: newlines as "\\n", no byte order mark, a whole-cell indent removed."""
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    if source[:1] in ("\ufeff", " ", "\t", "\n", "#", "\f"):
        source = _dedent(source.removeprefix("\ufeff"))
    return source


def _dedent(source: str) -> str:
    """Remove the indent of the first statement from every line that has it."""
    for line in source.split("\n"):
        text = line.lstrip(" \t\f")
        if text and text[0] != "#":
            indent = line[: len(line) - len(text)]
            break
    else:
        return source
    if not indent:
        return source
    return "\n".join(line.removeprefix(indent) for line in source.split("\n"))


def _is_suppressed(source: str, expression: _ast.expr) -> bool:
    """Whether a ";" follows the last expression: `x;`, also `x;  # with a comment`."""
    assert expression.end_lineno is not None
    assert expression.end_col_offset is not None
    lines = source.split("\n")[expression.end_lineno - 1 :]
    lines[0] = (
        lines[0]
        .encode("utf-8", "surrogatepass")[expression.end_col_offset :]
        .decode("utf-8", "surrogatepass")
    )
    return any(line.partition("#")[0].rstrip(" \t\f\\").endswith(";") for line in lines)


class Compiler:
    """Turns cells into code objects; what a cell imports from `__future__` holds for the later ones."""

    def __init__(self) -> None:
        self._futures = 0

    def compile(self, source: str, filename: str) -> tuple[CodeType | None, CodeType | None]:
        """The statements, and the last expression if the cell ends in one that is to be shown.

        Raises SyntaxError, and what else `compile` does (ValueError, MemoryError, RecursionError).
        """
        flags = self._futures | _TOP_LEVEL_AWAIT
        tree: _ast.Module = compile(source, filename, "exec", flags | _ONLY_AST, True)
        body = tree.body
        if not body:
            return None, None
        last = body[-1]
        expression = None
        if type(last) is _ast.Expr and not (";" in source and _is_suppressed(source, last.value)):
            expression = last.value
            body.pop()
        statements = None
        if body:
            statements = compile(tree, filename, "exec", flags, True)
            self._futures |= statements.co_flags & _FUTURES
        if expression is None:
            return statements, None
        shown = _ast.Expression(expression)
        return statements, compile(shown, filename, "eval", self._futures | _TOP_LEVEL_AWAIT, True)


class Runner:
    """Runs code objects in the namespace of the cells.

    All of a context's cells share one `contextvars.Context`, so that a variable set in a cell that awaits
    is still set in the next one.
    """

    def __init__(self, namespace: dict[str, Any], loops: Loops) -> None:
        self._namespace = namespace
        self._loops = loops
        self._context = _contextvars.copy_context()

    def run(self, *codes: CodeType | None) -> object:
        """Run them in turn; the value of the last one. Raises what they raise.

        If one of them awaits, all of them run on the loop, as one task.
        """
        for code in codes:
            if code is not None and code.co_flags & _COROUTINE:
                return self._loops.run(self._run_all(codes), self._context)
        value: object = None
        for code in codes:
            value = None if code is None else self._context.run(eval, code, self._namespace)
        return value

    def run_within(self, *codes: CodeType | None) -> object:
        """Run them for code that is running already."""
        for code in codes:
            if code is not None and code.co_flags & _COROUTINE:
                return self._loops.run(self._run_all(codes), _contextvars.copy_context())
        value: object = None
        for code in codes:
            value = None if code is None else eval(code, self._namespace)
        return value

    async def _run_all(self, codes: tuple[CodeType | None, ...]) -> object:
        value: Any = None
        for code in codes:
            value = None if code is None else eval(code, self._namespace)
            if code is not None and code.co_flags & _COROUTINE:
                value = await value
        return value

    def call(self, function: Any, *args: object) -> object:
        """Call a function as the cells' code."""
        return self._context.run(function, *args)
