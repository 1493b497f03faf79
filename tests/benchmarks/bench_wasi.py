"""What a WASI call costs: the function alone, and from WebAssembly through the engine.

`run()` gives (name, value, unit); every value is the least of several rounds, in microseconds a call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from struct import pack

import wasmtime

from pywasm_sandbox._engine import Engine, Instance, ModuleSource
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import FUNCTIONS, Memory, NullSink, WasiHost, abi

PATH, IOVS, BUFFER, RESULT = 0x1000, 0x100, 0x10000, 0x80
ROUNDS = 7
READ, WRITE = abi.RIGHTS_FD_READ, abi.RIGHTS_FD_WRITE
PATH_BYTES = b"usr/lib/python/module.py"

LOOPS = {
    "clock_time_get": "(drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 128)))",
    "random_get 16 B": "(drop (call $random_get (i32.const 128) (i32.const 16)))",
    "fd_write 17 B to stdout": """(drop (call $fd_write
        (i32.const 1) (i32.const 256) (i32.const 1) (i32.const 128)))""",
    "path_filestat_get": """(drop (call $path_filestat_get
        (i32.const 3) (i32.const 1) (i32.const 4096) (i32.const 24) (i32.const 65536)))""",
    "open, read 1 KB, read to the end, close": """
        (drop (call $path_open (i32.const 3) (i32.const 1) (i32.const 4096) (i32.const 24) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 128)))
        (drop (call $fd_read (i32.load (i32.const 128)) (i32.const 264) (i32.const 1) (i32.const 136)))
        (drop (call $fd_read (i32.load (i32.const 128)) (i32.const 264) (i32.const 1) (i32.const 136)))
        (drop (call $fd_close (i32.load (i32.const 128))))""",
}


def least(function: Callable[[int], object], count: int) -> float:
    """Microseconds a call, in the best of `ROUNDS` rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function(count)
        best = min(best, (time.perf_counter() - start) / count)
    return best * 1e6


def tree() -> Namespace:
    namespace = Namespace(MemoryFS())
    namespace.write_bytes("/" + PATH_BYTES.decode(), b"x" * 1000, parents=True)
    namespace.write_bytes("/large", bytes(1 << 20))
    namespace.make_directories("/many")
    for number in range(1000):
        namespace.write_bytes(f"/many/file{number}", b"")
    return namespace


class Direct:
    """A host on a bytearray, with a path and two iovecs (17 and 65536 bytes) in place."""

    def __init__(self) -> None:
        self.bytes = bytearray(1 << 21)
        self.host = WasiHost(tree(), Memory(lambda: memoryview(self.bytes)), stdout=NullSink())
        self.functions = {function.name: function.call for function in FUNCTIONS}
        self.bytes[PATH : PATH + len(PATH_BYTES)] = PATH_BYTES
        self.bytes[IOVS : IOVS + 16] = pack("<IIII", BUFFER, 17, BUFFER, 65536)

    def call(self, name: str, *arguments: int) -> None:
        errno = self.functions[name](self.host, *arguments)
        if errno:
            raise RuntimeError(f"{name}: errno {errno}")

    def open(self, path: bytes, rights: int = READ, oflags: int = 0) -> int:
        self.bytes[BUFFER : BUFFER + len(path)] = path
        self.call("path_open", 3, 1, BUFFER, len(path), oflags, rights, 0, 0, RESULT)
        return int.from_bytes(self.bytes[RESULT : RESULT + 4], "little")

    def repeat(self, name: str, *arguments: int) -> Callable[[int], None]:
        call, host = self.functions[name], self.host

        def loop(count: int) -> None:
            for _ in range(count):
                call(host, *arguments)

        return loop


def direct() -> list[tuple[str, float, str]]:
    guest = Direct()
    scratch = guest.open(b"scratch", READ | WRITE, abi.OFLAGS_CREAT)
    large = guest.open(b"large")
    many = guest.open(b"many")
    length = len(PATH_BYTES)

    def open_and_close(count: int) -> None:
        for _ in range(count):
            guest.call("path_open", 3, 1, PATH, length, 0, READ, 0, 0, RESULT)
            guest.call("fd_close", int.from_bytes(guest.bytes[RESULT : RESULT + 4], "little"))

    def list_directory(count: int) -> None:
        for _ in range(count):
            cookie = 0
            while True:
                guest.call("fd_readdir", many, BUFFER, 4096, cookie, RESULT)
                used = int.from_bytes(guest.bytes[RESULT : RESULT + 4], "little")
                offset = 0
                while offset + 24 <= used:
                    following, _, name_length, _ = abi.DIRENT.unpack_from(guest.bytes, BUFFER + offset)
                    if offset + 24 + name_length > used:
                        break
                    cookie = following
                    offset += 24 + name_length
                if used < 4096:
                    break

    cases: list[tuple[str, Callable[[int], object], int]] = [
        ("clock_time_get", guest.repeat("clock_time_get", 1, 0, RESULT), 20000),
        ("random_get 16 B", guest.repeat("random_get", BUFFER, 16), 20000),
        ("fd_fdstat_get", guest.repeat("fd_fdstat_get", large, RESULT), 20000),
        ("fd_filestat_get", guest.repeat("fd_filestat_get", large, RESULT), 10000),
        ("fd_seek", guest.repeat("fd_seek", large, 0, abi.WHENCE_SET, RESULT), 20000),
        ("fd_pread 17 B", guest.repeat("fd_pread", large, IOVS, 1, 0, RESULT), 20000),
        ("fd_pread 64 KiB", guest.repeat("fd_pread", large, IOVS + 8, 1, 0, RESULT), 5000),
        ("fd_pwrite 17 B", guest.repeat("fd_pwrite", scratch, IOVS, 1, 0, RESULT), 20000),
        ("fd_pwrite 64 KiB", guest.repeat("fd_pwrite", scratch, IOVS + 8, 1, 0, RESULT), 5000),
        ("fd_write 17 B to stdout", guest.repeat("fd_write", 1, IOVS, 1, RESULT), 20000),
        (
            "path_filestat_get, 4 names deep",
            guest.repeat("path_filestat_get", 3, 1, PATH, length, BUFFER),
            10000,
        ),
        ("path_open and fd_close, 4 names deep", open_and_close, 5000),
        ("fd_readdir of 1000 entries", list_directory, 20),
    ]
    return [(f"wasi direct: {name}", least(function, count), "µs") for name, function, count in cases]


def looping_module() -> str:
    types = {"i": "i32", "I": "i64"}
    lines = ["(module"]
    for name in (
        "clock_time_get",
        "random_get",
        "fd_write",
        "path_filestat_get",
        "path_open",
        "fd_read",
        "fd_close",
    ):
        params = "".join(f" (param {types[letter]})" for letter in abi.SIGNATURES[name][0])
        lines.append(f'(import "{abi.MODULE}" "{name}" (func ${name}{params} (result i32)))')
    lines.append('(memory (export "memory") 4)')
    lines.append(f'(data (i32.const {PATH}) "{PATH_BYTES.decode()}")')
    iovecs = "".join(f"\\{byte:02x}" for byte in pack("<IIII", BUFFER, 17, BUFFER, 4096))
    lines.append(f'(data (i32.const {IOVS}) "{iovecs}")')
    for index, body in enumerate(LOOPS.values()):
        lines.append(
            f'(func (export "loop{index}") (param $left i32) (loop $again {body}'
            " (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))"
        )
    return "\n".join([*lines, ")"])


def through_wasm() -> list[tuple[str, float, str]]:
    engine = Engine.shared()
    module = ModuleSource.from_bytes("bench-wasi", bytes(wasmtime.wat2wasm(looping_module())))
    program = engine.program(module)
    namespace = tree()

    def wasi(instance: Instance) -> WasiHost:
        return WasiHost(namespace, instance.memory, stdout=NullSink(), waiter=instance.waiter)

    def measure() -> list[tuple[str, float, str]]:
        instance = program.instantiate(wasi)
        results = []
        for index, name in enumerate(LOOPS):
            value = least(lambda count, export=f"loop{index}": instance.call(export, count), 5000)
            results.append((f"wasi from wasm: {name}", value, "µs"))
        instance.close()
        return results

    return engine.threads.submit(measure).result()


def run() -> list[tuple[str, float, str]]:
    return direct() + through_wasm()


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name:60} {value:10.2f} {unit}")
