"""``cut --complement``: all but parts of lines."""

import sys

from .common import Command, Trouble, spans, within

USAGE = """\
Usage: cut --complement OPTION... [FILE]...
Write all but selected parts of lines.

  -b, --bytes=LIST, -c, --characters=LIST, -f, --fields=LIST   what to leave out: N, N-M, N-, -M
  -d, --delimiter=X         fields are separated by X (default: tab)
  -s, --only-delimited      not the lines without X
      --output-delimiter=X  between fields
"""
LONG = {
    "bytes=": "b",
    "characters=": "c",
    "fields=": "f",
    "delimiter=": "d",
    "only-delimited": "s",
    "complement": "",
    "output-delimiter=": "O",
}


def main() -> None:
    found, names = command.options("b:c:f:d:sO:n", LONG)
    given = dict(found)
    kinds = [name for name in ("-b", "-c", "-f") if name in given]
    if len(kinds) != 1:
        command.misused("you must specify a list of bytes, characters, or fields")
    chosen = spans(given[kinds[0]].replace(" ", ",").split(","))
    if any(first == 0 for first, _ in chosen):
        raise Trouble("fields are numbered from 1")
    chosen = chosen if "--complement" in given else []
    fields = kinds[0] == "-f"
    delimiter = given.get("-d", "\t").encode()
    between = given["-O"].encode() if "-O" in given else delimiter if fields else b""
    for _, file in command.inputs(names):
        for line in file:
            body = line.removesuffix(b"\n")
            if fields and delimiter not in body:
                if "-s" not in given:
                    sys.stdout.buffer.write(body + b"\n")
                continue
            parts = body.split(delimiter) if fields else [body[n : n + 1] for n in range(len(body))]
            shown = between.join(part for number, part in enumerate(parts, 1) if not within(number, chosen))
            sys.stdout.buffer.write(shown + b"\n")


command = Command(USAGE)
command.run(main)
