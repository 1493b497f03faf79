"""Generates expressions and function bodies of the language as of ES2020, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

__all__ = ["snippets"]

NUMBERS = (
    "0",
    "-0",
    "1",
    "-1",
    "2.5",
    "1e21",
    "-1e-7",
    "NaN",
    "Infinity",
    "0.1",
    "255",
    "2**31",
    "-(2**53)",
    "1/3",
)
STRINGS = ("''", "'a'", "'abc'", "'é€😀'", "'12'", "' 7 '", "'0x1f'", "'a,b,,c'", "'Hello World'", "'\\n\\t'")
OTHERS = ("null", "undefined", "true", "false", "[]", "[1,2,3]", "({})", "({a:1})", "10n", "-3n")
BINARY = (
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "===",
    "!=",
    "!==",
    "&",
    "|",
    "^",
    "<<",
    ">>",
)
LOGICAL = ("&&", "||", "??", ",")
UNARY = ("-", "+", "!", "~", "typeof ", "void ")
STRING_CALLS = (
    *("length", "toUpperCase()", "trim()", "split('')", "split(',')", "slice(1)", "slice(-2)", "slice(1,2)"),
    *(
        "substring(2,0)",
        "indexOf('b')",
        "lastIndexOf('l')",
        "includes('o')",
        "startsWith('He')",
        "endsWith('c')",
    ),
    *(
        "padStart(6,'xy')",
        "padEnd(5)",
        "repeat(2)",
        "charAt(1)",
        "charCodeAt(0)",
        "codePointAt(2)",
        "concat(1,2)",
    ),
    *("replace('l','L')", "replace(/l/g,'L')", "replace(/(.)(.)/,'$2$1')", "match(/[a-z]/g)", "search(/W/)"),
    *("normalize('NFD').length", "localeCompare('b')", "split(/(,)/)", "replace(/./g, c => c + c)", "at"),
    *("trimStart()", "trimEnd()", "toLowerCase()", "matchAll(/./g).next().value[0]", "substr(-2,1)"),
)
NUMBER_CALLS = (
    *(
        "toFixed(2)",
        "toString(2)",
        "toString(36)",
        "toExponential(3)",
        "toPrecision(4)",
        "toString()",
        "valueOf()",
    ),
)
ARRAY_CALLS = (
    *(
        "map(x => x * 2)",
        "filter(x => x > 1)",
        "reduce((a, b) => a + b, 0)",
        "reduceRight((a, b) => a + '-' + b)",
    ),
    *("slice(1)", "splice(1, 1)", "concat([9], 8)", "indexOf(2)", "includes(NaN)", "join('-')", "reverse()"),
    *("sort()", "sort((a, b) => b - a)", "find(x => x > 1)", "findIndex(x => x === 2)", "every(Boolean)"),
    *(
        "some(x => x > 2)",
        "flat()",
        "flat(Infinity)",
        "flatMap(x => [x, x])",
        "fill(0, 1)",
        "keys().next().value",
    ),
    *(
        "entries().next().value",
        "lastIndexOf(1)",
        "push(5)",
        "pop()",
        "shift()",
        "unshift(7)",
        "copyWithin(0, 1)",
    ),
    *("length", "toString()", "forEach(x => x)", "map(String)", "map(parseInt)", "map((x, i) => i)"),
)
ARRAYS = (
    "[3,1,2]",
    "[1,[2,[3]]]",
    "['b','a','c']",
    "[,1,,2]",
    "[NaN,0,-0]",
    "[10,9,1]",
    "[]",
    "[true,null,undefined]",
)
MATH = (
    *("abs", "ceil", "floor", "round", "trunc", "sign", "sqrt", "cbrt", "log2", "log10", "fround", "clz32"),
    *("exp", "atan", "hypot", "max", "min", "expm1", "log1p", "sinh", "imul"),
)
PATTERNS = (
    *(
        r"/a+/",
        r"/(\d+)-(\d+)/",
        r"/^\s*$/",
        r"/[^a-c]/g",
        r"/(?<y>\d{4})/",
        r"/a|b/gi",
        r"/(a)?b/",
        r"/\bw/i",
    ),
    *(
        r"/(?=o)./",
        r"/(?<!l)o/",
        r"/\u{1F600}/u",
        r"/./su",
        r"/(.)\1/",
        r"/x*?y/",
        r"/[\w-]+@[\w.]+/",
        r"/^.{2,3}$/m",
    ),
)
SUBJECTS = ("'aaa'", "'2020-12'", "'hello world'", "''", "'x😀y'", "'a@b.c'", "'line\\nhello'", "'AbBa'")
BODIES = tuple(Path(__file__).with_name("oracle_bodies.txt").read_text().splitlines())
"""Bodies of functions, with @n and @m for numbers."""


def _binary(pick: Callable[..., str]) -> str:
    return f"({pick(NUMBERS, STRINGS, OTHERS)}) {pick(BINARY)} ({pick(NUMBERS, STRINGS, OTHERS)})"


def _logical(pick: Callable[..., str]) -> str:
    return f"({pick(NUMBERS, OTHERS)}) {pick(LOGICAL)} ({pick(UNARY)}({pick(NUMBERS, STRINGS, OTHERS)}))"


def _body(pick: Callable[..., str]) -> str:
    body = pick(BODIES)
    body = body.replace("@n", pick(("1", "2", "3", "5"))).replace("@m", pick(("0", "1", "2", "4")))
    return f"(function () {{ {body} }})()"


KINDS: tuple[Callable[[Callable[..., str]], str], ...] = (
    _binary,
    _logical,
    _body,
    _body,
    lambda pick: f"({pick(STRINGS)}).{pick(STRING_CALLS)}",
    lambda pick: f"({pick(NUMBERS)}).{pick(NUMBER_CALLS)}",
    lambda pick: f"{pick(ARRAYS)}.{pick(ARRAY_CALLS)}",
    lambda pick: f"Math.{pick(MATH)}({pick(NUMBERS, STRINGS)}, {pick(NUMBERS)})",
    lambda pick: f"{pick(PATTERNS)}.exec({pick(SUBJECTS)})",
    lambda pick: f"{pick(SUBJECTS)}.replace({pick(PATTERNS)}, '[$&]')",
    lambda pick: f"{pick(SUBJECTS)}.split({pick(PATTERNS)})",
)


def snippets(count: int, seed: int) -> list[str]:
    """So many different ones."""
    generator = random.Random(seed)

    def pick(*choices: tuple[str, ...]) -> str:
        return generator.choice([each for group in choices for each in group])

    found: dict[str, None] = {}
    while len(found) < count:
        found[generator.choice(KINDS)(pick)] = None
    return list(found)
