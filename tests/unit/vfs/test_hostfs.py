"""Nothing leads out of a host folder. Each attempt has a control that the same way works inside."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_sandbox._vfs import hostfs
from pywasm_sandbox._vfs.api import Errno, FileType, MountError, VfsError
from pywasm_sandbox._vfs.hostfs import HostFS
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from tests.unit.vfs.support import Subject, fails

SECRET = b"the host's secret"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """folder/dir/file beside outside/file, which must never be seen."""
    (tmp_path / "outside" / "dir").mkdir(parents=True)
    (tmp_path / "outside" / "file").write_bytes(SECRET)
    (tmp_path / "outside" / "dir" / "file").write_bytes(SECRET)
    (tmp_path / "folder" / "dir").mkdir(parents=True)
    (tmp_path / "folder" / "dir" / "file").write_bytes(b"inside")
    return tmp_path / "folder"


@pytest.fixture(params=["dir_fd", "plain"])
def fs(request: pytest.FixtureRequest, folder: Path) -> Iterator[HostFS]:
    made = HostFS(folder, read_only=False, allow_symlinks=True)
    if request.param == "plain":
        made._use_dir_fd = False
    assert made._use_dir_fd == (request.param == "dir_fd")
    yield made
    made.close()


def outside(folder: Path) -> Path:
    return folder.parent / "outside"


@pytest.mark.parametrize("relative", [False, True])
def test_symlink_out_is_not_followed_by_the_host(fs: HostFS, folder: Path, relative: bool) -> None:
    target = "../outside" if relative else str(outside(folder))
    (folder / "link").symlink_to(target)
    (folder / "file_link").symlink_to(target + "/file")
    (folder / "dir_link").symlink_to("dir")
    link, file_link = ("link",), ("file_link",)
    assert fs.readlink(link) == target
    assert fs.stat(link).type is FileType.SYMLINK
    for call in (
        lambda: fs.lookup(link, "file"),
        lambda: fs.readdir(link),
        lambda: fs.stat(("link", "file")),
        lambda: fs.open(("link", "file")),
        lambda: fs.create(link, "new"),
        lambda: fs.mkdir(link, "new"),
        lambda: fs.unlink(link, "file"),
        lambda: fs.rename((), "dir", link, "new"),
        lambda: fs.rename(link, "file", (), "new"),
        lambda: fs.link(("link", "file"), (), "new"),
        lambda: fs.link(("dir", "file"), link, "new"),
        lambda: fs.set_times(("link", "file"), 1, 1),
        lambda: fs.set_mode(("link", "file"), 0),
        lambda: fs.truncate(("link", "file"), 0),
        # Inside or outside makes no difference: the host follows no symlink in the middle at all.
        lambda: fs.open(("dir_link", "file")),
    ):
        with fails(Errno.ENOTDIR):
            call()
    for write in (False, True):
        with fails(Errno.ELOOP):
            fs.open(file_link, write)
    with fails(Errno.ELOOP):
        fs.truncate(file_link, 0)
    with fails(Errno.ENOTSUP):
        fs.set_mode(file_link, 0)
    with fails(Errno.EEXIST):
        fs.create((), "file_link")
    assert Subject(fs).read("dir/file") == b"inside"
    assert sorted(os.listdir(outside(folder))) == ["dir", "file"]
    assert (outside(folder) / "file").read_bytes() == SECRET


@pytest.mark.parametrize("name", ["..", "../outside/file", ".", "", "dir/file", "/etc/passwd", "a\0b"])
def test_names_that_are_paths_are_refused(fs: HostFS, name: str) -> None:
    for call in (
        lambda: fs.lookup((), name),
        lambda: fs.stat((name,)),
        lambda: fs.open((name,)),
        lambda: fs.open((name, "file")),
        lambda: fs.readdir((name,)),
        lambda: fs.readlink((name,)),
        lambda: fs.create((), name),
        lambda: fs.create((name,), "new"),
        lambda: fs.unlink((), name),
        lambda: fs.rmdir((), name),
        lambda: fs.rename((), name, (), "new"),
        lambda: fs.rename((), "dir", (), name),
        lambda: fs.link((name,), (), "new"),
    ):
        with fails(Errno.EINVAL):
            call()
    found = fs.lookup(("dir",), "file")
    assert found is not None
    assert found.type is FileType.REGULAR


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../../etc/passwd"])
def test_host_symlinks_are_resolved_inside_the_namespace(fs: HostFS, target: str) -> None:
    assert os.path.exists("/etc/passwd")
    fs.symlink((), "link", target)
    ns = Namespace(MemoryFS())
    ns.mount("/host", fs)
    with fails(Errno.ENOENT):
        ns.read_bytes("/host/link")
    ns.write_bytes("/etc/passwd", b"the sandbox's own", parents=True)
    assert ns.read_bytes("/host/link") == b"the sandbox's own"
    for path in ("/host/../../etc/passwd", "/host/dir/../../../etc/passwd"):
        assert ns.read_bytes(path) == b"the sandbox's own"
    assert ns.read_bytes("/host/dir/../dir/file") == b"inside"


def test_special_files_are_listed_and_refused(fs: HostFS, folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        directory = os.open(folder, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{directory}/socket")
        finally:
            os.close(directory)
    found = {entry.name: entry.type for entry in fs.readdir(())}
    assert found == {"dir": FileType.DIRECTORY, "fifo": FileType.UNKNOWN, "socket": FileType.UNKNOWN}
    for name in ("fifo", "socket"):
        entry = fs.lookup((), name)
        assert entry is not None
        assert entry.type is fs.stat(entry.node).type is FileType.UNKNOWN
        for write in (False, True):
            with fails(Errno.EACCES):
                fs.open(entry.node, write)
        fs.unlink((), name)


@pytest.mark.skipif(os.geteuid() != 0, reason="making devices needs root")
def test_devices_are_refused(fs: HostFS, folder: Path) -> None:
    try:
        os.mknod(folder / "null", 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this host does not let even root make devices")
    with fails(Errno.EACCES):
        fs.open(("null",))


def test_read_only_unless_asked(folder: Path) -> None:
    fs = HostFS(folder)
    with fails(Errno.EROFS):
        fs.open(("dir", "file"), write=True)
    with fails(Errno.EROFS):
        fs.create((), "new")
    assert Subject(fs).read("dir/file") == b"inside"
    assert os.listdir(folder) == ["dir"]
    fs.close()


def test_symlinks_are_made_only_if_allowed(folder: Path) -> None:
    fs = HostFS(folder, read_only=False)
    with fails(Errno.EPERM):
        fs.symlink((), "link", "dir")
    fs.mkdir((), "made")
    assert sorted(os.listdir(folder)) == ["dir", "made"]
    fs.close()


def test_depth_is_limited(fs: HostFS, folder: Path) -> None:
    node: tuple[str, ...] = ()
    for _ in range(128):
        node = fs.mkdir(node, "d")
    with fails(Errno.ENAMETOOLONG):
        fs.mkdir(node, "d")
    fs.create(node, "file")
    assert fs.parent(node) == node[:-1]
    ns = Namespace(MemoryFS())
    ns.mount("/host", fs)
    ns.remove_tree("/host/d")
    assert os.listdir(folder) == ["dir"]


def test_mode_bits_beyond_permissions_do_not_reach_the_host(fs: HostFS, folder: Path) -> None:
    fs.create((), "new", 0o6755)
    fs.set_mode(("new",), 0o6755)
    assert (folder / "new").stat().st_mode & 0o7777 == 0o755


def test_changes_on_the_host_are_seen(fs: HostFS, folder: Path) -> None:
    assert fs.lookup((), "late") is None
    (folder / "late").write_bytes(b"late")
    assert Subject(fs).read("late") == b"late"


@pytest.mark.parametrize("name", ["missing", "dir/file"])
def test_what_is_no_folder_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(MountError, match="cannot be mounted"):
        HostFS(folder / name)


def test_closed_filesystem_enodev_but_files_stay(fs: HostFS) -> None:
    file = fs.open(("dir", "file"))
    fs.close()
    fs.close()
    with fails(Errno.ENODEV):
        fs.stat(())
    assert file.pread(10, 0) == b"inside"
    file.close()


def test_folder_given_through_a_symlink(folder: Path) -> None:
    (folder.parent / "way").symlink_to("folder")
    for plain in (False, True):
        fs = HostFS(folder.parent / "way")
        fs._use_dir_fd = not plain
        assert Subject(fs).read("dir/file") == b"inside"
        fs.close()


def test_no_descriptors_are_leaked(fs: HostFS, folder: Path) -> None:
    (folder / "link").symlink_to("dir")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        Subject(fs).read("dir/file")
        fs.readdir(("dir",))
        for call in (
            lambda: fs.open(("link", "file")),
            lambda: fs.open(("link",)),
            lambda: fs.open(("dir",)),
            lambda: fs.readdir(("dir", "file")),
            lambda: fs.stat(("dir", "missing", "x")),
            lambda: fs.rename((), "missing", ("dir",), "x"),
        ):
            with pytest.raises(VfsError):
                call()
    assert len(os.listdir("/proc/self/fd")) == before


def test_swapping_a_directory_for_a_symlink_while_the_guest_opens(folder: Path) -> None:
    """A thread exchanges dir and a symlink to outside/dir without pause; nothing outside is ever seen."""
    fs = HostFS(folder, read_only=False)
    ns = Namespace(MemoryFS())
    ns.mount("/host", fs)
    (folder / "trap").symlink_to(outside(folder) / "dir")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(folder / "dir", folder / "parked")
            os.rename(folder / "trap", folder / "dir")
            os.rename(folder / "dir", folder / "trap")
            os.rename(folder / "parked", folder / "dir")

    def host_reads_secret() -> bool:
        with contextlib.suppress(OSError):
            return (folder / "dir" / "file").read_bytes() == SECRET
        return False

    thread = threading.Thread(target=swap)
    thread.start()
    seen: dict[str, int] = {}
    control = False
    try:
        rounds = 0
        while rounds < 3000 or not control or "inside" not in seen:
            rounds += 1
            assert rounds < 300_000, "the race was never run: neither way in was seen"
            # The control: an unguarded open does fall into the trap, so the race is a real one.
            control = control or host_reads_secret()
            try:
                if rounds % 2:
                    outcome = ns.read_bytes("/host/dir/file").decode()
                    ns.write_bytes("/host/dir/file", b"inside")
                    ns.write_bytes("/host/dir/written", b"by the guest")
                else:
                    with contextlib.closing(fs.open(("dir", "file"))) as file:
                        outcome = file.pread(100, 0).decode()
            except VfsError as error:
                outcome = error.errno.name
            seen[outcome] = seen.get(outcome, 0) + 1
    finally:
        stop.set()
        thread.join()
        fs.close()
    # EINVAL: what was a symlink when it was looked up was a directory again when its target was asked for.
    assert set(seen) <= {"inside", "", "ENOENT", "ENOTDIR", "ELOOP", "EINVAL"}, seen
    assert control
    assert os.listdir(outside(folder) / "dir") == ["file"]
    assert (outside(folder) / "dir" / "file").read_bytes() == SECRET


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("trap", "errno"),
    [("nothing", None), ("symlink", Errno.ELOOP), ("fifo", Errno.EACCES), ("directory", Errno.EISDIR)],
)
def test_swapping_a_file_between_the_look_and_the_open(
    fs: HostFS, folder: Path, monkeypatch: pytest.MonkeyPatch, trap: str, errno: Errno | None, write: bool
) -> None:
    """The swap happens just after the look at the file; "nothing" is the control."""
    place = folder / "dir" / "file"
    looks = 0

    def check_and_swap(mode: int) -> None:
        nonlocal looks
        check(mode)
        looks += 1
        if looks == 1 and trap != "nothing":
            place.unlink()
            if trap == "symlink":
                place.symlink_to(outside(folder) / "file")
            elif trap == "fifo":
                os.mkfifo(place)
            else:
                place.mkdir()

    check = hostfs._check_openable
    monkeypatch.setattr(hostfs, "_check_openable", check_and_swap)
    if errno is None:
        with contextlib.closing(fs.open(("dir", "file"), write)) as file:
            assert file.pread(100, 0) == b"inside"
    else:
        with fails(errno):
            fs.open(("dir", "file"), write)
    assert (outside(folder) / "file").read_bytes() == SECRET
