"""``b2sum``: BLAKE2 checksums."""

import hashlib
import re

from .common import Command, Trouble, opened

USAGE = """\
Usage: b2sum [OPTION]... [FILE]...
Write or check BLAKE2b checksums.

  -c, --check        read checksums from the FILEs and check them
  -l, --length=BITS  of the checksum; a multiple of 8, no more than 512
      --tag          as BSD writes them
  -b, --binary, -t, --text   have no effect
      --quiet, --status, --strict, -w, --warn, --ignore-missing   for -c
"""
LONG = {
    "check": "c",
    "length=": "l",
    "tag": "",
    "binary": "b",
    "text": "t",
    "quiet": "",
    "status": "",
    "strict": "",
    "warn": "w",
    "ignore-missing": "",
    "zero": "z",
}
CHUNK_BYTES = 1 << 20


def digest(name: str, size: int) -> str:
    state = hashlib.blake2b(digest_size=size)
    with opened(name) as file:
        while chunk := file.read(CHUNK_BYTES):
            state.update(chunk)
    return state.hexdigest()


def checked(listed: str, given: dict[str, str]) -> None:
    """Check what a file lists."""
    failed = unreadable = lines = 0
    with opened(listed) as file:
        text = file.read().decode("utf-8", "surrogateescape")
    for line in text.splitlines():
        match = re.fullmatch(r"([0-9a-f]+) [ *](.+)", line)
        tagged = re.fullmatch(r"BLAKE2b(?:-\d+)? \((.+)\) = ([0-9a-f]+)", line)
        if not match and not tagged:
            continue
        lines += 1
        name, expected = (match[2], match[1]) if match else (tagged[1], tagged[2]) if tagged else ("", "")
        try:
            same = digest(name, len(expected) // 2) == expected
        except OSError as error:
            if isinstance(error, FileNotFoundError) and "--ignore-missing" in given:
                continue
            command.complain(f"{name}: {error.strerror}")
            unreadable += 1
            if "--status" not in given:
                print(f"{name}: FAILED open or read")
            continue
        failed += not same
        if "--status" not in given and not (same and "--quiet" in given):
            print(f"{name}: {'OK' if same else 'FAILED'}")
    conclude(listed, lines, unreadable, failed)


def conclude(listed: str, lines: int, unreadable: int, failed: int) -> None:
    if not lines:
        command.complain(f"{listed}: no properly formatted checksum lines found")
    if unreadable:
        command.complain(f"WARNING: {unreadable} listed file{'s' * (unreadable > 1)} could not be read")
    if failed:
        command.complain(f"WARNING: {failed} computed checksum{'s' * (failed > 1)} did NOT match")


def main() -> None:
    found, names = command.options("cl:btwz", LONG)
    given = dict(found)
    bits = command.number(given.get("-l", "0"), "length") or 512
    if bits % 8 or bits > 512:
        raise Trouble(f"invalid length: '{bits}'")
    for name in names or ["-"]:
        try:
            if "-c" in given:
                checked(name, given)
                continue
            value = digest(name, bits // 8)
        except OSError as error:
            command.complain(f"{name}: {error.strerror}")
            continue
        tag = "BLAKE2b" + (f"-{bits}" if bits != 512 else "")
        line = f"{tag} ({name}) = {value}" if "--tag" in given else f"{value}  {name}"
        print(line, end="\0" if "-z" in given else "\n")


command = Command(USAGE)
command.run(main)
