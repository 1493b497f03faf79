"""From the text of a program to nodes."""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from . import nodes
from .nodes import Node, Pattern

TOKEN = re.compile(
    r"""
    (?P<blank>[\s]+|\#[^\n]*)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<field>\.[A-Za-z_]\w*)
  | (?P<format>@[A-Za-z0-9_]+)
  | (?P<variable>\$(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*)
  | (?P<name>(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*)
  | (?P<op>\?//=|\?//|\|=|\+=|-=|\*=|/=|%=|//=|==|!=|<=|>=|//|\.\.|[.?=;,:|+\-*/%<>()\[\]{}])
  | (?P<string>")
    """,
    re.X | re.A,
)
KEYWORDS = re.findall(
    r"\w+",
    "def if then elif else end as reduce foreach try catch label import include and or not",
)
ASSIGNMENTS = ("=", "|=", "+=", "-=", "*=", "/=", "%=", "//=")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class Mistake(Exception):
    """The program is not one."""


@dataclass
class Token:
    """``kind`` is a group of `TOKEN`, ``keyword`` or ``end``; of a string ``parts`` are texts and nodes."""

    kind: str
    text: str
    place: int
    parts: tuple[Any, ...] = ()


class Lexer:
    """Takes a program apart."""

    def __init__(self, text: str) -> None:
        self.text = text

    def tokens(self, place: int = 0, until: str = "") -> tuple[list[Token], int]:
        """The tokens up to the end, or to the parenthesis that closes an interpolation; where that is."""
        found: list[Token] = []
        depth = 0
        while place < len(self.text):
            match = TOKEN.match(self.text, place)
            if not match:
                raise Mistake(f"syntax error, unexpected {self.text[place]!r} at character {place + 1}")
            kind = match.lastgroup or ""
            text = match[0]
            if kind == "string":
                parts, place = self.string(match.end())
                found.append(Token("string", text, match.start(), parts))
                continue
            if text in ("(", ")") and until:
                depth += 1 if text == "(" else -1
                if depth < 0:
                    break
            if kind == "name" and text in KEYWORDS and text != "not":
                kind = "keyword"
            if kind != "blank":
                found.append(Token(kind, text, match.start()))
            place = match.end()
        else:
            if until:
                raise Mistake("syntax error: unfinished string interpolation")
        found.append(Token("end", "", place))
        return found, place

    def string(self, place: int) -> tuple[tuple[Any, ...], int]:
        """Texts and the nodes of interpolations, and where the string ends."""
        parts: list[Any] = []
        literal = ""
        while True:
            match = re.compile(r'[^"\\]*').match(self.text, place)
            assert match
            literal += match[0]
            place = match.end()
            if place >= len(self.text):
                raise Mistake("syntax error: unfinished string literal")
            if self.text[place] == '"':
                return (*parts, decoded(literal)), place + 1
            if self.text.startswith("\\(", place):
                tokens, end = self.tokens(place + 2, until=")")
                parts += [decoded(literal), Parser(tokens, self.text).whole()]
                literal = ""
                place = end + 1
            else:
                literal += self.text[place : place + 2]
                place += 2


def decoded(literal: str) -> str:
    if "\\" not in literal:
        return literal
    try:
        return str(json.loads(f'"{literal}"', strict=False))
    except ValueError:
        raise Mistake(f"syntax error: invalid escape in string {literal!r}") from None


class Parser:
    """Recursive descent; each method takes one construct."""

    def __init__(self, tokens: list[Token], text: str) -> None:
        self.all, self.at, self.text = tokens, 0, text

    # ---- tokens ---------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.all[self.at]

    def fail(self) -> NoReturn:
        token = self.token
        shown = "end of program" if token.kind == "end" else f"'{token.text}'"
        raise Mistake(f"syntax error, unexpected {shown} at character {token.place + 1}")

    def next(self) -> Token:
        self.at += 1
        return self.all[self.at - 1]

    def sees(self, *texts: str) -> bool:
        return self.token.kind in ("op", "keyword", "name") and self.token.text in texts

    def accept(self, *texts: str) -> bool:
        if self.sees(*texts):
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail()

    def take(self, kind: str) -> str:
        if self.token.kind != kind:
            self.fail()
        return self.next().text

    # ---- from the weakest operator to the strongest ---------------------------------------------------

    def whole(self) -> Node:
        if self.token.kind == "end":
            return nodes.Identity()
        node = self.pipe(end_allowed=True)
        if self.token.kind != "end":
            self.fail()
        return node

    def pipe(self, end_allowed: bool = False) -> Node:
        if self.sees("def"):
            definition = self.definition()
            if end_allowed and self.token.kind == "end":
                return nodes.Define(*definition, nodes.Identity())
            return nodes.Define(*definition, self.pipe(end_allowed))
        if self.accept("label"):
            name = self.take("variable")
            self.expect("|")
            return nodes.Label(name, self.pipe())
        node = self.comma()
        return nodes.Pipe(node, self.pipe()) if self.accept("|") else node

    def comma(self) -> Node:
        node = self.alternative()
        while self.accept(","):
            node = nodes.Comma(node, self.alternative())
        return node

    def alternative(self) -> Node:
        node = self.assignment()
        return nodes.Alternative(node, self.alternative()) if self.accept("//") else node

    def assignment(self) -> Node:
        node = self.either()
        if not self.sees(*ASSIGNMENTS):
            return node
        operator = self.next().text
        return nodes.assignment(operator, node, self.alternative())

    def either(self) -> Node:
        node = self.both()
        while self.accept("or"):
            node = nodes.Or(node, self.both())
        return node

    def both(self) -> Node:
        node = self.comparison()
        while self.accept("and"):
            node = nodes.And(node, self.comparison())
        return node

    def comparison(self) -> Node:
        node = self.sum()
        if self.sees(*COMPARISONS):
            node = nodes.Binary(self.next().text, node, self.sum())
        return node

    def sum(self) -> Node:
        node = self.product()
        while self.sees("+", "-"):
            node = nodes.Binary(self.next().text, node, self.product())
        return node

    def product(self) -> Node:
        node = self.unary()
        while self.sees("*", "/", "%"):
            node = nodes.Binary(self.next().text, node, self.unary())
        return node

    def unary(self) -> Node:
        if self.accept("-"):
            return nodes.Negate(self.unary())
        return self.postfix()

    # ---- terms ----------------------------------------------------------------------------------------

    def postfix(self) -> Node:
        node = self.suffixes(self.term())
        if not self.accept("as"):
            return node
        patterns = [self.pattern()]
        while self.accept("?//"):
            patterns.append(self.pattern())
        self.expect("|")
        return nodes.Bind(node, patterns, self.pipe())

    def suffixes(self, node: Node) -> Node:
        while True:
            token = self.token
            if token.kind == "field":
                node = nodes.Index(node, nodes.Literal(self.next().text[1:]))
            elif self.sees("."):
                following = self.all[self.at + 1]
                if following.kind == "string":
                    self.next()
                    node = nodes.Index(node, self.string())
                elif following.text == "[" and following.kind == "op":
                    self.next()
                else:
                    self.fail()
            elif self.accept("["):
                node = self.subscript(node)
            elif self.accept("?"):
                node = nodes.Try(node, None)
            else:
                return node

    def subscript(self, node: Node) -> Node:
        if self.accept("]"):
            return nodes.Iterate(node)
        if self.accept(":"):
            end = self.pipe()
            self.expect("]")
            return nodes.Slice(node, None, end)
        key = self.pipe()
        if self.accept(":"):
            last = None if self.sees("]") else self.pipe()
            self.expect("]")
            return nodes.Slice(node, key, last)
        self.expect("]")
        return nodes.Index(node, key)

    def term(self) -> Node:
        token = self.token
        match token.kind:
            case "number":
                self.next()
                return nodes.Literal(number(token.text))
            case "string":
                return self.string()
            case "format":
                self.next()
                return self.string(token.text) if self.token.kind == "string" else nodes.Format(token.text)
            case "field":
                self.next()
                return nodes.Index(nodes.Identity(), nodes.Literal(token.text[1:]))
            case "variable":
                return self.variable()
            case "keyword":
                return self.construct()
            case "name":
                return self.call()
            case "op":
                return self.bracketed()
        return self.fail()

    def variable(self) -> Node:
        token = self.next()
        if token.text == "$__loc__":
            line = self.text.count("\n", 0, token.place) + 1
            return nodes.Literal({"file": "<top-level>", "line": line})
        return nodes.Variable(token.text)

    def call(self) -> Node:
        name = self.next().text
        if name == "break":
            return nodes.Break(self.take("variable"))
        arguments: list[Node] = []
        if self.accept("("):
            arguments.append(self.pipe())
            while self.accept(";"):
                arguments.append(self.pipe())
            self.expect(")")
        constants = {"null": None, "true": True, "false": False}
        if name in constants and not arguments:
            return nodes.Literal(constants[name])
        return nodes.Call(name, arguments)

    def bracketed(self) -> Node:
        if self.accept(".."):
            return nodes.Call("recurse", [])
        if self.accept("."):
            if self.token.kind == "string":
                return nodes.Index(nodes.Identity(), self.string())
            return nodes.Identity()
        if self.accept("("):
            node = self.pipe()
            self.expect(")")
            return node
        if self.accept("["):
            if self.accept("]"):
                return nodes.Literal([])
            node = self.pipe()
            self.expect("]")
            return nodes.Collect(node)
        if self.accept("{"):
            return self.object()
        return self.fail()

    def string(self, format: str = "") -> Node:
        parts = self.next().parts
        if len(parts) == 1:
            return nodes.Literal(parts[0])
        return nodes.Interpolation(format or "@text", parts)

    def construct(self) -> Node:
        if self.accept("if"):
            return self.conditional()
        if self.accept("try"):
            body = self.suffixes(self.term())
            return nodes.Try(body, self.suffixes(self.term()) if self.accept("catch") else None)
        if self.accept("reduce"):
            source, pattern, parts = self.loop()
            if len(parts) != 2:
                self.fail()
            return nodes.Reduce(source, pattern, *parts)
        if self.accept("foreach"):
            source, pattern, parts = self.loop()
            if len(parts) not in (2, 3):
                self.fail()
            return nodes.Foreach(source, pattern, parts[0], parts[1], parts[2] if parts[2:] else None)
        if self.accept("def"):
            self.at -= 1
            return nodes.Define(*self.definition(), self.pipe())
        return self.fail()

    def loop(self) -> tuple[Node, Pattern, list[Node]]:
        source = self.suffixes(self.term())
        self.expect("as")
        pattern = self.pattern()
        self.expect("(")
        parts = [self.pipe()]
        while self.accept(";"):
            parts.append(self.pipe())
        self.expect(")")
        return source, pattern, parts

    def conditional(self) -> Node:
        condition = self.pipe()
        self.expect("then")
        then = self.pipe()
        if self.accept("elif"):
            return nodes.If(condition, then, self.conditional())
        otherwise: Node = nodes.Identity()
        if self.accept("else"):
            otherwise = self.pipe()
        self.expect("end")
        return nodes.If(condition, then, otherwise)

    def definition(self) -> tuple[str, list[str], Node]:
        self.expect("def")
        name = self.next()
        if name.kind not in ("name", "keyword"):
            self.fail()
        parameters: list[str] = []
        if self.accept("("):
            while True:
                if self.token.kind not in ("name", "variable", "keyword"):
                    self.fail()
                parameters.append(self.next().text)
                if not self.accept(";"):
                    break
            self.expect(")")
        self.expect(":")
        body = self.pipe()
        self.expect(";")
        return name.text, parameters, body

    # ---- objects and patterns -------------------------------------------------------------------------

    def object(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.accept("}"):
            pairs.append(self.pair())
            if not self.sees("}"):
                self.expect(",")
        return nodes.Object(pairs)

    def pair(self) -> tuple[Node, Node]:
        token = self.token
        key: Node
        if token.kind == "variable":
            value = self.variable()
            return nodes.Literal(token.text[1:]), value
        if self.accept("("):
            key = self.pipe()
            self.expect(")")
            self.expect(":")
            return key, self.object_value()
        if token.kind == "format":
            self.next()
            key = self.string(token.text)
        elif token.kind == "string":
            key = self.string()
        elif token.kind in ("name", "keyword", "number"):
            key = nodes.Literal(self.next().text)
        else:
            self.fail()
        if self.accept(":"):
            return key, self.object_value()
        return key, nodes.Index(nodes.Identity(), key)

    def object_value(self) -> Node:
        node = self.alternative()
        return nodes.Pipe(node, self.object_value()) if self.accept("|") else node

    def pattern(self) -> Pattern:
        if self.token.kind == "variable":
            return nodes.Name(self.next().text)
        if self.accept("["):
            parts = [self.pattern()]
            while self.accept(","):
                parts.append(self.pattern())
            self.expect("]")
            return nodes.Elements(parts)
        self.expect("{")
        fields = [self.field_pattern()]
        while self.accept(","):
            fields.append(self.field_pattern())
        self.expect("}")
        return nodes.Fields(fields)

    def field_pattern(self) -> tuple[Node, str, Pattern | None]:
        """The key, the variable that gets the value too, the pattern for it."""
        token = self.token
        key: Node
        name = ""
        if token.kind == "variable":
            name = self.next().text
            key = nodes.Literal(name[1:])
            if not self.accept(":"):
                return key, name, None
            return key, name, self.pattern()
        if self.accept("("):
            key = self.pipe()
            self.expect(")")
        elif token.kind == "string":
            key = self.string()
        elif token.kind in ("name", "keyword"):
            key = nodes.Literal(self.next().text)
        else:
            self.fail()
        self.expect(":")
        return key, name, self.pattern()


def number(text: str) -> float:
    return int(text) if text.isdigit() else float(text)


def parse(text: str) -> Node:
    """The program. Raises `Mistake`."""
    return Parser(Lexer(text).tokens()[0], text).whole()


def definitions(text: str) -> list[tuple[str, list[str], Node]]:
    """Those of a text that holds nothing else. Raises `Mistake`."""
    parser = Parser(Lexer(text).tokens()[0], text)
    found = []
    while parser.token.kind != "end":
        found.append(parser.definition())
    return found
