"""What a sandbox's process gives up before it runs anything: rights that only a way out would need."""

from __future__ import annotations

import ctypes
import errno
import importlib
import resource
import sys
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Confinement"]

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_THREAD: Final = 0x10000
OPEN_FILES: Final = 1024
"""Descriptors that the process may have."""

_PROGRAMS: Final = ("execve", "execveat", "fork", "vfork", "kill")
_OF_OTHERS: Final = """
    ptrace process_vm_readv process_vm_writev process_madvise pidfd_open pidfd_getfd pidfd_send_signal tkill
    kcmp setns unshare setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset
"""
_OF_THE_SYSTEM: Final = """
    mount umount2 move_mount open_tree fsopen fsmount fsconfig pivot_root chroot swapon swapoff reboot
    sethostname setdomainname init_module finit_module delete_module kexec_load kexec_file_load settimeofday
    clock_settime adjtimex clock_adjtime acct quotactl syslog iopl ioperm personality vhangup mknod mknodat
"""
_OFTEN_BROKEN: Final = """
    bpf perf_event_open userfaultfd keyctl add_key request_key io_uring_setup io_uring_enter
    io_uring_register name_to_handle_at open_by_handle_at modify_ldt lookup_dcookie
"""
_DENIED: Final = tuple(f"{_OF_OTHERS} {_OF_THE_SYSTEM} {_OFTEN_BROKEN}".split())
_NETWORK: Final = ("socket", "connect", "bind", "listen", "accept", "accept4")
"""Denied as well without a network policy."""


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Confinement:
    """``network``: sockets are allowed; ``programs``: starting other programs is.

    Limits of the process (`resource`) hold everywhere, the rest on Linux, and the filter of system calls
    where the package pyseccomp is installed.
    """

    network: bool
    programs: bool

    def apply(self) -> list[str]:
        """Give it all up, for good; what is in force now, by name."""
        done = ["rlimits"]
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
        if sys.platform.startswith("linux"):
            _prctl(_PR_SET_NO_NEW_PRIVS, 1)
            _prctl(_PR_SET_DUMPABLE, 0)
            done.append("no_new_privs")
            if self._filter():
                done.append("seccomp")
        return done

    def _filter(self) -> bool:
        """Let the kernel refuse system calls that nothing here needs, with EPERM."""
        try:
            seccomp: Any = importlib.import_module("pyseccomp")
        except (ImportError, OSError, RuntimeError):
            return False
        rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
        denied = _DENIED + (() if self.network else _NETWORK) + (() if self.programs else _PROGRAMS)
        for name in denied:
            try:
                rules.add_rule(seccomp.ERRNO(errno.EPERM), name)
            except (OSError, ValueError, RuntimeError):  # a call that this architecture doesn't have
                continue
        if not self.programs:
            # A thread is made by clone as a process is; clone3 hides its flags, and glibc does without it.
            rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
            no_thread = seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, 0)
            rules.add_rule(seccomp.ERRNO(errno.EPERM), "clone", no_thread)
        rules.load()
        return True


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (most, most))
