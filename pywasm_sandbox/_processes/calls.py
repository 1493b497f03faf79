"""Host functions of programs: `fork`, `execve`, `waitpid`, `pipe`, `dup`, … (`build/programs/process.h`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from pywasm_sandbox._engine import HostImport
from pywasm_sandbox._vfs.api import VfsError
from pywasm_sandbox._wasi import errnos
from pywasm_sandbox._wasi.errnos import WasiError
from pywasm_sandbox._wasi.pipes import make_pipe, pipe_fd

from .executables import find
from .table import Launch, Replaced

if TYPE_CHECKING:
    from pywasm_sandbox._vfs.resolver import Location

    from .wasm import WasmProcess

__all__ = ["IMPORTS"]

_MAX_WORDS_BYTES: Final = 4 << 20
_MAX_PATH_BYTES: Final = 4096
_WNOHANG: Final = 1
_UNTIL_ONE_ENDED: Final = 0x100
_FOLLOW: Final = 1
_NO_FD: Final = 0xFFFF_FFFF


def _answers(function: Callable[..., int]) -> Callable[..., int]:
    """Failures become negative errnos of preview1."""

    @wraps(function)
    def call(*arguments: Any) -> int:
        try:
            return function(*arguments) & 0xFFFF_FFFF
        except WasiError as error:
            return -error.errno & 0xFFFF_FFFF
        except VfsError as error:
            return -errnos.from_vfs(error.errno) & 0xFFFF_FFFF

    return call


def _text(process: WasmProcess, pointer: int, size: int, limit: int = _MAX_PATH_BYTES) -> str:
    if size > limit:
        raise WasiError(errnos.TOOBIG if limit == _MAX_WORDS_BYTES else errnos.NAMETOOLONG)
    return process.memory.read(pointer, size).decode("utf-8", "surrogateescape")


def _words(process: WasmProcess, pointer: int, size: int) -> list[str]:
    return _text(process, pointer, size, _MAX_WORDS_BYTES).split("\0")[:-1]


def process_fork(process: WasmProcess) -> int:
    return process.fork()


def _launch(
    process: WasmProcess, path: int, path_size: int, words: int, words_size: int, *rest: int
) -> Launch:
    env, env_size, cwd, cwd_size = rest
    folder = _text(process, cwd, cwd_size)
    given = _text(process, path, path_size)
    target = given if given.startswith("/") else f"{folder}/{given}"
    variables = dict(item.partition("=")[::2] for item in _words(process, env, env_size) if "=" in item[1:])
    launch = Launch(target, tuple(_words(process, words, words_size)) or (given,), variables, folder, given)
    find(process.namespace, launch.path, launch.words)
    return launch


def process_exec(process: WasmProcess, *texts: int) -> int:
    raise Replaced(_launch(process, *texts))


def process_spawn(process: WasmProcess, *arguments: int) -> int:
    *texts, standard_input, standard_output = arguments
    return process.spawn(_launch(process, *texts), (standard_input, standard_output))


def process_wait(process: WasmProcess, pid: int, flags: int, status: int) -> int:
    pid = pid - (1 << 32) if pid >> 31 else pid
    if status:
        process.memory.check(status, 4)
    reap = not flags & _UNTIL_ONE_ENDED
    child = process.wait(pid, block=not flags & _WNOHANG, reap=reap)
    if child is None or not reap:
        return 0
    if status:
        process.memory.set_u32(status, child.status or 0)
    return child.pid


def process_kill(process: WasmProcess, pid: int, signal: int) -> int:
    pid = abs(pid - (1 << 32)) if pid >> 31 else pid
    process.kill(pid, signal)
    return 0


def process_id(process: WasmProcess, which: int) -> int:
    return process.ids()[which] if which < 3 else -errnos.INVAL


def fd_dup(process: WasmProcess, fd: int, lowest: int) -> int:
    if fd not in process.fds.entries:
        raise WasiError(errnos.BADF)
    if lowest >= process.fds.limit:
        raise WasiError(errnos.INVAL)
    return process.fds.duplicate(fd, lowest)


def fd_dup2(process: WasmProcess, fd: int, to: int) -> int:
    if fd not in process.fds.entries or to >= process.fds.limit:
        raise WasiError(errnos.BADF)
    process.fds.duplicate_onto(fd, to)
    return to


def fd_pipe(process: WasmProcess, ends: int) -> int:
    process.memory.check(ends, 8)
    try:
        reader, writer = make_pipe()
    except OSError as error:
        raise WasiError(errnos.NFILE, str(error)) from error
    first = pipe_fd(reader, writable=False)
    second = pipe_fd(writer, writable=True)
    try:
        number = process.fds.insert(first)
    except WasiError:
        first.close()
        second.close()
        raise
    try:
        other = process.fds.insert(second)
    except WasiError:
        process.fds.remove(number)
        second.close()
        raise
    process.memory.set_u32(ends, number)
    process.memory.set_u32(ends + 4, other)
    return 0


def fd_close_on_exec(process: WasmProcess, fd: int, value: int) -> int:
    marked = process.fds.close_on_exec
    if fd not in process.fds.entries:
        raise WasiError(errnos.BADF)
    if value == 1:
        marked.add(fd)
    elif value == 0:
        marked.discard(fd)
    return int(fd in marked)


def _place(process: WasmProcess, fd: int, path: int, size: int) -> tuple[Location, bytes]:
    """A start and a path: by a directory's descriptor (none: the root), by any descriptor without a path."""
    start = process.namespace.root
    if fd != _NO_FD:
        entry = process.fds.entries.get(fd)
        if entry is None:
            raise WasiError(errnos.BADF)
        if entry.location is None:
            raise WasiError(errnos.NOTDIR)
        start = entry.location
    return start, process.memory.read(path, min(size, _MAX_PATH_BYTES)) if size else b""


def get_mode(process: WasmProcess, fd: int, path: int, size: int, flags: int) -> int:
    """The permission bits of a file."""
    if not size:
        entry = process.fds.entries.get(fd)
        if entry is not None and entry.location is None:
            return 0o600
    start, name = _place(process, fd, path, size)
    if not name:
        return process.namespace.stat_of(start).mode
    return process.namespace.stat(start, name, bool(flags & _FOLLOW)).mode


def set_mode(process: WasmProcess, fd: int, path: int, size: int, mode: int) -> int:
    """Set the permission bits of a file."""
    start, name = _place(process, fd, path, size)
    if name:
        process.namespace.set_mode(start, name, mode & 0o777)
        return 0
    if start.mount.read_only:
        raise WasiError(errnos.ROFS)
    start.mount.fs.set_mode(start.node, mode & 0o777)
    return 0


_SIGNATURES: Final[dict[Callable[..., int], str]] = {
    process_fork: "",
    process_exec: "iiiiiiii",
    process_spawn: "iiiiiiiiii",
    process_wait: "iii",
    process_kill: "ii",
    process_id: "i",
    fd_dup: "ii",
    fd_dup2: "ii",
    fd_pipe: "i",
    fd_close_on_exec: "ii",
    get_mode: "iiii",
    set_mode: "iiii",
}

IMPORTS: Final = tuple(
    HostImport(function.__name__, params, "i", _answers(function)) for function, params in _SIGNATURES.items()
)
