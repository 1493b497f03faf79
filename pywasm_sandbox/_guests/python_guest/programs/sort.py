"""``sort -h``: by sizes as ``du -h`` writes them, with the other orders beside it."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from .common import Command, Trouble, opened, output, records

USAGE = """\
Usage: sort [OPTION]... [FILE]...
Write the lines of all files, sorted.

  -h, --human-numeric-sort  by sizes: 2K, 1G
  -n, --numeric-sort, -g, --general-numeric-sort  by numbers
  -V, --version-sort  by versions                 -M, --month-sort  by months
  -b, -d, -f, -i      without leading blanks, only letters and digits, ignoring case, only printable
  -r, --reverse       -u, --unique                -s, --stable
  -k, --key=F[.C][OPTIONS][,F[.C][OPTIONS]]       -t, --field-separator=X
  -c, --check         -o, --output=FILE           -z, --zero-terminated
"""
LONG = {
    "human-numeric-sort": "h",
    "numeric-sort": "n",
    "general-numeric-sort": "g",
    "version-sort": "V",
    "month-sort": "M",
    "ignore-leading-blanks": "b",
    "dictionary-order": "d",
    "ignore-case": "f",
    "ignore-nonprinting": "i",
    "reverse": "r",
    "unique": "u",
    "stable": "s",
    "key=": "k",
    "field-separator=": "t",
    "check": "c",
    "output=": "o",
    "zero-terminated": "z",
    "merge": "m",
}
ORDERS = "bdfghiMnrV"
MONTHS = re.findall("...", "   JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC")
SUFFIXES = b"KMGTPEZYRQ"


@dataclass
class Key:
    """A part of lines, and how to compare it; all count from 1, character 0 is a field's end."""

    flags: str = ""
    start: tuple[int, int] = (1, 1)
    end: tuple[int, int] | None = None
    blanks: tuple[bool, bool] = (False, False)


@dataclass
class Options:
    keys: list[Key] = field(default_factory=list)
    flags: str = ""
    separator: bytes | None = None
    unique: bool = False
    stable: bool = False


def key_of(text: str) -> Key:
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?([a-zA-Z]*)(?:,(\d+)(?:\.(\d+))?([a-zA-Z]*))?", text)
    if not match or not int(match[1]):
        raise Trouble(f"invalid key: '{text}'", 2)
    flags, more = match[3], match[6] or ""
    if set(flags + more) - set(ORDERS):
        raise Trouble(f"stray character in field spec: invalid field specification '{text}'", 2)
    end = (int(match[4]), int(match[5] or 0)) if match[4] else None
    return Key(flags + more, (int(match[1]), int(match[2] or 1)), end, ("b" in flags, "b" in more))


def fields(line: bytes, separator: bytes | None) -> list[tuple[int, int]]:
    """Where each field begins and ends; without a separator the blanks before a field belong to it."""
    if separator is None:
        return [match.span() for match in re.finditer(rb"[ \t]*[^ \t]*", line)][:-1] or [(0, len(line))]
    found, place = [], 0
    for part in line.split(separator):
        found.append((place, place + len(part)))
        place += len(part) + len(separator)
    return found


def part(line: bytes, key: Key, separator: bytes | None) -> bytes:
    spans = fields(line, separator)

    def place(number: int, letter: int, skip: bool) -> int:
        if number > len(spans):
            return len(line)
        first, last = spans[number - 1]
        if skip:
            first += len(line[first:]) - len(line[first:].lstrip(b" \t"))
        return last if not letter else min(first + letter - 1, len(line))

    start = place(*key.start, key.blanks[0])
    if key.end is None:
        return line[start:]
    number, letter = key.end
    end = place(number, letter + 1 if letter else 0, key.blanks[1])
    return line[start : max(end, start)]


def number(text: bytes) -> float:
    match = re.match(rb"\s*(-?\d*\.?\d*)", text)
    try:
        return float(match[1]) if match else 0.0
    except ValueError:
        return 0.0


def size(text: bytes) -> tuple[int, float]:
    """Sign and unit first, then the number."""
    match = re.match(rb"\s*(-?)(\d*\.?\d*)([KkMGTPEZYRQ]?)", text)
    value = number(text)
    if not match or not value:
        return 0, 0.0
    unit = SUFFIXES.index(match[3].upper()) + 1 if match[3] else 0
    return (-unit - 1 if value < 0 else unit + 1), value


def general(text: bytes) -> tuple[int, float]:
    match = re.match(rb"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan)", text, re.I)
    value = float(match[1]) if match else 0.0
    return (0, 0.0) if not match else (1, 0.0) if value != value else (2, value)


def version(text: bytes) -> Any:
    """Digits by their value, letters before other characters, ``~`` before all."""

    def weight(letter: int) -> int:
        return -1 if letter == 126 else letter if chr(letter).isalpha() else letter + 256

    found: list[Any] = []
    for letters, digits in re.findall(rb"(\D*)(\d*)", text):
        found += [[weight(letter) for letter in letters] + [0], int(digits or 0)]
    return found


def month(text: bytes) -> int:
    name = text.strip()[:3].decode("latin-1").upper()
    return MONTHS.index(name) if name in MONTHS else 0


VALUES: dict[str, Callable[[bytes], Any]] = {"n": number, "h": size, "g": general, "V": version, "M": month}


def value_of(text: bytes, flags: str) -> Any:
    for flag, convert in VALUES.items():
        if flag in flags:
            return convert(text)
    if "b" in flags:
        text = text.lstrip(b" \t")
    if "d" in flags:
        text = re.sub(rb"[^A-Za-z0-9 \t]", b"", text)
    if "i" in flags:
        text = re.sub(rb"[^ -~]", b"", text)
    return text.upper() if "f" in flags else text


def compare(one: Any, other: Any, reverse: list[bool]) -> int:
    for mine, its, back in zip(one, other, reverse, strict=True):
        if mine != its:
            return -1 if (mine < its) != back else 1
    return 0


def parse() -> tuple[Options, dict[str, str], list[str]]:
    found, names = command.options("bdfghiMnrVuscCmo:k:t:zT:S:", LONG)
    options = Options(flags="".join(name[1] for name, _ in found if name[1] in ORDERS))
    given = dict(found)
    if "-t" in given:
        options.separator = given["-t"].replace("\\0", "\0").encode()
    options.unique, options.stable = "-u" in given, "-s" in given
    for name, value in found:
        if name == "-k":
            key = key_of(value)
            if not key.flags:
                key.flags = options.flags
                key.blanks = ("b" in options.flags,) * 2
            options.keys.append(key)
    return options, given, names


def main() -> None:
    options, given, names = parse()
    keys = options.keys or [Key(options.flags)]
    reverse = [*("r" in key.flags for key in keys)]

    def values(line: bytes) -> list[Any]:
        if not options.keys:
            return [value_of(line, options.flags)]
        return [value_of(part(line, key, options.separator), key.flags) for key in keys]

    end = b"\0" if "-z" in given else b"\n"
    lines: list[bytes] = []
    for name in names or ["-"]:
        with opened(name) as file:
            lines += records(file, end)
    if not (options.unique or options.stable or "-c" in given):
        lines.sort(reverse="r" in options.flags)  # what is equal otherwise
    decorated = [(values(line), line) for line in lines]
    if "-c" in given:
        for number, (one, two) in enumerate(itertools.pairwise(decorated), 2):
            if compare(one[0], two[0], reverse) > 0:
                raise Trouble(f"{names[0] if names else '-'}:{number}: disorder: {two[1].decode()}")
        return
    order = cmp_to_key(lambda one, other: compare(one, other, reverse))
    decorated.sort(key=lambda pair: order(pair[0]))
    with output(given.get("-o")) as target:
        previous: list[Any] | None = None
        for found, line in decorated:
            if not (options.unique and previous is not None and found == previous):
                target.write(line + end)
            previous = found


command = Command(USAGE, usage_status=2)
command.run(main)
