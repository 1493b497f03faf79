"""How snapshots are taken and turned into files again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pywasm_sandbox._engine import GuestThreads
from pywasm_sandbox._guests.base import RunEnd
from pywasm_sandbox._guests.state import GuestState
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox.errors import ContextClosedError, SandboxError

from .calls import Call
from .snapshots import ContextState, FilesState, Snapshot

if TYPE_CHECKING:
    from .contexts import ContextCore
    from .options import SandboxOptions

__all__ = ["Pause", "restored_files", "take_snapshot"]


def take_snapshot(
    namespace: Namespace,
    contexts: Sequence[tuple[ContextCore, GuestState | None]],
    defaults: Mapping[str, str],
) -> Snapshot:
    """A snapshot of contexts in these states, which do not run meanwhile. ``namespace`` is the sandbox's."""
    files: dict[int, FilesState] = {}

    def files_of(seen: Namespace) -> FilesState:
        if id(seen) not in files:
            files[id(seen)] = FilesState.take(seen)
        return files[id(seen)]

    main = files_of(namespace)
    states = []
    for context, guest in contexts:
        own = files_of(context.namespace)
        states.append(
            ContextState(
                context.id,
                context.language,
                context.cwd,
                dict(context.env),
                context.execution_count,
                None if guest is None else guest.in_copy(own.namespace),
                own,
                own_files=own is not main,
            )
        )
    snapshot = Snapshot(main, tuple(states), dict(defaults))
    for (context, _), state in zip(contexts, states, strict=True):
        context.checkpoint = state.start(context.namespace)
    return snapshot


def restored_files(snapshot: Snapshot, options: SandboxOptions) -> Namespace:
    """A sandbox's filesystem from a snapshot, with the sandbox's own quota."""
    namespace = snapshot.files.copy()
    fs = namespace.root.mount.fs
    assert isinstance(fs, MemoryFS)
    fs.quota = options.quota
    return namespace


class Pause:
    """All of some contexts idle at the same time, for as long as one function runs.

    Each context is asked to pause after what it has to do already; none has a thread that waits. When the
    last one has come to rest the function runs on a guest thread, and then they all go on.
    """

    def __init__(
        self, contexts: Sequence[ContextCore], threads: GuestThreads, notify: Callable[[], None] | None
    ) -> None:
        self.call = Call(notify)
        self._contexts = contexts
        self._threads = threads
        self._lock = threading.Lock()
        self._missing = len(contexts) + 1
        self._held: list[tuple[ContextCore, Call]] = []

    def begin(self, work: Callable[[], None]) -> None:
        """Ask them; `call` ends when `work` is over. A context that is closed is not waited for."""

        def arrived() -> None:
            with self._lock:
                self._missing -= 1
                complete = self._missing == 0
            if complete:
                try:
                    self._threads.submit(lambda: self._run(work))
                except BaseException as failure:
                    self._end(None, failure)

        for context in self._contexts:
            try:
                self._held.append((context, context.hold(arrived)))
            except ContextClosedError:
                arrived()
        arrived()

    def _run(self, work: Callable[[], None]) -> None:
        end, failure = RunEnd(), None
        try:
            work()
        except SandboxError as error:
            end = RunEnd(refused=error)
        except BaseException as error:
            failure = error
        self._end(end, failure)

    def _end(self, end: RunEnd | None, failure: BaseException | None) -> None:
        for context, call in self._held:
            context.release(call)
        self.call.finish(None if failure is not None else end, failure)
