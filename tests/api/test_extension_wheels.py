"""Wheels with extension modules of our toolchain: the guide's commands, and what pip takes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pywasm_sandbox import PackageInstallError, PackagePolicy, Sandbox

pytest.importorskip("uv")
pytest.importorskip("installer")

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "_sample.cpython-314-wasm32-wasi.so"
SAMPLE = ROOT / "wasm_assets" / LIBRARY
TAG = "cp314-cp314-wasi_wasm32"
CODE = "import _sample\n_sample.calculate('multiply', 6, 7), _sample.sort(3, 1, 2, 0), _sample.jump_back(3)"
ANSWER = "(42, (0, 1, 2, 3), 42)"
STAGES = Path(os.environ.get("PYWASM_BUILD_CACHE", "~/.cache/pywasm-build")).expanduser() / "stages"


def make_wheel(folder: Path, library: bytes, tag: str = TAG, name: str = "sample") -> Path:
    """A wheel that holds the sample's module."""
    info = f"{name}-1.0.dist-info"
    content = {
        LIBRARY: library,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nTag: {tag}\n".encode(),
    }
    record = ""
    for path, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in content.items():
            archive.writestr(path, data)
    return wheel


def test_the_tag_is_the_guests() -> None:
    code = "import sys, sysconfig\nf'cp{sys.version_info[0]}{sys.version_info[1]}', sysconfig.get_platform()"
    with Sandbox(preload=[]) as sandbox:
        assert sandbox.run_code(code).text == "('cp314', 'wasi-wasm32')"


def test_a_wheel_of_a_wheelhouse_is_installed(tmp_path: Path) -> None:
    make_wheel(tmp_path, SAMPLE.read_bytes())
    policy = PackagePolicy(wheelhouse=tmp_path)
    with Sandbox(packages=policy, max_foreign_module_bytes=1 << 20, preload=[]) as sandbox:
        assert sandbox.install_packages(["sample>=1"]) == ["sample==1.0"]
        assert sandbox.run_code(CODE).text == ANSWER
        assert sandbox.exec(f"python -c '{CODE.splitlines()[0]}; print(_sample.count())'").stdout == "41\n"
        assert sandbox.install_packages(["sample"]) == []
        assert sandbox.exec("pip uninstall -y sample").success
        assert sandbox.exec("python -c 'import _sample'").exit_code == 1


def test_a_wheel_of_the_sandboxs_files_is_installed(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, SAMPLE.read_bytes())
    empty = tmp_path / "empty"
    empty.mkdir()
    policy = PackagePolicy(wheelhouse=empty)
    with Sandbox(packages=policy, max_foreign_module_bytes=1 << 20, preload=[]) as sandbox:
        sandbox.write_file(f"/workspace/dist/{wheel.name}", wheel.read_bytes())
        result = sandbox.exec(f"pip install ./dist/{wheel.name}")
        assert result.exit_code == 0, result.stderr
        assert result.stdout.endswith("Successfully installed sample-1.0\n")
        assert sandbox.run_code(CODE).text == ANSWER


def test_its_modules_are_not_loaded_unless_that_is_allowed(tmp_path: Path) -> None:
    make_wheel(tmp_path, SAMPLE.read_bytes())
    with Sandbox(packages=PackagePolicy(wheelhouse=tmp_path), preload=[]) as sandbox:
        sandbox.install_packages(["sample"])
        error = sandbox.run_code(CODE).error
    assert error is not None
    assert error.name == "ImportError"
    assert "this sandbox allows no libraries from writable folders" in error.message


@pytest.mark.parametrize(
    ("library", "tag"),
    [
        (b"\x7fELF" + bytes(60), TAG),
        (b"\0asm" + bytes(60), "py3-none-any"),
        (b"\0asm" + bytes(60), "cp314-cp314-pyodide_2026_0_wasm32"),
    ],
    ids=["machine code", "without the tag", "of another WebAssembly"],
)
def test_wheels_of_other_platforms_are_refused(tmp_path: Path, library: bytes, tag: str) -> None:
    make_wheel(tmp_path, library, tag)
    with Sandbox(packages=PackagePolicy(wheelhouse=tmp_path), preload=[]) as sandbox:
        with pytest.raises(PackageInstallError, match="platform"):
            sandbox.install_packages(["sample"])
        assert sandbox.exec("pip freeze").stdout.count("sample") == 0


def test_the_guides_commands_build_a_wheel(tmp_path: Path) -> None:
    folders = {}
    for stage in ("toolchain", "cpython"):
        done = sorted((STAGES / stage).glob("*/.done"), key=lambda path: path.stat().st_mtime)
        if not done or shutil.which("clang-22") is None:
            pytest.skip(f"the build's stage {stage} is not in its cache")
        folders[stage.upper()] = str(done[-1].parent)
    pytest.importorskip("wheel")
    guide = (ROOT / "docs/guide/extensions.md").read_text()
    match = re.search(r"<!-- build -->\n```sh\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert match is not None
    environment = {
        **os.environ,
        **folders,
        "SOURCES": str(ROOT / "build/samples"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    subprocess.run(["sh", "-euc", match[1]], cwd=tmp_path, env=environment, check=True, timeout=300)
    (wheel,) = (tmp_path / "dist").iterdir()
    assert wheel.name == f"sample-1.0-{TAG}.whl"
    policy = PackagePolicy(wheelhouse=tmp_path / "dist")
    with Sandbox(packages=policy, max_foreign_module_bytes=1 << 20, preload=[]) as sandbox:
        sandbox.install_packages(["sample"])
        assert sandbox.run_code(CODE).text == ANSWER
