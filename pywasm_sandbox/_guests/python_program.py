"""The interpreter's program: the core as it is, or joined with the extension modules of common packages."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Sequence
from typing import Final

from pywasm_sandbox._engine import (
    LINKING,
    Engine,
    Image,
    Instance,
    ModuleSource,
    Prelinked,
    Program,
)
from pywasm_sandbox._engine.failures import ModuleRejected
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import WasiHost

from .assets import Asset, Assets
from .interpreter import IMPORTS
from .python import PACKAGES
from .wheels import Wheels

__all__ = ["JOINED", "PythonPrograms"]

logger = logging.getLogger("pywasm_sandbox")

JOINED: Final = ("matplotlib", "numpy", "pandas")
"""The packages whose extension modules, with those of what they require, are joined with the interpreter for
images that have one of them imported."""

_REQUIRES: Final = re.compile(r"^Requires-Dist: *([\w.-]+)(?!.*\bextra\b)", re.MULTILINE)


class PythonPrograms:
    """Both programs, each compiled when first asked for. Thread-safe."""

    def __init__(self, engine: Engine, assets: Assets, wheels: Wheels) -> None:
        self._engine = engine
        self._core = assets["python-core"]
        self._linker = assets["linker"]
        self._wheels = wheels
        self._lock = threading.Lock()
        self._linked: tuple[bytes, Prelinked] | None = None
        self._source = self._core.filled_source()

    def plain(self) -> Program:
        """The core alone."""
        return self._engine.program(self._source, IMPORTS)

    def of(self, image: Image | None) -> Program:
        """The program that an image was captured from."""
        if image is None or not image.prelinked.libraries:
            return self.plain()
        return self._program(image.prelinked)

    def for_modules(self, modules: Sequence[str]) -> Program:
        """The program for an image that has these modules imported. On a guest thread."""
        from pywasm_sandbox._engine.dylink import DylinkError
        from pywasm_sandbox._engine.joining import UnusualModule

        if not {module.partition(".")[0] for module in modules}.intersection(JOINED):
            return self.plain()
        try:
            return self._program(self._link()[1])
        except (UnusualModule, DylinkError, ModuleRejected) as error:
            logger.warning("packages are not joined with the interpreter, but loaded one by one: %s", error)
            return self.plain()

    def _program(self, prelinked: Prelinked) -> Program:
        contents = [each.sha256 for each in prelinked.libraries]
        parts = (LINKING, self._linker.sha256, self._core.sha256, *contents)
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()

        def read() -> bytes:
            binary, found = self._link()
            if found != prelinked:
                raise ModuleRejected(self._core.name, "its parts are not where the image has them")
            return binary

        name = f"{self._core.name} with {', '.join(JOINED)}"
        joined = ModuleSource(name, None, digest, read), prelinked
        try:
            return self._engine.program(self._source, IMPORTS, joined)
        finally:
            self._linked = None  # it is large

    def _link(self) -> tuple[bytes, Prelinked]:
        from pywasm_sandbox._engine.prelink import Library, prelink
        from pywasm_sandbox._engine.rewriter import rewriter

        with self._lock:
            if self._linked is None:
                program = self._engine.program(self._linker.source())
                rewrite = rewriter(program, _nothing)
                libraries = []
                for wheel in required_wheels(self._wheels, JOINED):
                    with self._wheels.archive(wheel) as archive:
                        names = [name for name in archive.namelist() if name.endswith(".so")]
                        libraries += [Library(f"{PACKAGES}/{name}", archive.read(name)) for name in names]
                self._linked = prelink(self._core.source().read(), libraries, rewrite)
            return self._linked


def _nothing(instance: Instance) -> WasiHost:
    return WasiHost(Namespace(MemoryFS()), instance.memory, waiter=instance.waiter)


def required_wheels(wheels: Wheels, names: Sequence[str]) -> list[Asset]:
    """The wheels of packages and of all that they require, as far as there are such wheels."""
    known = {wheel.name: wheel for wheel in wheels}
    found: dict[str, Asset] = {}
    pending = list(names)
    while pending:
        name = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        if name not in known or name in found:
            continue
        found[name] = known[name]
        with wheels.archive(known[name]) as archive:
            metadata = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
            pending += _REQUIRES.findall(archive.read(metadata).decode())
    return [found[name] for name in sorted(found)]
