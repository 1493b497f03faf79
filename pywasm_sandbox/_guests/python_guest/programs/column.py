"""``column``: lists in columns, and tables."""

import json
import os
import re
import unicodedata
from dataclasses import dataclass, field

from .common import Command, Trouble

USAGE = """\
Usage: column [OPTION]... [FILE]...
Put lists into columns.

  -t, --table                    make a table of the words of each line
  -s, --separator=STRING         characters that separate words
  -o, --output-separator=STRING  between columns of the table (default: two spaces)
  -N, --table-columns=NAMES      names of the columns
  -l, --table-columns-limit=N    no more than N columns
  -R, --table-right=COLUMNS      align to the right; by name or number, 0 or - for all
  -H, --table-hide=COLUMNS       don't show
  -O, --table-order=COLUMNS      in this order
  -d, --table-noheadings         no line of names
  -J, --json                     as JSON;  -n, --table-name=NAME  its name
  -L, --keep-empty-lines
  -c, --output-width=WIDTH       of the page, without -t
  -x, --fillrows                 fill rows before columns
"""
LONG = {
    "table": "t",
    "separator=": "s",
    "output-separator=": "o",
    "table-columns=": "N",
    "table-columns-limit=": "l",
    "table-right=": "R",
    "table-hide=": "H",
    "table-order=": "O",
    "table-noheadings": "d",
    "table-noextreme=": "E",
    "table-truncate=": "T",
    "table-wrap=": "W",
    "table-header-repeat": "e",
    "json": "J",
    "table-name=": "n",
    "keep-empty-lines": "L",
    "output-width=": "c",
    "columns=": "c",
    "fillrows": "x",
}
TAB = 8


@dataclass
class Options:
    """What the command line says."""

    table: bool = False
    separators: str | None = None
    between: str = "  "
    names: list[str] = field(default_factory=list)
    limit: int = 0
    right: str = ""
    hidden: str = ""
    order: str = ""
    headings: bool = True
    json: bool = False
    name: str = "table"
    keep_empty: bool = False
    width: int = 80
    by_rows: bool = False


def parse(command: Command) -> tuple[Options, list[str]]:
    found, names = command.options("tedJLxs:o:N:l:R:H:O:E:T:W:n:c:", LONG)
    given = dict(found)
    width = os.environ.get("COLUMNS", "")
    options = Options(
        table="-t" in given or "-J" in given,
        separators=given.get("-s"),
        between=given.get("-o", "  "),
        names=given["-N"].split(",") if "-N" in given else [],
        limit=command.number(given.get("-l", "0"), "columns limit argument"),
        right=given.get("-R", ""),
        hidden=given.get("-H", ""),
        order=given.get("-O", ""),
        headings="-d" not in given,
        json="-J" in given,
        name=given.get("-n", "table"),
        keep_empty="-L" in given,
        width=int(width) if width.isdigit() and int(width) else 80,
        by_rows="-x" in given,
    )
    if "-c" in given:
        unlimited = given["-c"] == "unlimited"
        options.width = 1 << 30 if unlimited else command.number(given["-c"], "columns argument", 1)
    return options, names


def cells(text: str) -> int:
    """How many places of a terminal's line it takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


# ---- tables -----------------------------------------------------------------------------------------


def split(line: str, options: Options) -> list[str]:
    """The words of a line. Where separators are given, each of them separates."""
    most = options.limit - 1 if options.limit else -1
    if options.separators is None:
        return line.split(maxsplit=most) if most else [line.strip()]
    pattern = f"[{re.escape(options.separators)}]"
    return re.split(pattern, line, maxsplit=max(most, 0)) if most else [line]


def numbers(text: str, options: Options, count: int) -> list[int]:
    """Which columns are meant: by names, by numbers from 1 on, 0 or ``-`` for all."""
    found: list[int] = []
    for word in text.split(",") if text else []:
        span = re.fullmatch(r"(\d+)-(\d+)", word)
        if word in ("0", "-"):
            found += range(count)
        elif word == "-1":
            found.append(count - 1)
        elif word in options.names:
            found.append(options.names.index(word))
        elif span:
            found += range(int(span[1]) - 1, int(span[2]))
        elif word.isdigit():
            found.append(int(word) - 1)
        else:
            raise Trouble(f"undefined column name '{word}'")
    return [number for number in found if number < count]


def show_table(lines: list[str], options: Options) -> None:
    rows = [split(line, options) for line in lines]
    count = max([len(row) for row in rows] + [len(options.names)], default=0)
    if options.json and len(options.names) < count:
        raise Trouble("option --table-columns required for --json")
    hidden = set(numbers(options.hidden, options, count))
    right = set(numbers(options.right, options, count))
    ordered = list(dict.fromkeys([*numbers(options.order, options, count), *range(count)]))
    shown = [column for column in ordered if column not in hidden]
    if options.json:
        show_json(rows, shown, options)
        return
    if options.names and options.headings:
        rows.insert(0, options.names)
    rows = [[row[column] if column < len(row) else "" for column in shown] for row in rows]
    widths = [max(cells(row[place]) for row in rows) for place in range(len(shown))] if rows else []
    for row in rows:
        print(table_line(row, widths, [column in right for column in shown], options))


def table_line(row: list[str], widths: list[int], right: list[bool], options: Options) -> str:
    if not any(row):
        return ""
    parts = []
    for place, text in enumerate(row):
        padding = " " * (widths[place] - cells(text))
        if right[place]:
            parts.append(padding + text)
        else:
            parts.append(text + (padding if place + 1 < len(row) else ""))
    return options.between.join(parts)


def show_json(rows: list[list[str]], shown: list[int], options: Options) -> None:
    def record(row: list[str]) -> str:
        pairs = []
        for column in shown:
            value = row[column] if column < len(row) and row[column] else None
            name = json.dumps(options.names[column].lower())
            pairs.append(f"         {name}: {json.dumps(value, ensure_ascii=False)}")
        return "{\n" + ",\n".join(pairs) + "\n      }"

    body = ",".join(record(row) for row in rows)
    print(f"{{\n   {json.dumps(options.name)}: [\n      {body}\n   ]\n}}")


# ---- lists ------------------------------------------------------------------------------------------


def show_list(items: list[str], options: Options) -> None:
    """In columns as wide as the longest item, filled up with tabs."""
    width = (max(map(cells, items)) + TAB) // TAB * TAB
    columns = max(options.width // width, 1)
    rows = -(-len(items) // columns)
    for row in range(rows):
        whole = items[row * columns : (row + 1) * columns]
        line = whole if options.by_rows else items[row::rows]
        padded = [item + "\t" * -(-(width - cells(item)) // TAB) for item in line[:-1]]
        print("".join(padded) + line[-1])


def main() -> None:
    options, names = parse(command)
    lines = []
    for _, file in command.inputs(names):
        text = file.read().decode("utf-8", "surrogateescape")
        lines += [line for line in text.splitlines() if line.strip() or options.keep_empty]
    if not lines:
        return
    if options.table:
        show_table(lines, options)
    elif max(map(cells, lines)) >= options.width:
        print("\n".join(lines))
    else:
        show_list(lines, options)


command = Command(USAGE)
command.run(main)
