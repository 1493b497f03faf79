"""Finding, fetching, verifying and unpacking archives."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from driver.manifest import Archive


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ArchiveStore:
    """Archives by name: from the `sources` folders, else from the cache, else fetched into the cache."""

    def __init__(self, sources: list[Path], cache: Path) -> None:
        self._folders = [*sources, cache]
        self._cache = cache

    def find(self, archive: Archive) -> Path | None:
        """Path of the verified archive, if a folder has it."""
        for folder in self._folders:
            candidate = folder / archive.filename
            if candidate.is_file():
                self._verify(archive, candidate)
                return candidate
        return None

    def locate(self, archive: Archive) -> Path:
        """Path of the verified archive; fetches it when no folder has it."""
        return self.find(archive) or self._fetch(archive)

    def _verify(self, archive: Archive, path: Path) -> None:
        found = sha256_of(path)
        if found != archive.sha256:
            raise SystemExit(
                f"{path}: sha256 is {found}, manifest.toml wants {archive.sha256}; "
                "remove the file or correct the manifest"
            )

    def _fetch(self, archive: Archive) -> Path:
        self._cache.mkdir(parents=True, exist_ok=True)
        kind, _, package = archive.origin.partition(":")
        commands = {
            "debian-source": ["apt-get", "source", "--download-only", f"{package}={archive.version}"],
            "debian-binary": ["apt-get", "download", f"{package}={archive.version}"],
            "pypi": [
                sys.executable,
                str(Path(__file__).with_name("pypi.py")),
                package,
                archive.version,
                archive.filename,
            ],
            "npm": ["npm", "pack", "--ignore-scripts", "--silent", f"{package}@{archive.version}"],
        }
        if kind not in commands:
            raise SystemExit(
                f"{archive.filename} is in none of {', '.join(map(str, self._folders))} and its origin "
                f"{archive.origin!r} cannot be fetched by a client: put the file into a --sources folder"
            )
        path = self._cache / archive.filename
        try:
            subprocess.run(commands[kind], cwd=self._cache, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            # A source package is several files, and this may be there though another one could not be had.
            if not path.is_file():
                raise SystemExit(
                    f"fetching {archive.filename} failed ({error}); put the file into a --sources folder"
                ) from None
        if not path.is_file():
            raise SystemExit(f"{' '.join(commands[kind])} did not bring {archive.filename}")
        self._verify(archive, path)
        return path


def unpack(archive: Path, destination: Path, members: tuple[str, ...] = ()) -> None:
    """Unpack a tar archive or a .deb into `destination`; a tar's single top folder is dropped.

    `members` are the folders below the top one that are wanted; empty for all.
    """
    destination.mkdir(parents=True, exist_ok=True)
    if archive.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", str(archive), str(destination)], check=True)
        return
    command = ["tar", "xf", str(archive), "-C", str(destination), "--no-same-owner"]
    if members:
        # Anchored at the top folder: "cmake" is not to match "llvm/cmake".
        command += ["--strip-components=1", "--no-wildcards-match-slash", "--wildcards"]
        command += [f"*/{member}" for member in members]
    subprocess.run(command, check=True)
    children = list(destination.iterdir())
    if not members and len(children) == 1 and children[0].is_dir():
        inner = destination / ".top"
        children[0].rename(inner)
        for child in inner.iterdir():
            shutil.move(child, destination / child.name)
        inner.rmdir()
