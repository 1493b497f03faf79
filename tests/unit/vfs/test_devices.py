"""The devices below /dev."""

from __future__ import annotations

import pytest

from pywasm_sandbox._vfs.api import Errno, FileType, VfsError
from pywasm_sandbox._vfs.devices import DeviceFS, StandardStream
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace


@pytest.fixture
def namespace() -> Namespace:
    namespace = Namespace(MemoryFS())
    namespace.make_directories("/dev")
    namespace.mount("/dev", DeviceFS(lambda length: b"r" * length))
    return namespace


def _read(namespace: Namespace, path: str, length: int) -> bytes:
    return namespace.read_bytes(path, 0, length)


def test_what_the_devices_read(namespace: Namespace) -> None:
    assert _read(namespace, "/dev/null", 10) == b""
    assert _read(namespace, "/dev/zero", 10) == bytes(10)
    assert _read(namespace, "/dev/full", 3) == bytes(3)
    assert _read(namespace, "/dev/urandom", 70_000) == b"r" * 70_000
    assert _read(namespace, "/dev/random", 1) == b"r"


def test_writes_vanish_except_on_full(namespace: Namespace) -> None:
    namespace.write_bytes("/dev/null", b"x" * 1000)
    assert namespace.stat(namespace.root, "/dev/null").size == 0
    with pytest.raises(VfsError) as raised:
        namespace.write_bytes("/dev/full", b"x")
    assert raised.value.errno is Errno.ENOSPC


def test_a_device_open_for_reading_refuses_writes(namespace: Namespace) -> None:
    file = namespace.open(namespace.root, "/dev/null").file
    assert file is not None
    with pytest.raises(VfsError) as raised:
        file.pwrite(b"x", 0)
    assert raised.value.errno is Errno.EBADF
    file.close()
    with pytest.raises(VfsError) as raised:
        file.pread(1, 0)
    assert raised.value.errno is Errno.EBADF


def test_the_directory_is_fixed(namespace: Namespace) -> None:
    names = [entry.name for entry in namespace.list_directory("/dev")]
    assert names == ["null", "zero", "full", "random", "urandom", "stdin", "stdout", "stderr"]
    assert namespace.stat(namespace.root, "/dev/zero").type is FileType.CHARACTER_DEVICE
    for change in (
        lambda: namespace.write_bytes("/dev/new", b""),
        lambda: namespace.unlink(namespace.root, "/dev/null"),
        lambda: namespace.mkdir(namespace.root, "/dev/folder"),
    ):
        with pytest.raises(VfsError) as raised:
            change()
        assert raised.value.errno is Errno.EROFS


def test_standard_streams_are_a_process_s(namespace: Namespace) -> None:
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = namespace.open(namespace.root, f"/dev/{name}", write=True).file
        assert isinstance(file, StandardStream)
        assert file.number == number
        assert file.pread(10, 0) == b""
        with pytest.raises(VfsError) as raised:
            file.pwrite(b"x", 0)
        assert raised.value.errno is Errno.ENODEV
        file.close()
