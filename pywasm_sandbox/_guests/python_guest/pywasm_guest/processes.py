"""Processes: `subprocess`, `os.system` and `os.popen` over the sandbox's commands."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports enum
import _thread
import os
import sys

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .hooks import ImportHooks

__all__ = ["install", "output_of", "run_line"]

_SHELL = "/bin/sh"
WNOHANG = 1
_LOOK_SECONDS = 0.005


def _spawn(words: list[str], path: str | None, env: dict[str, str], cwd: str, fds: list[int]) -> int:
    return wire.request("process.spawn", words=words, path=path, env=env, cwd=cwd, fds=fds)  # type: ignore[no-any-return]


def waitpid(pid: int, options: int, /) -> tuple[int, int]:
    """Wait for a child's end: its number and its status, or (0, 0) with WNOHANG while it runs."""
    block = not options & WNOHANG
    if block and _thread._count():
        # The host would hold the other threads up.
        import time

        while (found := wire.request("process.wait", pid=pid, block=False)) is None:
            time.sleep(_LOOK_SECONDS)
    else:
        found = wire.request("process.wait", pid=pid, block=block)
    return (0, 0) if found is None else (found[0], found[1])


def kill(pid: int, signal: int, /) -> None:
    """Send a signal to a child, or to this process itself if it has a handler for it."""
    if pid == os.getpid() and callable(_signal.getsignal(signal)):
        _signal.raise_signal(signal)
        return
    wire.request("process.kill", pid=pid, signal=int(signal))


def pipe() -> tuple[int, int]:
    """A pipe's two ends: what is written to the second can be read from the first."""
    reader, writer = wire.request("process.pipe")
    return reader, writer


def waitstatus_to_exitcode(status: int) -> int:
    """The exit code, or minus the number of the signal that ended the process."""
    return -(status & 0x7F) if status & 0x7F else status >> 8


def run_line(line: str) -> int:
    """Run a command line for its output on stdout and stderr; the status of `waitpid`."""
    pid = _spawn(["sh", "-c", line], _SHELL, dict(os.environ), os.getcwd(), [-1, -1, -1])
    return waitpid(pid, 0)[1]


def output_of(line: str) -> str:
    """Run a command line for what it prints."""
    reader, writer = pipe()
    try:
        pid = _spawn(["sh", "-c", line], _SHELL, dict(os.environ), os.getcwd(), [-1, writer, -1])
    finally:
        os.close(writer)
    with open(reader, "rb") as file:
        data = file.read()
    waitpid(pid, 0)
    return data.decode("utf-8", "replace")


def _system(command: Any) -> int:
    """Execute the command in a subshell."""
    return run_line(os.fsdecode(command))


def _execute_child(self: Any, args: Any, executable: Any, *rest: Any) -> None:
    (
        preexec_fn,
        _,
        pass_fds,
        cwd,
        env,
        _,
        _,
        shell,
        p2cread,
        p2cwrite,
        c2pread,
        c2pwrite,
        errread,
        errwrite,
    ) = rest[:14]
    if preexec_fn is not None:
        raise ValueError("preexec_fn is not supported in the sandbox: a child is no copy of this interpreter")
    if pass_fds:
        raise ValueError("pass_fds is not supported in the sandbox: a child gets descriptors 0, 1 and 2")
    words = (
        [os.fsdecode(args)]
        if isinstance(args, (str, bytes, os.PathLike))
        else [os.fsdecode(word) for word in args]
    )
    path = None if executable is None else os.fsdecode(executable)
    if shell:
        words = [_SHELL, "-c", *words]
    variables = {
        os.fsdecode(key): os.fsdecode(value) for key, value in (os.environ if env is None else env).items()
    }
    folder = os.path.abspath(os.fsdecode(cwd)) if cwd is not None else os.getcwd()
    if not os.path.isdir(folder):
        raise FileNotFoundError(2, "No such file or directory", folder)
    try:
        self.pid = _spawn(words, path, variables, folder, [p2cread, c2pwrite, errwrite])
    except OSError as error:
        error.filename = words[0] if path is None else path
        raise
    self._child_created = True
    self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


def _patch_subprocess(module: ModuleType) -> None:
    module._can_fork_exec = True  # type: ignore[attr-defined]
    safe = module._del_safe
    safe.waitpid, safe.waitstatus_to_exitcode, safe.WNOHANG = waitpid, waitstatus_to_exitcode, WNOHANG
    safe.WIFSTOPPED = staticmethod(lambda status: False)
    safe.WSTOPSIG = staticmethod(lambda status: 0)
    module.Popen._execute_child = _execute_child
    module._USE_POSIX_SPAWN = module._USE_VFORK = False  # type: ignore[attr-defined]


def _patch_signal(module: ModuleType) -> None:
    for name, number in (("SIGTERM", 15), ("SIGKILL", 9), ("SIGHUP", 1), ("SIGPIPE", 13)):
        if not hasattr(module, name):
            setattr(module, name, number)


def _popen(command: str, mode: str = "r", buffering: int = -1) -> Any:
    """A pipe to or from a command."""
    import io
    import subprocess

    if mode not in ("r", "w"):
        raise ValueError(f"invalid mode {mode!r}")
    if mode == "r":
        process = subprocess.Popen(command, shell=True, text=True, stdout=subprocess.PIPE, bufsize=buffering)
        stream: Any = process.stdout
    else:
        process = subprocess.Popen(command, shell=True, text=True, stdin=subprocess.PIPE, bufsize=buffering)
        stream = process.stdin

    class Pipe(io.TextIOWrapper):
        def close(self) -> Any:
            super().close()
            code = process.wait()
            return None if code == 0 else code << 8 if code > 0 else code

    return Pipe(stream.detach(), encoding="utf-8")


def install(hooks: ImportHooks) -> None:
    """Put the functions where programs look for them; modules are changed when they are imported."""
    if sys.platform != "wasi":  # natively, in tests, there are others
        return
    names: dict[str, Any] = {
        "kill": kill,
        "pipe": pipe,
        "popen": _popen,
        "system": _system,
        "waitpid": waitpid,
        "waitstatus_to_exitcode": waitstatus_to_exitcode,
        "WNOHANG": WNOHANG,
        "WIFEXITED": lambda status: not status & 0x7F,
        "WIFSIGNALED": lambda status: bool(status & 0x7F),
        "WEXITSTATUS": lambda status: status >> 8 & 0xFF,
        "WTERMSIG": lambda status: status & 0x7F,
    }
    for name, value in names.items():
        setattr(os, name, value)
    if "subprocess" in sys.modules:
        _patch_subprocess(sys.modules["subprocess"])
    hooks.on_import("subprocess", _patch_subprocess)
    hooks.on_import("signal", _patch_signal)
