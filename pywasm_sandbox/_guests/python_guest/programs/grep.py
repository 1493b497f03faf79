"""``grep -P``: lines that match a regular expression of Perl's, as near as Python's come to it."""

import collections
import fnmatch
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from .common import Command, Trouble, opened

USAGE = """\
Usage: grep -P [OPTION]... PATTERN [FILE]...
Write the lines that match.

  -e PATTERN, -f FILE  patterns                 -i  ignore case
  -v  lines that don't match                    -w, -x  whole words, whole lines
  -c  how many                                  -l, -L  names of files that match, that don't
  -o  what matches only                         -q, -s  no output, no messages
  -n, -b  with line numbers, with byte offsets  -H, -h  with, without names of files
  -m N  stop after N lines                      -A N, -B N, -C N  lines around
  -r, -R  the files in folders                  --include, --exclude, --exclude-dir GLOB
  -z  lines end with NUL                        -a, --color, --line-buffered  no effect
"""
LONG = {
    "perl-regexp": "P",
    "include=": "",
    "exclude=": "",
    "exclude-dir=": "",
    "color=?": "",
    "colour=?": "",
    "line-buffered": "",
    "null-data": "z",
    "null": "Z",
    "byte-offset": "b",
    "binary-files=": "",
}
CLASSES = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z"}
CLASSES |= {"space": r"\s", "blank": r" \t", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "word": r"\w"}


Lines = collections.deque[tuple[int, int, bytes]]


def translated(pattern: str) -> str:
    """Perl's syntax as Python's. What is before ``\\K`` is not part of the match: a group marks the place."""
    pattern = re.sub(r"\\Q(.*?)(?:\\E|$)", lambda match: re.escape(match[1]), pattern)
    pattern = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    pattern = re.sub(r"\[:(\w+):\]", lambda match: CLASSES.get(match[1], match[0]), pattern)
    pattern = re.sub(r"(?<!\\)((?:\\\\)*)\\h", r"\1[ \\t]", pattern)
    pattern = re.sub(r"(?<!\\)((?:\\\\)*)\\R", r"\1(?:\\r\\n|\\n|\\r)", pattern)
    return re.sub(r"(?<!\\)((?:\\\\)*)\\K", r"\1(?P<_kept>)", pattern)


@dataclass
class Options:
    """What the command line says."""

    given: dict[str, str]
    pattern: re.Pattern[str]
    names: bool = False
    before: int = 0
    after: int = 0
    most: int = sys.maxsize
    end: bytes = b"\n"
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    exclude_folders: list[str] = field(default_factory=list)


def parse() -> tuple[Options, list[str]]:
    found, operands = command.options("PEFGe:f:ivwxclLoqsnbHhm:A:B:C:rRzZaIU0123456789", LONG)
    given = dict(found)
    patterns = [value for name, value in found if name == "-e"]
    for name, value in found:
        if name == "-f":
            with opened(value) as file:
                patterns += file.read().decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    if not patterns:
        if not operands:
            command.misused("no pattern given")
        patterns = operands.pop(0).split("\n")
    if len(patterns) > 1:
        raise Trouble("the -P option only supports a single pattern", 2)
    text = translated(patterns[0])
    text = rf"(?<!\w)(?:{text})(?!\w)" if "-w" in given else text
    text = rf"^(?:{text})$" if "-x" in given else text
    try:
        compiled = re.compile(text, re.ASCII | (re.I if "-i" in given else 0))
    except re.error as error:
        raise Trouble(f"{error.msg} in {patterns[0]!r}", 2) from None
    options = Options(given, compiled)
    around = command.number(given.get("-C", "0"), "context length argument")
    options.before = command.number(given.get("-B", str(around)), "context length argument")
    options.after = command.number(given.get("-A", str(around)), "context length argument")
    options.most = command.number(given["-m"], "max count") if "-m" in given else sys.maxsize
    options.end = b"\0" if "-z" in given else b"\n"
    for name, target in (
        ("--include", options.include),
        ("--exclude", options.exclude),
        ("--exclude-dir", options.exclude_folders),
    ):
        target += [value for each, value in found if each == name]
    return options, operands


def matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatch(os.path.basename(name), pattern) for pattern in patterns)


def files(names: list[str], options: Options) -> Iterator[str]:
    recursive = "-r" in options.given or "-R" in options.given
    for name in names or (["."] if recursive else ["-"]):
        if not os.path.isdir(name):
            if not matches(name, options.exclude):
                yield name
        elif recursive:
            for folder, folders, inner in os.walk(name):
                folders[:] = sorted(each for each in folders if not matches(each, options.exclude_folders))
                for each in sorted(inner):
                    wanted = not options.include or matches(each, options.include)
                    if wanted and not matches(each, options.exclude):
                        path = os.path.join(folder, each)
                        yield path if names else path.removeprefix("./")
        elif "-s" not in options.given:
            command.complain(f"{name}: Is a directory", 2)


class Search:
    """One file."""

    def __init__(self, options: Options, name: str) -> None:
        self.options, self.given, self.name = options, options.given, name
        self.out = sys.stdout.buffer
        self.quiet = any(flag in options.given for flag in ("-q", "-c", "-l", "-L"))
        self.count = 0
        self.shown = 0
        """The number of the last line that was written."""

    def label(self, number: int, offset: int, mark: str) -> bytes:
        text = ""
        if self.options.names:
            text += f"{'(standard input)' if self.name == '-' else self.name}{mark}"
        if "-n" in self.given:
            text += f"{number}{mark}"
        if "-b" in self.given:
            text += f"{offset}{mark}"
        return text.encode("utf-8", "surrogateescape")

    def show(self, number: int, offset: int, line: bytes, mark: str) -> None:
        options = self.options
        if (options.before or options.after) and self.shown and number > self.shown + 1:
            self.out.write(b"--\n")
        self.shown = number
        self.out.write(self.label(number, offset, mark) + line + options.end)

    def parts(self, number: int, offset: int, text: str) -> None:
        """``-o``."""
        for match in self.options.pattern.finditer(text):
            start = match.start("_kept") if "_kept" in match.re.groupindex else match.start()
            if start < match.end():
                place = offset + len(text[:start].encode("utf-8", "surrogateescape"))
                part = text[start : match.end()].encode("utf-8", "surrogateescape")
                self.out.write(self.label(number, place, ":") + part + self.options.end)

    def run(self, lines: Iterator[bytes]) -> None:
        options, inverted = self.options, "-v" in self.given
        before: Lines = collections.deque(maxlen=options.before)
        offset = due = 0
        for number, raw in enumerate(lines, 1):
            line = raw.removesuffix(options.end)
            text = line.decode("utf-8", "surrogateescape")
            if self.count >= options.most and not due:
                break
            if self.count < options.most and (options.pattern.search(text) is None) == inverted:
                self.count += 1
                if "-q" in self.given or "-l" in self.given or "-L" in self.given:
                    break
                due = options.after
                self.hit(number, offset, line, text, before)
            elif due:
                due -= 1
                if not self.quiet and "-o" not in self.given:
                    self.show(number, offset, line, "-")
            else:
                before.append((number, offset, line))
            offset += len(raw)
        self.conclude()

    def hit(self, number: int, offset: int, line: bytes, text: str, before: Lines) -> None:
        if self.quiet:
            return
        if "-o" in self.given:
            if "-v" not in self.given:
                self.parts(number, offset, text)
            return
        for earlier, place, content in before:
            self.show(earlier, place, content, "-")
        before.clear()
        self.show(number, offset, line, ":")

    def conclude(self) -> None:
        given, name = self.given, "(standard input)" if self.name == "-" else self.name
        if "-q" in given:
            return
        if "-l" in given or "-L" in given:
            if bool(self.count) == ("-l" in given):
                print(name, end="\0" if "-Z" in given else "\n")
        elif "-c" in given:
            print(f"{name}:{self.count}" if self.options.names else self.count)
        sys.stdout.flush()


def main() -> None:
    options, operands = parse()
    recursive = "-r" in options.given or "-R" in options.given
    options.names = ("-H" in options.given or len(operands) > 1 or recursive) and "-h" not in options.given
    found = False
    for name in files(operands, options):
        try:
            with opened(name) as file:
                data = file if options.end == b"\n" else iter(file.read().split(b"\0"))
                search = Search(options, name)
                search.run(iter(data))
        except OSError as error:
            if "-s" not in options.given:
                command.complain(f"{name}: {error.strerror}", 2)
            command.status = 2
            continue
        found = found or bool(search.count) != ("-L" in options.given)
        if found and "-q" in options.given:
            command.status = 0
            return
    command.status = command.status or (0 if found else 1)


command = Command(USAGE, usage_status=2)
command.run(main)
