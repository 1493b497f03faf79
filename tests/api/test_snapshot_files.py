"""Snapshot files that are damaged, made with other assets, or hostile."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import Sandbox, SandboxError, Snapshot, SnapshotMismatchError
from pywasm_sandbox._sandbox import snapshot_file
from pywasm_sandbox._sandbox.runtime import Runtime

HEAD = 16 + 4 + 32


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with one context, some files, and open descriptors."""
    path = tmp_path_factory.mktemp("snapshots") / "good"
    with Sandbox() as sandbox:
        sandbox.write_file("a.txt", "content")
        sandbox.run_code("x = 5; f = open('a.txt', 'r+'); import os; d = os.open('/tmp', os.O_RDONLY)")
        sandbox.snapshot().save(path)
    return path.read_bytes()


def take_apart(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<Q", data, HEAD)
    start = HEAD + 8
    return json.loads(zlib.decompress(data[start : start + length])), data[start + length :]


def put_together(manifest: Any, content: bytes, version: int = 2) -> bytes:
    packed = zlib.compress(manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode())
    rest = struct.pack("<Q", len(packed)) + packed + content
    return b"pywasm-snapshot\n" + struct.pack("<I", version) + hashlib.sha256(rest).digest() + rest


def load(tmp_path: Path, data: bytes, **options: Any) -> Snapshot:
    path = tmp_path / "file"
    path.write_bytes(data)
    return Snapshot.load(path, **options)


def changed(good: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    manifest, content = take_apart(good)
    manifest = copy.deepcopy(manifest)
    change(manifest)
    return put_together(manifest, content)


def test_a_file_that_was_put_together_again_is_good(good: bytes, tmp_path: Path) -> None:
    snapshot = load(tmp_path, changed(good, lambda manifest: None))
    with Sandbox(snapshot=snapshot) as sandbox:
        assert sandbox.run_code("x, f.read()").text == "(5, 'content')"


@pytest.mark.parametrize("name", ["python-core", "python-stdlib", "guest code"])
def test_another_asset_is_named(good: bytes, tmp_path: Path, name: str) -> None:
    data = changed(good, lambda manifest: manifest["assets"].update({name: "0" * 64}))
    with pytest.raises(SnapshotMismatchError, match=f"made with another {name} \\(sha256 0{{64}}, installed"):
        load(tmp_path, data)


def test_another_image_is_named(good: bytes, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["contexts"][0]["guest"]["image"]["sha256"] = "1" * 64

    with pytest.raises(SnapshotMismatchError, match="made with another image"):
        load(tmp_path, changed(good, change))


def test_another_format_is_named(good: bytes, tmp_path: Path) -> None:
    manifest, content = take_apart(good)
    with pytest.raises(SnapshotMismatchError, match="has format 1, this version of the package reads 2"):
        load(tmp_path, put_together(manifest, content, version=1))


@pytest.mark.parametrize("data", [b"", b"x", b"pywasm-snapshot\n", b"#!/bin/sh\n" * 100], ids=len)
def test_something_else_is_not_a_snapshot(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SnapshotMismatchError, match="is not a snapshot"):
        load(tmp_path, data)


def test_each_flipped_bit_and_each_cut_is_found(good: bytes, tmp_path: Path) -> None:
    generator = random.Random(5)
    for _ in range(100):
        at = generator.randrange(20, len(good))
        flipped = good[:at] + bytes([good[at] ^ 1 << generator.randrange(8)]) + good[at + 1 :]
        with pytest.raises(SnapshotMismatchError, match="is damaged: its checksum is wrong"):
            load(tmp_path, flipped)
        with pytest.raises(SnapshotMismatchError):
            load(tmp_path, good[: generator.randrange(len(good))])
    with pytest.raises(SnapshotMismatchError):
        load(tmp_path, good + b"x")


def guest(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["contexts"][0]["guest"]
    return found


def nodes(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manifest["trees"][0][0]["tree"]["nodes"]
    return found


def first_file(manifest: dict[str, Any]) -> dict[str, Any]:
    return next(node for node in nodes(manifest) if node["type"] == "file")


def fd(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = guest(manifest)["fds"][-1]
    return found


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no assets": lambda m: m.pop("assets"),
    "no trees": lambda m: m.pop("trees"),
    "empty trees": lambda m: m.update(trees=[]),
    "a tree of nothing": lambda m: m.update(trees=[[]]),
    "no contexts": lambda m: m.pop("contexts"),
    "contexts of text": lambda m: m.update(contexts="abc"),
    "a date of text": lambda m: m.update(created_at="yesterday"),
    "defaults of text": lambda m: m.update(defaults="x"),
    "a context twice": lambda m: m["contexts"].append(m["contexts"][0]),
    "no id": lambda m: m["contexts"][0].update(id=""),
    "another language": lambda m: m["contexts"][0].update(language="cobol"),
    "a relative directory": lambda m: m["contexts"][0].update(cwd="x"),
    "an environment with NUL": lambda m: m["contexts"][0].update(env={"a\0": "b"}),
    "a tree that isn't there": lambda m: m["contexts"][0].update(tree=7),
    "a negative tree": lambda m: m["contexts"][0].update(tree=-1),
    "a negative count": lambda m: m["contexts"][0].update(execution_count=-1),
    "memory beyond 4 GiB": lambda m: guest(m).update(memory_bytes=(4 << 30) + 65536),
    "memory below the image": lambda m: guest(m).update(memory_bytes=65536),
    "memory of odd size": lambda m: guest(m).update(memory_bytes=guest(m)["memory_bytes"] + 1),
    "memory of text": lambda m: guest(m).update(memory_bytes="1"),
    "a page past the memory": lambda m: guest(m)["deltas"].append([1 << 33, 4096]),
    "a page that ends past the memory": lambda m: guest(m)["deltas"].append(
        [guest(m)["memory_bytes"] - 4096, 8192]
    ),
    "a page at a negative address": lambda m: guest(m)["deltas"].insert(0, [-4096, 4096]),
    "a page of negative length": lambda m: guest(m)["deltas"].insert(0, [0, -4096]),
    "a page of no length": lambda m: guest(m)["deltas"].insert(0, [0, 0]),
    "a page off its place": lambda m: guest(m)["deltas"].insert(0, [5, 4096]),
    "pages that overlap": lambda m: guest(m)["deltas"].insert(0, guest(m)["deltas"][0]),
    "pages of which there is no content": lambda m: guest(m)["deltas"].append(
        [guest(m)["memory_bytes"] - 4096, 4096]
    ),
    "a global that isn't one": lambda m: guest(m).update(globals={"__stack_pointer": 1 << 70}),
    "no globals": lambda m: guest(m).update(globals={}),
    "an address beyond 32 bits": lambda m: guest(m)["addresses"].update(ring=1 << 32),
    "no iterators": lambda m: guest(m)["addresses"].pop("iterators"),
    "one iterator": lambda m: guest(m)["addresses"].update(iterators=[1]),
    "three words": lambda m: guest(m)["addresses"].update(words=[1, 2, 3]),
    "time that runs out": lambda m: guest(m).update(monotonic_ns=1 << 63),
    "a module that is no name": lambda m: guest(m)["image"].update(modules=["a;b"]),
    "modules of text": lambda m: guest(m)["image"].update(modules="json"),
    "a module that isn't there": lambda m: guest(m)["image"].update(modules=["no_such_module_at_all"]),
    "a descriptor twice": lambda m: guest(m)["fds"].append(fd(m)),
    "a negative descriptor": lambda m: fd(m).update(number=-1),
    "a descriptor of a node that isn't there": lambda m: fd(m).update(node=["/", 10**6]),
    "a descriptor of another type": lambda m: fd(m).update(filetype=4 if fd(m)["filetype"] == 3 else 3),
    "a descriptor of no type": lambda m: fd(m).update(filetype=99),
    "a descriptor of the system": lambda m: fd(m).update(node=["/usr", 1]),
    "a stream that is a file": lambda m: fd(m).update(stream=1),
    "a fourth stream": lambda m: guest(m)["fds"][0].update(stream=3),
    "a negative offset": lambda m: fd(m).update(offset=-1),
    "huge rights": lambda m: fd(m).update(rights=[1 << 64, 0]),
    "a free number that is none": lambda m: guest(m).update(numbering=[5, [7]]),
    "numbers beyond all": lambda m: guest(m).update(numbering=[1 << 40, []]),
    "a root with a name": lambda m: nodes(m)[0].update(names=[[1, "x"]]),
    "a name with a slash": lambda m: first_file(m).update(names=[[1, "../x"]]),
    "an empty name": lambda m: first_file(m).update(names=[[1, ""]]),
    "a name of dots": lambda m: first_file(m).update(names=[[1, ".."]]),
    "a name of 300 letters": lambda m: first_file(m).update(names=[[1, "x" * 300]]),
    "a name with NUL": lambda m: first_file(m).update(names=[[1, "x\0"]]),
    "a name in a directory that isn't there": lambda m: first_file(m).update(names=[[10**6, "x"]]),
    "a name in a file": lambda m: first_file(m).update(names=[[first_file(m)["node"], "x"]]),
    "a name twice": lambda m: first_file(m)["names"].append(first_file(m)["names"][0]),
    "a node twice": lambda m: nodes(m).append(nodes(m)[1]),
    "a node of no type": lambda m: first_file(m).update(type="device"),
    "a huge file": lambda m: first_file(m).update(size=1 << 62),
    "a file larger than max_bytes": lambda m: first_file(m).update(size=1 << 40),
    "a negative file": lambda m: first_file(m).update(size=-1),
    "a chunk past the end": lambda m: first_file(m).update(chunks=[[5, 7]]),
    "a negative chunk": lambda m: first_file(m).update(chunks=[[-1, 7]]),
    "a chunk that is too long": lambda m: first_file(m).update(size=1 << 30, chunks=[[0, 65537]]),
    "chunks out of order": lambda m: first_file(m).update(size=1 << 20, chunks=[[1, 1], [0, 1]]),
    "a mode beyond all": lambda m: first_file(m).update(mode=0o7777),
    "a time of text": lambda m: first_file(m).update(mtime_ns="x"),
    "a quota of text": lambda m: m["trees"][0][0]["tree"].update(quota=["x", "y"]),
    "a mount over the system": lambda m: m["trees"][0].append({**m["trees"][0][0], "path": "/usr"}),
    "a relative mount": lambda m: m["trees"][0].append({**m["trees"][0][0], "path": "x"}),
    "no root": lambda m: m["trees"][0][0].update(path="/data"),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused(
    good: bytes, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(SnapshotMismatchError):
        load(tmp_path, changed(good, change))


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"null", b"{" * 100, b"[" * 100_000, b'{"assets": 1}', b"\xff"], ids=len
)
def test_a_manifest_that_is_none(good: bytes, tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(SnapshotMismatchError):
        load(tmp_path, put_together(manifest, take_apart(good)[1]))


def test_content_that_is_not_compressed(good: bytes, tmp_path: Path) -> None:
    manifest, content = take_apart(good)
    for other in (b"", b"\0" * 1000, content[: len(content) // 2], zlib.compress(b"short")):
        with pytest.raises(SnapshotMismatchError):
            load(tmp_path, put_together(manifest, other))


def test_a_manifest_that_expands_without_end(good: bytes, tmp_path: Path) -> None:
    bomb = b"[" + b"0," * (20 << 20) + b"0]"
    with pytest.raises(SnapshotMismatchError, match="its manifest is too long"):
        load(tmp_path, put_together(bomb, b""), max_bytes=1 << 30)


def test_more_than_max_bytes(good: bytes, tmp_path: Path) -> None:
    with pytest.raises(SnapshotMismatchError, match=r"needs more memory than max_bytes allows|No space left"):
        load(tmp_path, good, max_bytes=100_000)
    assert load(tmp_path, good, max_bytes=16 << 20).context_ids


HARMLESS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a ring outside of memory": lambda m: guest(m)["addresses"].update(ring=0xFFFF_FFF0),
    "a ring of nonsense": lambda m: guest(m)["addresses"].update(ring=8),
    "words outside of memory": lambda m: guest(m)["addresses"].update(words=[0xFFFF_FFFC] * 7),
    "libraries of text": lambda m: guest(m).update(libraries="x"),
    "a library that isn't there": lambda m: guest(m).update(
        libraries=[
            [
                {
                    "path": "/workspace/x.so",
                    "location": "/workspace/x.so",
                    "sha256": "0" * 64,
                    "bases": [0, 0],
                    "global": False,
                    "needed": [],
                    "owners": [],
                    "slots": {},
                }
            ],
            {},
            [],
            10,
        ]
    ),
    "a table beyond its limit": lambda m: guest(m).update(libraries=[[], {}, [], 0xFFFF_FFFF]),
    "slots beyond the table": lambda m: guest(m).update(libraries=[[], {"malloc": 0xFFFF_FFF0}, [], 10]),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_shows_when_the_context_starts(
    good: bytes, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    snapshot = load(tmp_path, changed(good, change))
    with Sandbox(snapshot=snapshot) as sandbox, pytest.raises(SnapshotMismatchError):
        sandbox.run_code("1")


@pytest.mark.parametrize("address", [0xFFFF_FFF0, 4])
def test_iterators_that_are_none(good: bytes, tmp_path: Path, address: int) -> None:
    def change(manifest: dict[str, Any]) -> None:
        addresses = guest(manifest)["addresses"]
        addresses["iterators"] = [address] * len(addresses["iterators"])

    with Sandbox(snapshot=load(tmp_path, changed(good, change))) as sandbox:
        execution = sandbox.run_code("sum(range(10**12))", timeout=0.2)
        assert execution.error is not None
        assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "kept")


def test_a_descriptor_gives_no_write_access_to_a_read_only_mount(good: bytes, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], read_only: bool) -> None:
        root = manifest["trees"][0][0]
        manifest["trees"][0].append({**copy.deepcopy(root), "path": "/data", "read_only": read_only})
        for node in manifest["trees"][0][1]["tree"]["nodes"]:  # its content is not there twice
            if node["type"] == "file":
                node["chunks"] = []
        entry = next(each for each in guest(manifest)["fds"] if each["filetype"] == 4)
        entry["node"][0] = "/data"

    for read_only in (True, False):
        snapshot = load(tmp_path, changed(good, lambda manifest: change(manifest, read_only)))  # noqa: B023
        with Sandbox(snapshot=snapshot) as sandbox:
            error = sandbox.run_code("f.write('x'); f.flush()").error
            assert (error.message if error else None) == (
                "[Errno 8] Bad file descriptor" if read_only else None
            )


def test_random_memory_is_a_guests_own_problem(good: bytes, tmp_path: Path) -> None:
    """Pages of nonsense: the interpreter crashes or not, the host doesn't."""
    manifest, content = take_apart(good)
    expanded = zlib.decompress(content)
    generator = random.Random(1)
    for _ in range(5):
        noise = bytearray(expanded)
        for _ in range(2000):
            noise[generator.randrange(len(noise))] = generator.randrange(256)
        snapshot = load(tmp_path, put_together(manifest, zlib.compress(bytes(noise), 1)))
        with Sandbox(snapshot=snapshot, timeout=2) as sandbox, contextlib.suppress(SandboxError):
            sandbox.run_code("x")
    with Sandbox() as sandbox:
        assert sandbox.run_code("1 + 1").text == "2"


def test_too_many_images(good: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_file, "MAX_IMAGES", 0)
    with pytest.raises(SnapshotMismatchError, match="more than 0 different images"):
        load(tmp_path, good)


def test_the_image_is_the_one_of_this_installation(good: bytes) -> None:
    manifest, _ = take_apart(good)
    image = guest(manifest)["image"]
    runtime = Runtime.shared()
    found = runtime.engine.threads.run(lambda: runtime.python.image(tuple(image["modules"])))
    assert found.digest == image["sha256"]
