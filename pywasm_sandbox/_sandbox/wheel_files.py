"""Wheels that somebody else made: checked, then written into a sandbox's files, never to the host's disk.

What a wheel is made of (schemes, scripts, RECORD) is the library ``installer``'s; here is what it may not be.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from pywasm_sandbox._guests.tree import USER_BASE, USER_SITE
from pywasm_sandbox.errors import PackageInstallError

if TYPE_CHECKING:
    from .replacement import Replacement

__all__ = ["Wheel", "for_guest", "resolvable"]

GUEST_TAG: Final = "cp314-cp314-wasi_wasm32"
"""Of wheels with extension modules for the guest; what its `sysconfig` says."""

MAX_MEMBERS: Final = 50_000
_WASM: Final = b"\0asm"
_NATIVE: Final = (".so", ".pyd", ".dylib", ".dll")
_SCRIPT_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_INTERPRETER: Final = "/usr/bin/python3"
_UNIX: Final = 3
_ENCRYPTED: Final = 1


def for_guest(filename: str) -> bool:
    """Whether a wheel's name says that it has extension modules for the guest."""
    return filename.endswith(f"-{GUEST_TAG}.whl")


def resolvable(filename: str) -> str:
    """The name under which tools that don't know the guest's platform take a wheel for it."""
    return filename.replace(f"-{GUEST_TAG}.whl", "-py3-none-any.whl") if for_guest(filename) else filename


class Wheel:
    """One wheel, in memory. ``bytes_left`` is what it may unpack to.

    Raises `PackageInstallError`, naming the wheel, for what is no wheel or one that does harm.
    """

    def __init__(self, filename: str, data: bytes, bytes_left: int) -> None:
        from installer.sources import WheelFile

        self.filename = filename
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            self._check_members(bytes_left)
            self._source = WheelFile(_Named(self._archive, filename))  # type: ignore[arg-type]
            self._check_record()
        except PackageInstallError:
            raise
        except Exception as error:  # zipfile, zlib and installer raise a dozen kinds at damaged ones
            raise self._refused(f"is no good wheel: {error}") from error

    @property
    def unpacked_bytes(self) -> int:
        """What its files take."""
        return sum(member.file_size for member in self._archive.infolist())

    @property
    def foreign(self) -> list[str]:
        """Its libraries that the guest can't load: of another platform than the guest's."""
        libraries = [name for name in self._archive.namelist() if name.endswith(_NATIVE)]
        if not libraries:
            return []
        tags = re.findall(r"^Tag:\s*(\S+)", self._source.read_dist_info("WHEEL"), re.MULTILINE)
        if GUEST_TAG not in tags:
            return libraries
        return [name for name in libraries if not self._archive.read(name).startswith(_WASM)]

    def write(self, files: Replacement) -> None:
        """Prepare its installation. Raises `VfsError` when it doesn't fit, `PackageInstallError`."""
        import warnings

        from installer import install

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of byte code, which is left out
            install(self._source, _destination(files), {"INSTALLER": b"pip\n"})

    def _refused(self, reason: str) -> PackageInstallError:
        return PackageInstallError(f"{self.filename} was refused: it {reason}")

    def _check_members(self, bytes_left: int) -> None:
        members = self._archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise self._refused(f"has {len(members)} files, and {MAX_MEMBERS} are allowed")
        seen: set[str] = set()
        for member in members:
            name = member.filename
            parts = PurePosixPath(name).parts
            if name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0] or "\0" in name:
                raise self._refused(f"has a file outside of the package: {name!r}")
            kind = stat.S_IFMT(member.external_attr >> 16) if member.create_system == _UNIX else 0
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                what = "symbolic link" if kind == stat.S_IFLNK else "special file"
                raise self._refused(f"has a {what}: {name!r}")
            if member.flag_bits & _ENCRYPTED:
                raise self._refused(f"has an encrypted file: {name!r}")
            if name in seen:
                raise self._refused(f"has two files of one name: {name!r}")
            seen.add(name)
        # What a member says of its size is all that `zipfile` inflates of it.
        total = self.unpacked_bytes
        if total > bytes_left:
            raise self._refused(f"unpacks to {total} bytes, over what max_bytes leaves: {bytes_left}")

    def _check_record(self) -> None:
        from installer.exceptions import InvalidWheelSource
        from installer.records import parse_record_file

        try:
            self._source.validate_record(validate_contents=True)
        except InvalidWheelSource:
            raise
        except Exception as error:
            issues = getattr(error, "issues", [error])
            raise self._refused(f"is not what its RECORD says: {issues[0]}") from error
        names = set(self._archive.namelist())
        text = self._source.read_dist_info("RECORD").splitlines()
        for path, _, _ in parse_record_file(text):
            if path not in names:
                raise self._refused(f"is not what its RECORD says: {path!r} isn't in it")


class _Named:
    """A `ZipFile` with the name that `WheelFile` looks at."""

    def __init__(self, archive: zipfile.ZipFile, filename: str) -> None:
        self._archive = archive
        self.filename = filename

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)


def _destination(files: Replacement) -> Any:
    """An ``installer`` destination: the folders of `pip install --user`, in a sandbox's files."""
    from installer.destinations import WheelDestination
    from installer.records import RecordEntry
    from installer.scripts import Script
    from installer.utils import construct_record_file, fix_shebang

    folders = {
        "purelib": USER_SITE,
        "platlib": USER_SITE,
        "scripts": f"{USER_BASE}/bin",
        "data": USER_BASE,
        "headers": f"{USER_BASE}/include",
    }

    class Destination(WheelDestination):
        def write_file(self, scheme: str, path: Any, stream: BinaryIO, is_executable: bool) -> RecordEntry:
            if scheme == "scripts":
                with fix_shebang(stream, _INTERPRETER) as fixed:
                    data = fixed.read()
            else:
                data = stream.read()
            executable = is_executable or scheme == "scripts"
            files.write(f"{folders[scheme]}/{path}", data, 0o755 if executable else 0o644)
            return RecordEntry(str(path), None, len(data))

        def write_script(self, name: str, module: str, attr: str, section: Any) -> RecordEntry:
            if not _SCRIPT_NAME.fullmatch(name):
                raise PackageInstallError(f"a wheel was refused: it has a command named {name!r}")
            _, data = Script(name, module, attr, section).generate(_INTERPRETER, "posix")
            return self.write_file("scripts", name, io.BytesIO(data), True)

        def finalize_installation(
            self, scheme: str, record_file_path: str, records: Iterable[tuple[Any, RecordEntry]]
        ) -> None:
            prefixes = {"scripts": "../../../bin/", "data": "../../../", "headers": "../../../include/"}
            with construct_record_file(list(records), prefixes.get) as stream:
                files.write(f"{folders[scheme]}/{record_file_path}", stream.read(), 0o644)

    return Destination()
