"""The files API, and that running code sees the same files at once."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

import base64
import errno
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pywasm_sandbox import SandboxFileError

pytestmark = pytest.mark.anyio


async def _refused(operation: Any, number: int) -> SandboxFileError:
    with pytest.raises(SandboxFileError) as caught:
        await operation
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == number, caught.value
    return caught.value


@pytest.fixture
async def folder(shared: Any) -> str:
    """An empty folder of the shared sandbox."""
    await shared.delete_file("/workspace/t", recursive=True, missing_ok=True)
    await shared.mkdir("/workspace/t")
    return "/workspace/t"


@pytest.mark.parametrize(
    ("content", "encoding", "stored"),
    [
        ("h\u00e9\U0001f600\n", "utf-8", "h\u00e9\U0001f600\n".encode()),
        ("h\u00e9", "latin-1", b"h\xe9"),
        ("AP8=", "base64", b"\x00\xff"),
        (b"\x00\xff", "utf-8", b"\x00\xff"),
        (bytearray(b"ab"), "utf-8", b"ab"),
        (memoryview(b"abcd")[::2], "utf-8", b"ac"),
        ("", "utf-8", b""),
        ("a\r\nb", "utf-8", b"a\r\nb"),
    ],
)
async def test_write_and_read(shared: Any, folder: str, content: Any, encoding: str, stored: bytes) -> None:
    info = await shared.write_file(f"{folder}/f", content, encoding=encoding)
    assert (info.path, info.name, info.type, info.size) == (f"{folder}/f", "f", "file", len(stored))
    back = await shared.read_file(f"{folder}/f", encoding=None)
    assert (back.content, back.encoding, back.size) == (stored, None, len(stored))
    assert (await shared.read_file(f"{folder}/f", encoding="base64")).content == base64.b64encode(
        stored
    ).decode()
    assert (await shared.run_code(f"open('{folder}/f', 'rb').read()")).text == repr(stored)


async def test_text_comes_back_as_text(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/f.txt", "h\u00e9")
    read = await shared.read_file(f"{folder}/f.txt")
    assert (read.content, read.encoding, read.size, read.mime_type) == ("h\u00e9", "utf-8", 3, "text/plain")
    assert (await shared.read_file(f"{folder}/f.txt", encoding="latin-1")).content == "h\u00c3\u00a9"


async def test_what_is_not_text_is_refused_as_text(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/f", b"\xff")
    with pytest.raises(UnicodeDecodeError, match=rf"read '{folder}/f' with encoding=None") as caught:
        await shared.read_file(f"{folder}/f")
    assert (caught.value.object, caught.value.start) == (b"\xff", 0)
    with pytest.raises(LookupError, match="nonsense"):
        await shared.read_file(f"{folder}/f", encoding="nonsense")


async def test_bad_content(shared: Any, folder: str) -> None:
    with pytest.raises(TypeError, match="content is a str or bytes, not int"):
        await shared.write_file(f"{folder}/f", 5)
    with pytest.raises(ValueError, match="content is not base64"):
        await shared.write_file(f"{folder}/f", "***", encoding="base64")
    assert await shared.exists(f"{folder}/f") is False


async def test_directories_above_are_made(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/a/b/c.txt", "x")
    assert (await shared.stat(f"{folder}/a/b")).is_directory


async def test_append_and_overwrite(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/f", "one")
    await shared.write_file(f"{folder}/f", "+two", append=True)
    assert (await shared.read_file(f"{folder}/f")).content == "one+two"
    await shared.write_file(f"{folder}/f", "3")
    assert (await shared.read_file(f"{folder}/f")).content == "3"
    await shared.write_file(f"{folder}/new", "x", append=True)
    assert (await shared.read_file(f"{folder}/new")).content == "x"


async def test_modes(shared: Any, folder: str) -> None:
    assert (await shared.write_file(f"{folder}/f", "x", mode=0o600)).mode == 0o600
    assert (await shared.write_file(f"{folder}/f", "x")).mode == 0o600
    assert (await shared.write_file(f"{folder}/g", "x", mode=0o755)).mode == 0o755


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("a.csv", "text/csv"), ("a.json", "application/json"), ("a.png", "image/png"), ("a.html", "text/html"),
        ("a.PDF", "application/pdf"), ("a.py", "text/x-python"), ("a", "application/octet-stream"),
        ("a.md", "text/markdown"), ("a.txt", "text/plain"), ("a.unknown", "application/octet-stream"),
    ],
)  # fmt: skip
async def test_mime_types(shared: Any, folder: str, name: str, mime_type: str) -> None:
    await shared.write_file(f"{folder}/{name}", "")
    assert (await shared.read_file(f"{folder}/{name}", encoding=None)).mime_type == mime_type


async def test_relative_and_odd_paths(shared: Any, folder: str) -> None:
    await shared.write_file("t/rel", "x")
    assert await shared.exists("/workspace/t/rel")
    assert (await shared.read_file("/workspace/./t/../t//rel")).content == "x"
    assert (await shared.read_file("/../../workspace/t/rel")).content == "x"
    name = "\u00e9 \U0001f600 'quoted' #?&"
    await shared.write_file(f"{folder}/{name}", "odd")
    assert (await shared.run_code(f"import os\nopen(os.path.join('t', {name!r})).read()")).text == "odd"
    for bad in ("", "a\0b"):
        with pytest.raises(ValueError, match="is empty or has NUL"):
            await shared.read_file(bad)
    with pytest.raises(TypeError, match="a path in the sandbox is a str"):
        await shared.read_file(b"bytes")


async def test_errors_are_oserrors_with_the_hosts_errno(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/file", "x")
    await shared.write_file(f"{folder}/dir/x", "x")
    error = await _refused(shared.read_file(f"{folder}/none"), errno.ENOENT)
    assert error.filename == f"{folder}/none"
    assert isinstance(error, FileNotFoundError)
    assert isinstance(await _refused(shared.read_file(f"{folder}/dir"), errno.EISDIR), IsADirectoryError)
    await _refused(shared.read_file(f"{folder}/file/below"), errno.ENOTDIR)
    await _refused(shared.write_file(f"{folder}/dir", "x"), errno.EISDIR)
    await _refused(shared.write_file(f"{folder}/file/below", "x"), errno.ENOTDIR)
    await _refused(shared.list_files(f"{folder}/file"), errno.ENOTDIR)
    await _refused(shared.list_files(f"{folder}/none"), errno.ENOENT)
    await _refused(shared.stat(f"{folder}/none"), errno.ENOENT)
    await _refused(shared.mkdir(f"{folder}/file"), errno.EEXIST)
    await _refused(shared.mkdir(f"{folder}/dir", exist_ok=False), errno.EEXIST)
    await _refused(shared.mkdir(f"{folder}/no/way", parents=False), errno.ENOENT)
    await _refused(shared.delete_file(f"{folder}/none"), errno.ENOENT)
    await _refused(shared.delete_file(f"{folder}/dir"), errno.ENOTEMPTY)
    await _refused(shared.rename(f"{folder}/none", f"{folder}/x"), errno.ENOENT)
    await _refused(shared.rename(f"{folder}/file", f"{folder}/no/way"), errno.ENOENT)
    await _refused(shared.rename(f"{folder}/file", f"{folder}/dir"), errno.EISDIR)
    await _refused(shared.rename(f"{folder}/dir", f"{folder}/dir/inside"), errno.EINVAL)
    await _refused(shared.symlink("x", f"{folder}/file"), errno.EEXIST)
    await _refused(shared.copy(f"{folder}/none", f"{folder}/x"), errno.ENOENT)
    await _refused(shared.copy(f"{folder}/dir", f"{folder}/dir/inside"), errno.EINVAL)
    await _refused(shared.delete_file("/", recursive=True), errno.EBUSY)
    await _refused(shared.write_file(f"{folder}/{'n' * 256}", "x"), errno.ENAMETOOLONG)
    assert (await shared.read_file(f"{folder}/file")).content == "x"


async def test_listing(shared: Any, folder: str) -> None:
    for name in ("b", "a", ".hidden", "d/inner", "d/.secret", ".h/x"):
        await shared.write_file(f"{folder}/{name}", name)
    names = lambda infos: [info.path.removeprefix(folder + "/") for info in infos]  # noqa: E731
    assert names(await shared.list_files(folder)) == ["a", "b", "d"]
    assert names(await shared.list_files(folder, hidden=True)) == [".h", ".hidden", "a", "b", "d"]
    assert names(await shared.list_files(folder, recursive=True)) == ["a", "b", "d", "d/inner"]
    assert names(await shared.list_files(folder + "/", recursive=True, hidden=True)) == [
        ".h", ".h/x", ".hidden", "a", "b", "d", "d/.secret", "d/inner",
    ]  # fmt: skip
    [a, _, d] = await shared.list_files(folder)
    assert (a.name, a.type, a.size, a.is_directory) == ("a", "file", 1, False)
    assert (d.name, d.type, d.is_directory) == ("d", "directory", True)
    assert timedelta(0) <= datetime.now(UTC) - a.modified_at < timedelta(minutes=5)
    assert [info.name for info in await shared.list_files("/")] == [
        "bin", "dev", "etc", "home", "tmp", "usr", "workspace",
    ]  # fmt: skip


async def test_mkdir(shared: Any, folder: str) -> None:
    info = await shared.mkdir(f"{folder}/x/y")
    assert (info.path, info.type) == (f"{folder}/x/y", "directory")
    await shared.mkdir(f"{folder}/x/y")
    await shared.mkdir(f"{folder}/x/z", parents=False, exist_ok=False)
    assert [i.name for i in await shared.list_files(f"{folder}/x")] == ["y", "z"]


async def test_rename_move_copy_delete(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/a", "A", mode=0o640)
    assert (await shared.rename(f"{folder}/a", f"{folder}/b")).path == f"{folder}/b"
    await shared.write_file(f"{folder}/c", "C")
    await shared.rename(f"{folder}/b", f"{folder}/c")
    assert (await shared.read_file(f"{folder}/c")).content == "A"
    assert (await shared.move(f"{folder}/c", f"{folder}/new/deep")).path == f"{folder}/new/deep"
    await shared.mkdir(f"{folder}/into")
    assert (await shared.move(f"{folder}/new", f"{folder}/into")).path == f"{folder}/into/new"
    assert (await shared.copy(f"{folder}/into/new/deep", f"{folder}/copy")).mode == 0o640
    await shared.symlink("new/deep", f"{folder}/into/link")
    await shared.copy(f"{folder}/into", f"{folder}/tree")
    assert (await shared.read_file(f"{folder}/tree/new/deep")).content == "A"
    assert (await shared.stat(f"{folder}/tree/link", follow_symlinks=False)).target == "new/deep"
    await shared.write_file(f"{folder}/tree/new/deep", "changed")
    assert (await shared.read_file(f"{folder}/into/new/deep")).content == "A"
    await shared.delete_file(f"{folder}/tree", recursive=True)
    assert await shared.exists(f"{folder}/tree") is False
    await shared.delete_file(f"{folder}/copy")
    await shared.delete_file(f"{folder}/copy", missing_ok=True)
    await shared.delete_file(f"{folder}/copy", missing_ok=True, recursive=True)


async def test_copying_a_file_over_itself(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/a", "A")
    await _refused(shared.copy(f"{folder}/a", f"{folder}/a"), errno.EINVAL)
    await shared.symlink("a", f"{folder}/same")
    await _refused(shared.copy(f"{folder}/a", f"{folder}/same"), errno.EINVAL)
    assert (await shared.read_file(f"{folder}/a")).content == "A"
    await shared.move(f"{folder}/a", f"{folder}/a")
    assert (await shared.read_file(f"{folder}/a")).content == "A"


async def test_moving_between_filesystems(shared: Any, open_sandbox: Any) -> None:
    from pywasm_sandbox import MemoryFolder

    sandbox = await open_sandbox(mounts={"/other": MemoryFolder()})
    await sandbox.write_file("/workspace/d/f", "x")
    await sandbox.symlink("f", "/workspace/d/l")
    await _refused(sandbox.rename("/workspace/d", "/other/d"), errno.EXDEV)
    await sandbox.move("/workspace/d", "/other/d")
    assert (await sandbox.read_file("/other/d/l")).content == "x"
    assert await sandbox.exists("/workspace/d") is False


async def test_a_move_that_fails_half_way_loses_nothing(open_sandbox: Any) -> None:
    from pywasm_sandbox import MemoryFolder

    sandbox = await open_sandbox(mounts={"/small": MemoryFolder(max_bytes=100_000)})
    await sandbox.write_file("/workspace/d/big", b"x" * 200_000)
    await _refused(sandbox.move("/workspace/d", "/small/d"), errno.ENOSPC)
    assert (await sandbox.stat("/workspace/d/big")).size == 200_000


async def test_symbolic_links(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/target", "T")
    info = await shared.symlink("target", f"{folder}/link")
    assert (info.type, info.target, info.path) == ("symlink", "target", f"{folder}/link")
    assert (await shared.read_file(f"{folder}/link")).content == "T"
    assert (await shared.stat(f"{folder}/link")).type == "file"
    await shared.write_file(f"{folder}/link", "through")
    assert (await shared.read_file(f"{folder}/target")).content == "through"
    await shared.delete_file(f"{folder}/link")
    assert await shared.exists(f"{folder}/target")
    await shared.symlink("nowhere", f"{folder}/dangling")
    assert await shared.exists(f"{folder}/dangling") is False
    assert "dangling" in [i.name for i in await shared.list_files(folder)]
    await _refused(shared.read_file(f"{folder}/dangling"), errno.ENOENT)
    await shared.symlink("loop", f"{folder}/loop")
    await _refused(shared.read_file(f"{folder}/loop"), errno.ELOOP)
    await shared.symlink("../../../../../../etc", f"{folder}/up")
    assert (await shared.stat(f"{folder}/up")).is_directory
    await shared.delete_file(f"{folder}/up", recursive=True)
    assert await shared.exists("/etc")


async def test_deleting_a_tree_does_not_follow_links(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/keep/file", "x")
    await shared.mkdir(f"{folder}/gone")
    await shared.symlink("../keep", f"{folder}/gone/link")
    await shared.delete_file(f"{folder}/gone", recursive=True)
    assert (await shared.read_file(f"{folder}/keep/file")).content == "x"


async def test_chunks_of_large_files(shared: Any, folder: str) -> None:
    data = bytes(range(256)) * 20_000
    info = await shared.write_file_chunks(
        f"{folder}/big", (data[i : i + 70_001] for i in range(0, len(data), 70_001))
    )
    assert info.size == len(data)
    chunks = [chunk async for chunk in shared.read_file_chunks(f"{folder}/big", 1_000_000)]
    assert b"".join(chunks) == data
    assert [len(chunk) for chunk in chunks] == [1_000_000] * 5 + [120_000]
    assert [len(c) async for c in shared.read_file_chunks(f"{folder}/big")] == [1 << 20] * 4 + [
        len(data) - (4 << 20)
    ]
    with pytest.raises(SandboxFileError):
        async for _ in shared.read_file_chunks(f"{folder}/none"):
            pass
    with pytest.raises(SandboxFileError):
        async for _ in shared.read_file_chunks(folder):
            pass
    with pytest.raises(ValueError, match="chunk_bytes is 0; it must be at least 1"):
        async for _ in shared.read_file_chunks(f"{folder}/big", 0):
            pass


async def test_running_code_sees_files_at_once_and_the_other_way_round(shared: Any, folder: str) -> None:
    core = shared._target._core if hasattr(shared, "_target") else shared._core
    seen: list[str] = []

    def swap(text: str) -> None:
        seen.append(core.files.read(f"{folder}/from_guest").content)
        core.files.write(f"{folder}/from_host", "host says hi")

    code = f"""
import os, time
open("{folder}/from_guest", "w").write("guest says hi")
print("go")
while not os.path.exists("{folder}/from_host"): time.sleep(0.001)
open("{folder}/from_host").read()
"""
    assert (await shared.run_code(code, on_stdout=swap, timeout=60)).text == "host says hi"
    assert seen == ["guest says hi"]


async def test_unlinked_while_open(shared: Any, folder: str) -> None:
    await shared.write_file(f"{folder}/f", "first")
    await shared.run_code(f"handle = open('{folder}/f', 'r+')")
    await shared.delete_file(f"{folder}/f")
    await shared.write_file(f"{folder}/f", "second")
    assert (await shared.run_code("handle.read()")).text == "first"
    await shared.run_code("handle.close()")
    assert (await shared.read_file(f"{folder}/f")).content == "second"


async def test_the_system_is_read_only(shared: Any) -> None:
    for path in ("/usr/x", "/usr/lib/python3.14/os.py", "/usr/lib/pywasm/pywasm_guest/boot.py"):
        await _refused(shared.write_file(path, "x"), errno.EROFS)
        execution = await shared.run_code(
            f"import errno\ntry: open({path!r}, 'w')\nexcept OSError as e: print(errno.errorcode[e.errno])"
        )
        assert execution.logs.stdout == ["EROFS\n"]
    await _refused(shared.delete_file("/usr/lib/python3.14/os.py"), errno.EROFS)
    await _refused(shared.delete_file("/usr", recursive=True), errno.EBUSY)
    await _refused(shared.rename("/usr/lib/python3.14/os.py", "/usr/lib/python3.14/so.py"), errno.EROFS)
    # The positive control: what is not below /usr can be written.
    await shared.write_file("/etc/mine", "x")
    await shared.delete_file("/etc/mine")
    assert "def makedirs" in (await shared.read_file("/usr/lib/python3.14/os.py")).content


async def test_the_quota_in_bytes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(disk_bytes=1_000_000)
    await sandbox.write_file("/workspace/fits", b"x" * 500_000)
    error = await _refused(sandbox.write_file("/workspace/too_big", b"x" * 600_000), errno.ENOSPC)
    assert error.strerror is not None
    assert "space" in error.strerror.lower()
    await sandbox.delete_file("/workspace/too_big")
    code = """
import errno
try:
    with open("/tmp/guest", "wb") as f: f.write(b"x" * 600_000)
except OSError as e:
    print(errno.errorcode[e.errno])
"""
    assert (await sandbox.run_code(code)).logs.stdout == ["ENOSPC\n"]
    sparse = "import errno\ntry:\n    open('/tmp/sparse', 'wb').truncate(1 << 40)\nexcept OSError as e: print(errno.errorcode[e.errno])"
    assert (await sandbox.run_code(sparse)).logs.stdout[0] in ("ENOSPC\n", "EFBIG\n")
    usage = await sandbox.disk_usage()
    assert usage["bytes_limit"] == 1_000_000
    assert 500_000 <= usage["bytes_used"] <= 1_000_000
    await sandbox.delete_file("/tmp/guest", missing_ok=True)
    await sandbox.delete_file("/tmp/sparse", missing_ok=True)
    await sandbox.write_file("/workspace/more", b"x" * 400_000)


async def test_the_quota_in_files(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_files=64)
    code = """
import errno
made = 0
try:
    while True:
        open(f"/workspace/f{made}", "w").close()
        made += 1
except OSError as e:
    problem = errno.errorcode[e.errno]
(problem, made < 64)
"""
    assert (await sandbox.run_code(code)).text == "('ENOSPC', True)"
    await _refused(sandbox.write_file("/workspace/another", "x"), errno.ENOSPC)
    await _refused(sandbox.mkdir("/workspace/another"), errno.ENOSPC)
    await sandbox.delete_file("/workspace/f0")
    await sandbox.write_file("/workspace/another", "x")
    usage = await sandbox.disk_usage()
    assert (usage["files_limit"], usage["files_used"]) == (64, 64)
