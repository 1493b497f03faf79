"""Upload, download and mounts: what crosses between host and sandbox, and what must not."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

import errno
import os
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import (
    FsspecFolder,
    HostFileError,
    HostFolder,
    MemoryFolder,
    SandboxFileError,
    ZipArchive,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX names and links"),
]

TRY = "import errno, os\ntry:\n    {0}\nexcept OSError as e:\n    print(errno.errorcode[e.errno])\nelse:\n    print('worked')"


async def _outcome(sandbox: Any, statement: str) -> str:
    execution = await sandbox.run_code(TRY.format(statement))
    assert execution.error is None, execution.error
    return "".join(execution.logs.stdout).strip()


async def test_upload_a_file(sandbox: Any, tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "f.bin").write_bytes(data)
    info = await sandbox.upload(tmp_path / "f.bin", "/workspace/in/f.bin")
    assert (info.path, info.size) == ("/workspace/in/f.bin", len(data))
    assert (await sandbox.read_file("in/f.bin", encoding=None)).content == data
    await sandbox.upload(str(tmp_path / "f.bin"), "again.bin")
    assert await sandbox.exists("/workspace/again.bin")


async def test_upload_a_folder(sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / "d" / "empty").mkdir(parents=True)
    (tmp_path / "d" / "sub").mkdir()
    (tmp_path / "d" / "sub" / "x").write_text("x")
    (tmp_path / "d" / ".hidden").write_text("h")
    await sandbox.upload(tmp_path / "d", "/workspace/d")
    listed = [i.path for i in await sandbox.list_files("/workspace/d", recursive=True, hidden=True)]
    assert listed == ["/workspace/d/.hidden", "/workspace/d/empty", "/workspace/d/sub", "/workspace/d/sub/x"]


async def test_upload_what_is_not_there(sandbox: Any, tmp_path: Path) -> None:
    with pytest.raises(HostFileError) as caught:
        await sandbox.upload(tmp_path / "none", "/workspace/none")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "none")
    assert await sandbox.exists("/workspace/none") is False
    (tmp_path / "f").write_text("x")
    with pytest.raises(SandboxFileError) as refused:
        await sandbox.upload(tmp_path / "f", "/usr/f")
    assert refused.value.errno == errno.EROFS


async def test_upload_does_not_follow_links_out_of_the_folder(sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("host secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "s").write_text("host secret")
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "plain").write_text("plain")
    (folder / "inner").symlink_to("plain")
    (folder / "abs").symlink_to(tmp_path / "secret")
    (folder / "rel").symlink_to("../secret")
    (folder / "dir").symlink_to(tmp_path / "outside")
    (folder / "dangling").symlink_to("nowhere")
    await sandbox.upload(folder, "/workspace/d")
    listed = {i.name: i.type for i in await sandbox.list_files("/workspace/d", recursive=True, hidden=True)}
    assert listed["plain"] == "file"
    assert (await sandbox.read_file("d/inner")).content == "plain"
    for name in ("abs", "rel", "dir", "dangling"):
        assert listed.get(name, "symlink") == "symlink"
        assert await sandbox.exists(f"/workspace/d/{name}") is False
    # A link that is named itself is what the caller wants to read.
    await sandbox.upload(folder / "abs", "/workspace/named")
    assert (await sandbox.read_file("named")).content == "host secret"


async def test_upload_of_special_files_is_refused(sandbox: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HostFileError, match="pipe"):
        await sandbox.upload(tmp_path / "pipe", "/workspace/pipe")


async def test_download_a_file(sandbox: Any, tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    await sandbox.write_file("f.bin", data)
    assert await sandbox.download("f.bin", tmp_path / "out.bin") == tmp_path / "out.bin"
    assert (tmp_path / "out.bin").read_bytes() == data
    assert await sandbox.download("/workspace/f.bin", str(tmp_path)) == tmp_path / "f.bin"
    with pytest.raises(SandboxFileError):
        await sandbox.download("none", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(HostFileError):
        await sandbox.download("f.bin", tmp_path / "no" / "such" / "folder")


async def test_download_a_folder(sandbox: Any, tmp_path: Path) -> None:
    await sandbox.write_file("d/sub/x", "x")
    await sandbox.write_file("d/.hidden", "h")
    await sandbox.mkdir("d/empty")
    assert await sandbox.download("d", tmp_path / "out") == tmp_path / "out"
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*"))
    assert found == [".hidden", "empty", "sub", "sub/x"]


async def test_download_never_writes_outside(sandbox: Any, tmp_path: Path) -> None:
    """Links in the sandbox are left out; links on the host's side are not written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("original")
    code = """
import os
os.makedirs("d/sub", exist_ok=True)
os.symlink("/etc", "d/etc")
os.symlink("../../../outside/kept", "d/up")
open("d/ok", "w").write("ok")
open("d/..\\\\..\\\\evil", "w").write("a plain name on POSIX")
open("d/sub/C:evil", "w").write("so is this")
open("d/trap", "w").write("overwritten")
"""
    assert (await sandbox.run_code(code)).error is None
    out = tmp_path / "out"
    out.mkdir()
    (out / "trap").symlink_to(outside / "kept")
    with pytest.raises(HostFileError) as caught:
        await sandbox.download("d", out)
    assert caught.value.errno == errno.ELOOP
    assert (outside / "kept").read_text() == "original"
    assert not (out / "etc").exists()
    assert not (out / "up").is_symlink()
    (out / "trap").unlink()
    await sandbox.download("d", out)
    found = sorted(str(p.relative_to(out)) for p in out.rglob("*"))
    assert found == ["..\\..\\evil", "ok", "sub", "sub/C:evil", "trap"]
    assert sorted(os.listdir(tmp_path)) == ["out", "outside"]


# ---- mounts -----------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder to mount, with ways out of it, beside a secret."""
    (tmp_path / "secret").write_text("host secret")
    folder = tmp_path / "mounted"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("A")
    (folder / "sub" / "b.txt").write_text("B")
    (folder / "link_in").symlink_to("sub/b.txt")
    (folder / "link_rel").symlink_to("../secret")
    (folder / "link_abs").symlink_to(tmp_path / "secret")
    (folder / "link_dir").symlink_to("..")
    (folder / "link_root").symlink_to("/")
    return folder


READ_OUT = [
    "print(open('/data/link_rel').read())",
    "print(open('/data/link_abs').read())",
    "print(open('/data/link_dir/secret').read())",
    "print(open('/data/link_root/etc/passwd').read())",
    "print(open('/data/../secret').read())",
    "print(open('/data/sub/../../secret').read())",
    "os.chdir('/data/sub'); print(open('../../secret').read())",
    "print(os.listdir('/data/link_dir/mounted'))",
    "os.symlink('../secret', '/data/mine') if 0 else print(open('/data/./sub/../link_rel').read())",
]


@pytest.mark.parametrize("writable", [False, True])
@pytest.mark.parametrize("statement", READ_OUT)
async def test_a_host_folder_has_no_way_out(
    open_sandbox: Any, host: Path, writable: bool, statement: str
) -> None:
    sandbox = await open_sandbox(mounts={"/data": HostFolder(host, writable=writable)})
    assert await _outcome(sandbox, statement) == "ENOENT"
    # The positive control.
    assert (await sandbox.run_code("open('/data/a.txt').read() + open('/data/link_in').read()")).text == "AB"


async def test_a_read_only_host_folder(open_sandbox: Any, host: Path) -> None:
    sandbox = await open_sandbox(mounts={"/data": host})
    assert (await sandbox.read_file("/data/sub/b.txt")).content == "B"
    for statement in (
        "open('/data/a.txt', 'w')",
        "open('/data/a.txt', 'a')",
        "open('/data/a.txt', 'r+')",
        "open('/data/new', 'x')",
        "os.mkdir('/data/new')",
        "os.remove('/data/a.txt')",
        "os.rename('/data/a.txt', '/data/c.txt')",
        "os.rmdir('/data/sub')",
        "os.symlink('a', '/data/l')",
        "os.link('/data/a.txt', '/data/l')",
        "os.truncate('/data/a.txt', 0)",
        "os.utime('/data/a.txt', (0, 0))",
    ):
        assert (statement, await _outcome(sandbox, statement)) == (statement, "EROFS")
    with pytest.raises(SandboxFileError) as caught:
        await sandbox.write_file("/data/a.txt", "x")
    assert caught.value.errno == errno.EROFS
    assert (host / "a.txt").read_text() == "A"
    assert sorted(p.name for p in host.iterdir()) == [
        "a.txt", "link_abs", "link_dir", "link_in", "link_rel", "link_root", "sub",
    ]  # fmt: skip
    (host / "later.txt").write_text("later")
    assert (await sandbox.run_code("open('/data/later.txt').read()")).text == "later"


async def test_a_writable_host_folder(open_sandbox: Any, host: Path) -> None:
    sandbox = await open_sandbox(mounts={"/data": HostFolder(host, writable=True)})
    code = """
import os
open("/data/new", "w").write("from guest")
os.makedirs("/data/x/y")
os.rename("/data/a.txt", "/data/x/y/a.txt")
os.remove("/data/sub/b.txt")
"""
    assert (await sandbox.run_code(code)).error is None
    assert (host / "new").read_text() == "from guest"
    assert (host / "x" / "y" / "a.txt").read_text() == "A"
    assert not (host / "sub" / "b.txt").exists()
    # What the guest makes is no program of the host's and gives nobody more rights.
    assert stat.S_IMODE((host / "new").stat().st_mode) & 0o7133 == 0
    await sandbox.write_file("/data/api", "from api")
    assert (host / "api").read_text() == "from api"


@pytest.mark.parametrize(
    "statement",
    [
        "open('/data/link_abs', 'w').write('gone')",
        "open('/data/link_rel', 'w').write('gone')",
        "open('/data/link_dir/new', 'w').write('made')",
        "os.mkdir('/data/link_dir/new')",
        "os.remove('/data/link_dir/secret')",
        "os.rename('/data/a.txt', '/data/link_dir/secret')",
        "os.rename('/data/link_dir/secret', '/data/stolen')",
        "os.link('/data/link_dir/secret', '/data/stolen')",
    ],
)
async def test_writes_do_not_leave_a_writable_host_folder(
    open_sandbox: Any, host: Path, statement: str
) -> None:
    sandbox = await open_sandbox(mounts={"/data": HostFolder(host, writable=True)})
    outcome = await _outcome(sandbox, statement)
    assert (host.parent / "secret").read_text() == "host secret"
    assert sorted(p.name for p in host.parent.iterdir()) == ["mounted", "secret"]
    assert not (host / "stolen").exists()
    # Links are the sandbox's: they lead to places of the sandbox, which may exist there.
    assert outcome in ("ENOENT", "EXDEV", "EEXIST", "EPERM", "worked", "EACCES")


async def test_the_guest_makes_no_links_on_the_host(open_sandbox: Any, host: Path) -> None:
    sandbox = await open_sandbox(mounts={"/data": HostFolder(host, writable=True)})
    for target in ("../secret", "/secret", "a.txt"):
        assert await _outcome(sandbox, f"os.symlink({target!r}, '/data/made')") == "EPERM"
    assert not (host / "made").is_symlink()
    assert await _outcome(sandbox, "os.symlink('../secret', '/workspace/made')") == "worked"


async def test_special_files_of_the_host_are_not_opened(open_sandbox: Any, host: Path) -> None:
    os.mkfifo(host / "pipe")
    sandbox = await open_sandbox(mounts={"/data": HostFolder(host, writable=True)})
    assert await _outcome(sandbox, "open('/data/pipe').read()") == "EACCES"


async def test_a_zip_archive(open_sandbox: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d/a.txt", "A" * 1000)
        archive.writestr("b.txt", "B")
        archive.writestr("pkg/__init__.py", "value = 42")
    sandbox = await open_sandbox(mounts={"/z": ZipArchive(tmp_path / "z.zip")})
    code = "import os, sys\nsys.path.append('/z')\nimport pkg\n(sorted(os.listdir('/z')), open('/z/d/a.txt').read()[:2], pkg.value)"
    assert (await sandbox.run_code(code)).text == "(['b.txt', 'd', 'pkg'], 'AA', 42)"
    assert await _outcome(sandbox, "open('/z/b.txt', 'w')") == "EROFS"
    assert await _outcome(sandbox, "open('/z/none')") == "ENOENT"


async def test_a_hostile_zip_archive_stays_inside(open_sandbox: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("ok", "fine")
        archive.writestr("../evil", "x")
        archive.writestr("/abs", "x")
        archive.writestr("a/../../up", "x")
    try:
        sandbox = await open_sandbox(mounts={"/z": ZipArchive(tmp_path / "z.zip")})
    except HostFileError:
        return
    names = (await sandbox.run_code("import os\nsorted(n for _, d, f in os.walk('/z') for n in d + f)")).text
    assert ".." not in names
    assert (await sandbox.run_code("os.path.exists('/evil'), os.path.exists('/up')")).text == "(False, False)"


async def test_a_zip_archive_that_is_none(open_sandbox: Any, tmp_path: Path) -> None:
    (tmp_path / "z.zip").write_bytes(b"not a zip")
    with pytest.raises(HostFileError, match="mount '/z'"):
        await open_sandbox(mounts={"/z": ZipArchive(tmp_path / "z.zip")})


async def test_a_memory_folder_has_its_own_quota(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(mounts={"/mem": MemoryFolder(max_bytes=100_000)})
    assert await _outcome(sandbox, "open('/mem/f', 'wb').write(b'x' * 50_000)") == "worked"
    statement = "f = open('/mem/g', 'wb', buffering=0); [f.write(b'x' * 10_000) for _ in range(20)]"
    assert await _outcome(sandbox, statement) == "ENOSPC"
    assert await _outcome(sandbox, "open('/workspace/h', 'wb').write(b'x' * 500_000)") == "worked"


async def test_an_fsspec_folder(open_sandbox: Any, mode: str) -> None:
    if mode == "process":
        pytest.skip("this filesystem is in the memory of this process")
    fsspec = pytest.importorskip("fsspec")
    remote = fsspec.filesystem("memory")
    remote.pipe("/bucket/a.txt", b"remote A")
    remote.pipe("/bucket/d/b.txt", b"remote B")
    remote.pipe("/outside.txt", b"secret")
    try:
        sandbox = await open_sandbox(mounts={"/s3": FsspecFolder(remote, "/bucket")})
        assert (await sandbox.run_code("open('/s3/a.txt').read()")).text == "remote A"
        assert [i.path for i in await sandbox.list_files("/s3", recursive=True)] == [
            "/s3/a.txt", "/s3/d", "/s3/d/b.txt",
        ]  # fmt: skip
        assert await _outcome(sandbox, "open('/s3/a.txt', 'w')") == "EROFS"
        assert await _outcome(sandbox, "open('/s3/../outside.txt')") == "ENOENT"
    finally:
        remote.rm("/bucket", recursive=True)
        remote.rm("/outside.txt")


async def test_mounts_inside_mounts_and_listing(open_sandbox: Any, host: Path) -> None:
    sandbox = await open_sandbox(mounts={"/workspace/data": host, "/mnt/mem": MemoryFolder()})
    assert [i.name for i in await sandbox.list_files("/workspace")] == ["data"]
    assert await _outcome(sandbox, "os.rmdir('/workspace/data')") == "EBUSY"
    assert await _outcome(sandbox, "os.rename('/workspace/data', '/workspace/x')") == "EBUSY"
    with pytest.raises(SandboxFileError) as caught:
        await sandbox.delete_file("/workspace", recursive=True)
    assert caught.value.errno == errno.EBUSY
    assert (host / "a.txt").read_text() == "A"
