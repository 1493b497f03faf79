"""Permission bits of files, as code in Python and JavaScript sets them."""

from __future__ import annotations

import base64
import io
import tarfile
import zipfile
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

SCRIPT = "#!/bin/sh\necho ran $1\n"
BITS = "stat -c %a"


@pytest.mark.parametrize(
    "code",
    [
        "os.chmod('tool', 0o755)",
        "pathlib.Path('tool').chmod(0o755)",
        "os.chmod('tool', os.stat('tool').st_mode | stat.S_IEXEC)",
        "os.chmod(b'/workspace/tool', 0o755)",
    ],
)
async def test_python_makes_a_script_executable(sandbox: Any, code: str) -> None:
    await sandbox.write_file("tool", SCRIPT)
    run = await sandbox.run_code(
        f"import os, pathlib, stat, subprocess\n{code}\nsubprocess.check_output(['./tool', '1'], text=True)"
    )
    assert run.text == "ran 1\n", run.error


@pytest.mark.parametrize(
    "code",
    [
        "fs.chmodSync('tool', 0o755)",
        "fs.chmodSync('tool', '755')",
        "await fs.promises.chmod('tool', 0o755)",
        "await new Promise((done) => fs.chmod('tool', 0o755, done))",
    ],
)
async def test_javascript_makes_a_script_executable(sandbox: Any, code: str) -> None:
    await sandbox.write_file("tool", SCRIPT)
    code = (
        f"const fs = require('fs'); {code}; require('child_process').execFileSync('./tool', ['1']).toString()"
    )
    run = await sandbox.run_code(code, language="javascript")
    assert run.text == "ran 1\n", run.error


async def test_a_file_that_is_not_there(shared: Any) -> None:
    error = (await shared.run_code("import os; os.chmod('missing', 0o644)")).error
    assert (error.name, error.message) == (
        "FileNotFoundError",
        "[Errno 44] No such file or directory: 'missing'",
    )
    run = await shared.run_code("require('fs').chmodSync('missing', 0o644)", language="javascript")
    assert run.error.message == "ENOENT: no such file or directory, chmod 'missing'"


async def test_a_file_that_may_not_be_changed(shared: Any) -> None:
    assert "Read-only" in (await shared.run_code("import os; os.chmod('/usr/bin/ls', 0o644)")).error.message
    run = await shared.run_code("require('fs').chmodSync('/usr/bin/ls', 0o644)", language="javascript")
    assert run.error.message == "EROFS: read-only file system, chmod '/usr/bin/ls'"
    run = await shared.run_code("require('fs').chmodSync('x', 'rwx')", language="javascript")
    assert run.error.message.startswith("The argument 'mode' must be")


async def test_what_was_seen_takes_no_right_away(sandbox: Any) -> None:
    await sandbox.write_file("a", "")
    await sandbox.run_code("import os; os.chmod('a', 0o640); os.chmod('a', os.stat('a').st_mode)")
    assert (await sandbox.exec(f"{BITS} a")).stdout == "640\n"
    await sandbox.run_code("os.chmod('a', os.stat('a').st_mode | 0o100)")
    assert (await sandbox.exec(f"{BITS} a")).stdout == "740\n"


@pytest.mark.parametrize("function", ["copy", "copy2", "copymode"])
async def test_copies_have_the_bits_of_what_they_are_of(sandbox: Any, function: str) -> None:
    await sandbox.write_file("a", SCRIPT)
    await sandbox.write_file("b", "")
    await sandbox.exec("chmod 750 a")
    run = await sandbox.run_code(f"import shutil; shutil.{function}('a', 'b')")
    assert run.error is None
    assert (await sandbox.exec(f"{BITS} b")).stdout == "750\n"


async def _bytes(sandbox: Any, path: str) -> io.BytesIO:
    code = f"import base64; base64.b64encode(open({path!r}, 'rb').read()).decode()"
    return io.BytesIO(base64.b64decode((await sandbox.run_code(code)).text))


async def test_archives_can_be_unpacked_elsewhere(sandbox: Any) -> None:
    await sandbox.write_file("folder/tool", SCRIPT)
    await sandbox.exec("chmod 750 folder/tool; ln -s tool folder/link")
    run = await sandbox.run_code("""
import shutil, tarfile, zipfile
with tarfile.open("a.tar", "w") as archive:
    archive.add("folder")
    with open("folder/tool", "rb") as file:
        archive.addfile(archive.gettarinfo(fileobj=file), file)
with zipfile.ZipFile("a.zip", "w") as archive:
    archive.write("folder/tool")
shutil.make_archive("made", "gztar", "folder")
""")
    assert run.error is None
    with tarfile.open(fileobj=await _bytes(sandbox, "a.tar")) as archive:
        modes = [(each.name, each.mode) for each in archive]
    assert modes == [
        ("folder", 0o777),
        ("folder/link", 0o777),
        ("folder/tool", 0o750),
        ("folder/tool", 0o750),
    ]
    with tarfile.open(fileobj=await _bytes(sandbox, "made.tar.gz")) as archive:
        assert archive.getmember("./tool").mode == 0o750
    with zipfile.ZipFile(await _bytes(sandbox, "a.zip")) as packed:
        assert packed.getinfo("folder/tool").external_attr >> 16 == 0o100750


async def test_tar_keeps_them_on_the_way_through_python(sandbox: Any) -> None:
    await sandbox.write_file("tool", SCRIPT)
    await sandbox.run_code("""
import os, tarfile
os.chmod("tool", 0o755)
with tarfile.open("a.tar", "w") as archive:
    archive.add("tool")
os.remove("tool")
with tarfile.open("a.tar") as archive:
    archive.extractall(filter="data")
""")
    assert (await sandbox.exec("./tool 2")).stdout == "ran 2\n"
