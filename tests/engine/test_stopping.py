"""Interrupts: soft ones that a guest obeys, hard ones for those that don't, and all the races around them."""

from __future__ import annotations

import threading
import time

import pytest

from pywasm_sandbox._engine import (
    Deadline,
    GuestTrap,
    Handle,
    HostFailure,
    HostImport,
    InstanceClosed,
    InterruptReason,
    InterruptWords,
    Ticket,
    TrapKind,
)
from pywasm_sandbox._wasi import Fault

from .conftest import Guest, MakeGuest

WAIT_S = 10.0
TRIPPED, PENDING, REASON, COUNTER, FLAG = 1024, 1028, 1032, 1040, 1044

SPIN = f"""(module
  (import "pywasm" "sleep" (func $sleep (param i32) (result i32)))
  (import "pywasm" "hello" (func $hello))
  (memory (export "memory") 1)
  ;; until interrupted: returns the reason and takes the interrupt
  (func (export "polite") (result i32) (local i32)
    (call $hello)
    (loop $again
      (i32.store (i32.const {COUNTER}) (i32.add (i32.const 1) (i32.load (i32.const {COUNTER}))))
      (br_if $again (i32.eqz (i32.load (i32.const {TRIPPED})))))
    (local.set 0 (i32.load (i32.const {REASON})))
    (i32.store (i32.const {TRIPPED}) (i32.const 0))
    (i32.store (i32.const {REASON}) (i32.const 0))
    (local.get 0))
  ;; swallows `n` interrupts, then obeys
  (func (export "stubborn") (param $n i32) (result i32)
    (call $hello)
    (loop $again
      (if (i32.load (i32.const {TRIPPED}))
        (then (i32.store (i32.const {TRIPPED}) (i32.const 0))
              (local.set $n (i32.sub (local.get $n) (i32.const 1)))))
      (br_if $again (i32.ge_s (local.get $n) (i32.const 0))))
    (i32.load (i32.const {PENDING})))
  (func (export "deaf") (call $hello) (loop $again (br $again)))
  ;; until FLAG is set by the host, counting
  (func (export "count") (result i32)
    (call $hello)
    (loop $again
      (i32.store (i32.const {COUNTER}) (i32.add (i32.const 1) (i32.load (i32.const {COUNTER}))))
      (br_if $again (i32.eqz (i32.load (i32.const {FLAG})))))
    (i32.load (i32.const {COUNTER})))
  (func (export "look") (result i32)
    (i32.or (i32.load (i32.const {TRIPPED})) (i32.load (i32.const {REASON}))))
  (func (export "sleep") (param i32) (result i32) (call $hello) (call $sleep (local.get 0)))
  (func (export "sleep_for_ever")
    (call $hello)
    (loop $again (drop (call $sleep (i32.const -1))) (br $again))))"""


class Sleeper:
    """The guest's owner: says when the guest is running, and sleeps for it."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.guest: Guest | None = None
        self.woken = 0

    def hello(self) -> None:
        self.running.set()

    def sleep(self, milliseconds: int) -> int:
        assert self.guest is not None
        seconds = None if milliseconds == 2**32 - 1 else milliseconds / 1000
        interrupted = self.guest.instance.waiter.wait(seconds)
        self.woken += interrupted
        return int(interrupted)


IMPORTS = (HostImport("sleep", "i", "i", Sleeper.sleep), HostImport("hello", "", "", Sleeper.hello))
WORDS = InterruptWords(writes=((TRIPPED, 1), (PENDING, 2)), reason_address=REASON)


@pytest.fixture
def owner() -> Sleeper:
    return Sleeper()


@pytest.fixture
def guest(make_guest: MakeGuest, owner: Sleeper) -> Guest:
    guest = make_guest(SPIN, IMPORTS, owner)
    owner.guest = guest
    guest.instance.arm_interrupts(WORDS)
    return guest


def start(
    guest: Guest, owner: Sleeper, export: str, *arguments: int, deadline: Deadline | None = None
) -> tuple[Handle[int], Ticket]:
    """A call that is running when this returns."""
    ticket = Ticket()
    owner.running.clear()
    handle = guest.engine.threads.submit(
        lambda: guest.instance.call(export, *arguments, deadline=deadline, ticket=ticket)
    )
    assert owner.running.wait(WAIT_S)
    return handle, ticket


def words(guest: Guest) -> tuple[int, int, int]:
    memory = guest.instance.memory
    return memory.get_u32(TRIPPED), memory.get_u32(PENDING), memory.get_u32(REASON)


def test_soft_interrupt_keeps_the_guest(guest: Guest, owner: Sleeper) -> None:
    handle, ticket = start(guest, owner, "polite")
    assert ticket.interrupt(InterruptReason.CANCEL, grace_s=WAIT_S) is True
    assert handle.result(WAIT_S) == InterruptReason.CANCEL
    assert ticket.fired == InterruptReason.CANCEL
    assert guest.instance.broken is None
    assert words(guest) == (0, 0, 0)  # PENDING, which the guest left, was cleared at the end of the call
    assert guest.call("look") == 0


def test_deadline_is_a_soft_interrupt(guest: Guest) -> None:
    ticket = Ticket()
    assert (
        guest.call("polite", deadline=Deadline.after(0.02, WAIT_S), ticket=ticket) == InterruptReason.TIMEOUT
    )
    assert ticket.fired == InterruptReason.TIMEOUT
    assert guest.call("look") == 0


def test_deadline_in_the_past_is_a_soft_interrupt_too(guest: Guest) -> None:
    assert guest.call("polite", deadline=Deadline(time.monotonic() - 1, WAIT_S)) == InterruptReason.TIMEOUT


def test_a_deadline_that_is_met_leaves_no_trace(guest: Guest) -> None:
    ticket = Ticket()
    assert guest.call("look", deadline=Deadline.after(WAIT_S), ticket=ticket) == 0
    assert ticket.fired is None
    assert ticket.ended is True


def test_instance_interrupt_hits_what_runs(guest: Guest, owner: Sleeper) -> None:
    assert guest.instance.interrupt(InterruptReason.OUTPUT_LIMIT) is False
    handle, _ = start(guest, owner, "polite")
    assert guest.instance.interrupt(InterruptReason.OUTPUT_LIMIT, WAIT_S) is True
    assert handle.result(WAIT_S) == InterruptReason.OUTPUT_LIMIT


def test_swallowed_interrupts_come_again_and_set_all_words(guest: Guest, owner: Sleeper) -> None:
    handle, ticket = start(guest, owner, "stubborn", 2)
    ticket.interrupt(InterruptReason.CANCEL, grace_s=WAIT_S)
    assert handle.result(WAIT_S) == 2  # the mask of PENDING
    assert words(guest) == (0, 0, 0)


@pytest.mark.parametrize("armed", [True, False])
def test_hard_after_the_grace(make_guest: MakeGuest, owner: Sleeper, armed: bool) -> None:
    guest = owner.guest = make_guest(SPIN, IMPORTS, owner)
    if armed:
        guest.instance.arm_interrupts(WORDS)
    with pytest.raises(GuestTrap) as caught:
        guest.call("deaf", deadline=Deadline.after(0.01, grace_s=0.03))
    assert caught.value.kind is TrapKind.INTERRUPTED
    assert caught.value.reason == InterruptReason.TIMEOUT
    assert guest.instance.broken is caught.value


def test_hard_after_a_callers_interrupt(guest: Guest, owner: Sleeper) -> None:
    handle, ticket = start(guest, owner, "deaf")
    assert ticket.interrupt(InterruptReason.CANCEL, grace_s=0.0) is True
    with pytest.raises(GuestTrap) as caught:
        handle.result(WAIT_S)
    assert (caught.value.kind, caught.value.reason) == (TrapKind.INTERRUPTED, InterruptReason.CANCEL)


def test_kill(guest: Guest, owner: Sleeper) -> None:
    handle, _ = start(guest, owner, "deaf")
    assert guest.instance.kill() is True
    with pytest.raises(GuestTrap) as caught:
        handle.result(WAIT_S)
    assert (caught.value.kind, caught.value.reason) == (TrapKind.KILLED, None)


@pytest.mark.parametrize("export", ["deaf", "sleep_for_ever"])
def test_close_from_another_thread_ends_the_call_and_waits(guest: Guest, owner: Sleeper, export: str) -> None:
    handle, ticket = start(guest, owner, export)
    guest.instance.close()
    assert ticket.ended is True
    assert guest.instance._store is None
    with pytest.raises(InstanceClosed):
        handle.result(WAIT_S)


def test_close_from_many_threads(guest: Guest, owner: Sleeper) -> None:
    handle, _ = start(guest, owner, "deaf")
    closers = [threading.Thread(target=guest.instance.close) for _ in range(5)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(WAIT_S)
    assert not any(closer.is_alive() for closer in closers)
    with pytest.raises(InstanceClosed):
        handle.result(WAIT_S)


# ---- sleeping


def test_sleep_ends_by_itself(guest: Guest) -> None:
    assert guest.call("sleep", 0) == 0
    assert guest.call("sleep", 5) == 0


def test_interrupt_ends_a_sleep(guest: Guest, owner: Sleeper) -> None:
    handle, ticket = start(guest, owner, "sleep", 2**32 - 1)
    ticket.interrupt(InterruptReason.CANCEL)
    assert handle.result(WAIT_S) == 1
    assert words(guest) == (0, 0, 0)


def test_deadline_ends_a_sleep(guest: Guest) -> None:
    assert guest.call("sleep", 2**32 - 1, deadline=Deadline.after(0.02)) == 1


def test_a_guest_that_goes_on_sleeping_is_woken_again_then_trapped(guest: Guest, owner: Sleeper) -> None:
    ticket = Ticket()
    with pytest.raises(GuestTrap) as caught:
        guest.call("sleep_for_ever", deadline=Deadline.after(0.0, grace_s=0.25), ticket=ticket)
    assert caught.value.kind is TrapKind.INTERRUPTED
    assert owner.woken in (2, 3)  # at 0, 100 and 200 ms; a late wakeup may skip one


def test_a_guest_that_was_woken_really_sleeps_again(
    guest: Guest, owner: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a busy loop over an event that stays set."""
    wake = guest.instance._wake
    waits, wait = [], wake.wait

    def counted(seconds: float | None = None) -> bool:
        waits.append(seconds)
        return wait(seconds)

    monkeypatch.setattr(wake, "wait", counted)
    handle, ticket = start(guest, owner, "sleep_for_ever")
    ticket.interrupt(InterruptReason.CANCEL, grace_s=0.25)
    with pytest.raises(GuestTrap):
        handle.result(WAIT_S)
    assert len(waits) <= 10


def test_kill_ends_a_sleep(guest: Guest, owner: Sleeper) -> None:
    handle, ticket = start(guest, owner, "sleep_for_ever")
    ticket.kill()
    with pytest.raises(GuestTrap) as caught:
        handle.result(WAIT_S)
    assert caught.value.kind is TrapKind.KILLED
    assert owner.woken == 0


def test_poll_oneoff_of_the_guest_is_interrupted(make_guest: MakeGuest) -> None:
    """The real WASI function, through the same waiter: errno EINTR (27)."""
    guest = make_guest(
        """(module
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "poll") (result i32)
            (i32.store8 (i32.const 8) (i32.const 0))                  ;; eventtype clock
            (i32.store (i32.const 16) (i32.const 1))                  ;; monotonic
            (i64.store (i32.const 24) (i64.const 3600000000000))      ;; an hour
            (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200))))"""
    )
    assert guest.call("poll", deadline=Deadline.after(0.02)) == 27
    assert guest.instance.broken is None


def test_only_a_running_call_can_wait(guest: Guest) -> None:
    with pytest.raises(RuntimeError, match="only a running call"):
        guest.instance.waiter.wait(0)


# ---- races


def test_a_late_interrupt_never_hits_the_next_call(guest: Guest) -> None:
    """While one thread makes calls, another interrupts tickets whose call is over or about to be.

    Each call looks at the guest's words, and must find none of an earlier interrupt.
    """
    current: list[Ticket] = [Ticket()]
    over = threading.Event()

    def interrupt() -> None:
        while not over.is_set():
            current[0].interrupt(InterruptReason.CANCEL, WAIT_S)

    def calls() -> list[int]:
        seen = []
        for _ in range(2000):
            ticket = Ticket()
            seen.append(guest.instance.call("look", ticket=ticket))
            assert ticket.ended
            current[0] = ticket
            seen.append(guest.instance.call("look"))
        return seen

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    try:
        assert set(guest.engine.threads.run(calls)) == {0}
    finally:
        over.set()
        interrupter.join(WAIT_S)
    assert words(guest) == (0, 0, 0)


def test_an_interrupt_delivered_at_the_very_end_is_taken_back(guest: Guest, owner: Sleeper) -> None:
    """`sleep` returns right after the interrupt was written, without looking at it."""
    for _ in range(20):
        handle, ticket = start(guest, owner, "sleep", 2**32 - 1)
        ticket.interrupt(InterruptReason.CANCEL)
        assert handle.result(WAIT_S) == 1
        assert guest.call("look") == 0


def test_interrupt_before_the_call_begins(guest: Guest) -> None:
    ticket = Ticket()
    assert ticket.interrupt(InterruptReason.CANCEL, WAIT_S) is True
    assert guest.call("polite", ticket=ticket) == InterruptReason.CANCEL


def test_kill_before_the_call_begins(guest: Guest) -> None:
    ticket = Ticket()
    assert ticket.kill() is True
    with pytest.raises(GuestTrap) as caught:
        guest.call("deaf", ticket=ticket)
    assert caught.value.kind is TrapKind.KILLED


def test_a_used_ticket_is_refused_and_leaves_the_guest_usable(guest: Guest) -> None:
    ticket = Ticket()
    guest.call("look", ticket=ticket)
    with pytest.raises(RuntimeError, match="make a new one"):
        guest.call("look", ticket=ticket)
    assert guest.call("look") == 0


def test_arming_checks_addresses(guest: Guest) -> None:
    with pytest.raises(Fault):
        guest.instance.arm_interrupts(InterruptWords(writes=((65536, 1),)))
    with pytest.raises(Fault):
        guest.instance.arm_interrupts(InterruptWords(writes=(), reason_address=65533))


# ---- ticks


def test_ticks_come_while_wasm_runs_and_once_at_the_end(guest: Guest, owner: Sleeper) -> None:
    three, ticks = threading.Event(), []

    def on_tick() -> None:
        ticks.append(threading.get_ident())
        if len(ticks) == 3:
            three.set()

    guest.instance.on_tick = on_tick
    handle, ticket = start(guest, owner, "polite")
    assert three.wait(WAIT_S)
    ticket.interrupt(InterruptReason.CANCEL)
    handle.result(WAIT_S)
    assert len(set(ticks)) == 1
    before = len(ticks)
    guest.call("look")
    assert len(ticks) == before + 1


def test_last_tick_of_a_broken_guest_can_still_read_its_memory(guest: Guest) -> None:
    seen: list[int] = []
    guest.instance.memory.set_u32(2048, 77)
    guest.instance.on_tick = lambda: seen.append(guest.instance.memory.get_u32(2048))
    with pytest.raises(GuestTrap):
        guest.call("deaf", deadline=Deadline.after(0.0, 0.0))
    assert seen[-1] == 77
    with pytest.raises(Fault):
        guest.instance.memory.get_u32(2048)


def test_a_tick_that_fails_traps_the_guest(guest: Guest) -> None:
    error = ValueError("tick")

    def fail() -> None:
        raise error

    guest.instance.on_tick = fail
    with pytest.raises(HostFailure) as caught:
        guest.call("deaf")
    assert caught.value.original is error
    assert guest.instance.broken is caught.value


def test_a_last_tick_that_fails_does_not_break_the_guest(guest: Guest) -> None:
    error = ValueError("last tick")

    def fail() -> None:
        raise error

    guest.instance.on_tick = fail
    with pytest.raises(HostFailure) as caught:
        guest.call("look")
    assert caught.value.original is error
    guest.instance.on_tick = None
    assert guest.call("look") == 0


def test_a_tick_may_interrupt_its_own_call(guest: Guest) -> None:
    def on_tick() -> None:
        guest.instance.interrupt(InterruptReason.OUTPUT_LIMIT, WAIT_S)

    guest.instance.on_tick = on_tick
    assert guest.call("polite") == InterruptReason.OUTPUT_LIMIT


# ---- at the same time


def test_two_guests_and_python_run_at_the_same_time(make_guest: MakeGuest) -> None:
    """Both counters advance, again and again, while both calls are running and this thread is too."""
    owners = [Sleeper(), Sleeper()]
    guests = [make_guest(SPIN, IMPORTS, owner) for owner in owners]
    for guest in guests:
        guest.instance.memory.get_u32(FLAG)  # the view is made before the call
    handles = [start(guest, owner, "count")[0] for guest, owner in zip(guests, owners, strict=True)]
    memories = [guest.instance.memory for guest in guests]
    end = time.monotonic() + WAIT_S
    for _ in range(5):
        before = [memory.get_u32(COUNTER) for memory in memories]
        while any(memory.get_u32(COUNTER) == old for memory, old in zip(memories, before, strict=True)):
            assert time.monotonic() < end
            time.sleep(0.0005)
    assert [handle.done for handle in handles] == [False, False]
    for memory in memories:
        memory.set_u32(FLAG, 1)
    assert all(handle.result(WAIT_S) > 5 for handle in handles)
