"""The folders that every guest finds."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

from pywasm_sandbox._vfs.devices import DeviceFS
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace

__all__ = [
    "BASE_ENV",
    "PROGRAMS",
    "PROGRAM_MARK",
    "SCRIPT_CODE",
    "SYSTEM_MOUNTS",
    "USER_BASE",
    "USER_SITE",
    "lay_out",
]

SCRIPT_CODE: Final = "/usr/lib/pywasm-js"
"""Where the JavaScript guests' own code is, for tracebacks and `require`."""

USER_BASE: Final = "/home/user/.local"
USER_SITE: Final = f"{USER_BASE}/lib/python3.14/site-packages"
_FOLDERS: Final = ("/workspace", "/tmp", USER_SITE, f"{USER_BASE}/bin", "/dev", "/etc", "/usr")
_SYSTEM_FOLDERS: Final = ("/bin", "/lib/python3.14", "/lib/pywasm", "/lib/pywasm-js", "/local/bin")

SYSTEM_MOUNTS: Final = (
    "/usr",
    "/dev",
    "/usr/lib/python3.14",
    "/usr/lib/python3.14/site-packages",
    "/usr/lib/pywasm",
    SCRIPT_CODE,
)
"""Mounts that every sandbox has and that hold nothing of its own."""

PROGRAM_MARK: Final = b"#!pywasm "
"""What the files of programs begin with; the name of the program follows, and what it runs as."""

_UTILITIES: Final = """
    [ base64 basename cal cat chmod cksum clear cmp comm cp cut date dd dirname
    dos2unix du echo egrep env expand expr factor false fgrep file find fold getopt grep groups
    head hexdump id install kill link ln logname ls md5sum mkdir mktemp mv nl nohup od paste patch
    printenv printf pwd readlink realpath rev rm rmdir sed seq sha1sum sha224sum sha256sum sha384sum
    sha512sum shred sleep sort split stat strings sync tac tail tar tee test time timeout touch tr true
    truncate uname uniq unix2dos unlink uudecode uuencode wc which whoami xargs xxd yes
"""
_SCRIPTS: Final = """
    b2sum basenc bc bzip2 column curl diff envsubst fmt gzip hostname join jq less nproc numfmt pip pytest
    shuf sqlite3 sum tree tsort unexpand unzip wget xz zip zstd
"""
"""Written in Python, in ``python_guest/programs``."""

_ALIASES: Final = {
    "base32": "basenc.py --base32",
    "bunzip2": "bzip2.py -d",
    "bzcat": "bzip2.py -dc",
    "gunzip": "gzip.py -d",
    "lzma": "xz.py --format=lzma",
    "more": "less.py",
    "pip3": "pip.py",
    "unlzma": "xz.py --format=lzma -d",
    "unxz": "xz.py -d",
    "unzstd": "zstd.py -d",
    "xzcat": "xz.py -dc",
    "zcat": "gzip.py -dc",
    "zstdcat": "zstd.py -dcf",
}
"""Other names of these, and the options that go with them."""

PROGRAMS: Final = "/usr/lib/pywasm/programs"
_PYTHON_NAMES: Final = ("python", "python3", "python3.14")
_JAVASCRIPT_NAMES: Final = ("js", "node", "nodejs")
_TYPESCRIPT_NAMES: Final = ("ts", "tsx")
_NPM_NAMES: Final = ("npm", "npx")
_SHELL_NAMES: Final = ("sh", "dash", "bash")


def _programs() -> dict[str, str]:
    """Name of each command → its program, and what that runs as."""
    return {
        **{name: f"toybox {name}" for name in _UTILITIES.split()},
        **{name: f"python {PROGRAMS}/{name}.py" for name in _SCRIPTS.split()},
        **{name: f"python {PROGRAMS}/{words}" for name, words in _ALIASES.items()},
        "awk": "awk",
        **dict.fromkeys(_PYTHON_NAMES, "python"),
        **dict.fromkeys(_JAVASCRIPT_NAMES, "node"),
        **{name: f"node {name}" for name in (*_TYPESCRIPT_NAMES, *_NPM_NAMES)},
        **dict.fromkeys(_SHELL_NAMES, "sh"),
    }


BASE_ENV: Final = {
    "HOME": "/home/user",
    "USER": "user",
    "TMPDIR": "/tmp",
    "PATH": f"{USER_BASE}/bin:/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PWD": "/workspace",
}
"""Environment variables that every context has."""


@functools.cache
def _shared_system() -> MemoryFS:
    """One for all sandboxes of the process: nobody writes to it."""
    return _system(time.time_ns)


def _system(clock: Callable[[], int]) -> MemoryFS:
    """What /usr is."""
    fs = MemoryFS(clock=clock)
    system = Namespace(fs)
    for folder in _SYSTEM_FOLDERS:
        system.make_directories(folder)
    programs = system.resolve(system.root, "/bin").node
    for name, program in _programs().items():
        with closing(fs.open(fs.create(programs, name, 0o755), write=True)) as file:
            file.pwrite(PROGRAM_MARK + program.encode() + b"\n", 0)
    return fs


def lay_out(
    namespace: Namespace,
    random_bytes: Callable[[int], bytes] = os.urandom,
    clock: Callable[[], int] = time.time_ns,
) -> None:
    """Make the default tree: a read-only /usr for the interpreters, devices, all else writable."""
    for folder in _FOLDERS:
        namespace.make_directories(folder)
    system = _shared_system() if clock is time.time_ns else _system(clock)
    if not namespace.exists("/bin", follow=False):  # a snapshot has it
        namespace.symlink(namespace.root, "/bin", "usr/bin")
    namespace.mount("/usr", system, read_only=True)
    namespace.mount("/dev", DeviceFS(random_bytes))
