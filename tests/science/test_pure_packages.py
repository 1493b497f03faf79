"""Bundled packages of Python files only."""

from __future__ import annotations

import pytest

from pywasm_sandbox import Sandbox
from tests.science.conftest import has_wheel


@pytest.mark.skipif(not has_wheel("tzdata"), reason="the wheel of tzdata is not among the assets")
def test_time_zones_are_known() -> None:
    with Sandbox() as sandbox:
        execution = sandbox.run_code("""
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones
summer = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Paris"))
print(summer.astimezone(ZoneInfo("America/New_York")).isoformat(), "Asia/Tokyo" in available_timezones())
""")
    assert execution.error is None
    assert execution.logs.stdout == ["2024-07-01T06:00:00-04:00 True\n"]


@pytest.mark.skipif(
    not has_wheel("python-dateutil"), reason="the wheel of python-dateutil is not among the assets"
)
def test_dateutil() -> None:
    with Sandbox() as sandbox:
        execution = sandbox.run_code("""
from datetime import date
from dateutil import easter, parser, relativedelta, tz
print(parser.parse("3 May 2024 14:05 UTC").isoformat(), easter.easter(2024))
print(date(2024, 1, 31) + relativedelta.relativedelta(months=1), tz.gettz("Europe/Paris").utcoffset(
    parser.parse("2024-01-01")))
""")
    assert execution.error is None
    assert "".join(execution.logs.stdout) == "2024-05-03T14:05:00+00:00 2024-03-31\n2024-02-29 1:00:00\n"


@pytest.mark.skipif(not has_wheel("six"), reason="the wheel of six is not among the assets")
def test_six_and_the_metadata_of_packages() -> None:
    with Sandbox() as sandbox:
        execution = sandbox.run_code("""
import six
from importlib.metadata import version
from six.moves import urllib
print(six.text_type("a"), urllib.parse.quote("a b"), version("six"), version("tzdata"))
""")
    assert execution.error is None
    assert execution.logs.stdout == ["a a%20b 1.17.0 2026.6\n"]
