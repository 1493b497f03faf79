"""A project in the sandbox's files: its package.json, its ``node_modules``, its lock file."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pywasm_sandbox._vfs.api import FileType, VfsError
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox.errors import PackageInstallError

from .manifest import Manifest
from .tarball import File, manifest_of, read_tarball
from .tree import Node

__all__ = ["KINDS", "Project"]

KINDS: Final = ("dependencies", "devDependencies", "optionalDependencies")
_MAX_JSON_BYTES: Final = 32 << 20
_MAX_INSTALLED: Final = 20_000
_MAX_DEPTH: Final = 40
_LEFT_OUT: Final = frozenset({"node_modules", ".git", ".npmrc"})
"""What of a folder is no part of the package."""


class Project:
    """One folder, an absolute path."""

    def __init__(self, namespace: Namespace, folder: str, max_bytes: int) -> None:
        self._namespace = namespace
        self.folder = folder
        self._max_bytes = max_bytes
        self.manifest = self._read_json("package.json") or {}
        """Its package.json, to be changed and saved."""
        self.lock = self._lock_entries()
        """By place, what its package-lock.json says."""

    def _path(self, name: str) -> str:
        return posixpath.join(self.folder, name)

    def _read_json(self, name: str) -> dict[str, Any] | None:
        path = self._path(name)
        try:
            if not self._namespace.exists(path):
                return None
            raw = json.loads(self._namespace.read_bytes(path, 0, _MAX_JSON_BYTES).decode("utf-8-sig"))
        except (VfsError, ValueError, RecursionError) as error:
            raise PackageInstallError(f"{path}: {error}") from error
        if not isinstance(raw, dict):
            raise PackageInstallError(f"{path} is no object")
        return raw

    def _write_json(self, name: str, value: Mapping[str, Any]) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        data = text.encode("utf-8", "surrogatepass")
        self._namespace.write_bytes(self._path(name), data, parents=True)

    # ---- what it asks for and what it has ---------------------------------------------------------------

    def requests(self, kind: str) -> dict[str, str]:
        """Ranges by name, of one of `KINDS`."""
        value = self.manifest.get(kind)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise PackageInstallError(f"{self._path('package.json')}: {kind} is no object of texts")
        return value

    def _lock_entries(self) -> dict[str, dict[str, Any]]:
        packages = (self._read_json("package-lock.json") or {}).get("packages")
        if not isinstance(packages, dict):
            return {}
        return {place: entry for place, entry in packages.items() if place and isinstance(entry, dict)}

    def installed(self) -> dict[str, Manifest]:
        """What lies in ``node_modules``, by place."""
        found: dict[str, Manifest] = {}
        for place in self._places("node_modules", 0):
            if len(found) >= _MAX_INSTALLED:
                raise PackageInstallError(f"there are more than {_MAX_INSTALLED} packages in {self.folder}")
            try:
                raw = self._read_json(f"{place}/package.json")
            except PackageInstallError:
                continue
            if raw is not None:
                found[place] = Manifest.of(raw)
        return found

    def _places(self, modules: str, depth: int) -> Iterator[str]:
        if depth > _MAX_DEPTH:
            return
        for name in self._folders(modules):
            if name.startswith("."):
                continue
            places = [f"{modules}/{name}"]
            if name.startswith("@"):
                places = [f"{modules}/{name}/{inner}" for inner in self._folders(f"{modules}/{name}")]
            for place in places:
                yield place
                yield from self._places(f"{place}/node_modules", depth + 1)

    def _folders(self, name: str) -> list[str]:
        try:
            entries = self._namespace.list_directory(self._path(name))
        except VfsError:
            return []
        return sorted(entry.name for entry in entries if entry.type is FileType.DIRECTORY)

    # ---- packages of the sandbox's own files -------------------------------------------------------------

    def read(self, path: str) -> tuple[Manifest, Mapping[str, File]]:
        """A tarball or a folder of the sandbox. Raises `PackageInstallError`."""
        full = self._path(path)
        try:
            location = self._namespace.resolve(self._namespace.root, full)
            if location.type is FileType.DIRECTORY:
                files = self._folder_files(full)
            elif self._namespace.stat_of(location).size > self._max_bytes:
                raise PackageInstallError(f"{path}: over max_bytes of {self._max_bytes}")
            else:
                files = read_tarball(path, self._namespace.read_bytes(full), self._max_bytes)
        except VfsError as error:
            raise PackageInstallError(f"{path}: {error}") from error
        return Manifest.of(manifest_of(path, files)), files

    def _folder_files(self, folder: str) -> dict[str, File]:
        files: dict[str, File] = {}
        left = self._max_bytes
        for path, stat in self._namespace.walk(folder):
            name = posixpath.relpath(path, folder)
            if stat.type is not FileType.REGULAR or _LEFT_OUT & set(name.split("/")):
                continue
            left -= stat.size
            if left < 0:
                raise PackageInstallError(f"{folder}: over max_bytes of {self._max_bytes}")
            files[name] = File(self._namespace.read_bytes(path), bool(stat.mode & 0o111))
        return files

    # ---- saving ----------------------------------------------------------------------------------------

    def save_request(self, kind: str, name: str, text: str) -> None:
        """Have a dependency in package.json, under one kind only."""
        self.drop_request(name)
        self.manifest[kind] = dict(sorted({**self.requests(kind), name: text}.items()))

    def drop_request(self, name: str) -> bool:
        """Take a dependency out; whether it was there."""
        dropped = False
        for kind in KINDS:
            requests = self.requests(kind)
            if name in requests:
                dropped = True
                left = {other: text for other, text in requests.items() if other != name}
                self.manifest[kind] = left
                if not left:
                    del self.manifest[kind]
        return dropped

    def save(self, project: Node, resolved: Mapping[str, str | None]) -> None:
        """Write package.json and package-lock.json; ``resolved`` are the addresses of packages by place."""
        self._write_json("package.json", self.manifest)
        own = {name: self.manifest[name] for name in ("name", "version", *KINDS) if name in self.manifest}
        packages: dict[str, Any] = {"": own}
        for node in sorted(project.below(), key=lambda each: each.place):
            packages[node.place] = self._entry(node, resolved.get(node.place))
        head = {"name": self.manifest.get("name", posixpath.basename(self.folder))}
        if "version" in self.manifest:
            head["version"] = self.manifest["version"]
        self._write_json(
            "package-lock.json", {**head, "lockfileVersion": 3, "requires": True, "packages": packages}
        )

    def _entry(self, node: Node, resolved: str | None) -> dict[str, Any]:
        manifest, before = node.manifest, self.lock.get(node.place, {})
        if before.get("version") != manifest.version:
            before = {}
        entry: dict[str, Any] = {"version": manifest.version}
        if node.name != manifest.name:
            entry["name"] = manifest.name
        places = {
            "resolved": f"file:{node.path}" if node.path else resolved or before.get("resolved"),
            "integrity": manifest.integrity or before.get("integrity"),
            "dependencies": dict(manifest.dependencies),
            "optionalDependencies": dict(manifest.optional),
            "peerDependencies": dict(manifest.peers),
            "bin": dict(manifest.bins),
        }
        return {**entry, **{name: value for name, value in places.items() if value}}
