"""Micro-benchmarks of the virtual filesystem: `run()` gives (name, value, unit); as a script, a table.

Every value is the best of several repetitions, on a machine that may be busy.
"""

from __future__ import annotations

import io
import tempfile
import time
import timeit
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from pywasm_sandbox._vfs.hostfs import HostFS
from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox._vfs.zipindex import ZipIndex

MB = 1_000_000
BLOCK = 65_536
OS_PY = "/usr/lib/python3.14/os.py"


def run() -> list[tuple[str, float, str]]:
    """(name, value, unit) of every benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_names(Path(folder)), *_content(), *_clones(), *_archives(Path(folder))]


def _us(call: Callable[[], object], number: int = 5000) -> float:
    return min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6


def _best_seconds(call: Callable[[], object], repeat: int = 5) -> float:
    return min(timeit.repeat(call, number=1, repeat=repeat))


def _stdlib_like() -> bytes:
    """A zip of 1,500 modules, each deflated as source and stored as compiled."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("os.py", b"# os\n" * 2000, zipfile.ZIP_DEFLATED)
        for number in range(750):
            folder = f"package{number % 40}"
            archive.writestr(f"{folder}/module{number}.py", b"x = 1\n" * 500, zipfile.ZIP_DEFLATED)
            archive.writestr(f"{folder}/__pycache__/module{number}.cpython-314.pyc", bytes(20_000))
    return buffer.getvalue()


def _names(folder: Path) -> Iterator[tuple[str, float, str]]:
    ns = Namespace(MemoryFS())
    ns.make_directories("/usr/lib")
    ns.mount("/usr/lib/python3.14", ZipFS(_stdlib_like()))
    (folder / "host").mkdir()
    (folder / "host" / "file").write_bytes(bytes(1024))
    ns.mount("/host", HostFS(folder / "host"))
    ns.write_bytes("/workspace/data/table.csv", bytes(5000), parents=True)
    location = ns.resolve(ns.root, OS_PY)
    yield f"stat {OS_PY}", _us(lambda: ns.stat(ns.root, OS_PY)), "µs"
    yield "stat of a descriptor", _us(lambda: ns.stat_of(location)), "µs"
    yield "stat /workspace/data/table.csv", _us(lambda: ns.stat(ns.root, "/workspace/data/table.csv")), "µs"
    yield "stat of a missing name", _us(lambda: ns.exists("/usr/lib/python3.14/missing.py")), "µs"
    yield "stat in a host folder", _us(lambda: ns.stat(ns.root, "/host/file")), "µs"

    def open_read_close(path: str) -> Callable[[], None]:
        def call() -> None:
            opened = ns.open(ns.root, path)
            assert opened.file is not None
            opened.file.pread(1024, 0)
            opened.file.close()

        return call

    pyc = "/usr/lib/python3.14/package1/__pycache__/module1.cpython-314.pyc"
    yield "open, read 1 KiB, close: memory", _us(open_read_close("/workspace/data/table.csv")), "µs"
    yield "open, read 1 KiB, close: zip stored", _us(open_read_close(pyc)), "µs"
    yield "open, read 1 KiB, close: zip deflated", _us(open_read_close(OS_PY)), "µs"
    yield "open, read 1 KiB, close: host folder", _us(open_read_close("/host/file")), "µs"


def _content() -> Iterator[tuple[str, float, str]]:
    fs = MemoryFS(Quota(bytes=1 << 30, files=10))
    small = fs.open(fs.create(fs.root, "small"), write=True)
    small.pwrite(bytes(5000), 0)
    kilobyte = memoryview(bytearray(1024))
    yield "pread 1 KiB", _us(lambda: small.pread(1024, 100)), "µs"
    yield "pread_into 1 KiB", _us(lambda: small.pread_into(kilobyte, 100)), "µs"
    yield "pwrite 1 KiB in place", _us(lambda: small.pwrite(kilobyte, 100)), "µs"
    small.close()
    big = fs.open(fs.create(fs.root, "big"), write=True)
    block = memoryview(bytes(BLOCK))
    size = 100 * MB // BLOCK * BLOCK

    def sequential(step: int) -> Callable[[], None]:
        piece = block[:step]

        def call() -> None:
            big.truncate(0)
            for offset in range(0, size, step):
                big.pwrite(piece, offset)

        return call

    for step in (BLOCK, 65_000, 8192):
        yield f"100 MB in writes of {step}", size / _best_seconds(sequential(step)) / 1e9, "GB/s"
    whole = memoryview(bytearray(big.size))
    yield "100 MB in one pread_into", size / _best_seconds(lambda: big.pread_into(whole, 0)) / 1e9, "GB/s"
    yield "100 MB in one pread", size / _best_seconds(lambda: big.pread(size, 0)) / 1e9, "GB/s"
    big.close()


def _clones() -> Iterator[tuple[str, float, str]]:
    fs = MemoryFS()
    nodes = []
    for number in range(100):
        directory = fs.mkdir(fs.root, f"directory{number}")
        nodes += [fs.create(directory, f"file{inner}") for inner in range(100)]
    for node in nodes:
        with closing(fs.open(node, write=True)) as file:
            file.pwrite(b"content", 0)
    yield "clone of 10,000 files", _best_seconds(fs.clone) * 1e3, "ms"
    big = fs.create(fs.root, "big")
    fs.truncate(big, 512 << 20)
    with closing(fs.open(big, write=True)) as file:
        for offset in range(0, 100 * MB, BLOCK):
            file.pwrite(bytes(BLOCK), offset)

    def first_write() -> float:
        with closing(fs.clone().open(big, write=True)) as file:
            start = time.perf_counter()
            file.pwrite(b"x", 5)
            return time.perf_counter() - start

    yield "first write to a shared 100 MB file", min(first_write() for _ in range(5)) * 1e6, "µs"
    wide = fs.mkdir(fs.root, "wide")
    for number in range(10_000):
        fs.create(wide, f"file{number}")
    listing = fs.readdir(wide)
    yield "readdir of 10,000 entries", _us(lambda: fs.readdir(wide), 200), "µs"
    last = listing[-10].cookie
    yield "readdir, the last 10 of 10,000", _us(lambda: fs.readdir(wide, last)), "µs"


def _archives(folder: Path) -> Iterator[tuple[str, float, str]]:
    path = folder / "stdlib.zip"
    path.write_bytes(_stdlib_like())
    index = ZipIndex(path)
    yield "index of a zip with 1,501 entries", _best_seconds(lambda: ZipIndex(path)) * 1e3, "ms"
    yield "ZipFS over a shared index", _us(lambda: ZipFS(index)), "µs"


def main() -> None:
    for name, value, unit in run():
        print(f"{name:45} {value:10.2f} {unit}")


if __name__ == "__main__":
    main()
