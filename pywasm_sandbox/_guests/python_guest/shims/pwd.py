"""The password database: two users."""

from collections import namedtuple

from pywasm_guest.users import USERS, check_name, check_number

__all__ = ["getpwall", "getpwnam", "getpwuid", "struct_passwd"]

struct_passwd = namedtuple("struct_passwd", "pw_name pw_passwd pw_uid pw_gid pw_gecos pw_dir pw_shell")


def getpwall() -> list[struct_passwd]:
    """Return a list of all available password database entries, in arbitrary order."""
    return [struct_passwd(*user) for user in USERS]


def getpwnam(name: str) -> struct_passwd:
    """Return the password database entry for the given user name."""
    check_name(name)
    for user in getpwall():
        if user.pw_name == name:
            return user
    raise KeyError(f"getpwnam(): name not found: {name!r}")


def getpwuid(uid: int) -> struct_passwd:
    """Return the password database entry for the given numeric user ID."""
    check_number(uid)
    for user in getpwall():
        if user.pw_uid == uid:
            return user
    raise KeyError(f"getpwuid(): uid not found: {uid}")
