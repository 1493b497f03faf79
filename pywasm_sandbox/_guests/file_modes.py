"""Permission bits of files, which WASI has no calls for: ``file.mode`` and ``file.set_mode``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pywasm_sandbox._vfs.api import VfsError

from .hostcalls import HostCallError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .hostcalls import Handler, HostCall

__all__ = ["HANDLERS"]

_PERMISSIONS: Final = 0o777
_READ: Final = 0o444
_EXECUTE: Final = 0o111


def _failure(error: VfsError) -> HostCallError:
    return HostCallError("OSError", error.errno.value, errno=error.errno.name)


def _mode(call: HostCall) -> int:
    """The bits of the file at an absolute ``path``, of a symlink itself unless ``follow``."""
    namespace = call.wasi.namespace
    try:
        return namespace.stat(namespace.root, call.get("path", str), call.get("follow", bool, True)).mode
    except VfsError as error:
        raise _failure(error) from error


def _set_mode(call: HostCall) -> None:
    """Set the bits of the file at an absolute ``path``.

    Guests see no bits when they look at a file, so those that change what they saw (``mode | S_IEXEC``)
    would take the right to read away, from the host's own files where a folder of it is mounted. Of a mode
    without that right only the bits for execution are taken, and nothing of an empty one.
    """
    namespace = call.wasi.namespace
    path, mode = call.get("path", str), call.get("mode", int) & _PERMISSIONS
    try:
        if not mode & _READ:
            before = namespace.stat(namespace.root, path).mode
            mode = before & ~_EXECUTE | mode & _EXECUTE if mode else before
        namespace.set_mode(namespace.root, path, mode)
    except VfsError as error:
        raise _failure(error) from error


HANDLERS: Final[Mapping[str, Handler]] = {"file.mode": _mode, "file.set_mode": _set_mode}
