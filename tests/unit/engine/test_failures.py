"""wasmtime's reports, and the check of its version."""

from __future__ import annotations

import pytest

from pywasm_sandbox._engine.capi import check_version
from pywasm_sandbox._engine.failures import EngineUnavailable, GuestTrap, TrapKind, one_line

REPORT = """error while executing at wasm backtrace:
    0:     0x31 - mod!inner
    1:     0x40 - mod!<wasm function 3>

Caused by:
    wasm trap: wasm `unreachable` instruction executed
"""


def test_a_report_has_kind_cause_and_frames() -> None:
    trap = GuestTrap.from_report(9, REPORT)
    assert trap.kind is TrapKind.UNREACHABLE
    assert trap.message == "wasm trap: wasm `unreachable` instruction executed"
    assert trap.frames == ("mod!inner", "mod!<wasm function 3>")
    assert trap.reason is None


def test_a_report_without_code() -> None:
    assert (
        GuestTrap.from_report(None, "\nCaused by:\n    thrown Wasm exception\n").kind
        is TrapKind.UNCAUGHT_EXCEPTION
    )
    trap = GuestTrap.from_report(None, "poll_oneoff failed")
    assert (trap.kind, trap.message, trap.frames) == (TrapKind.OTHER, "poll_oneoff failed", ())


def test_an_unknown_code_is_other() -> None:
    assert GuestTrap.from_report(200, REPORT).kind is TrapKind.OTHER


def test_causes_in_one_line() -> None:
    report = "failed to compile\n\nCaused by:\n    0: translation error\n    1: bad type\n"
    assert one_line(report) == "failed to compile: translation error: bad type"
    assert one_line("plain") == "plain"
    assert one_line("") == ""


@pytest.mark.parametrize("version", ["50.0.0", "50.0.1", "50.0.99"])
def test_supported_versions(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["49.0.0", "50.1.0", "51.0.0", "5.0.0", "500.0.0", "", "dev", "50"])
def test_other_versions_are_refused_by_name(version: str) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        check_version(version)
    assert f"wasmtime {version} is installed" in str(caught.value)
    assert "pip install 'wasmtime==50.0.*'" in str(caught.value)
