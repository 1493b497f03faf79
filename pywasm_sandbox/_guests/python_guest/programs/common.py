"""What the commands here share: options as GNU's commands take them, inputs, messages."""

import getopt
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Never


class Trouble(Exception):
    """Ends the command with a message and an exit code."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Command:
    """One invocation: its name for messages, its exit code so far."""

    def __init__(self, usage: str, usage_status: int = 1) -> None:
        """``usage`` begins with ``Usage: NAME``; ``usage_status`` is the exit code for wrong options."""
        self.usage = usage
        self.name = usage.split()[1]
        self.usage_status = usage_status
        self.status = 0

    def options(
        self, short: str, long: Mapping[str, str] | None = None, words: list[str] | None = None
    ) -> tuple[list[tuple[str, str]], list[str]]:
        """The options in their order, under their short names where they have one, and the operands.

        ``long`` maps names, with ``=`` where a value follows, to short names; empty for those that have none.
        """
        known = {"help": "", "version": "", **(long or {})}
        try:
            found, operands = getopt.gnu_getopt(sys.argv[1:] if words is None else words, short, [*known])
        except getopt.GetoptError as error:
            self.misused(error.msg)
        names = {f"--{name.rstrip('=?')}": f"-{letter}" for name, letter in known.items() if letter}
        for name, _ in found:
            if name == "--help":
                print(self.usage.rstrip())
                raise SystemExit(0)
            if name == "--version":
                print(f"{self.name} (pywasm_sandbox)")
                raise SystemExit(0)
        return [(names.get(name, name), value) for name, value in found], operands

    def misused(self, message: str) -> Never:
        """For options that make no sense."""
        raise Trouble(f"{message}\nTry '{self.name} --help' for more information.", self.usage_status)

    def number(self, text: str, what: str, least: int = 0) -> int:
        """``text`` as a whole number. ``what`` says what is invalid about it otherwise."""
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise Trouble(f"invalid {what}: '{text}'", self.usage_status)
        return value

    def complain(self, message: str, status: int = 1) -> None:
        """Say what went wrong and go on."""
        sys.stdout.flush()
        print(f"{self.name}: {message}", file=sys.stderr)
        self.status = max(self.status, status)

    def inputs(self, names: list[str]) -> Iterator[tuple[str, IO[bytes]]]:
        """Each file of ``names`` that opens, stdin for ``-`` and for no names; complains about the others."""
        for name in names or ["-"]:
            try:
                with opened(name) as file:
                    yield name, file
            except OSError as error:
                self.complain(f"{name}: {error.strerror}")

    def run(self, main: Callable[[], None]) -> Never:
        """Carry out the command and exit."""
        sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
        try:
            main()
        except Trouble as trouble:
            self.complain(str(trouble), trouble.status)
        except OSError as error:
            self.complain(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))
        sys.exit(self.status)


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """The file, or stdin for ``-``."""
    if name == "-":
        yield sys.stdin.buffer
    else:
        with open(name, "rb") as file:
            yield file


@contextmanager
def output(name: str | None) -> Iterator[IO[bytes]]:
    """The file, emptied, or stdout for None."""
    if name is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with open(name, "wb") as file:
            yield file


def spans(words: Iterable[str]) -> list[tuple[int, int]]:
    """First and last of each of ``N``, ``N-M``, ``N-`` and ``-M``. Raises `Trouble`."""
    found = []
    for word in words:
        match = re.fullmatch(r"(\d*)(-?)(\d*)", word)
        if not match or not (match[1] or match[3]):
            raise Trouble(f"invalid field value '{word}'")
        first = int(match[1] or 1)
        found.append((first, int(match[3] or sys.maxsize) if match[2] else first))
    return found


def within(number: int, chosen: Iterable[tuple[int, int]]) -> bool:
    """Whether it is in one of these spans."""
    return any(first <= number <= last for first, last in chosen)


def records(file: IO[bytes], end: bytes = b"\n") -> Iterator[bytes]:
    """Its lines, without what ends them."""
    if end == b"\n":
        for line in file:
            yield line.removesuffix(b"\n")
        return
    parts = file.read().split(end)
    if not parts[-1]:
        parts.pop()
    yield from parts
