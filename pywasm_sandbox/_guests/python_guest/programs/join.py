"""``join``: the lines of two sorted files that have a field in common."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from .common import Command, Trouble, opened, records

USAGE = """\
Usage: join [OPTION]... FILE1 FILE2
For each pair of lines with the same join field, write a line. FILE1 or FILE2 can be -.

  -1 FIELD, -2 FIELD  the join field of FILE1, of FILE2;  -j FIELD  of both (default: 1)
  -t CHAR             fields are separated by CHAR
  -a FILENUM          also the lines of this file that have no pair;  -v FILENUM  only those
  -e STRING           in place of missing fields
  -o FORMAT           which fields: FILENUM.FIELD, 0 for the join field, or auto
  -i, --ignore-case
      --header        the first lines are names of fields
      --check-order, --nocheck-order   whether the input has to be sorted
  -z, --zero-terminated   lines end with NUL
"""
LONG = {"ignore-case": "i", "header": "", "check-order": "", "nocheck-order": "", "zero-terminated": "z"}

Row = list[bytes]


@dataclass
class Options:
    """What the command line says; file and field numbers count from 0."""

    fields: list[int] = field(default_factory=lambda: [0, 0])
    separator: bytes | None = None
    unpaired: list[bool] = field(default_factory=lambda: [False, False])
    paired: bool = True
    empty: bytes = b""
    format: list[tuple[int, int]] | None = None
    """File and field of each; file -1 is the join field."""
    auto: bool = False
    ignore_case: bool = False
    header: bool = False
    check: bool | None = None
    end: bytes = b"\n"


class Rows:
    """The lines of one file as fields, with one line to look ahead."""

    def __init__(self, number: int, name: str, lines: Iterator[bytes], options: Options) -> None:
        self._number, self._name, self._options = number, name, options
        self._lines = enumerate(lines, 1)
        self._previous: bytes | None = None
        self.unpaired_seen = False
        self.disorder = ""
        self.row: Row | None = None
        self.next()

    def next(self) -> None:
        number, line = next(self._lines, (0, None))
        self.row = None if line is None else line.split(self._options.separator)
        if self.row is None or line is None:
            return
        key = self.key
        if self._previous is not None and key < self._previous and not self.disorder:
            text = line.decode("utf-8", "replace")
            self.disorder = f"{self._name}:{number}: is not sorted: {text}"
            if self._options.check:
                raise Trouble(self.disorder)
        self._previous = key

    def forget_order(self) -> None:
        self._previous = None

    @property
    def key(self) -> bytes:
        assert self.row is not None
        key = field_of(self.row, self._options.fields[self._number], b"")
        return key.lower() if self._options.ignore_case else key

    def group(self) -> list[Row]:
        """The rows with the next one's key."""
        key = self.key
        found = []
        while self.row is not None and self.key == key:
            found.append(self.row)
            self.next()
        return found


def field_of(row: Row, number: int, missing: bytes) -> bytes:
    return row[number] if number < len(row) and row[number] else missing


class Join:
    """One invocation."""

    def __init__(self, options: Options, files: list[Rows]) -> None:
        self.options, self.files = options, files
        self.out = sys.stdout.buffer
        self.counts = [len(rows.row or []) for rows in files]

    def write(self, pair: tuple[Row | None, Row | None]) -> None:
        options = self.options
        there = pair[0] if pair[0] is not None else pair[1]
        assert there is not None
        number = options.fields[0 if pair[0] is not None else 1]
        key = field_of(there, number, options.empty)
        if options.format is not None:
            parts = [
                key if file < 0 else field_of(pair[file] or [], which, options.empty)
                for file, which in options.format
            ]
        else:
            parts = [key]
            for file, row in enumerate(pair):
                parts += self.others(file, row)
        self.out.write((options.separator or b" ").join(parts) + options.end)

    def others(self, file: int, row: Row | None) -> Row:
        """The fields of a row besides the join field."""
        if row is None:
            row = [] if self.options.auto else None
        if row is None:
            return []
        count = self.counts[file] if self.options.auto else len(row)
        own = self.options.fields[file]
        return [field_of(row, each, self.options.empty) for each in range(count) if each != own]

    def alone(self, file: int) -> None:
        rows = self.files[file]
        assert rows.row is not None
        rows.unpaired_seen = True
        if self.options.unpaired[file]:
            self.write((rows.row, None) if file == 0 else (None, rows.row))
        rows.next()

    def check(self) -> None:
        """Lines in disorder are an error when a line without a pair was seen."""
        if self.options.check is False or not any(rows.unpaired_seen for rows in self.files):
            return
        for rows in self.files:
            if rows.disorder:
                command.complain(rows.disorder)
        if command.status:
            command.complain("input is not in sorted order")

    def run(self) -> None:
        one, two = self.files
        if self.options.header and (one.row is not None or two.row is not None):
            self.write((one.row, two.row))
            for rows in self.files:
                rows.forget_order()
                rows.next()
        while one.row is not None and two.row is not None:
            if one.key < two.key:
                self.alone(0)
            elif one.key > two.key:
                self.alone(1)
            else:
                self.pairs(one.group(), two.group())
        for file, rows in enumerate(self.files):
            while rows.row is not None and (self.options.unpaired[file] or self.options.check is not False):
                self.alone(file)
        self.check()

    def pairs(self, left: list[Row], right: list[Row]) -> None:
        if self.options.paired:
            for first in left:
                for second in right:
                    self.write((first, second))


def format_of(text: str) -> list[tuple[int, int]]:
    found = []
    for word in text.replace(",", " ").split():
        file, _, number = word.partition(".")
        if word == "0":
            found.append((-1, 0))
        elif file in ("1", "2") and number.isdigit() and int(number):
            found.append((int(file) - 1, int(number) - 1))
        else:
            raise Trouble(f"invalid field specifier: '{word}'")
    return found


def parse() -> tuple[Options, list[str]]:
    found, files = command.options("1:2:j:t:a:v:e:o:iz", LONG)
    options = Options()
    for name, value in found:
        match name:
            case "-1" | "-2":
                options.fields[int(name[1]) - 1] = command.number(value, "field number", 1) - 1
            case "-j":
                options.fields = [command.number(value, "field number", 1) - 1] * 2
            case "-t":
                options.separator = separator(value)
            case "-a" | "-v":
                if value not in ("1", "2"):
                    raise Trouble(f"invalid file number: '{value}'")
                options.unpaired[int(value) - 1] = True
                options.paired = options.paired and name == "-a"
            case "-e":
                options.empty = value.encode("utf-8", "surrogateescape")
            case "-o" if value == "auto":
                options.auto = True
            case "-o":
                options.format = [*(options.format or []), *format_of(value)]
            case "-i":
                options.ignore_case = True
            case "-z":
                options.end = b"\0"
            case "--header":
                options.header = True
            case "--check-order" | "--nocheck-order":
                options.check = name == "--check-order"
    if len(files) != 2:
        extra = f"extra operand '{files[2]}'" if len(files) > 2 else None
        command.misused(extra or (f"missing operand after '{files[0]}'" if files else "missing operand"))
    return options, files


def separator(text: str) -> bytes:
    if text == "\\0":
        return b"\0"
    if len(text) > 1:
        raise Trouble(f"multi-character tab '{text}'")
    return text.encode("utf-8", "surrogateescape") or b"\n"


def main() -> None:
    options, names = parse()
    if names == ["-", "-"]:
        raise Trouble("both files cannot be standard input")
    with opened(names[0]) as one, opened(names[1]) as two:
        files = [Rows(n, names[n], records(file, options.end), options) for n, file in enumerate((one, two))]
        Join(options, files).run()


command = Command(USAGE)
command.run(main)
