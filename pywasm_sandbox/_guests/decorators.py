"""Whether a source has decorators or auto-accessors, which only a compiler's second choice can lower.

A scanner, not a parser: it knows strings, templates, comments and regular expressions, so that an "@" in
those is none. Where it takes a division for a regular expression or the other way round, the answer may be
wrong, and then the slower compiler works in vain, or the engine says that "@" is a syntax error.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["has_decorators"]

_TOKEN: Final = re.compile(
    r"""
      (?P<skip> \s+ | //[^\n]* | /\*.*?(?:\*/|\Z) | \#!.* )
    | (?P<string> "(?:\\.|[^"\\\n])*"? | '(?:\\.|[^'\\\n])*'? )
    | (?P<word> [\w$]+ )
    | (?P<decorator> @(?=[\w$(]) )
    | (?P<mark> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_TEMPLATE_PART: Final = re.compile(r"(?:\\.|\$(?!\{)|[^\\`$])*(?P<end>`|\$\{)?", re.DOTALL)
_REGEX: Final = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/\w*")

_ACCESSED: Final = re.compile(r"""[^\S\n]+(?!(?:in|instanceof|of|as|satisfies)\b)[\w$#"'\[]""")
"""What follows the keyword ``accessor``; after a name of that kind come operators."""

_BEFORE_REGEX: Final = frozenset(
    (
        "return",
        "typeof",
        "instanceof",
        "in",
        "of",
        "new",
        "delete",
        "void",
        "throw",
        "case",
        "do",
        "else",
        "await",
        "yield",
    )
)
"""Words after which a slash begins a regular expression; after others it divides."""


def has_decorators(source: str) -> bool:
    """Whether the source has a decorator, or a field declared with ``accessor``, anywhere in its code."""
    if "@" not in source and "accessor" not in source:
        return False
    position, end = 0, len(source)
    # For each open template, how many braces are open in its expression.
    templates: list[int] = []
    value_before = False
    while position < end:
        match = _TOKEN.match(source, position)
        assert match is not None
        kind, text = match.lastgroup, match[0]
        position = match.end()
        if kind == "decorator":
            return True
        if kind == "word":
            if text == "accessor" and _ACCESSED.match(source, position):
                return True
            value_before = text not in _BEFORE_REGEX
        elif kind == "string":
            value_before = True
        elif kind == "mark":
            if text == "/" and not value_before and (regex := _REGEX.match(source, position - 1)):
                position, value_before = regex.end(), True
                continue
            position = _after_mark(source, position, text, templates)
            value_before = text in ")]}`"
    return False


def _after_mark(source: str, position: int, mark: str, templates: list[int]) -> int:
    """Where scanning goes on after a mark: templates are skipped but for their expressions."""
    if mark == "{" and templates:
        templates[-1] += 1
    elif mark == "}" and templates:
        if templates[-1]:
            templates[-1] -= 1
            return position
        templates.pop()
        return _template(source, position, templates)
    elif mark == "`":
        return _template(source, position, templates)
    return position


def _template(source: str, position: int, templates: list[int]) -> int:
    match = _TEMPLATE_PART.match(source, position)
    assert match is not None
    if match["end"] == "${":
        templates.append(0)
    return match.end()
