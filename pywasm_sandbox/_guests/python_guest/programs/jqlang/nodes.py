"""The parts of a program, and how each of them runs.

``run`` takes what a filter takes and yields what it yields: pairs of a path and a value. The path is
None unless somebody asks for paths; then it is a tuple of keys, or `NO_PATH` for a value that is not a part
of the input.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from . import values
from .values import JqError

Path = Any
Pair = tuple[Path, Any]

NO_PATH = object()


class Env:
    """The variables and functions in sight."""

    __slots__ = ("functions", "shared", "variables")

    def __init__(
        self, shared: Shared, variables: dict[str, Any] | None = None, functions: dict[str, Any] | None = None
    ) -> None:
        self.shared = shared
        self.variables = variables or {}
        self.functions = functions or {}

    def bind(self, **new: Any) -> Env:
        return self.with_variables(new)

    def with_variables(self, new: dict[str, Any]) -> Env:
        return Env(self.shared, {**self.variables, **new}, self.functions)


class Shared:
    """What is one for a whole run: built-in functions, inputs, what messages are for."""

    def __init__(self) -> None:
        self.natives: dict[str, Callable[..., Iterator[Pair]]] = {}
        self.defined: dict[str, Function] = {}
        self.inputs: Iterator[Any] = iter(())
        self.named: dict[str, Any] = {}
        self.file_name: str | None = None
        self.warn: Callable[[str], None] = print


class Function:
    """A definition, and what it sees."""

    __slots__ = ("body", "env", "parameters")

    def __init__(self, parameters: list[str], body: Node, env: Env) -> None:
        self.parameters, self.body, self.env = parameters, body, env


class Closure:
    """A filter given as an argument."""

    __slots__ = ("env", "node")

    def __init__(self, node: Node, env: Env) -> None:
        self.node, self.env = node, env

    def run(self, path: Path, value: Any) -> Iterator[Pair]:
        return self.node.run(self.env, path, value)

    def values(self, value: Any) -> Iterator[Any]:
        return self.node.values(self.env, value)

    def paths(self, value: Any) -> Iterator[Pair]:
        """Pairs with paths into ``value``."""
        for path, found in self.node.run(self.env, (), value):
            if path is NO_PATH:
                raise JqError(f"Invalid path expression with result {values.dump(found)[:30]}")
            yield path, found


class BreakOut(Exception):
    """``break``: to the label with this mark."""

    def __init__(self, mark: object) -> None:
        self.mark = mark


def into(path: Path, key: Any, value: Any) -> Path:
    """The path one step further."""
    if path is None:
        return None
    if path is NO_PATH:
        raise JqError(f"Invalid path expression with result {values.dump(value)[:30]}")
    return (*path, key)


def off(path: Path) -> Path:
    """The path of a new value."""
    return None if path is None else NO_PATH


class Node:
    """A filter."""

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        raise NotImplementedError

    def values(self, env: Env, value: Any) -> Iterator[Any]:
        """Without paths."""
        for _, found in self.run(env, None, value):
            yield found


class Identity(Node):
    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        yield path, value


class Literal(Node):
    def __init__(self, value: Any) -> None:
        self.value = value

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        # `null` and `empty` are used in paths: null has one where the input is null.
        yield (path if self.value is None and value is None else off(path)), self.value


class Variable(Node):
    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        if self.name == "$ENV":
            yield off(path), env.shared.named["$ENV"]
        elif self.name in env.variables:
            yield off(path), env.variables[self.name]
        else:
            yield off(path), env.shared.named[self.name]


class Pipe(Node):
    def __init__(self, first: Node, second: Node) -> None:
        self.first, self.second = first, second

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        second = self.second
        for between, found in self.first.run(env, path, value):
            yield from second.run(env, between, found)


class Comma(Node):
    def __init__(self, first: Node, second: Node) -> None:
        self.first, self.second = first, second

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        yield from self.first.run(env, path, value)
        yield from self.second.run(env, path, value)


class Index(Node):
    def __init__(self, term: Node, key: Node) -> None:
        self.term, self.key = term, key

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        keys = list(self.key.values(env, value))
        for place, found in self.term.run(env, path, value):
            for key in keys:
                yield into(place, key, found), values.get(found, key)


class Slice(Node):
    def __init__(self, term: Node, start: Node | None, end: Node | None) -> None:
        self.term = term
        self.bounds = start or Literal(None), end or Literal(None)

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        starts, ends = (list(bound.values(env, value)) for bound in self.bounds)
        for place, found in self.term.run(env, path, value):
            for end, start in itertools.product(ends, starts):
                key = {"start": start, "end": end}
                if not (found is None or isinstance(found, (list, str))):
                    raise JqError(f"Cannot index {values.kind(found)} with object")
                yield into(place, key, found), values.get(found, key)


class Iterate(Node):
    def __init__(self, term: Node) -> None:
        self.term = term

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for place, found in self.term.run(env, path, value):
            if path is None:
                for _, each in values.children(found):
                    yield None, each
            else:
                for key, each in values.children(found):
                    yield into(place, key, found), each


class Collect(Node):
    def __init__(self, body: Node) -> None:
        self.body = body

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        yield off(path), [found for _, found in self.body.run(env, None, value)]


class Object(Node):
    def __init__(self, pairs: list[tuple[Node, Node]]) -> None:
        self.pairs = pairs

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for found in self.objects(env, value, len(self.pairs)):
            yield off(path), found

    def objects(self, env: Env, value: Any, count: int) -> Iterator[dict[str, Any]]:
        """With the first ``count`` pairs; those of the first pair vary most quickly last."""
        if not count:
            yield {}
            return
        key_node, value_node = self.pairs[count - 1]
        for before in self.objects(env, value, count - 1):
            for key in key_node.values(env, value):
                if not isinstance(key, str):
                    raise JqError(f"Object keys must be strings, not {values.brief(key)}")
                for each in value_node.values(env, value):
                    yield {**before, key: each}


class Interpolation(Node):
    def __init__(self, format: str, parts: tuple[Any, ...]) -> None:
        self.format, self.parts = format, parts

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        from .text import formatted

        def texts(count: int) -> Iterator[str]:
            if not count:
                yield ""
                return
            part = self.parts[count - 1]
            if isinstance(part, str):
                for before in texts(count - 1):
                    yield before + part
                return
            for found in part.values(env, value):
                shown = formatted(self.format, found)
                for before in texts(count - 1):
                    yield before + shown

        for text in texts(len(self.parts)):
            yield off(path), text


class Format(Node):
    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        from .text import formatted

        yield off(path), formatted(self.name, value)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": values.add,
    "-": values.subtract,
    "*": values.multiply,
    "/": values.divide,
    "%": values.remainder,
    "==": values.same,
    "!=": lambda left, right: not values.same(left, right),
    "<": values.less,
    "<=": lambda left, right: values.less(left, right) or values.same(left, right),
    ">": lambda left, right: not values.less(left, right) and not values.same(left, right),
    ">=": lambda left, right: not values.less(left, right),
}


class Binary(Node):
    def __init__(self, operator: str, left: Node, right: Node) -> None:
        self.apply, self.left, self.right = OPERATORS[operator], left, right

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for _, right in self.right.run(env, None, value):
            for _, left in self.left.run(env, None, value):
                yield off(path), self.apply(left, right)


class Negate(Node):
    def __init__(self, body: Node) -> None:
        self.body = body

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for found in self.body.values(env, value):
            if not values.is_number(found):
                raise JqError(f"{values.brief(found)} cannot be negated")
            yield off(path), -found if found else -0.0


class Logical(Node):
    """``and`` and ``or``: where the left side is what ``settles`` it, the right one isn't asked."""

    settles: bool

    def __init__(self, left: Node, right: Node) -> None:
        self.left, self.right = left, right

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for left in self.left.values(env, value):
            if values.truthy(left) == self.settles:
                yield off(path), self.settles
                continue
            for right in self.right.values(env, value):
                yield off(path), values.truthy(right)


class And(Logical):
    settles = False


class Or(Logical):
    settles = True


class Alternative(Node):
    def __init__(self, left: Node, right: Node) -> None:
        self.left, self.right = left, right

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        some = False
        source = self.left.run(env, path, value)
        while True:
            try:
                place, found = next(source)
            except (StopIteration, JqError):
                break
            if values.truthy(found):
                some = True
                yield place, found
        if not some:
            yield from self.right.run(env, path, value)


class If(Node):
    def __init__(self, condition: Node, then: Node, otherwise: Node) -> None:
        self.condition, self.then, self.otherwise = condition, then, otherwise

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for found in self.condition.values(env, value):
            yield from (self.then if values.truthy(found) else self.otherwise).run(env, path, value)


class Try(Node):
    def __init__(self, body: Node, handler: Node | None) -> None:
        self.body, self.handler = body, handler

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        source = self.body.run(env, path, value)
        while True:
            # What goes wrong later, with what this yields, is not its business.
            try:
                pair = next(source)
            except StopIteration:
                return
            except JqError as error:
                problem = error
                break
            yield pair
        if problem.value == {"__jq": 0}:  # error(break): ends quietly
            return
        if self.handler is not None:
            yield from self.handler.run(env, off(path), problem.value)


class Label(Node):
    def __init__(self, name: str, body: Node) -> None:
        self.name, self.body = name, body

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        mark = object()
        try:
            yield from self.body.run(env.with_variables({"*" + self.name: mark}), path, value)
        except BreakOut as out:
            if out.mark is not mark:
                raise


class Break(Node):
    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        raise BreakOut(env.variables["*" + self.name])
        yield  # it is a generator


class Reduce(Node):
    def __init__(self, source: Node, pattern: Pattern, start: Node, update: Node) -> None:
        self.source, self.pattern, self.start, self.update = source, pattern, start, update

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for place, state in self.start.run(env, path, value):
            for found in self.source.values(env, value):
                for names in self.pattern.match(env, found):
                    inner = env.with_variables(names)
                    results = collections.deque(self.update.run(inner, place, state), maxlen=1)
                    place, state = results.pop() if results else (off(path), None)
            yield place, state


class Foreach(Node):
    def __init__(
        self, source: Node, pattern: Pattern, start: Node, update: Node, extract: Node | None
    ) -> None:
        self.source, self.pattern, self.start, self.update = source, pattern, start, update
        self.extract = extract

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for place, state in self.start.run(env, path, value):
            for found in self.source.values(env, value):
                for names in self.pattern.match(env, found):
                    inner = env.with_variables(names)
                    for pair in self.update.run(inner, place, state):
                        place, state = pair
                        if self.extract is None:
                            yield pair
                        else:
                            yield from self.extract.run(inner, *pair)


class Define(Node):
    def __init__(self, name: str, parameters: list[str], body: Node, rest: Node) -> None:
        self.name, self.parameters, self.body, self.rest = name, parameters, body, rest

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        inner = Env(env.shared, env.variables, dict(env.functions))
        inner.functions[f"{self.name}/{len(self.parameters)}"] = Function(self.parameters, self.body, inner)
        return self.rest.run(inner, path, value)


class Call(Node):
    def __init__(self, name: str, arguments: list[Node]) -> None:
        self.name, self.arguments = f"{name}/{len(arguments)}", arguments

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        function = env.functions.get(self.name) or env.shared.defined.get(self.name)
        if isinstance(function, Closure):
            return function.run(path, value)
        closures = [Closure(node, env) for node in self.arguments]
        if function is None:
            return env.shared.natives[self.name](env, path, value, *closures)
        if not closures:
            return function.body.run(function.env, path, value)
        return call(function, closures, path, value)


def call(function: Function, closures: list[Closure], path: Path, value: Any) -> Iterator[Pair]:
    """Parameters that begin with ``$`` are variables, and functions that give them."""
    functions = dict(function.env.functions)
    named = []
    for parameter, closure in zip(function.parameters, closures, strict=True):
        if parameter.startswith("$"):
            named.append((parameter, closure))
        else:
            functions[f"{parameter}/0"] = closure
    env = Env(function.env.shared, function.env.variables, functions)
    if not named:
        yield from function.body.run(env, path, value)
        return
    for found in itertools.product(*(list(closure.values(value)) for _, closure in named)):
        new = dict(zip((parameter for parameter, _ in named), found, strict=True))
        inner = env.with_variables(new)
        inner.functions = {
            **functions,
            **{f"{name[1:]}/0": Closure(Variable(name), inner) for name in new},
        }
        yield from function.body.run(inner, path, value)


# ---- variables ----------------------------------------------------------------------------------------


class Pattern:
    """What ``as`` takes a value apart with."""

    def match(self, env: Env, value: Any) -> Iterator[dict[str, Any]]:
        """The variables; more than once where a key yields more than once."""
        raise NotImplementedError

    def names(self) -> set[str]:
        raise NotImplementedError


class Name(Pattern):
    def __init__(self, name: str) -> None:
        self.name = name

    def match(self, env: Env, value: Any) -> Iterator[dict[str, Any]]:
        yield {self.name: value}

    def names(self) -> set[str]:
        return {self.name}


class Elements(Pattern):
    def __init__(self, parts: list[Pattern]) -> None:
        self.parts = parts

    def match(self, env: Env, value: Any) -> Iterator[dict[str, Any]]:
        if value is not None and not isinstance(value, list):
            raise JqError(f"Cannot index {values.kind(value)} with number")
        return combined(env, [(part, values.get(value, n)) for n, part in enumerate(self.parts)])

    def names(self) -> set[str]:
        return set().union(*(part.names() for part in self.parts))


class Fields(Pattern):
    def __init__(self, fields: list[tuple[Node, str, Pattern | None]]) -> None:
        self.fields = fields

    def match(self, env: Env, value: Any) -> Iterator[dict[str, Any]]:
        return self.following(env, value, 0, {})

    def following(self, env: Env, value: Any, at: int, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if at == len(self.fields):
            yield found
            return
        key_node, name, pattern = self.fields[at]
        inner = env.with_variables(found)
        for key in key_node.values(inner, value):
            if not isinstance(key, str):
                raise JqError(f"Cannot index {values.kind(value)} with {values.kind(key)}")
            item = values.get(value, key)
            own = {**found, name: item} if name else found
            for more in pattern.match(inner, item) if pattern is not None else [{}]:
                yield from self.following(env, value, at + 1, {**own, **more})

    def names(self) -> set[str]:
        found = {name for _, name, _ in self.fields if name}
        return found.union(*(pattern.names() for _, _, pattern in self.fields if pattern is not None))


def combined(env: Env, parts: list[tuple[Pattern, Any]]) -> Iterator[dict[str, Any]]:
    if not parts:
        yield {}
        return
    for found in parts[0][0].match(env, parts[0][1]):
        for more in combined(env.with_variables(found), parts[1:]):
            yield {**found, **more}


class Bind(Node):
    def __init__(self, source: Node, patterns: list[Pattern], body: Node) -> None:
        self.source, self.patterns, self.body = source, patterns, body
        self.blank = dict.fromkeys(set().union(*(each.names() for each in patterns))) if patterns[1:] else {}

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for found in self.source.values(env, value):
            yield from self.alternatives(env, path, value, found)

    def alternatives(self, env: Env, path: Path, value: Any, found: Any) -> Iterator[Pair]:
        """With the first pattern that does it; an error goes on with the next one."""
        for number, pattern in enumerate(self.patterns, 1):
            try:
                for names in pattern.match(env, found):
                    yield from self.body.run(env.with_variables({**self.blank, **names}), path, value)
                return
            except JqError:
                if number == len(self.patterns):
                    raise


# ---- assignments --------------------------------------------------------------------------------------


def assignment(operator: str, target: Node, source: Node) -> Node:
    if operator == "|=":
        return Update(target, source)
    return Assign(target, source, operator[:-1])


class Update(Node):
    """``target |= source``."""

    def __init__(self, target: Node, source: Node) -> None:
        self.target, self.source = target, source

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        yield off(path), updated(env, self.target, value, lambda old: self.source.values(env, old))


def updated(env: Env, target: Node, value: Any, change: Callable[[Any], Iterator[Any]]) -> Any:
    """``value`` with the first of what ``change`` yields at each path; without what it yields nothing for."""
    gone: list[Any] = []
    for place, _ in Closure(target, env).paths(value):
        new = next(change(values.get_path(value, place)), NO_PATH)
        if new is NO_PATH:
            gone.append(list(place))
        else:
            value = values.put_path(value, place, new)
    return values.delete_paths(value, gone)


class Assign(Node):
    """``target = source``, ``target += source``, …: once for each value of the source."""

    def __init__(self, target: Node, source: Node, operator: str) -> None:
        self.target, self.source, self.operator = target, source, operator

    def run(self, env: Env, path: Path, value: Any) -> Iterator[Pair]:
        for found in self.source.values(env, value):
            yield off(path), updated(env, self.target, value, self.change(found))

    def change(self, found: Any) -> Callable[[Any], Iterator[Any]]:
        def new(old: Any) -> Iterator[Any]:
            if not self.operator:
                yield found
            elif self.operator == "//":
                yield old if values.truthy(old) else found
            else:
                yield OPERATORS[self.operator](old, found)

        return new
