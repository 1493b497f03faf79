"""Stand-ins for what a host is made of, and a host made of them."""

from __future__ import annotations

from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import Clocks, Memory, WasiHost


class Recorder:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.writes: list[tuple[int, bytes]] = []

    def write(self, fd: int, data: bytes) -> None:
        self.writes.append((fd, data))


class ManualClocks(Clocks):
    """Time stands still unless somebody moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_realtime_ns = 1_700_000_000_123_456_789
        self.now_monotonic_ns = 5_000_000_000

    def realtime_ns(self) -> int:
        return self.now_realtime_ns

    def monotonic_ns(self) -> int:
        return self.now_monotonic_ns

    def process_cpu_ns(self) -> int:
        return 42


class ManualWaiter:
    """Lets the clocks run instead of waiting; keeps what it was asked for."""

    def __init__(self, clocks: ManualClocks) -> None:
        self.clocks = clocks
        self.interrupted = False
        self.waits: list[float | None] = []

    def wait(self, seconds: float | None) -> bool:
        if seconds != 0.0:
            self.waits.append(seconds)
        if self.interrupted:
            return True
        assert seconds is not None
        self.clocks.now_monotonic_ns += round(seconds * 1e9)
        self.clocks.now_realtime_ns += round(seconds * 1e9)
        return False


class CountingRandom:
    """Bytes 0, 1, 2, …; keeps what it was asked for."""

    def __init__(self) -> None:
        self.requests: list[int] = []

    def random_bytes(self, length: int) -> bytes:
        self.requests.append(length)
        return (bytes(range(256)) * (length // 256 + 1))[:length]


def host_without_surprises(namespace: Namespace, memory: Memory) -> WasiHost:
    """A host with no real time, no real randomness, and output that is kept."""
    clocks = ManualClocks()
    return WasiHost(
        namespace,
        memory,
        args=["program", "two words"],
        env={"HOME": "/home/user", "LANG": "C.UTF-8"},
        stdout=Recorder(),
        stderr=Recorder(),
        clocks=clocks,
        random_source=CountingRandom(),
        waiter=ManualWaiter(clocks),
    )


def small_namespace() -> Namespace:
    """An empty tree that holds 1 MiB and 100 files."""
    return Namespace(MemoryFS(Quota(bytes=1 << 20, files=100)))
