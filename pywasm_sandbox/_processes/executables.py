"""What a path runs: a program of this installation, or a script and its interpreter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pywasm_sandbox._guests.spellings import respelled, stand_in
from pywasm_sandbox._guests.tree import PROGRAM_MARK, PROGRAMS
from pywasm_sandbox._vfs.api import FileType, VfsError
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import errnos

__all__ = ["Executable", "find", "search"]

_HEAD_BYTES: Final = 256
_MAX_SCRIPTS: Final = 4
"""An interpreter that is itself a script, and so on: no more than so many."""


@dataclass(frozen=True, slots=True)
class Executable:
    """``program`` is a name of `Programs`; ``words`` are the arguments, the program's own name included."""

    program: str
    words: tuple[str, ...]


def find(namespace: Namespace, path: str, words: tuple[str, ...], given: str = "") -> Executable:
    """What running ``path``, an absolute one, with these words means. A script's interpreter is told the path
    as it was ``given`` (empty: absolute).

    Raises `errnos.WasiError`: `NOENT` and other errors of the path, `ACCES` for what is no file or has no
    permission to be executed, `NOEXEC` for a file that is neither a program nor begins with ``#!``.
    """
    given = given or path
    for _ in range(_MAX_SCRIPTS):
        head = _head(namespace, path)
        if head.startswith(PROGRAM_MARK):
            name = head.removeprefix(PROGRAM_MARK).partition(b"\n")[0].decode("ascii", "replace").strip()
            program, _, applet = name.partition(" ")
            if applet and program == "python":
                return Executable(program, ("python3", *applet.split(), *words[1:]))
            return _utility(program, applet, words[1:]) if applet else Executable(program, words)
        if not head.startswith(b"#!"):
            raise errnos.WasiError(errnos.NOEXEC)
        line = head[2:].partition(b"\n")[0].decode("utf-8", "surrogateescape").strip()
        interpreter, _, argument = line.partition(" ")
        argument = argument.strip()
        words = (interpreter, *([argument] if argument else []), given, *words[1:])
        path = given = interpreter
    raise errnos.WasiError(errnos.LOOP)


def _utility(program: str, name: str, words: tuple[str, ...]) -> Executable:
    if program == "toybox":
        words = respelled(name, words)
        if stand_in(name, words):
            return Executable("python", ("python3", f"{PROGRAMS}/{name}.py", *words))
    return Executable(program, (name, *words))


def _head(namespace: Namespace, path: str) -> bytes:
    try:
        location = namespace.resolve(namespace.root, path)
        if location.type is not FileType.REGULAR or not namespace.stat_of(location).mode & 0o111:
            raise errnos.WasiError(errnos.ACCES)
        return namespace.read_bytes(path, 0, _HEAD_BYTES)
    except VfsError as error:
        raise errnos.WasiError(errnos.from_vfs(error.errno)) from error


def search(namespace: Namespace, name: str, path_variable: str, cwd: str) -> str | None:
    """The path of a command as `execvp` looks for it; None if there is none."""
    if "/" in name:
        return name if name.startswith("/") else f"{cwd}/{name}"
    for folder in path_variable.split(":"):
        candidate = f"{folder or cwd}/{name}"
        if not candidate.startswith("/"):
            candidate = f"{cwd}/{candidate}"
        try:
            _head(namespace, candidate)
        except errnos.WasiError:
            continue
        return candidate
    return None
