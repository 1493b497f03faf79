"""Bundled wheels are unpacked once, kept, checked, and replaced when they are not what was shipped."""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pywasm_sandbox._engine import Engine
from pywasm_sandbox._engine.cache import CompileCache
from pywasm_sandbox._guests.assets import Asset
from pywasm_sandbox._guests.wheels import Wheels
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox.errors import AssetError

PIECES = 3 << 20
"""More than one piece of what is read at a time."""


def archive(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(name, content)
    return file.getvalue()


def ship(folder: Path, name: str, data: bytes, *, claims: bytes | None = None) -> Asset:
    """A packed file that holds `data`, and the entry of a manifest that says it holds what is claimed."""
    path = folder / f"{name}.whl.xz"
    path.write_bytes(lzma.compress(data))
    claims = data if claims is None else claims
    return Asset(name, path, hashlib.sha256(claims).hexdigest(), len(claims), "wheel", "")


def content(wheels: Wheels, name: str) -> bytes:
    tree = ZipFS(wheels.index())
    entry = tree.lookup(tree.root, name)
    assert entry is not None
    return tree.open(entry.node).pread(PIECES, 0)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def engine(cache: Path) -> Engine:
    return Engine(CompileCache(cache))


@pytest.fixture
def assets(tmp_path: Path) -> list[Asset]:
    return [
        ship(tmp_path, "one", archive("one.py", b"1" * PIECES)),
        ship(tmp_path, "two", archive("two.py", b"two")),
    ]


def unpacked(cache: Path, asset: Asset) -> Path:
    return cache / f"{asset.sha256}.wheel"


def test_wheels_make_one_tree(engine: Engine, assets: list[Asset]) -> None:
    wheels = Wheels(engine, assets)
    assert [content(wheels, name) for name in ("one.py", "two.py")] == [b"1" * PIECES, b"two"]


def test_there_may_be_none(engine: Engine) -> None:
    tree = ZipFS(Wheels(engine, []).index())
    assert tree.readdir(tree.root) == []


def test_what_is_unpacked_is_kept(engine: Engine, assets: list[Asset], cache: Path) -> None:
    Wheels(engine, assets).index()
    for asset in assets:
        assert unpacked(cache, asset).stat().st_mode & 0o777 == 0o600
        asset.path.unlink()
    wheels = Wheels(engine, assets)
    wheels.verify()
    assert content(wheels, "two.py") == b"two"


def test_a_kept_wheel_of_another_size_is_replaced(engine: Engine, assets: list[Asset], cache: Path) -> None:
    Wheels(engine, assets).index()
    path = unpacked(cache, assets[1])
    path.write_bytes(path.read_bytes()[:-1])
    assert content(Wheels(engine, assets), "two.py") == b"two"


def test_verifying_replaces_a_damaged_wheel(engine: Engine, assets: list[Asset], cache: Path) -> None:
    Wheels(engine, assets).index()
    path = unpacked(cache, assets[1])
    path.write_bytes(path.read_bytes().replace(b"two.py", b"six.py"))
    wheels = Wheels(engine, assets)
    wheels.verify()
    assert content(wheels, "two.py") == b"two"


def test_without_a_folder_they_are_unpacked_for_the_process(assets: list[Asset]) -> None:
    wheels = Wheels(Engine(CompileCache(None)), assets)
    wheels.verify()
    assert content(wheels, "one.py") == b"1" * PIECES


def refused(tmp_path: Path) -> Iterator[tuple[Asset, str]]:
    good = archive("a.py", b"good")
    yield ship(tmp_path, "other", archive("a.py", b"evil"), claims=good), "sha256"
    yield ship(tmp_path, "longer", good + b"more", claims=good), "sha256"
    cut = ship(tmp_path, "cut", good)
    cut.path.write_bytes(cut.path.read_bytes()[:-20])
    yield cut, "end-of-stream"
    broken = ship(tmp_path, "broken", good)
    broken.path.write_bytes(b"not xz at all")
    yield broken, "unpacked"
    gone = ship(tmp_path, "gone", good)
    gone.path.unlink()
    yield gone, "No such file"


def test_what_was_not_shipped_is_refused(engine: Engine, tmp_path: Path, cache: Path) -> None:
    for asset, why in refused(tmp_path):
        with pytest.raises(AssetError, match=f"'{asset.name}'.*{why}"):
            Wheels(engine, [asset]).index()
        assert not unpacked(cache, asset).exists()
