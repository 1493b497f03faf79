"""`pip install` for sandboxes: uv on the host resolves, to wheels; they are fetched, checked and written.

Nothing of a package runs on the host: uv builds nothing (``--no-build``), and wheels are read as data
(`wheel_files`) and written into the sandbox's filesystem, whose quota applies.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.parse
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pywasm_sandbox._guests.hostcalls import PACKAGE_CALLS, HostCall, HostCallError
from pywasm_sandbox._vfs.api import VfsError
from pywasm_sandbox.errors import PackageInstallError, PolicyError

from .downloads import concurrently, download, keep
from .package_jobs import Jobs, Steps, run_steps
from .site_packages import SitePackages, normal
from .wheel_files import Wheel, for_guest, resolvable

if TYPE_CHECKING:
    from pywasm_sandbox._guests.assets import Asset
    from pywasm_sandbox._guests.hostcalls import Handler
    from pywasm_sandbox._vfs.namespace import Namespace

    from .package_policy import PackagePolicy

__all__ = ["Installer"]

PYTHON_VERSION: Final = "3.14"
_NAME: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^@]*)")
_PIN: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_POLL_SECONDS: Final = 0.05
# Bundled packages with compiled code are resolved by what Linux has of them. What is downloaded has to do
# without such: of several wheels of a version the pure one is taken.
_PLATFORM: Final = "x86_64-unknown-linux-gnu"
_PURE: Final = re.compile(r"-(?:[a-z0-9.]*\b(?:py3|py314|cp314)\b[a-z0-9.]*)-none-any\.whl$")
_MAX_LOCAL_WHEELS: Final = 100
_MAX_REASON: Final = 4000
"""uv explains at any length."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one ``pip install`` asks for. ``wheels`` are paths of wheels in the sandbox's files, ``folders``
    of folders with such; ``index``, a URL, replaces the policy's."""

    requirements: Sequence[str]
    upgrade: bool = False
    wheels: Sequence[str] = ()
    folders: Sequence[str] = ()
    constraints: Sequence[str] = ()
    index: str | None = None
    extra_indexes: Sequence[str] = ()
    no_index: bool = False
    no_dependencies: bool = False


@dataclass(frozen=True, slots=True)
class _Choice:
    """A wheel that was resolved to."""

    name: str
    version: str
    urls: Sequence[str]
    hashes: dict[str, str] = field(default_factory=dict)
    """By URL, sha256."""

    @property
    def pure(self) -> str | None:
        """The URL of the one that is taken: the first that has no compiled code."""
        return next((url for url in self.urls if _PURE.search(_filename(url))), None)


class Installer:
    """Installs into one sandbox's files."""

    def __init__(
        self, policy: PackagePolicy | None, namespace: Namespace, bundled: Sequence[Asset], cache: Path | None
    ) -> None:
        self._policy = policy
        self._namespace = namespace
        self._site = SitePackages(namespace)
        self._cache = cache
        self._assets = bundled
        self._jobs = Jobs()

    @functools.cached_property
    def _bundled(self) -> dict[str, str]:
        """Versions by name."""
        return dict(_bundled(asset.path.name) for asset in self._assets)

    def install(self, requirements: Sequence[str]) -> list[str]:
        """Install what is missing: ``name==version`` of each new package. A requirement may be the path of a
        wheel in the sandbox's files.

        Raises `PolicyError`, `PackageInstallError`.
        """
        wheels = [line for line in requirements if line.endswith(".whl") and "\n" not in line]
        others = [line for line in requirements if line not in wheels]
        return run_steps(self._steps(Wanted(others, wheels=wheels), lambda: None))

    def _steps(self, wanted: Wanted, check: Callable[[], None]) -> Steps:
        """The installation, a message at a time; ``check`` raises to end it."""
        policy = self._policy
        if policy is None:
            raise PolicyError(
                "packages can't be installed into this sandbox: open it with packages=PackagePolicy(…)"
            )
        self._check_indexes(policy, wanted)
        for line in (*wanted.requirements, *wanted.constraints):
            _check_requirement(line)
        with tempfile.TemporaryDirectory(prefix="pywasm-packages-") as folder:
            work = Path(folder)
            local = self._copy_wheels(policy, wanted, work)
            (work / "requirements.in").write_text("\n".join([*wanted.requirements, *local]) + "\n")
            self._write_versions(wanted, work)
            for line in wanted.requirements:
                yield f"Collecting {line.split(' --hash=')[0]}\n"
            for path in wanted.wheels:
                yield f"Processing {path}\n"
            choices = yield from self._resolve(policy, wanted, work, check)
            wheels = []
            left = policy.max_bytes
            for choice in choices:
                wheel = yield from self._fetch(policy, choice, work, left, check)
                left -= wheel.unpacked_bytes
                wheels.append(wheel)
            return (yield from self._write(choices, wheels, check))

    # ---- what is asked for ----------------------------------------------------------------------------

    @staticmethod
    def _check_indexes(policy: PackagePolicy, wanted: Wanted) -> None:
        known = {url.rstrip("/") for url in (policy.index, *policy.code_may_use) if url is not None}
        for url in (wanted.index, *wanted.extra_indexes):
            if url is not None and url.rstrip("/") not in known:
                raise PolicyError(
                    f"the sandbox's policy chooses the index: {url} is not one that code may use "
                    "(PackagePolicy(code_may_use=[…]))"
                )

    def _write_versions(self, wanted: Wanted, work: Path) -> None:
        """What is bundled stays as it is: what depends on another version of it gets that one. Asking for
        another version by name is an error."""
        named = {normal(match[1]) for line in wanted.requirements if (match := _NAME.match(line))}
        constraints, overrides = list(wanted.constraints), list[str]()
        for name, version in self._bundled.items():
            (constraints if name in named else overrides).append(f"{name}=={version}")
        for file, lines in (("constraints.txt", constraints), ("overrides.txt", overrides)):
            (work / file).write_text("".join(f"{line}\n" for line in lines))

    def _copy_wheels(self, policy: PackagePolicy, wanted: Wanted, work: Path) -> list[str]:
        """Put the sandbox's own wheels where uv finds them; requirements for those that were named."""
        named, found = work / "named", work / "found"
        named.mkdir()
        found.mkdir()
        candidates = [(named, path) for path in wanted.wheels]
        for folder in wanted.folders:
            try:
                entries = self._namespace.list_directory(folder)
            except VfsError as error:
                raise PackageInstallError(f"--find-links {folder}: {error}") from error
            wheels = (entry.name for entry in entries if entry.name.endswith(".whl"))
            candidates += [(found, f"{folder}/{name}") for name in wheels]
        if len(candidates) > _MAX_LOCAL_WHEELS:
            raise PackageInstallError(f"{len(candidates)} wheels; {_MAX_LOCAL_WHEELS} at once are allowed")
        left = policy.max_bytes
        lines = []
        for target, path in candidates:
            name = path.rpartition("/")[2]
            if re.fullmatch(r"[A-Za-z0-9_.+!-]+\.whl", name) is None:
                raise PackageInstallError(f"{name!r} is not a valid wheel filename")
            try:
                location = self._namespace.resolve(self._namespace.root, path)
                left -= self._namespace.stat_of(location).size
                if left < 0:
                    raise PackageInstallError(f"{path}: over max_bytes of {policy.max_bytes}")
                data = self._namespace.read_bytes(path)
            except VfsError as error:
                raise PackageInstallError(f"{path}: {error}") from error
            Wheel(name, data, policy.max_bytes)  # before any other tool looks at it
            (target / resolvable(name)).write_bytes(data)
            if target is named:
                lines.append(f"./named/{resolvable(name)}")
        return lines

    # ---- the host calls of the sandbox's ``pip`` ------------------------------------------------------

    def handlers(self) -> dict[str, Handler]:
        """By name."""
        calls = (self._install_call, self._more_call, self._uninstall_call)
        return dict(zip(PACKAGE_CALLS, calls, strict=True))

    def _install_call(self, call: HostCall) -> dict[str, Any]:
        wanted = Wanted(
            call.texts("requirements"),
            upgrade=call.get("upgrade", bool, False),
            wheels=call.texts("wheels"),
            folders=call.texts("folders"),
            constraints=call.texts("constraints"),
            index=call.get("index", str, None),
            extra_indexes=call.texts("extra_indexes"),
            no_index=call.get("no_index", bool, False),
            no_dependencies=call.get("no_dependencies", bool, False),
        )
        return self._jobs.begin(call, lambda check: self._steps(wanted, check))

    def _more_call(self, call: HostCall) -> dict[str, Any]:
        return self._jobs.go_on(call, call.get("job", int))

    def _uninstall_call(self, call: HostCall) -> bool:
        try:
            return self._site.uninstall(call.get("name", str))
        except PackageInstallError as error:
            raise HostCallError("RuntimeError", str(error)) from error

    # ---- uv -----------------------------------------------------------------------------------------

    def _uv(self, policy: PackagePolicy, wanted: Wanted, work: Path, check: Callable[[], None]) -> None:
        if importlib.util.find_spec("uv") is None or importlib.util.find_spec("installer") is None:
            raise PackageInstallError(
                "installing needs uv and installer on the host: pip install 'pywasm-sandbox[packages]'"
            )
        source: list[str] = ["--find-links", "found"] if wanted.folders else []
        if policy.wheelhouse is not None:
            wheelhouse = Path(policy.wheelhouse).resolve()
            source += ["--find-links", str(wheelhouse)]
            for wheel in filter(lambda path: for_guest(path.name), sorted(wheelhouse.glob("*.whl"))):
                (work / "built").mkdir(exist_ok=True)
                (work / "built" / resolvable(wheel.name)).symlink_to(wheel)
            if (work / "built").exists():
                source += ["--find-links", "built"]
        indexes = [url for url in (wanted.index or policy.index, *wanted.extra_indexes) if url is not None]
        if wanted.no_index or (not indexes and policy.wheelhouse is not None):
            source += ["--no-index"]
        elif policy.wheelhouse is None and policy.index is None and wanted.index is None:
            source += [word for url in indexes for word in ("--index", url)]  # besides PyPI
        else:
            source += ["--default-index", indexes[0]]
            source += [word for url in indexes[1:] for word in ("--index", url)]
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", "requirements.in", "-c", "constraints.txt"),
            *("--override", "overrides.txt"),
            *("--format", "pylock.toml", "-o", "pylock.toml", *source),
            *("--python-version", PYTHON_VERSION, "--python-platform", _PLATFORM),
            *("--no-build", "--no-config", "--no-progress", "--color", "never", "--quiet"),
            *(("--no-cache",) if self._cache is None else ("--cache-dir", str(self._cache))),
            *(("--upgrade",) if wanted.upgrade else ()),
            *(("--no-deps",) if wanted.no_dependencies else ()),
            "--no-python-downloads",
        ]
        kept = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR", "SYSTEMROOT")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        with (
            (work / "errors").open("wb") as errors,
            subprocess.Popen(
                command,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            ) as process,
        ):
            try:
                _follow(policy, process, check)
            finally:
                process.kill()
        if process.returncode:
            lines = (work / "errors").read_text("utf-8", "replace").splitlines()
            reason = "\n".join(line for line in lines if not line.startswith(("Using ", "warning:"))).strip()
            reason = (reason or f"uv ended with {process.returncode}").replace(str(work), "")
            if len(reason) > _MAX_REASON:
                reason = f"{reason[: _MAX_REASON // 2]}\n…\n{reason[-_MAX_REASON // 2 :]}"
            raise PackageInstallError(f"{reason}\n{self._what_there_is()}")

    def _resolve(
        self, policy: PackagePolicy, wanted: Wanted, work: Path, check: Callable[[], None]
    ) -> Generator[str, None, list[_Choice]]:
        self._uv(policy, wanted, work, check)
        present = self._site.installed()
        allowed = None if policy.allow is None else {normal(name) for name in policy.allow}
        choices = []
        for package in tomllib.loads((work / "pylock.toml").read_text("utf-8")).get("packages", []):
            choice = _choice(package)
            name = choice.name
            local = "archive" in package
            if name in self._bundled:
                yield f"Requirement already satisfied: {name}=={self._bundled[name]} (bundled)\n"
            elif present.get(name) == choice.version and not local:
                yield f"Requirement already satisfied: {name}=={choice.version}\n"
            elif allowed is not None and name not in allowed:
                raise PolicyError(f"the policy does not allow the package {name!r}")
            else:
                choices.append(choice)
        if policy.require_hashes:
            _require_hashes(wanted, choices)
        return choices

    def _fetch(
        self, policy: PackagePolicy, choice: _Choice, work: Path, bytes_left: int, check: Callable[[], None]
    ) -> Generator[str, None, Wheel]:
        url = choice.pure
        if url is None:
            raise PackageInstallError(
                f"{choice.name} {choice.version}: compiled for another platform; the sandbox takes pure "
                f"Python wheels.\n{self._what_there_is()}"
            )
        filename = _filename(url)
        is_local = url.startswith("file:") or "://" not in url
        digest = choice.hashes.get(url)
        kept = None if self._cache is None or digest is None else self._cache / "wheels" / digest
        if is_local:
            data = _local(policy, work, url).read_bytes()
        elif kept is not None and kept.is_file():
            yield f"  Using cached {filename}\n"
            data = kept.read_bytes()
        else:
            yield f"  Downloading {filename}\n"
            fetch = functools.partial(download, url, policy.index, bytes_left, policy.timeout, check)
            [data] = concurrently([fetch], check)
        if digest is not None and hashlib.sha256(data).hexdigest() != digest:
            raise PackageInstallError(f"{filename} was refused: its hash is not the index's")
        wheel = Wheel(filename, data, bytes_left)
        if foreign := wheel.foreign:
            raise PackageInstallError(
                f"{filename}: compiled for another platform ({foreign[0]}); the sandbox takes pure "
                f"Python wheels.\n{self._what_there_is()}"
            )
        if kept is not None and not kept.is_file() and not is_local:
            keep(kept, data)
        return wheel

    # ---- files ----------------------------------------------------------------------------------------

    def _write(self, choices: Sequence[_Choice], wheels: Sequence[Wheel], check: Callable[[], None]) -> Steps:
        if not choices:
            return []
        yield f"Installing collected packages: {', '.join(choice.name for choice in choices)}\n"
        self._site.install({choice.name for choice in choices}, wheels, check)
        names = " ".join(f"{choice.name}-{choice.version}" for choice in choices)
        yield f"Successfully installed {names}\n"
        return [f"{choice.name}=={choice.version}" for choice in choices]

    def _what_there_is(self) -> str:
        return "Bundled are: " + ", ".join(sorted(self._bundled))


def _check_requirement(line: str) -> None:
    text = line.split(" --hash=")[0].split(";")[0].strip()
    match = _NAME.fullmatch(text)
    if line.startswith("-") or match is None or "\n" in line or "/" in text or text.endswith(".whl"):
        raise PackageInstallError(
            f"requirement {line!r} is not a name with versions; URLs, folders and options are not taken"
        )


def _follow(policy: PackagePolicy, process: subprocess.Popen[bytes], check: Callable[[], None]) -> None:
    """Wait for its end. Raises `PackageInstallError` when that takes too long."""
    end = time.monotonic() + policy.timeout
    while True:
        try:
            process.wait(timeout=_POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            check()
            if time.monotonic() > end:
                raise PackageInstallError(
                    f"the installation took longer than the policy's {policy.timeout:g} s"
                ) from None


def _choice(package: dict[str, Any]) -> _Choice:
    """From a package of a pylock.toml (PEP 751)."""
    sources = [*package.get("wheels", [])]
    if "archive" in package:
        sources.append(package["archive"])
    urls = {each.get("url") or each["path"]: each.get("hashes", {}).get("sha256") for each in sources}
    version = package.get("version") or (_filename(next(iter(urls))).split("-")[1] if urls else "")
    hashes = {url: digest for url, digest in urls.items() if digest is not None}
    return _Choice(normal(package["name"]), version, list(urls), hashes)


def _require_hashes(wanted: Wanted, choices: Sequence[_Choice]) -> None:
    """Each wheel must have one of the hashes that its requirement gives."""
    given = {
        normal(match[1]): set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
        for line in wanted.requirements
        if (match := _NAME.match(line)) is not None
    }
    missing = [choice.name for choice in choices if not given.get(choice.name)]
    if missing:
        raise PolicyError(f"the policy requires hashes, and there are none for {', '.join(missing)}")
    for choice in choices:
        url = choice.pure
        if url is not None and choice.hashes.get(url) not in given[choice.name]:
            raise PackageInstallError(f"{_filename(url)} doesn't have the hash that was asked for")


def _local(policy: PackagePolicy, work: Path, url: str) -> Path:
    """A wheel that was put here, or is in the wheelhouse; an index can't name other files of the host."""
    path = (work / urllib.parse.unquote(urllib.parse.urlsplit(url).path)).resolve()
    folders = [work.resolve()]
    if policy.wheelhouse is not None:
        folders.append(Path(policy.wheelhouse).resolve())
    if not any(path.is_relative_to(folder) for folder in folders):
        raise PackageInstallError(f"{url} is not in the wheelhouse")
    return path


def _filename(url: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])


def _bundled(filename: str) -> tuple[str, str]:
    name, version = filename.split("-")[:2]
    return normal(name), version
