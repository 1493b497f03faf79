"""``nproc``: how many processors there are for one program."""

import os

from .common import Command

USAGE = """\
Usage: nproc [OPTION]...
Print the number of processors that a program has.

      --all       the number of installed ones
      --ignore=N  if possible, exclude N of them
"""


def main() -> None:
    found, operands = command.options("", {"all": "", "ignore=": ""})
    if operands:
        command.misused(f"extra operand '{operands[0]}'")
    given = dict(found)
    count = os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if "--all" not in given and threads.isdigit() and int(threads):
        count = int(threads)
    print(max(1, count - command.number(given.get("--ignore", "0"), "number")))


command = Command(USAGE)
command.run(main)
