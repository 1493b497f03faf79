"""The folders that every guest finds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from pywasm_sandbox._vfs.devices import DeviceFS
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace

__all__ = ["BASE_ENV", "SYSTEM_MOUNTS", "USER_SITE", "lay_out"]

USER_SITE: Final = "/home/user/.local/lib/python3.14/site-packages"
_FOLDERS: Final = ("/workspace", "/tmp", USER_SITE, "/bin", "/dev", "/etc", "/usr")
_SYSTEM_FOLDERS: Final = ("/bin", "/lib/python3.14", "/lib/pywasm", "/lib/pywasm-js", "/local/bin")

SYSTEM_MOUNTS: Final = (
    "/usr",
    "/dev",
    "/usr/lib/python3.14",
    "/usr/lib/python3.14/site-packages",
    "/usr/lib/pywasm",
    "/usr/lib/pywasm-js",
)
"""Mounts that every sandbox has and that hold nothing of its own."""

_EXECUTABLE: Final = "/bin/python3"
_EXECUTABLE_TEXT: Final = b"Python runs within the sandbox itself; this file is what sys.executable names.\n"

BASE_ENV: Final = {
    "HOME": "/home/user",
    "USER": "user",
    "TMPDIR": "/tmp",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PWD": "/workspace",
}
"""Environment variables that every context has."""


def lay_out(
    namespace: Namespace,
    random_bytes: Callable[[int], bytes] = os.urandom,
    clock: Callable[[], int] = time.time_ns,
) -> None:
    """Make the default tree: a read-only /usr for the interpreters, devices, all else writable."""
    for folder in _FOLDERS:
        namespace.make_directories(folder)
    system = Namespace(MemoryFS(clock=clock))
    for folder in _SYSTEM_FOLDERS:
        system.make_directories(folder)
    system.write_bytes(_EXECUTABLE, _EXECUTABLE_TEXT, mode=0o755)
    namespace.mount("/usr", system.root.mount.fs, read_only=True)
    namespace.mount("/dev", DeviceFS(random_bytes))
