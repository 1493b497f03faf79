"""``sqlite3``: SQL on databases, and the dot commands of everyday use."""

import csv
import io
import json
import shlex
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .common import Command, opened

USAGE = """\
Usage: sqlite3 [OPTION]... [DATABASE [SQL]...]
Run SQL, or what standard input says, on a database; without one, in memory.

  -csv, -json, -line, -column, -list, -tabs, -quote, -html, -markdown, -table, -box   how to write rows
  -header, -noheader    names of columns
  -separator X, -nullvalue X, -newline X
  -cmd COMMAND          run it first;  -init FILE
  -readonly, -bail, -batch
Dot commands: .tables .schema .indexes .databases .dump .import .read .output .once .headers .mode .separator
.nullvalue .print .bail .show .quit
"""
FLAGS = {"-batch", "-interactive", "-echo", "-stats", "-safe", "-utf8"}
MODES = {
    "csv",
    "json",
    "line",
    "column",
    "list",
    "tabs",
    "quote",
    "markdown",
    "table",
    "box",
    "insert",
    "html",
}

Row = Sequence[Any]


class Problem(Exception):
    """What a statement or dot command is told."""


@dataclass
class Shell:
    """One session."""

    database: sqlite3.Connection
    mode: str = "list"
    header: bool | None = None
    separator: str = "|"
    null: str = ""
    newline: str = "\n"
    table: str = "table"
    bail: bool = False
    out: Any = None
    once: bool = False
    status: int = 0
    widths: list[int] = field(default_factory=list)

    def write(self, text: str) -> None:
        (self.out or sys.stdout).write(text)

    # ---- values ---------------------------------------------------------------------------------------

    def text(self, value: Any) -> str:
        if value is None:
            return self.null
        if isinstance(value, float):
            return real(value)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    # ---- rows -----------------------------------------------------------------------------------------

    def show(self, names: list[str], rows: Iterable[Row]) -> None:
        shown = getattr(self, f"show_{self.mode}")
        if self.mode in ("column", "markdown", "table", "box", "json"):
            found = list(rows)
            if found:
                shown(names, found)
        else:
            shown(names, rows)
        if self.once:
            self.redirect("")

    def lines(self, names: list[str], rows: Iterable[Row], cell: Callable[[Any], str], between: str) -> None:
        first = True
        for row in rows:
            if first and self.header:
                self.write(between.join(cell(name) for name in names) + self.newline)
            first = False
            self.write(between.join(cell(value) for value in row) + self.newline)

    def show_list(self, names: list[str], rows: Iterable[Row]) -> None:
        self.lines(names, rows, self.text, self.separator)

    def show_tabs(self, names: list[str], rows: Iterable[Row]) -> None:
        self.lines(names, rows, self.text, "\t")

    def show_csv(self, names: list[str], rows: Iterable[Row]) -> None:
        def cell(value: Any) -> str:
            text = self.text(value)
            special = any(letter in text for letter in "\",\n\r '") or self.separator in text
            return (
                '"' + text.replace('"', '""') + '"' if special or (text == "" and value is not None) else text
            )

        separator = "," if self.separator == "|" else self.separator
        self.lines(names, rows, cell, separator)

    def show_quote(self, names: list[str], rows: Iterable[Row]) -> None:
        self.lines(names, rows, literal, "," if self.separator == "|" else self.separator)

    def show_insert(self, names: list[str], rows: Iterable[Row]) -> None:
        for row in rows:
            self.write(f"INSERT INTO {quoted(self.table)} VALUES({','.join(map(literal, row))});\n")

    def show_line(self, names: list[str], rows: Iterable[Row]) -> None:
        width = max([5, *(len(name) for name in names)])
        for number, row in enumerate(rows):
            self.write("\n" if number else "")
            for name, value in zip(names, row, strict=True):
                self.write(f"{name:>{width}} = {self.text(value)}\n")

    def show_html(self, names: list[str], rows: Iterable[Row]) -> None:
        from html import escape

        def line(tag: str, values: Row) -> None:
            cells = "".join(f"<{tag}>{escape(self.text(value))}</{tag}>\n" for value in values)
            self.write(f"<TR>{cells}</TR>\n")

        for number, row in enumerate(rows):
            if self.header and not number:
                line("TH", names)
            line("TD", row)

    def show_json(self, names: list[str], rows: list[Row]) -> None:
        def value(item: Any) -> str:
            if isinstance(item, bytes):
                item = item.decode("latin-1")
            return real(item) if isinstance(item, float) else json.dumps(item, ensure_ascii=False)

        def record(row: Row) -> str:
            pairs = (f"{json.dumps(name)}:{value(item)}" for name, item in zip(names, row, strict=True))
            return "{" + ",".join(pairs) + "}"

        self.write("[" + ",\n".join(record(row) for row in rows) + "]\n")

    def grid(self, names: list[str], rows: list[Row]) -> tuple[list[list[str]], list[int]]:
        cells = [[self.text(value) for value in row] for row in rows]
        columns = zip(names, *cells, strict=True)
        return cells, [max(len(text) for text in column) for column in columns]

    def show_column(self, names: list[str], rows: list[Row]) -> None:
        cells, widths = self.grid(names, rows)
        header = [names, ["-" * width for width in widths]] if self.header else []
        for row in [*header, *cells]:
            self.write("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)) + "\n")

    def framed(self, names: list[str], rows: list[Row], lines: Sequence[str], bars: str) -> None:
        """``lines`` are those above, below the names and at the end: left, line, between, right."""
        cells, widths = self.grid(names, rows)

        def rule(marks: str) -> None:
            if marks:
                self.write(
                    marks[0] + marks[2].join(marks[1] * (width + 2) for width in widths) + marks[3] + "\n"
                )

        def line(texts: list[str]) -> None:
            self.write(f"{bars} " + f" {bars} ".join(texts) + f" {bars}\n")

        rule(lines[0])
        line([f"{name:^{width}}" for name, width in zip(names, widths, strict=True)])
        rule(lines[1])
        for row in cells:
            line([f"{text:<{width}}" for text, width in zip(row, widths, strict=True)])
        rule(lines[2])

    def show_box(self, names: list[str], rows: list[Row]) -> None:
        self.framed(names, rows, ("┌─┬┐", "├─┼┤", "└─┴┘"), "│")

    def show_table(self, names: list[str], rows: list[Row]) -> None:
        self.framed(names, rows, ("+-++", "+-++", "+-++"), "|")

    def show_markdown(self, names: list[str], rows: list[Row]) -> None:
        self.framed(names, rows, ("", "|-||", ""), "|")

    # ---- statements -----------------------------------------------------------------------------------

    def run(self, sql: str) -> None:
        """All statements of a text."""
        for statement in statements(sql):
            cursor = self.database.execute(statement)
            if cursor.description:
                self.show([column[0] for column in cursor.description], cursor)

    def attempt(self, text: str) -> bool:
        """A dot command or SQL; whether to go on."""
        try:
            if text.startswith("."):
                return self.dot(text)
            self.run(text)
        except (sqlite3.Error, sqlite3.Warning, Problem, OSError) as error:
            sys.stdout.flush()
            print(f"Error: {error}", file=sys.stderr)
            self.status = 1
            return not self.bail
        return True

    def script(self, text: str) -> bool:
        """Lines of dot commands and SQL; whether to go on."""
        waiting = ""
        for line in text.splitlines():
            if not waiting.strip() and line.startswith("."):
                if not self.attempt(line.strip()):
                    return False
                continue
            waiting += line + "\n"
            if sqlite3.complete_statement(waiting):
                if not self.attempt(waiting):
                    return False
                waiting = ""
        return self.attempt(waiting) if waiting.strip() else True

    # ---- dot commands ---------------------------------------------------------------------------------

    def dot(self, text: str) -> bool:
        try:
            name, *words = shlex.split(text[1:])
        except ValueError as error:
            raise Problem(f"{error} in {text}") from None
        known = [each[4:] for each in dir(self) if each.startswith("dot_")]
        matching = [each for each in known if each.startswith(name)] if name else []
        if name in ("quit", "exit", "q"):
            self.status = int(words[0]) if words and words[0].isdigit() else self.status
            return False
        if not matching:
            raise Problem(f'unknown command or invalid arguments:  "{name}". Enter ".help" for help')
        getattr(self, f"dot_{name if name in known else matching[0]}")(*words)
        return True

    def dot_help(self, *words: str) -> None:
        self.write(USAGE)

    def dot_headers(self, value: str = "on") -> None:
        self.header = value in ("on", "1", "yes", "true")

    def dot_bail(self, value: str = "on") -> None:
        self.bail = value in ("on", "1", "yes", "true")

    def dot_mode(self, mode: str = "list", table: str = "table", *rest: str) -> None:
        if mode in ("ascii", "tcl") or (mode not in MODES and mode.rstrip("s") not in MODES):
            raise Problem(f"mode should be one of: {' '.join(sorted(MODES))}")
        self.mode, self.table = (mode if mode in MODES else mode.rstrip("s")), table
        self.newline = "\r\n" if self.mode == "csv" else "\n"
        if self.mode == "column" and self.header is None:
            self.header = True
        if self.mode in ("list", "csv", "quote"):
            self.separator = "|"

    def dot_separator(self, text: str, newline: str | None = None) -> None:
        self.separator = unescaped(text)
        self.newline = self.newline if newline is None else unescaped(newline)

    def dot_nullvalue(self, text: str) -> None:
        self.null = text

    def dot_width(self, *words: str) -> None:
        self.widths = [int(word) for word in words]

    def dot_print(self, *words: str) -> None:
        self.write(" ".join(words) + "\n")

    def dot_echo(self, *words: str) -> None:
        pass

    def dot_timer(self, *words: str) -> None:
        pass

    def dot_changes(self, *words: str) -> None:
        pass

    def dot_show(self) -> None:
        for name in ("mode", "header", "separator", "null"):
            self.write(f"{name:>12}: {getattr(self, name)}\n")

    def names(self, kinds: str, pattern: str) -> list[str]:
        rows = self.database.execute(
            f"SELECT name FROM sqlite_master WHERE type IN ({kinds}) AND name NOT LIKE 'sqlite_%' "
            "AND name LIKE ? ORDER BY name",
            (pattern,),
        )
        return [name for (name,) in rows]

    def dot_tables(self, pattern: str = "%") -> None:
        names = self.names("'table', 'view'", pattern)
        width = max([len(name) for name in names], default=0)
        columns = max(1, 80 // (width + 2))
        rows = -(-len(names) // columns)
        for row in range(rows):
            self.write("  ".join(f"{name:<{width}}" for name in names[row::rows]) + "\n")

    def dot_indexes(self, table: str = "%") -> None:
        rows = self.database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name LIKE ? ORDER BY name", (table,)
        )
        for (name,) in rows:
            self.write(f"{name}\n")

    dot_indices = dot_indexes

    def dot_databases(self) -> None:
        for _, name, path in self.database.execute("PRAGMA database_list"):
            self.write(f"{name}: {path or chr(34) * 2} {'r/w'}\n")

    def dot_schema(self, pattern: str = "%", *rest: str) -> None:
        rows = self.database.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name LIKE ? AND sql NOT NULL "
            "AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
            (pattern,),
        )
        for (sql,) in rows:
            self.write(f"{sql};\n")

    dot_fullschema = dot_schema

    def dot_dump(self, table: str = "%") -> None:
        self.write("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n")
        rows = self.database.execute(
            "SELECT name, type, sql FROM sqlite_master WHERE sql NOT NULL AND tbl_name LIKE ? "
            "AND name NOT LIKE 'sqlite_%' ORDER BY type != 'table', rowid",
            (table,),
        )
        for name, kind, sql in rows.fetchall():
            if sql.startswith('CREATE TABLE "'):
                sql = sql.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
            self.write(f"{sql};\n")
            if kind == "table":
                plain = name if name.isidentifier() else quoted(name)
                for row in self.database.execute(f"SELECT * FROM {quoted(name)}"):
                    self.write(f"INSERT INTO {plain} VALUES({','.join(map(literal, row))});\n")
        self.write("COMMIT;\n")

    def dot_read(self, path: str) -> None:
        with opened(path) as file:
            self.script(file.read().decode("utf-8", "replace"))

    def redirect(self, path: str) -> None:
        if self.out is not None:
            self.out.close()
        self.once = False
        self.out = open(path, "w", encoding="utf-8") if path and path != "stdout" else None  # noqa: SIM115

    def dot_output(self, path: str = "") -> None:
        self.redirect(path)

    def dot_once(self, path: str) -> None:
        self.redirect(path)
        self.once = True

    def dot_import(self, *words: str) -> None:
        """``.import [--csv] [--skip N] FILE TABLE``: a table that isn't there gets its columns from the first
        line."""
        rest = list(words)
        separator = "," if self.mode == "csv" else self.separator
        skip = 0
        while rest and rest[0].startswith("-"):
            option = rest.pop(0).lstrip("-")
            if option == "csv":
                separator = ","
            elif option == "skip" and rest:
                skip = int(rest.pop(0))
        if len(rest) != 2:
            raise Problem("Usage: .import FILE TABLE")
        path, table = rest
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            lines = list(csv.reader(io.StringIO(file.read()), delimiter=separator))[skip:]
        there = self.database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        if not there:
            columns = ", ".join(f"{quoted(name)} TEXT" for name in lines.pop(0))
            self.database.execute(f"CREATE TABLE {quoted(table)}({columns})")
        count = len(self.database.execute(f"SELECT * FROM {quoted(table)} LIMIT 0").description)
        marks = ",".join("?" * count)
        rows = ([*line, *[None] * count][:count] for line in lines if line)
        self.database.execute("BEGIN")
        self.database.executemany(f"INSERT INTO {quoted(table)} VALUES({marks})", rows)
        self.database.execute("COMMIT")


def real(value: float) -> str:
    """15 digits, and a point always."""
    text = f"{value:.15g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return (mantissa if "." in mantissa else f"{mantissa}.0") + f"e{exponent}"
    return text if "." in text or "n" in text else f"{text}.0"


def literal(value: Any) -> str:
    """As SQL has it."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return real(value) if isinstance(value, float) else str(value)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def unescaped(text: str) -> str:
    return text.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r")


def statements(sql: str) -> list[str]:
    """Its statements, one by one."""
    found, start = [], 0
    for place, letter in enumerate(sql):
        if letter == ";" and sqlite3.complete_statement(sql[start : place + 1]):
            found.append(sql[start : place + 1])
            start = place + 1
    return [*found, sql[start:]] if sql[start:].strip() else found


def parse(words: list[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Options, commands to run first, operands."""
    options: dict[str, str] = {}
    first: list[str] = []
    operands: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name = word[1:] if word.startswith("--") else word
        if not word.startswith("-") or word == "-":
            operands.append(word)
        elif name in ("-separator", "-nullvalue", "-newline", "-cmd", "-init") and rest:
            value = rest.pop(0)
            if name == "-cmd":
                first.append(value)
            else:
                options[name[1:]] = value
        elif name[1:] in MODES:
            options["mode"] = name[1:]
        elif name in ("-header", "-headers", "-noheader"):
            options["header"] = "on" if name != "-noheader" else "off"
        elif name in ("-readonly", "-bail", "-help", "-version"):
            options[name[1:]] = ""
        elif name not in FLAGS:
            command.misused(f"unknown option: {word}")
    return options, first, operands


def shell(options: dict[str, str], path: str) -> Shell:
    if "readonly" in options:
        from urllib.parse import quote

        database = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None)
    else:
        database = sqlite3.connect(path, isolation_level=None)
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    found = Shell(database, mode=options.get("mode", "list"), bail="bail" in options)
    if "header" in options:
        found.dot_headers(options["header"])
    found.separator = unescaped(options.get("separator", found.separator))
    found.newline = unescaped(options.get("newline", found.newline))
    found.null = options.get("nullvalue", "")
    return found


def main() -> None:
    options, first, operands = parse(sys.argv[1:])
    if "help" in options:
        print(USAGE.rstrip())
        return
    if "version" in options:
        print(sqlite3.sqlite_version)
        return
    try:
        session = shell(options, operands[0] if operands else ":memory:")
    except sqlite3.Error as error:
        command.complain(f'unable to open database "{operands[0]}": {error}')
        return
    if "init" in options:
        session.dot_read(options["init"])
    going = all(session.attempt(text) for text in first)
    if going and operands[1:]:
        session.bail = True
        for text in operands[1:]:
            if not session.script(text):
                break
    elif going:
        session.script(sys.stdin.buffer.read().decode("utf-8", "replace"))
    session.redirect("")
    session.database.close()
    command.status = session.status


command = Command(USAGE)
command.run(main)
