"""`pip install` from a folder of wheels and from an index on loopback."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import PackageInstallError, PackagePolicy, PolicyError, Sandbox

pytest.importorskip("uv")


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    files: dict[str, str],
    *,
    requires: tuple[str, ...] = (),
    tag: str = "py3-none-any",
    extra_record: str = "",
) -> Path:
    """A wheel with these files."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: of the tests\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    content = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = ""
    for path, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    content[f"{info}/RECORD"] = record + extra_record + f"{info}/RECORD,,\n"
    wheel = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return wheel


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheelhouse")
    make_wheel(folder, "alpha", "1.0", {"alpha.py": "V = '1.0'\n"})
    make_wheel(
        folder,
        "alpha",
        "2.0",
        {"alpha.py": "V = '2.0'\n"},
        requires=("beta>=1", "nope; sys_platform=='win32'"),
    )
    make_wheel(folder, "beta", "1.5", {"beta/__init__.py": "V = 'beta'\n", "beta/data.txt": "x"})
    make_wheel(
        folder, "uses-six".replace("-", "_"), "1.0", {"uses_six.py": "import six\n"}, requires=("six",)
    )
    make_wheel(folder, "native", "1.0", {"native.so": "elf"}, tag="cp314-cp314-manylinux_2_17_x86_64")
    make_wheel(folder, "big", "1.0", {"big.py": "#" * 2_000_000})
    make_wheel(folder, "escaping", "1.0", {"../../../evil.py": "x = 1\n", "escaping.py": ""})
    make_wheel(
        folder,
        "liar",
        "1.0",
        {"liar.py": ""},
        extra_record="../../../../../../workspace/kept,,\n/workspace/kept,,\n",
    )
    return folder


@pytest.fixture
def sandbox(wheelhouse: Path) -> Iterator[Sandbox]:
    with Sandbox(packages=PackagePolicy(wheelhouse=wheelhouse)) as opened:
        yield opened


def test_nothing_is_installed_without_a_policy() -> None:
    with Sandbox() as sandbox:
        with pytest.raises(PolicyError, match="PackagePolicy"):
            sandbox.install_packages(["alpha"])
        result = sandbox.exec("pip install alpha")
        assert result.exit_code == 1
        assert "packages=PackagePolicy" in result.stderr


def test_a_running_context_sees_it_at_once(sandbox: Sandbox) -> None:
    failed = sandbox.run_code("import alpha")
    assert failed.error is not None
    assert failed.error.name == "ModuleNotFoundError"
    assert sandbox.install_packages(["alpha"]) == ["alpha==2.0", "beta==1.5"]
    assert sandbox.run_code("import alpha, beta\nalpha.V, beta.V").text == "('2.0', 'beta')"
    assert sandbox.exec("python -c 'import alpha; print(alpha.V)'").stdout == "2.0\n"
    assert sandbox.install_packages(["alpha"]) == []


@pytest.mark.parametrize("line", ["!pip install alpha==1.0", "%pip install alpha==1.0"])
def test_from_a_cell(sandbox: Sandbox, line: str) -> None:
    execution = sandbox.run_code(f"{line}\nimport alpha\nalpha.V")
    assert execution.text == "1.0", (execution.error, execution.logs)
    assert execution.logs.stdout == ["Successfully installed alpha-1.0\n"]


def test_the_command_line(sandbox: Sandbox) -> None:
    sandbox.write_file("requirements.txt", "# of the project\nalpha < 2  # old\n")
    assert sandbox.exec("pip install -r requirements.txt").stdout == "Successfully installed alpha-1.0\n"
    assert sandbox.exec("python -m pip install -U alpha").success
    frozen = sandbox.exec("pip freeze").stdout.splitlines()
    assert {"alpha==2.0", "beta==1.5"} <= set(frozen)
    assert any(line.startswith("numpy==") for line in frozen)
    assert "Version: 2.0\n" in sandbox.exec("pip show alpha").stdout
    assert "alpha" in sandbox.exec("pip list").stdout
    assert sandbox.exec("pip uninstall -y alpha").stdout == "Successfully uninstalled alpha\n"
    assert not sandbox.exec("python -c 'import alpha'").success
    assert sandbox.exec("pip show alpha").exit_code == 1


def test_bundled_packages_count_as_installed(wheelhouse: Path, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for wheel in wheelhouse.glob("uses_six*"):
        (folder / wheel.name).write_bytes(wheel.read_bytes())
    with Sandbox() as plain:
        version = plain.run_code("import six\nsix.__version__").text
    make_wheel(folder, "six", str(version), {"six.py": "raise SystemError('not this one')\n"})
    with Sandbox(packages=PackagePolicy(wheelhouse=folder)) as sandbox:
        assert sandbox.install_packages(["uses-six"]) == ["uses-six==1.0"]
        assert sandbox.run_code("import uses_six").error is None


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("missing-package", "missing-package"),
        ("alpha==9", "alpha==9"),
        ("native", "Bundled are"),
        ("./local.whl", "is not a name"),
        ("alpha @ file:///etc/passwd", "is not a name"),
        ("git+https://example.com/x", "is not a name"),
        ("--index-url=http://example.com", "is not a name"),
        ("-e .", "is not a name"),
        ("alpha\n-r /etc/passwd", "is not a name"),
    ],
)
def test_what_is_refused(sandbox: Sandbox, requirement: str, message: str) -> None:
    with pytest.raises(PackageInstallError, match=message):
        sandbox.install_packages([requirement])
    assert sandbox.install_packages(["beta"]) == ["beta==1.5"]


def test_allowed_names(wheelhouse: Path) -> None:
    with Sandbox(packages=PackagePolicy(wheelhouse=wheelhouse, allow=["alpha"])) as sandbox:
        with pytest.raises(PolicyError, match="'beta'"):
            sandbox.install_packages(["alpha==2.0"])
        assert sandbox.install_packages(["alpha==1.0"]) == ["alpha==1.0"]


def test_hashes(wheelhouse: Path) -> None:
    wheel = wheelhouse / "beta-1.5-py3-none-any.whl"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with Sandbox(packages=PackagePolicy(wheelhouse=wheelhouse, require_hashes=True)) as sandbox:
        with pytest.raises((PolicyError, PackageInstallError), match="hash"):
            sandbox.install_packages(["beta==1.5"])
        with pytest.raises(PackageInstallError, match=r"(?i)hash"):
            sandbox.install_packages([f"beta==1.5 --hash=sha256:{'0' * 64}"])
        assert sandbox.install_packages([f"beta==1.5 --hash=sha256:{digest}"]) == ["beta==1.5"]


def test_sizes(wheelhouse: Path) -> None:
    policy = PackagePolicy(wheelhouse=wheelhouse, max_bytes=1_000_000)
    with (
        Sandbox(packages=policy) as sandbox,
        pytest.raises(PackageInstallError, match="over max_bytes of 1000000"),
    ):
        sandbox.install_packages(["big"])
    with Sandbox(packages=PackagePolicy(wheelhouse=wheelhouse), disk_bytes=1_000_000) as sandbox:
        with pytest.raises(PackageInstallError, match="don't fit"):
            sandbox.install_packages(["big"])
        assert sandbox.install_packages(["beta"]) == ["beta==1.5"]


def test_hostile_wheels_reach_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.write_file("/workspace/kept", "kept")
    assert sandbox.install_packages(["escaping", "liar"]) == ["escaping==1.0", "liar==1.0"]
    found = sandbox.exec("find / -name 'evil*'; find / -name 'escaping.py'").stdout
    assert found == "/home/user/.local/lib/python3.14/site-packages/escaping.py\n"
    assert sandbox.exec("pip uninstall -y liar escaping").success
    assert sandbox.read_file("/workspace/kept").content == "kept"
    # A record that was changed after the installation.
    sandbox.install_packages(["liar"])
    folder = "/home/user/.local/lib/python3.14/site-packages/liar-1.0.dist-info"
    sandbox.write_file(
        f"{folder}/RECORD", "../../../../../../workspace/kept,,\n/workspace/kept,,\nliar.py,,\n"
    )
    assert sandbox.exec("pip uninstall -y liar").success
    assert sandbox.read_file("/workspace/kept").content == "kept"
    assert not sandbox.exec("python -c 'import liar'").success


class _Index(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - of the one server

    def log_message(self, format: str, *arguments: Any) -> None:
        self.asked.append(self.path)


def test_an_index(wheelhouse: Path, tmp_path: Path) -> None:
    for name in ("alpha", "beta"):
        page = tmp_path / "simple" / name
        page.mkdir(parents=True)
        links = ""
        for wheel in sorted(wheelhouse.glob(f"{name}-*.whl")):
            (page / wheel.name).write_bytes(wheel.read_bytes())
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            links += f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>\n'
        (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    handler = functools.partial(_Index, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        policy = PackagePolicy(index=f"http://127.0.0.1:{server.server_address[1]}/simple")
        with Sandbox(packages=policy) as sandbox:
            assert sandbox.install_packages(["alpha"]) == ["alpha==2.0", "beta==1.5"]
            assert sandbox.run_code("import alpha\nalpha.V").text == "2.0"
            with pytest.raises(PackageInstallError, match="missing"):
                sandbox.install_packages(["missing"])
        server.shutdown()
    assert any("/simple/alpha/" in path for path in _Index.asked)
