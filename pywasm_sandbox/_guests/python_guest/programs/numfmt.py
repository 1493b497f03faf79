"""``numfmt``: numbers from and to forms that people read."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, ROUND_UP, Decimal

from .common import Command, Trouble, spans, within

USAGE = """\
Usage: numfmt [OPTION]... [NUMBER]...
Reformat NUMBERs, or those in standard input.

      --from=UNIT, --to=UNIT   none, si (1K = 1000), iec (1K = 1024), iec-i (1Ki = 1024), auto (only from)
      --from-unit=N, --to-unit=N   the size of a unit (default: 1)
      --field=FIELDS    which fields of each line (default: 1)
  -d, --delimiter=X     fields are separated by X
      --format=FORMAT   as printf's %f
      --header[=N]      leave the first N lines as they are (default: 1)
      --invalid=MODE    abort, fail, warn or ignore what is no number
      --padding=N       to N places; negative: to the left
      --round=METHOD    up, down, from-zero (default), towards-zero, nearest
      --suffix=SUFFIX   add to numbers, and take from them
      --grouping        has no effect in this locale
"""
LONG = {
    "from=": "",
    "to=": "",
    "from-unit=": "",
    "to-unit=": "",
    "field=": "",
    "delimiter=": "d",
    "format=": "",
    "header=?": "",
    "invalid=": "",
    "padding=": "",
    "round=": "",
    "suffix=": "",
    "grouping": "",
    "debug": "",
    "zero-terminated": "z",
}
LETTERS = "KMGTPEZYRQ"
ROUNDINGS = {
    "up": ROUND_CEILING,
    "down": ROUND_FLOOR,
    "from-zero": ROUND_UP,
    "towards-zero": ROUND_DOWN,
    "nearest": ROUND_HALF_UP,
}


@dataclass
class Format:
    """The parts of ``--format``."""

    before: str = ""
    after: str = ""
    width: int = 0
    left: bool = False
    zeros: bool = False
    digits: int | None = None


class Invalid(Exception):
    """A word that is no number."""


class Numbers:
    """One invocation."""

    def __init__(self, given: dict[str, str]) -> None:
        self.source, self.target = given.get("--from", "none"), given.get("--to", "none")
        for name, value, more in (("from", self.source, ["auto"]), ("to", self.target, [])):
            if value not in ("none", "si", "iec", "iec-i", *more):
                raise Trouble(f"invalid argument '{value}' for '--{name}'")
        self.source_unit = units(given.get("--from-unit", "1"))
        self.target_unit = units(given.get("--to-unit", "1"))
        self.suffix = given.get("--suffix", "")
        self.delimiter = given.get("-d")
        self.padding = int(given.get("--padding", "0"))
        self.invalid = given.get("--invalid", "abort")
        fields = given.get("--field", "1")
        self.fields = spans(["1-"] if fields == "-" else fields.split(","))
        rounding = given.get("--round", "from-zero")
        if rounding not in ROUNDINGS:
            raise Trouble(f"invalid argument '{rounding}' for '--round'")
        self.rounding = ROUNDINGS[rounding]
        self.format = format_of(given["--format"]) if "--format" in given else Format()

    # ---- numbers --------------------------------------------------------------------------------------

    def parse(self, text: str) -> tuple[Decimal, int]:
        """The value, and how many digits it has after the point."""
        word = text.removesuffix(self.suffix) if self.suffix else text
        match = re.fullmatch(rf"\s*(-?\d+(?:\.(\d*))?)([{LETTERS}k]?)(i?)", word)
        if not match:
            raise Invalid(f"invalid number: '{text}'")
        value, letter = Decimal(match[1]), match[3].upper()
        if (letter or match[4]) and self.source == "none":
            raise Invalid(f"rejecting suffix in input: '{text}' (consider using --from)")
        if match[4] and (self.source not in ("auto", "iec-i") or not letter):
            raise Invalid(f"invalid suffix in input: '{text}'")
        if self.source == "iec-i" and letter and not match[4]:
            raise Invalid(f"missing 'i' suffix in input: '{text}' (e.g Ki/Mi/Gi)")
        binary = self.source in ("iec", "iec-i") or bool(match[4])
        power = LETTERS.index(letter) + 1 if letter else 0
        value *= Decimal(1024 if binary else 1000) ** power * self.source_unit / self.target_unit
        return value, 0 if letter else len(match[2] or "")

    def shown(self, value: Decimal, digits: int) -> str:
        if self.format.digits is not None:
            digits = self.format.digits
        if self.target == "none":
            return f"{self.rounded(value, digits):f}"
        base = 1000 if self.target == "si" else 1024
        power = 0
        while abs(value) >= base:
            value, power = value / base, power + 1
        if self.format.digits is not None:
            places = self.format.digits if power else digits
        else:
            places = 1 if power and abs(self.rounded(value, 1)) < 10 else 0
        value = self.rounded(value, places)
        if abs(value) >= base:
            value, power = value / base, power + 1
            places = 1 if self.format.digits is None else places
        letter = LETTERS[power - 1] + ("i" if self.target == "iec-i" else "") if power else ""
        return f"{value:.{places}f}{letter}"

    def rounded(self, value: Decimal, digits: int) -> Decimal:
        return value.quantize(Decimal(1).scaleb(-digits), self.rounding)

    def convert(self, text: str, width: int) -> str:
        """A field; ``width`` is what it took, to align it, 0 if it needn't."""
        try:
            number = self.shown(*self.parse(text)) + self.suffix
        except Invalid as error:
            if self.invalid == "abort":
                raise Trouble(str(error), 2) from None
            if self.invalid in ("fail", "warn"):
                command.complain(str(error), 2 if self.invalid == "fail" else 0)
            return text
        if self.format.zeros:
            sign = number[: number.startswith("-")]
            number = sign + number[len(sign) :].zfill(self.format.width - len(sign))
        place = self.padding or (-self.format.width if self.format.left else self.format.width) or width
        number = number.ljust(-place) if place < 0 else number.rjust(place)
        return self.format.before + number + self.format.after

    # ---- lines ----------------------------------------------------------------------------------------

    def line(self, text: str) -> str:
        if self.delimiter is not None:
            parts = text.split(self.delimiter)
            done = [
                self.convert(part, 0) if within(n, self.fields) else part for n, part in enumerate(parts, 1)
            ]
            return self.delimiter.join(done)
        out = []
        for number, match in enumerate(re.finditer(r"(\s*)(\S+)", text), 1):
            blanks, word = match.groups()
            between = " " if number > 1 else ""
            if not within(number, self.fields):
                out.append(match[0])
            elif blanks:
                out.append(between + self.convert(word, len(blanks) - len(between) + len(word)))
            else:
                out.append(self.convert(word, 0))
        return "".join(out)


def units(text: str) -> Decimal:
    match = re.fullmatch(rf"(\d+)([{LETTERS}]?)(i?)", text)
    if not match or not int(match[1]):
        raise Trouble(f"invalid unit size: '{text}'")
    power = LETTERS.index(match[2]) + 1 if match[2] else 0
    return int(match[1]) * Decimal(1024 if match[3] else 1000) ** power


def format_of(text: str) -> Format:
    match = re.fullmatch(r"((?:[^%]|%%)*)%([0']*)(-?)(\d*)(?:\.(\d*))?f((?:[^%]|%%)*)", text)
    if not match:
        raise Trouble(f"invalid format '{text}', directive must be %[0]['][-][N][.][N]f")
    before, flags, left, width, digits, after = match.groups()
    return Format(
        before,
        after,
        int(width or 0),
        bool(left),
        "0" in flags,
        None if digits is None else int(digits or 0),
    )


def inputs(words: list[str], end: str) -> Iterator[str]:
    if words:
        yield from words
    else:
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        yield from text.removesuffix(end).split(end) if text else []


def main() -> None:
    found, operands = command.options("d:z", LONG)
    given = dict(found)
    end = "\0" if "-z" in given else "\n"
    numbers = Numbers(given)
    skipped = command.number(given.get("--header") or "1", "header value", 1) if "--header" in given else 0
    for position, text in enumerate(inputs(operands, end)):
        raw = position < skipped and not operands
        sys.stdout.write((text if raw else numbers.line(text)) + end)


command = Command(USAGE)
command.run(main)
