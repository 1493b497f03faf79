"""Compiled modules on disk.

A compiled module (`.cwasm`) is native code that wasmtime maps and runs without checking it: whoever can
write one runs code in our process, and a flipped bit loads as happily as the right one. Hence:

- The folder is ours alone (0700, owner checked, no symbolic link); so is each file (0600, owner checked,
  no link followed). Anything else is not used: the module is compiled again, and a file is replaced.
- A file's sha256 is compared before it is mapped. The expected one stands in a small index file beside it.
  This finds damage, not malice: who can write as this user needs no cache to run code. A hundred megabytes
  take a tenth of a second, so on Linux a note says which file was found whole since the machine was started
  (device, inode, size, times): the kernel sets the time of change anew with whatever happens to the file.
- Files are written under a temporary name and renamed, and never changed afterwards: a process that has
  one mapped keeps its own, and nobody sees half of one. The content's hash is in the file's name, so that
  two processes that compile the same module at the same time never pair one's index with the other's code.
- The key covers all that the code depends on: the wasm's sha256, wasmtime's version, our configuration,
  machine and CPU features. wasmtime checks most of it again and refuses what doesn't fit.

Where there is no usable folder everything works, but each process compiles for itself; one warning says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import re
import stat
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

__all__ = ["CompileCache", "cache_key", "default_folder", "host_fingerprint"]

logger = logging.getLogger("pywasm_sandbox")

ENVIRONMENT_VARIABLE = "PYWASM_SANDBOX_CACHE_DIR"
SUBFOLDER = "compiled-1"
_INDEX = re.compile(rb"([0-9a-f]{64}) (\d{1,12})\n")
_UNSAFE_BITS = 0o022
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_SETTLED_NS = 2_000_000_000
"""A file that is younger may change without another time of change: clocks of filesystems tick."""

T = TypeVar("T")


def default_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where compiled modules go: `PYWASM_SANDBOX_CACHE_DIR`, else the user's cache folder; None: nowhere."""
    environ = os.environ if environ is None else environ
    if chosen := environ.get(ENVIRONMENT_VARIABLE):
        return Path(chosen) / SUBFOLDER
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if sys.platform == "win32" and (local := environ.get("LOCALAPPDATA")):
        return Path(local) / "pywasm-sandbox" / SUBFOLDER
    if sys.platform == "darwin" and home:
        return Path(home) / "Library" / "Caches" / "pywasm-sandbox" / SUBFOLDER
    # The XDG base directory specification: a relative path is invalid and must be ignored.
    if (xdg := environ.get("XDG_CACHE_HOME")) and Path(xdg).is_absolute():
        return Path(xdg) / "pywasm-sandbox" / SUBFOLDER
    return Path(home) / ".cache" / "pywasm-sandbox" / SUBFOLDER if home else None


def host_fingerprint() -> str:
    """Machine and CPU features, so that a home folder shared by different hosts has an entry for each."""
    features = ""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", "rb", buffering=0) as file:
        match = re.search(rb"^(?:flags|Features)\s*:(.*)$", file.read(8192), re.MULTILINE)
        features = hashlib.sha256(match[1]).hexdigest()[:16] if match else ""
    return f"{sys.platform} {platform.machine()} {features}"


def cache_key(wasm_sha256: str, wasmtime_version: str, config: str, host: str) -> str:
    """The name of an entry."""
    parts = "\0".join((wasm_sha256, wasmtime_version, config, host))
    return hashlib.sha256(parts.encode()).hexdigest()[:40]


class _Unusable(Exception):
    """An entry or folder that must not be used; the message says why."""


def _new_file(folder: Path) -> tuple[int, str]:
    """A descriptor and the path of an empty file with mode 0600."""
    import tempfile  # which a process that finds everything doesn't need

    return tempfile.mkstemp(prefix=".new-", dir=folder)


class CompileCache:
    """Entries of one folder. Never raises for what it finds there."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._warned = False

    def load(self, key: str, use: Callable[[str], T]) -> T | None:
        """`use(path)` on the compiled module of `key`, or None if there is none that may be used.

        If `use` raises `ValueError` (wasmtime refused the file) the entry is gone too.
        """
        if self._folder is None:
            return None
        index = self._folder / f"{key}.index"
        try:
            self._check_folder(create=False)
            descriptor = _open_own(index)
            with open(descriptor, "rb") as file:
                match = _INDEX.fullmatch(file.read(128))
            if match is None:
                raise _Unusable("its index is damaged")
            return self._use(key, match[1].decode(), int(match[2]), use)
        except FileNotFoundError:
            return None
        except (_Unusable, OSError, ValueError) as error:
            logger.warning("the compiled module %s is not used and will be rebuilt: %s", index, error)
            return None

    def store(self, key: str, code: bytes) -> str | None:
        """Keep `code`; the path of its file, or None if it could not be kept."""
        if self._folder is None:
            self._warn("there is no home folder")
            return None
        digest = hashlib.sha256(code).hexdigest()
        blob = self._blob(digest)
        index = self._folder / f"{key}.index"
        try:
            self._check_folder(create=True)
            previous = self._previous_blob(index)
            self._write(blob, code)
            self._write(index, f"{digest} {len(code)}\n".encode())
            if previous is not None and previous != blob:
                with contextlib.suppress(OSError):
                    previous.unlink()
        except (_Unusable, OSError) as error:
            self._warn(str(error))
            return None
        return str(blob)

    def open_file(self, name: str) -> int | None:
        """A descriptor of what `store_file` kept under this name, or None. The content is not checked."""
        if self._folder is None:
            return None
        path = self._folder / name
        try:
            self._check_folder(create=False)
            return _open_own(path)
        except FileNotFoundError:
            return None
        except (_Unusable, OSError) as error:
            logger.warning("the file %s is not used and will be rebuilt: %s", path, error)
            return None

    def store_file(self, name: str, fill: Callable[[int], None]) -> bool:
        """Let `fill` write an open, empty file and keep that under the name; whether it could be kept.

        What `fill` raises goes through, and nothing is kept then.
        """
        if self._folder is None:
            self._warn("there is no home folder")
            return False
        try:
            self._check_folder(create=True)
            descriptor, temporary = _new_file(self._folder)
        except (_Unusable, OSError) as error:
            self._warn(str(error))
            return False
        try:
            try:
                fill(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, self._folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        return True

    def _use(self, key: str, digest: str, size: int, use: Callable[[str], T]) -> T:
        blob = self._blob(digest)
        descriptor = _open_own(blob)
        with open(descriptor, "rb") as file:
            if os.fstat(descriptor).st_size != size:
                raise _Unusable("its file has another size than it was written with")
            identity = _identity(descriptor)
            if identity is None or not self._was_whole(key, identity):
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise _Unusable("its file is damaged")
                if identity is not None and _identity(descriptor) == identity:
                    self._note_whole(key, identity)
            # The very file that was checked, not what may have its name by now.
            return use(f"/proc/self/fd/{descriptor}" if sys.platform == "linux" else str(blob))

    def _was_whole(self, key: str, identity: bytes) -> bool:
        assert self._folder is not None
        try:
            with open(_open_own(self._folder / f"{key}.whole"), "rb") as file:
                return file.read(256) == identity
        except (_Unusable, OSError):
            return False

    def _note_whole(self, key: str, identity: bytes) -> None:
        assert self._folder is not None
        with contextlib.suppress(OSError):  # a read-only folder
            self._write(self._folder / f"{key}.whole", identity)

    def _blob(self, digest: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{digest}.cwasm"

    def _previous_blob(self, index: Path) -> Path | None:
        with contextlib.suppress(OSError, _Unusable), open(_open_own(index), "rb") as file:
            match = _INDEX.fullmatch(file.read(128))
            return self._blob(match[1].decode()) if match else None
        return None

    def _check_folder(self, create: bool) -> None:
        folder = self._folder
        assert folder is not None
        if create:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode):
            raise _Unusable(f"{folder} is not a folder")
        if sys.platform == "win32":
            return
        if found.st_uid != os.geteuid():
            raise _Unusable(f"{folder} belongs to another user")
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.chmod(folder, 0o700)

    def _write(self, path: Path, data: bytes) -> None:
        descriptor, temporary = _new_file(path.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _warn(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "compiled modules cannot be kept (%s), so each process compiles them again; "
                "set %s to a folder of your own",
                why,
                ENVIRONMENT_VARIABLE,
            )


def _identity(descriptor: int) -> bytes | None:
    """What tells a file, as it is since the machine was started, from all others; None if nothing does."""
    try:
        with open(_BOOT_ID, "rb", buffering=0) as file:
            boot = file.read(64).strip()
    except OSError:
        return None
    found = os.fstat(descriptor)
    if not 0 < found.st_ctime_ns < time.time_ns() - _SETTLED_NS:
        return None
    numbers = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return b"%s %d %d %d %d %d\n" % (boot, *numbers)


def _open_own(path: Path) -> int:
    """A descriptor of a plain file that is ours alone."""
    flags = (
        os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    )
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _Unusable(f"{path.name} is not a plain file")
        if sys.platform != "win32":
            if found.st_uid != os.geteuid():
                raise _Unusable(f"{path.name} belongs to another user")
            if stat.S_IMODE(found.st_mode) & _UNSAFE_BITS:
                raise _Unusable(f"{path.name} can be written by other users")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
