"""``date -d``: times that people say."""

import calendar
import datetime
import os
import re
import sys
import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .common import Command, Trouble, opened

USAGE = """\
Usage: date [OPTION]... [+FORMAT]
Write the time that a string says, in a format.

  -d, --date=STRING   2024-02-29 12:00, @SECONDS, now, yesterday, next friday, 3 days ago, 1 jan + 2 weeks, …
  -f, --file=FILE     for each line of FILE;  -r, --reference=FILE  when FILE was changed
  -u, --utc           in UTC
  -I[UNIT], --iso-8601[=UNIT]   date, hours, minutes, seconds or ns
  -R, --rfc-email, --rfc-3339=UNIT
"""
LONG = {
    "date=": "d",
    "file=": "f",
    "reference=": "r",
    "utc": "u",
    "universal": "u",
    "iso-8601=?": "I",
    "rfc-email": "R",
    "rfc-2822": "R",
    "rfc-3339=": "",
}
MONTHS = [name.lower() for name in calendar.month_abbr]
DAYS = [name.lower() for name in calendar.day_abbr]
UNITS = {
    "sec": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "fortnight": 14 * 86400,
}
WORDS = {"next": 1, "this": 0, "last": -1, "a": 1, "an": 1, "third": 3, "fourth": 4, "fifth": 5}
ISO = {
    "": "%Y-%m-%d",
    "date": "%Y-%m-%d",
    "hours": "%Y-%m-%dT%H%:z",
    "minutes": "%Y-%m-%dT%H:%M%:z",
    "seconds": "%Y-%m-%dT%H:%M:%S%:z",
    "ns": "%Y-%m-%dT%H:%M:%S,%N%:z",
}
TOKEN = re.compile(
    r"""
    (?P<iso>\d{4}-\d{1,2}-\d{1,2})
  | (?P<compact>(?<!\d)(?:19|20)\d{6}(?!\d))
  | (?P<slashed>\d{1,4}/\d{1,2}(?:/\d{1,4})?)
  | (?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[ap]m\b)?|\d{1,2}\s*[ap]m\b)
  | (?P<epoch>@-?\d+(?:\.\d+)?)
  | (?P<zone>z\b|utc\b|gmt\b|(?<=[\d:])\s*[+-]\d{2}:?\d{2}\b)
  | (?P<number>(?:[+-]\s*)?\d+)
  | (?P<word>[a-z]+)
  | (?P<blank>[\s,]+|(?<=\d)t(?=\d)|-(?=[a-z\d])|\.)
    """,
    re.X,
)


class Said:
    """What a string says, token by token."""

    def __init__(self, text: str, now: datetime.datetime) -> None:
        self.text = text
        self.now = now
        self.date: tuple[int, int, int] | None = None
        self.clock: tuple[int, int, float] | None = None
        self.zone: datetime.tzinfo | None = None
        self.epoch: float | None = None
        self.weekday: tuple[int, int] | None = None
        self.months = self.seconds = 0
        self.days = 0
        self.tokens: list[tuple[str, str]] = []

    def fail(self) -> Trouble:
        return Trouble(f"invalid date '{self.text}'")

    def read(self) -> None:
        text, place = self.text.lower().strip(), 0
        while place < len(text):
            match = TOKEN.match(text, place)
            # A `t` between date and time begins no word.
            if text[place] == "t" and re.match(r"t\d", text[place:]):
                place += 1
                continue
            if not match:
                raise self.fail()
            if match.lastgroup != "blank":
                self.tokens.append((match.lastgroup or "", match[0]))
            place = match.end()
        while self.tokens:
            kind, token = self.tokens.pop(0)
            getattr(self, f"on_{kind}")(token)

    def following(self, kind: str) -> str | None:
        if self.tokens and self.tokens[0][0] == kind:
            return self.tokens.pop(0)[1]
        return None

    def on_iso(self, token: str) -> None:
        year, month, day = (int(part) for part in token.split("-"))
        self.date = year, month, day

    def on_compact(self, token: str) -> None:
        self.date = int(token[:4]), int(token[4:6]), int(token[6:])

    def on_slashed(self, token: str) -> None:
        parts = [int(part) for part in token.split("/")]
        if len(parts) == 2:
            self.date = self.now.year, *parts  # type: ignore[assignment]
        elif len(token.split("/")[0]) == 4:
            self.date = parts[0], parts[1], parts[2]
        else:
            self.date = self.full_year(parts[2]), parts[0], parts[1]

    def full_year(self, year: int) -> int:
        return year + (2000 if year < 69 else 1900) if year < 100 else year

    def on_clock(self, token: str) -> None:
        match = re.fullmatch(r"(\d+)(?::(\d+))?(?::([\d.,]+))?\s*([ap]m)?", token)
        assert match
        hour = int(match[1])
        if match[4]:
            if not 1 <= hour <= 12:
                raise self.fail()
            hour = hour % 12 + (12 if match[4] == "pm" else 0)
        self.clock = hour, int(match[2] or 0), float((match[3] or "0").replace(",", "."))

    def on_epoch(self, token: str) -> None:
        self.epoch = float(token[1:]) if "." in token else int(token[1:])

    def on_zone(self, token: str) -> None:
        if token in ("z", "utc", "gmt"):
            self.zone = datetime.UTC  # type: ignore[attr-defined,unused-ignore]
            return
        digits = re.sub(r"\D", "", token)
        offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        self.zone = datetime.timezone(-offset if "-" in token else offset)

    def on_number(self, token: str) -> None:
        number = int(token.replace(" ", ""))
        word = self.following("word")
        if word is None:
            if self.date and not self.clock and token.isdigit() and len(token) in (2, 4):
                self.clock = (int(token[:2]), int(token[2:] or 0), 0.0)
                return
            raise self.fail()
        if word[:3] in MONTHS[1:] and not self.is_unit(word):
            year = self.year()
            self.date = year, MONTHS.index(word[:3]), number
        else:
            self.relative(number, word)

    def year(self) -> int:
        if self.tokens and self.tokens[0][0] == "number" and re.fullmatch(r"\d{4}", self.tokens[0][1]):
            return int(self.tokens.pop(0)[1])
        return self.now.year

    def is_unit(self, word: str) -> bool:
        word = word.removesuffix("s")
        return word in UNITS or word in ("month", "year")

    def relative(self, number: int, word: str) -> None:
        if not self.is_unit(word):
            raise self.fail()
        unit = word.removesuffix("s")
        if self.tokens and self.tokens[0] == ("word", "ago"):
            self.tokens.pop(0)
            number = -number
        if unit in ("month", "year"):
            self.months += number * (12 if unit == "year" else 1)
        elif UNITS[unit] >= 86400:
            self.days += number * (UNITS[unit] // 86400)
        else:
            self.seconds += number * UNITS[unit]

    def on_word(self, word: str) -> None:
        if word in ("now", "today"):
            return
        if word in ("yesterday", "tomorrow"):
            self.days += 1 if word == "tomorrow" else -1
        elif word in ("midnight", "noon"):
            self.clock = (12 if word == "noon" else 0, 0, 0.0)
        elif word[:3] in DAYS and calendar.day_name[DAYS.index(word[:3])].lower().startswith(word):
            self.weekday = DAYS.index(word[:3]), 0
        elif word in WORDS:
            self.counted(WORDS[word])
        elif word[:3] in MONTHS[1:] and not self.is_unit(word):
            self.named_month(MONTHS.index(word[:3]))
        elif self.is_unit(word):
            self.relative(1, word)
        else:
            raise self.fail()

    def counted(self, number: int) -> None:
        word = self.following("word")
        if word is None:
            raise self.fail()
        if word[:3] in DAYS and not self.is_unit(word):
            self.weekday = DAYS.index(word[:3]), number
        else:
            self.relative(number, word)

    def named_month(self, month: int) -> None:
        day = self.following("number")
        if day is None:
            raise self.fail()
        if len(day) == 4:
            self.date = int(day), month, 1
        else:
            self.date = self.year(), month, int(day)

    def result(self) -> datetime.datetime:
        if self.epoch is not None:
            base = datetime.datetime.fromtimestamp(self.epoch, self.now.tzinfo)
        else:
            base = self.placed()
        total = base.year * 12 + base.month - 1 + self.months
        if self.months:
            # Days that a month doesn't have go on in the next one.
            base = base.replace(year=total // 12, month=total % 12 + 1, day=1) + datetime.timedelta(
                base.day - 1
            )
        base += datetime.timedelta(days=self.days)
        if self.weekday is not None and self.date is None:
            day, number = self.weekday
            ahead = (day - base.weekday()) % 7
            weeks = number - 1 if number > 0 and ahead else number
            base += datetime.timedelta(days=ahead + 7 * weeks)
        if self.seconds:
            moved = base.timestamp() + self.seconds
            base = datetime.datetime.fromtimestamp(moved, base.tzinfo)
        return base.astimezone(self.now.tzinfo)

    def placed(self) -> datetime.datetime:
        base = self.now
        if self.date is not None:
            base = base.replace(year=self.date[0], month=self.date[1], day=self.date[2])
        if self.clock is not None:
            hour, minute, second = self.clock
            micros = round((second - int(second)) * 1e6)
            base = base.replace(hour=hour, minute=minute, second=int(second), microsecond=micros)
        elif self.date is not None or self.weekday is not None:
            base = base.replace(hour=0, minute=0, second=0, microsecond=0)
        return base.replace(tzinfo=self.zone) if self.zone is not None else base


def zone(utc: bool) -> datetime.tzinfo:
    name = os.environ.get("TZ", "").lstrip(":")
    if utc or not name or name == "UTC":
        return datetime.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return datetime.UTC


def shown(moment: datetime.datetime, format: str) -> str:
    """As ``strftime``, with GNU's own conversions and flags."""

    def one(match: re.Match[str]) -> str:
        flag, width, letter = match.groups()
        nanos = f"{moment.microsecond:06}000"
        offset = moment.strftime("%z") or "+0000"
        own = {
            "%": "%",
            "n": "\n",
            "t": "\t",
            "N": nanos[: int(width or 9)],
            "s": str(int(moment.timestamp() // 1)),
            ":z": f"{offset[:3]}:{offset[3:5]}",
            "z": offset[:5],
            "Z": moment.tzname() or "UTC",
            "P": moment.strftime("%p").lower(),
            "k": f"{moment.hour:2}",
            "l": f"{moment.hour % 12 or 12:2}",
            "e": f"{moment.day:2}",
            "q": str((moment.month + 2) // 3),
            "Y": f"{moment.year:04}",
            "C": f"{moment.year // 100:02}",
            "F": f"{moment.year:04}-{moment.month:02}-{moment.day:02}",
            "r": moment.strftime("%I:%M:%S %p"),
            "h": moment.strftime("%b"),
        }
        text = own.get(letter) or moment.strftime(f"%{letter}")
        if flag == "-":
            text = text.lstrip("0 ") or "0"
        elif flag == "_":
            text = (text.lstrip("0") or "0").rjust(len(text))
        elif flag == "^":
            text = text.upper()
        return text.zfill(int(width)) if width and letter != "N" else text

    return re.sub(r"%([-_0^#]?)(\d*)(:z|[A-Za-z%])", one, format)


def format_of(given: dict[str, str], operands: list[str]) -> str:
    formats = [word[1:] for word in operands if word.startswith("+")]
    if operands and not formats:
        raise Trouble(f"invalid date '{operands[0]}': the clock can't be set")
    if formats:
        return formats[0]
    if "-I" in given:
        name = next((each for each in ISO if given["-I"] and each.startswith(given["-I"])), "")
        return ISO[name]
    if "-R" in given:
        return "%a, %d %b %Y %H:%M:%S %z"
    if "--rfc-3339" in given:
        name = next((each for each in ISO if each and each.startswith(given["--rfc-3339"])), "date")
        return ISO[name].replace("T", " ").replace(",", ".")
    return "%a %b %e %H:%M:%S %Z %Y"


def moments(given: dict[str, str], now: datetime.datetime) -> list[datetime.datetime]:
    if "-r" in given:
        return [datetime.datetime.fromtimestamp(os.stat(given["-r"]).st_mtime, now.tzinfo)]
    texts = [given.get("-d", "now")]
    if "-f" in given:
        with opened(given["-f"]) as file:
            texts = file.read().decode("utf-8", "replace").splitlines()
    found = []
    for text in texts:
        said = Said(text, now if text.strip() else now.replace(hour=0, minute=0, second=0, microsecond=0))
        try:
            said.read()
            found.append(said.result())
        except (ValueError, OverflowError, OSError):
            raise said.fail() from None
    return found


def main() -> None:
    found, operands = command.options("d:f:r:uI::R", LONG)
    given = dict(found)
    now = datetime.datetime.fromtimestamp(time.time(), zone("-u" in given))
    format = format_of(given, operands)
    for moment in moments(given, now):
        sys.stdout.write(shown(moment, format) + "\n")


command = Command(USAGE)
command.run(main)
