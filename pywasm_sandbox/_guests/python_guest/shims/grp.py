"""The group database: a group a user."""

from collections import namedtuple

from pywasm_guest.users import GROUPS, check_name, check_number

__all__ = ["getgrall", "getgrgid", "getgrnam", "struct_group"]

struct_group = namedtuple("struct_group", "gr_name gr_passwd gr_gid gr_mem")


def getgrall() -> list[struct_group]:
    """Return a list of all available group entries, in arbitrary order."""
    return [struct_group(*group) for group in GROUPS]


def getgrnam(name: str) -> struct_group:
    """Return the group database entry for the given group name."""
    check_name(name)
    for group in getgrall():
        if group.gr_name == name:
            return group
    raise KeyError(f"getgrnam(): name not found: {name!r}")


def getgrgid(id: int) -> struct_group:
    """Return the group database entry for the given numeric group ID."""
    check_number(id)
    if not -1 <= id < 1 << 32:
        raise OverflowError("gid is out of range")
    for group in getgrall():
        if group.gr_gid == id:
            return group
    raise KeyError(f"getgrgid(): gid not found: {id}")
