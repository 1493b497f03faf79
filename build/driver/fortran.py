"""LAPACK's Fortran to C: what f2c (a Fortran 77 translator) cannot read, and what WebAssembly cannot call.

A WebAssembly function is called with exactly the type it has. Callers of LAPACK in C declare subroutines as
`void` and pass no lengths of strings, so that is what the functions are made: f2c's `int` results of
subroutines and its hidden length arguments are dropped. Only `xerbla_`
keeps its result, as OpenBLAS's has one.
"""

from __future__ import annotations

import re

MAXLOC = re.compile(r"MAXLOC\( *WORK\( *(.+?) *: *(.+?) *\), *1 *\)")
SLICE = re.compile(r"^( +)(\w+)\((\d):(\d)\) = 0$", re.MULTILINE)
HUGE = {"D": "1.7976931348623157D+308", "Z": "1.7976931348623157D+308", "S": "3.40282347E+38"}
HUGE["C"] = HUGE["S"]
ATTRIBUTES = re.compile(
    r"^( +)((?:DOUBLE PRECISION|COMPLEX\*16|COMPLEX|REAL|INTEGER|LOGICAL|CHARACTER))\s*"
    r"(?:, *(INTENT\( *\w+ *\)|EXTERNAL))?\s*::",
    re.MULTILINE | re.IGNORECASE,
)
CALL = re.compile(r"\b([a-z]\w*_)\s*\((?!\*)")


class UnexpectedFortran(Exception):
    """The source has a construct in a form that this translation does not know."""


# ---- before f2c


def to_fortran77(name: str, text: str) -> str:
    """Rewrite what f2c does not know; `name` is the routine's, in upper case."""
    text = re.sub(r"^( +)RECURSIVE +", r"\1", text, flags=re.MULTILINE | re.IGNORECASE)
    text = ATTRIBUTES.sub(r"\1\2 ", text)
    text = re.sub(r"^( +EXTERNAL) *::", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"^( +END) +(SUBROUTINE|FUNCTION)\b.*$", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r", (MAXLOC|HUGE)\b", "", text)
    if "HUGE(ZERO)" in text:
        text = text.replace("HUGE(ZERO)", HUGE[name[0]])
    kind = "D" if name[0] in "DZ" else "S"
    text = MAXLOC.sub(rf"MXLOC{kind}( WORK, \1, \2 )", text)
    text = SLICE.sub(_elements, text)
    if name[0] == "Z":
        text = re.sub(r"\bAIMAG\(", "DIMAG(", text).replace(" CONJG, AIMAG,", " DCONJG, DIMAG,")
    return leave_loops(text)


def _elements(match: re.Match[str]) -> str:
    indent, array, first, last = match.groups()
    return "\n".join(f"{indent}{array}({index}) = 0" for index in range(int(first), int(last) + 1))


def leave_loops(text: str) -> str:
    """`EXIT` and `CYCLE` as `GO TO` a label after the loop's end or before it."""
    if not re.search(r"^ .*\b(EXIT|CYCLE) *$", text, re.MULTILINE):
        return text
    lines = text.split("\n")
    loops: list[str | None] = []
    wanted: list[dict[str, str]] = []
    result: list[str] = []
    label = 90000
    for line in lines:
        code = line if line[:1] in (" ", "") and not line.startswith("*") else ""
        opening = re.match(r"^ {5} +DO(?: +(\d+))? +(?:\w+ *=|WHILE)", code, re.IGNORECASE)
        if opening:
            loops.append(opening[1])
            wanted.append({})
        leaving = re.match(r"^(.*?)\b(EXIT|CYCLE) *$", code)
        if leaving:
            if not loops:
                raise UnexpectedFortran(line)
            word, number = leaving[2], loops[-1]
            if word == "CYCLE" and number is not None:
                target = number
            else:
                if word not in wanted[-1]:
                    label += 1
                    wanted[-1][word] = str(label)
                target = wanted[-1][word]
            line = f"{leaving[1]}GO TO {target}"
        closes = re.match(r"^ +END *DO\b", code, re.IGNORECASE) is not None
        numbered = re.match(r"^ *(\d+) +CONTINUE", code)
        if closes or (numbered and loops and loops[-1] == numbered[1]):
            loops.pop()
            labels = wanted.pop()
            if "CYCLE" in labels:
                result.append(f"{labels['CYCLE']} CONTINUE")
            result.append(line)
            if "EXIT" in labels:
                result.append(f"{labels['EXIT']} CONTINUE")
            continue
        result.append(line)
    if loops:
        raise UnexpectedFortran("a loop has no end")
    return "\n".join(result)


# ---- after f2c


def to_plain_c(text: str) -> str:
    """f2c's output with subroutines as `void` functions and without lengths of strings."""
    text = re.sub(r"/\*.*?\*/", _keep_mark, text, flags=re.DOTALL)
    text = re.sub(r"/\* Subroutine \*/\s*int\b", "void", text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    # f2c gives names that have an underscore two at the end; everybody else gives one.
    text = re.sub(r"\b([a-z]\w*_\w+)__(?=\s*\()", r"\1_", text)
    # The prototypes of one declaration share the result's type; xerbla_ has another one.
    text = re.sub(r"\breturn 0;", "return;", text)
    text = re.sub(r"extern void ([^;]*);", _split_xerbla, text)
    # Told to keep single precision, f2c marks this constant of double precision as single, which it exceeds.
    text = text.replace("e308f", "e308")
    text = drop_lengths(text)
    # Routines that want the length of a name get one that ends with a zero.
    text = text.replace("name_len", "(ftnlen)strlen(name__)")
    return re.sub(r"\b(c[ab])_len\b", r"(ftnlen)strlen(\1)", text)


def _keep_mark(match: re.Match[str]) -> str:
    return match[0] if match[0] == "/* Subroutine */" else " "


def _split_xerbla(match: re.Match[str]) -> str:
    declared = split_arguments(match[1])
    others = [each.strip() for each in declared if not each.strip().startswith("xerbla_")]
    if len(others) == len(declared):
        return match[0]
    xerbla = "extern int xerbla_(char *, integer *);"
    return f"extern void {', '.join(others)}; {xerbla}" if others else xerbla


def split_arguments(text: str) -> list[str]:
    """The parts between the commas that no parenthesis encloses."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def drop_lengths(text: str) -> str:
    """Remove length arguments of Fortran routines from definitions, prototypes and calls."""
    result, position = [], 0
    while match := CALL.search(text, position):
        end = closing(text, match.end())
        arguments = drop_lengths(text[match.end() : end])
        arguments = ",".join(each for each in split_arguments(arguments) if not is_length(each))
        result += [text[position : match.end()], arguments]
        position = end
    return "".join([*result, text[position:]])


def closing(text: str, position: int) -> int:
    """Where the parenthesis that was opened before `position` is closed; skips strings and characters."""
    depth = 1
    while True:
        character = text[position]
        if character in "\"'":
            position += 1
            while text[position] != character:
                position += 2 if text[position] == "\\" else 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return position
        position += 1


def is_length(argument: str) -> bool:
    words = " ".join(argument.split())
    return re.fullmatch(r"\( ?ftnlen ?\) ?\d+|ftnlen( \w+)?|\w+_len", words) is not None
