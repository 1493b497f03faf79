"""Runs the trees of a bc program."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import numbers
from .numbers import Number
from .parser import Parser, Tree

ZERO, ONE = Number(0), Number(1)
MATHEMATICAL = frozenset("scalej")
MAX_BASE = 999


class Failure(Exception):
    """A runtime error: ends the line that it is in."""


class Quit(Exception):
    """The end of the program."""


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Return(Exception):
    def __init__(self, value: Number) -> None:
        self.value = value


@dataclass
class Machine:
    """Variables, arrays, functions, the settings."""

    library: bool = False
    line_length: int = 70
    scale: int = 0
    ibase: int = 10
    obase: int = 10
    last: Number = ZERO
    variables: dict[str, Number] = field(default_factory=dict)
    arrays: dict[str, dict[int, Number]] = field(default_factory=dict)
    functions: dict[str, Tree] = field(default_factory=dict)
    source: Parser | None = None

    # ---- output ---------------------------------------------------------------------------------------

    def numeral(self, number: Number) -> str:
        """Long ones go on in another line."""
        text = numbers.shown(number, self.obase)
        width = self.line_length - 2
        if width < 1 or len(text) <= width:
            return text
        return "\\\n".join(text[place : place + width] for place in range(0, len(text), width))

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    # ---- statements -----------------------------------------------------------------------------------

    def run(self, tree: Tree | None) -> None:
        if tree is None:
            return
        match tree:
            case ("text", text):
                self.write(text)
            case ("show", expression):
                value = self.value(expression)
                if expression[0] != "assign":
                    self.last = value
                    self.write(self.numeral(value) + "\n")
            case ("print", parts):
                self.print(parts)
            case ("block", statements):
                for each in statements:
                    self.run(each)
            case ("if", condition, then, otherwise):
                self.run(then if self.value(condition).units else otherwise)
            case ("while", condition, body):
                self.loop(condition, None, body)
            case ("for", start, condition, step, body):
                if start is not None:
                    self.value(start)
                self.loop(condition, step, body)
            case ("define", name, *_):
                self.functions[name] = tree
            case _:
                self.leave(tree)

    def leave(self, tree: Tree) -> None:
        match tree[0]:
            case "break":
                raise _Break
            case "continue":
                raise _Continue
            case "return":
                raise _Return(ZERO if tree[1] is None else self.value(tree[1]))
        raise Quit

    def loop(self, condition: Tree | None, step: Tree | None, body: Tree) -> None:
        while condition is None or self.value(condition).units:
            try:
                self.run(body)
            except _Break:
                return
            except _Continue:
                pass
            if step is not None:
                self.value(step)

    def print(self, parts: list[Tree]) -> None:
        escapes = {"n": "\n", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "r": "\r", "q": '"', "\\": "\\"}
        for part in parts:
            if part[0] != "text":
                self.last = self.value(part)
                self.write(self.numeral(self.last))
                continue
            pieces = part[1].split("\\")
            text, place = pieces[0], 1
            while place < len(pieces):
                piece = pieces[place]
                if not piece and place + 1 < len(pieces):
                    text += "\\" + pieces[place + 1]
                    place += 2
                    continue
                text += escapes.get(piece[:1], piece[:1]) + piece[1:]
                place += 1
            self.write(text)

    # ---- expressions ----------------------------------------------------------------------------------

    def value(self, tree: Tree) -> Number:
        return getattr(self, f"on_{tree[0]}")(*tree[1:])  # type: ignore[no-any-return]

    def on_number(self, text: str) -> Number:
        return numbers.parsed(text, self.ibase)

    def on_group(self, inner: Tree) -> Number:
        return self.value(inner)

    def on_variable(self, name: str) -> Number:
        return self.variables.get(name, ZERO)

    def on_special(self, name: str) -> Number:
        found = getattr(self, name)
        return found if isinstance(found, Number) else Number(found)

    def on_element(self, name: str, index: Tree) -> Number:
        return self.arrays.get(name, {}).get(self.value(index).whole(), ZERO)

    def on_negate(self, inner: Tree) -> Number:
        return -self.value(inner)

    def on_not(self, inner: Tree) -> Number:
        return ZERO if self.value(inner).units else ONE

    def on_and(self, left: Tree, right: Tree) -> Number:
        first, second = self.value(left), self.value(right)
        return ONE if first.units and second.units else ZERO

    def on_or(self, left: Tree, right: Tree) -> Number:
        first, second = self.value(left), self.value(right)
        return ONE if first.units or second.units else ZERO

    def on_compare(self, operator: str, left: Tree, right: Tree) -> Number:
        order = self.value(left).compare(self.value(right))
        holds = {
            "==": order == 0,
            "!=": order != 0,
            "<": order < 0,
            "<=": order <= 0,
            ">": order > 0,
            ">=": order >= 0,
        }
        return ONE if holds[operator] else ZERO

    def on_binary(self, operator: str, left: Tree, right: Tree) -> Number:
        return self.apply(operator, self.value(left), self.value(right))

    def apply(self, operator: str, left: Number, right: Number) -> Number:
        try:
            match operator:
                case "+":
                    return left + right
                case "-":
                    return left - right
                case "*":
                    return left.times(right, self.scale)
                case "/":
                    return left.over(right, self.scale)
                case "%":
                    return left.modulo(right, self.scale)
            if right.units % 10**right.scale:
                self.warn("non-zero scale in exponent")
            return left.power(right.whole(), self.scale)
        except numbers.DivideByZero:
            raise Failure("Divide by zero") from None

    def warn(self, message: str) -> None:
        sys.stdout.flush()
        print(f"Runtime warning: {message}", file=sys.stderr)

    def on_assign(self, operator: str, target: Tree, source: Tree) -> Number:
        value = self.value(source)
        if operator:
            value = self.apply(operator, self.value(target), value)
        self.set(target, value)
        return value

    def on_before(self, operator: str, target: Tree) -> Number:
        value = self.apply(operator, self.value(target), ONE)
        self.set(target, value)
        return value

    def on_after(self, operator: str, target: Tree) -> Number:
        before = self.value(target)
        self.set(target, self.apply(operator, before, ONE))
        return before

    def set(self, target: Tree, value: Number) -> None:
        match target:
            case ("variable", name):
                self.variables[name] = value
            case ("element", name, index):
                self.arrays.setdefault(name, {})[self.value(index).whole()] = value
            case ("special", "last"):
                self.last = value
            case ("special", "scale"):
                self.scale = self.bounded("scale", value.whole(), 0, 1 << 20)
            case ("special", name):
                highest = 16 if name == "ibase" else MAX_BASE
                setattr(self, name, self.bounded(name, value.whole(), 2, highest))

    def bounded(self, name: str, value: int, least: int, most: int) -> int:
        if value < least:
            self.warn(f"{name} too small, set to {least}")
        elif value > most:
            self.warn(f"{name} too large, set to {most}")
        return max(least, min(value, most))

    def on_builtin(self, name: str, arguments: list[Tree]) -> Number:
        if name == "read":
            return self.read()
        if len(arguments) != 1:
            raise Failure("Parameter number mismatch")
        value = self.value(arguments[0])
        if name == "length":
            return Number(value.length())
        if name == "scale":
            return Number(value.scale)
        if value.units < 0:
            raise Failure("Square root of a negative number")
        return value.root(self.scale)

    def read(self) -> Number:
        line = sys.stdin.readline()
        items = Parser(line.strip()).item()
        if not items or items[0][0] != "show":
            return ZERO
        return self.value(items[0][1])

    # ---- functions ------------------------------------------------------------------------------------

    def on_array(self, name: str) -> Number:
        raise Failure(f"{name} is an array")

    def on_call(self, name: str, arguments: list[Tree]) -> Number:
        if name in self.functions:
            return self.call(self.functions[name], arguments)
        count = 2 if name == "j" else 1
        if self.library and name in MATHEMATICAL:
            if len(arguments) != count:
                raise Failure(f"Parameter number mismatch in {name}")
            values = [self.value(each) for each in arguments]
            return numbers.mathematical(name, values[-1], self.scale, values[0].whole())
        raise Failure(f"Function {name} not defined.")

    def call(self, function: Tree, arguments: list[Tree]) -> Number:
        _, name, parameters, local, body = function
        if len(arguments) != len(parameters):
            raise Failure(f"Parameter number mismatch in {name}")
        given: list[Any] = []
        for (_, array), argument in zip(parameters, arguments, strict=True):
            if array:
                given.append(dict(self.arrays.get(argument[1], {})))
            else:
                given.append(self.value(argument))
        given += [{} if array else ZERO for _, array in local]
        undo = [
            self.replace(each, array, new)
            for (each, array), new in zip([*parameters, *local], given, strict=True)
        ]
        base = self.ibase
        try:
            self.run(body)
        except _Return as result:
            return result.value
        finally:
            for step in reversed(undo):
                step()
            self.ibase = base
        return ZERO

    def replace(self, name: str, array: bool, new: Any) -> Callable[[], None]:
        """Give a name another value; what gives it back."""
        place: dict[str, Any] = self.arrays if array else self.variables
        there, before = name in place, place.get(name)
        place[name] = new

        def back() -> None:
            if there:
                place[name] = before
            else:
                place.pop(name, None)

        return back
