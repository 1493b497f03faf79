"""WASI preview1 on a guest's linear memory: the ABI as data, checked memory, fds, clocks, stdio, functions.

Knows nothing of the engine that calls them, nor of the languages that run on them.
"""

from .clocks import Clocks
from .endpoints import Endpoint, Ready, from_os_error
from .fds import Fd, FdState, FdTable
from .host import FUNCTIONS, HostFunction, WasiHost, WasiLimits
from .memory import Fault, Memory
from .process_functions import GuestExit
from .random import RandomSource, SystemRandom
from .stdio import BytesSource, NullSink, StdioSink, StdioSource
from .waiting import PlainWaiter, Waiter, WatchedFd, wait_for_fds

__all__ = [
    "FUNCTIONS",
    "BytesSource",
    "Clocks",
    "Endpoint",
    "Fault",
    "Fd",
    "FdState",
    "FdTable",
    "GuestExit",
    "HostFunction",
    "Memory",
    "NullSink",
    "PlainWaiter",
    "RandomSource",
    "Ready",
    "StdioSink",
    "StdioSource",
    "SystemRandom",
    "Waiter",
    "WasiHost",
    "WasiLimits",
    "WatchedFd",
    "from_os_error",
    "wait_for_fds",
]
