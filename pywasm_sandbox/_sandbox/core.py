"""A sandbox: a filesystem, its contexts, and their limits. Both APIs are faces of this."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pywasm_sandbox._engine import InstanceClosed
from pywasm_sandbox._engine.cache import default_folder
from pywasm_sandbox._guests.base import Guest, GuestOptions
from pywasm_sandbox._guests.hostcalls import NPM_CALLS, PACKAGE_CALLS, PROCESS_CALLS
from pywasm_sandbox._guests.reproducible import World
from pywasm_sandbox._guests.state import GuestState, Start
from pywasm_sandbox._guests.tree import BASE_ENV, lay_out
from pywasm_sandbox._network.network import Network
from pywasm_sandbox._vfs.api import VfsError
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox.errors import (
    ContextNotFoundError,
    PolicyError,
)

from .budget import Budget
from .common import CoreBase
from .contexts import ContextCore
from .files import Files
from .hibernation import Hibernation
from .options import SandboxOptions, check_env
from .runs import await_call, refuse_inside_callback
from .runtime import check_language
from .steps import Steps, Wait
from .tools import ToolBox

if TYPE_CHECKING:
    from pathlib import Path

    from pywasm_sandbox._guests.hostcalls import Handler, HostCall
    from pywasm_sandbox._guests.javascript_program import JavaScriptProgram
    from pywasm_sandbox._guests.python_script import PythonScript
    from pywasm_sandbox._wasi import FdTable

    from .commands import Commands
    from .npm.installer import NpmInstaller
    from .packages import Installer
    from .snapshots import Snapshot

__all__ = ["SandboxCore"]


def _package_cache() -> Path | None:
    """Where packages that were fetched are kept."""
    folder = default_folder()
    return None if folder is None else folder.parent / "packages"


def _restored_files(snapshot: Snapshot, options: SandboxOptions) -> Namespace:
    from .copies import restored_files  # most sandboxes begin empty

    return restored_files(snapshot, options)


class SandboxCore(CoreBase):
    """State and rules of a sandbox; safe to use from any thread."""

    def __init__(
        self, sandbox_id: str | None, options: SandboxOptions, snapshot: Snapshot | None = None
    ) -> None:
        super().__init__(sandbox_id, options)
        self.budget = Budget(options.limits)
        self._made = 0
        """How many contexts were made so far."""
        self._time = None if options.deterministic is None else options.deterministic.time()
        self._contexts: dict[str, ContextCore] = {}
        self._defaults: dict[str, ContextCore] = {}
        self._holding = threading.Lock()
        self._hibernation = Hibernation(options.max_live_contexts)
        self.tools = ToolBox(options.tools)
        self.network = Network(options.network)
        self.namespace = (
            Namespace(self._new_files()) if snapshot is None else _restored_files(snapshot, options)
        )
        self._commands: Commands | None = None
        self._installer: Installer | None = None
        self._npm: NpmInstaller | None = None
        self.files = Files(self.namespace, cwd=options.cwd, check_open=self._check_open)
        self._lay_out(fresh=snapshot is None)
        if snapshot is not None:
            self._take_over(snapshot)
        self._begin()

    def _new_files(self) -> MemoryFS:
        quota = self.options.quota
        return MemoryFS(quota) if self._time is None else MemoryFS(quota, self._time.now_ns)

    def _lay_out(self, fresh: bool) -> None:
        """The default tree: the interpreter below a read-only /usr, all else writable within the quota."""
        namespace = self.namespace
        if fresh:
            if self._time is None or self.options.deterministic is None:
                lay_out(namespace)
            else:
                world = self.options.deterministic.world(self._time, 0, 0)
                lay_out(namespace, world.random_source().random_bytes, self._time.now_ns)
            self._runtime.mount(namespace)
        if self.options.mounts:
            self._add_mounts()
        try:
            namespace.make_directories(self.options.cwd)
        except VfsError as error:
            raise ValueError(f"cwd {self.options.cwd!r} can't be made: {error}") from error

    def _add_mounts(self) -> None:
        """Those of the options, unless a snapshot has them."""
        from .mounts import open_mount

        present = {mount.path for mount in self.namespace.mounts}
        for path, mount in self.options.mounts.items():
            if path not in present:
                self.namespace.make_directories(path)
                self.namespace.mount(path, open_mount(path, mount))

    def _take_over(self, snapshot: Snapshot) -> None:
        """Make the contexts of a snapshot, which start when they are first used."""
        if len(snapshot.context_ids) > self.options.limits.max_contexts:
            raise PolicyError(
                f"the snapshot has {len(snapshot.context_ids)} contexts, more than max_contexts allows"
            )
        for context_id in snapshot.context_ids:
            state = snapshot.context(context_id)
            namespace = state.files.copy() if state.own_files else self.namespace
            context = self._new_context(
                state.language,
                state.cwd,
                state.env,
                namespace=namespace,
                start=state.start(namespace),
                id=state.id,
            )
            self._contexts[context.id] = context
            if snapshot.default_of(state.language) == state.id:
                self._defaults[state.language] = context

    # ---- contexts -----------------------------------------------------------------------------------

    def _world(self, context: ContextCore) -> World | None:
        if self._time is None or self.options.deterministic is None:
            return None
        context.boots += 1
        return self.options.deterministic.world(self._time, context.number, context.boots)

    def _make_guest(self, context: ContextCore, start: Start | None) -> Guest:
        options, limits = self.options, self.options.limits
        guest_options = GuestOptions(
            env={
                **BASE_ENV,
                "PWD": context.cwd,
                **self.network.environment(),
                **options.env,
                **context.env,
            },
            cwd=context.cwd,
            memory_bytes=limits.memory_bytes,
            max_output_bytes=limits.max_output_bytes,
            max_open_files=limits.max_open_files,
            max_results=limits.max_results,
            max_result_bytes=limits.max_result_bytes,
            max_threads=limits.max_threads,
            max_foreign_module_bytes=limits.max_foreign_module_bytes,
            max_host_calls_per_second=limits.max_host_calls_per_second,
            host_calls={
                **self.tools.handlers(context.id),
                **self.network.handlers(),
                **self._package_calls(),
                **self._process_calls(context),
            },
            clock_step_ns=round(options.clock_resolution_seconds * 1e9),
            world=self._world(context),
        )
        language, namespace = context.language, context.namespace
        if language in ("javascript", "typescript"):
            javascript = self._runtime.javascript
            if start is not None:
                return javascript.resumed(language, namespace, guest_options, start.load(), start.relocate)
            return javascript.guest(language, namespace, guest_options)
        python = self._runtime.python
        if start is not None:
            return python.resumed(context.namespace, guest_options, start.load(), start.relocate)
        return python.guest(context.namespace, guest_options, options.preload)

    def _process_calls(self, context: ContextCore) -> dict[str, Handler]:
        """The host calls by which a context's code starts processes: most code starts none, and what it
        would need is made, and imported, with the first one."""
        if self._commands is not None:
            self._commands.end_context(context.id)  # those of the interpreter that it had before

        @functools.cache
        def handlers() -> Mapping[str, Handler]:
            return self.commands.handlers(context.id, context.namespace)

        return {name: partial(_call, handlers, name) for name in PROCESS_CALLS}

    def _new_context(
        self,
        language: str,
        cwd: str,
        env: Mapping[str, str],
        *,
        namespace: Namespace | None = None,
        start: Start | None = None,
        id: str | None = None,
    ) -> ContextCore:
        return ContextCore(
            self._make_guest,
            namespace=self.namespace if namespace is None else namespace,
            engine=self._runtime.engine,
            language=language,
            cwd=cwd,
            env=env,
            on_crash=self.options.on_crash,
            start=start,
            id=id,
            on_use=self._hibernation.used,
            tools=self.tools,
            budget=self.budget,
            max_code_bytes=self.options.limits.max_code_bytes,
        )

    def add_context(self, language: str, cwd: str | None, env: Mapping[str, str] | None) -> ContextCore:
        """A new context, not booted yet. Raises `PolicyError` over ``max_contexts``."""
        name = check_language(language)
        folder = self.files.absolute(self.options.cwd if cwd is None else cwd)
        checked = check_env(env)
        if cwd is not None:
            self.files.mkdir(folder, exist_ok=True)
        return self._register(self._new_context(name, folder, checked))

    def _register(self, context: ContextCore) -> ContextCore:
        with self._lock:
            self._check_open()
            if len(self._contexts) >= self.options.limits.max_contexts:
                raise PolicyError(
                    f"sandbox {self.id!r} has its max_contexts of {len(self._contexts)}; delete one first"
                )
            self._contexts[context.id] = context
            self._made += 1
            context.number = self._made
        return context

    def create_context(
        self,
        language: str,
        cwd: str | None,
        env: Mapping[str, str] | None,
        notify: Callable[[], None] | None = None,
    ) -> Steps[ContextCore]:
        """A new context whose interpreter is ready."""
        return (yield from self._boot_new(self.add_context(language, cwd, env), notify))

    def _boot_new(self, context: ContextCore, notify: Callable[[], None] | None) -> Steps[ContextCore]:
        """Boot a context that was just registered; it is gone again if that fails."""
        try:
            yield from await_call(context, context.boot(notify))
        except BaseException:
            self.delete_context(context.id)
            raise
        return context

    def default_context(self, language: str) -> ContextCore:
        """The context for runs that name none; made on first use."""
        name = check_language(language)
        with self._lock:
            self._check_open()
            context = self._defaults.get(name)
        if context is not None:
            return context
        made = self.add_context(name, None, None)
        with self._lock:
            context = self._defaults.setdefault(name, made)
            if context is not made:
                del self._contexts[made.id]
        return context

    def context(self, context_id: str) -> ContextCore:
        """The context with this id. Raises `ContextNotFoundError`."""
        with self._lock:
            self._check_open()
            try:
                return self._contexts[context_id]
            except KeyError:
                raise ContextNotFoundError(f"sandbox {self.id!r} has no context {context_id!r}") from None

    known_context = context

    def contexts(self) -> list[ContextCore]:
        """All contexts, oldest first."""
        with self._lock:
            self._check_open()
            return list(self._contexts.values())

    def delete_context(self, context_id: str) -> None:
        """End a context and what it runs. Raises `ContextNotFoundError`."""
        context = self.context(context_id)
        with self._lock:
            self._contexts.pop(context_id, None)
            if self._defaults.get(context.language) is context:
                del self._defaults[context.language]
        context.close()
        if self._commands is not None:
            self._commands.end_context(context_id)
        self._hibernation.forget(context)

    def restart_context(
        self, context_id: str, notify: Callable[[], None] | None = None
    ) -> Steps[ContextCore]:
        """A fresh interpreter in place of the context's."""
        context = self.context(context_id)
        yield from await_call(context, context.restart(notify))
        return context

    # ---- copies -------------------------------------------------------------------------------------

    def fork_context(
        self, context_id: str, share_files: bool, notify: Callable[[], None] | None = None
    ) -> Steps[ContextCore]:
        """A context that goes on from where this one is."""
        context = self.context(context_id)
        refuse_inside_callback(context, "fork it")
        twin = self._register(self._new_context(context.language, context.cwd, context.env))

        def copy(guest: Guest) -> None:
            state = guest.state()
            if share_files:
                twin.namespace = context.namespace
            else:
                twin.namespace = context.namespace.clone(keep_unlinked=True)
                state = state.in_copy(twin.namespace)
            twin.adopt(state, context.execution_count)

        try:
            yield from await_call(context, context.with_guest(copy, notify))
        except BaseException:
            self.delete_context(twin.id)
            raise
        return twin

    def snapshot_context(self, context_id: str, notify: Callable[[], None] | None = None) -> Steps[Snapshot]:
        """One context and the files that it sees."""
        from .copies import take_snapshot

        context = self.context(context_id)
        refuse_inside_callback(context, "snapshot it")
        taken: list[Snapshot] = []

        def take(guest: Guest) -> None:
            taken.append(take_snapshot(self.namespace, [(context, guest.state())], {}))

        yield from await_call(context, context.with_guest(take, notify))
        return taken[0]

    def snapshot(self, notify: Callable[[], None] | None = None) -> Steps[Snapshot]:
        """All contexts and files at one moment, at which none of them runs."""
        from .copies import Pause, take_snapshot

        contexts = self.contexts()
        for context in contexts:
            refuse_inside_callback(context, "snapshot its sandbox")
        with self._lock:
            defaults = {language: context.id for language, context in self._defaults.items()}
        pause = Pause(contexts, self._runtime.engine.threads, notify)
        taken: list[Snapshot] = []

        def take() -> None:
            states = [(each, _peek(each)) for each in contexts]
            left = [(each, state) for each, state in states if each.status != "closed"]
            taken.append(take_snapshot(self.namespace, left, defaults))

        with self._holding:  # two pauses would wait for each other if their orders differed
            pause.begin(take)
        while not pause.call.done:
            yield Wait(pause.call)
            pause.call.take()
        pause.call.end()
        return taken[0]

    def create_from_snapshot(
        self,
        snapshot: Snapshot,
        share_files: bool,
        notify: Callable[[], None] | None = None,
    ) -> Steps[ContextCore]:
        """A new context that goes on from a snapshot's."""
        state = snapshot.context()
        namespace = self.namespace if share_files else state.files.copy()
        context = self._register(
            self._new_context(
                check_language(state.language),
                state.cwd,
                state.env,
                namespace=namespace,
                start=state.start(namespace),
            )
        )
        return (yield from self._boot_new(context, notify))

    def restore_context(
        self, context_id: str, snapshot: Snapshot, notify: Callable[[], None] | None = None
    ) -> Steps[ContextCore]:
        """Put a context back to where a snapshot has it. Its own files, if it has such, go back with it."""
        context = self.context(context_id)
        refuse_inside_callback(context, "restore it")
        ids = snapshot.context_ids
        state = snapshot.context(context_id if context_id in ids and len(ids) > 1 else None)
        if state.language != context.language:
            raise ValueError(f"context {context_id} runs {context.language}, the snapshot {state.language}")

        def start() -> tuple[Namespace, Start | None]:
            shared = context.namespace is self.namespace
            namespace = self.namespace if shared else state.files.copy()
            return namespace, state.start(namespace)

        yield from await_call(context, context.restore(start, notify))
        return context

    # ---- running --------------------------------------------------------------------------------------

    def interrupt_context(self, context_id: str) -> bool:
        """Interrupt the code that a context runs. Raises `ContextNotFoundError`."""
        return self.context(context_id).interrupt(self.options.limits.grace_seconds)

    # ---- commands -------------------------------------------------------------------------------------

    @property
    def commands(self) -> Commands:
        """The processes of this sandbox."""
        with self._lock:
            self._check_open()
            if self._commands is None:
                self._commands = self._make_commands()
            return self._commands

    @property
    def installer(self) -> Installer:
        """What installs packages for Python."""
        from .packages import Installer

        with self._lock:
            self._check_open()
            if self._installer is None:
                self._installer = Installer(
                    self.options.packages, self.namespace, self._runtime.python.wheels, _package_cache()
                )
            return self._installer

    @property
    def npm(self) -> NpmInstaller:
        """What installs packages for JavaScript."""
        from .npm.installer import NpmInstaller

        with self._lock:
            self._check_open()
            if self._npm is None:
                self._npm = NpmInstaller(self.options.npm, self.namespace, _package_cache())
            return self._npm

    def install_packages(self, packages: Sequence[str], language: str) -> list[str]:
        if check_language(language) == "python":
            return self.installer.install(list(packages))
        return self.npm.install(self.options.cwd, list(packages))

    def _package_calls(self) -> dict[str, Handler]:
        # The installers are made when they are first called: their imports take a tenth of a process's start.
        return {
            **{name: partial(_call, lambda: self.installer.handlers(), name) for name in PACKAGE_CALLS},
            **{name: partial(_call, lambda: self.npm.handlers(), name) for name in NPM_CALLS},
        }

    def _make_commands(self) -> Commands:
        from pywasm_sandbox._processes.launcher import Launcher
        from pywasm_sandbox._processes.table import ProcessTable

        from .commands import Commands

        limits, preload, runtime = self.options.limits, self.options.preload, self._runtime

        def make_python(namespace: Namespace, options: GuestOptions, fds: FdTable) -> PythonScript:
            return runtime.python.python_script(namespace, options, preload, fds)

        def make_node(namespace: Namespace, options: GuestOptions, fds: FdTable) -> JavaScriptProgram:
            return runtime.javascript.javascript_program(namespace, options, fds)

        launcher = Launcher(
            self.namespace,
            runtime.programs,
            ProcessTable(runtime.engine.threads, limits.max_processes),
            {"python": make_python, "node": make_node},
            memory_bytes=limits.memory_bytes,
            max_open_files=limits.max_open_files,
            max_threads=limits.max_threads,
            max_foreign_module_bytes=limits.max_foreign_module_bytes,
            host_calls={**self.network.handlers(), **self._package_calls()},
        )
        return Commands(
            launcher,
            max_output_bytes=limits.max_output_bytes,
            max_open_files=limits.max_open_files,
        )

    # ---- ending ---------------------------------------------------------------------------------------

    def expire(self) -> None:
        """The lifetime is over. Runs were asked to stop, and have their grace; nothing new begins."""
        self._expired = True
        end = time.monotonic() + self.options.limits.grace_seconds + 0.2
        while time.monotonic() < end:
            if all(each.status != "running" for each in list(self._contexts.values())):
                break
            time.sleep(0.01)
        self.close()

    def close(self) -> None:
        """End all contexts and drop the filesystem. Idempotent."""
        if self._expiry is not None:
            self._expiry.cancel()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            contexts = list(self._contexts.values())
            self._contexts.clear()
            self._defaults.clear()
            commands = self._commands
        if commands is not None:
            commands.close()
        for context in contexts:
            context.close()
        self._hibernation.close()
        self.tools.close()
        self.network.close()
        for mount in self.namespace.mounts:
            if mount.path in self.options.mounts:
                mount.fs.close()
        self._runtime.unregister(self)

    @property
    def closed(self) -> bool:
        return self._closed


def _call(handlers: Callable[[], Mapping[str, Handler]], name: str, call: HostCall) -> Any:
    return handlers()[name](call)


def _peek(context: ContextCore) -> GuestState | None:
    try:
        return context.peek()
    except InstanceClosed:  # it was deleted or restarted meanwhile
        return None
    except OSError:
        if context.status == "closed":  # what it had on disk is gone
            return None
        raise
