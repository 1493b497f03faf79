"""Functions of preview1 on open files and stdio. Each decodes, calls the filesystem or stdio, and encodes."""

from __future__ import annotations

from struct import error as StructError
from typing import TYPE_CHECKING

from pywasm_sandbox._vfs.api import File, FileType, Stat, VfsError

from . import abi, endpoints, stdio
from .clocks import U64_MASK
from .errnos import BADF, FBIG, INVAL, NAMETOOLONG, NOTCAPABLE, NOTDIR, SPIPE, SUCCESS, WasiError
from .fds import Fd
from .memory import Memory

if TYPE_CHECKING:
    from .host import WasiHost

_FILETYPES = {
    FileType.REGULAR: abi.FILETYPE_REGULAR_FILE,
    FileType.DIRECTORY: abi.FILETYPE_DIRECTORY,
    FileType.SYMLINK: abi.FILETYPE_SYMBOLIC_LINK,
    FileType.CHARACTER_DEVICE: abi.FILETYPE_CHARACTER_DEVICE,
    FileType.UNKNOWN: abi.FILETYPE_UNKNOWN,
}
# Most things are one of these, and the hash of an enum's member costs as much as a small function.
_REGULAR = FileType.REGULAR
_DIRECTORY = FileType.DIRECTORY


def filetype_number(kind: FileType) -> int:
    """The `$filetype` of what a filesystem calls `kind`."""
    if kind is _REGULAR:
        return abi.FILETYPE_REGULAR_FILE
    if kind is _DIRECTORY:
        return abi.FILETYPE_DIRECTORY
    return _FILETYPES[kind]


# -- reading and writing -----------------------------------------------------------------------------------


def fd_read(host: WasiHost, fd: int, iovs: int, iovs_len: int, nread: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None or not entry.readable:
        return BADF
    if not entry.rights_base & abi.RIGHTS_FD_READ:
        return NOTCAPABLE
    memory = host.memory
    file = entry.file
    if file is None:
        if entry.endpoint is not None:
            memory.check(nread, 4)
            memory.set_u32(nread, endpoints.receive(host, entry, memory.iovecs(iovs, iovs_len)))
            return SUCCESS
        if entry.stream != stdio.STDIN:
            return BADF
        memory.check(nread, 4)
        memory.set_u32(nread, _read_stdin(host, memory.iovecs(iovs, iovs_len)))
        return SUCCESS
    memory.check(nread, 4)
    count = _read_file(file, memory.iovecs(iovs, iovs_len), entry.offset)
    entry.offset += count
    memory.set_u32(nread, count)
    return SUCCESS


def fd_pread(host: WasiHost, fd: int, iovs: int, iovs_len: int, offset: int, nread: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None or not entry.readable:
        return BADF
    file = entry.file
    if file is None:
        return SPIPE if entry.stream == stdio.STDIN or entry.endpoint is not None else BADF
    if not entry.rights_base & abi.RIGHTS_FD_READ:
        return NOTCAPABLE
    if offset > abi.OFFSET_MAX:
        return INVAL
    memory = host.memory
    memory.check(nread, 4)
    memory.set_u32(nread, _read_file(file, memory.iovecs(iovs, iovs_len), offset))
    return SUCCESS


def _read_file(file: File, buffers: list[memoryview], offset: int) -> int:
    """`readv(2)`: fill the buffers in order; the number of bytes."""
    total = 0
    for buffer in buffers:
        if total + len(buffer) > abi.TRANSFER_MAX:
            buffer = buffer[: abi.TRANSFER_MAX - total]
        count = file.pread_into(buffer, offset + total)
        total += count
        if count < len(buffer) or not count:
            break
    return total


def _read_stdin(host: WasiHost, buffers: list[memoryview]) -> int:
    """What one `read` of the source gives: a second one might block although there is something to return."""
    wanted = min(sum(map(len, buffers)), stdio.CHUNK_BYTES)
    if not wanted:
        return 0
    host.on_block()
    data = host.stdin.read(wanted)[:wanted]
    total = 0
    for buffer in buffers:
        part = data[total : total + len(buffer)]
        buffer[: len(part)] = part
        total += len(part)
    return total


def fd_write(host: WasiHost, fd: int, iovs: int, iovs_len: int, nwritten: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None or not entry.writable:
        return BADF
    if not entry.rights_base & abi.RIGHTS_FD_WRITE:
        return NOTCAPABLE
    memory = host.memory
    memory.check(nwritten, 4)
    buffers = memory.iovecs(iovs, iovs_len)
    file = entry.file
    if entry.endpoint is not None:
        count = endpoints.send(host, entry, buffers)
    elif file is None:
        count = _write_stdio(host, entry.stream, buffers)
    elif entry.flags & abi.FDFLAGS_APPEND:
        count = _append_file(entry, file, buffers, move=True)
    else:
        count = _write_file(file, buffers, entry.offset)
        entry.offset += count
    if file is not None and entry.flags & abi.FDFLAGS_ANY_SYNC:
        file.sync()
    memory.set_u32(nwritten, count)
    return SUCCESS


def fd_pwrite(host: WasiHost, fd: int, iovs: int, iovs_len: int, offset: int, nwritten: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None or not entry.writable:
        return BADF
    file = entry.file
    if file is None:
        return SPIPE
    if not entry.rights_base & abi.RIGHTS_FD_WRITE:
        return NOTCAPABLE
    memory = host.memory
    memory.check(nwritten, 4)
    buffers = memory.iovecs(iovs, iovs_len)
    if entry.flags & abi.FDFLAGS_APPEND:
        # Linux: "if a file is opened with O_APPEND, pwrite() appends data to the end of the file, regardless
        # of the value of offset" (pwrite(2), BUGS). Guests' C libraries were made for that.
        count = _append_file(entry, file, buffers, move=False)
    elif offset > abi.OFFSET_MAX:
        return INVAL
    else:
        count = _write_file(file, buffers, offset)
    if entry.flags & abi.FDFLAGS_ANY_SYNC:
        file.sync()
    memory.set_u32(nwritten, count)
    return SUCCESS


def _write_file(file: File, buffers: list[memoryview], offset: int) -> int:
    """`writev(2)`: a failure after the first byte is a short count; the next call will meet it again."""
    total = 0
    for buffer in buffers:
        if total + len(buffer) > abi.TRANSFER_MAX:
            buffer = buffer[: abi.TRANSFER_MAX - total]
        if not buffer:
            break
        try:
            count = file.pwrite(buffer, offset + total)
        except VfsError:
            if total:
                return total
            raise
        total += count
        if count < len(buffer):
            break
    return total


def _append_file(entry: Fd, file: File, buffers: list[memoryview], *, move: bool) -> int:
    """Write at the end. Small buffers go in one step, so that two appending guests don't mix their lines."""
    if len(buffers) > 1 and sum(map(len, buffers)) <= stdio.CHUNK_BYTES:
        buffers = [memoryview(b"".join(buffers))]
    total = 0
    for buffer in buffers:
        if total + len(buffer) > abi.TRANSFER_MAX:
            buffer = buffer[: abi.TRANSFER_MAX - total]
        if not buffer:
            break
        try:
            offset, count = file.append(buffer)
        except VfsError:
            if total:
                return total
            raise
        total += count
        if move:
            entry.offset = offset + count
        if count < len(buffer):
            break
    return total


def _write_stdio(host: WasiHost, stream: int, buffers: list[memoryview]) -> int:
    host.on_stdio()
    sink = host.stdout if stream == stdio.STDOUT else host.stderr
    total = sum(map(len, buffers))
    if total <= stdio.CHUNK_BYTES:
        if total:
            sink.write(stream, b"".join(buffers))
        return total
    left = abi.TRANSFER_MAX
    for buffer in buffers:
        buffer = buffer[:left]
        left -= len(buffer)
        for start in range(0, len(buffer), stdio.CHUNK_BYTES):
            sink.write(stream, bytes(buffer[start : start + stdio.CHUNK_BYTES]))
    return abi.TRANSFER_MAX - left


# -- the offset --------------------------------------------------------------------------------------------


def fd_seek(host: WasiHost, fd: int, offset: int, whence: int, newoffset: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None:
        return BADF
    file = entry.file
    if file is None:
        return SPIPE if entry.stream >= 0 or entry.endpoint is not None else BADF
    if whence > abi.WHENCE_END:
        return INVAL
    if offset > abi.OFFSET_MAX:
        offset -= U64_MASK + 1
    # Asking where the offset is takes less than moving it.
    right = abi.RIGHTS_FD_SEEK
    if whence == abi.WHENCE_CUR and not offset:
        right |= abi.RIGHTS_FD_TELL
    if not entry.rights_base & right:
        return NOTCAPABLE
    if whence == abi.WHENCE_CUR:
        offset += entry.offset
    elif whence == abi.WHENCE_END:
        offset += file.size
    if not 0 <= offset <= abi.OFFSET_MAX:
        return INVAL
    host.memory.set_u64(newoffset, offset)
    entry.offset = offset
    return SUCCESS


def fd_tell(host: WasiHost, fd: int, offset: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None:
        return BADF
    if entry.file is None:
        return SPIPE if entry.stream >= 0 or entry.endpoint is not None else BADF
    if not entry.rights_base & (abi.RIGHTS_FD_TELL | abi.RIGHTS_FD_SEEK):
        return NOTCAPABLE
    host.memory.set_u64(offset, entry.offset)
    return SUCCESS


# -- size, space, storage ----------------------------------------------------------------------------------


def _file(host: WasiHost, fd: int, right: int) -> tuple[Fd, File]:
    """An fd that is a file and has `right`."""
    entry = host.open_fds.get(fd)
    if entry is None or entry.file is None:
        raise WasiError(BADF if entry is None or entry.endpoint is None else INVAL)
    if not entry.rights_base & right:
        raise WasiError(NOTCAPABLE)
    return entry, entry.file


def fd_filestat_set_size(host: WasiHost, fd: int, size: int) -> int:
    entry, file = _file(host, fd, abi.RIGHTS_FD_FILESTAT_SET_SIZE)
    if not entry.writable or size > abi.OFFSET_MAX:
        return INVAL  # as ftruncate(2) says of a file that is not open for writing
    file.truncate(size)
    return SUCCESS


def fd_allocate(host: WasiHost, fd: int, offset: int, length: int) -> int:
    entry, file = _file(host, fd, abi.RIGHTS_FD_ALLOCATE)
    if not entry.writable:
        return BADF
    if not length:
        return INVAL
    if offset + length > abi.OFFSET_MAX:
        return FBIG
    file.allocate(offset, length)
    return SUCCESS


def fd_advise(host: WasiHost, fd: int, offset: int, length: int, advice: int) -> int:
    _file(host, fd, abi.RIGHTS_FD_ADVISE)
    if advice > abi.ADVICE_LAST or length > abi.OFFSET_MAX:
        return INVAL
    return SUCCESS


def fd_sync(host: WasiHost, fd: int) -> int:
    return _sync(host, fd, abi.RIGHTS_FD_SYNC)


def fd_datasync(host: WasiHost, fd: int) -> int:
    return _sync(host, fd, abi.RIGHTS_FD_DATASYNC)


def _sync(host: WasiHost, fd: int, right: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is not None and entry.file is None and entry.location is not None:
        # Databases sync the directory after a rename; names here are as stable as they get.
        entry.location.mount.fs.sync()
        return SUCCESS
    _, file = _file(host, fd, right)
    file.sync()
    return SUCCESS


# -- attributes --------------------------------------------------------------------------------------------


def fd_fdstat_get(host: WasiHost, fd: int, stat: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None:
        return BADF
    host.memory.pack(
        abi.FDSTAT, stat, entry.filetype, entry.flags, entry.rights_base, entry.rights_inheriting
    )
    return SUCCESS


def fd_fdstat_set_flags(host: WasiHost, fd: int, flags: int) -> int:
    if flags & ~abi.FDFLAGS_ALL:
        return INVAL
    entry = host.open_fds.get(fd)
    if entry is None or entry.endpoint is None:
        entry, _ = _file(host, fd, abi.RIGHTS_FD_FDSTAT_SET_FLAGS)
    # Whether writes are synchronous is decided at opening; saying the same again is what `fcntl` does.
    if (flags ^ entry.flags) & abi.FDFLAGS_ANY_SYNC:
        return INVAL
    entry.flags = flags
    return SUCCESS


def fd_fdstat_set_rights(host: WasiHost, fd: int, fs_rights_base: int, fs_rights_inheriting: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None:
        return BADF
    if (fs_rights_base | fs_rights_inheriting) & ~abi.RIGHTS_ALL:
        return INVAL
    if fs_rights_base & ~entry.rights_base or fs_rights_inheriting & ~entry.rights_inheriting:
        return NOTCAPABLE
    entry.rights_base = fs_rights_base
    entry.rights_inheriting = fs_rights_inheriting
    return SUCCESS


def fd_filestat_get(host: WasiHost, fd: int, buf: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None:
        return BADF
    if not entry.rights_base & abi.RIGHTS_FD_FILESTAT_GET:
        return NOTCAPABLE
    location = entry.location
    if location is None:
        host.memory.pack(abi.FILESTAT, buf, 0, 0, entry.filetype, 0, 0, 0, 0, 0)
        return SUCCESS
    write_filestat(host.memory, buf, host.namespace.stat_of(location, entry.file))
    return SUCCESS


def write_filestat(memory: Memory, ptr: int, stat: Stat) -> None:
    """Encode `filestat`. A number that u64 cannot hold (a time before 1970) is clamped."""
    device, inode, kind, size, nlink, _, atime, mtime, ctime = stat
    filetype = filetype_number(kind)
    try:
        memory.pack(abi.FILESTAT, ptr, device, inode, filetype, nlink, size, atime, mtime, ctime)
    except StructError:
        numbers = [min(max(number, 0), U64_MASK) for number in (nlink, size, atime, mtime, ctime)]
        memory.pack(abi.FILESTAT, ptr, device & U64_MASK, inode & U64_MASK, filetype, *numbers)


def fd_filestat_set_times(host: WasiHost, fd: int, atim: int, mtim: int, fst_flags: int) -> int:
    atime, mtime = new_times(host, atim, mtim, fst_flags)
    entry = host.open_fds.get(fd)
    if entry is None or entry.location is None:
        return BADF
    if not entry.rights_base & abi.RIGHTS_FD_FILESTAT_SET_TIMES:
        return NOTCAPABLE
    host.namespace.set_times_of(entry.location, atime, mtime, entry.file)
    return SUCCESS


def new_times(host: WasiHost, atim: int, mtim: int, fst_flags: int) -> tuple[int | None, int | None]:
    """The access and the modification time that `fstflags` ask for; None leaves one as it is."""
    if fst_flags & ~abi.FSTFLAGS_ALL:
        raise WasiError(INVAL)
    both = abi.FSTFLAGS_ATIM | abi.FSTFLAGS_ATIM_NOW
    if fst_flags & both == both or fst_flags >> 2 & both == both:
        raise WasiError(INVAL)
    now = host.clocks.realtime_ns()
    atime = atim if fst_flags & abi.FSTFLAGS_ATIM else now if fst_flags & abi.FSTFLAGS_ATIM_NOW else None
    mtime = mtim if fst_flags & abi.FSTFLAGS_MTIM else now if fst_flags & abi.FSTFLAGS_MTIM_NOW else None
    return atime, mtime


# -- the table ---------------------------------------------------------------------------------------------


def fd_close(host: WasiHost, fd: int) -> int:
    if fd not in host.open_fds:
        return BADF
    host.listing = None
    host.fds.remove(fd)
    return SUCCESS


def fd_renumber(host: WasiHost, fd: int, to: int) -> int:
    if fd not in host.open_fds or to not in host.open_fds:
        return BADF
    host.listing = None
    host.fds.renumber(fd, to)
    return SUCCESS


def fd_prestat_get(host: WasiHost, fd: int, prestat: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None or entry.preopen is None:
        return BADF
    host.memory.pack(abi.PRESTAT, prestat, abi.PREOPENTYPE_DIR, len(entry.preopen))
    return SUCCESS


def fd_prestat_dir_name(host: WasiHost, fd: int, path: int, path_len: int) -> int:
    entry = host.open_fds.get(fd)
    if entry is None:
        return BADF
    if entry.preopen is None:
        return NOTDIR
    if len(entry.preopen) > path_len:
        return NAMETOOLONG
    host.memory.write(path, entry.preopen)
    return SUCCESS
