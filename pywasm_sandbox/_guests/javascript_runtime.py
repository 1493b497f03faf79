"""What the JavaScript guests of a process share: the program, the guest's code, and the image."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Final

from pywasm_sandbox._engine import Engine, Image, Program
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi.fds import FdTable
from pywasm_sandbox.errors import SandboxInternalError

from .assets import Assets
from .base import GuestOptions
from .guest_code import GuestCode, files_of
from .interpreter import IMPORTS
from .javascript import JavaScriptGuest
from .javascript_program import JavaScriptProgram
from .reproducible import CountingBytes, SteppingClocks
from .state import GuestState, Relocate
from .tree import BASE_ENV, SCRIPT_CODE, lay_out
from .typescript import TypeScript
from .typescript_guest import TypeScriptGuest, transpile_handler

__all__ = ["JavaScriptRuntime"]

FORMAT: Final = "3"
SETTLE_TIMEOUT_SECONDS: Final = 60.0
BUNDLES: Final = {"js-node-packages": "packages.js", "js-prelude": "prelude.js"}
"""Assets, and the names under which the guest's main module finds them."""


class JavaScriptRuntime:
    """Makes JavaScript guests. Thread-safe."""

    def __init__(self, engine: Engine, assets: Assets, code: GuestCode) -> None:
        self.engine = engine
        asset = assets["quickjs"]
        self._source = asset.filled_source()
        self._assets = {name: assets[name] for name in ("quickjs", *BUNDLES)}
        self._code = code
        self.typescript = TypeScript(engine, assets)
        self._lock = threading.Lock()
        self._image: Image | None = None

    def program(self, _image: Image | None = None) -> Program:
        """The engine, compiled now if the cache doesn't have it. It is the same for all images."""
        return self.engine.program(self._source, IMPORTS)

    def guest(self, language: str, namespace: Namespace, options: GuestOptions) -> JavaScriptGuest:
        """A guest over the files of ``namespace``, not booted yet: a clone of the image."""
        return self._make(language, namespace, options, self.image)

    def javascript_program(
        self, namespace: Namespace, options: GuestOptions, fds: FdTable
    ) -> JavaScriptProgram:
        """An interpreter for one program whose descriptors are ``fds``, not booted yet."""
        keeper = self.typescript.keeper(options.memory_bytes)
        transpile = transpile_handler(self.typescript, keeper)
        options = options._replace(host_calls={**options.host_calls, "transpile": transpile})
        return JavaScriptProgram(
            *(self.program, namespace, options, self.image),
            fds=fds,
            on_close=lambda: self.typescript.forget(keeper),
        )

    def resumed(
        self,
        language: str,
        namespace: Namespace,
        options: GuestOptions,
        state: GuestState,
        relocate: Relocate,
    ) -> JavaScriptGuest:
        """A guest over the files of ``namespace``, not booted yet, that goes on from a state."""
        return self._make(language, namespace, options, state=(state, relocate))

    def _make(
        self,
        language: str,
        namespace: Namespace,
        options: GuestOptions,
        image: Callable[[], Image] | None = None,
        state: tuple[GuestState, Relocate] | None = None,
    ) -> JavaScriptGuest:
        keeper = self.typescript.keeper(options.memory_bytes)
        transpile = transpile_handler(self.typescript, keeper)
        options = options._replace(host_calls={**options.host_calls, "transpile": transpile})
        if language == "typescript":
            self.typescript.begin()
            return TypeScriptGuest(
                self.typescript, keeper, self.program, namespace, options, image, state=state
            )
        return JavaScriptGuest(self.program, namespace, options, image, state=state)

    def image(self) -> Image:
        """The image that all guests start from. On a guest thread."""
        with self._lock:
            if self._image is None:
                self._image = self.engine.image(self._image_key(), "javascript image", self._capture)
            return self._image

    def assets(self) -> dict[str, str]:
        """sha256 (hex) of what every JavaScript guest is made of, by name."""
        return {
            **{name: asset.sha256 for name, asset in self._assets.items()},
            "javascript guest code": self._code.sha256(),
        }

    def _image_key(self) -> str:
        parts = ("javascript", FORMAT, self.engine.c.version, *self.assets().values())
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

    def _image_code(self) -> dict[str, bytes]:
        """The guest's code and the bundles."""
        code = self._code.files()
        for name, file_name in BUNDLES.items():
            self._assets[name].verify()
            code[file_name] = self._assets[name].path.read_bytes()
        return code

    def _capture(self, descriptor: int) -> Image:
        clocks = SteppingClocks()
        namespace = Namespace(MemoryFS(clock=clocks.realtime_ns))
        lay_out(namespace)
        namespace.mount(SCRIPT_CODE, files_of(self._image_code(), clocks))
        guest = JavaScriptGuest(
            self.program,
            namespace,
            GuestOptions(env=BASE_ENV),
            reproducible=(clocks, CountingBytes()),
        )
        try:
            guest.boot()
            failed = guest.settle(SETTLE_TIMEOUT_SECONDS)
            if failed is not None:
                raise SandboxInternalError(f"the JavaScript image: {failed.name}: {failed.message}")
            return guest.capture(descriptor, {"modules": []})
        finally:
            guest.close()
