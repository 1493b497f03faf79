"""``jq``: JSON taken apart and put together, by programs in its language."""

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .common import Command, Trouble
from .jqlang import filters, prelude, values
from .jqlang.checking import check
from .jqlang.nodes import Env, Function, Node, Shared
from .jqlang.parser import Mistake, definitions, parse
from .jqlang.values import JqError

USAGE = """\
Usage: jq [OPTION]... PROGRAM [FILE]...
   or: jq [OPTION]... -f FILE [FILE]...
Apply a program to each JSON value in the files, or in standard input, and write what it yields.

  -n, --null-input       run it once, on null;  input and inputs read
  -R, --raw-input        each line is a string;  -s, --slurp  all inputs as one array
  -r, --raw-output       strings without quotes;  -j, --join-output  and no newlines
      --raw-output0      and NUL after each
  -a, --ascii-output     only ASCII;  -S, --sort-keys
  -c, --compact-output   on one line;  --tab, --indent N
  -C, --color-output     -M, --monochrome-output
  -e, --exit-status      1 if the last output is false or null, 4 if there is none
      --arg NAME TEXT, --argjson NAME JSON, --slurpfile NAME FILE, --rawfile NAME FILE   variables
      --args, --jsonargs   what follows is $ARGS.positional
      --stream, --seq
"""
SHORT = {
    "n": "null-input",
    "R": "raw-input",
    "s": "slurp",
    "r": "raw-output",
    "j": "join-output",
    "a": "ascii-output",
    "S": "sort-keys",
    "c": "compact-output",
    "C": "color-output",
    "M": "monochrome-output",
    "e": "exit-status",
    "f": "from-file",
    "h": "help",
    "V": "version",
}
TAKES = {"arg": 2, "argjson": 2, "slurpfile": 2, "rawfile": 2, "argfile": 2, "indent": 1, "L": 1}
FLAGS = {*SHORT.values(), "tab", "args", "jsonargs", "stream", "seq", "unbuffered", "raw-output0"}
COLORS = {
    "null": "1;30",
    "boolean": "0;39",
    "number": "0;39",
    "string": "0;32",
    "array": "1;39",
    "object": "1;39",
}
KEY_COLOR = "34;1"
MAX_DEPTH = 10_000


@dataclass
class Options:
    """What the command line says."""

    flags: set[str] = field(default_factory=set)
    indent: int = 2
    named: dict[str, Any] = field(default_factory=dict)
    positional: list[Any] = field(default_factory=list)
    program: str | None = None
    files: list[str] = field(default_factory=list)


def parse_words(words: list[str]) -> Options:
    """Its own rules: options come anywhere, values are words of their own."""
    options, rest, rest_kind = Options(), list(words), "files"
    raw = False
    while rest:
        word = rest.pop(0)
        if raw or not word.startswith("-") or word == "-":
            operand(options, word, rest_kind)
            continue
        if word == "--":
            raw = True
            continue
        names = [word[2:]] if word.startswith("--") else [SHORT.get(letter, letter) for letter in word[1:]]
        for name in names:
            if name in TAKES:
                count = TAKES[name]
                if len(rest) < count:
                    raise Trouble(f"error: --{name} takes {count} parameter{'s' * (count > 1)}", 2)
                take(options, name, [rest.pop(0) for _ in range(count)])
            elif name in ("args", "jsonargs"):
                rest_kind = name
            elif name in FLAGS:
                options.flags.add(name)
            else:
                command.misused(f"Unknown option: {word}")
    return options


def operand(options: Options, word: str, kind: str) -> None:
    if options.program is None:
        options.program = word
    elif kind == "args":
        options.positional.append(word)
    elif kind == "jsonargs":
        options.positional.append(json_argument(word, "--jsonargs"))
    else:
        options.files.append(word)


def json_argument(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Trouble(f"Invalid JSON text passed to {name}", 2) from None


def take(options: Options, name: str, given: list[str]) -> None:
    if name == "indent":
        options.indent = command.number(given[0], "indentation")
        if options.indent > 7:
            raise Trouble("Cannot indent more than 7 characters", 2)
        if not options.indent:
            options.flags.add("compact-output")
    elif name == "arg":
        options.named[given[0]] = given[1]
    elif name == "argjson":
        options.named[given[0]] = json_argument(given[1], "--argjson")
    elif name in ("slurpfile", "rawfile", "argfile"):
        try:
            with open(given[1], encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError as error:
            raise Trouble(f"Bad JSON in --{name} {given[0]} {given[1]}: {error.strerror}", 2) from None
        options.named[given[0]] = text if name == "rawfile" else list(documents(text))


# ---- inputs -------------------------------------------------------------------------------------------


class BadInput(Exception):
    """An input that is no JSON."""


_blank = re.compile(r"[\s\x1e\ufeff]*")
_separated = re.compile(r'[\s\x1e\[\]{}",:]|$')


def documents(text: str) -> Iterator[Any]:
    """The JSON values, one after the other."""
    decoder = json.JSONDecoder(strict=False, parse_constant=float)
    place = 0
    while True:
        match = _blank.match(text, place)
        assert match
        place = match.end()
        if place == len(text):
            return
        try:
            value, end = decoder.raw_decode(text, place)
        except ValueError as error:
            if text.startswith("nan", place):
                value, end = float("nan"), place + 3
            else:
                line = text.count("\n", 0, getattr(error, "pos", place)) + 1
                raise BadInput(f"{getattr(error, 'msg', error)} at line {line}") from None
        if not isinstance(value, (str, list, dict)) and not _separated.match(text, end):
            raise BadInput(f"Invalid literal at line {text.count(chr(10), 0, end) + 1}")
        place = end
        yield value


def inputs(options: Options, shared: Shared) -> Iterator[Any]:
    """What the program is run on."""
    texts: list[str] = []
    slurped: list[Any] = []
    for name, file in command.inputs(options.files):
        shared.file_name = None if name == "-" else name
        text = file.read().decode("utf-8", "replace")
        if "raw-input" in options.flags:
            if "slurp" in options.flags:
                texts.append(text)
            else:
                yield from text.removesuffix("\n").split("\n") if text else ()
            continue
        for value in documents(text):
            if "slurp" in options.flags:
                slurped.append(value)
            elif "stream" in options.flags:
                yield from events(value, [], True)
            else:
                yield value
    if "slurp" in options.flags:
        yield "".join(texts) if "raw-input" in options.flags else slurped


def events(value: Any, path: list[Any], top: bool) -> Iterator[Any]:
    """``--stream``: leaves with their paths, and the ends of arrays and objects."""
    if not isinstance(value, (list, dict)) or not value:
        yield [path, value]
        return
    key = None
    for key, each in values.children(value):
        yield from events(each, [*path, key], False)
    yield [[*path, key]]


# ---- outputs ------------------------------------------------------------------------------------------


class Writer:
    """Shows values as the options say."""

    def __init__(self, options: Options) -> None:
        flags = options.flags
        self.ascii, self.sort = "ascii-output" in flags, "sort-keys" in flags
        self.raw = bool(flags & {"raw-output", "join-output", "raw-output0"})
        self.end = "" if "join-output" in flags else "\0" if "raw-output0" in flags else "\n"
        self.start = "\x1e" if "seq" in flags else ""
        self.compact = "compact-output" in flags
        self.step = "\t" if "tab" in flags else " " * options.indent
        self.color = "color-output" in flags and "monochrome-output" not in flags

    def write(self, value: Any) -> None:
        if self.raw and isinstance(value, str):
            text = value
        elif self.compact and not self.color:
            text = values.dump(value, self.ascii, self.sort)
        else:
            parts: list[str] = []
            self.show(value, "\n", parts)
            text = "".join(parts)
        sys.stdout.write(self.start + text + self.end)

    def painted(self, text: str, kind: str) -> str:
        return f"\x1b[{COLORS[kind]}m{text}\x1b[0m" if self.color else text

    def show(self, value: Any, indent: str, parts: list[str]) -> None:
        if not isinstance(value, (list, dict)) or not value:
            parts.append(self.painted(values.dump(value, self.ascii), values.kind(value)))
            return
        deeper = "" if self.compact else indent + self.step
        kind = values.kind(value)
        marks = "[]" if isinstance(value, list) else "{}"
        parts.append(self.painted(marks[0], kind))
        items: Any = value if isinstance(value, list) else sorted(value) if self.sort else value
        for place, each in enumerate(items):
            parts.append((self.painted(",", kind) if place else "") + deeper)
            if isinstance(value, dict):
                name = values.quote(each, self.ascii)
                parts.append(f"\x1b[{KEY_COLOR}m{name}\x1b[0m" if self.color else name)
                parts.append(self.painted(":", kind) + ("" if self.compact else " "))
                each = value[each]
            self.show(each, deeper, parts)
        parts.append(("" if self.compact else indent) + self.painted(marks[1], kind))


# ---- the run ------------------------------------------------------------------------------------------


def prepared(options: Options) -> tuple[Node, Env]:
    """The program, and what it sees. Raises `Mistake`."""
    text = options.program or "."
    if "from-file" in options.flags:
        with open(text, encoding="utf-8") as file:
            text = file.read()
    shared = Shared()
    shared.natives = filters.natives()
    shared.warn = sys.stderr.write  # type: ignore[assignment]
    env = Env(shared)
    for name, parameters, body in definitions(prelude.DEFINITIONS):
        shared.defined[f"{name}/{len(parameters)}"] = Function(parameters, body, env)
    shared.named = {
        "$ENV": dict(os.environ),
        "$ARGS": {"positional": options.positional, "named": options.named},
        **{f"${name}": value for name, value in options.named.items()},
    }
    program = parse(text)
    check(program, {*shared.natives, *shared.defined}, shared.named)
    shared.inputs = inputs(options, shared)
    return program, env


def run(program: Node, env: Env, options: Options) -> int:
    writer = Writer(options)
    last: Any = writer  # nothing yet
    status = 0
    once = "null-input" in options.flags
    while True:
        try:
            item = None if once else next(env.shared.inputs)
            status = 0
            for last in program.values(env, item):
                writer.write(last)
        except StopIteration:
            break
        except JqError as error:
            sys.stdout.flush()
            print(f"jq: error (at {env.shared.file_name or '<stdin>'}:0): {error.message}", file=sys.stderr)
            status = 5
        except RecursionError:
            raise Trouble("error: the program recurses too deeply", 5) from None
        if once:
            break
    if status or "exit-status" not in options.flags:
        return status
    return 4 if last is writer else 0 if values.truthy(last) else 1


def main() -> None:
    options = parse_words(sys.argv[1:])
    if "help" in options.flags:
        print(USAGE.rstrip())
        return
    if "version" in options.flags:
        print("jq-1.7 (pywasm_sandbox)")
        return
    if "from-file" in options.flags and not os.path.exists(options.program or ""):
        raise Trouble(f"error: Could not open {options.program}: No such file or directory", 2)
    sys.setrecursionlimit(MAX_DEPTH)
    try:
        program, env = prepared(options)
    except Mistake as mistake:
        raise Trouble(f"error: {mistake}\njq: 1 compile error", 3) from None
    try:
        status = run(program, env, options)
    except BadInput as error:
        sys.stdout.flush()
        raise Trouble(f"error: parse error: {error}", 2) from None
    except filters.Halt as halted:
        sys.stdout.flush()
        sys.stderr.write(halted.message)
        raise SystemExit(halted.code) from None
    command.status = max(status, 2 if command.status else 0)


command = Command(USAGE, usage_status=2)
command.run(main)
