"""``sum``: checksums of 16 bits."""

import os

from .common import Command

USAGE = """\
Usage: sum [OPTION]... [FILE]...
Write checksum and number of blocks of each FILE.

  -r            BSD's algorithm, blocks of 1 KiB (the default)
  -s, --sysv    System V's algorithm, blocks of 512 bytes
"""


def main() -> None:
    found, names = command.options("rs", {"sysv": "s"})
    sysv = bool(found) and found[-1][0] == "-s"
    for name, file in command.inputs(names):
        if os.path.isdir(name):
            command.complain(f"{name}: Is a directory")
            continue
        data = file.read()
        if sysv:
            total = sum(data)
            folded = (total & 0xFFFF) + ((total & 0xFFFFFFFF) >> 16)
            check = (folded & 0xFFFF) + (folded >> 16)
            print(f"{check} {-(-len(data) // 512)}" + (f" {name}" if names else ""))
            continue
        check = 0
        for byte in data:
            check = ((check >> 1) + ((check & 1) << 15) + byte) & 0xFFFF
        print(f"{check:05} {-(-len(data) // 1024):5}" + (f" {name}" if names else ""))


command = Command(USAGE)
command.run(main)
