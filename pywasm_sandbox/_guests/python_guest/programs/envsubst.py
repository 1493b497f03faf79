"""``envsubst``: environment variables in place of their names."""

import os
import re
import sys

from .common import Command

USAGE = """\
Usage: envsubst [OPTION] [SHELL-FORMAT]
Write standard input with $NAME and ${NAME} replaced by the values of environment variables; of those
in SHELL-FORMAT only, if there is one.

  -v, --variables   write the names in SHELL-FORMAT
"""
NAME = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


def main() -> None:
    found, operands = command.options("v", {"variables": "v"})
    named = [braced or plain for braced, plain in NAME.findall(" ".join(operands))]
    if found:
        print("".join(f"{name}\n" for name in named), end="")
        return

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return os.environ.get(name, "") if not operands or name in named else match[0]

    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    sys.stdout.write(NAME.sub(value, text))


command = Command(USAGE)
command.run(main)
