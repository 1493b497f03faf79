"""What the user sees while a module is compiled."""

from __future__ import annotations

import io
import logging
import re
import time

import pytest

from pywasm_sandbox._engine import progress
from pywasm_sandbox._engine.progress import compiling


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_AFTER_S", 0.0)
    monkeypatch.setattr(progress, "EVERY_S", 0.001)


def wait_for_text(stream: io.StringIO) -> None:
    end = time.monotonic() + 10
    while not stream.getvalue():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_terminal_sees_name_and_seconds(at_once: None) -> None:
    stream = Terminal()
    with compiling("python-core", stream):
        wait_for_text(stream)
    lines = stream.getvalue().split("\r")
    assert lines[0] == ""
    assert all(re.fullmatch(r"compiling python-core … \d+\.\d s\n?", line) for line in lines[1:])
    assert stream.getvalue().endswith(" s\n")
    assert stream.getvalue().count("\n") == 1


def test_a_short_compilation_shows_nothing() -> None:
    stream = Terminal()
    with compiling("tiny", stream):
        pass
    assert stream.getvalue() == ""


def test_not_a_terminal_sees_nothing(at_once: None) -> None:
    stream = io.StringIO()
    with compiling("python-core", stream):
        time.sleep(0.005)
    assert stream.getvalue() == ""


def test_a_closed_terminal_does_no_harm(at_once: None) -> None:
    stream = Terminal()
    with compiling("python-core", stream):
        wait_for_text(stream)
        stream.close()
    closed = io.StringIO()
    closed.close()
    with compiling("python-core", closed):
        pass


def test_the_log_has_it_always(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pywasm_sandbox"), compiling("python-core", io.StringIO()):
        pass
    assert [(record.name, record.levelname) for record in caplog.records] == [("pywasm_sandbox", "INFO")]
    assert re.fullmatch(r"compiling python-core took \d+\.\d s", caplog.messages[0])


def test_the_log_has_failures(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.INFO, "pywasm_sandbox"),
        pytest.raises(ValueError, match="broken"),
        compiling("python-core", io.StringIO()),
    ):
        raise ValueError("broken")
    assert re.fullmatch(r"compiling python-core failed after \d+\.\d s", caplog.messages[0])
