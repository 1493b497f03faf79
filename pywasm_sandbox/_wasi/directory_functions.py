"""`fd_readdir`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pywasm_sandbox._vfs.api import DirEntry
from pywasm_sandbox._vfs.resolver import Location

from . import abi
from .errnos import BADF, NOTCAPABLE, SUCCESS
from .fd_functions import filetype_number
from .fds import Fd

if TYPE_CHECKING:
    from .host import WasiHost

_COOKIE_DOT = 1  # `d_next` of "."; that of ".." is the last one below the filesystem's
_COOKIE_DOTDOT = 2


class Listing(NamedTuple):
    """Where the last `fd_readdir` stopped: the next one as a rule goes on there, and need not list anew.

    One is kept a host, not one an fd: a directory's entries times all fds would be more than a guest may
    cost.
    """

    fd: Fd
    cookie: int
    entries: list[DirEntry[Any]]
    position: int


def fd_readdir(host: WasiHost, fd: int, buf: int, buf_len: int, cookie: int, bufused: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None or entry.location is None or entry.file is not None:
        return BADF
    if not entry.rights_base & abi.RIGHTS_FD_READDIR:
        return NOTCAPABLE
    memory = host.memory
    memory.check(bufused, 4)
    memory.check(buf, buf_len)
    pieces, used = _fill(host, entry, entry.location, buf_len, cookie)
    memory.write(buf, b"".join(pieces)[:buf_len])
    memory.set_u32(bufused, min(used, buf_len))
    return SUCCESS


def _fill(host: WasiHost, fd: Fd, directory: Location, capacity: int, cookie: int) -> tuple[list[bytes], int]:
    """Encoded entries after `cookie` until `capacity` is reached or passed, and their length in bytes.

    The last one may have to be cut: a full buffer tells the guest that there is more.
    """
    pack = abi.DIRENT.pack
    pieces: list[bytes] = []
    used = 0
    for name, own_cookie, path in ((b".", _COOKIE_DOT, "."), (b"..", _COOKIE_DOTDOT, "..")):
        if cookie < own_cookie and used < capacity:
            inode = host.namespace.stat(directory, path).inode
            piece = pack(own_cookie, inode, len(name), abi.FILETYPE_DIRECTORY) + name
            pieces.append(piece)
            used += len(piece)
    cookie = max(cookie, _COOKIE_DOTDOT)
    if used >= capacity:
        return pieces, used
    entries, index = _entries_after(host, fd, directory, cookie)
    while index < len(entries):
        text, _, kind, inode, own_cookie = entries[index]
        encoded = text.encode("utf-8", "surrogateescape")
        piece = pack(own_cookie, inode, len(encoded), filetype_number(kind)) + encoded
        pieces.append(piece)
        used += len(piece)
        if used > capacity:
            break
        index += 1
        cookie = own_cookie
        if used == capacity:
            break
    host.listing = Listing(fd, cookie, entries, index)
    return pieces, used


def _entries_after(
    host: WasiHost, fd: Fd, directory: Location, cookie: int
) -> tuple[list[DirEntry[Any]], int]:
    """A list of entries, and the index in it at which those after `cookie` begin."""
    last = host.listing
    if last is not None and last.fd is fd and last.cookie == cookie and cookie > _COOKIE_DOTDOT:
        return last.entries, last.position
    return host.namespace.readdir(directory, cookie), 0
