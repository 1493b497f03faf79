"""What ``bzip2``, ``gzip``, ``xz`` and ``zstd`` have in common: files in, files or a stream out."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from .common import Command, output

CHUNK_BYTES = 1 << 18
LONG = {
    "decompress": "d",
    "test": "t",
    "keep": "k",
    "force": "f",
    "stdout": "c",
    "quiet": "q",
    "verbose": "v",
}
"""Long options that all of them have."""


@dataclass
class Options:
    """What the command line says."""

    level: int
    action: str = "compress"
    """One of compress, decompress, test, list."""
    stdout: bool = False
    keep: bool = False
    force: bool = False
    quiet: int = 0
    verbose: bool = False
    recursive: bool = False
    names: bool = True
    """Whether the header tells name and time."""
    checksum: bool = True
    extreme: bool = False
    format: str = ""
    output: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Format:
    """One kind of compressed file."""

    suffixes: Mapping[str, str]
    """Of compressed files, the one to give first → of what they become."""
    writer: Callable[[IO[bytes], str, Options], Any]
    """A file that compresses into another; told the path of what it compresses, empty for a stream."""
    reader: Callable[[IO[bytes], Options], Any]
    """A file with what another decompresses to."""
    errors: tuple[type[Exception], ...] = (EOFError,)
    corrupt_status: int = 1
    warning_status: int = 1
    exists_status: int = 1


class Compressor(Command):
    """One invocation."""

    def __init__(self, usage: str, format: Format, level: int) -> None:
        super().__init__(usage)
        self.format = format
        self.settings = Options(level)

    def words(self, variables: tuple[str, ...]) -> list[str]:
        """The command line, after the options that environment variables hold."""
        found = [word for name in variables for word in shlex.split(os.environ.get(name, ""))]
        return [*found, *sys.argv[1:]]

    def take(self, name: str, value: str) -> None:
        """An option that all of them have."""
        settings = self.settings
        match name:
            case "-d" | "-z" | "-t" | "-l":
                actions = {"-d": "decompress", "-z": "compress", "-t": "test", "-l": "list"}
                settings.action = actions[name]
            case "-c":
                settings.stdout = True
            case "-k":
                settings.keep = True
            case "-f":
                settings.force = True
            case "-q":
                settings.quiet += 1
            case "-v":
                settings.verbose = True
            case "-r":
                settings.recursive = True
            case "-n" | "-N":
                settings.names = name == "-N"
            case _ if re.fullmatch("-[0-9]+", name):
                settings.level = int(name[1:])

    def warn(self, message: str) -> None:
        if self.settings.quiet:
            self.status = max(self.status, self.format.warning_status)
        else:
            self.complain(message, self.format.warning_status)

    # ---- files ----------------------------------------------------------------------------------------

    def process_all(self, names: list[str]) -> None:
        for name in names or ["-"]:
            try:
                self.process(name)
            except self.format.errors as error:
                self.complain(f"{name}: {self.describe(error)}", self.format.corrupt_status)
            except MemoryError:
                self.complain(f"{name}: Cannot allocate memory")
            except OSError as error:
                # What the formats' modules raise for bad data has no number.
                text, status = error.strerror, 1
                if error.errno is None:
                    text, status = self.describe(error), self.format.corrupt_status
                self.complain(f"{name}: {text}", status)

    def describe(self, error: Exception) -> str:
        """What is wrong with compressed data."""
        return "unexpected end of file" if isinstance(error, EOFError) else str(error) or "corrupt input"

    def process(self, name: str) -> None:
        settings = self.settings
        if name == "-":
            self.stream(sys.stdin.buffer, "")
            return
        if os.path.isdir(name):
            if settings.recursive:
                self.process_all([os.path.join(name, each) for each in sorted(os.listdir(name))])
            else:
                self.warn(f"{name}: Is a directory, skipping")
            return
        if settings.action == "decompress" and not os.path.lexists(name):
            suffix = next((each for each in self.suffixes() if os.path.lexists(name + each)), "")
            name += suffix
        if settings.stdout or settings.action in ("test", "list"):
            with open(name, "rb") as source:
                self.stream(source, name)
            return
        target = settings.output or self.target(name)
        if target:
            self.replace(name, target)

    def suffixes(self) -> dict[str, str]:
        own = {self.settings.suffix: ""} if self.settings.suffix else {}
        return {**own, **self.format.suffixes}

    def target(self, name: str) -> str:
        """The path of what a file becomes; empty, after a warning, if there is none."""
        found = next((suffix for suffix in self.suffixes() if name.endswith(suffix) and name != suffix), "")
        if self.settings.action == "compress":
            if found and not self.settings.force:
                self.already(name, found)
                return ""
            return name + next(iter(self.suffixes()))
        if not found:
            return self.unknown(name)
        return name.removesuffix(found) + self.suffixes()[found]

    def already(self, name: str, suffix: str) -> None:
        """For what is to be compressed and is by its name."""
        self.warn(f"{name} already has {suffix} suffix -- unchanged")

    def unknown(self, name: str) -> str:
        """For a compressed file whose name doesn't say so."""
        self.warn(f"{name}: unknown suffix -- ignored")
        return ""

    def replace(self, name: str, target: str) -> None:
        settings = self.settings
        with open(name, "rb") as source:
            if os.path.lexists(target) and not settings.force:
                self.complain(f"{target} already exists; not overwritten", self.format.exists_status)
                return
            with open(target, "wb") as result:
                try:
                    self.convert(source, result, name)
                except BaseException:
                    result.close()
                    os.unlink(target)
                    raise
        shutil.copystat(name, target)
        if settings.verbose:
            self.report(name, target)
        if not settings.keep:
            os.unlink(name)

    def report(self, name: str, target: str) -> None:
        """Say how much smaller it is."""
        before, after = os.path.getsize(name), os.path.getsize(target)
        print(f"{name}: {before} bytes => {after} bytes, {target}", file=sys.stderr)

    # ---- data -----------------------------------------------------------------------------------------

    def stream(self, source: IO[bytes], name: str) -> None:
        action = self.settings.action
        if action == "list":
            self.show_list(source, name)
        elif action == "test":
            with self.format.reader(source, self.settings) as reader:
                while reader.read(CHUNK_BYTES):
                    pass
            if self.settings.verbose:
                print(f"{name}:\t OK", file=sys.stderr)
        else:
            with output(self.settings.output or None) as target:
                self.convert(source, target, name)

    def convert(self, source: IO[bytes], target: IO[bytes], name: str) -> None:
        if self.settings.action == "compress":
            with self.format.writer(target, name, self.settings) as writer:
                shutil.copyfileobj(source, writer, CHUNK_BYTES)
        else:
            with self.format.reader(source, self.settings) as reader:
                # No more than there is: what comes before damaged data is written.
                while chunk := reader.read1(CHUNK_BYTES):
                    target.write(chunk)

    def show_list(self, source: IO[bytes], name: str) -> None:
        self.misused("--list is not supported")
