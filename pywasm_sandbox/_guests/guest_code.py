"""The code that runs inside the guests of a language: a folder of this package."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pywasm_sandbox._vfs.hostfs import HostFS
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import Clocks

__all__ = ["GuestCode", "files_of"]


class GuestCode:
    """The files below a folder beside this module whose names fit a pattern."""

    def __init__(self, folder: str, pattern: str) -> None:
        self._folder = Path(__file__).parent / folder
        self._pattern = pattern
        self.fs = HostFS(self._folder)
        """What sandboxes mount."""

    def files(self) -> dict[str, bytes]:
        """Their contents by path in the folder, in order."""
        paths = sorted(self._folder.rglob(self._pattern))
        return {path.relative_to(self._folder).as_posix(): path.read_bytes() for path in paths}

    def sha256(self) -> str:
        """Of names and contents, hex."""
        digest = hashlib.sha256()
        for name, content in self.files().items():
            digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
        return digest.hexdigest()


def files_of(contents: Mapping[str, bytes], clocks: Clocks) -> MemoryFS:
    """A filesystem of files by path, without what the host keeps beside them (times, inode numbers): for
    guests that become images."""
    namespace = Namespace(MemoryFS(clock=clocks.realtime_ns))
    for name, content in contents.items():
        namespace.write_bytes(f"/{name}", content, parents=True)
    fs = namespace.root.mount.fs
    assert isinstance(fs, MemoryFS)
    return fs
