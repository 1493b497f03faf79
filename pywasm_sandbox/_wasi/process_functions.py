"""Functions of preview1 on the process: arguments, environment, clocks, randomness, exit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Never

from . import abi, errnos
from .random import CHUNK_BYTES

if TYPE_CHECKING:
    from .host import WasiHost

_INTERRUPT_CHECK_BYTES = 1 << 20
_LAST_CLOCK = int(abi.ClockId.THREAD_CPUTIME_ID)


class GuestExit(BaseException):
    """The guest called `proc_exit`. `code` is a u32."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def args_sizes_get(host: WasiHost, argc: int, argv_buf_size: int) -> int:
    return _string_sizes(host, host.args, argc, argv_buf_size)


def args_get(host: WasiHost, argv: int, argv_buf: int) -> int:
    return _strings(host, host.args, argv, argv_buf)


def environ_sizes_get(host: WasiHost, environ_count: int, environ_buf_size: int) -> int:
    return _string_sizes(host, host.environ, environ_count, environ_buf_size)


def environ_get(host: WasiHost, environ: int, environ_buf: int) -> int:
    return _strings(host, host.environ, environ, environ_buf)


def _string_sizes(host: WasiHost, strings: Sequence[bytes], count_ptr: int, size_ptr: int) -> int:
    memory = host.memory
    memory.check(size_ptr, 4)
    memory.set_u32(count_ptr, len(strings))
    memory.set_u32(size_ptr, sum(map(len, strings)))
    return errnos.SUCCESS


def _strings(host: WasiHost, strings: Sequence[bytes], pointers: int, buffer: int) -> int:
    memory = host.memory
    memory.check(pointers, 4 * len(strings))
    memory.write(buffer, b"".join(strings))
    for index, string in enumerate(strings):
        memory.set_u32(pointers + 4 * index, buffer)
        buffer += len(string)
    return errnos.SUCCESS


def clock_res_get(host: WasiHost, clock_id: int, resolution: int) -> int:
    if clock_id > _LAST_CLOCK:
        return errnos.INVAL
    host.memory.set_u64(resolution, host.clocks.resolution_ns(clock_id))
    return errnos.SUCCESS


def clock_time_get(host: WasiHost, clock_id: int, precision: int, timestamp: int) -> int:
    if clock_id > _LAST_CLOCK:
        return errnos.INVAL
    host.memory.set_u64(timestamp, host.clocks.now_ns(clock_id))
    return errnos.SUCCESS


def random_get(host: WasiHost, buf: int, buf_len: int) -> int:
    memory = host.memory
    memory.check(buf, buf_len)
    source = host.random_source
    if buf_len <= CHUNK_BYTES:
        if buf_len:
            memory.write(buf, source.random_bytes(buf_len))
        return errnos.SUCCESS
    end = buf + buf_len
    for start in range(buf, end, CHUNK_BYTES):
        memory.write(start, source.random_bytes(min(CHUNK_BYTES, end - start)))
        # Gigabytes take seconds: a deadline must be able to end them.
        if (start - buf) % _INTERRUPT_CHECK_BYTES == 0 and host.waiter.wait(0.0):
            return errnos.INTR
    return errnos.SUCCESS


def sched_yield(host: WasiHost) -> int:
    return errnos.SUCCESS


def proc_exit(host: WasiHost, rval: int) -> Never:
    raise GuestExit(rval)


def proc_raise(host: WasiHost, sig: int) -> int:
    return errnos.INVAL if sig > abi.SIGNAL_LAST else errnos.NOTSUP
