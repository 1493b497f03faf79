"""``unexpand``: blanks become tabs."""

import bisect
import sys

from .common import Command, Trouble

USAGE = """\
Usage: unexpand [OPTION]... [FILE]...
Convert blanks at the beginning of each line to tabs.

  -a, --all         all blanks, not only those at the beginning
      --first-only  only those at the beginning (overrides -a)
  -t, --tabs=N      tabs N characters apart instead of 8; a list: tab stops (enables -a)
"""
LONG = {"all": "a", "first-only": "", "tabs=": "t"}


class Stops:
    """Tab stops: a list of columns, or one distance."""

    def __init__(self, text: str) -> None:
        words = text.replace(",", " ").split()
        if not all(word.isdigit() and int(word) for word in words) or not words:
            raise Trouble(f"tab size contains invalid character(s): '{text}'")
        numbers = [int(word) for word in words]
        if sorted(set(numbers)) != numbers:
            raise Trouble("tab sizes must be ascending")
        self._every = numbers[0] if len(numbers) == 1 else 0
        self._columns = numbers

    def after(self, column: int) -> int | None:
        """The next stop after a column; None after the last one."""
        if self._every:
            return (column // self._every + 1) * self._every
        place = bisect.bisect_right(self._columns, column)
        return self._columns[place] if place < len(self._columns) else None


def converted(line: bytes, stops: Stops, everywhere: bool) -> bytes:
    out = bytearray()
    column, blanks = 0, b""
    after_blank = True
    for place, byte in enumerate(line):
        letter = line[place : place + 1]
        stop = stops.after(column)
        if letter in b" \t" and stop is not None:
            blanks += letter
            column = stop if letter == b"\t" else column + 1
            if column == stop:
                # One blank before a stop stays, unless it follows another blank.
                out += b"\t" if blanks != b" " or after_blank else blanks
                blanks = b""
                after_blank = True
            continue
        out += blanks + letter
        blanks, after_blank = b"", False
        column = max(column - 1, 0) if byte == 8 else column + 1
        if not everywhere:
            return bytes(out) + line[place + 1 :]
    return bytes(out) + blanks


def main() -> None:
    found, names = command.options("at:", LONG)
    given = dict(found)
    stops = Stops(",".join(value for name, value in found if name == "-t") or "8")
    everywhere = ("-a" in given or "-t" in given) and "--first-only" not in given
    for _, file in command.inputs(names):
        for line in file:
            body = line.removesuffix(b"\n")
            sys.stdout.buffer.write(converted(body, stops, everywhere) + line[len(body) :])


command = Command(USAGE)
command.run(main)
