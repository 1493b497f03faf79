"""``bzip2``, and with ``-d`` ``bunzip2``, with ``-dc`` ``bzcat``."""

import bz2

from . import compressor
from .compressor import Compressor, Format

USAGE = """\
Usage: bzip2 [OPTION]... [FILE]...
Compress files; each is replaced by FILE.bz2. Standard input is compressed to standard output.

  -d, --decompress   -z, --compress   -t, --test
  -k, --keep         keep the input
  -f, --force        overwrite output
  -c, --stdout       write to standard output
  -q, --quiet        -v, --verbose
  -1, --fast ... -9, --best   size of blocks: 100 to 900 kB
"""
LONG = {
    **compressor.LONG,
    "compress": "z",
    "small": "s",
    "fast": "1",
    "best": "9",
}
FORMAT = Format(
    {".bz2": "", ".bz": "", ".tbz2": ".tar", ".tbz": ".tar"},
    lambda file, name, settings: bz2.BZ2File(file, "wb", compresslevel=settings.level),
    lambda file, settings: bz2.BZ2File(file, "rb"),
    corrupt_status=2,
)


class Bzip2(Compressor):
    def unknown(self, name: str) -> str:
        self.complain(f"Can't guess original name for {name} -- using {name}.out", 0)
        return f"{name}.out"


def main() -> None:
    found, names = command.options("dztkfcqvsL123456789", LONG, command.words(("BZIP2", "BZIP")))
    for name, value in found:
        command.take(name, value)
    command.process_all(names)


command = Bzip2(USAGE, FORMAT, 9)
command.run(main)
