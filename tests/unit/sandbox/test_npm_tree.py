"""Where packages are put in ``node_modules``: random registries, whose layouts must all be right."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from pywasm_sandbox._sandbox.npm.manifest import Manifest
from pywasm_sandbox._sandbox.npm.names import Request, versions_of
from pywasm_sandbox._sandbox.npm.registry import Document, satisfies
from pywasm_sandbox._sandbox.npm.tree import Node, TreeBuilder

pytest.importorskip("nodesemver")


class Fake:
    """A source of documents; no tarballs."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents

    def document(self, name: str) -> Document:
        return self._documents[name]

    def prefetch(self, names: Iterable[str]) -> None:
        pass

    def tarball(self, manifest: Manifest, bytes_left: int) -> bytes:
        raise AssertionError

    def describe(self, manifest: Manifest) -> None:
        return None

    def read(self, path: str) -> Any:
        raise AssertionError


def random_documents(chance: random.Random, count: int) -> dict[str, Document]:
    names = [f"p{number}" for number in range(count)]
    documents = {}
    for number, name in enumerate(names):
        versions = {}
        for major in (1, 2, 3):
            # Later ones in any version, earlier ones, which makes circles, in the newest.
            later = chance.sample(names[number + 1 :], min(chance.randrange(4), count - number - 1))
            ranges = {other: f"^{chance.randrange(1, 4)}" for other in later}
            if number and chance.random() < 0.2:
                ranges[chance.choice(names[:number])] = "*"
            versions[f"{major}.0.0"] = {"dependencies": ranges}
        documents[name] = Document(name, versions, {"latest": "3.0.0"})
    return documents


def build(documents: Mapping[str, Document], wanted: Mapping[str, str], **more: Any) -> Node:
    fake = Fake(documents)
    builder = TreeBuilder(
        fake,
        fake,
        more.get("installed", {}),
        more.get("pins", {}),
        allow=None,
        max_packages=more.get("max_packages", 5000),
    )
    requests: dict[str, Request] = {name: versions_of(name, text) for name, text in wanted.items()}
    return builder.build(Manifest("", ""), requests, frozenset())


def check(tree: Node, wanted: Mapping[str, str]) -> None:
    """Each package finds what it asks for, as ``require`` looks for it: by places alone."""
    places = {node.place: node for node in tree.below()}
    for place, dependencies in [("", wanted), *((p, n.manifest.dependencies) for p, n in places.items())]:
        for name, text in dependencies.items():
            at = place
            while f"{at}/node_modules/{name}".lstrip("/") not in places:
                assert at, f"{place} finds no {name}"
                at = at.rpartition("node_modules/")[0].rstrip("/")
            assert satisfies(places[f"{at}/node_modules/{name}".lstrip("/")].manifest.version, text)


@pytest.mark.parametrize("seed", range(60))
def test_random_registries(seed: int) -> None:
    chance = random.Random(seed)
    documents = random_documents(chance, chance.choice([4, 8, 15]))
    wanted = {name: f"^{chance.randrange(1, 4)}" for name in chance.sample(sorted(documents), 3)}
    tree = build(documents, wanted)
    check(tree, wanted)
    # What is there is kept, whatever the registry has meanwhile.
    installed = {node.place: node.manifest for node in tree.below()}
    again = build(documents, wanted, installed=installed)
    assert {node.place: node.manifest.version for node in again.below()} == {
        place: manifest.version for place, manifest in installed.items()
    }
    assert all(node.kept for node in again.below())


def test_one_version_where_one_will_do() -> None:
    documents = {
        "a": Document("a", {"1.0.0": {"dependencies": {"shared": "^1.1.0"}}}, {"latest": "1.0.0"}),
        "b": Document("b", {"1.0.0": {"dependencies": {"shared": "^1.0.0"}}}, {"latest": "1.0.0"}),
        "shared": Document("shared", {f"1.{n}.0": {} for n in range(5)}, {"latest": "1.4.0"}),
    }
    tree = build(documents, {"a": "1", "b": "1"})
    assert [node.place for node in tree.below()] == [
        "node_modules/a",
        "node_modules/b",
        "node_modules/shared",
    ]
    tree = build(documents, {"a": "1", "b": "1", "shared": "1.0.0"})
    assert [node.place for node in tree.below() if node.name == "shared"] == [
        "node_modules/a/node_modules/shared",
        "node_modules/shared",
    ]
    pins = {"node_modules/shared": "1.2.0"}
    assert build(documents, {"a": "1"}, pins=pins).children["shared"].manifest.version == "1.2.0"


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        *(
            ("", "2.0.0"),
            ("latest", "2.0.0"),
            ("beta", "3.0.0-beta.1"),
            ("^1", "1.9.0"),
            ("1.x || >=2.0.0", "2.0.0"),
        ),
        *((">=1.0.0", "2.0.0"), (">2.0.0-0 <4", "2.0.0"), ("~1.2", "1.2.5"), ("1.2.3 - 1.2.9", "1.2.5")),
        *(
            ("= 1.2.5", "1.2.5"),
            ("v1.2.5", "1.2.5"),
            (">= 1 < 1.9", "1.2.5"),
            ("*", "2.0.0"),
            ("<2", "1.9.0"),
        ),
    ],
)
def test_which_version_is_picked(asked: str, version: str) -> None:
    versions = {v: {} for v in ("1.2.5", "1.9.0", "2.0.0", "2.1.0", "3.0.0-beta.1")}
    document = Document("x", versions, {"latest": "2.0.0", "beta": "3.0.0-beta.1"})
    assert document.pick(asked).version == version
