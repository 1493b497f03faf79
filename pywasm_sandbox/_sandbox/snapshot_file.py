"""Snapshots as files.

    magic (16 bytes) · version (u32) · sha256 of all that follows · length (u64) · manifest · content

The manifest is JSON, compressed by zlib; so is the content, one stream: of each filesystem the chunks of its
files, of each context the pages that differ from its image, in the manifest's order. Numbers are
little-endian.

A file may come from anywhere. The checksum finds damage, not malice: what is read is checked as if a guest
had written it. Nothing is mapped, every length is checked before it is allocated, and pages, addresses and
table slots are a guest's own business, which the engine bounds as it bounds any guest's.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from pywasm_sandbox._engine import Delta, Image, MemoryState
from pywasm_sandbox._guests.python_runtime import check_modules
from pywasm_sandbox._guests.state import GuestState
from pywasm_sandbox._guests.tree import SYSTEM_MOUNTS, lay_out
from pywasm_sandbox._vfs.api import File, FileType, VfsError
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.resolver import Location
from pywasm_sandbox._vfs.treedata import TreeError, dump
from pywasm_sandbox._vfs.treedata import load as load_tree
from pywasm_sandbox._wasi import FdState
from pywasm_sandbox._wasi.abi import SOCKET_FILETYPES
from pywasm_sandbox.errors import HostFileError, SnapshotMismatchError

from .options import check_env
from .runtime import Runtime, check_language
from .snapshots import ContextState, FilesState, Snapshot

__all__ = ["load", "save"]

MAGIC: Final = b"pywasm-snapshot\n"
VERSION: Final = 2
MAX_MANIFEST_BYTES: Final = 256 << 20
MANIFEST_SHARE: Final = 32
"""JSON takes up to so many times its size when it is read, so it may be this part of ``max_bytes``."""

MAX_NODES: Final = 10_000_000
MAX_IMAGES: Final = 16
COMPRESSION: Final = 3
_HEAD: Final = struct.Struct("<16sI32s")
_LENGTH: Final = struct.Struct("<Q")
_PIECE: Final = 1 << 20
_PAGE: Final = 4096
_U32: Final = 0xFFFF_FFFF
_U64: Final = 0xFFFF_FFFF_FFFF_FFFF
_DAMAGED: Final = (TypeError, LookupError, AttributeError, ValueError, ArithmeticError, RecursionError)


# ---- writing


def save(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot aside and rename it. Raises `HostFileError`."""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with open(descriptor, "wb") as file:
                _write(snapshot, file)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise HostFileError(f"the snapshot can't be written to {path}: {error}") from error


class _Hashed:
    """A file whose content is hashed as it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self._file.write(data)


def _write(snapshot: Snapshot, file: IO[bytes]) -> None:
    manifest, content = _describe(snapshot)
    packed = zlib.compress(json.dumps(manifest, separators=(",", ":")).encode(), COMPRESSION)
    file.write(_HEAD.pack(MAGIC, VERSION, bytes(32)))
    out = _Hashed(file)
    out.write(_LENGTH.pack(len(packed)))
    out.write(packed)
    compress = zlib.compressobj(COMPRESSION)
    for piece in content:
        out.write(compress.compress(piece))
    out.write(compress.flush())
    file.seek(0)
    file.write(_HEAD.pack(MAGIC, VERSION, out.digest.digest()))


def _describe(snapshot: Snapshot) -> tuple[dict[str, Any], Iterator[bytes]]:
    trees: list[FilesState] = [snapshot.files]
    for context in snapshot.contexts:
        if context.files not in trees:
            trees.append(context.files)
    contents: list[Iterator[bytes]] = []
    described_trees = []
    for files in trees:
        mounts = []
        for mount in files.namespace.mounts:
            if isinstance(mount.fs, MemoryFS) and mount.path not in SYSTEM_MOUNTS:
                index, content = dump(mount.fs)
                mounts.append({"path": mount.path, "read_only": mount.read_only, "tree": index})
                contents.append(content)
        described_trees.append(mounts)
    contexts = []
    for context in snapshot.contexts:
        contexts.append(_describe_context(context, trees.index(context.files)))
        if context.guest is not None:
            contents.append(delta.data for delta in context.guest.memory.content())
    manifest = {
        "created_at": snapshot.created_at.isoformat(),
        "assets": Runtime.shared().assets({context.language for context in snapshot.contexts}),
        "trees": described_trees,
        "contexts": contexts,
        "defaults": dict(snapshot.defaults),
    }
    return manifest, (piece for content in contents for piece in content)


def _describe_context(context: ContextState, tree: int) -> dict[str, Any]:
    guest = context.guest
    return {
        "id": context.id,
        "language": context.language,
        "cwd": context.cwd,
        "env": dict(context.env),
        "execution_count": context.execution_count,
        "tree": tree,
        "own_files": context.own_files,
        "guest": None if guest is None else _describe_guest(guest),
    }


def _describe_guest(guest: GuestState) -> dict[str, Any]:
    memory = guest.memory
    libraries = memory.described if memory.libraries is None else memory.libraries.describe()
    return {
        "image": {"modules": memory.image.notes["modules"], "sha256": memory.image.digest},
        "memory_bytes": memory.memory_bytes,
        "globals": dict(memory.globals),
        "deltas": [[delta.address, len(delta.data)] for delta in memory.content()],
        "libraries": libraries,
        "addresses": {
            "ring": guest.addresses["ring"],
            "words": list(guest.addresses["words"]),
            "iterators": list(guest.addresses["iterators"]),
            "request": guest.addresses["request"],
        },
        "monotonic_ns": guest.monotonic_ns,
        "numbering": [guest.numbering[0], list(guest.numbering[1])],
        "fds": [_describe_fd(fd) for fd in guest.fds],
    }


def _describe_fd(fd: FdState) -> dict[str, Any]:
    place = fd.location
    node = None
    if place is not None:
        # Names of nodes are their filesystem's; those of filesystems in memory are numbers that `dump` uses.
        known = isinstance(place.mount.fs, MemoryFS) and place.mount.path not in SYSTEM_MOUNTS
        node = [place.mount.path, place.node if known else None]
    return {
        "number": fd.number,
        "node": node,
        "filetype": fd.filetype,
        "rights": [fd.rights_base, fd.rights_inheriting],
        "offset": fd.offset,
        "flags": fd.flags,
        "readable": fd.readable,
        "writable": fd.writable,
        "stream": fd.stream,
        "preopen": None if fd.preopen is None else fd.preopen.decode("utf-8", "surrogateescape"),
    }


# ---- reading


def load(path: Path, max_bytes: int) -> Snapshot:
    """Read a snapshot; see `Snapshot.load`."""
    try:
        with open(path, "rb") as file:
            return _Reader(file, path, max_bytes).snapshot()
    except OSError as error:
        if isinstance(error, HostFileError):
            raise
        raise HostFileError(f"the snapshot {path} can't be read: {error.strerror}") from error


def _integer(value: Any, limit: int, what: str) -> int:
    if type(value) is not int or not 0 <= value <= limit:
        raise ValueError(f"{what} is {value!r}")
    return value


class _Content:
    """The stream of file chunks and pages, expanded no further than is asked for."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file = file
        self._expand = zlib.decompressobj()
        self._rest = b""
        self._left = max_bytes

    def read(self, length: int) -> bytes:
        """Exactly so many bytes. Raises `ValueError`."""
        self._left -= length
        if self._left < 0:
            raise ValueError("it needs more memory than max_bytes allows")
        parts: list[bytes] = []
        while length:
            data = self._rest or self._file.read(_PIECE)
            part = self._expand.decompress(data, length)
            self._rest = self._expand.unconsumed_tail
            if not part and (self._expand.eof or not data):
                raise ValueError("its content ends early")
            length -= len(part)
            parts.append(part)
        return b"".join(parts)


class _Reader:
    def __init__(self, file: IO[bytes], path: Path, max_bytes: int) -> None:
        self._file = file
        self._path = path
        self._max_bytes = max_bytes
        self._images: set[tuple[str, ...]] = set()
        self._runtime = Runtime.shared()
        self._engine = self._runtime.engine

    def snapshot(self) -> Snapshot:
        try:
            return self._parse(self._manifest())
        except SnapshotMismatchError:
            raise
        except (*_DAMAGED, zlib.error, TreeError, VfsError) as error:
            raise self._mismatch(f"is damaged: {error}") from error

    def _mismatch(self, why: str) -> SnapshotMismatchError:
        return SnapshotMismatchError(f"the snapshot {self._path} {why}")

    def _manifest(self) -> dict[str, Any]:
        head = self._file.read(_HEAD.size)
        if len(head) != _HEAD.size or head[:16] != MAGIC:
            raise self._mismatch("is not a snapshot")
        _, version, expected = _HEAD.unpack(head)
        if version != VERSION:
            raise self._mismatch(f"has format {version}, this version of the package reads {VERSION}")
        digest = hashlib.sha256()
        while piece := self._file.read(_PIECE):
            digest.update(piece)
        if digest.digest() != expected:
            raise self._mismatch("is damaged: its checksum is wrong")
        self._file.seek(_HEAD.size)
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        limit = max(1 << 20, min(MAX_MANIFEST_BYTES, self._max_bytes // MANIFEST_SHARE))
        packed = self._file.read(_integer(length, limit, "the manifest's length"))
        expand = zlib.decompressobj()
        text = expand.decompress(packed, limit)
        if not expand.eof:
            raise ValueError("its manifest is too long")
        manifest: dict[str, Any] = json.loads(text)
        return manifest

    def _parse(self, manifest: dict[str, Any]) -> Snapshot:
        languages = {check_language(described["language"]) for described in manifest["contexts"]}
        self._check_assets(manifest["assets"], languages)
        content = _Content(self._file, self._max_bytes)
        trees = [_Tree(self._runtime.mount, mounts, content, self._max_bytes) for mounts in manifest["trees"]]
        contexts = [self._context(described, trees, content) for described in manifest["contexts"]]
        ids = [context.id for context in contexts]
        if len(set(ids)) != len(ids):
            raise ValueError("two contexts have the same id")
        defaults = {check_language(key): str(value) for key, value in dict(manifest["defaults"]).items()}
        created_at = datetime.fromisoformat(manifest["created_at"])
        return Snapshot(trees[0].files, tuple(contexts), defaults, created_at)

    def _check_assets(self, found: Any, languages: set[str]) -> None:
        for name, expected in self._runtime.assets(languages).items():
            if found.get(name) != expected:
                raise self._mismatch(
                    f"was made with another {name} (sha256 {found.get(name)}, installed is {expected}); "
                    "restore it with the version of the package that wrote it"
                )

    def _context(self, described: dict[str, Any], trees: list[_Tree], content: _Content) -> ContextState:
        tree = trees[_integer(described["tree"], len(trees) - 1, "a context's tree")]
        guest = described["guest"]
        context_id = described["id"]
        if not isinstance(context_id, str) or not 0 < len(context_id) <= 200:
            raise ValueError("a context has no id")
        cwd = described["cwd"]
        if not isinstance(cwd, str) or not cwd.startswith("/"):
            raise ValueError("a context has no directory")
        language = check_language(described["language"])
        return ContextState(
            context_id,
            language,
            cwd,
            check_env(described["env"]),
            _integer(described["execution_count"], _U32, "an execution count"),
            None if guest is None else self._guest(guest, language, tree, content),
            tree.files,
            bool(described["own_files"]),
        )

    def _guest(self, described: dict[str, Any], language: str, tree: _Tree, content: _Content) -> GuestState:
        image = self._image(described["image"], language)
        memory_bytes = _integer(described["memory_bytes"], 4 << 30, "the memory's size")
        if memory_bytes % 65536 or memory_bytes < image.memory_bytes:
            raise ValueError(f"the memory's size is {memory_bytes}")
        globals = {name: _integer(described["globals"][name], _U64, "a global") for name in image.globals}
        deltas = []
        end = 0
        for address, length in described["deltas"]:
            _integer(address, memory_bytes, "an address")
            _integer(length, memory_bytes - address, "a length")
            if address < end or (address | length) % _PAGE or not length:
                raise ValueError("the pages of a context are out of order")
            end = address + length
            deltas.append(Delta(address, content.read(length)))
        words = [_integer(word, _U32, "an address") for word in described["addresses"]["words"]]
        if len(words) != len(image.notes["words"]):
            raise ValueError("there are addresses of interrupt words missing")
        iterators = [_integer(each, _U32, "an address") for each in described["addresses"]["iterators"]]
        if len(iterators) != len(image.notes["iterators"]):
            raise ValueError("there are addresses of iterators missing")
        numbering = described["numbering"]
        next_number = _integer(numbering[0], 1 << 31, "a descriptor")
        memory = MemoryState(image, memory_bytes, globals, tuple(deltas)).shared(self._engine.arena)
        state = GuestState(
            memory,
            {
                **{
                    name: _integer(described["addresses"][name], _U32, "an address")
                    for name in ("ring", "request")
                },
                "words": words,
                "iterators": iterators,
            },
            _integer(described["monotonic_ns"], 1 << 62, "a time"),
            tree.fds(described["fds"]),
            (next_number, tuple(_integer(each, next_number, "a descriptor") for each in numbering[1])),
            tree.files.namespace,
        )
        return self._with_libraries(state, described["libraries"])

    def _image(self, described: dict[str, Any], language: str) -> Image:
        modules = check_modules(described["modules"])
        self._images.add((language, *modules))
        if len(self._images) > MAX_IMAGES:
            raise ValueError(f"its contexts have more than {MAX_IMAGES} different images")
        image = self._engine.threads.run(lambda: self._runtime.image(language, modules))
        if image.digest != described["sha256"]:
            raise self._mismatch(
                f"was made with another image (sha256 {described['sha256']}, here it is {image.digest})"
            )
        return image

    def _with_libraries(self, state: GuestState, described: Any) -> GuestState:
        if described is None:
            return state
        return replace(state, memory=replace(state.memory, described=described))


class _Tree:
    """One copy of a namespace, its nodes renumbered."""

    def __init__(self, mount_system: Any, described: Any, content: _Content, max_bytes: int) -> None:
        pins: list[File] = []
        self._nodes: dict[str, dict[int, int]] = {}
        namespace: Namespace | None = None
        for mount in described:
            path = str(mount["path"])
            fs, nodes, kept = load_tree(mount["tree"], content.read, max_bytes, MAX_NODES)
            pins += kept
            self._nodes[path] = nodes
            if namespace is None:
                if path != "/":
                    raise ValueError("its first filesystem is not the root")
                namespace = Namespace(fs)
                lay_out(namespace)
                mount_system(namespace)
            else:
                if path in SYSTEM_MOUNTS:
                    raise ValueError(f"it mounts something at {path}")
                namespace.mount(path, fs, read_only=bool(mount["read_only"]))
        if namespace is None:
            raise ValueError("it has no files")
        self._mounts = {mount.path: mount for mount in namespace.mounts}
        self.files = FilesState(None, namespace, pins)

    def fds(self, described: Any) -> tuple[FdState, ...]:
        states = [self._fd(each) for each in described]
        if len({state.number for state in states}) != len(states):
            raise ValueError("a descriptor is there twice")
        return tuple(
            state
            for state in states
            if state.stream >= 0 or state.location is not None or state.filetype in SOCKET_FILETYPES
        )

    def _fd(self, described: dict[str, Any]) -> FdState:
        preopen = described["preopen"]
        stream = described["stream"]
        if type(stream) is not int or not -1 <= stream <= 2:
            raise ValueError(f"a stream is {stream!r}")
        place = None if described["node"] is None else self._place(*described["node"])
        is_endpoint = described["filetype"] in SOCKET_FILETYPES
        if (stream >= 0) + (described["node"] is not None) + is_endpoint != 1:
            raise ValueError("a descriptor is not one of a stream, a file and a connection")
        base, inheriting = described["rights"]
        filetype = _integer(described["filetype"], 7, "a file's type")
        if place is not None and (place.type is FileType.DIRECTORY) != (filetype == 3):
            raise ValueError("a descriptor is of another type than its file")
        return FdState(
            _integer(described["number"], (1 << 31) - 1, "a descriptor"),
            filetype,
            _integer(base, _U64, "rights"),
            _integer(inheriting, _U64, "rights"),
            place,
            _integer(described["offset"], (1 << 63) - 1, "an offset"),
            _integer(described["flags"], 0xFFFF, "flags"),
            bool(described["readable"]),
            bool(described["writable"]),
            stream,
            None if preopen is None else str(preopen).encode("utf-8", "surrogateescape"),
        )

    def _place(self, path: str, node: int | None) -> Location | None:
        mount = self._mounts.get(path)
        if mount is None or node is None:  # a mount of the host, or a file of the system: not in snapshots
            return None
        number = self._nodes[path][node]
        fs = mount.fs
        kind = fs.stat(number).type
        return Location(mount, number, kind)
