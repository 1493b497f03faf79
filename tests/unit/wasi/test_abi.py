"""The declared data agrees with `typenames.witx` and `wasi_snapshot_preview1.witx`."""

from __future__ import annotations

import pytest

from pywasm_sandbox._vfs.api import Errno
from pywasm_sandbox._wasi import FUNCTIONS, abi, errnos


def test_every_function_of_the_specification_is_there_once() -> None:
    assert len(FUNCTIONS) == 46
    assert [function.name for function in FUNCTIONS] == list(abi.SIGNATURES)


def test_only_proc_exit_has_no_result() -> None:
    assert [function.name for function in FUNCTIONS if function.results != "i"] == ["proc_exit"]


@pytest.mark.parametrize(
    ("layout", "size"),
    [
        (abi.IOVEC, 8),
        (abi.FDSTAT, 24),
        (abi.FILESTAT, 64),
        (abi.PRESTAT, 8),
        (abi.DIRENT, 24),
        (abi.EVENT, 32),
        (abi.SUBSCRIPTION, 48),
        (abi.SUBSCRIPTION_CLOCK, 32),
        (abi.SUBSCRIPTION_FD_READWRITE, 32),
    ],
)
def test_layout_sizes(layout: object, size: int) -> None:
    assert layout.size == size  # type: ignore[attr-defined]


def test_filestat_field_offsets() -> None:
    data = abi.FILESTAT.pack(1, 2, 3, 4, 5, 6, 7, 8)
    for offset, value in ((0, 1), (8, 2), (16, 3), (24, 4), (32, 5), (40, 6), (48, 7), (56, 8)):
        assert data[offset] == value


def test_event_field_offsets() -> None:
    data = abi.EVENT.pack(1, 2, 3, 4, 5)
    assert [data[offset] for offset in (0, 8, 10, 16, 24)] == [1, 2, 3, 4, 5]


def test_subscription_clock_field_offsets() -> None:
    data = abi.SUBSCRIPTION.pack(9, 0, abi.SUBSCRIPTION_CLOCK.pack(1, 2, 3, 4))
    assert [data[offset] for offset in (0, 8, 16, 24, 32, 40)] == [9, 0, 1, 2, 3, 4]


def test_errno_numbers_at_the_ends_and_around_the_gapless_middle() -> None:
    named = {
        errnos.SUCCESS: 0,
        errnos.TOOBIG: 1,
        errnos.BADF: 8,
        errnos.FAULT: 21,
        errnos.INVAL: 28,
        errnos.MFILE: 33,
        errnos.NOENT: 44,
        errnos.NOSPC: 51,
        errnos.NOTSUP: 58,
        errnos.PERM: 63,
        errnos.SPIPE: 70,
        errnos.XDEV: 75,
        errnos.NOTCAPABLE: 76,
    }
    assert all(number == expected for number, expected in named.items())
    numbers = [value for name, value in vars(errnos).items() if name.isupper() and isinstance(value, int)]
    assert sorted(numbers) == list(range(77))


def test_every_filesystem_error_has_a_number() -> None:
    for errno in Errno:
        assert 0 < errnos.from_vfs(errno) <= 76
    assert errnos.from_vfs(Errno.E2BIG) == 1
    assert errnos.from_vfs(Errno.ENOSPC) == 51
    assert errnos.from_vfs(Errno.ENOTCAPABLE) == 76


def test_rights_are_the_first_thirty_bits() -> None:
    rights = [
        value for name, value in vars(abi).items() if name.startswith("RIGHTS_") and value.bit_count() == 1
    ]
    assert sorted(rights) == [1 << bit for bit in range(30)]
