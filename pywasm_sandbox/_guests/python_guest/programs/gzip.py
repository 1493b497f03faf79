"""``gzip``, and with ``-d`` ``gunzip``, with ``-dc`` ``zcat``."""

import gzip
import os
import sys
import zlib
from typing import IO, Any

from . import compressor
from .compressor import Compressor, Format, Options

USAGE = """\
Usage: gzip [OPTION]... [FILE]...
Compress files; each is replaced by FILE.gz. Standard input is compressed to standard output.

  -d, --decompress   -t, --test   -l, --list
  -k, --keep         keep the input
  -f, --force        overwrite output
  -c, --stdout       write to standard output
  -n, --no-name      tell neither name nor time in the header
  -r, --recursive    the files in folders
  -S, --suffix=SUF   in place of .gz
  -q, --quiet        -v, --verbose
  -1, --fast ... -9, --best   how hard to try
"""
LONG = {
    **compressor.LONG,
    "uncompress": "d",
    "list": "l",
    "to-stdout": "c",
    "no-name": "n",
    "name": "N",
    "recursive": "r",
    "suffix=": "S",
    "fast": "1",
    "best": "9",
    "rsyncable": "",
}
HEADER_BYTES = 10
TRAILER_BYTES = 8
HAS_NAME = 8


def writer(file: IO[bytes], name: str, settings: Options) -> Any:
    named = bool(name) and settings.names
    time = os.stat(name).st_mtime if named else 0
    return gzip.GzipFile(os.path.basename(name) if named else "", "wb", settings.level, file, time)


class Gzip(Compressor):
    def describe(self, error: Exception) -> str:
        text = super().describe(error)
        return "not in gzip format" if "Not a gzipped file" in text else text

    def already(self, name: str, suffix: str) -> None:
        if not self.settings.quiet:
            self.complain(f"{name} already has {suffix} suffix -- unchanged", 0)

    def report(self, name: str, target: str) -> None:
        packed, plain = (name, target) if self.settings.action == "decompress" else (target, name)
        verb = "created" if self.settings.keep else "replaced with"
        with open(packed, "rb") as file:
            rate = saved(file.read(), os.path.getsize(plain))
        print(f"{name}:\t{rate} -- {verb} {target}", file=sys.stderr)

    def show_list(self, source: IO[bytes], name: str) -> None:
        data = source.read()
        if data[:2] != b"\x1f\x8b":
            raise gzip.BadGzipFile("Not a gzipped file")
        plain = int.from_bytes(data[-4:], "little")
        if not self.listed:
            print("         compressed        uncompressed  ratio uncompressed_name")
        self.listed = True
        shown = name.removesuffix(".gz") or "stdout"
        print(f"{len(data):19} {plain:19} {saved(data, plain)} {shown}")

    listed = False


def saved(packed: bytes, plain: int) -> str:
    """How much smaller the data is, in percent; headers are not counted."""
    name = packed.index(0, HEADER_BYTES) + 1 - HEADER_BYTES if packed[3] & HAS_NAME else 0
    size = len(packed) - HEADER_BYTES - name - TRAILER_BYTES
    return f"{100 * (plain - size) / plain if plain else 0:5.1f}%"


FORMAT = Format(
    {".gz": "", ".tgz": ".tar", ".taz": ".tar", ".z": "", "-gz": "", ".Z": ""},
    writer,
    lambda file, settings: gzip.GzipFile(fileobj=file, mode="rb"),
    (EOFError, zlib.error),
    warning_status=2,
    exists_status=2,
)


def main() -> None:
    found, names = command.options("dtlkfcnNrS:qvha123456789", LONG, command.words(("GZIP",)))
    for name, value in found:
        if name == "-S":
            command.settings.suffix = value
        else:
            command.take(name, value)
    command.process_all(names)


command = Gzip(USAGE, FORMAT, 6)
command.run(main)
