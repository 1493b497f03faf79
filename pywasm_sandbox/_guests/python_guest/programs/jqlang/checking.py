"""That a program uses only what there is."""

from collections.abc import Iterable
from typing import Any

from .nodes import Bind, Break, Call, Define, Foreach, Label, Node, Pattern, Reduce, Variable
from .parser import Mistake


def check(node: Node, functions: Iterable[str], variables: Iterable[str]) -> None:
    """Raises `Mistake` for a function, variable or label that is nowhere defined."""
    _node(node, frozenset(functions), frozenset(variables))


def _node(node: Any, functions: frozenset[str], variables: frozenset[str]) -> None:
    if isinstance(node, Variable) and node.name not in variables:
        raise Mistake(f"{node.name} is not defined")
    if isinstance(node, Break) and "*" + node.name not in variables:
        raise Mistake(f"$*label-{node.name[1:]} is not defined")
    if isinstance(node, Call):
        if node.name not in functions:
            raise Mistake(f"{node.name} is not defined")
        _all(node.arguments, functions, variables)
    elif isinstance(node, Define):
        own = functions | {f"{node.name}/{len(node.parameters)}"}
        parameters = {f"{name.lstrip('$')}/0" for name in node.parameters}
        named = {name for name in node.parameters if name.startswith("$")}
        _node(node.body, own | parameters, variables | named)
        _node(node.rest, own, variables)
    elif isinstance(node, Label):
        _node(node.body, functions, variables | {"*" + node.name})
    elif isinstance(node, Bind):
        _node(node.source, functions, variables)
        names = set().union(*(pattern.names() for pattern in node.patterns))
        _all([*node.patterns, node.body], functions, variables | names)
    elif isinstance(node, (Reduce, Foreach)):
        _all([node.source, node.start], functions, variables)
        extract = [node.extract] if isinstance(node, Foreach) else []
        _all([node.pattern, node.update, *extract], functions, variables | node.pattern.names())
    elif isinstance(node, (Node, Pattern)):
        _all(list(vars(node).values()), functions, variables)
    elif isinstance(node, (list, tuple)):
        _all(node, functions, variables)


def _all(parts: Iterable[Any], functions: frozenset[str], variables: frozenset[str]) -> None:
    for part in parts:
        _node(part, functions, variables)
