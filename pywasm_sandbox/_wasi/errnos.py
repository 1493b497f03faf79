"""Errno numbers of preview1 (`$errno` of `typenames.witx`); here filesystem errors become them."""

from __future__ import annotations

from typing import Final

from pywasm_sandbox._vfs.api import Errno

SUCCESS: Final = 0
TOOBIG: Final = 1  # `$2big`
ACCES: Final = 2
ADDRINUSE: Final = 3
ADDRNOTAVAIL: Final = 4
AFNOSUPPORT: Final = 5
AGAIN: Final = 6
ALREADY: Final = 7
BADF: Final = 8
BADMSG: Final = 9
BUSY: Final = 10
CANCELED: Final = 11
CHILD: Final = 12
CONNABORTED: Final = 13
CONNREFUSED: Final = 14
CONNRESET: Final = 15
DEADLK: Final = 16
DESTADDRREQ: Final = 17
DOM: Final = 18
DQUOT: Final = 19
EXIST: Final = 20
FAULT: Final = 21
FBIG: Final = 22
HOSTUNREACH: Final = 23
IDRM: Final = 24
ILSEQ: Final = 25
INPROGRESS: Final = 26
INTR: Final = 27
INVAL: Final = 28
IO: Final = 29
ISCONN: Final = 30
ISDIR: Final = 31
LOOP: Final = 32
MFILE: Final = 33
MLINK: Final = 34
MSGSIZE: Final = 35
MULTIHOP: Final = 36
NAMETOOLONG: Final = 37
NETDOWN: Final = 38
NETRESET: Final = 39
NETUNREACH: Final = 40
NFILE: Final = 41
NOBUFS: Final = 42
NODEV: Final = 43
NOENT: Final = 44
NOEXEC: Final = 45
NOLCK: Final = 46
NOLINK: Final = 47
NOMEM: Final = 48
NOMSG: Final = 49
NOPROTOOPT: Final = 50
NOSPC: Final = 51
NOSYS: Final = 52
NOTCONN: Final = 53
NOTDIR: Final = 54
NOTEMPTY: Final = 55
NOTRECOVERABLE: Final = 56
NOTSOCK: Final = 57
NOTSUP: Final = 58
NOTTY: Final = 59
NXIO: Final = 60
OVERFLOW: Final = 61
OWNERDEAD: Final = 62
PERM: Final = 63
PIPE: Final = 64
PROTO: Final = 65
PROTONOSUPPORT: Final = 66
PROTOTYPE: Final = 67
RANGE: Final = 68
ROFS: Final = 69
SPIPE: Final = 70
SRCH: Final = 71
STALE: Final = 72
TIMEDOUT: Final = 73
TXTBSY: Final = 74
XDEV: Final = 75
NOTCAPABLE: Final = 76

# Names are those of POSIX without the E, except where a digit would come first.
_BY_POSIX_NAME: Final = {
    "E2BIG": TOOBIG,
    "EWOULDBLOCK": AGAIN,
    "EOPNOTSUPP": NOTSUP,
    "EPFNOSUPPORT": AFNOSUPPORT,
}


def of_name(name: str) -> int:
    """The number of a POSIX name such as "ECONNRESET". Raises `KeyError`."""
    number = _BY_POSIX_NAME.get(name)
    if number is None:
        number = globals()[name.removeprefix("E")]
    if not isinstance(number, int):
        raise KeyError(name)
    return number


_NAMES: Final = {
    number: f"E{name}"
    for name, number in list(globals().items())
    if name.isupper() and isinstance(number, int)
}


def name_of(number: int) -> str:
    """The POSIX name of a number, such as "ECONNRESET"."""
    return "E2BIG" if number == TOOBIG else _NAMES.get(number, "EIO")


_NUMBERS: Final = {errno: of_name(errno.name) for errno in Errno}


class WasiError(Exception):
    """A call of the guest fails with `errno`, a preview1 number."""

    errno: int

    def __init__(self, errno: int, message: str = "") -> None:
        super().__init__(message)
        self.errno = errno


def from_vfs(errno: Errno) -> int:
    """The preview1 number of a filesystem's error."""
    return _NUMBERS[errno]
