"""The signature of a host tool: what its arguments are validated against, and what the guest is told of
it."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from typing import Any

from pywasm_sandbox._guests.hostcalls import HostCallError

__all__ = ["Signature", "describe"]


class Signature:
    """Validates the arguments of calls of one function, by pydantic. Raises what pydantic says of its
    types."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        # Here, because importing it takes long (docs/RATIONALE.md, "Why is pydantic imported late?").
        from pydantic import ConfigDict, ValidationError, validate_call

        self._name = name
        self._positional = [
            parameter.name
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        self._invalid = ValidationError
        config = ConfigDict(arbitrary_types_allowed=True)
        self._validate: Callable[..., Any] = validate_call(config=config)(_stand_in(function))

    def validate(self, args: list[Any], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as the function wants them. Raises `HostCallError`: a TypeError, or a ValueError."""
        try:
            return self._validate(*args, **kwargs)  # type: ignore[no-any-return]
        except self._invalid as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
        lines = [self._explain(problem) for problem in problems]
        missing = all(problem["type"] in _CALL_PROBLEMS for problem in problems)
        raise HostCallError("TypeError" if missing else "ValueError", f"{self._name}(): {'; '.join(lines)}")

    def _explain(self, problem: Any) -> str:
        first, *inner = problem["loc"] or ("s",)
        if isinstance(first, int) and first < len(self._positional):
            first = self._positional[first]
        return f"argument {'.'.join(str(part) for part in (first, *inner))}: {problem['msg']}"


_CALL_PROBLEMS = frozenset(
    {
        "missing_argument",
        "missing_keyword_only_argument",
        "missing_positional_only_argument",
        "multiple_argument_values",
        "unexpected_keyword_argument",
        "unexpected_positional_argument",
    }
)


def _stand_in(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with the signature of another one that returns the arguments that it gets.

    So validating ends before the function runs, and its own errors can't be taken for wrong arguments.
    """

    def stand_in(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, kwargs

    target = function if inspect.isroutine(function) else type(function).__call__
    functools.update_wrapper(stand_in, target)
    stand_in.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # bound, without self
    return stand_in


def describe(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """What the guest is told: name, doc, parameters and return type, as JSON."""
    signature = inspect.signature(function)
    parameters = []
    for parameter in signature.parameters.values():
        entry = {
            "name": parameter.name,
            "kind": parameter.kind.name,
            "type": _type_text(parameter.annotation),
        }
        if parameter.default is not parameter.empty:
            entry |= _default(parameter.default)
        parameters.append(entry)
    return {
        "name": name,
        "doc": inspect.getdoc(function),
        "parameters": parameters,
        "returns": _type_text(signature.return_annotation),
    }


def _type_text(annotation: Any) -> str | None:
    if annotation is inspect.Parameter.empty:
        return None
    if isinstance(annotation, str):
        return annotation
    return inspect.formatannotation(annotation).replace("typing.", "")


def _default(value: Any) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return {"default_text": repr(value)}
    return {"default": value}
