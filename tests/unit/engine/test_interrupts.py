"""Tickets and deadlines on a clock that the test sets."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pywasm_sandbox._engine import interrupts
from pywasm_sandbox._engine.interrupts import REFIRE_INTERVAL_S, Action, Deadline, InterruptReason, Ticket

NOW = 1000.0


def nothing() -> None:
    pass


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def set_to(now: float) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: now)

    set_to(NOW)
    return set_to


def running(deadline: Deadline | None = None) -> Ticket:
    ticket = Ticket()
    ticket.begin(deadline, nothing)
    return ticket


def test_without_deadline_nothing_is_ever_due() -> None:
    ticket = running()
    assert ticket.due(NOW) is Action.NONE
    assert ticket.due(NOW + 1e9) is Action.NONE
    assert ticket.seconds_to_next(NOW) is None
    assert ticket.fired is None


def test_deadline_is_soft_then_hard() -> None:
    ticket = running(Deadline(NOW + 5, grace_s=1.0))
    assert ticket.due(NOW + 4.999) is Action.NONE
    assert ticket.fired is None
    assert ticket.due(NOW + 5) is Action.SOFT
    assert ticket.fired == InterruptReason.TIMEOUT
    assert ticket.due(NOW + 5.99) is Action.SOFT
    assert ticket.due(NOW + 6) is Action.HARD
    assert ticket.due(NOW + 7) is Action.HARD


def test_soft_is_given_once_in_the_refire_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "REFIRE_INTERVAL_S", 0.125)  # exact in binary, as are the steps
    ticket = running(Deadline(NOW, grace_s=10.0))
    given = [step for step in range(64) if ticket.due(NOW + step / 64) is Action.SOFT]
    assert given == [0, 8, 16, 24, 32, 40, 48, 56]
    assert REFIRE_INTERVAL_S >= 0.1


def test_seconds_to_next_names_soft_refire_and_hard_moments() -> None:
    ticket = running(Deadline(NOW + 5, grace_s=0.15))
    assert ticket.seconds_to_next(NOW) == 5
    assert ticket.due(NOW + 5) is Action.SOFT
    assert ticket.seconds_to_next(NOW + 5) == pytest.approx(REFIRE_INTERVAL_S)
    assert ticket.due(NOW + 5.1) is Action.SOFT
    assert ticket.seconds_to_next(NOW + 5.1) == pytest.approx(0.05)


def test_interrupt_of_a_running_call(set_clock: Callable[[float], None]) -> None:
    woken: list[bool] = []
    ticket = Ticket()
    ticket.begin(None, lambda: woken.append(True))
    assert ticket.interrupt(InterruptReason.CANCEL, grace_s=2.0) is True
    assert woken == [True]
    assert ticket.due(NOW) is Action.SOFT
    assert ticket.fired == InterruptReason.CANCEL
    assert ticket.due(NOW + 2) is Action.HARD


def test_interrupt_before_the_call_waits_for_it_and_its_grace_begins_there(
    set_clock: Callable[[float], None],
) -> None:
    ticket = Ticket()
    assert ticket.interrupt(InterruptReason.CANCEL, grace_s=1.0) is True
    set_clock(NOW + 50)
    ticket.begin(None, nothing)
    assert ticket.due(NOW + 50) is Action.SOFT
    assert ticket.due(NOW + 50.9) is Action.SOFT
    assert ticket.due(NOW + 51) is Action.HARD


def test_interrupt_after_the_call_does_nothing() -> None:
    ticket = running()
    ticket.end()
    assert ticket.interrupt(InterruptReason.CANCEL) is False
    assert ticket.kill() is False
    assert ticket.due(NOW) is Action.NONE
    assert (ticket.ended, ticket.killed, ticket.fired) == (True, False, None)


def test_first_reason_counts(set_clock: Callable[[float], None]) -> None:
    ticket = running()
    ticket.interrupt(InterruptReason.OUTPUT_LIMIT)
    ticket.interrupt(InterruptReason.CANCEL)
    assert ticket.due(NOW) is Action.SOFT
    assert ticket.fired == InterruptReason.OUTPUT_LIMIT


def test_an_interrupt_keeps_its_reason_when_the_deadline_passes_too(
    set_clock: Callable[[float], None],
) -> None:
    ticket = running(Deadline(NOW + 1, grace_s=0.1))
    ticket.interrupt(InterruptReason.CANCEL, grace_s=10.0)
    assert ticket.due(NOW) is Action.SOFT
    assert ticket.due(NOW + 1.05) is Action.SOFT
    assert ticket.due(NOW + 1.1) is Action.HARD  # the deadline's grace is the shorter one
    assert ticket.fired == InterruptReason.CANCEL


def test_kill_is_hard_at_once() -> None:
    woken: list[bool] = []
    ticket = Ticket()
    ticket.begin(None, lambda: woken.append(True))
    assert ticket.kill() is True
    assert woken == [True]
    assert ticket.due(NOW) is Action.HARD
    assert ticket.fired is None


def test_a_ticket_serves_one_call() -> None:
    ticket = running()
    ticket.end()
    with pytest.raises(RuntimeError, match="make a new one for each call"):
        ticket.begin(None, nothing)


@pytest.mark.parametrize("seconds", [-0.001, float("nan"), float("-inf")])
def test_deadline_after_refuses_what_is_no_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds ≥ 0"):
        Deadline.after(seconds)


def test_deadline_after(set_clock: Callable[[float], None]) -> None:
    assert Deadline.after(None) == Deadline(None)
    assert Deadline.after(0) == Deadline(NOW)
    assert Deadline.after(2.5, grace_s=0.5) == Deadline(NOW + 2.5, 0.5, InterruptReason.TIMEOUT)
    assert running(Deadline.after(float("inf"))).due(1e300) is Action.NONE
