"""``basenc``, and with ``--base32`` ``base32``: bytes as text."""

import base64
import binascii
import re
import sys
from collections.abc import Callable

from .common import Command, Trouble, opened

USAGE = """\
Usage: basenc KIND [OPTION]... [FILE]
Encode or decode FILE, or standard input.

      --base64, --base64url, --base32, --base32hex, --base16, --base2msbf, --base2lsbf   the kind
  -d, --decode          decode
  -i, --ignore-garbage  skip what is not of the alphabet
  -w, --wrap=COLUMNS    lines of so many characters (default: 76); 0: one line
"""
KINDS = ("base64", "base64url", "base32", "base32hex", "base16", "base2msbf", "base2lsbf")
LONG = {**dict.fromkeys(KINDS, ""), "decode": "d", "ignore-garbage": "i", "wrap=": "w"}


def bits(data: bytes, backwards: bool) -> bytes:
    return "".join(f"{byte:08b}"[:: -1 if backwards else 1] for byte in data).encode()


def from_bits(text: bytes, backwards: bool) -> bytes:
    if len(text) % 8:
        raise binascii.Error
    parts = [text[place : place + 8] for place in range(0, len(text), 8)]
    return bytes(int(part[:: -1 if backwards else 1], 2) for part in parts)


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "base32": base64.b32encode,
    "base32hex": base64.b32hexencode,
    "base16": base64.b16encode,
    "base2msbf": lambda data: bits(data, False),
    "base2lsbf": lambda data: bits(data, True),
}
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "base64": lambda data: base64.b64decode(data, validate=True),
    "base64url": lambda data: base64.b64decode(data, b"-_", validate=True),
    "base32": base64.b32decode,
    "base32hex": base64.b32hexdecode,
    "base16": base64.b16decode,
    "base2msbf": lambda data: from_bits(data, False),
    "base2lsbf": lambda data: from_bits(data, True),
}
ALPHABETS = {
    "base64": rb"A-Za-z0-9+/=",
    "base64url": rb"A-Za-z0-9_=\-",
    "base32": rb"A-Z2-7=",
    "base32hex": rb"0-9A-V=",
    "base16": rb"0-9A-F",
    "base2msbf": rb"01",
    "base2lsbf": rb"01",
}


def write(data: bytes) -> None:
    sys.stdout.buffer.write(data)


def main() -> None:
    found, names = command.options("diw:", LONG)
    given = dict(found)
    kind = next((name[2:] for name, _ in reversed(found) if name[2:] in KINDS), "")
    if not kind:
        command.misused("missing encoding type")
    if names[1:]:
        command.misused(f"extra operand '{names[1]}'")
    with opened(names[0] if names else "-") as file:
        data = file.read()
    if "-d" in given:
        garbage = b"[^" + ALPHABETS[kind] + b"]" if "-i" in given else rb"\n"
        try:
            write(DECODERS[kind](re.sub(garbage, b"", data)))
        except (binascii.Error, ValueError):
            raise Trouble("invalid input") from None
        return
    text = ENCODERS[kind](data)
    columns = command.number(given.get("-w", "76"), "wrap size")
    for place in range(0, len(text), columns or len(text) or 1):
        write(text[place : place + (columns or len(text))] + (b"\n" if columns else b""))


command = Command(USAGE)
command.run(main)
