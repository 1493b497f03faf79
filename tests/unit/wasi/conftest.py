from __future__ import annotations

import pytest

from pywasm_sandbox._vfs.namespace import Namespace
from tests.wasi.fakes import host_without_surprises, small_namespace
from tests.wasi.guest import DirectGuest


@pytest.fixture
def namespace() -> Namespace:
    return small_namespace()


@pytest.fixture
def plain_guest(namespace: Namespace) -> DirectGuest:
    """For what only a guest without an engine shows: its memory is a bytearray, exceptions come out bare."""
    guest = DirectGuest()
    guest.host = host_without_surprises(namespace, guest.memory)
    return guest


@pytest.fixture
def guest(plain_guest: DirectGuest) -> DirectGuest:
    return plain_guest
