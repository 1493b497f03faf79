"""``bc``: a calculator with as many digits as asked for."""

import os
import sys

from .bclang.machine import Failure, Machine, Quit
from .bclang.parser import Mistake, Parser
from .common import Command, opened

USAGE = """\
Usage: bc [OPTION]... [FILE]...
Calculate what the files say, then what standard input says.

  -l, --mathlib   with s c a l e j (sine, cosine, arc tangent, logarithm, exponential, Bessel), and scale=20
  -q, --quiet, -i, --interactive, -s, --standard, -w, --warn   have no effect
"""
LONG = {"mathlib": "l", "quiet": "q", "interactive": "i", "standard": "s", "warn": "w"}
MAX_DEPTH = 5000


def calculate(machine: Machine, text: str, name: str) -> None:
    """Line by line; a line that fails is left out."""
    parser = Parser(text)
    while True:
        try:
            statements = parser.item()
            if statements is None:
                return
            for statement in statements:
                machine.run(statement)
        except Mistake as mistake:
            complain(f"{name} {mistake}")
        except Failure as failure:
            complain(f"Runtime error: {failure}")
        except RecursionError:
            complain("Runtime error: functions call each other too deeply")


def complain(message: str) -> None:
    sys.stdout.flush()
    print(message, file=sys.stderr)


def main() -> None:
    found, names = command.options("lqiswh", LONG)
    width = os.environ.get("BC_LINE_LENGTH", "")
    machine = Machine(line_length=int(width) if width.isdigit() else 70)
    if "-l" in dict(found):
        machine.library, machine.scale = True, 20
    sys.set_int_max_str_digits(0)
    sys.setrecursionlimit(MAX_DEPTH)
    try:
        for name in [*names, "-"]:
            with opened(name) as file:
                text = file.read().decode("utf-8", "replace")
            calculate(machine, text, "(standard_in)" if name == "-" else name)
    except Quit:
        pass


command = Command(USAGE)
command.run(main)
