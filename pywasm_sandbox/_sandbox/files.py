"""The files API: whole paths in the sandbox's filesystem, seen by running code at once."""

from __future__ import annotations

import base64
import binascii
import errno as host_errno
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

from pywasm_sandbox._vfs.api import Errno, File, Stat, VfsError
from pywasm_sandbox._vfs.api import FileType as NodeType
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox.errors import (
    HostFileError,
    SandboxFileError,
    SandboxFileExistsError,
    SandboxFileNotFoundError,
    SandboxIsADirectoryError,
    SandboxNotADirectoryError,
    SandboxPermissionError,
)

if TYPE_CHECKING:
    from pywasm_sandbox.models import FileContent, FileInfo, FileType

__all__ = ["Encoding", "Files"]

Encoding = Literal["utf-8", "base64"] | str | None

CHUNK_BYTES: Final = 1 << 20
_TYPES: Final[dict[NodeType, FileType]] = {
    NodeType.REGULAR: "file",
    NodeType.DIRECTORY: "directory",
    NodeType.SYMLINK: "symlink",
}
_SUBCLASSES: Final[dict[int, type[SandboxFileError]]] = {
    host_errno.ENOENT: SandboxFileNotFoundError,
    host_errno.EEXIST: SandboxFileExistsError,
    host_errno.EISDIR: SandboxIsADirectoryError,
    host_errno.ENOTDIR: SandboxNotADirectoryError,
    host_errno.EACCES: SandboxPermissionError,
    host_errno.EPERM: SandboxPermissionError,
}
# Types that people meet in a code interpreter and that not every platform's table has.
_MIME_TYPES: Final = {
    ".csv": "text/csv",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".py": "text/x-python",
    ".toml": "application/toml",
    ".ts": "text/typescript",
    ".tsv": "text/tab-separated-values",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def mime_type(path: str) -> str:
    """The MIME type that the name's ending stands for."""
    known = _MIME_TYPES.get(posixpath.splitext(path)[1].lower())
    if known is not None:
        return known
    import mimetypes

    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def _translate(error: VfsError, path: str) -> SandboxFileError:
    number = getattr(host_errno, error.errno.name, host_errno.EIO)
    text = error.errno.value + (f" ({error.detail})" if error.detail else "")
    return _SUBCLASSES.get(number, SandboxFileError)(number, text, error.path or path)


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except VfsError as error:
        raise _translate(error, path) from None


def _open_regular(path: str, flags: int) -> int:
    """Open a file of the host, and nothing that would wait for another process (a pipe) or a device."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(host_errno.EINVAL, "not a regular file", path)
    return descriptor


def _open_no_link(path: str, flags: int) -> int:
    """As `_open_regular`, and not through a symbolic link that lies there."""
    return _open_regular(path, flags | getattr(os, "O_NOFOLLOW", 0))


@contextmanager
def _host_file(
    path: str | Path, mode: Literal["rb", "wb"], opener: Callable[[str, int], int] = _open_regular
) -> Iterator[BinaryIO]:
    try:
        with open(path, mode, opener=opener) as file:
            yield file
    except SandboxFileError:
        raise
    except OSError as error:
        raise HostFileError(error.errno, f"host file: {error.strerror}", str(path)) from error


def absolute_path(path: str | os.PathLike[str], cwd: str) -> str:
    """A path in a sandbox, from the root."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a path in the sandbox is a str, not {type(text).__name__}")
    if not text or "\0" in text:
        raise ValueError(f"path {text!r} is empty or has NUL in it")
    return posixpath.join(cwd, text)


class Files:
    """Operations on the files of one sandbox. Relative paths start at the sandbox's ``cwd``.

    Failures are `SandboxFileError`s, which are `OSError`s with POSIX's errno.
    """

    def __init__(self, namespace: Namespace, *, cwd: str, check_open: Callable[[], None]) -> None:
        self._namespace = namespace
        self._cwd = cwd
        self._check_open = check_open

    def absolute(self, path: str | os.PathLike[str]) -> str:
        """The path from the root. Symbolic links and ``..`` are left to the filesystem."""
        return absolute_path(path, self._cwd)

    def _at(self, path: str | os.PathLike[str]) -> str:
        self._check_open()
        return self.absolute(path)

    # ---- looking ------------------------------------------------------------------------------------

    def _info(self, path: str, stat: Stat) -> FileInfo:
        from pywasm_sandbox.models import FileInfo

        target = None
        if stat.type is NodeType.SYMLINK:
            target = self._namespace.readlink(self._namespace.root, path)
        return FileInfo.model_construct(
            path=path,
            name=posixpath.basename(path.rstrip("/")) or "/",
            type=_TYPES.get(stat.type, "device"),
            size=stat.size,
            mode=stat.mode,
            modified_at=datetime.fromtimestamp(stat.mtime_ns / 1e9, UTC),
            created_at=datetime.fromtimestamp(stat.ctime_ns / 1e9, UTC),
            target=target,
        )

    def stat(self, path: str | os.PathLike[str], *, follow_symlinks: bool = True) -> FileInfo:
        """What is at ``path``."""
        where = self._at(path)
        with _translated(where):
            return self._info(where, self._namespace.stat(self._namespace.root, where, follow_symlinks))

    def exists(self, path: str | os.PathLike[str]) -> bool:
        """Whether ``path`` names something; a dangling symbolic link does not."""
        where = self._at(path)
        with _translated(where):
            return self._namespace.exists(where)

    def list(
        self, path: str | os.PathLike[str] = ".", *, recursive: bool = False, hidden: bool = False
    ) -> list[FileInfo]:
        """The entries of a directory by name; all below it with ``recursive``; dot files with ``hidden``."""
        where = self._at(path)
        top = where.rstrip("/") or "/"
        found: list[FileInfo] = []
        with _translated(where):
            if recursive:
                entries: Iterable[tuple[str, Stat]] = self._namespace.walk(top)
            else:
                entries = self._entries(top)
            for name, stat in entries:
                inside = name[len(top) :].strip("/")
                if hidden or not any(part.startswith(".") for part in inside.split("/")):
                    found.append(self._info(name, stat))
        return sorted(found, key=lambda info: info.path)

    def _entries(self, top: str) -> Iterator[tuple[str, Stat]]:
        for entry in self._namespace.list_directory(top):
            path = posixpath.join(top, entry.name)
            try:
                yield path, self._namespace.stat(self._namespace.root, path, False)
            except VfsError as error:
                # Running code removed it since the directory was read.
                if error.errno is not Errno.ENOENT:
                    raise

    # ---- content --------------------------------------------------------------------------------------

    def read(self, path: str | os.PathLike[str], *, encoding: Encoding = "utf-8") -> FileContent:
        """The content: decoded text, base64 text, or bytes for ``encoding=None``.

        Raises `UnicodeDecodeError` for what is not text in the encoding; read it as None or "base64".
        """
        from pywasm_sandbox.models import FileContent

        where = self._at(path)
        with _translated(where):
            data = self._namespace.read_bytes(where)
        return FileContent.model_construct(
            path=where,
            content=_decode(data, encoding, where),
            encoding=encoding,
            size=len(data),
            mime_type=mime_type(where),
        )

    def write(
        self,
        path: str | os.PathLike[str],
        content: str | bytes | bytearray | memoryview,
        *,
        encoding: Encoding = "utf-8",
        mode: int | None = None,
        append: bool = False,
    ) -> FileInfo:
        """Write a file; the directories above it are made. "base64" text is decoded, other text encoded."""
        where = self._at(path)
        data = _encode(content, encoding)
        with _translated(where):
            self._namespace.write_bytes(where, data, append=append, parents=True)
            if mode is not None:
                self._namespace.set_mode(self._namespace.root, where, mode)
        return self.stat(where)

    def read_chunks(self, path: str | os.PathLike[str], chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The content piece by piece, each at most ``chunk_bytes`` long."""
        where = self._at(path)
        if chunk_bytes < 1:
            raise ValueError(f"chunk_bytes is {chunk_bytes}; it must be at least 1")
        with _translated(where):
            file = self._open(where)
        return self._chunks(file, where, chunk_bytes)

    def _open(self, where: str) -> File:
        opened = self._namespace.open(self._namespace.root, where)
        if opened.file is None:
            raise VfsError(Errno.EISDIR, where)
        return opened.file

    @staticmethod
    def _chunks(file: File, where: str, chunk_bytes: int) -> Iterator[bytes]:
        offset = 0
        try:
            with _translated(where):
                while data := file.pread(chunk_bytes, offset):
                    offset += len(data)
                    yield data
        finally:
            file.close()

    def write_chunks(self, path: str | os.PathLike[str], chunks: Iterable[bytes]) -> FileInfo:
        """Write a file from pieces; it never needs to be in the caller's memory as a whole."""
        where = self._at(path)
        with _translated(where):
            self._namespace.write_bytes(where, b"", parents=True)
            for chunk in chunks:
                self._check_open()
                self._namespace.write_bytes(where, chunk, append=True)
        return self.stat(where)

    # ---- the tree -------------------------------------------------------------------------------------

    def mkdir(self, path: str | os.PathLike[str], *, parents: bool = True, exist_ok: bool = True) -> FileInfo:
        """Make a directory, and the ones above it with ``parents``."""
        where = self._at(path)
        with _translated(where), self._namespace.lock:
            there = self._namespace.exists(where, follow=False)
            if there and not (exist_ok and self._is_directory(where)):
                raise VfsError(Errno.EEXIST, where)
            if parents:
                self._namespace.make_directories(where)
            elif not self._namespace.exists(where):
                self._namespace.mkdir(self._namespace.root, where)
            stat = self._namespace.stat(self._namespace.root, where)
            if stat.type is not NodeType.DIRECTORY:
                raise VfsError(Errno.EEXIST, where)
        return self.stat(where)

    def rename(self, path: str | os.PathLike[str], new_path: str | os.PathLike[str]) -> FileInfo:
        """POSIX rename: atomic, replaces a file at ``new_path``, stays within one mount."""
        where, target = self._at(path), self._at(new_path)
        with _translated(where):
            self._namespace.rename(self._namespace.root, where, self._namespace.root, target)
        return self.stat(target, follow_symlinks=False)

    def move(self, path: str | os.PathLike[str], new_path: str | os.PathLike[str]) -> FileInfo:
        """As `rename`, but makes the directories above ``new_path``, moves into an existing directory and
        copies from one mount to another."""
        where, target = self._at(path), self._at(new_path)
        with _translated(where), self._namespace.lock:
            if self._is_directory(target):
                target = posixpath.join(target, posixpath.basename(where.rstrip("/")))
            else:
                self._namespace.make_directories(posixpath.dirname(target.rstrip("/")) or "/")
            try:
                self._namespace.rename(self._namespace.root, where, self._namespace.root, target)
            except VfsError as error:
                if error.errno is not Errno.EXDEV:
                    raise
                self._copy_tree(where, target)
                self._namespace.remove_tree(where)
        return self.stat(target, follow_symlinks=False)

    def _is_directory(self, where: str) -> bool:
        namespace = self._namespace
        return namespace.exists(where) and namespace.stat(namespace.root, where).type is NodeType.DIRECTORY

    def _copy_tree(self, source: str, target: str) -> None:
        namespace = self._namespace
        top = namespace.stat(namespace.root, source, False)
        self._copy_node(source, target, top)
        if top.type is NodeType.DIRECTORY:
            prefix = source.rstrip("/")
            for path, stat in namespace.walk(prefix):
                self._copy_node(path, target.rstrip("/") + path[len(prefix) :], stat)

    def _copy_node(self, source: str, target: str, stat: Stat) -> None:
        namespace = self._namespace
        if stat.type is NodeType.DIRECTORY:
            namespace.make_directories(target)
        elif stat.type is NodeType.SYMLINK:
            namespace.symlink(namespace.root, target, namespace.readlink(namespace.root, source))
        else:
            namespace.copy(source, target)

    def copy(self, path: str | os.PathLike[str], new_path: str | os.PathLike[str]) -> FileInfo:
        """Copy a file, or a directory with everything in it."""
        where, target = self._at(path), self._at(new_path)
        if (target.rstrip("/") + "/").startswith(where.rstrip("/") + "/"):
            raise SandboxFileError(host_errno.EINVAL, "can't copy a thing into itself", target)
        with _translated(where):
            if self._is_directory(target):
                target = posixpath.join(target, posixpath.basename(where.rstrip("/")))
            self._namespace.make_directories(posixpath.dirname(target.rstrip("/")) or "/")
            self._copy_tree(where, target)
        return self.stat(target, follow_symlinks=False)

    def symlink(self, target: str, path: str | os.PathLike[str]) -> FileInfo:
        """Make ``path`` a symbolic link to ``target``."""
        where = self._at(path)
        with _translated(where):
            self._namespace.symlink(self._namespace.root, where, target)
        return self.stat(where, follow_symlinks=False)

    def delete(
        self, path: str | os.PathLike[str], *, recursive: bool = False, missing_ok: bool = False
    ) -> None:
        """Remove a file, a symbolic link, an empty directory, or with ``recursive`` a full one."""
        where = self._at(path)
        namespace = self._namespace
        try:
            if recursive:
                namespace.remove_tree(where)
            elif namespace.stat(namespace.root, where, False).type is NodeType.DIRECTORY:
                namespace.rmdir(namespace.root, where)
            else:
                namespace.unlink(namespace.root, where)
        except VfsError as error:
            if not (missing_ok and error.errno is Errno.ENOENT):
                raise _translate(error, where) from None

    # ---- host and sandbox -----------------------------------------------------------------------------

    def upload(self, host_path: str | Path, path: str | os.PathLike[str]) -> FileInfo:
        """Copy a file or a folder of the host into the sandbox."""
        self._check_open()
        source = Path(host_path)
        if not source.is_dir():
            with _host_file(source, "rb") as file:
                return self.write_chunks(path, iter(lambda: file.read(CHUNK_BYTES), b""))
        top = self.mkdir(path)
        for folder, below, names in os.walk(source):
            inside = posixpath.join(top.path, Path(folder).relative_to(source).as_posix())
            self.mkdir(inside)
            for name in (*below, *names):
                self._upload_entry(Path(folder) / name, posixpath.join(inside, name))
        return self.stat(top.path)

    def _upload_entry(self, source: Path, where: str) -> None:
        if source.is_symlink():
            # As a link: what it leads to may lie outside of the folder that was named.
            self.delete(where, missing_ok=True)
            self.symlink(os.readlink(source), where)
        elif not source.is_dir():
            self.upload(source, where)

    def download(self, path: str | os.PathLike[str], host_path: str | Path) -> Path:
        """Copy a file, or a directory, of the sandbox to the host; the path written to comes back.

        Only plain files and directories are made on the host: symbolic links of the sandbox are left out, so
        nothing lands outside ``host_path``.
        """
        info = self.stat(path)
        target = Path(host_path)
        if not info.is_directory:
            if target.is_dir():
                target = target / info.name
            self._download_file(info.path, target)
            return target
        target.mkdir(parents=True, exist_ok=True)
        for entry in self.list(info.path, recursive=True, hidden=True):
            to = target / _inside(entry.path, info.path)
            if to.is_symlink():
                raise HostFileError(host_errno.ELOOP, "host file: a symbolic link is in the way", str(to))
            if entry.is_directory:
                to.mkdir(parents=True, exist_ok=True)
            elif entry.type == "file":
                self._download_file(entry.path, to, _open_no_link)
        return target

    def _download_file(
        self, where: str, target: Path, opener: Callable[[str, int], int] = _open_regular
    ) -> None:
        chunks = self.read_chunks(where)
        with _host_file(target, "wb", opener) as file:
            for chunk in chunks:
                file.write(chunk)

    def usage(self) -> dict[str, int | None]:
        """What is charged against the quota: bytes and files, used and allowed."""
        self._check_open()
        return dict(self._namespace.root.mount.fs.usage()._asdict())


def _inside(path: str, top: str) -> str:
    """The part below ``top``, refused where the host would read it as something else than names."""
    relative = path[len(top.rstrip("/")) + 1 :]
    for part in relative.split("/"):
        if part in ("", ".", "..") or (os.sep != "/" and (os.sep in part or ":" in part)):
            raise HostFileError(host_errno.EINVAL, "the host can't hold a file of this name", path)
    return relative


def _decode(data: bytes, encoding: Encoding, path: str) -> str | bytes:
    if encoding is None:
        return data
    if encoding == "base64":
        return base64.b64encode(data).decode("ascii")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        advice = f'{error.reason}; read {path!r} with encoding=None as bytes, or with encoding="base64"'
        raise UnicodeDecodeError(error.encoding, error.object, error.start, error.end, advice) from None


def _encode(content: Any, encoding: Encoding) -> bytes | bytearray | memoryview:
    if isinstance(content, bytes | bytearray):
        return content
    if isinstance(content, memoryview):
        return content if content.c_contiguous else bytes(content)
    if not isinstance(content, str):
        raise TypeError(f"content is a str or bytes, not {type(content).__name__}")
    if encoding != "base64":
        return content.encode(encoding or "utf-8")
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ValueError(f"content is not base64: {error}") from None
