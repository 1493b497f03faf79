"""The code that runs inside the guests of a language: a folder of this package."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from pywasm_sandbox._vfs.hostfs import HostFS
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import Clocks

__all__ = ["GuestCode", "files_of"]


class GuestCode:
    """The files below a folder beside this module whose names end in ``suffix``."""

    def __init__(self, folder: str, suffix: str) -> None:
        self._folder = Path(__file__).parent / folder
        self._suffix = suffix
        self.fs = HostFS(self._folder)
        """What sandboxes mount."""

    def files(self) -> dict[str, bytes]:
        """Their contents by path in the folder, in order."""
        found: list[tuple[str, ...]] = []
        _find(str(self._folder), self._suffix, (), found)
        return {"/".join(path): _read(os.path.join(self._folder, *path)) for path in sorted(found)}

    def sha256(self) -> str:
        """Of names and contents, hex."""
        digest = hashlib.sha256()
        for name, content in self.files().items():
            digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
        return digest.hexdigest()


def _find(folder: str, suffix: str, inside: tuple[str, ...], found: list[tuple[str, ...]]) -> None:
    # Every process does this before its first cell, and `Path.rglob` takes several times as long.
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                _find(entry.path, suffix, (*inside, entry.name), found)
            elif entry.name.endswith(suffix):
                found.append((*inside, entry.name))


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.readall()


def files_of(contents: Mapping[str, bytes], clocks: Clocks) -> MemoryFS:
    """A filesystem of files by path, without what the host keeps beside them (times, inode numbers): for
    guests that become images."""
    namespace = Namespace(MemoryFS(clock=clocks.realtime_ns))
    for name, content in contents.items():
        namespace.write_bytes(f"/{name}", content, parents=True)
    fs = namespace.root.mount.fs
    assert isinstance(fs, MemoryFS)
    return fs
