"""The unit tests of `_wasi` once more, with real WebAssembly between the caller and the function.

The `guest` of this folder imports all of preview1 and calls it with the engine's trampoline in between: what
is asserted of exact errnos, untouched memory, i64 arguments and bad pointers must hold there just as well.
"""

from __future__ import annotations

import pytest

from pywasm_sandbox._engine import GuestExit, HostFailure, Program
from pywasm_sandbox._vfs.namespace import Namespace
from tests.unit.wasi.test_fd_read_write import *  # noqa: F403
from tests.unit.wasi.test_fd_state import *  # noqa: F403
from tests.unit.wasi.test_host import test_every_pointer_out_of_bounds_efault  # noqa: F401
from tests.unit.wasi.test_process import *  # noqa: F403
from tests.wasi.conftest import EngineGuest
from tests.wasi.guest import BUFFER, MEMORY_BYTES


@pytest.mark.parametrize("code", [0, 7, 126, 0xFFFF_FFFF])
def test_proc_exit_ends_the_call(guest: EngineGuest, code: int) -> None:
    with pytest.raises(GuestExit) as caught:
        guest.call("proc_exit", code)
    assert caught.value.code == code


def test_what_a_sink_raises_traps_and_comes_out(guest: EngineGuest) -> None:
    def full(fd: int, data: bytes) -> None:
        raise RuntimeError("output limit")

    guest.host.stdout.write = full  # type: ignore[method-assign]
    with pytest.raises(HostFailure) as caught:
        guest.fd_write(1, b"x")
    assert isinstance(caught.value.__cause__ or caught.value.args[0], RuntimeError)


def test_memory_is_a_guest_s_own(every_function: Program, namespace: Namespace) -> None:
    first, second = EngineGuest(every_function, namespace), EngineGuest(every_function, namespace)
    with first.only_writes():
        assert second.call("random_get", BUFFER, 64) == 0
    assert first.memory.size == second.memory.size == MEMORY_BYTES
