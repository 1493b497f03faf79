"""Tarballs that somebody else made: checked, and read in memory; never unpacked to the host's disk."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from pywasm_sandbox.errors import PackageInstallError

__all__ = ["MAX_MEMBERS", "File", "check_integrity", "manifest_of", "read_tarball"]

MAX_MEMBERS: Final = 50_000
_PIECE_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 512
_HASHES: Final = ("sha512", "sha384", "sha256", "sha1")
"""The strongest that is given counts, as in Subresource Integrity."""


class File(NamedTuple):
    """One file of a package."""

    data: bytes
    executable: bool


def _refused(label: str, reason: str) -> PackageInstallError:
    return PackageInstallError(f"{label} was refused: it {reason}")


def check_integrity(label: str, data: bytes, integrity: str | None, shasum: str | None) -> None:
    """Compare a tarball with what the registry says of it. Raises `PackageInstallError`."""
    wanted: dict[str, set[bytes]] = {}
    for word in (integrity or "").split():
        algorithm, _, digest = word.partition("-")
        try:
            wanted.setdefault(algorithm, set()).add(base64.b64decode(digest.partition("?")[0], validate=True))
        except (binascii.Error, ValueError):
            raise _refused(label, f"has an integrity that is none: {word!r:.100}") from None
    if not wanted and shasum:
        wanted["sha1"] = {bytes.fromhex(shasum) if _is_hex(shasum) else b""}
    for algorithm in _HASHES:
        if algorithm in wanted:
            if hashlib.new(algorithm, data, usedforsecurity=False).digest() not in wanted[algorithm]:
                raise _refused(label, f"is not what the registry says ({algorithm})")
            return
    raise _refused(label, "comes without an integrity")


def _is_hex(text: str) -> bool:
    return len(text) == 40 and all(letter in "0123456789abcdefABCDEF" for letter in text)


def _inflate(label: str, data: bytes, limit: int) -> bytes:
    """Gunzip so much and not more."""
    stream = zlib.decompressobj(wbits=31)
    out = bytearray()
    rest = data
    while rest and not stream.eof:
        out += stream.decompress(rest, _PIECE_BYTES)
        rest = stream.unconsumed_tail
        if len(out) > limit:
            raise _refused(label, f"unpacks to more than what max_bytes leaves: {limit} bytes")
    if not stream.eof:
        raise _refused(label, "is no good tarball: it ends too early")
    return bytes(out)


def read_tarball(label: str, data: bytes, bytes_left: int) -> dict[str, File]:
    """The files of a package by their paths in it. ``bytes_left`` is what it may unpack to.

    Raises `PackageInstallError`, which begins with ``label``, for what is no tarball or one that does harm.
    """
    try:
        # Headers and padding are no files, and none of a package's business to have in masses.
        unpacked = _inflate(label, data, bytes_left + (MAX_MEMBERS + 2) * 4 * _BLOCK_BYTES)
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:", errorlevel=1) as archive:
            return _read_members(label, archive, bytes_left)
    except PackageInstallError:
        raise
    except Exception as error:  # zlib and tarfile raise a dozen kinds at damaged ones
        raise _refused(label, f"is no good tarball: {error}") from error


def _read_members(label: str, archive: tarfile.TarFile, bytes_left: int) -> dict[str, File]:
    files: dict[str, File] = {}
    left = bytes_left
    for count, member in enumerate(archive):
        if count >= MAX_MEMBERS:
            raise _refused(label, f"has more than {MAX_MEMBERS} files")
        path = _inside(label, member.name)
        if member.isdir():
            continue
        if not member.isreg():
            what = "link" if member.issym() or member.islnk() else "special file"
            raise _refused(label, f"has a {what}: {member.name!r:.200}")
        left -= member.size
        if left < 0 or member.size < 0:
            raise _refused(label, f"unpacks to more than what max_bytes leaves: {bytes_left} bytes")
        if path is None:
            raise _refused(label, f"has a file outside of the package: {member.name!r:.200}")
        if path in files:
            raise _refused(label, f"has two files of one name: {member.name!r:.200}")
        stream = archive.extractfile(member)
        files[path] = File(b"" if stream is None else stream.read(), bool(member.mode & 0o111))
    for path in files:
        parents = (str(parent) for parent in PurePosixPath(path).parents)
        if clash := next((parent for parent in parents if parent in files), None):
            raise _refused(label, f"has a file that is a folder too: {clash!r:.200}")
    return files


def _inside(label: str, name: str) -> str | None:
    """The path without its first folder, whatever that is called; None for that folder itself."""
    path = PurePosixPath(name)
    if name.startswith("/") or ".." in path.parts or "\\" in name or "\0" in name:
        raise _refused(label, f"has a file outside of the package: {name!r:.200}")
    rest = path.parts[1:]
    return "/".join(rest) if rest else None


def manifest_of(label: str, files: Mapping[str, File]) -> dict[str, Any]:
    """Its package.json. Raises `PackageInstallError`."""
    try:
        manifest = json.loads(files["package.json"].data.decode("utf-8-sig"))
    except KeyError:
        raise _refused(label, "has no package.json") from None
    except (ValueError, RecursionError) as error:
        raise _refused(label, f"has a package.json that is none: {error}") from error
    if not isinstance(manifest, dict):
        raise _refused(label, "has a package.json that is no object")
    return manifest
