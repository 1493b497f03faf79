"""The few commands of a shell that cells use on files: there are no processes, so they are done here."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["run"]

_OPERATORS = frozenset("|<>&;`")


def run(command: str) -> str:
    """What the command prints. Raises OSError for what only a real shell could do."""
    import shlex

    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    if any(word and set(word) <= _OPERATORS for word in words):
        raise OSError(
            errno.ENOTSUP, f"!{command}: pipes and redirections are not supported; use Python's open and str"
        )
    if not words:
        return ""
    function = _COMMANDS.get(words[0])
    if function is None:
        raise OSError(
            errno.ENOTSUP,
            f"!{command}: the sandbox has no processes. There are {', '.join(sorted(_COMMANDS))}; "
            "Python's os, shutil and pathlib do the rest",
        )
    flags = "".join(word[1:] for word in words[1:] if word[:1] == "-" and len(word) > 1)
    return function(flags, [name for word in words[1:] if not _is_flag(word) for name in _glob(word)])


def _is_flag(word: str) -> bool:
    return word[:1] == "-" and len(word) > 1


def _glob(word: str) -> list[str]:
    if not any(character in word for character in "*?["):
        return [word]
    import glob

    return sorted(glob.glob(word)) or [word]


def _ls(flags: str, names: list[str]) -> str:
    lines = []
    for name in names or ["."]:
        if os.path.isdir(name):
            if len(names) > 1:
                lines.append(f"{name}:")
            entries = sorted(entry for entry in os.listdir(name) if "a" in flags or entry[0] != ".")
            lines += [_entry(os.path.join(name, entry), entry, flags) for entry in entries]
        else:
            os.stat(name)
            lines.append(_entry(name, name, flags))
    return "".join(f"{line}\n" for line in lines)


def _entry(path: str, name: str, flags: str) -> str:
    if "l" not in flags:
        return name
    import stat
    import time

    status = os.lstat(path)
    when = time.strftime("%b %d %H:%M", time.localtime(status.st_mtime))
    return f"{stat.filemode(status.st_mode)} {status.st_size:>9} {when} {name}"


def _cat(flags: str, names: list[str]) -> str:
    return "".join(_read(name) for name in names)


def _read(name: str) -> str:
    with open(name, encoding="utf-8", errors="replace") as file:
        return file.read()


def _part(flags: str, names: list[str], *, tail: bool) -> str:
    # `-n 3` leaves the number among the names, `-n3` and `-3` among the flags.
    digits = "".join(character for character in flags if character.isdigit())
    if "n" in flags and not digits and names and names[0].isdigit():
        digits = names.pop(0)
    count = int(digits or 10)
    chosen = [_read(name).splitlines(keepends=True) for name in names]
    return "".join(
        line for lines in chosen for line in (lines[len(lines) - count :] if tail else lines[:count])
    )


def _head(flags: str, names: list[str]) -> str:
    return _part(flags, names, tail=False)


def _tail(flags: str, names: list[str]) -> str:
    return _part(flags, names, tail=True)


def _wc(flags: str, names: list[str]) -> str:
    lines = []
    for name in names:
        with open(name, "rb") as file:
            data = file.read()
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
        lines.append(" ".join(str(counts[key]) for key in counts if key in (flags or "lwc")) + f" {name}\n")
    return "".join(lines)


def _pwd(flags: str, names: list[str]) -> str:
    return f"{os.getcwd()}\n"


def _echo(flags: str, names: list[str]) -> str:
    return " ".join(names) + ("" if "n" in flags else "\n")


def _mkdir(flags: str, names: list[str]) -> str:
    for name in names:
        os.makedirs(name, exist_ok=True) if "p" in flags else os.mkdir(name)
    return ""


def _rm(flags: str, names: list[str]) -> str:
    import shutil

    for name in names:
        if os.path.isdir(name) and not os.path.islink(name):
            if "r" not in flags.lower():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
            shutil.rmtree(name)
        elif "f" not in flags or os.path.lexists(name):
            os.remove(name)
    return ""


def _cp(flags: str, names: list[str]) -> str:
    import shutil

    *sources, target = names
    for source in sources:
        if os.path.isdir(source):
            if "r" not in flags.lower():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source)
            into = os.path.join(target, os.path.basename(source)) if os.path.isdir(target) else target
            shutil.copytree(source, into)
        else:
            shutil.copy(source, target)
    return ""


def _mv(flags: str, names: list[str]) -> str:
    import shutil

    *sources, target = names
    for source in sources:
        shutil.move(source, target)
    return ""


def _touch(flags: str, names: list[str]) -> str:
    for name in names:
        with open(name, "a"):
            os.utime(name)
    return ""


_COMMANDS: dict[str, Callable[[str, list[str]], str]] = {
    "cat": _cat,
    "cp": _cp,
    "echo": _echo,
    "head": _head,
    "ls": _ls,
    "mkdir": _mkdir,
    "mv": _mv,
    "pwd": _pwd,
    "rm": _rm,
    "tail": _tail,
    "touch": _touch,
    "wc": _wc,
}
