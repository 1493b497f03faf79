"""The binary interface of WASI preview1, as data.

Source: `typenames.witx` and `wasi_snapshot_preview1.witx` of the WASI specification, snapshot preview1. Names
are the specification's, upper-cased for constants. Nothing here acts; the other modules of this package do.

Errno numbers live in `errnos`.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final

MODULE: Final = "wasi_snapshot_preview1"

SIGNATURES: Final[dict[str, tuple[str, str]]] = {
    # name: (parameters, results); "i" is an i32, "I" an i64. Pointers, sizes, fds and flags are i32, rights
    # i64.
    "args_get": ("ii", "i"),
    "args_sizes_get": ("ii", "i"),
    "environ_get": ("ii", "i"),
    "environ_sizes_get": ("ii", "i"),
    "clock_res_get": ("ii", "i"),
    "clock_time_get": ("iIi", "i"),
    "fd_advise": ("iIIi", "i"),
    "fd_allocate": ("iII", "i"),
    "fd_close": ("i", "i"),
    "fd_datasync": ("i", "i"),
    "fd_fdstat_get": ("ii", "i"),
    "fd_fdstat_set_flags": ("ii", "i"),
    "fd_fdstat_set_rights": ("iII", "i"),
    "fd_filestat_get": ("ii", "i"),
    "fd_filestat_set_size": ("iI", "i"),
    "fd_filestat_set_times": ("iIIi", "i"),
    "fd_pread": ("iiiIi", "i"),
    "fd_prestat_get": ("ii", "i"),
    "fd_prestat_dir_name": ("iii", "i"),
    "fd_pwrite": ("iiiIi", "i"),
    "fd_read": ("iiii", "i"),
    "fd_readdir": ("iiiIi", "i"),
    "fd_renumber": ("ii", "i"),
    "fd_seek": ("iIii", "i"),
    "fd_sync": ("i", "i"),
    "fd_tell": ("ii", "i"),
    "fd_write": ("iiii", "i"),
    "path_create_directory": ("iii", "i"),
    "path_filestat_get": ("iiiii", "i"),
    "path_filestat_set_times": ("iiiiIIi", "i"),
    "path_link": ("iiiiiii", "i"),
    "path_open": ("iiiiiIIii", "i"),
    "path_readlink": ("iiiiii", "i"),
    "path_remove_directory": ("iii", "i"),
    "path_rename": ("iiiiii", "i"),
    "path_symlink": ("iiiii", "i"),
    "path_unlink_file": ("iii", "i"),
    "poll_oneoff": ("iiii", "i"),
    "proc_exit": ("i", ""),
    "proc_raise": ("i", "i"),
    "sched_yield": ("", "i"),
    "random_get": ("ii", "i"),
    "sock_accept": ("iii", "i"),
    "sock_recv": ("iiiiii", "i"),
    "sock_send": ("iiiii", "i"),
    "sock_shutdown": ("ii", "i"),
}


class ClockId(IntEnum):
    """`$clockid`."""

    REALTIME = 0
    MONOTONIC = 1
    PROCESS_CPUTIME_ID = 2
    THREAD_CPUTIME_ID = 3


# $filetype
FILETYPE_UNKNOWN: Final = 0
FILETYPE_BLOCK_DEVICE: Final = 1
FILETYPE_CHARACTER_DEVICE: Final = 2
FILETYPE_DIRECTORY: Final = 3
FILETYPE_REGULAR_FILE: Final = 4
FILETYPE_SOCKET_DGRAM: Final = 5
FILETYPE_SOCKET_STREAM: Final = 6
FILETYPE_SYMBOLIC_LINK: Final = 7
SOCKET_FILETYPES: Final = frozenset({FILETYPE_SOCKET_DGRAM, FILETYPE_SOCKET_STREAM})

# $whence
WHENCE_SET: Final = 0
WHENCE_CUR: Final = 1
WHENCE_END: Final = 2

# $advice: normal, sequential, random, willneed, dontneed, noreuse
ADVICE_LAST: Final = 5

# $signal: none .. sys
SIGNAL_LAST: Final = 30

# $fdflags (u16)
FDFLAGS_APPEND: Final = 1 << 0
FDFLAGS_DSYNC: Final = 1 << 1
FDFLAGS_NONBLOCK: Final = 1 << 2
FDFLAGS_RSYNC: Final = 1 << 3
FDFLAGS_SYNC: Final = 1 << 4
FDFLAGS_ALL: Final = 0x1F
FDFLAGS_ANY_SYNC: Final = FDFLAGS_DSYNC | FDFLAGS_RSYNC | FDFLAGS_SYNC

# $fstflags (u16)
FSTFLAGS_ATIM: Final = 1 << 0
FSTFLAGS_ATIM_NOW: Final = 1 << 1
FSTFLAGS_MTIM: Final = 1 << 2
FSTFLAGS_MTIM_NOW: Final = 1 << 3
FSTFLAGS_ALL: Final = 0xF

# $lookupflags (u32)
LOOKUPFLAGS_SYMLINK_FOLLOW: Final = 1 << 0
LOOKUPFLAGS_ALL: Final = 0x1

# $oflags (u16)
OFLAGS_CREAT: Final = 1 << 0
OFLAGS_DIRECTORY: Final = 1 << 1
OFLAGS_EXCL: Final = 1 << 2
OFLAGS_TRUNC: Final = 1 << 3
OFLAGS_ALL: Final = 0xF

# $riflags (u16), $sdflags (u8)
RIFLAGS_RECV_PEEK: Final = 1 << 0
RIFLAGS_RECV_WAITALL: Final = 1 << 1
RIFLAGS_ALL: Final = 0x3
SDFLAGS_RD: Final = 1 << 0
SDFLAGS_WR: Final = 1 << 1
SDFLAGS_ALL: Final = 0x3

# $eventtype, $eventrwflags, $subclockflags
EVENTTYPE_CLOCK: Final = 0
EVENTTYPE_FD_READ: Final = 1
EVENTTYPE_FD_WRITE: Final = 2
EVENTRWFLAGS_FD_READWRITE_HANGUP: Final = 1 << 0
SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME: Final = 1 << 0
SUBCLOCKFLAGS_ALL: Final = 0x1

# $preopentype
PREOPENTYPE_DIR: Final = 0

# $rights (u64)
RIGHTS_FD_DATASYNC: Final = 1 << 0
RIGHTS_FD_READ: Final = 1 << 1
RIGHTS_FD_SEEK: Final = 1 << 2
RIGHTS_FD_FDSTAT_SET_FLAGS: Final = 1 << 3
RIGHTS_FD_SYNC: Final = 1 << 4
RIGHTS_FD_TELL: Final = 1 << 5
RIGHTS_FD_WRITE: Final = 1 << 6
RIGHTS_FD_ADVISE: Final = 1 << 7
RIGHTS_FD_ALLOCATE: Final = 1 << 8
RIGHTS_PATH_CREATE_DIRECTORY: Final = 1 << 9
RIGHTS_PATH_CREATE_FILE: Final = 1 << 10
RIGHTS_PATH_LINK_SOURCE: Final = 1 << 11
RIGHTS_PATH_LINK_TARGET: Final = 1 << 12
RIGHTS_PATH_OPEN: Final = 1 << 13
RIGHTS_FD_READDIR: Final = 1 << 14
RIGHTS_PATH_READLINK: Final = 1 << 15
RIGHTS_PATH_RENAME_SOURCE: Final = 1 << 16
RIGHTS_PATH_RENAME_TARGET: Final = 1 << 17
RIGHTS_PATH_FILESTAT_GET: Final = 1 << 18
RIGHTS_PATH_FILESTAT_SET_SIZE: Final = 1 << 19
RIGHTS_PATH_FILESTAT_SET_TIMES: Final = 1 << 20
RIGHTS_FD_FILESTAT_GET: Final = 1 << 21
RIGHTS_FD_FILESTAT_SET_SIZE: Final = 1 << 22
RIGHTS_FD_FILESTAT_SET_TIMES: Final = 1 << 23
RIGHTS_PATH_SYMLINK: Final = 1 << 24
RIGHTS_PATH_REMOVE_DIRECTORY: Final = 1 << 25
RIGHTS_PATH_UNLINK_FILE: Final = 1 << 26
RIGHTS_POLL_FD_READWRITE: Final = 1 << 27
RIGHTS_SOCK_SHUTDOWN: Final = 1 << 28
RIGHTS_SOCK_ACCEPT: Final = 1 << 29
RIGHTS_ALL: Final = (1 << 30) - 1

# What an open regular file and an open directory may do; FD_READ, FD_READDIR and FD_WRITE also depend on how
# the file was opened. A directory fd never writes, seeks nor resizes.
RIGHTS_REGULAR_FILE: Final = RIGHTS_ALL
RIGHTS_DIRECTORY: Final = RIGHTS_ALL & ~(
    RIGHTS_FD_SEEK | RIGHTS_FD_WRITE | RIGHTS_FD_FILESTAT_SET_SIZE | RIGHTS_PATH_FILESTAT_SET_SIZE
)
# A preopened directory reports the set that guests' C libraries expect of one.
RIGHTS_PREOPEN_BASE: Final = (
    RIGHTS_PATH_CREATE_DIRECTORY
    | RIGHTS_PATH_CREATE_FILE
    | RIGHTS_PATH_LINK_SOURCE
    | RIGHTS_PATH_LINK_TARGET
    | RIGHTS_PATH_OPEN
    | RIGHTS_FD_READDIR
    | RIGHTS_PATH_READLINK
    | RIGHTS_PATH_RENAME_SOURCE
    | RIGHTS_PATH_RENAME_TARGET
    | RIGHTS_PATH_SYMLINK
    | RIGHTS_PATH_REMOVE_DIRECTORY
    | RIGHTS_PATH_UNLINK_FILE
    | RIGHTS_PATH_FILESTAT_GET
    | RIGHTS_PATH_FILESTAT_SET_TIMES
    | RIGHTS_FD_FILESTAT_GET
    | RIGHTS_FD_FILESTAT_SET_TIMES
)
RIGHTS_PREOPEN_INHERITING: Final = (
    RIGHTS_PREOPEN_BASE
    | RIGHTS_FD_DATASYNC
    | RIGHTS_FD_READ
    | RIGHTS_FD_SEEK
    | RIGHTS_FD_FDSTAT_SET_FLAGS
    | RIGHTS_FD_SYNC
    | RIGHTS_FD_TELL
    | RIGHTS_FD_WRITE
    | RIGHTS_FD_ADVISE
    | RIGHTS_FD_ALLOCATE
    | RIGHTS_FD_FILESTAT_SET_SIZE
    | RIGHTS_POLL_FD_READWRITE
)

# Layouts, little-endian, with the padding of the witx rules spelled out.
IOVEC: Final = Struct("<II")  # buf, buf_len
FDSTAT: Final = Struct("<BxH4xQQ")  # fs_filetype, fs_flags, fs_rights_base, fs_rights_inheriting
FILESTAT: Final = Struct("<QQB7xQQQQQ")  # dev, ino, filetype, nlink, size, atim, mtim, ctim
PRESTAT: Final = Struct("<B3xI")  # tag, pr_name_len
DIRENT: Final = Struct("<QQIB3x")  # d_next, d_ino, d_namlen, d_type
EVENT: Final = Struct("<QHB5xQH6x")  # userdata, error, type, nbytes, flags
SUBSCRIPTION: Final = Struct("<QB7x32s")  # userdata, tag, the union's 32 bytes
SUBSCRIPTION_CLOCK: Final = Struct("<I4xQQH6x")  # id, timeout, precision, flags
SUBSCRIPTION_FD_READWRITE: Final = Struct("<I28x")  # file_descriptor
TWO_SIZES: Final = Struct("<II")  # the pair that args_sizes_get, environ_sizes_get and sock_recv return

# Bounds that the specification leaves open. A guest's claim never decides how much the host allocates.
IOVECS_MAX: Final = 1024  # IOV_MAX of the guest's C library; more is `inval`, as readv(2) answers
TRANSFER_MAX: Final = 0x7FFFF000  # bytes in one read or write, as on Linux; more gives a short count
SUBSCRIPTIONS_MAX: Final = 4096  # in one poll_oneoff; more is `inval`, as poll(2) answers
PATH_MAX: Final = 4096  # bytes of a path; more is `nametoolong`
OFFSET_MAX: Final = 0x7FFF_FFFF_FFFF_FFFF  # `off_t` of the guest is signed
