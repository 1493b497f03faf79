"""Files that change together: at whatever step it fails, everything is as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pywasm_sandbox._sandbox.replacement import Replacement
from pywasm_sandbox._vfs.api import Errno, VfsError
from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.namespace import Namespace

ROOTS = ("/site", "/site/lib", "/site/share")
CHANGING = ("create", "mkdir", "rename", "unlink", "rmdir", "open")


class Failing(MemoryFS):
    """Its n-th change fails."""

    left = -1

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise VfsError(Errno.EIO)


def _counted(name: str) -> Callable[..., Any]:
    def method(self: Failing, *arguments: Any) -> Any:
        self.count()
        return getattr(MemoryFS, name)(self, *arguments)

    return method


for _name in CHANGING:
    setattr(Failing, _name, _counted(_name))


def tree(namespace: Namespace) -> dict[str, tuple[str, int, bytes]]:
    """All that there is."""
    found = {}
    for path, attributes in namespace.walk("/"):
        data = namespace.read_bytes(path) if attributes.type.value == "regular" else b""
        found[path] = (attributes.type.value, attributes.mode, data)
    return found


def make(fs: MemoryFS) -> Namespace:
    """An old version: a file that goes, one that is replaced, a file where a folder comes and the other way
    around, a symlink; and what is somebody else's."""
    namespace = Namespace(fs)
    for path, data in {
        "/site/lib/old/gone.py": b"gone",
        "/site/lib/old/data": b"a file",
        "/site/lib/old/tables/one.txt": b"1",
        "/site/lib/both.py": b"old",
        "/site/lib/other/kept.py": b"kept",
        "/elsewhere": b"not ours",
    }.items():
        namespace.write_bytes(path, data, parents=True, mode=0o640)
    namespace.symlink(namespace.root, "/site/lib/link.py", "/elsewhere")
    return namespace


OLD = ("/site/lib/old/gone.py", "/site/lib/old/data", "/site/lib/old/tables/one.txt", "/site/lib/both.py")
NEW = {
    "/site/lib/both.py": b"new",
    "/site/lib/old/data/two.txt": b"2",
    "/site/lib/old/tables": b"a file now",
    "/site/lib/link.py": b"no link",
    "/site/share/man/new.1": b"manual",
    "/site/bin/new": b"#!",
}


def change(namespace: Namespace) -> None:
    with Replacement(namespace, ROOTS) as files:
        for path, data in NEW.items():
            files.write(path, data, 0o644)
        files.apply(lambda: OLD)


def test_it_changes_all() -> None:
    namespace = make(MemoryFS())
    change(namespace)
    files = {path: data for path, (kind, _, data) in tree(namespace).items() if kind != "directory"}
    assert files == {**NEW, "/site/lib/other/kept.py": b"kept", "/elsewhere": b"not ours"}
    assert not any("~" in path for path in tree(namespace))


def test_at_whatever_step_it_fails_everything_is_as_it_was() -> None:
    before = tree(make(MemoryFS()))
    failed = []
    for step in range(1, 1000):
        fs = Failing()
        namespace = make(fs)
        fs.left = step
        try:
            change(namespace)
        except VfsError as error:
            failed.append(error.errno)
            fs.left = -1
            assert tree(namespace) == before, step
        else:
            if fs.left > 0:
                break
            fs.left = -1
            assert set(tree(namespace)) >= set(NEW), step  # it was to remove what nobody needs
    assert set(failed) == {Errno.EIO, Errno.EISDIR}  # this one where an empty folder could not be removed
    assert len(failed) >= 30


def test_what_does_not_fit_leaves_nothing() -> None:
    namespace = make(MemoryFS(Quota(bytes=1000)))
    before = tree(namespace)
    with Replacement(namespace, ROOTS) as files:
        files.write("/site/lib/a.py", bytes(500), 0o644)
        with pytest.raises(VfsError) as caught:
            files.write("/site/lib/b.py", bytes(500), 0o644)
    assert (caught.value.errno, caught.value.path) == (Errno.ENOSPC, "/site/lib/b.py")
    assert tree(namespace) == before


def test_a_folder_in_the_way_leaves_everything() -> None:
    namespace = make(MemoryFS())
    namespace.make_directories("/site/bin/new/inside")
    before = tree(namespace)
    with pytest.raises(VfsError):
        change(namespace)
    assert tree(namespace) == before


def test_mounts_inside() -> None:
    namespace = make(MemoryFS())
    namespace.make_directories("/site/share/man")
    namespace.mount("/site/share/man", MemoryFS())
    namespace.write_bytes("/site/share/man/new.1", b"old")
    change(namespace)
    assert namespace.read_bytes("/site/share/man/new.1") == b"manual"
    assert not any("~" in path for path in tree(namespace))


def test_folders_that_somebody_made_are_not_taken_for_its_own() -> None:
    namespace = make(MemoryFS())
    namespace.write_bytes("/site/lib/~1/mine", b"mine", parents=True)
    change(namespace)
    assert namespace.read_bytes("/site/lib/~1/mine") == b"mine"
    assert namespace.read_bytes("/site/lib/both.py") == b"new"
