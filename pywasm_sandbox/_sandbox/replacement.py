"""Files of a sandbox that change together: all of them, or none."""

from __future__ import annotations

import contextlib
import itertools
import posixpath
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Self

from pywasm_sandbox._vfs.api import Errno, FileType, VfsError

if TYPE_CHECKING:
    from pywasm_sandbox._vfs.namespace import Namespace

__all__ = ["Replacement"]


class Replacement:
    """New files in place of old ones, in one step for everybody else who looks.

    `write` puts content into a folder of its own beside its place; `apply` moves it there under the
    namespace's lock, or fails and leaves everything as it was. So old and new need room at the same time.
    Use it in ``with``: the end removes what is left of the folders. ``roots`` are those that the changes lie
    below, which stay when they are empty.
    """

    def __init__(self, namespace: Namespace, roots: Sequence[str]) -> None:
        self._namespace = namespace
        self._roots = sorted(roots, key=len, reverse=True)
        self._folders: dict[str, str] = {}
        self._made: list[str] = []
        self._new: dict[str, str] = {}
        """Place → where its content is so far."""
        self._numbers = itertools.count()
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for folder in self._folders.values():
            with contextlib.suppress(VfsError):
                self._namespace.remove_tree(folder)
        for folder in reversed(self._made):
            with contextlib.suppress(VfsError):  # there is something in it
                self._namespace.rmdir(self._namespace.root, folder)

    def write(self, path: str, data: bytes, mode: int) -> None:
        """Prepare a file. Raises `VfsError` when it doesn't fit."""
        root = self._root_of(path)
        aside = f"{self._folder(root)}/new/{path.removeprefix(root + '/')}"
        try:
            self._namespace.write_bytes(aside, data, parents=True, mode=mode)
        except VfsError as error:
            error.path = path
            raise
        self._new[path] = aside

    def apply(self, old: Callable[[], Iterable[str]] = tuple) -> None:
        """Remove the files and folders that ``old`` names, and put the new ones into their places, over what
        is there. ``old`` is called under the namespace's lock; what isn't there is passed over.

        Raises `VfsError`, after which everything is as it was.
        """
        with self._namespace.lock:
            try:
                emptied: set[str] = set()
                for path in old():
                    if self._set_aside(path):
                        emptied.add(posixpath.dirname(path))
                self._prune(emptied)
                for path, aside in self._new.items():
                    if self._kind(path) is not FileType.DIRECTORY:
                        self._set_aside(path)
                    self._make_directories(posixpath.dirname(path), self._take_back_directory)
                    self._move(aside, path)
            except BaseException:
                self._take_back()
                raise
            self._undo.pop_all()

    # ---- inside: each step says how it is taken back

    def _take_back(self) -> None:
        try:
            self._undo.close()
        except VfsError:
            self._folders.clear()  # what could not be moved back is not lost
            raise

    def _root_of(self, path: str) -> str:
        return next(root for root in self._roots if path.startswith(f"{root}/"))

    def _folder(self, root: str) -> str:
        """The folder for what is on its way, in the filesystem of its root."""
        if root not in self._folders:
            self._make_directories(root, self._made.append)
            for number in itertools.count(1):
                folder = f"{root}/~{number}"
                try:
                    self._namespace.mkdir(self._namespace.root, folder)
                except VfsError as error:
                    if error.errno is not Errno.EEXIST:
                        raise
                else:
                    self._folders[root] = folder
                    break
        return self._folders[root]

    def _kind(self, path: str) -> FileType | None:
        if not self._namespace.exists(path, follow=False):
            return None
        return self._namespace.resolve(self._namespace.root, path, False).type

    def _set_aside(self, path: str) -> bool:
        if self._kind(path) is None:
            return False
        folder = f"{self._folder(self._root_of(path))}/old"
        self._namespace.make_directories(folder)
        self._move(path, f"{folder}/{next(self._numbers)}")
        return True

    def _move(self, path: str, target: str) -> None:
        self._rename(path, target)
        self._undo.callback(self._rename, target, path)

    def _rename(self, path: str, target: str) -> None:
        namespace = self._namespace
        try:
            namespace.rename(namespace.root, path, namespace.root, target)
        except VfsError as error:
            if error.errno is not Errno.EXDEV or self._kind(path) is not FileType.REGULAR:
                raise
            # A mount lies between a root and the file.
            mode = namespace.stat(namespace.root, path, False).mode
            try:
                namespace.write_bytes(target, namespace.read_bytes(path), mode=mode)
            except VfsError:
                with contextlib.suppress(VfsError):
                    namespace.unlink(namespace.root, target)
                raise
            namespace.unlink(namespace.root, path)

    def _make_directories(self, path: str, made: Callable[[str], object]) -> None:
        if not self._namespace.exists(path):
            self._make_directories(posixpath.dirname(path), made)
            self._namespace.mkdir(self._namespace.root, path)
            made(path)

    def _take_back_directory(self, path: str) -> None:
        self._undo.callback(self._namespace.rmdir, self._namespace.root, path)

    def _prune(self, folders: Iterable[str]) -> None:
        """Remove those that are empty, and then those around them."""
        namespace = self._namespace
        for folder in sorted(folders, key=len, reverse=True):
            path = folder
            while path not in self._roots and path != "/":
                try:
                    mode = namespace.stat(namespace.root, path).mode
                    namespace.rmdir(namespace.root, path)
                except VfsError:
                    break
                self._undo.callback(namespace.mkdir, namespace.root, path, mode)
                path = posixpath.dirname(path)
