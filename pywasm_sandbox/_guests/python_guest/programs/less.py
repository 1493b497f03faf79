"""``less`` and ``more``: there is no terminal, so all is written at once."""

import os
import re
import sys

from .common import Command

USAGE = """\
Usage: less [OPTION]... [FILE]...
Write the files, or standard input: there is no terminal to page through them.

  -N, --LINE-NUMBERS   numbers before lines
  -s, --squeeze-blank-lines
  +N, +/PATTERN        begin at line N, at the first line that matches
Other options are about the terminal, and have no effect.
"""
LONG = {"LINE-NUMBERS": "N", "squeeze-blank-lines": "s"}
TAKEN = """
    RAW-CONTROL-CHARS raw-control-chars quit-if-one-screen no-init chop-long-lines ignore-case IGNORE-CASE
    quiet QUIET silent mouse use-color quit-at-eof QUIT-AT-EOF force clear-screen status-column tilde
"""
"""Long options without effect."""


def start(words: list[str], lines: list[bytes]) -> int:
    """Which line ``+N`` and ``+/PATTERN`` begin with, counted from 0."""
    for word in words:
        if re.fullmatch(r"\+\d+", word):
            return max(int(word[1:]) - 1, 0)
        if word.startswith("+/"):
            pattern = os.fsencode(word[2:])
            return next((n for n, line in enumerate(lines) if re.search(pattern, line)), 0)
        if word == "+G":
            return 0
    return 0


def squeezed(lines: list[bytes]) -> list[bytes]:
    pairs = zip([b"x", *lines], lines, strict=False)
    return [line for previous, line in pairs if line.strip(b"\r\n") or previous.strip(b"\r\n")]


def main() -> None:
    words = [word for word in sys.argv[1:] if not re.fullmatch(r"-\d+", word)]
    letters = "aABcCdeEfFgGiIJKLmMnNqQrRsSuUVwWXl~"
    taking = "b:h:j:k:o:O:p:P:t:T:x:y:z:D:#:"
    long = {**LONG, **dict.fromkeys(TAKEN.split(), "")}
    found, operands = command.options(letters + taking, long, words)
    given = dict(found)
    moves = [word for word in operands if word.startswith("+")]
    names = [word for word in operands if not word.startswith("+")]
    for name, file in command.inputs(names):
        if os.path.isdir(name):
            command.complain(f"{name} is a directory")
            continue
        lines = file.readlines()
        if "-s" in given:
            lines = squeezed(lines)
        first = start(moves, lines)
        for number, line in enumerate(lines[first:], first + 1):
            sys.stdout.buffer.write(b"%7d " % number + line if "-N" in given else line)
        sys.stdout.buffer.flush()


command = Command(USAGE)
command.run(main)
