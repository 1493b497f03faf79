"""The ticker ticks while a call is active and sleeps otherwise."""

from __future__ import annotations

import threading
import time

import pytest

from pywasm_sandbox._engine import ticker as ticker_module
from pywasm_sandbox._engine.ticker import Ticker

WAIT_S = 10.0


class Counter:
    def __init__(self) -> None:
        self.count = 0
        self.changed = threading.Condition()

    def tick(self) -> None:
        with self.changed:
            self.count += 1
            self.changed.notify_all()

    def wait_for(self, more: int) -> None:
        with self.changed:
            target = self.count + more
            assert self.changed.wait_for(lambda: self.count >= target, WAIT_S)


def wait_until_asleep(ticker: Ticker) -> None:
    end = time.monotonic() + WAIT_S
    while not ticker.asleep:
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def short_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker_module, "IDLE_TICKS", 3)
    monkeypatch.setattr(ticker_module, "TICK_S", 0.001)


def test_no_thread_before_the_first_call() -> None:
    ticker = Ticker(lambda: None)
    assert ticker.asleep is True
    assert ticker._thread is None


def test_ticks_while_active_then_sleeps_then_wakes(short_idle: None) -> None:
    counter = Counter()
    ticker = Ticker(counter.tick)
    ticker.enter()
    counter.wait_for(10)
    assert ticker.asleep is False
    ticker.leave()
    wait_until_asleep(ticker)
    before = counter.count
    time.sleep(0.02)
    assert counter.count == before
    ticker.enter()
    counter.wait_for(10)
    ticker.leave()


def test_a_thread_that_cannot_start_leaves_it_asleep(
    monkeypatch: pytest.MonkeyPatch, short_idle: None
) -> None:
    counter = Counter()
    ticker = Ticker(counter.tick)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            ticker.enter()
    assert ticker.asleep is True
    ticker.enter()
    counter.wait_for(2)
    ticker.leave()
    wait_until_asleep(ticker)


def test_two_calls_one_thread(short_idle: None) -> None:
    counter = Counter()
    ticker = Ticker(counter.tick)
    ticker.enter()
    ticker.enter()
    thread = ticker._thread
    ticker.leave()
    counter.wait_for(10)  # the other one is still active
    assert ticker.asleep is False
    ticker.leave()
    wait_until_asleep(ticker)
    assert ticker._thread is thread
