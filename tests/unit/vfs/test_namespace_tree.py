"""Mounts, and the conveniences on whole paths."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pywasm_sandbox._vfs.api import Errno, FileType, VfsError
from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox._vfs.zipindex import ZipIndex
from tests.unit.vfs.support import PATTERN, fails, zip_archive


@pytest.fixture
def ns() -> Namespace:
    """/usr/lib is a zip, /data a memory filesystem with /data/deep/inner mounted in it."""
    namespace = Namespace(MemoryFS())
    namespace.make_directories("/usr")
    namespace.make_directories("/home")
    namespace.mount("/usr/lib", ZipFS(zip_archive()))
    namespace.mount("/data", MemoryFS())
    namespace.make_directories("/data/deep")
    namespace.mount("/data/deep/inner", MemoryFS())
    namespace.write_bytes("/data/deep/inner/file", b"inner")
    return namespace


# -- mounts --------------------------------------------------------------------------------------------------


def test_paths_cross_mounts_both_ways(ns: Namespace) -> None:
    assert ns.read_bytes("/usr/lib/link") == b"hello\n"
    assert ns.read_bytes("/usr/lib/sub/../../lib/hello.txt") == b"hello\n"
    assert ns.resolve(ns.root, "/data/deep/inner/../..") == ns.resolve(ns.root, "/data")
    assert ns.resolve(ns.root, "/usr/lib/..") == ns.resolve(ns.root, "/usr")
    assert ns.path_of(ns.resolve(ns.root, "/data/deep/inner")) == "/data/deep/inner"
    ns.symlink(ns.root, "/data/deep/inner/out", "../../../usr/lib/sub")
    assert ns.path_of(ns.resolve(ns.root, "/data/deep/inner/out")) == "/usr/lib/sub"


def test_symlinks_of_a_mount_are_resolved_from_the_namespaces_root() -> None:
    ns = Namespace(MemoryFS())
    inner = MemoryFS()
    inner.symlink(inner.root, "absolute", "/secret")
    inner.symlink(inner.root, "up", "../../../secret")
    ns.write_bytes("/secret", b"of the root")
    ns.make_directories("/a")
    ns.mount("/a/b", inner)
    assert ns.read_bytes("/a/b/absolute") == ns.read_bytes("/a/b/up") == b"of the root"


def test_each_mount_is_a_device(ns: Namespace) -> None:
    paths = ["/", "/usr", "/usr/lib", "/data", "/data/deep", "/data/deep/inner/file"]
    assert [ns.stat(ns.root, path).device for path in paths] == [1, 1, 2, 3, 3, 4]
    assert [mount.path for mount in ns.mounts] == ["/", "/usr/lib", "/data", "/data/deep/inner"]


def test_readdir_shows_mount_points(ns: Namespace) -> None:
    ns.make_directories("/data/other")
    listing = ns.list_directory("/")
    assert [(entry.name, entry.type) for entry in listing] == [
        ("usr", FileType.DIRECTORY),
        ("home", FileType.DIRECTORY),
        ("data", FileType.DIRECTORY),
    ]
    for index, entry in enumerate(listing):
        assert ns.readdir(ns.root, entry.cookie) == listing[index + 1 :]
        assert entry.inode == ns.stat(ns.root, entry.name).inode
    assert [entry.name for entry in ns.list_directory("/data/deep")] == ["inner"]


def test_a_mount_hides_a_directory_and_unmounting_shows_it_again(ns: Namespace) -> None:
    ns.write_bytes("/home/below", b"below")
    fs = MemoryFS()
    ns.mount("/home/../home", fs)
    assert ns.list_directory("/home") == []
    assert [entry.name for entry in ns.list_directory("/")].count("home") == 1
    assert ns.unmount("/home") is fs
    assert ns.read_bytes("/home/below") == b"below"


def test_open_files_outlive_their_mount(ns: Namespace) -> None:
    opened = ns.open(ns.root, "/data/deep/inner/file")
    assert opened.file is not None
    ns.unmount("/data/deep/inner")
    assert not ns.exists("/data/deep/inner")
    assert opened.file.pread(10, 0) == b"inner"
    opened.file.close()


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("relative", Errno.EINVAL),
        ("/", Errno.EBUSY),
        ("/data", Errno.EBUSY),
        ("/home/.", Errno.EINVAL),
        ("/missing/x", Errno.ENOENT),
        ("/data/deep/inner/file", Errno.ENOTDIR),
    ],
)
def test_mount_errors(ns: Namespace, path: str, errno: Errno) -> None:
    with fails(errno):
        ns.mount(path, MemoryFS())
    assert len(ns.mounts) == 4


def test_a_filesystem_that_reads_late_is_mounted_on_unread() -> None:
    def read() -> ZipIndex:
        raise AssertionError("it was read")

    ns = Namespace(MemoryFS())
    ns.mount("/library", ZipFS(read))
    ns.mount("/library/packages", MemoryFS(), look=False)
    with fails(Errno.EBUSY):
        ns.mount("/library/packages", MemoryFS(), look=False)
    ns.write_bytes("/library/packages/file", b"x")
    with pytest.raises(AssertionError, match="it was read"):
        ns.mount("/library/other", MemoryFS())


@pytest.mark.parametrize(
    ("path", "errno"), [("/", Errno.EBUSY), ("/data", Errno.EBUSY), ("/home", Errno.EINVAL)]
)
def test_unmount_errors(ns: Namespace, path: str, errno: Errno) -> None:
    with fails(errno):
        ns.unmount(path)
    assert len(ns.mounts) == 4


@pytest.mark.parametrize("path", ["/data", "/usr/lib", "/usr", "/data/deep", "/data/deep/inner"])
def test_mount_points_and_what_leads_to_them_stay_ebusy(ns: Namespace, path: str) -> None:
    ns.make_directories("/data/empty")
    ns.make_directories("/empty")
    empty = "/data/empty" if path.startswith("/data/") else "/empty"
    calls: list[Callable[[], object]] = [
        lambda: ns.rmdir(ns.root, path),
        lambda: ns.rename(ns.root, path, ns.root, empty + "2"),
        lambda: ns.rename(ns.root, empty, ns.root, path),
        lambda: ns.remove_tree(path),
    ]
    for call in calls:
        with fails(Errno.EBUSY):
            call()
    with fails(Errno.EEXIST):
        ns.mkdir(ns.root, path)
    with fails(Errno.EISDIR):
        ns.unlink(ns.root, path)
    assert ns.read_bytes("/data/deep/inner/file") == b"inner"


def test_pins_go_with_the_mount(ns: Namespace) -> None:
    ns.unmount("/data/deep/inner")
    ns.rename(ns.root, "/data/deep", ns.root, "/data/free")
    ns.rmdir(ns.root, "/data/free")
    assert ns.list_directory("/data") == []


def test_rename_and_link_between_mounts_exdev(ns: Namespace) -> None:
    ns.write_bytes("/file", b"x")
    with fails(Errno.EXDEV):
        ns.rename(ns.root, "/file", ns.root, "/data/file")
    with fails(Errno.EXDEV):
        ns.link(ns.root, "/file", ns.root, "/data/file")
    ns.rename(ns.root, "/file", ns.root, "/home/file")
    assert ns.read_bytes("/home/file") == b"x"


def test_read_only_mount_of_a_writable_filesystem() -> None:
    ns = Namespace(MemoryFS())
    fs = MemoryFS()
    fs.mkdir(fs.root, "dir")
    fs.create(fs.root, "file")
    ns.mount("/ro", fs, read_only=True)
    ns.mount("/rw", fs)
    ns.write_bytes("/rw/file", b"content")
    for call in (
        lambda: ns.write_bytes("/ro/file", b"x"),
        lambda: ns.write_bytes("/ro/new", b"x"),
        lambda: ns.open(ns.root, "/ro/file", write=True),
        lambda: ns.mkdir(ns.root, "/ro/new"),
        lambda: ns.symlink(ns.root, "/ro/new", "x"),
        lambda: ns.link(ns.root, "/ro/file", ns.root, "/ro/new"),
        lambda: ns.unlink(ns.root, "/ro/file"),
        lambda: ns.rmdir(ns.root, "/ro/dir"),
        lambda: ns.rename(ns.root, "/ro/file", ns.root, "/ro/new"),
        lambda: ns.set_times(ns.root, "/ro/file", 1, 1),
        lambda: ns.set_mode(ns.root, "/ro/file", 0),
        lambda: ns.truncate(ns.root, "/ro/file", 0),
        lambda: ns.remove_tree("/ro/dir"),
    ):
        with fails(Errno.EROFS):
            call()
    opened = ns.open(ns.root, "/ro/file", create=True)
    assert opened.file is not None
    with fails(Errno.EROFS):
        ns.set_times_of(opened.location, 1, 1, opened.file)
    opened.file.close()
    assert ns.read_bytes("/ro/file") == b"content"


def test_reading_a_zip_through_the_namespace_erofs(ns: Namespace) -> None:
    with fails(Errno.EROFS):
        ns.write_bytes("/usr/lib/new", b"x")
    with fails(Errno.EROFS):
        ns.remove_tree("/usr/lib/sub")
    assert ns.read_bytes("/usr/lib/sub/pattern.bin") == PATTERN


# -- whole paths ---------------------------------------------------------------------------------------------


def test_write_and_read_bytes(ns: Namespace) -> None:
    ns.write_bytes("/x/y/z.bin", PATTERN, parents=True, mode=0o600)
    assert ns.read_bytes("/x/y/z.bin") == PATTERN
    assert ns.read_bytes("/x/y/z.bin", 100, 10) == PATTERN[100:110]
    assert ns.read_bytes("/x/y/z.bin", len(PATTERN)) == b""
    assert ns.stat(ns.root, "/x/y/z.bin").mode == 0o600
    ns.write_bytes("/x/y/z.bin", b"short")
    ns.write_bytes("/x/y/z.bin", memoryview(b"er"), append=True)
    assert ns.read_bytes(b"/x/y/z.bin") == b"shorter"
    with fails(Errno.EEXIST):
        ns.write_bytes("/x/y/z.bin", b"", exclusive=True)
    ns.write_bytes("top", b"made in the root", parents=True)
    assert ns.read_bytes("/top") == b"made in the root"


def test_read_and_write_bytes_errors(ns: Namespace) -> None:
    for errno, call in (
        (Errno.EISDIR, lambda: ns.read_bytes("/home")),
        (Errno.EISDIR, lambda: ns.write_bytes("/home", b"")),
        (Errno.ENOENT, lambda: ns.read_bytes("/missing")),
        (Errno.ENOENT, lambda: ns.write_bytes("/missing/x", b"")),
        (Errno.ENOTDIR, lambda: ns.write_bytes("/data/deep/inner/file/x", b"", parents=True)),
    ):
        with fails(errno):
            call()


def test_write_bytes_over_the_quota_enospc_names_the_path() -> None:
    ns = Namespace(MemoryFS(Quota(bytes=10, files=5)))
    with pytest.raises(VfsError) as caught:
        ns.write_bytes("/file", b"x" * 11)
    assert (caught.value.errno, caught.value.path) == (Errno.ENOSPC, "/file")
    assert str(caught.value) == (
        "[ENOSPC] No space left on device: '/file' (the limit of 10 bytes is reached)"
    )
    assert ns.read_bytes("/file") == b"x" * 10


def test_exists(ns: Namespace) -> None:
    ns.symlink(ns.root, "/dangling", "nowhere")
    ns.symlink(ns.root, "/loop", "loop")
    assert ns.exists("/data/deep/inner/file")
    assert ns.exists("/dangling", follow=False)
    for path in ("/missing", "/dangling", "/loop", "/data/deep/inner/file/x", "/" + "x" * 300):
        assert not ns.exists(path)
    with fails(Errno.EINVAL):
        ns.exists("a\0b")


def test_make_directories(ns: Namespace) -> None:
    location = ns.make_directories("/p/q//r/")
    assert ns.path_of(location) == "/p/q/r"
    assert ns.make_directories("/p/q/r") == location
    ns.symlink(ns.root, "/short", "p/q")
    assert ns.path_of(ns.make_directories("/short/new")) == "/p/q/new"
    for errno, path in (
        (Errno.ENOTDIR, "/data/deep/inner/file"),
        (Errno.ENOTDIR, "/data/deep/inner/file/x"),
        (Errno.EROFS, "/usr/lib/new/x"),
    ):
        with fails(errno):
            ns.make_directories(path)


def test_walk(ns: Namespace) -> None:
    ns.symlink(ns.root, "/home/loop", "/")
    assert [(path, found.type.value) for path, found in ns.walk("/")] == [
        ("/usr", "directory"),
        ("/usr/lib", "directory"),
        ("/usr/lib/hello.txt", "regular"),
        ("/usr/lib/empty", "regular"),
        ("/usr/lib/sub", "directory"),
        ("/usr/lib/sub/pattern.bin", "regular"),
        ("/usr/lib/sub/deep", "directory"),
        ("/usr/lib/sub/deep/leaf.txt", "regular"),
        ("/usr/lib/vacant", "directory"),
        ("/usr/lib/link", "symlink"),
        ("/home", "directory"),
        ("/home/loop", "symlink"),
        ("/data", "directory"),
        ("/data/deep", "directory"),
        ("/data/deep/inner", "directory"),
        ("/data/deep/inner/file", "regular"),
    ]
    assert [path for path, _ in ns.walk("data/")] == ["data/deep", "data/deep/inner", "data/deep/inner/file"]
    with fails(Errno.ENOTDIR):
        next(ns.walk("/data/deep/inner/file"))


def test_walk_leaves_out_what_vanishes(ns: Namespace) -> None:
    for name in "abc":
        ns.write_bytes(f"/home/{name}/x", b"", parents=True)
    seen = []
    for path, _ in ns.walk("/home"):
        seen.append(path)
        if path == "/home/a":
            ns.remove_tree("/home/a")
            ns.remove_tree("/home/b")
    assert seen == ["/home/a", "/home/c", "/home/c/x"]


def test_copy(ns: Namespace) -> None:
    assert ns.copy("/usr/lib/sub/pattern.bin", "/new/copy.bin", parents=True) == len(PATTERN)
    assert ns.read_bytes("/new/copy.bin") == PATTERN
    ns.write_bytes("/big", PATTERN * 8)
    ns.copy("/big", "/new/copy.bin")
    assert ns.read_bytes("/new/copy.bin") == PATTERN * 8
    ns.link(ns.root, "/big", ns.root, "/same")
    for errno, source, target in (
        (Errno.EINVAL, "/big", "/same"),
        (Errno.EISDIR, "/home", "/x"),
        (Errno.EISDIR, "/big", "/home"),
        (Errno.EROFS, "/big", "/usr/lib/x"),
    ):
        with fails(errno):
            ns.copy(source, target)
    assert ns.read_bytes("/big") == PATTERN * 8


def test_trees_deeper_than_any_path(ns: Namespace) -> None:
    here = ns.make_directories("/home/deep")
    for _ in range(5000):
        here = ns.mkdir(here, "d")
    ns.open(here, "file", create=True)
    assert ns.path_of(here) == "/home/deep" + "/d" * 5000
    found = [path for path, _ in ns.walk("/home")]
    assert (len(found), max(map(len, found))) == (1 + 2043, 4096)
    ns.remove_tree("/home/deep")
    assert ns.list_directory("/home") == []


def test_remove_tree(ns: Namespace) -> None:
    for path in ("/t/a/b/c", "/t/a/d", "/t/e"):
        ns.write_bytes(path, b"x", parents=True)
    ns.symlink(ns.root, "/t/a/out", "/home")
    ns.write_bytes("/home/kept", b"kept")
    before = ns.root.mount.fs.usage()
    ns.remove_tree("/t")
    assert not ns.exists("/t")
    assert ns.read_bytes("/home/kept") == b"kept"
    assert ns.root.mount.fs.usage().files_used == before.files_used - 7
    ns.symlink(ns.root, "/link", "home")
    ns.remove_tree("/link")
    ns.remove_tree("/home/kept")
    assert ns.list_directory("/home") == []
    with fails(Errno.ENOENT):
        ns.remove_tree("/t")
    with fails(Errno.EBUSY):
        ns.remove_tree("/")


# -- clones and threads --------------------------------------------------------------------------------------


def test_clone_is_independent_and_translates_locations(ns: Namespace) -> None:
    ns.write_bytes("/data/file", b"before")
    unlinked = ns.open(ns.root, "/data/file", write=True)
    here = ns.resolve(ns.root, "/data/deep")
    ns.unlink(ns.root, "/data/file")
    twin = ns.clone(keep_unlinked=True)
    assert unlinked.file is not None
    unlinked.file.pwrite(b"AFTER!", 0)
    ns.write_bytes("/data/deep/inner/file", b"changed")
    ns.write_bytes("/home/new", b"new")
    assert twin.read_bytes("/data/deep/inner/file") == b"inner"
    assert twin.list_directory("/home") == []
    assert twin.path_of(twin.translate(here)) == "/data/deep"
    assert [(mount.id, mount.path) for mount in twin.mounts] == [
        (mount.id, mount.path) for mount in ns.mounts
    ]
    assert twin.mounts[1].fs is ns.mounts[1].fs
    location = twin.translate(unlinked.location)
    again = location.mount.fs.open(location.node)
    assert again.pread(10, 0) == b"before"
    again.close()
    unlinked.file.close()
    with fails(Errno.EBUSY):
        twin.rmdir(twin.root, "/data/deep")
    extra = ns.mount("/home/extra", MemoryFS())
    with fails(Errno.ESTALE):
        twin.translate(ns.resolve(ns.root, extra.path))
    assert twin.mount("/home/own", MemoryFS()).id == extra.id


def test_threads_do_not_disturb_each_other() -> None:
    ns = Namespace(MemoryFS(Quota(bytes=1 << 20, files=1000)))
    ns.make_directories("/shared")
    log = ns.open(ns.root, "/log", write=True, create=True)
    assert log.file is not None
    log_file = log.file
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def work(number: int) -> None:
        try:
            start.wait()
            for step in range(200):
                own = f"/shared/{number}-{step % 7}"
                ns.write_bytes(own, own.encode() * 100)
                assert ns.read_bytes(own) == own.encode() * 100
                ns.rename(ns.root, own, ns.root, f"/shared/{number}")
                ns.link(ns.root, f"/shared/{number}", ns.root, own)
                ns.make_directories(f"/common/{step}/deep")
                ns.unlink(ns.root, f"/shared/{number}")
                ns.unlink(ns.root, own)
                log_file.append(b"%d" % number)
                ns.list_directory("/shared")
                if step == 100:
                    clone = ns.clone()
                    clone.write_bytes("/shared/clone", b"x")
                    assert len([1 for path, _ in clone.walk("/common") if path.endswith("deep")]) >= 100
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ns.list_directory("/shared") == []
    content = ns.read_bytes("/log")
    assert [content.count(b"%d" % number) for number in range(4)] == [200] * 4
    log_file.close()
    usage = ns.root.mount.fs.usage()
    assert (usage.bytes_used, usage.files_used) == (800, 2 + 1 + 400)
