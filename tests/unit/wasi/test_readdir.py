from __future__ import annotations

import pytest

from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import abi
from pywasm_sandbox._wasi.errnos import BADF, FAULT, NOENT
from tests.wasi.guest import BUFFER, MEMORY_BYTES, READ, RESULT, ROOT_FD, DirectGuest, Dirent

HEADER = abi.DIRENT.size


@pytest.fixture
def fd(guest: DirectGuest) -> int:
    """An fd of a directory with the files a, bb, ccc, and so on, and a directory and a symlink among them."""
    assert guest.on_path("path_create_directory", b"dir") == 0
    guest.make(b"dir/a")
    assert guest.on_path("path_create_directory", b"dir/bb") == 0
    assert guest.symlink(b"a", b"dir/ccc") == 0
    for letter in b"defghij":
        guest.make(b"dir/" + bytes([letter]) * (letter - 96))
    return guest.opened(b"dir", rights=READ)


def everything(guest: DirectGuest, fd: int, length: int) -> list[Dirent]:
    """As a C library reads a directory: ask again after the last whole entry, until the buffer isn't full."""
    entries: list[Dirent] = []
    cookie = 0
    while True:
        some, piece = guest.fd_readdir(fd, length, cookie)
        entries += some
        if guest.u32() < length:
            assert piece == b""
            return entries
        assert some, "a buffer without a whole entry: no progress"
        cookie = some[-1].next


def test_all_at_once(guest: DirectGuest, fd: int) -> None:
    entries = everything(guest, fd, 4096)
    assert [entry.name for entry in entries[:2]] == [b".", b".."]
    assert [entry.next for entry in entries[:2]] == [1, 2]
    assert [entry.type for entry in entries[:2]] == [abi.FILETYPE_DIRECTORY] * 2
    assert entries[0].ino == guest.stat(b"dir").ino
    assert entries[1].ino == guest.stat(b".").ino
    expected = {bytes([letter]) * (letter - 96): abi.FILETYPE_REGULAR_FILE for letter in b"abcdefghij"}
    expected[b"bb"] = abi.FILETYPE_DIRECTORY
    expected[b"ccc"] = abi.FILETYPE_SYMBOLIC_LINK
    assert {entry.name: entry.type for entry in entries[2:]} == expected
    for entry in entries[2:]:
        assert entry.ino == guest.stat(b"dir/" + entry.name, follow=False).ino


@pytest.mark.parametrize("length", [HEADER + 10, HEADER + 11, 50, 51, 75, 100, 128, 333])
def test_any_buffer_that_holds_the_longest_name_lists_the_same(
    guest: DirectGuest, fd: int, length: int
) -> None:
    assert everything(guest, fd, length) == everything(guest, fd, 4096)


@pytest.mark.parametrize("length", range(80))
def test_the_last_entry_is_cut_at_the_end_of_the_buffer(guest: DirectGuest, fd: int, length: int) -> None:
    assert guest.call("fd_readdir", fd, BUFFER, 4096, 0, RESULT) == 0
    whole = guest.read(BUFFER, guest.u32())
    with guest.only_writes((BUFFER, length), (RESULT, 4)):
        assert guest.call("fd_readdir", fd, BUFFER, length, 0, RESULT) == 0
    assert guest.u32() == length
    assert guest.read(BUFFER, length) == whole[:length]


def test_a_buffer_that_fits_exactly_is_full(guest: DirectGuest, fd: int) -> None:
    assert guest.call("fd_readdir", fd, BUFFER, 4096, 0, RESULT) == 0
    size = guest.u32()
    entries, piece = guest.fd_readdir(fd, size)
    assert guest.u32() == size
    assert piece == b""
    assert guest.fd_readdir(fd, 4096, entries[-1].next) == ([], b"")
    assert guest.u32() == 0


def test_every_cookie_goes_on_after_its_entry(guest: DirectGuest, fd: int) -> None:
    entries = everything(guest, fd, 4096)
    for index, entry in enumerate(entries):
        assert guest.fd_readdir(fd, 4096, entry.next)[0] == entries[index + 1 :]
    assert guest.fd_readdir(fd, 4096, (1 << 64) - 1) == ([], b"")


def test_two_fds_of_one_directory_read_independently(guest: DirectGuest, fd: int) -> None:
    other = guest.opened(b"dir", rights=READ)
    expected = everything(guest, fd, 4096)
    lists: dict[int, list[Dirent]] = {fd: [], other: []}
    cookies = {fd: 0, other: 0}
    for _ in range(len(expected)):
        for number in (fd, other):
            some, _ = guest.fd_readdir(number, 60, cookies[number])
            if some:
                lists[number] += some[:1]
                cookies[number] = some[0].next
    assert lists == {fd: expected, other: expected}


def test_two_directories_with_the_same_cookies_are_not_mixed_up(guest: DirectGuest) -> None:
    names: dict[int, list[bytes]] = {}
    for directory in (b"one", b"two"):
        assert guest.on_path("path_create_directory", directory) == 0
        for number in range(3):
            guest.make(b"%b/%b%d" % (directory, directory, number))
        names[guest.opened(directory, rights=READ)] = []
    cookies = dict.fromkeys(names, 2)
    for _ in range(3):
        for fd in names:
            some, _ = guest.fd_readdir(fd, HEADER + 5, cookies[fd])
            names[fd].append(some[0].name)
            cookies[fd] = some[0].next
    assert len(set(cookies.values())) == 1, "the point of this test: both have the same cookies"
    assert list(names.values()) == [[b"one0", b"one1", b"one2"], [b"two0", b"two1", b"two2"]]


def test_closing_lets_go_of_the_listing(guest: DirectGuest, fd: int) -> None:
    everything(guest, fd, 100)
    assert guest.host.listing is not None
    assert guest.call("fd_close", fd) == 0
    assert guest.host.listing is None


def test_removing_while_reading_skips_nothing(guest: DirectGuest, fd: int) -> None:
    names = [entry.name for entry in everything(guest, fd, 4096)[2:]]
    seen: list[bytes] = []
    cookie = 2
    while True:
        some, _ = guest.fd_readdir(fd, HEADER + 12, cookie)
        if not some:
            break
        seen.append(some[0].name)
        cookie = some[0].next
        remove = "path_remove_directory" if some[0].type == abi.FILETYPE_DIRECTORY else "path_unlink_file"
        assert guest.on_path(remove, b"dir/" + some[0].name) == 0
    assert seen == names
    assert guest.fd_readdir(fd, 4096)[0][2:] == []


def test_starting_again_sees_what_is_new(guest: DirectGuest, fd: int) -> None:
    before = everything(guest, fd, 4096)
    guest.make(b"dir/new")
    after = everything(guest, fd, 4096)
    assert {entry.name for entry in after} - {entry.name for entry in before} == {b"new"}


def test_an_empty_directory_and_the_root(guest: DirectGuest) -> None:
    assert guest.on_path("path_create_directory", b"empty") == 0
    fd = guest.opened(b"empty", rights=READ)
    assert [entry.name for entry in everything(guest, fd, 4096)] == [b".", b".."]
    root = everything(guest, ROOT_FD, 4096)
    assert [entry.name for entry in root] == [b".", b"..", b"empty"]
    assert root[0].ino == root[1].ino


def test_mount_points_are_listed(guest: DirectGuest) -> None:
    guest.host.namespace.mount("/mounted", MemoryFS())
    entries = everything(guest, ROOT_FD, 4096)
    assert [(entry.name, entry.type) for entry in entries[2:]] == [(b"mounted", abi.FILETYPE_DIRECTORY)]


def test_a_name_that_is_not_utf8_is_listed_as_its_bytes(guest: DirectGuest) -> None:
    host: Namespace = guest.host.namespace
    host.open(host.root, b"\xff\xfe", create=True, write=True)[1].close()
    assert everything(guest, ROOT_FD, 4096)[2].name == b"\xff\xfe"


def test_a_removed_directory_noent(guest: DirectGuest) -> None:
    assert guest.on_path("path_create_directory", b"gone") == 0
    fd = guest.opened(b"gone", rights=READ)
    assert guest.on_path("path_remove_directory", b"gone") == 0
    assert guest.call("fd_readdir", fd, BUFFER, 4096, 0, RESULT) == NOENT


def test_not_a_directory_badf(guest: DirectGuest) -> None:
    guest.make(b"f")
    for fd in (0, 1, 99, guest.opened(b"f")):
        assert guest.call("fd_readdir", fd, BUFFER, 100, 0, RESULT) == BADF


@pytest.mark.parametrize(
    ("buf", "length", "result"),
    [
        (MEMORY_BYTES - 10, 11, RESULT),
        (BUFFER, 0xFFFF_FFFF, RESULT),
        (0xFFFF_FFFF, 1, RESULT),
        (BUFFER, 100, MEMORY_BYTES - 3),
        (BUFFER, 100, 0xFFFF_FFFF),
    ],
)
def test_bad_pointer_efault(guest: DirectGuest, fd: int, buf: int, length: int, result: int) -> None:
    with guest.only_writes():
        assert guest.call("fd_readdir", fd, buf, length, 0, result) == FAULT
