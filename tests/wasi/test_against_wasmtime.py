"""The same calls on this project's WASI and on wasmtime's own, side by side.

A scenario makes calls and yields (what, observation) pairs; what it yields must not depend on the host's
clock, inode or fd numbers. Every difference is listed in `DIFFERENCES` with its reason, and must still be
there: an entry that no longer differs fails as surely as a difference that nobody listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from pywasm_sandbox._wasi import abi, errnos
from tests.wasi.conftest import EngineGuest, NativeGuest
from tests.wasi.guest import (
    BUFFER,
    EVENTS,
    IOVS,
    MEMORY_BYTES,
    READ,
    RESULT,
    RESULT2,
    ROOT_FD,
    SUBSCRIPTIONS,
    WRITE,
    Filestat,
    Guest,
    clock_subscription,
    fd_subscription,
)

Observations = Iterator[tuple[str, Any]]
CREAT, DIRECTORY, EXCL, TRUNC = abi.OFLAGS_CREAT, abi.OFLAGS_DIRECTORY, abi.OFLAGS_EXCL, abi.OFLAGS_TRUNC
TRAP = NativeGuest.TRAP
STDIO_RIGHTS = (
    abi.RIGHTS_FD_FILESTAT_GET | abi.RIGHTS_POLL_FD_READWRITE | abi.RIGHTS_FD_SEEK | abi.RIGHTS_FD_TELL
)


class Difference(NamedTuple):
    own: Any
    native: Any
    why: str


def opens(guest: Guest) -> Observations:
    guest.make(b"f", b"abc")
    guest.on_path("path_create_directory", b"d")
    guest.make(b"d/g", b"inner")
    for target, name in ((b"f", b"l"), (b"d", b"dl"), (b"nowhere", b"dangling"), (b"loop", b"loop")):
        guest.symlink(target, name)
    paths = [
        b"f",
        b"d",
        b"d/",
        b"f/",
        b"l",
        b"l/",
        b"dl",
        b"dl/",
        b"dl/g",
        b"dangling",
        b"loop",
        b"no",
        b"no/x",
    ]
    paths += [
        b"",
        b".",
        b"..",
        b"./f",
        b"d/../f",
        b"d//g",
        b"f/.",
        b"f/x",
        b"/f",
        b"/",
        b"a\0b",
        b"\xff",
        b"../f",
    ]
    paths += [b"a" * 255, b"a" * 256, b"./" * 2047 + b"f", b"./" * 2100 + b"f"]
    for path in paths:
        for rights in (0, READ, WRITE, READ | WRITE):
            for follow in (False, True):
                for oflags in (0, DIRECTORY):
                    name = f"{path[:20]!r}*{len(path)} rights={rights} follow={follow:d} oflags={oflags}"
                    yield name, guest.path_open(path, rights=rights, follow=follow, oflags=oflags)


def creations(guest: Guest) -> Observations:
    guest.on_path("path_create_directory", b"d")
    guest.symlink(b"nowhere", b"dangling")
    for oflags in (CREAT, CREAT | EXCL, EXCL, TRUNC, CREAT | TRUNC, CREAT | EXCL | TRUNC, CREAT | DIRECTORY):
        for path in (b"new", b"d", b"d/", b"new/", b"f", b"dangling", b"no/new", b"f/x", b"."):
            for rights in (READ, WRITE, READ | WRITE):
                guest.make(b"f", b"abc")
                errno = guest.path_open(path, oflags=oflags, rights=rights)
                yield f"{path!r} oflags={oflags} rights={rights}", (errno, guest.content(b"f"))
                guest.on_path("path_unlink_file", b"new")
                guest.on_path("path_unlink_file", b"nowhere")


def data(guest: Guest) -> Observations:
    guest.make(b"f", b"0123456789")
    fd = guest.opened(b"f")
    yield "read", guest.fd_read(fd, 4)
    yield "tell", guest.fd_tell(fd)
    yield "pread", guest.fd_pread(fd, 4, 8)
    yield "pread past the end", guest.fd_pread(fd, 4, 100)
    yield "pwrite", guest.fd_pwrite(fd, b"XY", 2)
    yield "write", guest.fd_write(fd, b"ab")
    yield "tell after writing", guest.fd_tell(fd)
    yield "seek past the end", guest.fd_seek(fd, 15)
    yield "read past the end", guest.fd_read(fd, 4)
    yield "write past the end", guest.fd_write(fd, b"!")
    yield "content", guest.content(b"f")
    yield "set_size", guest.call("fd_filestat_set_size", fd, 5)
    yield "grown", guest.call("fd_filestat_set_size", fd, 7)
    yield "content after set_size", guest.content(b"f")
    yield "negative size", guest.call("fd_filestat_set_size", fd, 1 << 63)
    yield "negative pread", guest.fd_pread(fd, 1, 1 << 63)[0]
    yield "negative pwrite", guest.fd_pwrite(fd, b"x", 1 << 63)[0]
    yield "unlinked", guest.on_path("path_unlink_file", b"f")
    yield "read of the unlinked", guest.fd_pread(fd, 10, 0)
    yield "nlink of the unlinked", guest.fd_filestat_get(fd).nlink


def appending(guest: Guest) -> Observations:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f", fdflags=abi.FDFLAGS_APPEND)
    yield "flags", guest.fd_fdstat_get(fd).flags
    yield "write", guest.fd_write(fd, b"d")
    yield "tell", guest.fd_tell(fd)
    guest.fd_seek(fd, 0)
    yield "write again", guest.fd_write(fd, b"e")
    yield "tell again", guest.fd_tell(fd)
    yield "pwrite appends", guest.fd_pwrite(fd, b"f", 0)
    yield "content", guest.content(b"f")
    yield "no more appending", guest.call("fd_fdstat_set_flags", fd, 0)
    guest.fd_seek(fd, 0)
    yield "write at the start", guest.fd_write(fd, b"Z")
    yield "content at last", guest.content(b"f")


def seeks(guest: Guest) -> Observations:
    guest.make(b"f", b"0123456789")
    fd = guest.opened(b"f")
    for whence in (0, 1, 2, 3, 256):
        for offset in (0, 5, -5, -11, 1 << 40, -(1 << 63), (1 << 63) - 1):
            guest.fd_seek(fd, 4)
            errno = guest.fd_seek(fd, offset, whence)[0]
            yield f"whence={whence} offset={offset}", (errno, guest.fd_tell(fd))
    for number in (0, 1, ROOT_FD, 99):
        yield f"fd {number}", (guest.fd_seek(number, 0)[0], guest.call("fd_tell", number, RESULT))


def wrong_fds(guest: Guest) -> Observations:
    guest.make(b"f", b"abc")
    file = guest.opened(b"f")
    reading = guest.opened(b"f", rights=READ)
    writing = guest.opened(b"f", rights=WRITE)
    fds = {"stdin": 0, "stdout": 1, "root": ROOT_FD, "none": 99}
    fds |= {"file": file, "reading": reading, "writing": writing}
    for name, fd in fds.items():
        if name != "stdout":
            yield f"{name} write", guest.fd_write(fd, b"x")[0]
        yield f"{name} read", guest.fd_read(fd, 0)[0]
        yield f"{name} pread", guest.fd_pread(fd, 1, 0)[0]
        yield f"{name} pwrite", guest.fd_pwrite(fd, b"x", 0)[0]
        yield f"{name} set_size", guest.call("fd_filestat_set_size", fd, 3)
        yield f"{name} advise", guest.call("fd_advise", fd, 0, 0, 0)
        yield f"{name} allocate", guest.call("fd_allocate", fd, 0, 4)
        yield f"{name} sync", guest.call("fd_sync", fd)
        yield f"{name} datasync", guest.call("fd_datasync", fd)
        yield f"{name} set_flags", guest.call("fd_fdstat_set_flags", fd, 0)
        yield f"{name} set_times", guest.call("fd_filestat_set_times", fd, 5, 7, 5)
        yield f"{name} readdir", guest.call("fd_readdir", fd, BUFFER, 0, 0, RESULT)
        yield f"{name} prestat", guest.call("fd_prestat_get", fd, BUFFER)
        yield f"{name} dir_name", guest.call("fd_prestat_dir_name", fd, BUFFER, 100)
        yield f"{name} mkdir", guest.on_path("path_create_directory", b"x", fd)
        guest.on_path("path_remove_directory", b"x")
        yield f"{name} open", guest.path_open(b"f", fd=fd, rights=READ)
        yield f"{name} stat", guest.call("path_filestat_get", fd, 0, *guest.path(b"f"), BUFFER)
        yield f"{name} accept", guest.call("sock_accept", fd, 0, RESULT)
        yield f"{name} recv", guest.call("sock_recv", fd, IOVS, 0, 0, RESULT, RESULT2)
        yield f"{name} send", guest.call("sock_send", fd, IOVS, 0, 0, RESULT)
        yield f"{name} shutdown", guest.call("sock_shutdown", fd, 1)
        yield f"{name} renumber away", guest.call("fd_renumber", fd, 99)
        yield f"{name} renumber here", guest.call("fd_renumber", 99, fd)
        yield f"{name} renumber itself", guest.call("fd_renumber", fd, fd)


def described(guest: Guest) -> Observations:
    guest.make(b"f", b"abc")
    guest.on_path("path_create_directory", b"d")
    for name, fd in (
        ("stdin", 0),
        ("stdout", 1),
        ("root", ROOT_FD),
        ("file", guest.opened(b"f")),
        ("reading", guest.opened(b"f", rights=READ)),
        ("writing", guest.opened(b"f", rights=WRITE)),
        ("handle", guest.opened(b"f", rights=0)),
        ("nonblocking", guest.opened(b"f", fdflags=abi.FDFLAGS_NONBLOCK | abi.FDFLAGS_APPEND)),
        ("directory", guest.opened(b"d", rights=READ)),
    ):
        stat = guest.fd_fdstat_get(fd)
        yield f"{name} filetype", stat.filetype
        yield f"{name} flags", stat.flags
        yield f"{name} base", stat.rights_base
        yield f"{name} inheriting", stat.rights_inheriting
        yield f"{name} filestat type", guest.fd_filestat_get(fd).filetype
    yield "preopen", (guest.call("fd_prestat_get", ROOT_FD, BUFFER), guest.read(BUFFER, 8))
    yield "name", (guest.call("fd_prestat_dir_name", ROOT_FD, BUFFER, 1), guest.read(BUFFER, 1))
    yield "name too long", guest.call("fd_prestat_dir_name", ROOT_FD, BUFFER, 0)


def names(guest: Guest) -> Observations:
    def build() -> None:
        for path in (b"h", b"h/g", b"d/sub", b"m", b"s", b"f", b"d/g", b"e/g", b"l"):
            guest.on_path("path_unlink_file", path)
        for path in (b"h", b"e", b"d/sub", b"d", b"new"):
            guest.on_path("path_remove_directory", path)
        guest.make(b"f", b"abc")
        guest.on_path("path_create_directory", b"d")
        guest.make(b"d/g", b"inner")
        guest.symlink(b"f", b"l")

    one = [
        b"f",
        b"f/",
        b"d",
        b"d/",
        b"l",
        b"l/",
        b"no",
        b"",
        b".",
        b"d/.",
        b"..",
        b"/f",
        b"new/",
        b"f/x",
        b"no/x",
        b"x\0",
    ]
    for function in ("path_create_directory", "path_remove_directory", "path_unlink_file"):
        for path in one:
            build()
            yield f"{function} {path!r}", guest.on_path(function, path)
    pairs = [
        (b"f", b"h"),
        (b"f", b"f"),
        (b"f", b"d"),
        (b"d", b"f"),
        (b"d", b"e"),
        (b"d", b"e/"),
        (b"d", b"d/sub"),
    ]
    pairs += [
        (b"f", b"h/"),
        (b"f/", b"h"),
        (b"no", b"h"),
        (b"f", b"no/h"),
        (b"l", b"h"),
        (b"f", b"l"),
        (b"d", b"h"),
    ]
    pairs += [
        (b".", b"h"),
        (b"f", b"."),
        (b"", b"h"),
        (b"f", b""),
        (b"/f", b"h"),
        (b"f", b"/h"),
        (b"f", b"d/g"),
    ]
    for old, new in pairs:
        build()
        yield f"rename {old!r} {new!r}", guest.rename(old, new)
        build()
        yield f"link {old!r} {new!r}", guest.link(old, new)
        build()
        yield f"symlink {old!r} {new!r}", guest.symlink(old, new)
    build()
    yield "link that follows", guest.link(b"l", b"h", abi.LOOKUPFLAGS_SYMLINK_FOLLOW)
    for path in (b"l", b"f", b"d", b"no", b""):
        build()
        yield f"readlink {path!r}", guest.readlink(path)
    yield "readlink cut", guest.readlink(b"l", 0)
    yield "absolute symlink", guest.symlink(b"/f", b"s")
    yield "symlink upwards", guest.symlink(b"../../f", b"m")
    yield "through it", guest.path_open(b"m", rights=READ)


def stats(guest: Guest) -> Observations:
    def shown(stat: Filestat) -> tuple[int, ...]:
        return (stat.filetype, *((stat.nlink, stat.size) if stat.filetype != abi.FILETYPE_DIRECTORY else ()))

    guest.make(b"f", b"abc")
    guest.on_path("path_create_directory", b"d")
    guest.symlink(b"f", b"l")
    guest.symlink(b"d", b"dl")
    guest.link(b"f", b"h")
    for path in (
        b"f",
        b"d",
        b"d/",
        b"l",
        b"l/",
        b"dl",
        b"dl/",
        b"h",
        b".",
        b"no",
        b"",
        b"f/",
        b"f/x",
        b"/f",
        b"\xff",
    ):
        for flags in (0, 1):
            errno = guest.call("path_filestat_get", ROOT_FD, flags, *guest.path(path), BUFFER)
            yield f"{path!r} flags={flags}", (errno, shown(guest.filestat()) if errno == 0 else None)
    for flags in (0, 1, 4, 5, 3, 12):
        before = guest.stat(b"f")
        errno = guest.call("path_filestat_set_times", ROOT_FD, 1, *guest.path(b"l"), 5, 7000000001, flags)
        after = guest.stat(b"f")
        changed = (
            after.atim if after.atim != before.atim else 0,
            after.mtim if after.mtim != before.mtim else 0,
        )
        yield f"times flags={flags}", (errno, changed)
    yield "times of the link", guest.call("path_filestat_set_times", ROOT_FD, 0, *guest.path(b"l"), 9, 9, 5)
    yield "link's", guest.stat(b"l", follow=False)[5:7]
    yield "file's", guest.stat(b"f")[5:7]


def listings(guest: Guest) -> Observations:
    guest.on_path("path_create_directory", b"d")
    for name in (b"a", b"bb", b"ccc"):
        guest.make(b"d/" + name)
    guest.on_path("path_create_directory", b"d/sub")
    guest.symlink(b"a", b"d/link")
    fd = guest.opened(b"d", rights=READ)
    entries, piece = guest.fd_readdir(fd, 4096)
    yield "entries", sorted((entry.name, entry.type) for entry in entries)
    yield "first two", [(entry.next, entry.name) for entry in entries[:2]]
    yield "nothing is cut", piece
    yield "own inode", entries[0].ino == guest.stat(b"d").ino
    used = guest.u32()
    for length in (0, 1, 23, 24, 25, 50, 51, 60, used - 1, used, used + 1):
        guest.fd_readdir(fd, length)
        yield f"used of {length}", guest.u32()
    for index in (0, 1, 2, len(entries) - 1):
        rest = guest.fd_readdir(fd, 4096, entries[index].next)[0]
        yield (
            f"after {index}",
            [entry.name for entry in rest] == [entry.name for entry in entries[index + 1 :]],
        )
    yield "far cookie", guest.fd_readdir(fd, 4096, (1 << 64) - 1)
    guest.on_path("path_create_directory", b"empty")
    yield "empty", [entry.name for entry in guest.fd_readdir(guest.opened(b"empty", rights=READ), 4096)[0]]


def numbers(guest: Guest) -> Observations:
    guest.make(b"f", b"abc")
    guest.make(b"g", b"xyz")
    one, two = guest.opened(b"f"), guest.opened(b"g")
    guest.fd_seek(one, 1)
    yield "renumber", guest.call("fd_renumber", one, two)
    yield "moved", guest.fd_read(two, 5)
    yield "old is gone", guest.call("fd_close", one)
    yield "closed", guest.call("fd_close", two)
    yield "closed again", guest.call("fd_close", two)
    three = guest.opened(b"f")
    yield "file onto stdin", guest.call("fd_renumber", three, 0)
    yield "stdin reads the file", guest.fd_read(0, 5)
    yield "stdin seeks", guest.fd_seek(0, 2)
    yield "root closes", guest.call("fd_close", ROOT_FD)
    yield "nothing opens", guest.path_open(b"f", rights=READ)


def process(guest: Guest) -> Observations:
    for kind in ("args", "environ"):
        yield (
            f"{kind} sizes",
            (guest.call(f"{kind}_sizes_get", RESULT, RESULT2), guest.u32(), guest.u32(RESULT2)),
        )
        errno = guest.call(f"{kind}_get", IOVS, BUFFER)
        yield kind, (errno, guest.read(IOVS, 8), guest.read(BUFFER, guest.u32(RESULT2)))
    for clock in range(5):
        yield f"clock {clock}", guest.call("clock_time_get", clock, 0, RESULT)
        yield f"resolution {clock}", guest.call("clock_res_get", clock, RESULT)
    yield "random", guest.call("random_get", BUFFER, 100)
    yield "no random", guest.call("random_get", BUFFER, 0)
    yield "yield", guest.call("sched_yield")
    yield "raise", guest.call("proc_raise", 2)
    yield "raise what is no signal", guest.call("proc_raise", 99)


def polls(guest: Guest) -> Observations:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")

    def shown(*subscriptions: bytes) -> tuple[int, list[tuple[int, int, int]]]:
        errno, events = guest.poll(*subscriptions)
        return errno, [event[:3] for event in events]

    yield "nothing", guest.call("poll_oneoff", SUBSCRIPTIONS, EVENTS, 0, RESULT)
    for clock in range(5):
        yield f"timer {clock}", shown(clock_subscription(7, clock, 1000))
        yield f"absolute {clock}", shown(clock_subscription(7, clock, 1000, 1))
    yield "unknown clock flag", shown(clock_subscription(7, 1, 0, 2))
    yield "unknown type", shown(fd_subscription(7, 3, 0))
    for kind in (abi.EVENTTYPE_FD_READ, abi.EVENTTYPE_FD_WRITE):
        for name, number in (("file", fd), ("stdin", 0), ("stdout", 1), ("root", ROOT_FD), ("none", 99)):
            yield f"type {kind} {name}", shown(fd_subscription(8, kind, number))
    yield "file and timer", shown(clock_subscription(1, 1, 10**12), fd_subscription(2, 1, fd))


def mistakes(guest: Guest) -> Observations:
    guest.make(b"f", b"abc")
    fd = guest.opened(b"f")
    path = guest.path(b"f")
    yield "oflags", guest.path_open(b"f", oflags=0x10)
    yield "fdflags", guest.path_open(b"f", fdflags=0x20)
    yield "rights", guest.path_open(b"f", rights=1 << 40)
    yield "dirflags", guest.call("path_open", ROOT_FD, 2, *path, 0, READ, 0, 0, RESULT)
    yield "synchronous", guest.path_open(b"f", fdflags=abi.FDFLAGS_SYNC)
    yield "advice", guest.call("fd_advise", fd, 0, 0, 6)
    yield "advice length", guest.call("fd_advise", fd, 0, (1 << 64) - 1, 0)
    yield "set synchronous", guest.call("fd_fdstat_set_flags", fd, abi.FDFLAGS_SYNC)
    yield "set unknown", guest.call("fd_fdstat_set_flags", fd, 0x20)
    yield "times both", guest.call("fd_filestat_set_times", fd, 1, 1, 3)
    yield "times unknown", guest.call("fd_filestat_set_times", fd, 1, 1, 16)
    for name, function, arguments in (
        ("result", "fd_tell", (fd, MEMORY_BYTES)),
        ("iovecs", "fd_read", (fd, 0xFFFF_FFF0, 1, RESULT)),
        ("path", "path_unlink_file", (ROOT_FD, MEMORY_BYTES, 1)),
        ("random", "random_get", (MEMORY_BYTES - 1, 2)),
    ):
        yield f"pointer: {name}", guest.call(function, *arguments)
    guest.write(BUFFER, b"12")
    vectors = guest.iovecs((BUFFER, 0), (BUFFER, 1), (BUFFER + 1, 1))
    writing = guest.opened(b"g", oflags=CREAT)
    yield "two iovecs", (guest.call("fd_write", writing, *vectors, RESULT), guest.u32())
    only_created = guest.opened(b"new", oflags=CREAT, rights=READ)
    yield "write to what was created for reading", guest.fd_write(only_created, b"x")[0]
    yield "set rights", guest.call("fd_fdstat_set_rights", fd, READ, 0)
    yield "add rights", guest.call("fd_fdstat_set_rights", fd, READ | WRITE, 0)


SCENARIOS: tuple[Callable[[Guest], Observations], ...] = (
    opens,
    creations,
    data,
    appending,
    seeks,
    wrong_fds,
    described,
    names,
    stats,
    listings,
    numbers,
    process,
    polls,
    mistakes,
)


def every(names: list[str], own: Any, native: Any, why: str) -> dict[str, Difference]:
    return {name: Difference(own, native, why) for name in names}


FLAGS = "an unknown flag or enum value is the guest's mistake: `inval`, where wasmtime traps"
POINTERS = "a bad pointer is `fault`, where wasmtime traps"
ROOT = "the guest has a whole tree with a root: `..` of the root is the root, and symlinks may be absolute"
BETTER = "a file in memory can do what wasmtime leaves out"
RIGHTS = "the specification lets a guest give up rights and only that; wasmtime does not have them"
EVENT = "a bad fd fails its own event, as the specification has an error in each; wasmtime fails the call"
STDIO = (
    "stdio is a character device with the right to seek, so that a C library sees a device and no terminal"
)

UPWARDS = {
    f"{path} rights={rights} follow={follow} oflags={oflags}": Difference(
        errnos.ISDIR if path == "b'..'*2" and rights & WRITE else errnos.NOTDIR if wrong_kind else 0,
        errnos.PERM,
        ROOT,
    )
    for path in ("b'..'*2", "b'../f'*4")
    for rights in (0, READ, WRITE, READ | WRITE)
    for follow in (0, 1)
    for oflags in (0, DIRECTORY)
    for wrong_kind in [path == "b'../f'*4" and oflags == DIRECTORY]
}
DIRECTORY_NOT_FOLLOWED = every(
    [
        f"{path} rights={rights} follow=0 oflags={DIRECTORY}"
        for path in ("b'l'*1", "b'dl'*2", "b'dangling'*8", "b'loop'*4")
        for rights in (0, READ, WRITE, READ | WRITE)
    ],
    errnos.NOTDIR,
    errnos.LOOP,
    "a symlink that is not followed is no directory: Linux answers O_DIRECTORY|O_NOFOLLOW like that",
)
DIFFERENCES: dict[str, dict[str, Difference]] = {
    "opens": UPWARDS | DIRECTORY_NOT_FOLLOWED,
    "seeks": every(
        [
            f"whence={whence} offset={offset}"
            for whence in (3, 256)
            for offset in (0, 5, -5, -11, 1 << 40, -(1 << 63), (1 << 63) - 1)
        ],
        (errnos.INVAL, 4),
        (TRAP, 4),
        FLAGS,
    )
    | {
        f"whence={whence} offset={abi.OFFSET_MAX}": Difference(
            (errnos.INVAL, 4), (0, abi.OFFSET_MAX + start), "no offset is larger than a C library's `off_t`"
        )
        for whence, start in ((abi.WHENCE_CUR, 4), (abi.WHENCE_END, 10))
    },
    "wrong_fds": every(["root sync", "root datasync"], 0, errnos.BADF, "POSIX lets directories be synced")
    | every(["file allocate", "writing allocate"], 0, errnos.NOTSUP, BETTER)
    | every(["reading allocate"], errnos.BADF, errnos.NOTSUP, BETTER),
    "described": every(["stdin filetype", "stdin filestat type"], abi.FILETYPE_CHARACTER_DEVICE, 0, STDIO)
    | every(["stdout filetype", "stdout filestat type"], abi.FILETYPE_CHARACTER_DEVICE, 0, STDIO)
    | every(["stdin base", "stdin inheriting"], STDIO_RIGHTS | READ, READ, STDIO)
    | every(["stdout base", "stdout inheriting"], STDIO_RIGHTS | WRITE, WRITE, STDIO)
    | every(
        ["directory inheriting"],
        abi.RIGHTS_ALL,
        abi.RIGHTS_DIRECTORY,
        "C libraries ask for no more than a directory hands on; files below it are to be writable",
    ),
    "names": every(["path_create_directory b'..'"], errnos.EXIST, errnos.PERM, ROOT)
    | every(["path_remove_directory b'..'"], errnos.NOTEMPTY, errnos.PERM, ROOT)
    | every(["path_unlink_file b'..'"], errnos.ISDIR, errnos.PERM, ROOT)
    | every(["symlink b'/f' b'h'", "absolute symlink", "through it"], 0, errnos.PERM, ROOT)
    | every(
        ["path_remove_directory b'd/'"],
        errnos.NOTEMPTY,
        errnos.INVAL,
        "POSIX allows the slash: the entries are why",
    )
    | every(["link that follows"], 0, errnos.INVAL, "`linkat` with AT_SYMLINK_FOLLOW is plain POSIX"),
    "process": every(
        ["clock 2", "resolution 2", "clock 3", "resolution 3"],
        0,
        errnos.BADF,
        "CPU clocks are there to be read",
    )
    | every(["clock 4", "resolution 4", "raise what is no signal"], errnos.INVAL, TRAP, FLAGS),
    "polls": every(
        [f"type 1 {name}" for name in ("stdout", "root", "none")], (0, [(8, 8, 1)]), (errnos.BADF, []), EVENT
    )
    | every(
        [f"type 2 {name}" for name in ("stdin", "root", "none")], (0, [(8, 8, 2)]), (errnos.BADF, []), EVENT
    ),
    "mistakes": every(
        ["oflags", "fdflags", "rights", "dirflags", "advice", "set unknown", "times unknown"],
        errnos.INVAL,
        TRAP,
        FLAGS,
    )
    | every(
        [f"pointer: {name}" for name in ("result", "iovecs", "path", "random")], errnos.FAULT, TRAP, POINTERS
    )
    | {
        "synchronous": Difference(0, errnos.NOTSUP, BETTER),
        "two iovecs": Difference(
            (0, 2), (0, 1), "all iovecs are used; wasmtime takes the first that isn't empty"
        ),
        "write to what was created for reading": Difference(
            errnos.BADF, 0, "creating gives no right to write"
        ),
        "set rights": Difference(0, errnos.NOTSUP, RIGHTS),
        "add rights": Difference(errnos.NOTCAPABLE, errnos.NOTSUP, RIGHTS),
    },
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_like_wasmtime_but_for_what_is_listed(
    guest: EngineGuest, native: NativeGuest, scenario: Callable[[Guest], Observations]
) -> None:
    own, other = list(scenario(guest)), list(scenario(native))
    assert [name for name, _ in own] == [name for name, _ in other]
    assert len({name for name, _ in own}) == len(own), "two observations have one name"
    different = {
        name: (mine, theirs) for (name, mine), (_, theirs) in zip(own, other, strict=True) if mine != theirs
    }
    listed = DIFFERENCES.get(scenario.__name__, {})
    assert different == {name: (each.own, each.native) for name, each in listed.items()}
