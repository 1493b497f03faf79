"""Names and paths as text: limits, decoding, validity. No filesystem is touched here."""

from __future__ import annotations

import hashlib

from pywasm_sandbox._vfs.api import FIRST_COOKIE, Errno, VfsError

NAME_MAX = 255
"""The most bytes in one name (POSIX `NAME_MAX` on Linux)."""
PATH_MAX = 4096
"""The most bytes in one path or symlink target."""
SYMLINK_HOPS_MAX = 40
"""How many symlinks one resolution may follow before it is a loop (Linux `MAXSYMLINKS`)."""


def decode_path(path: str | bytes) -> str:
    """`path` as the `str` that the filesystems use; one form only for the same bytes.

    Errors: `ENOENT` empty, `EINVAL` with a NUL, `ENAMETOOLONG` more than `PATH_MAX` bytes, `EILSEQ` a `str`
    with surrogates that stand for no byte.
    """
    text = normalise_text(path)
    if not text:
        raise VfsError(Errno.ENOENT, text, "the path is empty")
    # A str of n characters has between n and 4n bytes: only long paths need counting.
    if len(text) > PATH_MAX or (len(text) * 4 > PATH_MAX and byte_length(text) > PATH_MAX):
        raise VfsError(Errno.ENAMETOOLONG, shorten(text), f"a path has at most {PATH_MAX} bytes")
    if "\0" in text:
        raise VfsError(Errno.EINVAL, text, "a path cannot contain a NUL")
    return text


def normalise_text(text: str | bytes) -> str:
    """Bytes decoded as UTF-8 with `surrogateescape`; a `str` brought to the form that this would give."""
    if isinstance(text, str):
        if text.isascii():
            return text
        try:
            raw = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            shown = text.encode("utf-8", "backslashreplace").decode()
            raise VfsError(Errno.EILSEQ, shown, "it cannot be encoded as UTF-8") from error
    else:
        raw = text
    return raw.decode("utf-8", "surrogateescape")


def byte_length(text: str) -> int:
    """The length of `text` in bytes on the wire."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def check_name_length(name: str) -> None:
    """Raise `ENAMETOOLONG` for a name of more than `NAME_MAX` bytes."""
    if len(name) * 4 > NAME_MAX and byte_length(name) > NAME_MAX:
        raise VfsError(Errno.ENAMETOOLONG, shorten(name), f"a name has at most {NAME_MAX} bytes")


def check_name(name: str) -> None:
    """Raise unless `name` can name a new entry: `EINVAL` for what is not a name, `ENAMETOOLONG`."""
    if not name or name == "." or name == ".." or "/" in name or "\0" in name:
        raise VfsError(Errno.EINVAL, name, "not a file name")
    check_name_length(name)


def check_target(target: str) -> None:
    """Raise unless `target` can be the text of a symlink: `ENOENT` empty, `EINVAL`, `ENAMETOOLONG`."""
    if not target:
        raise VfsError(Errno.ENOENT, target, "a symlink needs a target")
    if "\0" in target:
        raise VfsError(Errno.EINVAL, target, "a symlink's target cannot contain a NUL")
    if byte_length(target) >= PATH_MAX:
        raise VfsError(Errno.ENAMETOOLONG, shorten(target), f"a target has less than {PATH_MAX} bytes")


def shorten(text: str) -> str:
    """`text` for an error message: its beginning if it is very long."""
    return text if len(text) <= 80 else text[:77] + "..."


def name_cookie(name: str) -> int:
    """A directory cookie for filesystems that have no order of their own: a hash of the name.

    It lies in [`FIRST_COOKIE`, 2**61 + `FIRST_COOKIE`) and is the same at every listing. Two of a million
    names fall together once in millions of directories.
    """
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 3) + FIRST_COOKIE
