"""Arguments, environment, clocks, randomness, exit, sockets."""

from __future__ import annotations

import threading

import pytest

from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import Clocks, GuestExit, Memory, SystemRandom, WasiHost, abi
from pywasm_sandbox._wasi.errnos import BADF, FAULT, INTR, INVAL, NOTSOCK, NOTSUP
from tests.wasi.guest import BUFFER, IOVS, MEMORY_BYTES, RESULT, RESULT2, ROOT_FD, DirectGuest

STRINGS = {
    "args": [b"program\0", b"two words\0"],
    "environ": [b"HOME=/home/user\0", b"LANG=C.UTF-8\0"],
}


@pytest.mark.parametrize("kind", STRINGS)
def test_sizes_and_strings(guest: DirectGuest, kind: str) -> None:
    strings = STRINGS[kind]
    with guest.only_writes((RESULT, 4), (RESULT2, 4)):
        assert guest.call(f"{kind}_sizes_get", RESULT, RESULT2) == 0
    count, size = guest.u32(), guest.u32(RESULT2)
    assert (count, size) == (2, sum(map(len, strings)))
    with guest.only_writes((IOVS, 4 * count), (BUFFER, size)):
        assert guest.call(f"{kind}_get", IOVS, BUFFER) == 0
    assert guest.read(BUFFER, size) == b"".join(strings)
    assert [guest.u32(IOVS), guest.u32(IOVS + 4)] == [BUFFER, BUFFER + len(strings[0])]


@pytest.mark.parametrize("kind", STRINGS)
def test_strings_bad_pointer_efault(guest: DirectGuest, kind: str) -> None:
    end = MEMORY_BYTES
    with guest.only_writes():
        for pointers in ((end - 3, RESULT2), (RESULT, end - 3), (0xFFFF_FFFF, RESULT), (RESULT, 0xFFFF_FFFF)):
            assert guest.call(f"{kind}_sizes_get", *pointers) == FAULT
        for pointers in ((end - 7, BUFFER), (IOVS, end - 5), (0xFFFF_FFFF, BUFFER), (IOVS, 0xFFFF_FFFF)):
            assert guest.call(f"{kind}_get", *pointers) == FAULT


def test_no_strings_at_all(guest: DirectGuest) -> None:
    guest.host.args = ()
    assert guest.call("args_sizes_get", RESULT, RESULT2) == 0
    assert (guest.u32(), guest.u32(RESULT2)) == (0, 0)
    with guest.only_writes():
        assert guest.call("args_get", IOVS, BUFFER) == 0


@pytest.mark.parametrize(
    ("args", "env", "message"),
    [
        (["a\0b"], {}, "an argument of a guest cannot contain a NUL"),
        ([], {"A": "b\0c"}, "a variable of a guest cannot contain a NUL"),
        ([], {"A=B": "c"}, "'A=B' cannot be the name of an environment variable"),
        ([], {"": "c"}, "'' cannot be the name of an environment variable"),
    ],
)
def test_strings_that_c_cannot_hold(args: list[str], env: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WasiHost(Namespace(MemoryFS()), Memory(), args=args, env=env)


# -- clocks --------------------------------------------------------------------------------------------------


def test_clock_time_get(guest: DirectGuest) -> None:
    expected = {0: 1_700_000_000_123_456_789, 1: 5_000_000_000, 2: 42, 3: 42}
    for clock, time_ns in expected.items():
        with guest.only_writes((RESULT, 8)):
            assert guest.call("clock_time_get", clock, 1, RESULT) == 0
        assert guest.u64() == time_ns
        assert guest.call("clock_res_get", clock, RESULT) == 0
        assert guest.u64() == 1


def test_clock_bad(guest: DirectGuest) -> None:
    with guest.only_writes():
        for clock in (4, 0xFFFF_FFFF):
            assert guest.call("clock_time_get", clock, 0, RESULT) == INVAL
            assert guest.call("clock_res_get", clock, RESULT) == INVAL
        for ptr in (MEMORY_BYTES - 7, 0xFFFF_FFFF):
            assert guest.call("clock_time_get", 1, 0, ptr) == FAULT
            assert guest.call("clock_res_get", 1, ptr) == FAULT


def test_monotonic_goes_on_after_a_restore() -> None:
    clocks = Clocks()
    before = clocks.monotonic_ns()
    clocks.never_before(before + 10**15)
    assert clocks.monotonic_ns() >= before + 10**15
    later = clocks.monotonic_ns()
    clocks.never_before(before)
    assert later <= clocks.monotonic_ns() < later + 10**14


def test_cpu_time_never_goes_backwards_across_threads() -> None:
    clocks = Clocks()
    times = [clocks.process_cpu_ns()]
    sum(range(10**5))
    times.append(clocks.process_cpu_ns())
    assert times[1] > times[0]
    for _ in range(3):
        thread = threading.Thread(target=lambda: times.append(clocks.thread_cpu_ns()))
        thread.start()
        thread.join()
    times.append(clocks.process_cpu_ns())
    assert times == sorted(times)


def test_cpu_time_of_others_is_not_counted() -> None:
    clocks = Clocks()
    first = clocks.process_cpu_ns()
    sum(range(10**6))
    clocks.rebase_cpu()
    assert clocks.process_cpu_ns() - first < 1_000_000


# -- randomness ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 16, 65536, 65537, 3 * 65536])
def test_random_get(guest: DirectGuest, length: int) -> None:
    with guest.only_writes((BUFFER, length)):
        assert guest.call("random_get", BUFFER, length) == 0
    assert guest.read(BUFFER, length) == (bytes(range(256)) * 769)[:length]
    assert max(guest.host.random_source.requests) <= 65536
    assert sum(guest.host.random_source.requests) == length


def test_random_get_of_nothing(guest: DirectGuest) -> None:
    with guest.only_writes():
        assert guest.call("random_get", BUFFER, 0) == 0
    assert guest.host.random_source.requests == []


@pytest.mark.parametrize(
    ("buf", "length"),
    [
        (BUFFER, 0xFFFF_FFFF),
        (0, MEMORY_BYTES + 1),
        (MEMORY_BYTES - 1, 2),
        (0xFFFF_FFFF, 1),
        (1, MEMORY_BYTES),
    ],
)
def test_random_get_too_far_efault_before_a_byte_is_made(guest: DirectGuest, buf: int, length: int) -> None:
    with guest.only_writes():
        assert guest.call("random_get", buf, length) == FAULT
    assert guest.host.random_source.requests == []


def test_random_get_of_a_lot_can_be_interrupted(plain_guest: DirectGuest) -> None:
    plain_guest.bytes = bytearray(1 << 24)
    plain_guest.memory.refresh()
    plain_guest.host.waiter.interrupted = True
    assert plain_guest.call("random_get", 0, 1 << 24) == INTR
    assert sum(plain_guest.host.random_source.requests) <= 1 << 20


def test_system_random_is_random() -> None:
    source = SystemRandom()
    assert len(source.random_bytes(32)) == 32
    assert source.random_bytes(32) != source.random_bytes(32)


# -- the rest ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 7, 126, 0xFFFF_FFFF])
def test_proc_exit(plain_guest: DirectGuest, code: int) -> None:
    with pytest.raises(GuestExit) as caught:
        plain_guest.call("proc_exit", code)
    assert caught.value.code == code
    assert not isinstance(caught.value, Exception)


def test_proc_raise(guest: DirectGuest) -> None:
    assert [guest.call("proc_raise", signal) for signal in (0, 2, 30)] == [NOTSUP] * 3
    assert [guest.call("proc_raise", signal) for signal in (31, 0xFFFF_FFFF)] == [INVAL] * 2


def test_sched_yield(guest: DirectGuest) -> None:
    assert guest.call("sched_yield") == 0


def test_there_are_no_sockets(guest: DirectGuest) -> None:
    guest.make(b"f")
    for fd in (0, ROOT_FD, guest.opened(b"f")):
        with guest.only_writes():
            assert guest.call("sock_accept", fd, 0, RESULT) == NOTSOCK
            assert guest.call("sock_recv", fd, IOVS, 1, 3, RESULT, RESULT2) == NOTSOCK
            assert guest.call("sock_send", fd, IOVS, 1, 0, RESULT) == NOTSOCK
            assert guest.call("sock_shutdown", fd, 3) == NOTSOCK
    assert guest.call("sock_accept", 99, 0, RESULT) == BADF
    assert guest.call("sock_recv", 99, IOVS, 1, 0, RESULT, RESULT2) == BADF
    assert guest.call("sock_send", 99, IOVS, 1, 0, RESULT) == BADF
    assert guest.call("sock_shutdown", 99, 1) == BADF
    assert guest.call("sock_accept", 0, 0x20, RESULT) == INVAL
    assert guest.call("sock_recv", 0, IOVS, 1, 4, RESULT, RESULT2) == INVAL
    assert guest.call("sock_send", 0, IOVS, 1, 1, RESULT) == INVAL
    assert guest.call("sock_shutdown", 0, 4) == INVAL


def test_the_clocks_are_those_of_the_specification() -> None:
    assert [clock.value for clock in abi.ClockId] == [0, 1, 2, 3]
