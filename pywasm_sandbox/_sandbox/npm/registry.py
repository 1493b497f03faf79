"""Where packages come from: a registry over HTTP, or a folder of the host with tarballs."""

from __future__ import annotations

import functools
import hashlib
import json
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from pywasm_sandbox._sandbox.downloads import concurrently, download, keep
from pywasm_sandbox.errors import PackageInstallError

from .manifest import Manifest
from .names import check_name
from .tarball import check_integrity, manifest_of, read_tarball

__all__ = ["DEFAULT_REGISTRY", "Document", "FolderSource", "RegistrySource", "Source"]

DEFAULT_REGISTRY: Final = "https://registry.npmjs.org"
_MAX_DOCUMENT_BYTES: Final = 128 << 20
_DOWNLOADS_AT_ONCE: Final = 8
_ABBREVIATED: Final = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8"


class Document:
    """The versions of one package, and its tags."""

    def __init__(self, name: str, versions: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        self.name = name
        self._versions = {
            v: raw for v, raw in versions.items() if isinstance(v, str) and isinstance(raw, Mapping)
        }
        self.tags = {tag: v for tag, v in tags.items() if isinstance(v, str) and v in self._versions}

    @functools.cached_property
    def _ordered(self) -> list[tuple[Any, str]]:
        """Newest first, without what is no version."""
        numbers = ((_version(version), version) for version in self._versions)
        found = [(number, version) for number, version in numbers if number is not None]

        def newest_first(one: tuple[Any, str], other: tuple[Any, str]) -> int:
            return int(other[0].compare(one[0]))

        return sorted(found, key=functools.cmp_to_key(newest_first))

    def manifest(self, version: str) -> Manifest:
        """Of one version."""
        return Manifest.of({"name": self.name, "version": version, **self._versions[version]})

    def pick(self, asked: str) -> Manifest:
        """The version that npm would take for a range or a tag. Raises `PackageInstallError`."""
        if asked in self.tags:
            return self.manifest(self.tags[asked])
        latest = self.tags.get("latest")
        if asked == "" and latest is not None:
            return self.manifest(latest)
        if latest is not None and satisfies(latest, asked):
            return self.manifest(latest)
        fitting = [version for _, version in self._ordered if satisfies(version, asked)]
        if not fitting:
            known = ", ".join(version for _, version in self._ordered[:10])
            raise PackageInstallError(
                f"no version of {self.name} fits {asked!r:.100}; there are {known or 'none'}"
            )
        fresh = [version for version in fitting if not self._versions[version].get("deprecated")]
        return self.manifest((fresh or fitting)[0])

    def all_of(self, narrow: str, wide: str) -> bool:
        """Whether each version that fits one range fits the other."""
        return all(satisfies(v, wide) for _, v in self._ordered if satisfies(v, narrow))


@functools.lru_cache(maxsize=4096)
def _range(text: str) -> Any:
    import nodesemver

    try:
        return nodesemver.make_range(text, True)
    except ValueError:
        return None


@functools.lru_cache(maxsize=16384)
def _version(text: str) -> Any:
    import nodesemver

    try:
        return nodesemver.make_semver(text, True)
    except ValueError:
        return None


def satisfies(version: str, asked: str) -> bool:
    """Whether a version is in a range; a tag has none."""
    parsed, number = _range(asked), _version(version)
    return parsed is not None and number is not None and bool(parsed.test(number))


class Source(Protocol):
    """Where packages come from."""

    def document(self, name: str) -> Document:
        """What there is of a package. Raises `PackageInstallError`."""

    def prefetch(self, names: Iterable[str]) -> None:
        """They will be asked for."""

    def tarball(self, manifest: Manifest, bytes_left: int) -> bytes:
        """One version, checked. Raises `PackageInstallError`."""

    def describe(self, manifest: Manifest) -> str | None:
        """Where it comes from, for a lock file."""


class RegistrySource:
    """A registry over HTTP. Tarballs come from it and from nowhere else."""

    def __init__(self, url: str, cache: Path | None, timeout: float, check: Callable[[], None]) -> None:
        self._url = url.rstrip("/")
        self._cache = cache
        self._end = time.monotonic() + timeout
        self._check = check
        self._documents: dict[str, Document | PackageInstallError] = {}

    def _download(self, url: str, max_bytes: int, accept: str | None = None) -> bytes:
        left = self._end - time.monotonic()
        if left <= 0:
            raise PackageInstallError("the installation took longer than the policy's timeout")
        return download(url, self._url, max_bytes, left, self._check, accept)

    def _fetch_document(self, name: str) -> Document | PackageInstallError:
        try:
            url = f"{self._url}/{urllib.parse.quote(name, safe='@')}"
            raw = json.loads(self._download(url, _MAX_DOCUMENT_BYTES, _ABBREVIATED))
            versions, tags = raw.get("versions"), raw.get("dist-tags")
            if not isinstance(versions, dict):
                raise PackageInstallError(f"{name}: the registry has no versions of it")
            return Document(name, versions, tags if isinstance(tags, dict) else {})
        except PackageInstallError as error:
            return PackageInstallError(_not_found(name) if "404" in str(error) else str(error))
        except (ValueError, AttributeError, RecursionError):
            return PackageInstallError(f"{name}: the registry's answer is no document of a package")

    def prefetch(self, names: Iterable[str]) -> None:
        missing = sorted({name for name in names if name not in self._documents})
        for start in range(0, len(missing), _DOWNLOADS_AT_ONCE):
            batch = missing[start : start + _DOWNLOADS_AT_ONCE]
            fetches = [functools.partial(self._fetch_document, name) for name in batch]
            self._documents.update(zip(batch, concurrently(fetches, self._check), strict=True))

    def document(self, name: str) -> Document:
        self.prefetch([name])
        found = self._documents[name]
        if isinstance(found, PackageInstallError):
            raise found
        return found

    def tarball(self, manifest: Manifest, bytes_left: int) -> bytes:
        label = f"{manifest.name}@{manifest.version}"
        url = manifest.tarball or ""
        if _origin(url) != _origin(self._url):
            raise PackageInstallError(f"{label} was refused: its tarball is not of the registry: {url:.200}")
        key = hashlib.sha256(f"{manifest.integrity}\0{manifest.shasum}".encode()).hexdigest()
        kept = None if self._cache is None else self._cache / "npm" / key
        if kept is not None and kept.is_file():
            data = kept.read_bytes()
            check_integrity(label, data, manifest.integrity, manifest.shasum)
            return data
        data = self._download(url, bytes_left)
        check_integrity(label, data, manifest.integrity, manifest.shasum)
        if kept is not None:
            keep(kept, data)
        return data

    def describe(self, manifest: Manifest) -> str | None:
        return manifest.tarball


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        port = None
    return parts.scheme, parts.hostname, port


def _not_found(name: str) -> str:
    return f"404 Not Found: {name} is not in this registry"


class FolderSource:
    """A folder of the host with tarballs, as ``npm pack`` makes them."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder.resolve()
        self._max_bytes = max_bytes

    @functools.cached_property
    def _documents(self) -> dict[str, Document]:
        versions: dict[str, dict[str, Any]] = {}
        for path in sorted(self._folder.glob("*.tgz")):
            files = read_tarball(path.name, path.read_bytes(), self._max_bytes)
            manifest = manifest_of(path.name, files)
            name, version = check_name(str(manifest.get("name"))), str(manifest.get("version"))
            manifest["dist"] = {"tarball": path.name}
            versions.setdefault(name, {})[version] = manifest
        return {name: Document(name, found, {}) for name, found in versions.items()}

    def document(self, name: str) -> Document:
        try:
            return self._documents[name]
        except KeyError:
            known = ", ".join(sorted(self._documents)[:20])
            raise PackageInstallError(f"{name} is not in the policy's folder, which has {known}") from None

    def prefetch(self, names: Iterable[str]) -> None:
        pass

    def tarball(self, manifest: Manifest, bytes_left: int) -> bytes:
        return (self._folder / (manifest.tarball or "")).read_bytes()

    def describe(self, manifest: Manifest) -> str | None:
        return None
