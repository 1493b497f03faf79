"""``xz``, and with ``-d`` ``unxz``, with ``-dc`` ``xzcat``, with ``--format=lzma`` ``lzma``."""

import lzma
import os
from typing import IO, Any

from . import compressor
from .common import Trouble
from .compressor import Compressor, Format, Options

USAGE = """\
Usage: xz [OPTION]... [FILE]...
Compress files; each is replaced by FILE.xz. Standard input is compressed to standard output.

  -d, --decompress   -z, --compress   -t, --test   -l, --list
  -k, --keep         keep the input
  -f, --force        overwrite output
  -c, --stdout       write to standard output
  -F, --format=FMT   auto, xz or lzma
  -C, --check=CHECK  none, crc32, crc64 or sha256
  -S, --suffix=.SUF  in place of .xz
  -0 ... -9          how hard to try; -e, --extreme: harder
  -T, --threads=N    has no effect here
  -q, --quiet        -v, --verbose
"""
LONG = {
    **compressor.LONG,
    "uncompress": "d",
    "compress": "z",
    "list": "l",
    "to-stdout": "c",
    "format=": "F",
    "check=": "C",
    "suffix=": "S",
    "extreme": "e",
    "fast": "0",
    "best": "9",
    "threads=": "T",
    "memlimit=": "M",
    "memory=": "M",
    "memlimit-compress=": "",
    "memlimit-decompress=": "",
    "no-sparse": "",
    "single-stream": "",
    "robot": "",
    "no-warn": "Q",
}
FORMATS = {
    "": lzma.FORMAT_AUTO,
    "auto": lzma.FORMAT_AUTO,
    "xz": lzma.FORMAT_XZ,
    "lzma": lzma.FORMAT_ALONE,
    "alone": lzma.FORMAT_ALONE,
}
CHECKS = {
    "none": lzma.CHECK_NONE,
    "crc32": lzma.CHECK_CRC32,
    "crc64": lzma.CHECK_CRC64,
    "sha256": lzma.CHECK_SHA256,
}
FOOTER_BYTES = 12


def writer(file: IO[bytes], name: str, settings: Options) -> Any:
    preset = settings.level | (lzma.PRESET_EXTREME if settings.extreme else 0)
    if FORMATS[settings.format] == lzma.FORMAT_ALONE:
        return lzma.LZMAFile(file, "wb", format=lzma.FORMAT_ALONE, preset=preset)
    return lzma.LZMAFile(file, "wb", format=lzma.FORMAT_XZ, preset=preset, check=command.check)


def reader(file: IO[bytes], settings: Options) -> Any:
    return lzma.LZMAFile(file, "rb", format=FORMATS[settings.format])


class Xz(Compressor):
    check = lzma.CHECK_CRC64

    def suffixes(self) -> dict[str, str]:
        known = super().suffixes()
        return {".lzma": "", **known} if self.settings.format in ("lzma", "alone") else known

    def describe(self, error: Exception) -> str:
        text = super().describe(error)
        if "not supported" in text:
            return "File format not recognized"
        return "Compressed data is corrupt" if isinstance(error, lzma.LZMAError) else text.capitalize()

    def unknown(self, name: str) -> str:
        self.complain(f"{name}: File format not recognized")
        return ""

    def show_list(self, source: IO[bytes], name: str) -> None:
        if not name:
            raise Trouble("--list does not support reading from standard input")
        size = os.path.getsize(name)
        streams, sizes, check = index_of(source, size)
        total = sum(sizes)
        ratio = f"{size / total:.3f}" if total and size / total < 10 else "---"
        if not self.listed:
            print("Strms  Blocks   Compressed Uncompressed  Ratio  Check   Filename")
        self.listed = True
        print(
            f"{streams:5} {len(sizes):7} {human(size):>12} {human(total):>12} {ratio:>6}  {check:<7} {name}"
        )

    listed = False


def index_of(file: IO[bytes], size: int) -> tuple[int, list[int], str]:
    """How many streams a file has, the uncompressed sizes of its blocks, the name of the check."""
    streams, sizes = 0, []
    end = size
    check = ""
    while end > 0:
        file.seek(max(end - FOOTER_BYTES, 0))
        footer = file.read(FOOTER_BYTES)
        if footer[-4:] == b"\0\0\0\0" and streams + end > 4:  # padding
            end -= 4
            continue
        if footer[-2:] != b"YZ" or len(footer) < FOOTER_BYTES:
            raise lzma.LZMAError("not supported")
        index_bytes = (int.from_bytes(footer[4:8], "little") + 1) * 4
        file.seek(end - FOOTER_BYTES - index_bytes)
        index = file.read(index_bytes)
        names = {0: "None", 1: "CRC32", 4: "CRC64", 10: "SHA-256"}
        check = names.get(footer[9] & 15, "?")
        blocks = records_of(index)
        stored = sum((packed + 3) // 4 * 4 for packed, _ in blocks)
        sizes += [plain for _, plain in blocks]
        streams += 1
        end -= FOOTER_BYTES + index_bytes + stored + FOOTER_BYTES
    return streams, sizes, check


def records_of(index: bytes) -> list[tuple[int, int]]:
    """Packed and plain size of each block."""
    place = 1

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = index[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value

    return [(number(), number()) for _ in range(number())]


def human(size: float) -> str:
    if size < 10000:
        return f"{size} B"
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 9999.5 or unit == "GiB":
            return f"{size:,.1f} {unit}"
    return ""


FORMAT = Format(
    {".xz": "", ".txz": ".tar", ".lzma": "", ".tlz": ".tar"},
    writer,
    reader,
    (EOFError, lzma.LZMAError),
    warning_status=2,
)


def main() -> None:
    words = command.words(("XZ_DEFAULTS", "XZ_OPT"))
    found, names = command.options("dztlkfcF:C:S:eT:M:Qqv0123456789", LONG, words)
    settings = command.settings
    for name, value in found:
        if name == "-e":
            settings.extreme = True
        elif name == "-F":
            if value not in FORMATS:
                raise Trouble(f"{value}: Unknown file format type")
            settings.format = value
        elif name == "-C":
            if value not in CHECKS:
                raise Trouble(f"{value}: Unsupported integrity check type")
            command.check = CHECKS[value]
        elif name == "-S":
            settings.suffix = value
        else:
            command.take(name, value)
    command.process_all(names)


command = Xz(USAGE, FORMAT, 6)
command.run(main)
