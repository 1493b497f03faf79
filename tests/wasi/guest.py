"""Calling preview1 functions as a guest would: arguments are unsigned integers, the rest lies in memory.

`Guest` has what all of them share; `DirectGuest` calls the functions on a bytearray, without any engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack, unpack
from typing import NamedTuple

from pywasm_sandbox._wasi import FUNCTIONS, Memory, abi

PAGE = 65536
MEMORY_BYTES = 4 * PAGE
# Where the helpers put things. Everything lies apart, so that a stray write is seen.
RESULT = 0x100
RESULT2 = 0x120
IOVS = 0x200
PATH = 0x4000
PATH2 = 0x6000
SUBSCRIPTIONS = 0x8000
EVENTS = 0xC000
BUFFER = PAGE
ROOT_FD = 3
READ = abi.RIGHTS_FD_READ
WRITE = abi.RIGHTS_FD_WRITE
PATTERN = bytes(range(1, 251))


class Filestat(NamedTuple):
    dev: int
    ino: int
    filetype: int
    nlink: int
    size: int
    atim: int
    mtim: int
    ctim: int


class Fdstat(NamedTuple):
    filetype: int
    flags: int
    rights_base: int
    rights_inheriting: int


class Dirent(NamedTuple):
    next: int
    ino: int
    type: int
    name: bytes


class Event(NamedTuple):
    userdata: int
    error: int
    type: int
    nbytes: int
    flags: int


class Guest(ABC):
    @abstractmethod
    def call(self, function: str, *arguments: int) -> int: ...

    @abstractmethod
    def read(self, ptr: int, length: int) -> bytes: ...

    @abstractmethod
    def write(self, ptr: int, data: bytes) -> None: ...

    @contextmanager
    def only_writes(self, *ranges: tuple[int, int]) -> Iterator[None]:
        """Fails if a byte of memory changes outside these (pointer, length) ranges."""
        before = bytearray(self.read(0, MEMORY_BYTES))
        yield
        after = bytearray(self.read(0, MEMORY_BYTES))
        for ptr, length in ranges:
            before[ptr : ptr + length] = after[ptr : ptr + length]
        assert before == after, "memory changed where it must not"

    def u32(self, ptr: int = RESULT) -> int:
        return unpack("<I", self.read(ptr, 4))[0]

    def u64(self, ptr: int = RESULT) -> int:
        return unpack("<Q", self.read(ptr, 8))[0]

    def path(self, path: bytes, at: int = PATH) -> tuple[int, int]:
        self.write(at, path)
        return at, len(path)

    def iovecs(self, *buffers: tuple[int, int]) -> tuple[int, int]:
        self.write(IOVS, b"".join(pack("<II", ptr, length) for ptr, length in buffers))
        return IOVS, len(buffers)

    # -- one helper a function that takes more than a line ---------------------------------------------------

    def path_open(
        self,
        path: bytes,
        *,
        oflags: int = 0,
        rights: int = READ | WRITE,
        inheriting: int = abi.RIGHTS_ALL,
        fdflags: int = 0,
        follow: bool = True,
        fd: int = ROOT_FD,
    ) -> int:
        """The errno; the fd is in RESULT."""
        return self.call(
            "path_open", fd, int(follow), *self.path(path), oflags, rights, inheriting, fdflags, RESULT
        )

    def opened(self, path: bytes, **options: int) -> int:
        assert self.path_open(path, **options) == 0  # type: ignore[arg-type]
        return self.u32()

    def make(self, path: bytes, data: bytes = b"") -> None:
        """A file with this content."""
        fd = self.opened(path, oflags=abi.OFLAGS_CREAT | abi.OFLAGS_TRUNC)
        if data:
            assert self.fd_write(fd, data) == (0, len(data))
        assert self.call("fd_close", fd) == 0

    def content(self, path: bytes) -> bytes:
        fd = self.opened(path, rights=READ)
        errno, data = self.fd_read(fd, MEMORY_BYTES - BUFFER)
        assert errno == 0
        assert self.call("fd_close", fd) == 0
        return data

    def fd_write(self, fd: int, data: bytes) -> tuple[int, int]:
        self.write(BUFFER, data)
        errno = self.call("fd_write", fd, *self.iovecs((BUFFER, len(data))), RESULT2)
        return errno, self.u32(RESULT2)

    def fd_pwrite(self, fd: int, data: bytes, offset: int) -> tuple[int, int]:
        self.write(BUFFER, data)
        errno = self.call("fd_pwrite", fd, *self.iovecs((BUFFER, len(data))), offset, RESULT2)
        return errno, self.u32(RESULT2)

    def fd_read(self, fd: int, length: int) -> tuple[int, bytes]:
        errno = self.call("fd_read", fd, *self.iovecs((BUFFER, length)), RESULT2)
        return errno, self.read(BUFFER, self.u32(RESULT2)) if errno == 0 else b""

    def fd_pread(self, fd: int, length: int, offset: int) -> tuple[int, bytes]:
        errno = self.call("fd_pread", fd, *self.iovecs((BUFFER, length)), offset, RESULT2)
        return errno, self.read(BUFFER, self.u32(RESULT2)) if errno == 0 else b""

    def fd_seek(self, fd: int, offset: int, whence: int = abi.WHENCE_SET) -> tuple[int, int]:
        errno = self.call("fd_seek", fd, offset & 0xFFFF_FFFF_FFFF_FFFF, whence, RESULT)
        return errno, self.u64()

    def fd_tell(self, fd: int) -> int:
        assert self.call("fd_tell", fd, RESULT) == 0
        return self.u64()

    def fd_fdstat_get(self, fd: int) -> Fdstat:
        assert self.call("fd_fdstat_get", fd, BUFFER) == 0
        return Fdstat(*abi.FDSTAT.unpack(self.read(BUFFER, abi.FDSTAT.size)))

    def filestat(self, at: int = BUFFER) -> Filestat:
        return Filestat(*abi.FILESTAT.unpack(self.read(at, abi.FILESTAT.size)))

    def fd_filestat_get(self, fd: int) -> Filestat:
        assert self.call("fd_filestat_get", fd, BUFFER) == 0
        return self.filestat()

    def stat(self, path: bytes, follow: bool = True) -> Filestat:
        assert self.call("path_filestat_get", ROOT_FD, int(follow), *self.path(path), BUFFER) == 0
        return self.filestat()

    def on_path(self, function: str, path: bytes, fd: int = ROOT_FD) -> int:
        """path_create_directory, path_remove_directory, path_unlink_file."""
        return self.call(function, fd, *self.path(path))

    def rename(self, old: bytes, new: bytes) -> int:
        return self.call("path_rename", ROOT_FD, *self.path(old), ROOT_FD, *self.path(new, PATH2))

    def link(self, old: bytes, new: bytes, flags: int = 0) -> int:
        return self.call("path_link", ROOT_FD, flags, *self.path(old), ROOT_FD, *self.path(new, PATH2))

    def symlink(self, target: bytes, path: bytes) -> int:
        return self.call("path_symlink", *self.path(target), ROOT_FD, *self.path(path, PATH2))

    def readlink(self, path: bytes, length: int = 4096) -> tuple[int, bytes]:
        errno = self.call("path_readlink", ROOT_FD, *self.path(path), BUFFER, length, RESULT)
        return errno, self.read(BUFFER, self.u32()) if errno == 0 else b""

    def fd_readdir(self, fd: int, length: int, cookie: int = 0) -> tuple[list[Dirent], bytes]:
        """The whole entries in the buffer, and the piece of one after them."""
        assert self.call("fd_readdir", fd, BUFFER, length, cookie, RESULT) == 0
        data = self.read(BUFFER, self.u32())
        entries = []
        while len(data) >= abi.DIRENT.size:
            following, inode, name_length, kind = abi.DIRENT.unpack_from(data)
            end = abi.DIRENT.size + name_length
            if end > len(data):
                break
            entries.append(Dirent(following, inode, kind, data[abi.DIRENT.size : end]))
            data = data[end:]
        return entries, data

    def poll(self, *subscriptions: bytes) -> tuple[int, list[Event]]:
        self.write(SUBSCRIPTIONS, b"".join(subscriptions))
        errno = self.call("poll_oneoff", SUBSCRIPTIONS, EVENTS, len(subscriptions), RESULT)
        if errno:
            return errno, []
        data = self.read(EVENTS, self.u32() * abi.EVENT.size)
        return 0, [Event(*fields) for fields in abi.EVENT.iter_unpack(data)]


def clock_subscription(userdata: int, clock: int, timeout: int, flags: int = 0) -> bytes:
    union = abi.SUBSCRIPTION_CLOCK.pack(clock, timeout, 0, flags)
    return abi.SUBSCRIPTION.pack(userdata, abi.EVENTTYPE_CLOCK, union)


def fd_subscription(userdata: int, eventtype: int, fd: int) -> bytes:
    return abi.SUBSCRIPTION.pack(userdata, eventtype, abi.SUBSCRIPTION_FD_READWRITE.pack(fd))


class DirectGuest(Guest):
    """The functions on a bytearray."""

    def __init__(self) -> None:
        self.bytes = bytearray((PATTERN * (MEMORY_BYTES // len(PATTERN) + 1))[:MEMORY_BYTES])
        self.memory = Memory(lambda: memoryview(self.bytes))
        self.host = None  # set by the fixture
        self.functions = {function.name: function for function in FUNCTIONS}

    def call(self, function: str, *arguments: int) -> int:
        declared = self.functions[function]
        assert len(arguments) == len(declared.params)
        for argument, kind in zip(arguments, declared.params, strict=True):
            assert 0 <= argument < (1 << (32 if kind == "i" else 64))
        return declared.call(self.host, *arguments)

    def read(self, ptr: int, length: int) -> bytes:
        assert ptr + length <= len(self.bytes)
        return bytes(self.bytes[ptr : ptr + length])

    def write(self, ptr: int, data: bytes) -> None:
        assert ptr + len(data) <= len(self.bytes)
        self.bytes[ptr : ptr + len(data)] = data


def every_function_wat() -> str:
    """A module that imports every function of preview1 and exports it again, over a memory of its own."""
    types = {"i": "i32", "I": "i64"}
    imports, exports = [], []
    for name, (params, results) in abi.SIGNATURES.items():
        signature = "".join(f" (param {types[letter]})" for letter in params)
        signature += "".join(f" (result {types[letter]})" for letter in results)
        imports.append(f'(import "{abi.MODULE}" "{name}" (func ${name}{signature}))')
        arguments = "".join(f" local.get {index}" for index in range(len(params)))
        exports.append(f'(func (export "{name}"){signature}{arguments} call ${name})')
    memory = f'(memory (export "memory") {MEMORY_BYTES // PAGE})'
    return "\n".join(["(module", *imports, memory, *exports, ")"])
