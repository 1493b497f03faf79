"""Who runs the code: a sandbox has one user, and the files of others are root's."""

from __future__ import annotations

import os

__all__ = ["GROUPS", "USERS", "check_name", "check_number", "install"]

USER, ROOT = 1000, 0
USERS = (
    ("root", "x", ROOT, ROOT, "root", "/root", "/bin/sh"),
    ("user", "x", USER, USER, "user", "/home/user", "/bin/sh"),
)
GROUPS: tuple[tuple[str, str, int, list[str]], ...] = (("root", "x", ROOT, []), ("user", "x", USER, []))


def getuid() -> int:
    """Return the current process's user id."""
    return USER


def geteuid() -> int:
    """Return the current process's effective user id."""
    return USER


def getgid() -> int:
    """Return the current process's group id."""
    return USER


def getegid() -> int:
    """Return the current process's effective group id."""
    return USER


def getgroups() -> list[int]:
    """Return list of supplemental group IDs for the process."""
    return [USER]


def getlogin() -> str:
    """Return the actual login name."""
    return "user"


def getresuid() -> tuple[int, int, int]:
    """Return a tuple of the current process's real, effective, and saved user ids."""
    return USER, USER, USER


def getresgid() -> tuple[int, int, int]:
    """Return a tuple of the current process's real, effective, and saved group ids."""
    return USER, USER, USER


def check_name(name: object) -> None:
    """Raise what `pwd` and `grp` raise for what can't be a name."""
    if not isinstance(name, str):
        raise TypeError(f"a name must be str, not {type(name).__name__}")
    name.encode()
    if "\0" in name:
        raise ValueError("embedded null character")


def check_number(number: object) -> None:
    """Raise what they raise for what can't be a number of a user or group."""
    if not isinstance(number, int):
        raise TypeError(f"a number must be int, not {type(number).__name__}")


def install() -> None:
    """Add to `os` what this platform's lacks."""
    for function in (getuid, geteuid, getgid, getegid, getgroups, getlogin, getresuid, getresgid):
        if not hasattr(os, function.__name__):
            function.__module__ = "os"
            setattr(os, function.__name__, function)
