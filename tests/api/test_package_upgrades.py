"""An installation that fails half-way changes nothing: the old version stays, and its error says why."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_sandbox import PackageInstallError, PackagePolicy, Sandbox
from tests.api.test_packages import SITE, make_wheel

pytest.importorskip("uv")
pytest.importorskip("installer")

ROOM = 400_000


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("upgrades")
    made = {"tool/__init__.py": "V = 'old'\n", "tool/gone.py": "old = True\n"}
    scripts = "[console_scripts]\ntool = tool.gone:main\n"
    made["tool-1.0.dist-info/entry_points.txt"] = scripts
    made["tool/gone.py"] = "def main():\n    print('old')\n"
    make_wheel(folder, "tool", "1.0", made)
    make_wheel(folder, "tool", "1.1", {"tool/__init__.py": "V = 'new'\n"}, requires=("part",))
    make_wheel(folder, "tool", "2.0", {"tool/__init__.py": "#" * ROOM}, requires=("part",))
    hostile = {
        "tool/__init__.py": "V = 'bad'\n",
        "tool-3.0.dist-info/entry_points.txt": "[console_scripts]\n../../ls = tool:main\n",
    }
    make_wheel(folder, "tool", "3.0", hostile, requires=("part",))
    broken = make_wheel(folder, "tool", "4.0", {"tool/__init__.py": "V = 'broken'\n" * 100})
    data = bytearray(broken.read_bytes())
    data[100:120] = bytes(20)
    broken.write_bytes(data)
    in_the_way = {"tool/__init__.py": "V = 'bad'\n", "in_the_way": "x"}
    make_wheel(folder, "tool", "5.0", in_the_way, requires=("part",))
    for version in ("6.0", "7.0"):
        parts = {f"tool/part{number}.py": "" for number in range(300)}
        make_wheel(folder, "tool", version, {"tool/__init__.py": f"V = {version}\n", **parts})
    make_wheel(folder, "part", "1.0", {"part.py": "V = 1\n"})
    return folder


@pytest.fixture
def sandbox(wheelhouse: Path) -> Iterator[Sandbox]:
    with Sandbox(packages=PackagePolicy(wheelhouse=wheelhouse), disk_bytes=ROOM) as sandbox:
        assert sandbox.install_packages(["tool==1.0"]) == ["tool==1.0"]
        sandbox.run_code(f"import os\nos.makedirs({SITE + '/in_the_way/mine'!r})")
        yield sandbox


def listing(sandbox: Sandbox) -> str:
    return sandbox.exec("find /home/user -type f | sort | xargs md5sum; find /home/user | sort").stdout


FAILURES = [
    ("2.0", "the packages don't fit into the sandbox's files: .*; what was installed stays: tool 1.0"),
    ("3.0", "has a command named '../../ls'"),
    ("4.0", r"tool==4\.0|tool-4\.0"),
    ("5.0", "in_the_way.*; what was installed stays: tool 1.0"),
]


@pytest.mark.parametrize(("version", "reason"), FAILURES, ids=[version for version, _ in FAILURES])
@pytest.mark.parametrize("way", ["method", "command"])
def test_the_old_version_stays(sandbox: Sandbox, version: str, reason: str, way: str) -> None:
    before = listing(sandbox)
    if way == "method":
        with pytest.raises(PackageInstallError, match=reason):
            sandbox.install_packages([f"tool=={version}"])
    else:
        result = sandbox.exec(f"pip install -U tool=={version}")
        assert result.exit_code == 1
        assert re.search(reason, result.stderr), result.stderr
    assert listing(sandbox) == before
    assert sandbox.exec("python -c 'import tool; print(tool.V)'; tool; pip freeze | grep ^tool=").stdout == (
        "old\nold\ntool==1.0\n"
    )
    # And what can be done still can.
    assert sandbox.install_packages(["tool==1.1"]) == ["part==1.0", "tool==1.1"]
    assert sandbox.exec("python -c 'import tool, part; print(tool.V)'").stdout == "new\n"
    assert sandbox.exec("tool").exit_code == 127
    assert sandbox.exec(f"ls {SITE}/tool").stdout == "__init__.py\n"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_a_download_that_is_not_what_the_index_says(wheelhouse: Path, tmp_path: Path) -> None:
    page = tmp_path / "simple" / "tool"
    page.mkdir(parents=True)
    links = ""
    for version, digest in (("1.0", ""), ("1.1", f"#sha256={'0' * 64}")):
        name = f"tool-{version}-py3-none-any.whl"
        shutil.copy(wheelhouse / name, page / name)
        links += f'<a href="{name}{digest}">{name}</a>\n'
    (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        policy = PackagePolicy(index=f"http://127.0.0.1:{server.server_address[1]}/simple")
        with Sandbox(packages=policy) as sandbox:
            assert sandbox.install_packages(["tool==1.0"]) == ["tool==1.0"]
            before = listing(sandbox)
            result = sandbox.exec("pip install -U --no-deps tool==1.1")
            assert result.exit_code == 1
            assert "tool-1.1-py3-none-any.whl was refused: its hash is not the index's" in result.stderr
            assert listing(sandbox) == before
        server.shutdown()


def test_whoever_looks_sees_one_version_or_the_other(wheelhouse: Path) -> None:
    code = """
import os, time
seen, end = set(), time.monotonic() + 60
while not os.path.exists("/workspace/over") and time.monotonic() < end:
    with open(PATH) as file:
        seen.add(file.read())
sorted(seen)
"""
    path = f"{SITE}/tool/__init__.py"
    with Sandbox(packages=PackagePolicy(wheelhouse=wheelhouse)) as sandbox:
        sandbox.install_packages(["tool==6.0"])
        context = sandbox.create_code_context()
        texts: list[str | None] = []
        errors: list[object] = []

        def watch() -> None:
            execution = sandbox.run_code(f"PATH = {path!r}" + code, context=context, timeout=90)
            texts.append(execution.text)
            errors.append(execution.error)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for version in ("7.0", "6.0", "7.0", "6.0"):
            assert f"tool=={version}" in sandbox.install_packages([f"tool=={version}"])
        sandbox.write_file("/workspace/over", "")
        watcher.join()
    assert errors == [None]
    assert texts == [str(["V = 6.0\n", "V = 7.0\n"])]


def test_what_was_removed_leaves_no_folder_that_could_be_imported(wheelhouse: Path) -> None:
    with Sandbox(packages=PackagePolicy(wheelhouse=wheelhouse)) as sandbox:
        sandbox.install_packages(["tool==1.1"])
        assert sandbox.exec("pip uninstall -y tool").stdout == "Successfully uninstalled tool\n"
        assert not sandbox.exec("python -c 'import tool'").success
        assert sandbox.exec("python -c 'import part'").success
