"""``head`` with a negative count: all but the last lines or bytes."""

import collections
import re
import sys

from .common import Command, Trouble

USAGE = """\
Usage: head [OPTION]... [FILE]...
Write the first lines of each file.

  -n, --lines=N   N lines (default: 10); -N: all but the last N
  -c, --bytes=N   N bytes; -N: all but the last N
  -q, --quiet     without names of files;  -v, --verbose  with them
"""
LONG = {"lines=": "n", "bytes=": "c", "quiet": "q", "silent": "q", "verbose": "v"}
UNITS = {"": 1, "b": 512, "K": 1024, "k": 1024, "KB": 1000, "M": 1 << 20, "MB": 10**6, "G": 1 << 30}


def count_of(text: str) -> int:
    match = re.fullmatch(r"([+-]?\d+)([A-Za-z]*)", text)
    if not match or match[2] not in UNITS:
        raise Trouble(f"invalid number of lines: '{text}'")
    return int(match[1]) * UNITS[match[2]]


def main() -> None:
    found, names = command.options("n:c:qvz", LONG)
    given = dict(found)
    unit, text = next(
        ((name, value) for name, value in reversed(found) if name in ("-n", "-c")), ("-n", "10")
    )
    count, from_end = count_of(text), text.startswith("-")
    out = sys.stdout.buffer
    titled = ("-v" in given or len(names) > 1) and "-q" not in given
    for number, (name, file) in enumerate(command.inputs(names)):
        if titled:
            title = "standard input" if name == "-" else name
            out.write(f"{'' if not number else chr(10)}==> {title} <==\n".encode("utf-8", "surrogateescape"))
        if unit == "-c":
            data = file.read()
            out.write(
                data[: len(data) + count] if from_end and len(data) + count > 0 else data[: max(count, 0)]
            )
        elif from_end and count:
            held: collections.deque[bytes] = collections.deque()
            for line in file:
                held.append(line)
                if len(held) > -count:
                    out.write(held.popleft())
        else:
            for position, line in enumerate(file):
                if position >= count and not from_end:
                    break
                out.write(line)
        out.flush()


command = Command(USAGE)
command.run(main)
