"""``shuf``: lines, words or numbers in random order."""

import random
from collections.abc import Sequence
from typing import IO

from .common import Command, Trouble, opened, output, records

USAGE = """\
Usage: shuf [OPTION]... [FILE]
  or:  shuf -e [OPTION]... [ARG]...
  or:  shuf -i LO-HI [OPTION]...
Write a random permutation of the lines of FILE, or standard input.

  -e, --echo                treat each ARG as a line
  -i, --input-range=LO-HI   the numbers LO to HI
  -n, --head-count=COUNT    at most COUNT lines
  -o, --output=FILE         write to FILE
      --random-source=FILE  get random bytes from FILE
  -r, --repeat              lines can be repeated
  -z, --zero-terminated     lines end with NUL
"""
LONG = {
    "echo": "e",
    "input-range=": "i",
    "head-count=": "n",
    "output=": "o",
    "random-source=": "",
    "repeat": "r",
    "zero-terminated": "z",
}
BYTE_MAX = 255


class Source:
    """Numbers from a file's bytes, the same as GNU's commands draw from it (gnulib's ``randint``)."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._number = self._max = 0

    def choose(self, choices: int) -> int:
        """One of 0 … choices - 1."""
        top = choices - 1
        number, limit = self._number, self._max
        while True:
            while limit < top:
                byte = self._file.read(1)
                if not byte:
                    raise Trouble(f"{self._file.name}: end of file")
                number = (number << 8) + byte[0]
                limit = (limit << 8) + BYTE_MAX
            if limit == top:
                self._number = self._max = 0
                return number
            excess = limit - top
            unusable = excess % choices
            reduced = number % choices
            if number <= limit - unusable:
                self._number, self._max = number // choices, excess // choices
                return reduced
            number, limit = reduced, unusable - 1


class System:
    """Numbers of the interpreter's generator, which is seeded by the system."""

    choose = staticmethod(random.randrange)


def permuted(items: Sequence[bytes], count: int, source: Source | System) -> list[bytes]:
    """``count`` of the items, in random order."""
    taken = list(items)
    if isinstance(source, System) and count == len(taken):
        random.shuffle(taken)
        return taken
    for index in range(count):
        other = index + source.choose(len(taken) - index)
        taken[index], taken[other] = taken[other], taken[index]
    return taken[:count]


def reservoir(file: IO[bytes], end: bytes, count: int, source: Source) -> list[bytes]:
    """``count`` lines drawn while reading, as GNU's does from what isn't a file."""
    lines = records(file, end)
    kept = [line for _, line in zip(range(count), lines, strict=False)]
    seen = len(kept)
    if seen < count:
        return kept
    while True:
        place = source.choose(seen + 1)
        line = next(lines, None)
        if line is None:
            return kept
        seen += 1
        if place < count:
            kept[place] = line


def numbers(text: str) -> Sequence[bytes]:
    low, dash, high = text.partition("-")
    if not (dash and low.isdigit() and high.isdigit()) or int(low) > int(high) + 1:
        raise Trouble(f"invalid input range: '{text}'")
    return [b"%d" % number for number in range(int(low), int(high) + 1)]


class Options:
    """What the command line says."""

    def __init__(self, command: Command) -> None:
        found, self.operands = command.options("ei:n:o:rz", LONG)
        given = dict(found)
        counts = [command.number(value, "line count") for name, value in found if name == "-n"]
        self.count = min(counts, default=None)
        self.end = b"\0" if "-z" in given else b"\n"
        self.echo, self.repeat = "-e" in given, "-r" in given
        self.range, self.output = given.get("-i"), given.get("-o")
        self.random_file = given.get("--random-source")
        if self.echo and self.range is not None:
            command.misused("cannot combine -e and -i options")
        extra = self.operands if self.range is not None else self.operands[1:]
        if extra and not self.echo:
            command.misused(f"extra operand '{extra[0]}'")


def chosen(options: Options, source: Source | System) -> list[bytes]:
    if options.count == 0 and not options.repeat:
        return []
    items: Sequence[bytes]
    if options.echo:
        items = [word.encode("utf-8", "surrogateescape") for word in options.operands]
    elif options.range is not None:
        items = numbers(options.range)
    else:
        name = options.operands[0] if options.operands else "-"
        with opened(name) as file:
            drawn = options.count is not None and not options.repeat and name == "-"
            if drawn and isinstance(source, Source):
                assert options.count is not None
                items = reservoir(file, options.end, options.count, source)
            else:
                items = list(records(file, options.end))
    if not options.repeat:
        count = len(items) if options.count is None else min(options.count, len(items))
        return permuted(items, count, source)
    return list(items)


def repeat(items: list[bytes], options: Options, source: Source | System, target: IO[bytes]) -> None:
    """Write lines, again and again when no count says how many."""
    if options.count == 0:
        return
    if not items:
        raise Trouble("no lines to repeat")
    written = 0
    while options.count is None or written < options.count:
        target.write(items[source.choose(len(items))] + options.end)
        written += 1


def main() -> None:
    options = Options(command)
    with opened(options.random_file or "/dev/null") as file:
        source = System() if options.random_file is None else Source(file)
        items = chosen(options, source)
        with output(options.output) as target:
            if options.repeat:
                repeat(items, options, source, target)
            else:
                target.writelines(item + options.end for item in items)


command = Command(USAGE)
command.run(main)
