"""A sandbox: a filesystem, its contexts, and their limits. Both APIs are faces of this."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pywasm_sandbox._guests.base import Guest, GuestOptions
from pywasm_sandbox._guests.tree import BASE_ENV, lay_out
from pywasm_sandbox._vfs.api import VfsError
from pywasm_sandbox._vfs.memory import MemoryFS, Quota
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox.errors import ContextNotFoundError, PolicyError, SandboxClosedError

from .contexts import ContextCore, RunRequest
from .files import Files
from .options import SandboxOptions, check_env, check_timeout, open_mount
from .runs import Callbacks, await_call, run_steps
from .runtime import Runtime, check_language
from .steps import Steps

if TYPE_CHECKING:
    from pywasm_sandbox.models import Execution

__all__ = ["SandboxCore"]


class SandboxCore:
    """State and rules of a sandbox; safe to use from any thread."""

    def __init__(self, sandbox_id: str | None, options: SandboxOptions) -> None:
        self.id = os.urandom(16).hex() if sandbox_id is None else sandbox_id
        if not isinstance(self.id, str) or not self.id:
            raise ValueError("a sandbox id is a text that is not empty")
        self.options = options
        self.created_at = datetime.now(UTC)
        self.faces: dict[str, object] = {}
        """The API objects that stand for this sandbox, so that finding it gives the same one."""
        self._runtime = Runtime.shared()
        self._lock = threading.Lock()
        self._contexts: dict[str, ContextCore] = {}
        self._defaults: dict[str, ContextCore] = {}
        self._closed = False
        self._namespace = Namespace(MemoryFS(Quota(bytes=options.disk_bytes, files=options.max_files)))
        self.files = Files(self._namespace, cwd=options.cwd, check_open=self._check_open)
        self._lay_out()
        self._runtime.register(self)

    def _lay_out(self) -> None:
        """The default tree: the interpreter below a read-only /usr, all else writable within the quota."""
        namespace = self._namespace
        lay_out(namespace)
        self._runtime.python.mount(namespace)
        for path, mount in self.options.mounts.items():
            namespace.make_directories(path)
            namespace.mount(path, open_mount(path, mount))
        try:
            namespace.make_directories(self.options.cwd)
        except VfsError as error:
            raise ValueError(f"cwd {self.options.cwd!r} can't be made: {error}") from error

    # ---- contexts -----------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise SandboxClosedError(f"sandbox {self.id!r} is closed")

    def _make_guest(self, context: ContextCore) -> Guest:
        options = self.options
        return self._runtime.python.guest(
            self._namespace,
            GuestOptions(
                env={**BASE_ENV, "PWD": context.cwd, **options.env, **context.env},
                cwd=context.cwd,
                memory_bytes=options.memory_bytes,
                max_output_bytes=options.max_output_bytes,
                max_open_files=options.max_open_files,
            ),
            options.preload,
        )

    def add_context(self, language: str, cwd: str | None, env: Mapping[str, str] | None) -> ContextCore:
        """A new context, not booted yet. Raises `PolicyError` over ``max_contexts``."""
        name = check_language(language)
        folder = self.files.absolute(self.options.cwd if cwd is None else cwd)
        checked = check_env(env)
        if cwd is not None:
            self.files.mkdir(folder, exist_ok=True)
        context = ContextCore(
            self._make_guest,
            engine=self._runtime.engine,
            language=name,
            cwd=folder,
            env=checked,
            on_crash=self.options.on_crash,
        )
        with self._lock:
            self._check_open()
            if len(self._contexts) >= self.options.max_contexts:
                raise PolicyError(
                    f"sandbox {self.id!r} has its max_contexts of {len(self._contexts)}; delete one first"
                )
            self._contexts[context.id] = context
        return context

    def create_context(
        self,
        language: str,
        cwd: str | None,
        env: Mapping[str, str] | None,
        notify: Callable[[], None] | None = None,
    ) -> Steps[ContextCore]:
        """A new context whose interpreter is ready."""
        context = self.add_context(language, cwd, env)
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

    def restart_context(
        self, context_id: str, notify: Callable[[], None] | None = None
    ) -> Steps[ContextCore]:
        """A fresh interpreter in place of the context's."""
        context = self.context(context_id)
        yield from await_call(context, context.restart(notify))
        return context

    # ---- running --------------------------------------------------------------------------------------

    def run_code(
        self,
        code: str,
        *,
        context_id: str | None,
        language: str | None,
        env: Mapping[str, str] | None,
        cwd: str | None,
        timeout: float | None,
        callbacks: Callbacks,
        notify: Callable[[], None] | None = None,
    ) -> Steps[Execution]:
        """Run code in a context, by default the language's default one."""
        if not isinstance(code, str):
            raise TypeError(f"code is a str, not {type(code).__name__}")
        if context_id is None:
            context = self.default_context(language or "python")
        else:
            context = self.context(context_id)
            if language is not None and check_language(language) != context.language:
                raise ValueError(f"context {context_id} runs {context.language}, not {language}")
        request = RunRequest(
            code,
            env=check_env(env) or None,
            cwd=None if cwd is None else self.files.absolute(cwd),
            timeout=check_timeout(timeout),
            grace_seconds=self.options.grace_seconds,
            allow_input=callbacks.on_input is not None,
        )
        return (yield from run_steps(context, request, callbacks, notify))

    # ---- ending ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """End all contexts and drop the filesystem. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            contexts = list(self._contexts.values())
            self._contexts.clear()
            self._defaults.clear()
        for context in contexts:
            context.close()
        for mount in self._namespace.mounts:
            if mount.path in self.options.mounts:
                mount.fs.close()
        self._runtime.unregister(self)

    @property
    def closed(self) -> bool:
        return self._closed
