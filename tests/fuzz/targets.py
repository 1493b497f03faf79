"""What is fuzzed: each target takes bytes, and raises if something happens that must not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pywasm_sandbox._engine import dylink
from pywasm_sandbox._guests.deferred import Deferred
from pywasm_sandbox._guests.hostcalls import HostCall, HostCalls
from pywasm_sandbox._guests.protocol import ProtocolError, decode_event
from pywasm_sandbox._guests.stdio import OutputAssembler, StdioRing
from pywasm_sandbox._vfs.api import FileType, MountError, VfsError
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox._wasi import FUNCTIONS, Fault, GuestExit, Memory
from tests.wasi.fakes import host_without_surprises, small_namespace

__all__ = ["SEEDS", "TARGETS"]

MEMORY_BYTES: Final = 1 << 16
CONTENT_BYTES: Final = 1024
MAX_CALLS: Final = 40


class _Input:
    """Numbers out of bytes; zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        piece = self._data[self._at : self._at + length]
        self._at += length
        return piece.ljust(length, b"\0")

    def number(self, length: int = 1) -> int:
        return int.from_bytes(self.take(length), "little")

    @property
    def empty(self) -> bool:
        return self._at >= len(self._data)


def _argument(source: _Input, kind: str) -> int:
    """What a hostile guest passes: small numbers, descriptors, pointers near and across the end."""
    bits = 32 if kind == "i" else 64
    choice = source.number()
    if choice < 96:
        return choice % 12
    if choice < 200:
        return source.number(2) % CONTENT_BYTES
    if choice < 220:
        return (MEMORY_BYTES - choice % 20) % (1 << bits)
    if choice < 235:
        return (1 << bits) - 1 - choice % 15
    return source.number(bits // 8)


def wasi(data: bytes) -> None:
    """Any calls with any arguments over any memory: each gives an errno, and the quotas hold."""
    source = _Input(data)
    content = bytearray(MEMORY_BYTES)
    content[:CONTENT_BYTES] = source.take(CONTENT_BYTES)
    namespace = small_namespace()
    namespace.make_directories("/a/b")
    namespace.write_bytes("/a/f", b"content")
    host = host_without_surprises(namespace, Memory(lambda: memoryview(content)))
    for _ in range(MAX_CALLS):
        if source.empty:
            break
        function = FUNCTIONS[source.number() % len(FUNCTIONS)]
        arguments = [_argument(source, kind) for kind in function.params]
        try:
            errno = function.call(host, *arguments)
        except GuestExit:
            continue
        assert type(errno) is int, (function.name, errno)
        assert 0 <= errno <= 76, (function.name, errno)
        usage = namespace.root.mount.fs.usage()
        assert 0 <= usage.bytes_used <= 1 << 20, (function.name, usage)
        assert 0 <= usage.files_used <= 100, (function.name, usage)
        assert len(host.fds.entries) <= 1024
    host.close()


def protocol(data: bytes) -> None:
    """Events and host calls: a `ProtocolError` or something that JSON and UTF-8 can hold."""
    kind, payload = (data[0] % 6, data[1:]) if data else (1, b"")
    with contextlib.suppress(ProtocolError):
        event = decode_event(kind, payload)
        for value in event:
            json.dumps(value, allow_nan=False).encode("utf-8")
    calls = HostCalls({"echo": lambda call: dict(call.arguments)})
    length = calls.request(payload, _make_call)
    if length >= 0:
        reply = calls.take()
        assert len(reply) == length
        assert set(json.loads(reply)) <= {"value", "error", "message", "errno"}
    else:
        assert -76 <= length < 0


def _make_call(op: str, arguments: Mapping[str, Any], size: int) -> HostCall:
    wasi: Any = None
    deferred = Deferred(allowed=True)
    return HostCall(op, arguments, size, wasi, None, False, lambda: None, lambda: False, deferred)


def ring(data: bytes) -> None:
    """The output ring over any memory: nothing is read outside of it, and no output is out of bounds."""
    source = _Input(data)
    content = bytearray(MEMORY_BYTES)
    content[: len(data)] = data[:MEMORY_BYTES]
    outputs: list[Any] = []
    assembler = OutputAssembler(outputs.append, max_bytes=5000)
    try:
        reader = StdioRing(Memory(lambda: memoryview(content)), source.number(2))
        assembler.start()
        for fd, chunk in reader.take():
            assembler.feed(fd, chunk)
        assert reader.take() == []
    except (Fault, ValueError):
        return
    assembler.finish()
    assert sum(len(output.text) for output in outputs) <= 5000
    for output in outputs:
        output.text.encode("utf-8")


def side_module(data: bytes) -> None:
    """A library of the guest's: it is read, or refused."""
    with contextlib.suppress(dylink.DylinkError):
        dylink.parse(b"\0asm\1\0\0\0" + data)


def archive(data: bytes) -> None:
    """A zip: refused when it is mounted, or read file by file with errnos."""
    try:
        fs = ZipFS(data, inflate_limit_bytes=1 << 20)
        nodes = [fs.root]
    except MountError:
        return
    seen = 0
    while nodes and seen < 200:
        node = nodes.pop()
        seen += 1
        for entry in fs.readdir(node):
            with contextlib.suppress(VfsError):
                fs.stat(entry.node)
                if entry.type is FileType.DIRECTORY:
                    nodes.append(entry.node)
                elif entry.type is FileType.SYMLINK:
                    fs.readlink(entry.node)
                else:
                    file = fs.open(entry.node)
                    assert len(file.pread(2 << 20, 0)) == file.size
                    file.close()


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "wasi": wasi,
    "protocol": protocol,
    "ring": ring,
    "side_module": side_module,
    "archive": archive,
}


def _seeds(name: str) -> Iterator[bytes]:
    if name == "wasi":
        path = b"a/f\0newfile\0a/b\0../..\0"
        for index in range(len(FUNCTIONS)):
            yield path.ljust(CONTENT_BYTES, b"\1") + bytes([index, 3, 96, 0, 0, 3, 96, 64, 0, 96, 128, 0]) * 6
    elif name == "protocol":
        yield b'\1{"data":{"text/plain":"x","a/b":[1,{"c":null}]},"metadata":{},"main":true}'
        yield b'\2{"name":"E","message":"m","traceback":["a"],"line_number":3}'
        yield b'\4{"status":"exit","exit_code":3}'
        yield b'\5{"op":"input","prompt":"?"}'
        yield b'\5{"op":"echo","x":"\\ud800"}'
    elif name == "ring":
        yield (
            b"\x10\0".ljust(16, b"\0")
            + b"\x40\0\0\0\x40\0\0\0\x0c\0\0\0\0\0\0\0".ljust(48, b"\0")
            + b"\x08\0\0\1abcdefgh"
        )
    elif name == "side_module":
        yield b"\0\x0f\x08dylink.0\1\4\0\0\0\0"
    elif name == "archive":
        import io
        import zipfile

        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("d/file", b"text" * 50)
            made.writestr("empty", b"")
        yield buffer.getvalue()


SEEDS: Final = {name: list(_seeds(name)) for name in TARGETS}
