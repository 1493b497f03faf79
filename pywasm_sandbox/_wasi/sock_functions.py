"""Functions of preview1 on sockets. A guest gets one from the host, by a call of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import abi, endpoints
from .errnos import BADF, INVAL, NOTCAPABLE, NOTSOCK, SUCCESS, WasiError
from .fds import Fd

if TYPE_CHECKING:
    from .host import WasiHost


def _socket(host: WasiHost, fd: int, right: int) -> Fd:
    entry = host.open_fds.get(fd)
    if entry is None:
        raise WasiError(BADF)
    if entry.endpoint is None:
        raise WasiError(NOTSOCK)
    if not entry.rights_base & right:
        raise WasiError(NOTCAPABLE)
    return entry


def sock_accept(host: WasiHost, fd: int, flags: int, result: int) -> int:
    if flags & ~abi.FDFLAGS_ALL:
        return INVAL
    entry = _socket(host, fd, abi.RIGHTS_SOCK_ACCEPT)
    host.memory.check(result, 4)
    host.fds.reserve()
    number = host.fds.insert(Fd.of_endpoint(endpoints.accept(host, entry), flags))
    host.memory.set_u32(result, number)
    return SUCCESS


def sock_recv(
    host: WasiHost, fd: int, ri_data: int, ri_data_len: int, ri_flags: int, ro_datalen: int, ro_flags: int
) -> int:
    if ri_flags & ~abi.RIFLAGS_ALL:
        return INVAL
    entry = _socket(host, fd, abi.RIGHTS_FD_READ)
    memory = host.memory
    memory.check(ro_datalen, 4)
    memory.check(ro_flags, 2)
    count = endpoints.receive(
        host,
        entry,
        memory.iovecs(ri_data, ri_data_len),
        peek=bool(ri_flags & abi.RIFLAGS_RECV_PEEK),
        everything=bool(ri_flags & abi.RIFLAGS_RECV_WAITALL),
    )
    memory.set_u32(ro_datalen, count)
    memory.set_u16(ro_flags, 0)
    return SUCCESS


def sock_send(host: WasiHost, fd: int, si_data: int, si_data_len: int, si_flags: int, so_datalen: int) -> int:
    if si_flags:
        return INVAL  # the specification defines no flag
    entry = _socket(host, fd, abi.RIGHTS_FD_WRITE)
    memory = host.memory
    memory.check(so_datalen, 4)
    memory.set_u32(so_datalen, endpoints.send(host, entry, memory.iovecs(si_data, si_data_len)))
    return SUCCESS


def sock_shutdown(host: WasiHost, fd: int, how: int) -> int:
    if how & ~abi.SDFLAGS_ALL:
        return INVAL
    entry = _socket(host, fd, abi.RIGHTS_SOCK_SHUTDOWN)
    assert entry.endpoint is not None
    entry.endpoint.shutdown(read=bool(how & abi.SDFLAGS_RD), write=bool(how & abi.SDFLAGS_WR))
    return SUCCESS
