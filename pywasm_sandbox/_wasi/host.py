"""One guest's WASI world, and the table of the functions it can call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Final, NamedTuple

from pywasm_sandbox._vfs.api import VfsError
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.resolver import Location

from . import (
    abi,
    directory_functions,
    errnos,
    fd_functions,
    path_functions,
    poll,
    process_functions,
    sock_functions,
    stdio,
)
from .clocks import Clocks
from .directory_functions import Listing
from .fds import FIRST_PREOPEN, Fd, FdState, FdTable
from .memory import Memory
from .random import RandomSource, SystemRandom
from .stdio import BytesSource, NullSink, StdioSink, StdioSource
from .waiting import PlainWaiter, Waiter

_STDIO_RIGHTS: Final = abi.RIGHTS_FD_FILESTAT_GET | abi.RIGHTS_POLL_FD_READWRITE


class WasiLimits(NamedTuple):
    """`open_files`: the most fds a guest holds at once, stdio and preopened directories included."""

    open_files: int = 1024


def _nothing() -> None:
    pass


class WasiHost:
    """What stands behind the WASI calls of one guest.

    Not thread-safe: a guest runs on one thread at a time. Everything but `fds` may be replaced between calls.
    A string with a NUL in `args` or `env`, a `=` in a name of `env`, and a limit below the number of the fds
    that are open from the start are `ValueError`s.
    """

    def __init__(
        self,
        namespace: Namespace,
        memory: Memory,
        *,
        args: Sequence[str | bytes] = (),
        env: Mapping[str, str] | None = None,
        stdin: StdioSource | None = None,
        stdout: StdioSink | None = None,
        stderr: StdioSink | None = None,
        clocks: Clocks | None = None,
        random_source: RandomSource | None = None,
        waiter: Waiter | None = None,
        on_block: Callable[[], None] | None = None,
        on_stdio: Callable[[], None] | None = None,
        limits: WasiLimits | None = None,
        preopens: Sequence[tuple[str, Location]] | None = None,
        tty: bool = False,
        fds: FdTable | None = None,
        on_broken_pipe: Callable[[], None] | None = None,
    ) -> None:
        """``fds`` is a table in place of one with stdio and the preopened directories; its giver closes it.
        ``on_broken_pipe`` is called where POSIX sends SIGPIPE."""
        self.namespace = namespace
        self.memory = memory
        self.args = tuple(_c_string(argument, "an argument") for argument in args)
        self.environ = tuple(_c_string(item, "a variable") for item in _environ(env or {}))
        self.stdin: StdioSource = BytesSource() if stdin is None else stdin
        self.stdout: StdioSink = NullSink() if stdout is None else stdout
        self.stderr: StdioSink = NullSink() if stderr is None else stderr
        self.clocks = Clocks() if clocks is None else clocks
        self.random_source: RandomSource = SystemRandom() if random_source is None else random_source
        self.waiter: Waiter = PlainWaiter() if waiter is None else waiter
        self.on_block: Callable[[], None] = _nothing if on_block is None else on_block
        self.on_stdio: Callable[[], None] = _nothing if on_stdio is None else on_stdio
        self.limits = WasiLimits() if limits is None else limits
        self.on_broken_pipe: Callable[[], None] = _nothing if on_broken_pipe is None else on_broken_pipe
        preopens = (("/", namespace.root),) if preopens is None else preopens
        first_free = FIRST_PREOPEN + len(preopens)
        if self.limits.open_files < first_free:
            raise ValueError(f"open_files is {self.limits.open_files}; {first_free} are open from the start")
        self.fds = FdTable(self.limits.open_files) if fds is None else fds
        self._owns_fds = fds is None
        self.open_fds = self.fds.entries  # for the functions: one attribute less on the way
        self.listing: Listing | None = None
        if fds is None:
            self._open_stdio(tty)
            self._open_preopens(preopens)

    def _open_stdio(self, tty: bool) -> None:
        # A C library takes a character device for a terminal unless its rights include seeking: that right is
        # how a stream says that it is none. Seeking it is `spipe` all the same.
        rights = _STDIO_RIGHTS | (0 if tty else abi.RIGHTS_FD_SEEK | abi.RIGHTS_FD_TELL)
        for stream in (stdio.STDIN, stdio.STDOUT, stdio.STDERR):
            reads = stream == stdio.STDIN
            base = rights | (abi.RIGHTS_FD_READ if reads else abi.RIGHTS_FD_WRITE)
            self.fds.insert(
                Fd(
                    filetype=abi.FILETYPE_CHARACTER_DEVICE,
                    rights_base=base,
                    rights_inheriting=base,
                    readable=reads,
                    writable=not reads,
                    stream=stream,
                )
            )

    def _open_preopens(self, preopens: Sequence[tuple[str, Location]]) -> None:
        for name, location in preopens:
            self.fds.insert(
                Fd(
                    filetype=abi.FILETYPE_DIRECTORY,
                    rights_base=abi.RIGHTS_PREOPEN_BASE,
                    rights_inheriting=abi.RIGHTS_PREOPEN_INHERITING,
                    location=location,
                    preopen=name.encode("utf-8", "surrogateescape"),
                )
            )

    def close(self) -> None:
        """Close every fd. Idempotent."""
        self.listing = None
        if self._owns_fds:
            self.fds.close()


def _environ(env: Mapping[str, str]) -> list[str]:
    for name in env:
        if not name or "=" in name:
            raise ValueError(f"{name!r} cannot be the name of an environment variable")
    return [f"{name}={value}" for name, value in env.items()]


def _c_string(text: str | bytes, what: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    if b"\0" in data:
        raise ValueError(f"{what} of a guest cannot contain a NUL: {text!r}")
    return data + b"\0"


class HostFunction(NamedTuple):
    """A function the guest imports from `wasi_snapshot_preview1`.

    `params` and `results` have one letter a value: "i" an i32, "I" an i64. `call(host, *integers)` takes
    every integer as unsigned and returns the errno (`proc_exit` raises `GuestExit` instead). What else it
    raises comes from a bug here, a sink, a source, a clock or the waiter.
    """

    name: str
    params: str
    results: str
    call: Callable[..., int]


def _errors_become_errnos(function: Callable[..., int]) -> Callable[..., int]:
    """The edge where failures of the layers below become the numbers that a guest sees."""

    @wraps(function)
    def call(*args: object) -> int:
        try:
            return function(*args)
        except VfsError as error:
            return errnos.from_vfs(error.errno)
        except errnos.WasiError as error:
            return error.errno

    return call


def _declared() -> tuple[HostFunction, ...]:
    modules = (process_functions, fd_functions, directory_functions, path_functions, poll, sock_functions)
    functions = []
    for name, (params, results) in abi.SIGNATURES.items():
        (function,) = (vars(module)[name] for module in modules if name in vars(module))
        functions.append(HostFunction(name, params, results, _errors_become_errnos(function)))
    return tuple(functions)


FUNCTIONS: Final[tuple[HostFunction, ...]] = _declared()

__all__ = ["FUNCTIONS", "FdState", "HostFunction", "WasiHost", "WasiLimits"]
