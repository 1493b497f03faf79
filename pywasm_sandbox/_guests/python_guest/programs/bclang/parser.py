"""From the text of a bc program to trees: tuples whose first item says what they are."""

import re
from dataclasses import dataclass
from typing import Any, NoReturn

Tree = tuple[Any, ...]

TOKEN = re.compile(
    r"""
    (?P<blank>(?:[ \t\r\f\v]|\\\n|/\*.*?\*/|\#[^\n]*)+)
  | (?P<newline>\n)
  | (?P<number>[0-9A-F]+\.?[0-9A-F]*|\.[0-9A-F]+)
  | (?P<name>[a-z][a-z0-9_]*)
  | (?P<string>"[^"]*")
  | (?P<op>\+\+|--|&&|\|\||==|<=|>=|!=|[-+*/%^]=|[-+*/%^=<>!(){}\[\],;.])
    """,
    re.X | re.S,
)
KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        "define auto return if else while for break continue print quit halt void warranty limits",
    )
)
SPECIAL = frozenset(("scale", "ibase", "obase", "last"))
FUNCTIONS = frozenset(("length", "sqrt", "scale", "read"))
ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=", "^=")


class Mistake(Exception):
    """A syntax error."""


@dataclass
class Token:
    kind: str
    text: str
    line: int


def tokens(text: str) -> list[Token]:
    found = []
    place, line = 0, 1
    while place < len(text):
        match = TOKEN.match(text, place)
        kind, word = (match.lastgroup or "", match[0]) if match else ("bad", text[place])
        if kind == "name" and word in KEYWORDS:
            kind = "keyword"
        if kind != "blank":
            found.append(Token(kind, word, line))
        line += word.count("\n")
        place += len(word)
    found.append(Token("newline", "\n", line))
    found.append(Token("end", "", line))
    return found


class Parser:
    """Gives a program's items one by one, so that what comes before a mistake runs."""

    def __init__(self, text: str) -> None:
        self._tokens, self._at = tokens(text), 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def fail(self) -> NoReturn:
        raise Mistake(f"{self.token.line}: syntax error")

    def sees(self, *texts: str) -> bool:
        return self.token.kind in ("op", "keyword", "newline") and self.token.text in texts

    def accept(self, *texts: str) -> bool:
        if not self.sees(*texts):
            return False
        self._at += 1
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail()

    def next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def name(self) -> str:
        if self.token.kind != "name":
            self.fail()
        return self.next().text

    def newlines(self) -> None:
        while self.accept("\n"):
            pass

    # ---- items and statements -------------------------------------------------------------------------

    def item(self) -> list[Tree] | None:
        """The statements of the next line, or a definition; None at the end.

        Raises `Mistake`, and goes on with the line after.
        """
        self.newlines()
        if self.token.kind == "end":
            return None
        try:
            if self.accept("define"):
                return [self.definition()]
            found: list[Tree] = []
            while not self.accept("\n"):
                if self.accept(";"):
                    continue
                found.append(self.statement())
                if not self.sees(";", "\n"):
                    # A definition, or another statement after a block, follows on the same line.
                    if self.accept("define"):
                        return [*found, self.definition()]
                    if found[-1][0] not in ("block", "if", "while", "for"):
                        self.fail()
            return found
        except Mistake:
            while self.token.kind not in ("newline", "end"):
                self._at += 1
            raise

    def statement(self) -> Tree:
        token = self.token
        if token.kind == "string":
            return ("text", self.next().text[1:-1])
        if token.kind != "keyword":
            if self.accept("{"):
                return self.block()
            return ("show", self.expression())
        self.next()
        match token.text:
            case "if":
                return self.conditional()
            case "while":
                self.expect("(")
                condition = self.expression()
                self.expect(")")
                self.newlines()
                return ("while", condition, self.statement())
            case "for":
                return self.loop()
            case "print":
                return ("print", self.printed())
            case "return":
                value = None if self.sees(";", "\n", "}") else self.expression()
                return ("return", value)
            case "break" | "continue" | "quit" | "halt":
                return (token.text,)
            case "auto":
                self.names()
                return ("block", [])
            case "warranty" | "limits":
                return ("block", [])
        self._at -= 1
        return self.fail()

    def block(self) -> Tree:
        found: list[Tree] = []
        while not self.accept("}"):
            if self.token.kind == "end":
                self.fail()
            if not self.accept(";", "\n"):
                found.append(self.statement())
        return ("block", found)

    def conditional(self) -> Tree:
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        self.newlines()
        then = self.statement()
        place = self._at
        while self.accept(";", "\n"):
            pass
        if self.accept("else"):
            self.newlines()
            return ("if", condition, then, self.statement())
        self._at = place
        return ("if", condition, then, None)

    def loop(self) -> Tree:
        self.expect("(")
        parts: list[Tree | None] = []
        for end in (";", ";", ")"):
            parts.append(None if self.sees(end) else self.expression())
            self.expect(end)
        self.newlines()
        return ("for", *parts, self.statement())

    def printed(self) -> list[Tree]:
        found: list[Tree] = []
        while True:
            if self.token.kind == "string":
                found.append(("text", self.next().text[1:-1]))
            else:
                found.append(self.expression())
            if not self.accept(","):
                return found

    def definition(self) -> Tree:
        self.accept("void")
        name = self.name()
        self.expect("(")
        parameters = [] if self.sees(")") else self.names()
        self.expect(")")
        self.newlines()
        self.expect("{")
        self.newlines()
        local: list[tuple[str, bool]] = []
        if self.accept("auto"):
            local = self.names()
        return ("define", name, parameters, local, self.block())

    def names(self) -> list[tuple[str, bool]]:
        """Names, and whether each is an array's."""
        found = []
        while True:
            self.accept("*")
            name = self.name()
            array = self.accept("[")
            if array:
                self.expect("]")
            found.append((name, array))
            if not self.accept(","):
                return found

    # ---- expressions, from the weakest operator to the strongest --------------------------------------

    def expression(self) -> Tree:
        left = self.conjunction()
        while self.accept("||"):
            left = ("or", left, self.conjunction())
        return left

    def conjunction(self) -> Tree:
        left = self.negation()
        while self.accept("&&"):
            left = ("and", left, self.negation())
        return left

    def negation(self) -> Tree:
        return ("not", self.negation()) if self.accept("!") else self.relation()

    def relation(self) -> Tree:
        left = self.assignment()
        while self.sees("==", "<=", ">=", "!=", "<", ">"):
            left = ("compare", self.next().text, left, self.assignment())
        return left

    def assignment(self) -> Tree:
        left = self.sum()
        if not self.sees(*ASSIGNMENTS):
            return left
        if left[0] not in ("variable", "element", "special"):
            self.fail()
        operator = self.next().text[:-1]
        return ("assign", operator, left, self.assignment())

    def sum(self) -> Tree:
        left = self.product()
        while self.sees("+", "-"):
            left = ("binary", self.next().text, left, self.product())
        return left

    def product(self) -> Tree:
        left = self.power()
        while self.sees("*", "/", "%"):
            left = ("binary", self.next().text, left, self.power())
        return left

    def power(self) -> Tree:
        left = self.unary()
        return ("binary", "^", left, self.power()) if self.accept("^") else left

    def unary(self) -> Tree:
        if self.accept("-"):
            return ("negate", self.unary())
        if self.sees("++", "--"):
            operator = self.next().text[0]
            return ("before", operator, self.changeable(self.primary()))
        left = self.primary()
        if self.sees("++", "--"):
            return ("after", self.next().text[0], self.changeable(left))
        return left

    def changeable(self, tree: Tree) -> Tree:
        if tree[0] not in ("variable", "element", "special"):
            self.fail()
        return tree

    def primary(self) -> Tree:
        token = self.token
        if token.kind == "number":
            return ("number", self.next().text)
        if self.accept("("):
            inner = self.expression()
            self.expect(")")
            return ("group", inner)
        if self.accept("."):
            return ("special", "last")
        if token.kind != "name":
            self.fail()
        name = self.next().text
        if self.accept("("):
            return ("builtin" if name in FUNCTIONS else "call", name, self.arguments())
        if self.accept("["):
            index = self.expression()
            self.expect("]")
            return ("element", name, index)
        return ("special", name) if name in SPECIAL else ("variable", name)

    def arguments(self) -> list[Tree]:
        found: list[Tree] = []
        while not self.accept(")"):
            if found:
                self.expect(",")
            following = [token.text for token in self._tokens[self._at : self._at + 3]]
            if self.token.kind == "name" and following[1:] == ["[", "]"]:
                found.append(("array", self.name()))
                self._at += 2
            else:
                found.append(self.expression())
        return found
