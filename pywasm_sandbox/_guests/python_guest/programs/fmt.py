"""``fmt``: paragraphs with lines of about the same length, broken as GNU's does."""

import re
import sys
from dataclasses import dataclass

from .common import Command, Trouble

USAGE = """\
Usage: fmt [-WIDTH] [OPTION]... [FILE]...
Reformat each paragraph of the files, or of standard input.

  -w, --width=WIDTH       no line longer than WIDTH (default: 75)
  -g, --goal=WIDTH        how long lines should be (default: 93 % of the width)
  -s, --split-only        split long lines, don't join short ones
  -u, --uniform-spacing   one blank between words, two after sentences
  -p, --prefix=STRING     only lines that begin with STRING
  -c, --crown-margin      keep the indentation of the first two lines
  -t, --tagged-paragraph  the first line's indentation differs from the second's
"""
LONG = {
    "width=": "w",
    "goal=": "g",
    "split-only": "s",
    "uniform-spacing": "u",
    "prefix=": "p",
    "crown-margin": "c",
    "tagged-paragraph": "t",
}
TAB = 8
PUNCTUATION = "!\"#%&'()*,-./:;?@[\\]^_`{|}~$+<=>"
MAX_WORDS = 1000
"""A longer paragraph is broken in parts of so many words."""


def equivalent(n: int) -> int:
    """The cost of a line that is n characters off."""
    return n * n


LINE_COST = equivalent(70)
SENTENCE_BONUS = equivalent(50)
NOBREAK_COST = equivalent(600)
PAREN_BONUS = PUNCT_BONUS = equivalent(40)
LINE_CREDIT = equivalent(3)


@dataclass
class Word:
    """A word of a paragraph, the blanks after it, and how a line that begins with it best goes on."""

    text: str
    space: int = 1
    paren: bool = False
    period: bool = False
    punct: bool = False
    final: bool = False
    best_cost: int = 0
    length: int = 0
    next: int = 0

    def __post_init__(self) -> None:
        self.paren = self.text[0] in "('`\"["
        self.punct = self.text[-1] in PUNCTUATION
        core = self.text.rstrip("\"')]")
        self.period = bool(core) and core[-1] in ".?!"


class Paragraph:
    """Its words and how it is indented."""

    def __init__(self, words: list[Word], first: int, other: int, prefix: str, width: int, goal: int) -> None:
        self.words, self.first, self.other, self.prefix = words, first, other, prefix
        self.width, self.goal = width, goal

    def base_cost(self, index: int) -> int:
        """Of beginning a line with this word."""
        cost = LINE_COST
        words = self.words
        if index > 0:
            before = words[index - 1]
            if before.period:
                cost += -SENTENCE_BONUS if before.final else NOBREAK_COST
            elif before.punct:
                cost -= PUNCT_BONUS
            elif index > 1 and words[index - 2].final:
                cost += equivalent(200) // (len(before.text) + 2)
        if words[index].paren:
            cost -= PAREN_BONUS
        elif words[index].final:
            cost += equivalent(150) // (len(words[index].text) + 2)
        return cost

    def line_cost(self, after: int, length: int) -> int:
        """Of a line of this length before the word ``after``."""
        if after == len(self.words):
            return 0
        cost = equivalent((self.goal - length) * 10)
        following = self.words[after]
        if following.next != len(self.words):
            cost += equivalent((length - following.length) * 10) // 2
        return cost

    def plan(self) -> None:
        """From the last word to the first, find where a line that begins with it should end."""
        words = self.words
        costs = [0] * (len(words) + 1)
        for start in range(len(words) - 1, -1, -1):
            best = sys.maxsize
            length = self.first if start == 0 else self.other
            word = start
            length += len(words[word].text)
            while True:
                word += 1
                cost = self.line_cost(word, length) + costs[word]
                if cost < best:
                    best = cost
                    words[start].next, words[start].length = word, length
                if word == len(words):
                    break
                length += words[word - 1].space + len(words[word].text)
                if length >= self.width:
                    break
            costs[start] = best + self.base_cost(start)

    def lines(self) -> list[str]:
        self.plan()
        found, start = [], 0
        while start < len(self.words):
            end = self.words[start].next
            text = "".join(word.text + " " * word.space for word in self.words[start : end - 1])
            indent = self.first if start == 0 else self.other
            found.append(self.prefix + " " * (indent - len(self.prefix)) + text + self.words[end - 1].text)
            start = end
        return found


@dataclass
class Options:
    """What the command line says."""

    width: int
    goal: int
    split: bool
    uniform: bool
    crown: bool
    tagged: bool
    prefix: str


@dataclass
class Line:
    """One of the input: ``indent`` counts the prefix; no words for what only separates paragraphs."""

    raw: str
    indent: int = 0
    prefix: str = ""
    words: tuple[tuple[str, int], ...] = ()


def read(raw: str, options: Options) -> Line:
    text = raw.expandtabs(TAB)
    body = text.lstrip(" ")
    if options.prefix:
        if not body.startswith(options.prefix):
            return Line(raw)
        margin = text[: len(text) - len(body)] + options.prefix
        body = text[len(margin) :]
        words = body.lstrip(" ")
        indent = len(margin) + len(body) - len(words)
        return Line(raw, indent, margin, tuple(pairs(words)))
    return Line(raw, len(text) - len(body), "", tuple(pairs(body)))


def pairs(text: str) -> list[tuple[str, int]]:
    return [(match[1], len(match[2])) for match in re.finditer(r"(\S+)(\s*)", text)]


class Formatter:
    """Collects lines to paragraphs and writes them."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.lines: list[Line] = []

    def belongs(self, line: Line) -> bool:
        """Whether the line goes on with the paragraph."""
        before, options = self.lines, self.options
        if options.split or line.prefix != before[0].prefix:
            return False
        if options.tagged or options.crown:
            if len(before) == 1:
                return options.crown or line.indent != before[0].indent
            return line.indent == before[1].indent
        return line.indent == before[0].indent

    def take(self, raw: str) -> None:
        line = read(raw, self.options)
        if line.words and self.lines and self.belongs(line):
            self.lines.append(line)
            return
        self.finish()
        if line.words:
            self.lines = [line]
        else:
            print(raw.rstrip() if not line.prefix else line.prefix.rstrip())

    def words(self) -> list[Word]:
        found = []
        for line in self.lines:
            for place, (text, space) in enumerate(line.words):
                word = Word(text, space)
                last = place == len(line.words) - 1
                word.final = word.period and (last or space > 1)
                if last or self.options.uniform:
                    word.space = 2 if word.final else 1
                found.append(word)
        if found:
            found[-1].period = found[-1].final = True
        return found

    def finish(self) -> None:
        if not self.lines:
            return
        options, lines = self.options, self.lines
        first = lines[0].indent
        other = lines[1].indent if len(lines) > 1 else first
        if options.tagged and len(lines) == 1:
            other = first + (3 if first == 0 else 0)
        words = self.words()
        while words:
            part, words = words[:MAX_WORDS], words[MAX_WORDS:]
            paragraph = Paragraph(part, first, other, lines[0].prefix, options.width, options.goal)
            for text in paragraph.lines():
                print(text)
            first = other
        self.lines = []


def parse() -> tuple[Options, list[str]]:
    words = sys.argv[1:]
    if words and re.fullmatch(r"-\d+", words[0]):
        words = ["-w", words[0][1:], *words[1:]]
    found, names = command.options("w:g:sup:ct", LONG, words)
    given = dict(found)
    goal = command.number(given["-g"], "width") if "-g" in given else None
    width = 75 if goal is None else goal + 10
    if "-w" in given:
        width = command.number(given["-w"], "width")
    if width > 2500:
        raise Trouble(f"invalid width: '{width}'")
    if goal is None:
        goal = width * (2 * (100 - 7) + 1) // 200
    prefix = given.get("-p", "").strip(" ")
    return Options(width, goal, "-s" in given, "-u" in given, "-c" in given, "-t" in given, prefix), names


def main() -> None:
    options, names = parse()
    for _, file in command.inputs(names):
        formatter = Formatter(options)
        for line in file.read().decode("utf-8", "surrogateescape").splitlines():
            formatter.take(line)
        formatter.finish()


command = Command(USAGE)
command.run(main)
