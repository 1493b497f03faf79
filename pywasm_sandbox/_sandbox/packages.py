"""`pip install` for sandboxes: uv on the host resolves, downloads and unpacks, wheels only.

Nothing of a package runs on the host: uv builds nothing (``--no-build``). What it unpacked is read as data
and written into the sandbox's filesystem, whose quota applies.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._guests.hostcalls import HostCall, HostCallError, HostCallInterrupted
from pywasm_sandbox._guests.tree import USER_SITE
from pywasm_sandbox._vfs.api import VfsError
from pywasm_sandbox.errors import PackageInstallError, PolicyError

if TYPE_CHECKING:
    from pywasm_sandbox._guests.assets import Asset
    from pywasm_sandbox._guests.hostcalls import Handler
    from pywasm_sandbox._vfs.namespace import Namespace

__all__ = ["Installer", "PackagePolicy"]

PYTHON_VERSION: Final = "3.14"
_NAME: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^@]*)")
_PIN: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_POLL_SECONDS: Final = 0.05
# Bundled packages with compiled code are resolved by what Linux has of them. What is downloaded has to do
# without such: of several wheels of a version the pure one is taken.
_PLATFORMS: Final = {"compile": "x86_64-unknown-linux-gnu", "install": "wasm32-pyodide2024"}
_NATIVE: Final = (".so", ".pyd", ".dylib", ".dll")


@dataclass(frozen=True, slots=True)
class PackagePolicy:
    """What may be installed, and from where.

    ``allow``: names of packages, dependencies included; None for any. ``index``: URL of a package index (PEP
    503); None for PyPI, unless there is a ``wheelhouse``: a folder of the host with wheels, which needs no
    network. ``require_hashes``: each requirement, dependencies included, has ``--hash`` (in a requirements
    file). ``max_bytes``: what one installation may unpack (256 MiB). ``timeout``: its seconds (120).
    """

    allow: Sequence[str] | None = None
    index: str | None = None
    wheelhouse: str | Path | None = None
    require_hashes: bool = False
    max_bytes: int = 256 << 20
    timeout: float = 120.0


def normal(name: str) -> str:
    """A package's name as comparisons need it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Installer:
    """Installs into one sandbox's files."""

    def __init__(
        self, policy: PackagePolicy | None, namespace: Namespace, bundled: Sequence[Asset], cache: Path | None
    ) -> None:
        self._policy = policy
        self._namespace = namespace
        self._cache = cache
        self._assets = bundled

    @functools.cached_property
    def _bundled(self) -> dict[str, str]:
        """Versions by name."""
        return dict(_bundled(asset.path.name) for asset in self._assets)

    def install(
        self,
        requirements: Sequence[str],
        *,
        upgrade: bool = False,
        say: Callable[[str], None] = lambda text: None,
        check: Callable[[], None] = lambda: None,
    ) -> list[str]:
        """Install what is missing: ``name==version`` of each new package. ``check`` raises to end it.

        Raises `PolicyError`, `PackageInstallError`.
        """
        policy = self._policy
        if policy is None:
            raise PolicyError(
                "packages can't be installed into this sandbox: open it with packages=PackagePolicy(…)"
            )
        for line in requirements:
            self._check_requirement(line)
        with tempfile.TemporaryDirectory(prefix="pywasm-packages-") as folder:
            work = Path(folder)
            (work / "requirements.in").write_text("\n".join(requirements) + "\n")
            (work / "constraints.txt").write_text(
                "".join(f"{name}=={version}\n" for name, version in self._bundled.items())
            )
            pins = self._resolve(policy, work, upgrade, say, check)
            if not pins:
                return []
            self._download(policy, work, pins, check)
            return self._unpack(policy, work / "unpacked", pins, say)

    @staticmethod
    def _check_requirement(line: str) -> None:
        text = line.split(" --hash=")[0].split(";")[0].strip()
        match = _NAME.fullmatch(text)
        if line.startswith("-") or match is None or "\n" in line or "/" in text or text.endswith(".whl"):
            raise PackageInstallError(
                f"requirement {line!r} is not a name with versions; URLs, paths and options are not taken"
            )

    def handlers(self) -> dict[str, Handler]:
        """The host calls of the sandbox's ``pip``."""
        return {"packages.install": self._install_call, "packages.uninstall": self._uninstall_call}

    def _install_call(self, call: HostCall) -> list[str]:
        requirements = call.get("requirements", list)
        if not all(isinstance(each, str) for each in requirements):
            call.reject("packages.install: requirements has text only")

        def check() -> None:
            if call.interrupted():
                raise HostCallInterrupted

        call.on_block()
        said: list[str] = []
        try:
            self.install(requirements, upgrade=call.get("upgrade", bool, False), say=said.append, check=check)
        except (PolicyError, PackageInstallError) as error:
            raise HostCallError("RuntimeError", str(error)) from error
        return said

    def _uninstall_call(self, call: HostCall) -> bool:
        return self.uninstall(call.get("name", str))

    # ---- uv -----------------------------------------------------------------------------------------

    def _uv(self, policy: PackagePolicy, work: Path, words: Sequence[str], check: Callable[[], None]) -> str:
        if importlib.util.find_spec("uv") is None:
            raise PackageInstallError(
                "installing needs uv on the host: pip install 'pywasm-sandbox[packages]'"
            )
        source: list[str] = []
        if policy.wheelhouse is not None:
            source += ["--find-links", str(Path(policy.wheelhouse).resolve())]
            if policy.index is None:
                source += ["--no-index"]
        if policy.index is not None:
            source += ["--default-index", policy.index]
        command = [
            *(sys.executable, "-m", "uv", "pip", *words, *source),
            *("--python-version", PYTHON_VERSION, "--python-platform", _PLATFORMS[words[0]]),
            *("--no-build", "--no-config", "--no-progress", "--color", "never"),
            *(("--no-cache",) if self._cache is None else ("--cache-dir", str(self._cache))),
            "--no-python-downloads",
        ]
        kept = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR", "SYSTEMROOT")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        output = b""
        with (
            (work / "errors").open("wb") as errors,
            subprocess.Popen(
                command,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            ) as process,
        ):
            try:
                output = self._follow(policy, process, check)
            finally:
                process.kill()
        if process.returncode:
            lines = (work / "errors").read_text("utf-8", "replace").splitlines()
            reason = "\n".join(line for line in lines if not line.startswith(("Using ", "warning:"))).strip()
            raise PackageInstallError(reason or f"uv ended with {process.returncode}")
        return output.decode("utf-8", "replace")

    @staticmethod
    def _follow(policy: PackagePolicy, process: subprocess.Popen[bytes], check: Callable[[], None]) -> bytes:
        """What it prints, when it has ended. Raises `PackageInstallError` when that takes too long."""
        end = time.monotonic() + policy.timeout
        while True:
            try:
                return process.communicate(timeout=_POLL_SECONDS)[0]
            except subprocess.TimeoutExpired:
                check()
                if time.monotonic() > end:
                    raise PackageInstallError(
                        f"the installation took longer than the policy's {policy.timeout:g} s"
                    ) from None

    def _resolve(
        self,
        policy: PackagePolicy,
        work: Path,
        upgrade: bool,
        say: Callable[[str], None],
        check: Callable[[], None],
    ) -> dict[str, str]:
        words = ["compile", "requirements.in", "--no-header", "--no-annotate", "-c", "constraints.txt"]
        if upgrade:
            words.append("--upgrade")
        if policy.require_hashes:
            words.append("--generate-hashes")
        try:
            output = self._uv(policy, work, words, check)
        except PackageInstallError as error:
            raise PackageInstallError(f"{error}\n{self._what_there_is()}") from error
        found = {normal(name): version for name, version in _PIN.findall(output)}
        present = self.installed()
        allowed = None if policy.allow is None else {normal(name) for name in policy.allow}
        pins: dict[str, str] = {}
        for name, version in found.items():
            if name in self._bundled:
                say(f"Requirement already satisfied: {name} (bundled)\n")
            elif present.get(name) == version:
                say(f"Requirement already satisfied: {name}=={version}\n")
            elif allowed is not None and name not in allowed:
                raise PolicyError(f"the policy does not allow the package {name!r}")
            else:
                pins[name] = version
        return pins

    def _download(
        self, policy: PackagePolicy, work: Path, pins: dict[str, str], check: Callable[[], None]
    ) -> None:
        lines = [f"{name}=={version}" for name, version in pins.items()]
        if policy.require_hashes:
            given = (work / "requirements.in").read_text().splitlines()
            hashed = {normal(_NAME.match(line)[1]): line for line in given if " --hash=" in line}  # type: ignore[index]
            missing = [name for name in pins if name not in hashed]
            if missing:
                raise PolicyError(f"the policy requires hashes, and there are none for {', '.join(missing)}")
            lines = [hashed[name] for name in pins]
        (work / "pinned.txt").write_text("\n".join(lines) + "\n")
        words = ["install", "-r", "pinned.txt", "--no-deps", "--target", "unpacked", "--link-mode", "copy"]
        if policy.require_hashes:
            words.append("--require-hashes")
        try:
            self._uv(policy, work, words, check)
        except PackageInstallError as error:
            raise PackageInstallError(f"{error}\n{self._what_there_is()}") from error

    # ---- files ----------------------------------------------------------------------------------------

    def _unpack(
        self, policy: PackagePolicy, source: Path, pins: dict[str, str], say: Callable[[str], None]
    ) -> list[str]:
        files: list[tuple[str, Path]] = []
        total = 0
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source).as_posix()
            if path.is_symlink():
                raise PackageInstallError(f"a package has a symbolic link: {name}")
            if path.is_file() and not name.startswith((".lock", "bin/")) and path.name != "uv_cache.json":
                total += path.stat().st_size
                files.append((name, path))
        for name, path in files:
            if name.endswith(".dist-info/RECORD"):
                _check_record(name, path.read_text("utf-8", "replace"))
        if total > policy.max_bytes:
            raise PackageInstallError(
                f"the packages unpack to {total} bytes, over max_bytes of {policy.max_bytes}"
            )
        native = sorted({name.split("/")[0] for name, _ in files if name.endswith(_NATIVE)})
        if native:
            raise PackageInstallError(
                f"{', '.join(native)}: compiled for another platform; the sandbox takes pure Python wheels.\n"
                + self._what_there_is()
            )
        for name in pins:
            self.uninstall(name)
        try:
            for name, path in files:
                self._namespace.write_bytes(f"{USER_SITE}/{name}", path.read_bytes(), parents=True)
        except VfsError as error:
            for name in pins:
                self.uninstall(name)
            raise PackageInstallError(f"the packages don't fit into the sandbox's files: {error}") from error
        made = [f"{name}=={version}" for name, version in pins.items()]
        say(f"Successfully installed {' '.join(pin.replace('==', '-') for pin in made)}\n")
        return made

    def installed(self) -> dict[str, str]:
        """Name → version of what was installed, without what is bundled."""
        found = {}
        if self._namespace.exists(USER_SITE):
            for entry in self._namespace.list_directory(USER_SITE):
                match = re.fullmatch(r"(.+?)-([^-]+)\.dist-info", entry.name)
                if match:
                    found[normal(match[1])] = match[2]
        return found

    def uninstall(self, name: str) -> bool:
        """Remove a package's files as its RECORD lists them; whether it was there."""
        for entry in self._namespace.list_directory(USER_SITE) if self._namespace.exists(USER_SITE) else []:
            match = re.fullmatch(r"(.+?)-([^-]+)\.dist-info", entry.name)
            if match and normal(match[1]) == normal(name):
                folder = f"{USER_SITE}/{entry.name}"
                self._remove_recorded(folder)
                if self._namespace.exists(folder):
                    self._namespace.remove_tree(folder)
                return True
        return False

    def _remove_recorded(self, folder: str) -> None:
        record = f"{folder}/RECORD"
        if not self._namespace.exists(record):
            return
        for line in self._namespace.read_bytes(record).decode("utf-8", "replace").splitlines():
            name = line.split(",")[0].strip('"')
            # A RECORD may lie: nothing outside of the folder of packages is touched.
            if name and not name.startswith("/") and ".." not in name.split("/"):
                path = f"{USER_SITE}/{name}"
                if self._namespace.exists(path, follow=False):
                    self._namespace.remove_tree(path)

    def _what_there_is(self) -> str:
        return "Bundled are: " + ", ".join(sorted(self._bundled))


def _check_record(name: str, text: str) -> None:
    for line in text.splitlines():
        path = line.split(",")[0].strip('"')
        if path.startswith("/") or ".." in path.split("/"):
            raise PackageInstallError(f"{name} lists a file outside of the package: {path!r}")


def _bundled(filename: str) -> tuple[str, str]:
    name, version = filename.split("-")[:2]
    return normal(name), version
