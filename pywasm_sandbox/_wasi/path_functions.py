"""Functions of preview1 on paths. Each decodes, calls the namespace, and encodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pywasm_sandbox._vfs.devices import StandardStream
from pywasm_sandbox._vfs.resolver import Location

from . import abi
from .errnos import BADF, ILSEQ, INVAL, NAMETOOLONG, NOTCAPABLE, NOTDIR, NXIO, PERM, SUCCESS, WasiError
from .fd_functions import filetype_number, new_times, write_filestat
from .fds import Fd

if TYPE_CHECKING:
    from .host import WasiHost

_FOLLOW = abi.LOOKUPFLAGS_SYMLINK_FOLLOW
# Rights that a preopened directory never mentions: a reduced inheriting set says nothing about them.
_NOT_INHERITED = abi.RIGHTS_ALL & ~abi.RIGHTS_PREOPEN_INHERITING


def _directory(host: WasiHost, fd: int, right: int) -> Location:
    """The directory behind `fd`, which has `right`."""
    entry = host.open_fds.get(fd)
    if entry is None or entry.file is not None or entry.location is None:
        raise WasiError(BADF)
    if not entry.rights_base & right:
        raise WasiError(NOTCAPABLE)
    return entry.location


def _text(host: WasiHost, ptr: int, length: int) -> str:
    if length > abi.PATH_MAX:
        host.memory.check(ptr, length)
        raise WasiError(NAMETOOLONG)
    try:
        return str(host.memory.view(ptr, length), "utf-8")
    except UnicodeDecodeError:
        raise WasiError(ILSEQ) from None


def _path(host: WasiHost, ptr: int, length: int) -> str:
    """A path below an fd. An absolute one is not below anything: `perm`."""
    path = _text(host, ptr, length)
    if path[:1] == "/":
        raise WasiError(PERM)
    return path


def path_open(
    host: WasiHost,
    fd: int,
    dirflags: int,
    path: int,
    path_len: int,
    oflags: int,
    fs_rights_base: int,
    fs_rights_inheriting: int,
    fdflags: int,
    opened_fd: int,
) -> int:
    base = host.open_fds.get(fd)
    if base is None or base.location is None:
        return BADF
    if base.file is not None:
        return NOTDIR
    if (
        dirflags & ~abi.LOOKUPFLAGS_ALL
        or oflags & ~abi.OFLAGS_ALL
        or fdflags & ~abi.FDFLAGS_ALL
        or (fs_rights_base | fs_rights_inheriting) & ~abi.RIGHTS_ALL
    ):
        return INVAL
    if oflags & abi.OFLAGS_DIRECTORY and oflags != abi.OFLAGS_DIRECTORY:
        return INVAL
    write = bool(fs_rights_base & abi.RIGHTS_FD_WRITE)
    # Without either right an fd still serves to read, as that is how guests ask for a mere handle.
    read = not write or bool(fs_rights_base & abi.RIGHTS_FD_READ)
    if _missing_rights(base, read, write, oflags):
        return NOTCAPABLE
    name = _path(host, path, path_len)
    host.memory.check(opened_fd, 4)
    host.fds.reserve()
    truncate = bool(oflags & abi.OFLAGS_TRUNC)
    location, file, _ = host.namespace.open(
        base.location,
        name,
        write=write or truncate,
        create=bool(oflags & abi.OFLAGS_CREAT),
        exclusive=bool(oflags & abi.OFLAGS_EXCL),
        truncate=truncate,
        directory=bool(oflags & abi.OFLAGS_DIRECTORY),
        follow=bool(dirflags & _FOLLOW),
    )
    if isinstance(file, StandardStream):
        if file.number not in host.open_fds:
            return NXIO
        host.memory.set_u32(opened_fd, host.fds.duplicate(file.number, 0))
        return SUCCESS
    given_up = ~(base.rights_inheriting | _NOT_INHERITED)
    if file is None:
        rights = abi.RIGHTS_DIRECTORY & ~given_up
        inheriting = abi.RIGHTS_ALL & ~given_up
        filetype = abi.FILETYPE_DIRECTORY
        fdflags = 0
        read = write = False
    else:
        rights = inheriting = _file_rights(read, write) & ~given_up
        filetype = filetype_number(location.type)
    entry = Fd(
        filetype=filetype,
        rights_base=rights,
        rights_inheriting=inheriting,
        location=location,
        file=file,
        flags=fdflags,
        readable=read,
        writable=write,
    )
    host.memory.set_u32(opened_fd, host.fds.insert(entry))
    return SUCCESS


def _missing_rights(base: Fd, read: bool, write: bool, oflags: int) -> bool:
    """Whether opening needs a right that the directory's fd has given up."""
    own = abi.RIGHTS_PATH_OPEN | (abi.RIGHTS_PATH_CREATE_FILE if oflags & abi.OFLAGS_CREAT else 0)
    passed_on = (
        (abi.RIGHTS_FD_READ if read else 0)
        | (abi.RIGHTS_FD_WRITE if write else 0)
        | (abi.RIGHTS_FD_FILESTAT_SET_SIZE if oflags & abi.OFLAGS_TRUNC else 0)
    )
    return bool(own & ~base.rights_base or passed_on & ~base.rights_inheriting)


def _file_rights(read: bool, write: bool) -> int:
    rights = abi.RIGHTS_REGULAR_FILE
    if not read:
        rights &= ~(abi.RIGHTS_FD_READ | abi.RIGHTS_FD_READDIR)
    if not write:
        rights &= ~abi.RIGHTS_FD_WRITE
    return rights


def path_filestat_get(host: WasiHost, fd: int, flags: int, path: int, path_len: int, buf: int) -> int:
    if flags & ~abi.LOOKUPFLAGS_ALL:
        return INVAL
    directory = _directory(host, fd, abi.RIGHTS_PATH_FILESTAT_GET)
    stat = host.namespace.stat(directory, _path(host, path, path_len), bool(flags & _FOLLOW))
    write_filestat(host.memory, buf, stat)
    return SUCCESS


def path_filestat_set_times(
    host: WasiHost, fd: int, flags: int, path: int, path_len: int, atim: int, mtim: int, fst_flags: int
) -> int:
    if flags & ~abi.LOOKUPFLAGS_ALL:
        return INVAL
    atime, mtime = new_times(host, atim, mtim, fst_flags)
    directory = _directory(host, fd, abi.RIGHTS_PATH_FILESTAT_SET_TIMES)
    host.namespace.set_times(directory, _path(host, path, path_len), atime, mtime, bool(flags & _FOLLOW))
    return SUCCESS


def path_create_directory(host: WasiHost, fd: int, path: int, path_len: int) -> int:
    directory = _directory(host, fd, abi.RIGHTS_PATH_CREATE_DIRECTORY)
    host.namespace.mkdir(directory, _path(host, path, path_len))
    return SUCCESS


def path_remove_directory(host: WasiHost, fd: int, path: int, path_len: int) -> int:
    directory = _directory(host, fd, abi.RIGHTS_PATH_REMOVE_DIRECTORY)
    host.namespace.rmdir(directory, _path(host, path, path_len))
    return SUCCESS


def path_unlink_file(host: WasiHost, fd: int, path: int, path_len: int) -> int:
    directory = _directory(host, fd, abi.RIGHTS_PATH_UNLINK_FILE)
    host.namespace.unlink(directory, _path(host, path, path_len))
    return SUCCESS


def path_link(
    host: WasiHost,
    old_fd: int,
    old_flags: int,
    old_path: int,
    old_path_len: int,
    new_fd: int,
    new_path: int,
    new_path_len: int,
) -> int:
    if old_flags & ~abi.LOOKUPFLAGS_ALL:
        return INVAL
    old_directory = _directory(host, old_fd, abi.RIGHTS_PATH_LINK_SOURCE)
    new_directory = _directory(host, new_fd, abi.RIGHTS_PATH_LINK_TARGET)
    host.namespace.link(
        old_directory,
        _path(host, old_path, old_path_len),
        new_directory,
        _path(host, new_path, new_path_len),
        bool(old_flags & _FOLLOW),
    )
    return SUCCESS


def path_rename(
    host: WasiHost, fd: int, old_path: int, old_path_len: int, new_fd: int, new_path: int, new_path_len: int
) -> int:
    old_directory = _directory(host, fd, abi.RIGHTS_PATH_RENAME_SOURCE)
    new_directory = _directory(host, new_fd, abi.RIGHTS_PATH_RENAME_TARGET)
    host.namespace.rename(
        old_directory, _path(host, old_path, old_path_len), new_directory, _path(host, new_path, new_path_len)
    )
    return SUCCESS


def path_symlink(
    host: WasiHost, old_path: int, old_path_len: int, fd: int, new_path: int, new_path_len: int
) -> int:
    directory = _directory(host, fd, abi.RIGHTS_PATH_SYMLINK)
    # The target may be absolute or lead anywhere: it is followed inside the guest's tree, which has a root.
    target = _text(host, old_path, old_path_len)
    host.namespace.symlink(directory, _path(host, new_path, new_path_len), target)
    return SUCCESS


def path_readlink(
    host: WasiHost, fd: int, path: int, path_len: int, buf: int, buf_len: int, bufused: int
) -> int:
    directory = _directory(host, fd, abi.RIGHTS_PATH_READLINK)
    target = host.namespace.readlink(directory, _path(host, path, path_len)).encode(
        "utf-8", "surrogateescape"
    )
    memory = host.memory
    memory.check(bufused, 4)
    memory.write(buf, target[:buf_len])
    memory.set_u32(bufused, min(len(target), buf_len))
    return SUCCESS
