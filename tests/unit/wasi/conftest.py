from __future__ import annotations

import pytest

from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import Clocks, WasiHost
from tests.wasi.guest import DirectGuest


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


@pytest.fixture
def namespace() -> Namespace:
    return Namespace(MemoryFS(Quota(bytes=1 << 20, files=100)))


@pytest.fixture
def guest(namespace: Namespace) -> DirectGuest:
    """A guest with a small file system, no real time and no real randomness."""
    guest = DirectGuest()
    clocks = ManualClocks()
    guest.host = WasiHost(
        namespace,
        guest.memory,
        args=["program", "two words"],
        env={"HOME": "/home/user", "LANG": "C.UTF-8"},
        stdout=Recorder(),
        stderr=Recorder(),
        clocks=clocks,
        random_source=CountingRandom(),
        waiter=ManualWaiter(clocks),
    )
    return guest
