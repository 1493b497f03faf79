"""What the sandboxes of a process share, and where they are found by id."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._engine import Engine
from pywasm_sandbox._guests.assets import Assets
from pywasm_sandbox._guests.guest_code import GuestCode
from pywasm_sandbox._guests.python_runtime import PythonRuntime
from pywasm_sandbox._guests.tree import SCRIPT_CODE
from pywasm_sandbox._limits import ProcessLimitValues
from pywasm_sandbox.errors import LanguageNotAvailableError, PolicyError, SandboxExistsError

from .budget import Seats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pywasm_sandbox._engine import Image
    from pywasm_sandbox._guests.javascript_runtime import JavaScriptRuntime
    from pywasm_sandbox._processes.programs import Programs
    from pywasm_sandbox._vfs.namespace import Namespace

    from .common import CoreBase

__all__ = ["Runtime", "check_language"]

SCRIPT_LANGUAGES: Final = ("javascript", "typescript")
LANGUAGES: Final = ("python", *SCRIPT_LANGUAGES)
_ALIASES: Final = {"py": "python", "python3": "python", "js": "javascript", "ts": "typescript"}


def check_language(language: str) -> str:
    """The language's canonical name. Raises `LanguageNotAvailableError`."""
    name = _ALIASES.get(language, language)
    if name not in LANGUAGES:
        raise LanguageNotAvailableError(
            f"language {language!r} is not available; this installation has {', '.join(LANGUAGES)}"
        )
    return name


class Runtime:
    """The engine, the guests' assets and the live sandboxes of this process.

    There is one, made on first use; a forked child makes its own, since instances don't survive a fork.
    """

    _shared: Runtime | None = None
    _shared_lock = threading.Lock()

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock = threading.Lock()
        self._assets: Assets | None = None
        self._python: PythonRuntime | None = None
        self._javascript: JavaScriptRuntime | None = None
        self._script_code = GuestCode("js_guest", ".js")
        self.limits = ProcessLimitValues()
        self.seats = Seats(self.limits.max_concurrent_runs, "this process")
        self._programs: Programs | None = None
        self._sandboxes: weakref.WeakValueDictionary[str, CoreBase] = weakref.WeakValueDictionary()

    @classmethod
    def shared(cls) -> Runtime:
        """The process's runtime."""
        engine = Engine.shared()
        with cls._shared_lock:
            if cls._shared is None or cls._shared.engine is not engine:
                cls._shared = cls(engine)
            return cls._shared

    @property
    def python(self) -> PythonRuntime:
        """What the Python guests share. Raises `AssetError`."""
        with self._lock:
            if self._python is None:
                self._python = PythonRuntime(self.engine, self._installed())
            return self._python

    @property
    def javascript(self) -> JavaScriptRuntime:
        """What the JavaScript guests share. Raises `AssetError`."""
        with self._lock:
            if self._javascript is None:
                # Most processes run no JavaScript, and its modules take a tenth of the package's import.
                from pywasm_sandbox._guests.javascript_runtime import JavaScriptRuntime

                self._javascript = JavaScriptRuntime(self.engine, self._installed(), self._script_code)
            return self._javascript

    @property
    def programs(self) -> Programs:
        """The programs that are WebAssembly modules of their own. Raises `AssetError`."""
        with self._lock:
            if self._programs is None:
                from pywasm_sandbox._processes.programs import Programs

                self._programs = Programs(self.engine, self._installed())
            return self._programs

    def _installed(self) -> Assets:
        """The assets, whose manifest is read once. With the lock held."""
        if self._assets is None:
            self._assets = Assets.installed()
        return self._assets

    def mount(self, namespace: Namespace) -> None:
        """Put the libraries of all languages where their interpreters look for them."""
        self.python.mount(namespace)
        namespace.mount(SCRIPT_CODE, self._script_code.fs)

    def assets(self, languages: Iterable[str]) -> dict[str, str]:
        """sha256 (hex) of what the guests of these languages are made of, by name."""
        found = self.python.assets()
        if set(languages) & set(SCRIPT_LANGUAGES):
            found |= self.javascript.assets()
        return found

    def image(self, language: str, modules: tuple[str, ...]) -> Image:
        """The image that contexts of a language start from. On a guest thread."""
        return self.javascript.image() if language in SCRIPT_LANGUAGES else self.python.image(modules)

    def register(self, core: CoreBase) -> None:
        """Make a sandbox known by its id. Raises `SandboxExistsError`, `PolicyError`."""
        with self._lock:
            if len(self._sandboxes) >= self.limits.max_sandboxes and core.id not in self._sandboxes:
                raise PolicyError(
                    f"this process has {len(self._sandboxes)} open sandboxes, its max_sandboxes; close one "
                    "first, or see set_process_limits"
                )
            if core.id in self._sandboxes:
                raise SandboxExistsError(
                    f"sandbox {core.id!r} is open already; get_sandbox({core.id!r}) finds it"
                )
            self._sandboxes[core.id] = core

    def unregister(self, core: CoreBase) -> None:
        """The id is free again."""
        with self._lock:
            if self._sandboxes.get(core.id) is core:
                del self._sandboxes[core.id]

    def set_limits(self, limits: ProcessLimitValues) -> None:
        """From now on. What is there already may be more than they allow."""
        with self._lock:
            self.limits = limits
            self.seats.count = limits.max_concurrent_runs

    def find(self, sandbox_id: str) -> CoreBase | None:
        """The live sandbox with this id."""
        with self._lock:
            return self._sandboxes.get(sandbox_id)
