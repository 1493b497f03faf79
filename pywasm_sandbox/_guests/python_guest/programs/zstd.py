"""``zstd``, and with ``-d`` ``unzstd``, with ``-dcf`` ``zstdcat``."""

import os
import re
import sys
from typing import IO, Any

from compression import zstd  # type: ignore[import-not-found]

from . import compressor
from .compressor import Compressor, Format, Options

USAGE = """\
Usage: zstd [OPTION]... [FILE]...
Compress files; FILE stays, beside FILE.zst. Standard input is compressed to standard output.

  -d, --decompress   -z, --compress   -t, --test
  -o FILE            write to FILE
  -k, --keep         keep the input (the default)
      --rm           remove the input
  -f, --force        overwrite output
  -c, --stdout       write to standard output
  -r                 the files in folders
  -q, --quiet        -v, --verbose
  -1 ... -19         how hard to try; up to -22 with --ultra, down to --fast=N
  -T, --threads=N    has no effect here
"""
LONG = {
    **compressor.LONG,
    "uncompress": "d",
    "compress": "z",
    "rm": "",
    "threads=": "T",
    "ultra": "",
    "fast=?": "",
    "long=?": "",
    "no-progress": "",
    "no-check": "",
    "check": "C",
    "adapt": "",
    "rsyncable": "",
    "single-thread": "",
}


def writer(file: IO[bytes], name: str, settings: Options) -> Any:
    parameters = zstd.CompressionParameter
    return zstd.ZstdFile(
        file,
        "wb",
        options={parameters.compression_level: settings.level, parameters.checksum_flag: settings.checksum},
    )


class Zstd(Compressor):
    def replace(self, name: str, target: str) -> None:
        self.settings.verbose = not self.settings.quiet
        super().replace(name, target)

    def report(self, name: str, target: str) -> None:
        before, after = os.path.getsize(name), os.path.getsize(target)
        if self.settings.action == "compress":
            rate = 100 * after / before if before else 0
            text = f"{name:<20} :{rate:6.2f}%   ({before:6} B => {after:6} B, {target})"
        else:
            text = f"{name:<20}: {after} bytes"
        print(text, file=sys.stderr)


FORMAT = Format(
    {".zst": "", ".tzst": ".tar"},
    writer,
    lambda file, settings: zstd.ZstdFile(file, "rb"),
    (EOFError, zstd.ZstdError),
)


def split(words: list[str]) -> tuple[list[str], int | None]:
    """The words without those that say a level, and the level."""
    level = None
    kept: list[str] = []
    for index, word in enumerate(words):
        if word == "--":
            return kept + words[index:], level
        if match := re.fullmatch(r"-(\d+)", word):
            level = int(match[1])
        elif match := re.fullmatch(r"--fast(?:=(\d+))?", word):
            level = -int(match[1] or 1)
        else:
            kept.append(word)
    return kept, level


def main() -> None:
    words, level = split(sys.argv[1:])
    found, names = command.options("dztkfcqvrCo:T:D:M:123456789", LONG, words)
    settings = command.settings
    settings.keep = True
    for name, value in found:
        if name == "--rm":
            settings.keep = False
        elif name == "-o":
            settings.output = value
        elif name == "--no-check":
            settings.checksum = False
        elif name in ("-D", "-M"):
            command.misused(f"{name} is not supported")
        else:
            command.take(name, value)
    settings.level = level if level is not None else settings.level
    if settings.level > (22 if "--ultra" in dict(found) else 19):
        settings.level = 19
    command.process_all(names)


command = Zstd(USAGE, FORMAT, 3)
command.run(main)
