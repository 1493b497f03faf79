"""Strings: formats (``@csv``), regular expressions, dates."""

import base64
import binascii
import calendar
import datetime
import math
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from .values import JqError, brief, dump, is_number, kind, number_text, to_text

# ---- formats ------------------------------------------------------------------------------------------


def formatted(name: str, value: Any) -> str:
    """``value`` as the format ``name`` has it."""
    match name:
        case "@text":
            return to_text(value)
        case "@json":
            return dump(value)
        case "@csv":
            return ",".join(csv_cell(each) for each in row(value, "csv"))
        case "@tsv":
            return "\t".join(tsv_cell(each) for each in row(value, "tsv"))
        case "@html":
            table = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&#39;", '"': "&quot;"}
            return "".join(table.get(letter, letter) for letter in to_text(value))
        case "@uri":
            return quote(to_text(value), safe="-_.~")
        case "@urid":
            return unquote(to_text(value))
        case "@sh":
            return " ".join(sh_word(each) for each in (value if isinstance(value, list) else [value]))
        case "@base64":
            return base64.b64encode(to_text(value).encode("utf-8", "surrogatepass")).decode()
        case "@base64d":
            return from_base64(to_text(value))
        case "@base32":
            return base64.b32encode(to_text(value).encode("utf-8", "surrogatepass")).decode()
        case "@base32d":
            return base64.b32decode(to_text(value)).decode("utf-8", "replace")
    raise JqError(f"{name[1:]} is not a valid format")


def row(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise JqError(f"{brief(value)} cannot be {name}-formatted, only an array can be")
    return value


def csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return plain_cell(value, "csv")


def tsv_cell(value: Any) -> str:
    if isinstance(value, str):
        table = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"}
        return "".join(table.get(letter, letter) for letter in value)
    return plain_cell(value, "tsv")


def plain_cell(value: Any, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        raise JqError(f"{brief(value)} is not valid in a {name} row")
    return dump(value)


def sh_word(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "'\\''") + "'"
    if isinstance(value, (list, dict)):
        raise JqError(f"{brief(value)} can not be escaped for shell")
    return dump(value)


def from_base64(text: str) -> str:
    data = text.rstrip("=")
    try:
        if len(data) % 4 == 1:
            raise binascii.Error
        return base64.b64decode(data + "=" * (-len(data) % 4), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        raise JqError(f"{brief(text)} is not valid base64 data") from None


# ---- regular expressions ------------------------------------------------------------------------------

FLAGS = {"g": 0, "n": 0, "l": 0, "i": re.I, "x": re.X, "s": re.S, "p": re.S}
CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": r"\w",
    "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
}


def compiled(pattern: str, flags: str) -> re.Pattern[str]:
    options = 0
    for letter in flags:
        if letter not in FLAGS:
            raise JqError(f"{flags} is not a valid modifier string")
        options |= FLAGS[letter]
    text = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    text = re.sub(r"\[:(\w+):\]", lambda match: CLASSES.get(match[1], match[0]), text)
    text = text.replace(r"\h", "[0-9a-fA-F]").replace(r"\H", "[^0-9a-fA-F]").replace(r"\z", r"\Z")
    try:
        return re.compile(text, options)
    except re.error as error:
        raise JqError(f"{pattern} (at offset {error.pos or 0}) is not a valid regex: {error.msg}") from None


def matches(text: Any, pattern: Any, flags: Any, everywhere: bool = False) -> Iterator[re.Match[str]]:
    if isinstance(pattern, list):
        flags = pattern[1] if len(pattern) > 1 else flags
        pattern = pattern[0] if pattern else None
    if not isinstance(text, str):
        raise JqError(f"{brief(text)} cannot be matched, as it is not a string")
    if not isinstance(pattern, str):
        raise JqError(f"{brief(pattern)} cannot be matched, as it is not a string")
    if flags is not None and not isinstance(flags, str):
        raise JqError(f"{brief(flags)} is not a string")
    found = compiled(pattern, flags or "").finditer(text)
    for match in found:
        if "n" in (flags or "") and not match[0]:
            continue
        yield match
        if not everywhere and "g" not in (flags or ""):
            return


def match_object(match: re.Match[str]) -> dict[str, Any]:
    names = {number: name for name, number in match.re.groupindex.items()}
    captures = []
    for number in range(1, match.re.groups + 1):
        text = match[number]
        captures.append(
            {
                "offset": match.start(number),
                "length": 0 if text is None else len(text),
                "string": text,
                "name": names.get(number),
            }
        )
    return {"offset": match.start(), "length": len(match[0]), "string": match[0], "captures": captures}


def captured(match: re.Match[str]) -> dict[str, Any]:
    """The named groups."""
    return dict(match.groupdict())


# ---- dates --------------------------------------------------------------------------------------------


def broken_down(seconds: Any, local: bool = False) -> list[Any]:
    """As C's struct tm has it, months from 0, the seconds with their fraction."""
    if not is_number(seconds):
        raise JqError(f"{'localtime' if local else 'gmtime'}() requires a number")
    try:
        parts = (time.localtime if local else time.gmtime)(math.floor(seconds))
    except (OverflowError, ValueError, OSError):
        raise JqError("error converting number of seconds since epoch to datetime") from None
    second = parts.tm_sec + (seconds - math.floor(seconds) if isinstance(seconds, float) else 0)
    weekday = (parts.tm_wday + 1) % 7
    return [
        parts.tm_year,
        parts.tm_mon - 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        second,
        weekday,
        parts.tm_yday - 1,
    ]


def fields(value: Any, name: str) -> time.struct_time:
    if is_number(value):
        value = broken_down(value, local=name == "strflocaltime")
    if not isinstance(value, list) or len(value) < 6 or not all(is_number(each) for each in value):
        raise JqError(f"{name}/1 requires parsed datetime inputs")
    year, month, day, hour, minute, second = (int(each) for each in value[:6])
    weekday, yearday = (int(each) for each in (*value[6:8], *(0, 0))[:2])
    return time.struct_time((year, month + 1, day, hour, minute, second, (weekday - 1) % 7, yearday + 1, 0))


def as_text(value: Any, format: Any, name: str) -> str:
    if not isinstance(format, str):
        raise JqError(f"{name}/1 requires a string format")
    return time.strftime(format, fields(value, name))


def to_seconds(value: Any) -> int:
    if not isinstance(value, list):
        raise JqError("mktime requires array of 6 numbers")
    if len(value) < 6 or not all(is_number(each) for each in value):
        raise JqError("mktime requires parsed datetime inputs")
    return calendar.timegm(fields(value, "mktime"))


def parsed(text: Any, format: Any) -> list[Any]:
    if not isinstance(text, str):
        raise JqError(f"strptime/1 requires string inputs and arguments, not {kind(text)}")
    try:
        found = datetime.datetime.strptime(text, format.replace("%e", "%d").replace("%T", "%H:%M:%S"))
    except ValueError:
        raise JqError(f'date "{text}" does not match format "{format}"') from None
    if found.tzinfo is not None:
        # The fields as they are written: the offset is read and not applied.
        found = found.replace(tzinfo=None)
    return broken_down(calendar.timegm(found.timetuple()))


# ---- numbers ------------------------------------------------------------------------------------------

NUMERAL = re.compile(r"\s*-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def to_number(value: Any) -> float:
    if is_number(value):
        return value  # type: ignore[no-any-return]
    if not isinstance(value, str):
        raise JqError(f"{brief(value)} cannot be parsed as a number")
    if value.strip() == "nan":
        return math.nan
    if not NUMERAL.fullmatch(value):
        raise JqError(f"Invalid numeric literal (while parsing '{value}')")
    text = value.strip()
    return int(text) if text.lstrip("-").isdigit() else float(text)


__all__ = ["as_text", "broken_down", "captured", "formatted", "match_object", "matches", "number_text"]
