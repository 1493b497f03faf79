"""Snapshots: contexts and files at one moment, as objects in memory. `snapshot_file` brings them to disk."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pywasm_sandbox._guests.state import GuestState, Relocate, Start
from pywasm_sandbox._guests.tree import SYSTEM_MOUNTS
from pywasm_sandbox._vfs.api import Errno, File, FileType, VfsError
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.resolver import Location

__all__ = ["ContextState", "FilesState", "Snapshot"]

DEFAULT_MAX_BYTES: Final = 2 << 30


class FilesState:
    """A copy of a namespace that nobody writes to. Copies of it share what neither side changes.

    Mounts of the host are not part of it. ``pins`` are open files that keep what has no name.
    """

    def __init__(self, origin: Namespace | None, copy: Namespace, pins: Sequence[File] = ()) -> None:
        self.namespace = copy
        self._origin = None if origin is None else weakref.ref(origin)
        self._copies: weakref.WeakSet[Namespace] = weakref.WeakSet()
        self._pins = tuple(pins)
        self._paths: dict[tuple[int, Any], str] | None = None

    @classmethod
    def take(cls, namespace: Namespace) -> FilesState:
        """The files as they are now."""
        copy = namespace.clone(keep_unlinked=True)
        for mount in reversed(copy.mounts[1:]):
            if mount.path not in SYSTEM_MOUNTS and not isinstance(mount.fs, MemoryFS):
                copy.unmount(mount.path)
        return cls(namespace, copy)

    def copy(self) -> Namespace:
        """A namespace with these files, independent of all others."""
        copy = self.namespace.clone(keep_unlinked=True)
        self._copies.add(copy)
        return copy

    def relocator(self, target: Namespace) -> Relocate:
        """How open files are found in `target`: the very same file where it is the namespace that this was
        taken from or a copy of this, else the one that has the same path."""
        if target in self._copies or (self._origin is not None and self._origin() is target):
            return target.translate
        return lambda location: self._by_path(target, location)

    def _by_path(self, target: Namespace, location: Location) -> Location:
        if location.type is FileType.DIRECTORY:
            path = self.namespace.path_of(location)
        else:
            if self._paths is None:
                self._paths = {}
                for name, attributes in self.namespace.walk("/"):
                    self._paths.setdefault((attributes.device, attributes.inode), name)
            inode = location.mount.fs.stat(location.node).inode
            found = self._paths.get((location.mount.id, inode))
            if found is None:
                raise VfsError(Errno.ENOENT, detail="the file has no name")
            path = found
        place = target.resolve(target.root, path)
        if (place.type is FileType.DIRECTORY) != (location.type is FileType.DIRECTORY):
            raise VfsError(Errno.ENOENT, path, "it is something else now")
        return place


@dataclass(frozen=True, slots=True, eq=False)
class ContextState:
    """One context. ``guest`` is None for one that had not started; ``own_files``: they are its alone."""

    id: str
    language: str
    cwd: str
    env: Mapping[str, str]
    execution_count: int
    guest: GuestState | None
    files: FilesState
    own_files: bool

    def start(self, target: Namespace) -> Start | None:
        """Where a guest over the files of `target` goes on from."""
        if self.guest is None:
            return None
        guest = self.guest
        return Start(lambda: guest, self.files.relocator(target), self.execution_count)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Snapshot:
    """Contexts and files at one moment; `Sandbox.snapshot`, `Context.snapshot` and `Snapshot.load` make one.

    It restores any number of times: a whole sandbox by ``Sandbox(snapshot=…)``, a context by
    ``create_code_context(snapshot=…)`` or `Context.restore`. It does not depend on the sandbox that it was
    taken from, and shares memory with it and with what is restored from it until one of them changes it.
    """

    files: FilesState = field(repr=False)
    contexts: tuple[ContextState, ...] = field(repr=False)
    defaults: Mapping[str, str] = field(repr=False)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def context_ids(self) -> tuple[str, ...]:
        """The ids of its contexts, oldest first; those of a restored sandbox are the same."""
        return tuple(context.id for context in self.contexts)

    @property
    def memory_bytes(self) -> int:
        """How much memory it keeps of its contexts: what differs from the images they started from."""
        return sum(
            context.guest.memory.delta_bytes
            + sum(segment.length for segment in context.guest.memory.segments)
            for context in self.contexts
            if context.guest is not None
        )

    def context(self, context_id: str | None = None) -> ContextState:
        """One of its contexts, by default the only one. Raises `ValueError`."""
        if context_id is None:
            if len(self.contexts) != 1:
                raise ValueError(
                    f"the snapshot has {len(self.contexts)} contexts; take one of a single context with "
                    "Context.snapshot(), or restore all of it with Sandbox(snapshot=…)"
                )
            return self.contexts[0]
        return next(context for context in self.contexts if context.id == context_id)

    def default_of(self, language: str) -> str | None:
        """The id of the context that runs which name none use, if it is among them."""
        return self.defaults.get(language)

    def save(self, path: str | Path) -> None:
        """Write it to a file that `load` reads, in another process or on another machine with the same
        version of this package. The file is compressed; it is written aside and renamed.

        Code and data of the guest are in it, as they were: treat it as you treat what the guest made.
        Raises `HostFileError`.
        """
        from .snapshot_file import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> Snapshot:
        """Read a file that `save` wrote. The file need not be trusted: what is in it has the rights of a
        guest and no more, and it takes at most ``max_bytes`` of memory (2 GiB).

        Raises `SnapshotMismatchError` if it was made with other assets, naming them, or is damaged;
        `HostFileError` if it can't be read.
        """
        from .snapshot_file import load

        return load(Path(path), max_bytes)

    def __repr__(self) -> str:
        return f"<Snapshot of {len(self.contexts)} contexts, {self.created_at:%Y-%m-%d %H:%M:%S}>"
