"""The host as an object: construction, snapshots of the fd table, closing; and that no argument breaks it."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pywasm_sandbox._vfs.api import File
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.resolver import Location
from pywasm_sandbox._wasi import (
    FUNCTIONS,
    FdTable,
    GuestExit,
    HostFunction,
    Memory,
    WasiHost,
    WasiLimits,
    abi,
)
from pywasm_sandbox._wasi.errnos import BADF, FAULT
from tests.wasi.guest import BUFFER, MEMORY_BYTES, PATH, READ, RESULT, DirectGuest


def open_again(location: Location, write: bool) -> File:
    return location.mount.fs.open(location.node, write)


def test_preopens_by_name(namespace: Namespace, guest: DirectGuest) -> None:
    namespace.make_directories("/a/b")
    where = namespace.resolve(namespace.root, "/a/b")
    guest.host = WasiHost(namespace, guest.memory, preopens=[("/", namespace.root), ("/work", where)])
    assert guest.call("fd_prestat_dir_name", 4, BUFFER, 5) == 0
    assert guest.read(BUFFER, 5) == b"/work"
    guest.opened(b"f", oflags=abi.OFLAGS_CREAT, fd=4)
    assert guest.stat(b"a/b/f").size == 0
    assert guest.call("fd_prestat_get", 5, BUFFER) == BADF


def test_a_terminal_says_so(namespace: Namespace, guest: DirectGuest) -> None:
    guest.host = WasiHost(namespace, guest.memory, tty=True)
    seeking = abi.RIGHTS_FD_SEEK | abi.RIGHTS_FD_TELL
    assert [guest.fd_fdstat_get(fd).rights_base & seeking for fd in (0, 1, 2)] == [0, 0, 0]


def test_output_that_nobody_wants_is_dropped(namespace: Namespace, guest: DirectGuest) -> None:
    guest.host = WasiHost(namespace, guest.memory)
    assert guest.fd_write(1, b"x") == (0, 1)
    assert guest.fd_read(0, 1) == (0, b"")


@pytest.mark.parametrize("limit", [0, 3])
def test_a_limit_too_small_for_the_first_fds(namespace: Namespace, limit: int) -> None:
    with pytest.raises(ValueError, match=f"open_files is {limit}; 4 are open from the start"):
        WasiHost(namespace, Memory(), limits=WasiLimits(open_files=limit))


def test_close_closes_the_files(guest: DirectGuest) -> None:
    guest.make(b"f", b"abc")
    file = guest.host.open_fds[guest.opened(b"f")].file
    guest.host.close()
    guest.host.close()
    with pytest.raises(Exception, match="EBADF"):
        file.pread(1, 0)
    assert guest.fd_write(1, b"x")[0] == BADF


# -- snapshots -----------------------------------------------------------------------------------------------


@pytest.fixture
def used(guest: DirectGuest) -> DirectGuest:
    """fds 0, 1, 3, 4 (a file at offset 2, appending), 6 (a directory); 2 and 5 are free."""
    guest.make(b"f", b"abcdef")
    fd = guest.opened(b"f", fdflags=abi.FDFLAGS_APPEND)
    spare = guest.opened(b"f")
    assert guest.on_path("path_create_directory", b"d") == 0
    guest.opened(b"d", rights=READ)
    assert guest.fd_seek(fd, 2) == (0, 2)
    assert guest.call("fd_close", spare) == 0
    assert guest.call("fd_close", 2) == 0
    return guest


def test_snapshot_is_data_that_does_not_change(used: DirectGuest) -> None:
    states = used.host.fds.snapshot()
    assert [state.number for state in states] == [0, 1, 3, 4, 6]
    assert (states[3].offset, states[3].flags, states[3].writable) == (2, abi.FDFLAGS_APPEND, True)
    assert states[2].preopen == b"/"
    assert not any(isinstance(value, File) for state in states for value in state)
    used.fd_seek(4, 5)
    assert states[3].offset == 2
    assert copy.copy(states) == states


def test_restore_brings_everything_back(used: DirectGuest) -> None:
    states = used.host.fds.snapshot()
    used.host.fds.close()
    used.host.fds.restore(states, open_again)
    assert used.host.open_fds is used.host.fds.entries
    assert used.host.fds.snapshot() == states
    assert used.fd_read(4, 2) == (0, b"cd")
    assert used.fd_write(4, b"!") == (0, 1)
    assert used.content(b"f") == b"abcdef!"
    assert used.fd_write(1, b"out") == (0, 3)
    # The free numbers are known as well.
    assert [used.opened(b"f") for _ in range(3)] == [2, 5, 7]


def test_restore_into_a_clone_of_the_filesystem(used: DirectGuest, namespace: Namespace) -> None:
    clone = namespace.clone()
    twin = DirectGuest()
    twin.host = WasiHost(clone, twin.memory)
    twin.host.fds.restore(used.host.fds.snapshot(), open_again, clone.translate)
    assert twin.fd_write(4, b"twin") == (0, 4)
    assert used.fd_write(4, b"me") == (0, 2)
    assert twin.content(b"f") == b"abcdeftwin"
    assert used.content(b"f") == b"abcdefme"


def test_restore_that_fails_leaves_an_empty_table(used: DirectGuest) -> None:
    states = used.host.fds.snapshot()

    def gone(location: Location, write: bool) -> File:
        raise LookupError(location.type)

    with pytest.raises(LookupError):
        used.host.fds.restore(states, gone)
    assert len(used.host.fds) == 0
    assert used.fd_write(1, b"x")[0] == BADF


def test_a_table_needs_a_sensible_limit() -> None:
    with pytest.raises(ValueError, match="open_files is -1"):
        FdTable(-1)


# -- hostile arguments ---------------------------------------------------------------------------------------

# For each function: good arguments, and which of them are pointers that the function must follow.
POINTERS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "args_get": ((PATH, BUFFER), (0, 1)),
    "args_sizes_get": ((PATH, BUFFER), (0, 1)),
    "environ_get": ((PATH, BUFFER), (0, 1)),
    "environ_sizes_get": ((PATH, BUFFER), (0, 1)),
    "clock_res_get": ((1, BUFFER), (1,)),
    "clock_time_get": ((1, 0, BUFFER), (2,)),
    "fd_fdstat_get": ((1, BUFFER), (1,)),
    "fd_filestat_get": ((1, BUFFER), (1,)),
    "fd_pread": ((4, PATH, 1, 0, BUFFER), (1, 4)),
    "fd_prestat_get": ((3, BUFFER), (1,)),
    "fd_prestat_dir_name": ((3, BUFFER, 1), (1,)),
    "fd_pwrite": ((4, PATH, 1, 0, BUFFER), (1, 4)),
    "fd_read": ((4, PATH, 1, BUFFER), (1, 3)),
    "fd_readdir": ((3, BUFFER, 100, 0, PATH), (1, 4)),
    "fd_seek": ((4, 0, 0, BUFFER), (3,)),
    "fd_tell": ((4, BUFFER), (1,)),
    "fd_write": ((4, PATH, 1, BUFFER), (1, 3)),
    "path_create_directory": ((3, PATH, 1), (1,)),
    "path_filestat_get": ((3, 0, PATH, 1, BUFFER), (2, 4)),
    "path_filestat_set_times": ((3, 0, PATH, 1, 0, 0, 0), (2,)),
    "path_link": ((3, 0, PATH, 1, 3, BUFFER, 1), (2, 5)),
    "path_open": ((3, 0, PATH, 1, 0, READ, 0, 0, BUFFER), (2, 8)),
    "path_readlink": ((3, BUFFER, 1, PATH + 64, 10, RESULT), (1, 3, 5)),
    "path_remove_directory": ((3, PATH, 1), (1,)),
    "path_rename": ((3, PATH, 1, 3, BUFFER, 1), (1, 4)),
    "path_symlink": ((PATH, 1, 3, BUFFER, 1), (0, 3)),
    "path_unlink_file": ((3, PATH, 1), (1,)),
    "poll_oneoff": ((PATH, BUFFER, 1, RESULT), (0, 1, 3)),
    "random_get": ((BUFFER, 16), (0,)),
}


@pytest.mark.parametrize(
    ("name", "index"), [(name, index) for name, (_, indexes) in POINTERS.items() for index in indexes]
)
@pytest.mark.parametrize("pointer", [MEMORY_BYTES, 0x8000_0000, 0xFFFF_FFFF])
def test_every_pointer_out_of_bounds_efault(guest: DirectGuest, name: str, index: int, pointer: int) -> None:
    guest.make(b"f", b"abc")
    guest.symlink(b"f", b"l")
    assert guest.opened(b"f") == 4
    arguments = list(POINTERS[name][0])
    good_path = b"l" if name == "path_readlink" else b"f"
    guest.write(PATH, b"f\0\0\0\x01\0\0\0" + bytes(40))
    guest.write(BUFFER, good_path)
    arguments[index] = pointer
    with guest.only_writes():
        assert guest.call(name, *arguments) == FAULT
    assert guest.content(b"f") == b"abc"


def test_the_list_of_pointers_is_complete() -> None:
    without = {
        "fd_advise",
        "fd_allocate",
        "fd_close",
        "fd_datasync",
        "fd_fdstat_set_flags",
        "fd_fdstat_set_rights",
        "fd_filestat_set_size",
        "fd_filestat_set_times",
        "fd_renumber",
        "fd_sync",
        "proc_exit",
        "proc_raise",
        "sched_yield",
        # Sockets: refused before a pointer is looked at.
        "sock_accept",
        "sock_recv",
        "sock_send",
        "sock_shutdown",
    }
    assert set(POINTERS) | without == set(abi.SIGNATURES)
    assert not set(POINTERS) & without


INTERESTING_U32 = st.sampled_from(
    [
        0,
        1,
        2,
        3,
        4,
        5,
        8,
        16,
        PATH,
        BUFFER,
        MEMORY_BYTES - 1,
        MEMORY_BYTES,
        0x7FFF_FFFF,
        0x8000_0000,
        0xFFFF_FFFF,
    ]
) | st.integers(0, 0xFFFF_FFFF)
INTERESTING_U64 = st.sampled_from(
    [0, 1, 2, 64, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF]
) | st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)


@st.composite
def calls(draw: st.DrawFn) -> tuple[HostFunction, list[int]]:
    function = draw(st.sampled_from(FUNCTIONS))
    return function, [draw(INTERESTING_U32 if kind == "i" else INTERESTING_U64) for kind in function.params]


class NeverWaits:
    def wait(self, seconds: float | None) -> bool:
        return bool(seconds)


@settings(max_examples=400, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(calls(), min_size=1, max_size=12), st.binary(max_size=64), st.binary(max_size=64))
def test_no_argument_gets_more_than_an_errno_out_of_the_host(
    sequence: list[tuple[HostFunction, list[int]]], at_path: bytes, at_buffer: bytes
) -> None:
    guest = DirectGuest()
    namespace = Namespace(MemoryFS())
    namespace.write_bytes("/f", b"abc")
    guest.host = WasiHost(namespace, guest.memory, waiter=NeverWaits(), limits=WasiLimits(open_files=8))
    guest.opened(b"f")
    guest.write(PATH, at_path)
    guest.write(BUFFER, at_buffer)
    for function, arguments in sequence:
        if function.name == "proc_exit":
            with pytest.raises(GuestExit) as caught:
                function.call(guest.host, *arguments)
            assert caught.value.code == arguments[0]
        else:
            errno = function.call(guest.host, *arguments)
            assert type(errno) is int
            assert 0 <= errno <= 76
    assert len(guest.host.fds) <= 8
