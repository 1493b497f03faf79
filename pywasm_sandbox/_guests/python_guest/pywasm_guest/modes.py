"""Permission bits: the C library has none, the host is asked."""

from __future__ import annotations

import os
import sys

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .hooks import ImportHooks

__all__ = ["install"]

_PERMISSIONS = 0o777


def mode_of(path: Any, follow: bool = True) -> int:
    """The permission bits of a file."""
    return wire.request("file.mode", path=os.path.abspath(os.fsdecode(path)), follow=follow)  # type: ignore[no-any-return]


def _make_chmod(check: Any) -> Any:
    def chmod(path: Any, mode: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        """Change the access permissions of a file. Only execution looks at them."""
        # For wrong types and options.
        check(path, mode, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        try:
            wire.request("file.set_mode", path=os.path.abspath(os.fsdecode(path)), mode=mode & _PERMISSIONS)
        except OSError as error:
            raise OSError(error.errno, os.strerror(error.errno or 0), path) from None

    return chmod


def _with_modes_of_archives(module: ModuleType) -> None:
    """What is packed here is unpacked elsewhere, where files without permissions can't be read."""
    if module.__name__ == "tarfile":
        tar_info = module.TarFile.gettarinfo

        def gettarinfo(self: Any, name: Any = None, arcname: Any = None, fileobj: Any = None) -> Any:
            """Create a TarInfo from the result of os.stat or equivalent on an existing file."""
            member = tar_info(self, name, arcname, fileobj)
            path = fileobj.name if fileobj is not None else name
            if member is not None and isinstance(path, (str, bytes, os.PathLike)):
                member.mode |= mode_of(path, self.dereference)
            return member

        module.TarFile.gettarinfo = gettarinfo
    else:
        zip_info = module.ZipInfo.from_file.__func__

        def from_file(cls: Any, filename: Any, arcname: Any = None, *, strict_timestamps: bool = True) -> Any:
            """Construct an appropriate ZipInfo for a file on the filesystem."""
            member = zip_info(cls, filename, arcname, strict_timestamps=strict_timestamps)
            member.external_attr |= mode_of(filename) << 16
            return member

        module.ZipInfo.from_file = classmethod(from_file)


def _with_modes_of_copies(module: ModuleType) -> None:
    for name in ("copymode", "copystat"):
        _copy_modes(module, name)


def _copy_modes(module: ModuleType, name: str) -> None:
    copy = getattr(module, name)

    def with_mode(src: Any, dst: Any, *, follow_symlinks: bool = True) -> None:
        copy(src, dst, follow_symlinks=follow_symlinks)
        if follow_symlinks or not os.path.islink(src):
            os.chmod(dst, mode_of(src))

    with_mode.__name__ = with_mode.__qualname__ = name
    with_mode.__doc__ = copy.__doc__
    setattr(module, name, with_mode)


def install(hooks: ImportHooks) -> None:
    """Nothing is imported here."""
    if sys.platform != "wasi":  # natively, in tests, the C library knows
        return
    os.chmod = _make_chmod(os.chmod)
    for name in ("tarfile", "zipfile"):
        hooks.on_import(name, _with_modes_of_archives)
    hooks.on_import("shutil", _with_modes_of_copies)
