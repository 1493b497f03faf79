"""Paths to locations: symlinks, `..`, slashes, limits. Outcomes are those of Linux."""

from __future__ import annotations

import pytest

from pywasm_sandbox._vfs.api import Errno, FileType, VfsError
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from tests.unit.vfs.support import fails


@pytest.fixture
def ns() -> Namespace:
    namespace = Namespace(MemoryFS())
    namespace.make_directories("/a/b/c")
    namespace.write_bytes("/a/file", b"file")
    namespace.write_bytes("/top", b"top")
    for path, target in {
        "/to_file": "a/file",
        "/to_dir": "a",
        "/to_dir_slash": "a/",
        "/absolute": "/a/file",
        "/a/up": "../top",
        "/a/far_up": "../../../../../top",
        "/a/b/absolute_dir": "/a",
        "/chain": "to_dir/up",
        "/dangling": "a/new",
        "/dangling_absolute": "/a/b/new",
        "/self": "self",
        "/ping": "pong",
        "/pong": "ping",
        "/file_slash": "top/",
    }.items():
        namespace.symlink(namespace.root, path, target)
    return namespace


def names(ns: Namespace, path: str, follow: bool = True) -> str:
    """What a path leads to: the content of a file, or the path of a directory."""
    location = ns.resolve(ns.root, path, follow)
    if location.type is FileType.DIRECTORY:
        return ns.path_of(location)
    return ns.read_bytes(path).decode() if follow else location.type.value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("//", "/"),
        (".", "/"),
        ("..", "/"),
        ("/../../..", "/"),
        ("/a/../..", "/"),
        ("a", "/a"),
        ("a/", "/a"),
        ("a//b///c/", "/a/b/c"),
        ("a/./b/.", "/a/b"),
        ("a/b/..", "/a"),
        ("a/b/../file", "file"),
        ("/a/b/c/../../../top", "top"),
        ("to_file", "file"),
        ("to_dir", "/a"),
        ("to_dir/", "/a"),
        ("to_dir_slash", "/a"),
        ("to_dir_slash/file", "file"),
        ("absolute", "file"),
        ("a/up", "top"),
        ("a/far_up", "top"),
        ("a/b/absolute_dir/b/absolute_dir/file", "file"),
        ("chain", "top"),
        ("to_dir/..", "/"),
        ("a/b/absolute_dir/..", "/"),
    ],
)
def test_resolve(ns: Namespace, path: str, expected: str) -> None:
    assert names(ns, path) == expected
    assert ns.resolve(ns.root, path.encode()) == ns.resolve(ns.root, path)


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("", Errno.ENOENT),
        ("missing", Errno.ENOENT),
        ("missing/", Errno.ENOENT),
        ("missing/..", Errno.ENOENT),
        ("top/", Errno.ENOTDIR),
        ("top/.", Errno.ENOTDIR),
        ("top/..", Errno.ENOTDIR),
        ("top/x", Errno.ENOTDIR),
        ("to_file/", Errno.ENOTDIR),
        ("to_file/x", Errno.ENOTDIR),
        ("file_slash", Errno.ENOTDIR),
        ("dangling", Errno.ENOENT),
        ("dangling/x", Errno.ENOENT),
        ("self", Errno.ELOOP),
        ("self/x", Errno.ELOOP),
        ("ping", Errno.ELOOP),
        ("a\0b", Errno.EINVAL),
        ("x" * 256, Errno.ENAMETOOLONG),
        ("x" * 256 + "/y", Errno.ENAMETOOLONG),
        ("é" * 128, Errno.ENAMETOOLONG),
        ("./" * 2048 + "a", Errno.ENAMETOOLONG),
        ("\ud800", Errno.EILSEQ),
    ],
)
def test_resolve_errors(ns: Namespace, path: str, errno: Errno) -> None:
    with fails(errno):
        ns.resolve(ns.root, path)


def test_longest_path_and_name_are_found(ns: Namespace) -> None:
    assert names(ns, "./" * 2047 + "a") == "/a"
    ns.write_bytes("/" + "é" * 127, b"long")
    assert ns.read_bytes("/" + "é" * 127) == b"long"


@pytest.mark.parametrize(("links", "works"), [(40, True), (41, False)])
def test_forty_symlinks_are_followed_and_no_more(ns: Namespace, links: int, works: bool) -> None:
    previous = "top"
    for number in range(links):
        ns.symlink(ns.root, f"/n{number}", previous)
        previous = f"n{number}"
    if works:
        assert ns.read_bytes(f"/{previous}") == b"top"
    else:
        with fails(Errno.ELOOP):
            ns.resolve(ns.root, previous)


def test_last_symlink_is_not_followed_if_so_asked(ns: Namespace) -> None:
    assert names(ns, "to_dir", follow=False) == "symlink"
    assert names(ns, "self", follow=False) == "symlink"
    assert names(ns, "to_dir/up", follow=False) == "symlink"
    assert names(ns, "to_dir/", follow=False) == "/a"
    assert ns.stat(ns.root, "to_dir", follow=False).type is FileType.SYMLINK
    assert ns.stat(ns.root, "to_dir").type is FileType.DIRECTORY
    assert ns.readlink(ns.root, "a/up") == "../top"
    with fails(Errno.EINVAL):
        ns.readlink(ns.root, "top")


def test_start_is_used_for_relative_paths_only(ns: Namespace) -> None:
    start = ns.resolve(ns.root, "a/b")
    assert ns.resolve(start, "c") == ns.resolve(ns.root, "/a/b/c")
    assert ns.resolve(start, "..") == ns.resolve(ns.root, "/a")
    assert ns.resolve(start, "/top") == ns.resolve(ns.root, "top")
    with fails(Errno.ENOTDIR):
        ns.resolve(ns.resolve(ns.root, "top"), "x")
    with fails(Errno.ENOTDIR):
        ns.resolve_parent(ns.resolve(ns.root, "top"), "x")


@pytest.mark.parametrize(
    ("path", "directory", "name", "slash"),
    [
        ("/", "/", "", True),
        ("new", "/", "new", False),
        ("/a/new/", "/a", "new", True),
        ("to_dir/b/new//", "/a/b", "new", True),
        ("a/..", "/a", "..", False),
        (".", "/", ".", False),
        ("self", "/", "self", False),
    ],
)
def test_resolve_parent(ns: Namespace, path: str, directory: str, name: str, slash: bool) -> None:
    parent = ns.resolve_parent(ns.root, path)
    assert (ns.path_of(parent.directory), parent.name, parent.slash) == (directory, name, slash)


@pytest.mark.parametrize(
    ("path", "errno"),
    [("missing/x", Errno.ENOENT), ("top/x", Errno.ENOTDIR), ("self/x", Errno.ELOOP), ("", Errno.ENOENT)],
)
def test_resolve_parent_errors(ns: Namespace, path: str, errno: Errno) -> None:
    with fails(errno):
        ns.resolve_parent(ns.root, path)


def test_bytes_that_are_not_utf8_and_their_str_are_one_name(ns: Namespace) -> None:
    ns.write_bytes(b"/\xff\xc3\xa9", b"odd")
    assert ns.read_bytes("/\udcff\u00e9") == b"odd"
    assert ns.read_bytes("/\udcff\udcc3\udca9") == b"odd"
    [entry] = [entry for entry in ns.list_directory("/") if entry.name.startswith("\udcff")]
    assert entry.name.encode("utf-8", "surrogateescape") == b"\xff\xc3\xa9"


def test_location_in_a_removed_directory_enoent(ns: Namespace) -> None:
    here = ns.resolve(ns.root, "a/b/c")
    ns.rmdir(ns.root, "a/b/c")
    for call in (
        lambda: ns.resolve(here, "x"),
        lambda: ns.resolve(here, ".."),
        lambda: ns.stat_of(here),
        lambda: ns.readdir(here),
        lambda: ns.mkdir(here, "x"),
        lambda: ns.path_of(here),
    ):
        with fails(Errno.ENOENT):
            call()


def test_location_follows_a_renamed_directory(ns: Namespace) -> None:
    here = ns.resolve(ns.root, "a/b")
    ns.rename(ns.root, "a", ns.root, "z")
    assert ns.path_of(here) == "/z/b"
    assert ns.path_of(ns.resolve(here, "..")) == "/z"


# -- what makes or removes the last name ---------------------------------------------------------------------

CHANGES = {
    "mkdir": lambda ns, path: ns.mkdir(ns.root, path),
    "symlink": lambda ns, path: ns.symlink(ns.root, path, "x"),
    "link": lambda ns, path: ns.link(ns.root, "top", ns.root, path),
    "create": lambda ns, path: ns.open(ns.root, path, create=True, write=True),
    "exclusive": lambda ns, path: ns.open(ns.root, path, create=True, exclusive=True),
    "open": lambda ns, path: ns.open(ns.root, path, write=True),
    "unlink": lambda ns, path: ns.unlink(ns.root, path),
    "rmdir": lambda ns, path: ns.rmdir(ns.root, path),
    "rename from": lambda ns, path: ns.rename(ns.root, path, ns.root, "renamed"),
    "rename file to": lambda ns, path: ns.rename(ns.root, "top", ns.root, path),
    "rename dir to": lambda ns, path: ns.rename(ns.root, "a/b/c", ns.root, path),
}


@pytest.mark.parametrize(
    ("change", "path", "errno"),
    [
        ("mkdir", "a", Errno.EEXIST),
        ("mkdir", "/", Errno.EEXIST),
        ("mkdir", ".", Errno.EEXIST),
        ("mkdir", "a/..", Errno.EEXIST),
        ("mkdir", "top/", Errno.EEXIST),
        ("mkdir", "dangling", Errno.EEXIST),
        ("mkdir", "missing/x", Errno.ENOENT),
        ("mkdir", "top/x", Errno.ENOTDIR),
        ("mkdir", "x" * 256, Errno.ENAMETOOLONG),
        ("symlink", "new/", Errno.ENOENT),
        ("symlink", "a/", Errno.EEXIST),
        ("symlink", "dangling", Errno.EEXIST),
        ("link", "new/", Errno.ENOENT),
        ("link", "dangling", Errno.EEXIST),
        ("create", "a", Errno.EISDIR),
        ("create", "new/", Errno.EISDIR),
        ("create", "top/", Errno.EISDIR),
        ("create", "/", Errno.EISDIR),
        ("create", "a/..", Errno.EISDIR),
        ("create", "self", Errno.ELOOP),
        ("create", "missing/x", Errno.ENOENT),
        ("exclusive", "top", Errno.EEXIST),
        ("exclusive", "a", Errno.EEXIST),
        ("exclusive", "dangling", Errno.EEXIST),
        ("exclusive", "/", Errno.EEXIST),
        ("open", "missing", Errno.ENOENT),
        ("open", "dangling", Errno.ENOENT),
        ("open", "a", Errno.EISDIR),
        ("open", "top/", Errno.ENOTDIR),
        ("unlink", "a", Errno.EISDIR),
        ("unlink", "a/", Errno.EISDIR),
        ("unlink", "/", Errno.EISDIR),
        ("unlink", ".", Errno.EISDIR),
        ("unlink", "top/", Errno.ENOTDIR),
        ("unlink", "to_dir/", Errno.ENOTDIR),
        ("unlink", "missing", Errno.ENOENT),
        ("unlink", "missing/", Errno.ENOENT),
        ("rmdir", "a", Errno.ENOTEMPTY),
        ("rmdir", "/", Errno.EBUSY),
        ("rmdir", ".", Errno.EINVAL),
        ("rmdir", "a/b/c/.", Errno.EINVAL),
        ("rmdir", "a/b/c/..", Errno.ENOTEMPTY),
        ("rmdir", "top", Errno.ENOTDIR),
        ("rmdir", "to_dir", Errno.ENOTDIR),
        ("rmdir", "to_dir/", Errno.ENOTDIR),
        ("rename from", "top/", Errno.ENOTDIR),
        ("rename from", "to_dir/", Errno.ENOTDIR),
        ("rename from", ".", Errno.EBUSY),
        ("rename from", "a/..", Errno.EBUSY),
        ("rename from", "/", Errno.EBUSY),
        ("rename from", "missing", Errno.ENOENT),
        ("rename file to", "new/", Errno.ENOTDIR),
        ("rename file to", "a", Errno.EISDIR),
        ("rename file to", "/", Errno.EBUSY),
        ("rename file to", "missing/x", Errno.ENOENT),
        ("rename dir to", "to_dir", Errno.ENOTDIR),
        ("rename dir to", "to_dir/", Errno.ENOTDIR),
        ("rename dir to", "a/b/c/x", Errno.EINVAL),
        ("rename dir to", "a/b", Errno.ENOTEMPTY),
        ("rename dir to", "top", Errno.ENOTDIR),
    ],
)
def test_changes_of_the_last_name_errors(ns: Namespace, change: str, path: str, errno: Errno) -> None:
    before = list(ns.walk("/"))
    with fails(errno):
        CHANGES[change](ns, path)
    assert list(ns.walk("/")) == before


@pytest.mark.parametrize(
    ("change", "path", "result"),
    [
        ("mkdir", "new/", "/new"),
        ("mkdir", "to_dir/new", "/a/new"),
        ("create", "dangling", "/a/new"),
        ("create", "dangling_absolute", "/a/b/new"),
        ("rename dir to", "new/", "/new"),
        ("rename from", "a/", "/renamed"),
        ("rename from", "self", "/renamed"),
        ("rename file to", "dangling", "/dangling"),
    ],
)
def test_changes_of_the_last_name(ns: Namespace, change: str, path: str, result: str) -> None:
    assert not ns.exists(result)
    CHANGES[change](ns, path)
    assert ns.exists(result, follow=False)


def test_removals_take_the_symlink_not_its_target(ns: Namespace) -> None:
    ns.unlink(ns.root, "to_file")
    ns.unlink(ns.root, "self")
    ns.unlink(ns.root, "dangling")
    assert ns.read_bytes("/a/file") == b"file"
    ns.rmdir(ns.root, "a/b/c/")
    assert not ns.exists("/a/b/c")


def test_errors_name_the_path_that_was_given(ns: Namespace) -> None:
    for change, path in (("mkdir", "/a/b"), ("unlink", "a/b"), ("open", "a/b/missing"), ("create", "a/b")):
        with pytest.raises(VfsError, match=repr(path)) as caught:
            CHANGES[change](ns, path)
        assert caught.value.path == path


# -- open ----------------------------------------------------------------------------------------------------


def test_open_of_a_directory_gives_no_file(ns: Namespace) -> None:
    for directory in (False, True):
        opened = ns.open(ns.root, "a/b", directory=directory)
        assert (opened.file, opened.created, opened.location.type) == (None, False, FileType.DIRECTORY)


def test_open_creates_and_truncates(ns: Namespace) -> None:
    new = ns.open(ns.root, "a/new", write=True, create=True, mode=0o640)
    assert new.created
    assert new.file is not None
    assert ns.stat_of(new.location).mode == 0o640
    new.file.pwrite(b"content", 0)
    again = ns.open(ns.root, "a/new", write=True, create=True)
    assert not again.created
    assert again.file is not None
    assert again.file.size == 7
    emptied = ns.open(ns.root, "a/new", write=True, truncate=True)
    assert emptied.file is not None
    assert new.file.size == emptied.file.size == 0
    for opened in (new, again, emptied):
        assert opened.file is not None
        opened.file.close()


@pytest.mark.parametrize(
    ("path", "flags", "errno"),
    [
        ("top", {"directory": True}, Errno.ENOTDIR),
        ("to_file", {"follow": False}, Errno.ELOOP),
        ("to_dir", {"follow": False}, Errno.ELOOP),
        ("to_dir", {"follow": False, "directory": True}, Errno.ENOTDIR),
        ("to_file", {"follow": False, "create": True}, Errno.ELOOP),
        ("dangling", {"follow": False, "create": True}, Errno.ELOOP),
        ("top", {"truncate": True}, Errno.EINVAL),
        ("new", {"create": True, "directory": True}, Errno.EINVAL),
    ],
)
def test_open_flags_errors(ns: Namespace, path: str, flags: dict[str, bool], errno: Errno) -> None:
    with fails(errno):
        ns.open(ns.root, path, **flags)
    assert ns.read_bytes("/top") == b"top"


def test_stat_of_an_unlinked_open_file(ns: Namespace) -> None:
    opened = ns.open(ns.root, "top")
    assert opened.file is not None
    ns.unlink(ns.root, "top")
    found = ns.stat_of(opened.location, opened.file)
    assert (found.device, found.size, found.nlink) == (1, 3, 0)
    opened.file.close()


def test_times_and_mode(ns: Namespace) -> None:
    ns.set_times(ns.root, "to_file", 1, 2)
    ns.set_times(ns.root, "to_file", 3, 4, follow=False)
    ns.set_mode(ns.root, "to_file", 0o600)
    found = ns.stat(ns.root, "a/file")
    assert (found.atime_ns, found.mtime_ns, found.mode) == (1, 2, 0o600)
    assert ns.stat(ns.root, "to_file", follow=False).mtime_ns == 4
    ns.truncate(ns.root, "to_file", 2)
    assert ns.read_bytes("/a/file") == b"fi"


def test_link_follows_only_if_asked(ns: Namespace) -> None:
    ns.link(ns.root, "to_file", ns.root, "same_link")
    ns.link(ns.root, "to_file", ns.root, "same_file", follow=True)
    assert ns.readlink(ns.root, "same_link") == "a/file"
    assert ns.stat(ns.root, "same_file", follow=False).nlink == 2
    with fails(Errno.EPERM):
        ns.link(ns.root, "a", ns.root, "same_dir")
