"""`pip install` from a folder of wheels and from an index on loopback."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import PackageInstallError, PackagePolicy, PolicyError, Sandbox

pytest.importorskip("uv")
pytest.importorskip("installer")

PROGRESS = [
    "Collecting alpha==1.0\n",
    "Installing collected packages: alpha\n",
    "Successfully installed alpha-1.0\n",
]


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
    assert execution.logs.stdout == PROGRESS


def test_the_command_line(sandbox: Sandbox) -> None:
    sandbox.write_file("requirements.txt", "# of the project\nalpha < 2  # old\n")
    result = sandbox.exec("pip install -r requirements.txt")
    assert result.stdout.endswith("\nSuccessfully installed alpha-1.0\n"), result
    assert sandbox.exec("pip install -q alpha==1.0").stdout == ""
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
        ("./local.whl", "ENOENT|No such file"),
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
        pytest.raises(PackageInstallError, match="over what max_bytes leaves: 1000000"),
    ):
        sandbox.install_packages(["big"])
    with Sandbox(packages=PackagePolicy(wheelhouse=wheelhouse), disk_bytes=1_000_000) as sandbox:
        with pytest.raises(PackageInstallError, match="don't fit"):
            sandbox.install_packages(["big"])
        assert sandbox.install_packages(["beta"]) == ["beta==1.5"]


SITE = "/home/user/.local/lib/python3.14/site-packages"


class TestHostileWheels:
    """Each is refused, and the wheel without the one thing is installed."""

    def hostile(self, folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> str:
        """A wheel to which something is done; without a change it is a good one."""
        made = make_wheel(folder, name, "1.0", {f"{name}.py": "V = 1\n"})
        with zipfile.ZipFile(made) as archive:
            parts: dict[str, Any] = {
                "files": {each: archive.read(each) for each in archive.namelist()},
                "modes": {},
                "record": True,
            }
        change(parts)
        record = f"{name}-1.0.dist-info/RECORD"
        if parts["record"]:
            lines = [f"{path},{_hash(data)},{len(data)}" for path, data in parts["files"].items()]
            parts["files"][record] = "\n".join([*lines, f"{record},,", ""]).encode()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in parts["files"].items():
                info = zipfile.ZipInfo(path)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = parts["modes"].get(path, 0o100644) << 16
                archive.writestr(info, data)
        return made.name

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda w: w["files"].update({"../../../evil.py": b""}), "has a file outside of the package"),
            (lambda w: w["files"].update({"/workspace/evil.py": b""}), "has a file outside of the package"),
            (lambda w: w["files"].update({"a/../../evil.py": b""}), "has a file outside of the package"),
            (lambda w: w["files"].update({"a\\..\\evil.py": b""}), "has a file outside of the package"),
            (
                lambda w: (
                    w["files"].update({"link.py": b"/etc/passwd"}),
                    w["modes"].update({"link.py": 0o120777}),
                ),
                "has a symbolic link: 'link.py'",
            ),
            (
                lambda w: (w["files"].update({"pipe": b""}), w["modes"].update({"pipe": 0o010644})),
                "has a special file: 'pipe'",
            ),
            (
                lambda w: (w["files"].update({"hidden.py": b"x"}), w.update(record=False)),
                "is not what its RECORD says",
            ),
            (
                lambda w: (w["files"].update({"evil.py": b"V = 6\n"}), w.update(record=False)),
                "is not what its RECORD says",
            ),
            (
                lambda w: (_add_record(w, b"ghost.py,sha256=abc,3\n"), w.update(record=False)),
                "is not what its RECORD says: 'ghost.py' isn't in it",
            ),
            (
                lambda w: (_add_record(w, b"../../../../../workspace/kept,,\n"), w.update(record=False)),
                "isn't in it",
            ),
            (
                lambda w: w["files"].update(
                    {"evil-1.0.dist-info/entry_points.txt": b"[console_scripts]\n../../ls = evil:main\n"}
                ),
                "has a command named '../../ls'",
            ),
            (lambda w: w["files"].update({"zeros.bin": bytes(3_000_000)}), "over what max_bytes leaves"),
            (lambda w: w["files"].pop("evil-1.0.dist-info/WHEEL"), "wheel|WHEEL"),
        ],
    )
    def test_is_refused(self, tmp_path: Path, change: Any, reason: str) -> None:
        self.hostile(tmp_path, "evil", change)
        self.hostile(tmp_path, "good", lambda parts: None)
        policy = PackagePolicy(wheelhouse=tmp_path, max_bytes=1_000_000)
        with Sandbox(packages=policy) as sandbox:
            sandbox.write_file("/workspace/kept", "kept")
            with pytest.raises(PackageInstallError, match=reason) as caught:
                sandbox.install_packages(["evil"])
            assert str(tmp_path) not in str(caught.value)
            assert (
                sandbox.exec(
                    "find /home /workspace /tmp -name '*evil*' -o -name link.py -o -name hidden.py"
                ).stdout
                == ""
            )
            assert sandbox.read_file("/workspace/kept").content == "kept"
            assert sandbox.install_packages(["good"]) == ["good==1.0"]
            assert sandbox.run_code("import good\ngood.V").text == "1"

    def test_a_zip_bomb_is_refused_before_it_is_inflated(self, tmp_path: Path) -> None:
        self.hostile(tmp_path, "evil", lambda w: w["files"].update({"zeros.bin": bytes(300_000_000)}))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 400_000
        with (
            Sandbox(packages=PackagePolicy(wheelhouse=tmp_path)) as sandbox,
            pytest.raises(PackageInstallError, match="over what max_bytes leaves: 268435456"),
        ):
            sandbox.install_packages(["evil"])

    def test_a_damaged_one_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "evil-1.0-py3-none-any.whl").write_bytes(b"PK not a zip")
        with (
            Sandbox(packages=PackagePolicy(wheelhouse=tmp_path)) as sandbox,
            pytest.raises(PackageInstallError),
        ):
            sandbox.install_packages(["evil"])

    def test_the_sandboxs_own_are_checked_before_anything_reads_them(
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        name = self.hostile(tmp_path, "evil", lambda w: w["files"].update({"../evil.py": b""}))
        sandbox.write_file(f"/workspace/{name}", (tmp_path / name).read_bytes())
        result = sandbox.exec(f"pip install ./{name}")
        assert result.exit_code == 1
        assert f"{name} was refused: it has a file outside of the package: '../evil.py'" in result.stderr

    def test_a_record_that_was_changed_afterwards_removes_nothing_else(self, sandbox: Sandbox) -> None:
        sandbox.write_file("/workspace/kept", "kept")
        sandbox.write_file("/home/user/.local/bin/kept", "kept")
        assert sandbox.install_packages(["beta"]) == ["beta==1.5"]
        sandbox.write_file(
            f"{SITE}/beta-1.5.dist-info/RECORD",
            "../../../../../../workspace/kept,,\n/workspace/kept,,\n../../../bin/,,\n.,,\nbeta/__init__.py,,\n",
        )
        assert sandbox.exec("pip uninstall -y beta").success
        assert sandbox.read_file("/workspace/kept").content == "kept"
        assert sandbox.read_file("/home/user/.local/bin/kept").content == "kept"
        assert not sandbox.exec("python -c 'import beta; beta.V'").success


def _hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _add_record(wheel: dict[str, Any], line: bytes) -> None:
    wheel["files"]["evil-1.0.dist-info/RECORD"] += line


def test_a_wheel_in_the_sandboxs_files(sandbox: Sandbox, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "local_one", "3.0", {"local_one.py": "V = 3\n"}, requires=("beta",))
    sandbox.write_file(f"/workspace/dist/{wheel.name}", wheel.read_bytes())
    result = sandbox.exec(f"pip install ./dist/{wheel.name}")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"Processing /workspace/dist/{wheel.name}",
        "Installing collected packages: beta, local-one",
        "Successfully installed beta-1.5 local-one-3.0",
    ]
    assert sandbox.run_code("import local_one\nlocal_one.V").text == "3"
    assert sandbox.exec("pip uninstall -y local-one").success
    sandbox.write_file("requirements.txt", "--find-links dist\nlocal-one>=2\n")
    assert sandbox.exec("pip install -r requirements.txt").success
    assert sandbox.exec("pip uninstall -y local-one").success
    assert sandbox.install_packages([f"/workspace/dist/{wheel.name}"]) == ["local-one==3.0"]
    assert "No such" in sandbox.exec("pip install ./missing-1.0-py3-none-any.whl").stderr
    assert "can't be built here" in sandbox.exec("pip install ./dist").stderr


def test_commands_of_packages(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "import sys\ndef main():\n    print('hello', *sys.argv[1:])\n    return 3\n"
    wheel = make_wheel(
        tmp_path,
        "greeter",
        "1.0",
        {
            "greeter.py": code,
            "greeter-1.0.dist-info/entry_points.txt": "[console_scripts]\ngreet = greeter:main\n",
            "greeter-1.0.data/scripts/greet2": "#!python\nprint('second')\n",
        },
    )
    sandbox.write_file(f"/workspace/{wheel.name}", wheel.read_bytes())
    assert sandbox.exec("greet").exit_code == 127
    assert sandbox.exec(f"pip install {wheel.name}").success
    result = sandbox.exec("greet you")
    assert (result.stdout, result.exit_code) == ("hello you\n", 3)
    assert sandbox.exec("greet2").stdout == "second\n"
    assert sandbox.run_code("!greet me").logs.stdout == ["hello me\n"]
    assert sandbox.exec("pip uninstall -y greeter").success
    assert sandbox.exec("greet").exit_code == 127


def test_pytest_is_a_command() -> None:
    with Sandbox() as sandbox:
        sandbox.write_file("/workspace/test_it.py", "def test_it():\n    assert 1 + 1 == 2\n")
        result = sandbox.exec("pytest -q", timeout=60)
        assert "1 passed" in result.stdout, result
        assert result.exit_code == 0


def test_constraints_and_dependencies(sandbox: Sandbox) -> None:
    sandbox.write_file("constraints.txt", "alpha<2\n")
    assert "alpha-1.0" in sandbox.exec("pip install alpha -c constraints.txt").stdout
    assert "alpha-2.0\n" in sandbox.exec("pip install --no-deps alpha==2.0").stdout
    assert not sandbox.exec("python -c 'import beta'").success


def test_progress_comes_as_it_is_made(sandbox: Sandbox) -> None:
    seen: list[str] = []
    sandbox.exec("pip install alpha==1.0", on_stdout=seen.append)
    assert seen == PROGRESS


@pytest.mark.parametrize("option", ["--index-url", "--extra-index-url", "-i"])
def test_indexes_that_code_may_not_use(sandbox: Sandbox, option: str) -> None:
    result = sandbox.exec(f"pip install {option} https://elsewhere.example/simple alpha")
    assert result.exit_code == 1
    assert "https://elsewhere.example/simple is not one that code may use" in result.stderr
    sandbox.write_file("requirements.txt", "--index-url https://elsewhere.example/simple\nalpha\n")
    assert "is not one that code may use" in sandbox.exec("pip install -r requirements.txt").stderr
    assert sandbox.exec("pip install alpha").success


class _Index(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - of the one server

    def log_message(self, format: str, *arguments: Any) -> None:
        self.asked.append(self.path)


def test_an_index(wheelhouse: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
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
        url = f"http://127.0.0.1:{server.server_address[1]}/simple"
        policy = PackagePolicy(index=url)
        with Sandbox(packages=policy) as sandbox:
            assert sandbox.install_packages(["alpha"]) == ["alpha==2.0", "beta==1.5"]
            assert sandbox.run_code("import alpha\nalpha.V").text == "2.0"
            with pytest.raises(PackageInstallError, match="missing"):
                sandbox.install_packages(["missing"])
        with Sandbox(packages=PackagePolicy(wheelhouse=tmp_path / "empty", code_may_use=[url])) as sandbox:
            assert not sandbox.exec("pip install beta").success
            assert sandbox.exec(f"pip install -i {url}/ beta").success
            assert sandbox.exec(f"pip install --extra-index-url {url} alpha==1.0").success
        server.shutdown()
    assert any("/simple/alpha/" in path for path in _Index.asked)
