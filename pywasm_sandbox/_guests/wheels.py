"""The bundled wheels. Shipped are their contents as one xz stream each; mounted they are not compressed.

See docs/RATIONALE.md "Why are the bundled packages packed as one xz stream each?".
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from pywasm_sandbox._engine import Engine
from pywasm_sandbox.errors import AssetError

from .assets import Asset

if TYPE_CHECKING:  # most processes read no package's archive
    import zipfile

    from pywasm_sandbox._vfs.zipindex import ZipIndex

__all__ = ["Wheels", "unpack"]

_PIECE_BYTES: Final = 1 << 20

Fits = Callable[[Asset, int], bool]


class Wheels:
    """The wheels of an installation, each unpacked once and kept beside the compiled code. Thread-safe."""

    def __init__(self, engine: Engine, assets: Sequence[Asset]) -> None:
        self._engine = engine
        self._assets = tuple(assets)
        self._lock = threading.Lock()
        self._index: ZipIndex | None = None
        self._verified = False

    def __iter__(self) -> Iterator[Asset]:
        return iter(self._assets)

    @contextmanager
    def archive(self, asset: Asset) -> Iterator[zipfile.ZipFile]:
        """One of them, read whole and as it was shipped. Raises `AssetError`."""
        import zipfile

        with self._lock:
            descriptor = self._open_one(asset, _is_intact)
        with open(descriptor, "rb") as file, zipfile.ZipFile(file) as archive:
            yield archive

    def verify(self) -> None:
        """Read all of them, and unpack again what is not as it was shipped. Raises `AssetError`."""
        with self._lock:
            if not self._verified:
                self._index = self._open(_is_intact)
                self._verified = True

    def index(self) -> ZipIndex:
        """All wheels as one tree. Raises `AssetError`."""
        with self._lock:
            if self._index is None:
                self._index = self._open(_is_whole)
            return self._index

    def _open(self, fits: Fits) -> ZipIndex:
        from concurrent.futures import ThreadPoolExecutor

        from pywasm_sandbox._vfs.zipindex import ZipIndex

        # hashing and unpacking release the GIL
        with ThreadPoolExecutor(os.cpu_count(), "pywasm-sandbox-wheels") as pool:
            return ZipIndex(*pool.map(lambda asset: self._open_one(asset, fits), self._assets))

    def _open_one(self, asset: Asset, fits: Fits) -> int:
        return self._engine.kept_file(
            f"{asset.sha256}.wheel",
            f"package {asset.name}",
            lambda descriptor: fits(asset, descriptor),
            lambda descriptor: unpack(asset, descriptor),
        )


def unpack(asset: Asset, descriptor: int) -> None:
    """Write what a packed asset holds to an open file.

    Raises `AssetError` if that isn't what was shipped, `OSError` if it can't be written.
    """
    digest = hashlib.sha256()
    size = 0
    with _writable(descriptor) as file:
        for piece in _pieces(asset):
            digest.update(piece)
            size += file.write(piece)
            if size > asset.size:
                break
    if digest.hexdigest() != asset.sha256:
        raise AssetError(
            f"asset {asset.name!r} at {asset.path} holds something with sha256 {digest.hexdigest()}, not "
            f"{asset.sha256} as its manifest says; reinstall pywasm-sandbox"
        )


def _pieces(asset: Asset) -> Iterator[bytes]:
    import lzma

    try:
        with lzma.open(asset.path, format=lzma.FORMAT_XZ) as packed:
            while piece := packed.read(_PIECE_BYTES):
                yield piece
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise AssetError(
            f"asset {asset.name!r} can't be unpacked: {error}; reinstall pywasm-sandbox"
        ) from error


def _writable(descriptor: int) -> BinaryIO:
    return open(descriptor, "wb", closefd=False)


def _is_whole(asset: Asset, descriptor: int) -> bool:
    return os.fstat(descriptor).st_size == asset.size


def _is_intact(asset: Asset, descriptor: int) -> bool:
    with open(descriptor, "rb", closefd=False) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    os.lseek(descriptor, 0, os.SEEK_SET)
    return digest == asset.sha256
