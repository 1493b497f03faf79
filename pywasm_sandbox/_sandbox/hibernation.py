"""Contexts that nobody uses, put on disk: what they changed in memory, compressed."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import zlib
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._engine import Delta, MemoryState
from pywasm_sandbox._guests.state import GuestState, Start

if TYPE_CHECKING:
    import tempfile

    from .contexts import ContextCore

__all__ = ["Hibernation"]

COMPRESSION: Final = 1
"""zlib's fastest: memory of interpreters shrinks to a quarter with it, and the disk is not the limit."""


class _Packed:
    """A memory state whose deltas are in a file until they are asked for."""

    def __init__(self, path: str, memory: MemoryState) -> None:
        self._path = path
        self._memory = MemoryState(
            memory.image, memory.memory_bytes, memory.globals, (), (), memory.libraries
        )
        self._extents: list[tuple[int, int]] = []
        compress = zlib.compressobj(COMPRESSION)
        with open(path, "xb", opener=_private) as file:
            for delta in memory.content():
                self._extents.append((delta.address, len(delta.data)))
                file.write(compress.compress(delta.data))
            file.write(compress.flush())

    def unpack(self) -> MemoryState:
        """The state. Raises `OSError`, `zlib.error`."""
        expand = zlib.decompressobj()
        deltas = []
        with open(self._path, "rb") as file:
            rest = b""
            for address, length in self._extents:
                parts = []
                missing = length
                while missing:
                    part = expand.decompress(rest or file.read(1 << 20), missing)
                    rest = expand.unconsumed_tail
                    missing -= len(part)
                    parts.append(part)
                    if not part and not rest and expand.eof:
                        raise OSError("the file of a hibernated context ends early")
                deltas.append(Delta(address, b"".join(parts)))
        return replace(self._memory, deltas=tuple(deltas))

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)


class Hibernation:
    """At most ``limit`` contexts of a sandbox have an interpreter, those that run not counted out.

    Least recently used first. A context that goes on sooner than it was put away is never touched.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._live: OrderedDict[ContextCore, None] = OrderedDict()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._next = 0

    def used(self, context: ContextCore) -> None:
        """A context is about to need its interpreter."""
        if self._limit is None:
            return
        with self._lock:
            self._live[context] = None
            self._live.move_to_end(context)
            excess = len(self._live) - self._limit
            victims: list[ContextCore] = []
            for each in self._live:
                if len(victims) >= excess:
                    break
                if each is not context and each.is_idle:
                    victims.append(each)
            for each in victims:
                del self._live[each]
        for each in victims:
            each.hibernate(functools.partial(self._put_away, each))

    def forget(self, context: ContextCore) -> None:
        """It is gone."""
        with self._lock:
            self._live.pop(context, None)

    def close(self) -> None:
        """Remove what is left on disk."""
        with self._lock:
            folder, self._folder = self._folder, None
            self._live.clear()
        if folder is not None:
            folder.cleanup()

    def _put_away(self, context: ContextCore, state: GuestState) -> Start:
        with self._lock:
            if self._folder is None:
                import tempfile

                self._folder = tempfile.TemporaryDirectory(prefix="pywasm-sandbox-")
            self._next += 1
            path = os.path.join(self._folder.name, f"{self._next}.memory")
        packed = _Packed(path, state.memory)
        pins = state.pin()
        resting = replace(state, memory=MemoryState.of_image(state.memory.image))

        def discard() -> None:
            packed.remove()
            for pin in pins:
                pin.close()

        return Start(
            lambda: replace(resting, memory=packed.unpack()),
            lambda location: location,
            context.execution_count,
            discard,
        )
